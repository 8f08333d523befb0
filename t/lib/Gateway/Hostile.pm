package Gateway::Hostile;

=head1 NAME

Gateway::Hostile - a backend that answers by a table, and the verdicts

=head1 SYNOPSIS

  my $h = Gateway::Hostile->new('status', 'length');     # groups
  my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
      config => "GatewayPass /app http://\@B@\n");
  $h->run($s);                   # one test per case
  $h->problems($s, $case)        # what is wrong with one case

=head1 DESCRIPTION

The table is L<Gateway::Hostile::Table>. Every case is asked for once; then a
well-behaved request follows and must be answered by its own response, on the
same or another connection as the case says. A request that was answered
badly must have been seen once by the backend, and its connection must be
closed.

Options of new (behind the groups, as a hash): ask => sub ($server, $case,
$target) returning a Gateway::Message, for other clients; backend => {options
of Gateway::Backend}; slow => 1 (one byte at a time).

For clients that speak HTTP/2: by_curl($server->curl(...)) makes a message of
what curl saw.

=cut

use strict;
use warnings;
use Test::More ();
use Gateway::Backend ();
use Gateway::Hostile::Table ();

my @CASE_KEYS = qw(name bytes want);

sub new {
    my ($class, @groups) = @_;
    my $opt = ref $groups[-1] ? pop @groups : {};
    my $self = bless { %$opt, groups => \@groups, seq => 0 }, $class;
    $self->{backend} = Gateway::Backend->new(timeout => 10,
        %{ $opt->{backend} || {} }, script => sub { $self->_serve(@_) });
    return $self;
}

sub backend { return $_[0]{backend} }

# All cases of the groups, or those whose name matches.
sub cases {
    my ($self, $re) = @_;
    return grep { !$re || $_->{name} =~ $re }
        map { cases_of($_) } @{ $self->{groups} };
}

sub cases_of {
    my ($group) = @_;
    my $rows = $Gateway::Hostile::Table::CASES{$group}
        or die "no group '$group'\n";
    my $n = 0;
    return map {
        my @row = @$_;
        my %case = (body => 'hello', status => 200, method => 'GET',
            group => $group, path => "/$group/" . $n++);
        @case{@CASE_KEYS} = splice @row, 0, 3;
        +{ %case, @row };
    } @$rows;
}

# --- the backend's side --------------------------------------------------

sub _serve {
    my ($self, $conn) = @_;
    while (my $req = $conn->read_request) {
        my ($group, $n) = $req->{path} =~ m{\A/([a-z]+)/(\d+)\z};
        if (!defined $n) {
            $conn->respond(200, [ 'X-Conn' => $conn->number ],
                "good $req->{target}");
            next;
        }
        my $case = (cases_of($group))[$n] or die "no case $req->{path}\n";
        $self->_answer($conn, $case);
        return unless $conn->sock;
    }
    return;
}

sub _answer {
    my ($self, $conn, $case) = @_;
    my $wait = 0;
    for my $piece ($case->{pieces} ? @{ $case->{pieces} } : $case->{bytes}) {
        if ($wait++ % 2) {
            $conn->pause($piece);
        }
        elsif ($self->{slow} && length $piece < 400) {
            $conn->send_slowly($piece, 1, 0.0005);
        }
        else {
            $conn->send($piece);
        }
    }
    my $end = $case->{end} or return;
    $conn->pause(0.05) if $case->{late};
    $conn->$end;
    return;
}

# --- verdicts -------------------------------------------------------------

sub run {
    my ($self, $server, %opt) = @_;
    # one child of prefork is all of them
    $server->allow_log(qr/AH00161: server reached MaxRequestWorkers/);
    for my $case ($self->cases($opt{only})) {
        my @wrong = $self->problems($server, $case);
        Test::More::ok(!@wrong, "$case->{group}: " . _printable($case->{name})
            . " ($case->{want})");
        Test::More::diag("$_\n") for @wrong;
    }
    return;
}

sub _printable {
    my ($text) = @_;
    $text =~ s/([^ -~])/sprintf '<%02x>', ord $1/ge;
    return $text;
}

sub _ask {
    my ($self, $server, $case, $target) = @_;
    return $self->{ask}->($server, $case, $target) if $self->{ask};
    return $server->request($case->{method}, $target);
}

sub problems {
    my ($self, $server, $case) = @_;
    my $seq = ++$self->{seq};
    $self->{backend}->clear;
    my $r = $self->_ask($server, $case, "/app$case->{path}?$seq");
    my @heads = grep { $_->{target} eq "$case->{path}?$seq" }
        $self->{backend}->events(what => 'head');
    return 'the backend was not asked: ' . $r->as_string unless @heads;
    my %verdicts = map { $_ => [ $self->can("_is_$_")->($self, $r, $case) ] }
        split /\|/, $case->{want};
    my ($came) = grep { !@{ $verdicts{$_} } } split /\|/, $case->{want};
    my @wrong = defined $came ? () : (map { @{ $verdicts{$_} } }
        split /\|/, $case->{want});
    push @wrong, 'the backend was asked ' . @heads . ' times'
        if @heads != 1;
    push @wrong, 'bytes that nobody may see: ' . $r->as_string
        if _text($r) =~ /EVIL/;
    push @wrong, map { "not clean: $_" } _unclean($r);
    my $reuse = !defined $came || $came eq 'ok' ? $case->{reuse} : 0;
    push @wrong, $self->_next($server, $case, $heads[-1]{conn}, $reuse, $seq);
    return map { _printable($_) } @wrong;
}

my $CURLE_HTTP2_STREAM = 92;

# What curl saw, as a message; for clients that speak HTTP/2.
sub by_curl {
    my ($saw) = @_;
    my $r = Gateway::Message->parse_head(join '',
        map { "$_->[0]: $_->[1]\r\n" } [ 'HTTP/1.1 200', '' ],
        @{ $saw->{headers} });
    @$r{qw(status body complete why)} = ($saw->{status} + 0, $saw->{body},
        $saw->{exit} == 0, $saw->{stderr});
    $r->problem("HTTP version $saw->{version}")
        if $r->{status} && $saw->{version} ne '2';
    $r->{stream_reset} = $saw->{exit} == $CURLE_HTTP2_STREAM;
    return $r;
}

sub _text {
    my ($r) = @_;
    return join "\n", $r->raw_head, $r->body,
        map { $_->raw_head } @{ $r->interim };
}

# Whatever happened, what the client reads must be well-formed.
sub _unclean {
    my ($r) = @_;
    return grep { !/\Ano response/ } map { @{ $_->problems } }
        $r, @{ $r->interim };
}

sub _is_bad {
    my ($self, $r) = @_;
    return ('not a 502: ' . $r->as_string) if $r->status != 502;
    return $r->complete ? () : ('an incomplete 502: ' . $r->why);
}

sub _is_cut {
    my ($self, $r) = @_;
    return 'no answer at all: ' . $r->why
        if !$r->status && !$r->{stream_reset};
    return () if $r->status == 502 || !$r->complete;
    return 'looks complete: ' . $r->as_string;
}

sub _is_raw { goto &_is_ok }

sub _is_ok {
    my ($self, $r, $case) = @_;
    my @wrong;
    push @wrong, "not whole: $r->{why}" unless $r->complete;
    push @wrong, 'status: ' . $r->status if $r->status != $case->{status};
    push @wrong, 'body: ' . substr $r->body, 0, 200
        if $r->body ne $case->{body};
    push @wrong, 'trailers were passed on' if @{ $r->trailers };
    my $fields = $case->{fields} || {};
    for my $name (sort keys %$fields) {
        my ($want, @have) = ($fields->{$name}, $r->all($name));
        next if defined $want ? @have == 1 && $have[0] eq $want : !@have;
        push @wrong, "$name: " . join ' / ', map { "'$_'" } @have;
    }
    return @wrong ? (@wrong, $r->as_string) : ();
}

# The request behind the case: answered by its own response, and on the
# connection it should be on.
sub _next {
    my ($self, $server, $case, $conn, $reuse, $seq) = @_;
    select undef, undef, undef, $case->{wait} if $case->{wait};
    my $r = $server->get("/app/good?$seq");
    return 'the next request failed: ' . $r->as_string
        if $r->status != 200 || $r->body ne "good /good?$seq";
    return () unless defined $reuse;
    my $same = $r->header('x-conn') == $conn;
    return "connection $conn was not used again" if $reuse && !$same;
    return () if $reuse;
    return "connection $conn was used again" if $same;
    return () if $case->{end} || $self->{backend}->wait(sub {
        $self->{backend}->events(what => 'end', conn => $conn) }, 1);
    return "connection $conn was not closed";
}

1;
