package Gateway::Both;

=head1 NAME

Gateway::Both - the same server twice: one adopts every connection, one none

=head1 SYNOPSIS

  use Gateway::Test;
  use Gateway::Both;              # skips the file without the event driver

  my $both = Gateway::Both->new(vars => { B => $b }, config => <<'EOC');
  GatewayPass /app http://@B@
  EOC
  $both->same('a header', sub {
      my ($s) = @_;               # a Gateway::Server
      return plain($s, $s->get('/app/x'));
  }, { status => 200, ... });     # what both must give, if it is known
  $both->each('at once', sub { my ($s, $name) = @_; ok ..., "$name: ..." });
  $both->off;  $both->on;         # GatewayEvent Off; GatewayEvent Always

=head1 DESCRIPTION

What must be as without adoption is asked of both servers and compared. The
options are those of L<Gateway::Server>; C<on =E<gt> {...}> and C<off =E<gt>
{...}> are options of one of them. By which lanes the one that adopts served
its requests is looked at by L<Gateway::Lane>.

Exported: C<plain($s, $response)>, what of a response must be alike (all of it
but dates, the ETags of files, the server's port and its pseudonym),
C<scrub($s, $text)>, a text without the latter two, and C<log_lines($s, $file,
$n)>, n lines of a log of the test's own, waited for.

=cut

use strict;
use warnings;
use Test::More ();
use Gateway::Setup ();

sub import {
    my $caller = caller;
    no strict 'refs';
    *{"${caller}::$_"} = \&{$_} for qw(plain scrub log_lines);
    Gateway::Test->need(mpm => 'event', driver => 'event');
    return;
}

sub new {
    my ($class, %opt) = @_;
    my %only = (off => delete $opt{off}, on => delete $opt{on});
    return bless {
        off => Gateway::Test->server(%opt, driver => 'blocking', keep => 1,
            %{ $only{off} || {} }),
        on => Gateway::Test->server(%opt, driver => 'event', keep => 1,
            %{ $only{on} || {} }),
    }, $class;
}

sub off { return $_[0]{off} }
sub on  { return $_[0]{on} }

sub each {
    my ($self, $code) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $code->($self->{$_}, $_) for qw(off on);
    return;
}

# True when both give the same (and what is wanted, where that is known).
sub same {
    my ($self, $name, $code, @want) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($off, $on) = map { scalar $code->($self->{$_}) } qw(off on);
    my $ok = !@want || Test::More::is_deeply($off, $want[0], "$name: off");
    return Test::More::is_deeply($on, $off, "$name: on as off") && $ok;
}

sub expect_log { my $self = shift; $_->expect_log(@_) for $self->_all }
sub allow_log  { my $self = shift; $_->allow_log(@_) for $self->_all }
sub _all       { return @{ $_[0] }{qw(off on)} }

# A text without what is the server's own.
sub scrub {
    my ($s, $text) = @_;
    my $ports = join '|', values %{ $s->ports };
    return $text =~ s/(?<=[: ])(?:$ports)\b/PORT/gr
        =~ s/\bgw-[0-9a-f]{8}\b/gw-ID/gr;
}

sub plain {
    my ($s, $r) = @_;
    my %plain = map { $_ => $r->$_ } qw(status reason version framing complete
        problems trailers);
    # the order of methods is a matter of chance in httpd
    $plain{headers} = [
        map { s/\AAllow: \K.*/join ',', sort split m{,}, $&/er }
        map { scrub($s, "$_->[0]: $_->[1]") }
        grep { $_->[0] !~ /\A(?:Date|ETag|Last-Modified)\z/i
            || $_->[1] =~ /\A"e(?:-gzip)?"\z/ } @{ $r->headers } ];
    $plain{body} = scrub($s, $r->body);
    $plain{interim} = [ map { $_->status } @{ $r->interim } ];
    return \%plain;
}

sub log_lines {
    my ($s, $file, $n, $seconds) = @_;
    my @lines;
    $s->wait_for(sub {
        open my $fh, '<', $s->root . "/logs/$file" or return 0;
        @lines = grep { /\n\z/ } <$fh>;
        return @lines >= $n;
    }, $seconds);
    chomp @lines;
    return @lines;
}

1;
