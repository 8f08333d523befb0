package Gateway::Lane;

=head1 NAME

Gateway::Lane - by which lane the requests of a server may be served

=head1 DESCRIPTION

At the end of a test every request in the access log that a route of ours
answered must say (GATEWAY_LANE) that it was served by a lane of its driver:

  blocking    "blocking (why)"
  event       "inline" or "helper (why)"; HTTP/2: "blocking (why)"
  auto        any of them

Exceptions: the server option C<< lane => qr/blocking \(filter/ >> (or a list)
allows more; C<< $s->expect_lane(qr/helper \(auth\)/) >> allows it, too, and
it must have been seen. What is expected is asked for by the driver "event"
only, unless C<< $s->expect_lane($re, 'auto') >> names others.

=cut

use strict;
use warnings;
use Gateway::Setup ();

my $BLOCKING = qr/\Ablocking \(.+\)\z/;
my $EVENT    = qr/\A(?:inline|helper \(.+\))\z/;

sub new {
    my ($class, $server) = @_;
    my $allowed = $server->opt->{lane};
    return bless { server => $server, expected => [],
        allowed => [ !defined $allowed ? ()
            : ref $allowed eq 'ARRAY' ? @$allowed : $allowed ] }, $class;
}

# A test that loads our modules by itself chooses the driver by itself.
sub _driver {
    my ($self) = @_;
    my $opt = $self->{server}->opt;
    return defined $opt->{gateway} && !$opt->{gateway} ? 'auto'
        : $self->{server}->driver;
}

sub expect {
    my ($self, $re, @drivers) = @_;
    my $driver = $self->_driver;
    return unless grep { $_ eq $driver } @drivers ? @drivers : 'event';
    push @{ $self->{expected} }, $re;
    return;
}

# Did a route of ours answer it?
sub ours {
    my ($line) = @_;
    return grep { ($line->{$_} // '-') ne '-' }
        qw(gw_lane gw_addr gw_ms gw_reason);
}

sub _fits {
    my ($self, $line) = @_;
    my $lane = $line->{gw_lane} // '-';
    return 1 if grep { $lane =~ $_ }
        @{ $self->{allowed} }, @{ $self->{expected} };
    my $driver = $self->_driver;
    return 1 if $driver ne 'event' && $lane =~ $BLOCKING;
    # a request in the old form may call itself HTTP/2.0, too
    return 1 if $lane =~ $BLOCKING
        && ($line->{request} // '') =~ m{ HTTP/2\.0\z};
    return $driver ne 'blocking' && $lane =~ $EVENT;
}

# What is wrong, as sentences.
sub audit {
    my ($self) = @_;
    return unless Gateway::Setup::knows_lanes();
    my @lines = grep { ours($_) } $self->{server}->access_log;
    my (@wrong, %seen);
    for my $line (@lines) {
        next if $self->_fits($line);
        my $lane = $line->{gw_lane} // '-';
        push @wrong, "    $lane: " . ($line->{request} // '?')
            unless $seen{$lane}++ >= 3;
    }
    unshift @wrong, 'lanes that the ' . $self->_driver
        . ' driver has no business in:' if @wrong;
    for my $re (@{ $self->{expected} }) {
        next if grep { ($_->{gw_lane} // '-') =~ $re } @lines;
        push @wrong, "expect_lane($re): no request was served by it";
    }
    return @wrong ? join "\n", @wrong : ();
}

1;
