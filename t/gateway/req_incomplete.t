# A client that does not send the whole body: the backend never sees a
# complete request, its connection is closed and not used again, and a client
# that waits gets an answer.
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $b = $p->backend;
my $s = Gateway::Test->server(vars => { B => $b }, timeout => 1,
    config => <<'EOC');
GatewayPass /app http://@B@
EOC

sub incomplete {
    my ($name, $lines, $body, $end) = @_;
    $b->clear;
    my $c = $s->client;
    $c->send($p->head('POST /app/x HTTP/1.1', @$lines) . $body);
    $b->wait_event(what => 'head', within => 0.3);
    my $r = $end->($c);
    ok $b->wait(sub {
        my @open = $b->events(what => 'open');
        my @done = map { $b->events(what => $_) } qw(end close);
        return @done >= @open;
    }), "$name: the backend's connection is closed";
    is scalar(grep { $_->complete } $b->requests), 0,
        "$name: no complete request there";
    return $r;
}

my $cl = ['Content-Length: 100000'];
my $te = ['Transfer-Encoding: chunked'];
my $chunk = "2710\r\n" . 'x' x 10000 . "\r\n";

# A reused connection must not be what hides the second half.
is $s->get('/app/warm')->status, 200, 'a connection is in the pool';

for my $how ('close', 'reset') {
    incomplete("Content-Length, $how", $cl, 'x' x 50000,
        sub { $_[0]->$how });
    incomplete("chunked, $how", $te, $chunk, sub { $_[0]->$how });
    incomplete("inside a chunk, $how", $te, "2710\r\nxxx",
        sub { $_[0]->$how });
    incomplete("in a size, $how", $te, "${chunk}27", sub { $_[0]->$how });
    incomplete("before the last empty line, $how", $te, "${chunk}0\r\n",
        sub { $_[0]->$how });
    incomplete("in the trailers, $how", $te, "${chunk}0\r\nX-A: b",
        sub { $_[0]->$how });
}

# The client says that it is done, but stays to hear the answer.
for my $case ([ 'Content-Length', $cl, 'xxx' ], [ 'chunked', $te, $chunk ]) {
    my ($name, @bytes) = @$case;
    my $r = incomplete("$name, half closed", @bytes, sub {
        $_[0]->shutdown;
        return $_[0]->response(method => 'POST');
    });
    like $r->status, qr/\A(?:400|0)\z/, "$name: refused, or nobody to answer";
}

# It neither goes on nor goes away.
my $r = incomplete('silent', $cl, 'xxx',
    sub { $_[0]->response(method => 'POST') });
is $r->status, 408, 'a client that stops sending gets a 408';
is $r->header('connection'), 'close', 'and its connection is closed';

# The next one has a fresh connection, or a sound one.
$b->clear;
is $s->post('/app/next', 'whole')->status, 200, 'the next request works';
is_deeply [ map { $_->body } grep { $_->complete } $b->requests ], ['whole'],
    'and arrives whole';

$p->finish;
done_testing;
