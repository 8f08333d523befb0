package Gateway::Probe;

=head1 NAME

Gateway::Probe - raw bytes of a client, and what became of them on both sides

=head1 SYNOPSIS

  my $p = Gateway::Probe->new;             # with a backend that echoes
  my $s = Gateway::Test->server(vars => { B => $p->backend },
      config => "GatewayPass /app http://\@B\@\n");
  $p->front($s);

  my $req = $p->forwarded('name', $bytes);   # once, whole, by the rules
  $p->refused('name', $bytes, status => 400);
  $p->clean('name', $bytes);                 # one or the other
  my $seen = $p->send($bytes);               # {responses, requests, closed}
  $p->finish;                                # at the end of the file

=head1 DESCRIPTION

Each probe has a client connection of its own. The bytes go out, the first
response is read, then a last request follows where the connection is still
open, and everything is read to the end: so a second request that hides in the
bytes is answered before that one, or swallows it, and is seen. Every check is
one test.

=over

=item refused: the first response has the status (400; a number or a regex),
the connection is closed (403 and 404 say nothing of the syntax and may leave
it open), and the backend saw no complete request.

=item forwarded: one response, 200 (or status => n), and exactly one request
at the backend, to which a strict reader has nothing to object; its body is
C<body> where that is given. Returns the request, or undef.

=item clean: refused with any 4xx or 5xx, or forwarded.

=item finish: looks once more at everything that any backend connection
received: each request well-formed, and none with "smug" in its target.

=back

=cut

use strict;
use warnings;
use Test::More ();
use Gateway::Backend ();

our $MARK = qr/smug/;

my $END = '/probe-end';

sub new {
    my ($class, $handler, %opt) = @_;
    return bless { backend => Gateway::Backend->http($handler, %opt) },
        $class;
}

sub backend { return $_[0]{backend} }

sub front {
    my ($self, $server) = @_;
    $self->{server} = $server if $server;
    return $self->{server};
}

# A request that is fine but for what the test changes.
sub head {
    my ($class, $start, @lines) = @_;
    unshift @lines, 'Host: front.example' unless grep { /\Ahost\b/i } @lines;
    return join '', map { "$_\r\n" } $start, @lines, '';
}

sub send {
    my ($self, $bytes, %opt) = @_;
    my $before = $self->_settle;
    my $c = $self->{server}->client(%{ $opt{client} || {} });
    my ($method) = (ref $bytes ? $bytes->[0] : $bytes) =~ /\A([A-Z]+) /;
    $c->send(ref $bytes ? @$bytes : $bytes);
    my @responses = $self->_responses($c, $method || 'GET');
    $c->read_eof if !$c->eof_state;
    my $closed = $c->eof_state;
    $c->close;
    my $said_end = $responses[0] && !_closes($responses[0]);
    pop @responses if $said_end && @responses > 1 && _closes($responses[-1]);
    my @events = $self->{backend}->events;
    splice @events, 0, $before;
    return { responses => \@responses,
        closed => $closed && !$said_end ? $closed : '',
        requests => [ grep { $_->target ne $END }
            $self->_requests(@events) ] };
}

# Waits for what the request before left behind at the backend, which may
# hear of its end later than the client does. Returns the number of events.
sub _settle {
    my ($self) = @_;
    my $b = $self->{backend};
    $b->wait(sub { $b->events(what => 'head') == $b->events(what => 'request')
    }, 1);
    return scalar(my @events = $b->events);
}

sub _responses {
    my ($self, $c, $method) = @_;
    my @responses;
    while (my $r = $c->response(method => $method)) {
        push @responses, $r if $r->status;
        last if !$r->status || _closes($r) || @responses > 5;
        $c->send($self->head("GET $END HTTP/1.1", 'Connection: close'))
            if @responses == 1;
        $method = 'GET';
    }
    return @responses;
}

sub _closes {
    my ($r) = @_;
    return $r->framing eq 'close'
        || join(',', $r->all('connection')) =~ /\bclose\b/i;
}

sub _requests {
    my ($self, @events) = @_;
    return map {
        my $head = Gateway::Message->parse_head($_->{head});
        bless { %$head, %$_ }, 'Gateway::Backend::Request';
    } grep { $_->{what} eq 'request' } @events;
}

# --- what is wrong with it ---------------------------------------------

sub _not_refused {
    my ($self, $seen, $status) = @_;
    my $first = $seen->{responses}[0];
    my @wrong;
    push @wrong, 'no response' unless $first;
    push @wrong, 'status ' . $first->status
        if $first && $first->status !~ $status;
    push @wrong, @{ $first->problems } if $first;
    push @wrong, @{ $seen->{responses} } . ' responses'
        if @{ $seen->{responses} } > 1;
    push @wrong, 'connection stays open' unless $seen->{closed}
        || $first && $first->status =~ /\A40[34]\z/;
    my @whole = grep { $_->complete } @{ $seen->{requests} };
    push @wrong, 'the backend saw ' . _show(@whole) if @whole;
    return @wrong;
}

sub _not_forwarded {
    my ($self, $seen, %opt) = @_;
    my @responses = @{ $seen->{responses} };
    my @requests  = @{ $seen->{requests} };
    return 'no response' unless @responses;
    my $status = $opt{status} || 200;
    my @wrong;
    push @wrong, 'statuses ' . join ' ', map { $_->status } @responses
        if @responses != 1 || $responses[0]->status !~ /\A$status\z/;
    push @wrong, map { @{ $_->problems } } @responses;
    push @wrong, 'the backend saw ' . (_show(@requests) || 'nothing')
        if @requests != 1;
    push @wrong, _bad_request($_) for @requests;
    push @wrong, "body '$requests[0]{body}'" if @requests
        && defined $opt{body} && $requests[0]->body ne $opt{body};
    push @wrong, "target $requests[0]{target}" if @requests
        && defined $opt{target} && $requests[0]->target ne $opt{target};
    return @wrong;
}

sub _bad_request {
    my ($req) = @_;
    my @wrong = @{ $req->problems };
    push @wrong, 'incomplete' unless $req->complete;
    push @wrong, 'version ' . $req->version if $req->version ne '1.1';
    return @wrong;
}

sub _show {
    return join ', ', map { "$_->{method} $_->{target}" } @_;
}

sub _result {
    my ($self, $name, $bytes, $seen, @wrong) = @_;
    Test::More::ok !@wrong, $name;
    return 1 unless @wrong;
    $bytes = join '', @$bytes if ref $bytes;
    Test::More::diag "$name: ", join '; ', @wrong;
    Test::More::diag 'sent: ', Test::More::explain(substr $bytes, 0, 600);
    Test::More::diag 'came: ', map { substr $_->raw_head, 0, 300 }
        @{ $seen->{responses} };
    Test::More::diag 'backend: ', map { substr $_->raw_head, 0, 600 }
        @{ $seen->{requests} };
    return 0;
}

# --- checks ------------------------------------------------------------

sub refused {
    my ($self, $name, $bytes, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $seen = $self->send($bytes, %opt);
    my $status = $opt{status} || 400;
    $self->_result($name, $bytes, $seen,
        $self->_not_refused($seen, qr/\A(?:$status)\z/));
    return $seen;
}

sub forwarded {
    my ($self, $name, $bytes, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $seen = $self->send($bytes, %opt);
    $self->_result($name, $bytes, $seen,
        $self->_not_forwarded($seen, %opt)) or return;
    return $seen->{requests}[0];
}

sub clean {
    my ($self, $name, $bytes, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $seen = $self->send($bytes, %opt);
    my $first = $seen->{responses}[0];
    my @wrong = $first && $first->status >= 400
        ? $self->_not_refused($seen, qr/\A[45]\d\d\z/)
        : $self->_not_forwarded($seen, %opt);
    $self->_result($name, $bytes, $seen, @wrong);
    return $seen;
}

sub finish {
    my ($self) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @requests = $self->_requests($self->{backend}->events);
    my @wrong = map { @{ $_->problems } } @requests;
    push @wrong, map { "smuggled: $_->{target}" }
        grep { $_->target =~ $MARK } @requests;
    Test::More::is_deeply(\@wrong, [], 'nothing smuggled, in all of '
        . @requests . ' requests at the backend');
    return;
}

1;
