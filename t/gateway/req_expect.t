# Expect: 100-continue from end to end: the backend decides, nobody waits for
# ever, and a body that was not asked for is never taken for a request.
use Gateway::Test;
use Gateway::Probe;
use Time::HiRes qw(time);

my $b = Gateway::Backend->http({
    '/yes' => sub {
        my ($req) = @_;
        $req->{conn}->send("HTTP/1.1 100 Continue\r\n\r\n");
        $req->{conn}->read_body($req);
        return [ 200, [ 'X-Expect' => $req->header('expect') // 'none' ],
            'got ' . $req->body ];
    },
    '/waits' => sub {               # reads, but never says 100
        my ($req) = @_;
        $req->{conn}->read_body($req);
        return [ 200, [], 'got ' . $req->body ];
    },
    '/late' => sub {
        my ($req) = @_;
        $req->{conn}->fill(3);
        $req->{conn}->send("HTTP/1.1 100 Continue\r\n\r\n");
        $req->{conn}->read_body($req);
        return [ 200, [], 'got ' . $req->body ];
    },
    '/no' => sub { [ 403, [], 'no' ] },
    '/no-close' => sub { [ 403, [ Connection => 'close' ], 'no' ] },
    '/fine' => sub { [ 200, [], 'fine without it' ] },
}, lazy_body => 1, no_continue => 1);
my $s = Gateway::Test->server(vars => { B => $b }, timeout => 2,
    config => "GatewayPass /app http://\@B\@\n");

my $SMUGGLED = "GET /app/smug HTTP/1.1\r\nHost: a\r\n\r\n";

sub ask {
    my ($path, @lines) = @_;
    @lines = ('Content-Length: 5') unless @lines;
    my $c = $s->client;
    $c->send(Gateway::Probe->head("POST /app$path HTTP/1.1",
        'Expect: 100-continue', @lines));
    return $c;
}

# --- the backend says yes ----------------------------------------------

my $c = ask('/yes');
my $r = $c->response(method => 'POST', one => 1, head_only => 1);
is $r->status, 100, 'the 100 of the backend';
is_deeply $r->headers, [], 'and nothing with it';
$c->send('hello');
$r = $c->response(method => 'POST');
is $r->body, 'got hello', 'then the body, then the answer';
is $r->header('x-expect'), '100-continue', 'the backend was asked';
is_deeply $r->interim, [], 'one 100 only';
$c->send(Gateway::Probe->head('POST /app/yes HTTP/1.1',
    'Expect: 100-continue', 'Transfer-Encoding: chunked'));
is $c->response(one => 1, head_only => 1)->status, 100,
    'the connection is sound, chunked works too';
$c->send("5\r\nhello\r\n0\r\n\r\n");
is $c->response(method => 'POST')->body, 'got hello', 'with its body';

$c = ask('/yes');
$c->send('hello');
$r = $c->response(method => 'POST');
is $r->body, 'got hello', 'a client that does not wait';

# --- it says nothing ---------------------------------------------------

$c = ask('/waits');
my $start = time;
$r = $c->response(method => 'POST', one => 1, head_only => 1);
is $r->status, 100, 'a backend that waits for the body: the gateway says 100';
cmp_ok time - $start, '<', 1.9, 'soon';
$c->send('hello');
is $c->response(method => 'POST')->body, 'got hello', 'and it goes on';

$c = ask('/late');
is $c->response(one => 1, head_only => 1)->status, 100, 'before a late one';
$c->send('hello');
$r = $c->response(method => 'POST');
is $r->body, 'got hello', 'which does no harm';
is_deeply [ grep { $_->status == 100 } @{ $r->interim } ], [],
    'and is not repeated';

# --- it says no --------------------------------------------------------

for my $path ('/no', '/no-close') {
    $b->clear;
    $c = ask($path, 'Content-Length: ' . length $SMUGGLED);
    $r = $c->response(method => 'POST');
    is $r->status, 403, "$path: the client hears it";
    is_deeply $r->interim, [], 'without a 100';
    $c->send($SMUGGLED, $SMUGGLED);
    $c->read_eof;
    ok $c->eof_state, 'and the connection is closed';
    my ($head) = $b->events(what => 'head');
    ok $b->wait(sub { map { $b->events(what => $_, conn => $head->{conn}) }
        qw(close end) }), 'as is that to the backend';
    is scalar(grep { $_->target =~ /smug/ } $b->requests), 0,
        'no body became a request';
}
$b->clear;
$c = ask('/fine', 'Content-Length: ' . length $SMUGGLED);
$r = $c->response(method => 'POST');
is $r->body, 'fine without it', 'an answer that needs no body';
$c->send($SMUGGLED);
$c->read_eof;
is_deeply [ map { $_->target } $b->requests ], ['/fine'], 'stays the only one';

# --- the client does not keep its word ---------------------------------

$b->clear;
$c = ask('/yes', 'Content-Length: 5');
is $c->response(one => 1, head_only => 1)->status, 100, 'asked, and allowed';
$r = $c->response(method => 'POST');
is $r->status, 408, 'but no body: 408';
ok defined $c->read_eof, 'and closed';
is_deeply [ grep { $_->complete } $b->requests ], [],
    'the backend saw no complete request';

# --- other expectations ------------------------------------------------

my @odd = ('y 100-continue', 'x', '100-continue, x', '200-ok',
    '100-continue=1', '');
for my $expect (@odd) {
    $b->clear;
    $c = $s->client;
    $c->send(Gateway::Probe->head('POST /app/waits HTTP/1.1',
        "Expect: $expect", 'Content-Length: ' . length $SMUGGLED) . $SMUGGLED);
    $r = $c->response(method => 'POST');
    like $r->status, qr/\A(?:417|400|200)\z/, "Expect: '$expect' is answered";
    $c->shutdown;
    $c->read_eof;
    is scalar(grep { $_->target =~ /smug/ } $b->requests), 0,
        'as one request';
}

$r = $s->get('/app/fine', 'Expect: 100-continue');
is $r->body, 'fine without it', 'GET without a body';
is_deeply $r->interim, [], 'has nothing to wait for';

done_testing;
