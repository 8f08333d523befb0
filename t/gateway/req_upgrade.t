# Requests that ask for another protocol: only what the rule allows goes to
# the backend, one protocol, and nothing else of it; a 101 that is no answer
# to what was asked is a 502; bytes that a hopeful client sends behind the
# request are not given to the backend before it agreed (RFC 9931).
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new({
    '/switch' => sub {
        my ($req) = @_;
        $req->{conn}->send("HTTP/1.1 101 Switching Protocols\r\n"
            . "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
        $req->{conn}->silent(1);
        return 'close';
    },
    '/403' => [ 403, [], 'no' ],
    '/426' => [ 426, [ Upgrade => 'websocket', Connection => 'Upgrade' ],
        'upgrade, please' ],
});
my $s = Gateway::Test->server(vars => { B => $p->backend },
    config => <<'EOC');
GatewayPass /app      http://@B@
GatewayPass /app/none http://@B@/none upgrade=NONE
GatewayPass /app/foo  http://@B@/foo upgrade=foo,bar/1
GatewayPass /app/any  http://@B@/any upgrade=ANY
EOC
$s->expect_log(qr/GW00150/);
$p->front($s);

my @ask = ('Connection: Upgrade', 'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13');
my $frame = "\x81\x85\x01\x02\x03\x04" . 'hello';
my $smuggled = "GET /app/smug HTTP/1.1\r\nHost: a\r\n\r\n";

sub get {
    my ($path, @lines) = @_;
    return $p->head("GET /app$path HTTP/1.1", @lines);
}

# --- the request -------------------------------------------------------

# path, protocols offered, what reaches the backend, more
for (
    ['/x', 'websocket', 'websocket'],
    ['/x', 'WebSocket', 'WebSocket'],
    ['/x', 'foo/2, websocket', 'websocket'],
    ['/x', 'websocket, foo/2', 'websocket'],
    ['/x', 'websocket', 'websocket', 'Content-Length: 0'],
    ['/x', 'foo/2', undef],
    ['/x', 'websocket/13', 'websocket/13'],
    ['/x', 'h2c', undef],
    ['/x', 'TLS/1.0', undef],
    ['/x', 'TLS/1.0, HTTP/2.0, h2c', undef],
    ['/x', '', undef],
    ['/x', 'web socket', undef],
    ['/x', '"websocket"', undef],
    ['/none', 'websocket', undef],
    ['/none', 'foo/2', undef],
    ['/foo', 'websocket', undef],
    ['/foo', 'Foo', 'Foo'],
    ['/foo', 'foo/2', 'foo/2'],
    ['/foo', 'bar', undef],
    ['/foo', 'bar/1', 'bar/1'],
    ['/foo', 'bar/1, foo', 'bar/1'],
    ['/any', 'whatever/3, websocket', 'whatever/3'],
    ['/any', 'h2c, http/1.1, tls, websocket', 'websocket'],
    ['/any', 'h2c', undef],
) {
    my ($path, $offer, $want, @more) = @$_;
    my $name = "$path, Upgrade: $offer";
    my $req = $p->forwarded($name, get($path, 'Connection: Upgrade',
        "Upgrade: $offer", @ask[2, 3], @more));
    is $req && $req->header('upgrade'), $want, $name . ' -> '
        . ($want // 'nothing');
    is $req && $req->header('connection'), $want && 'Upgrade',
        'and Connection';
    is_deeply $req && $req->problems, [], 'a sound request';
}
my $req;
$req = $p->forwarded('h2c with settings', get('/x',
    'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAAP__'));
is $req && $req->header('http2-settings'), undef, 'HTTP2-Settings neither';
is $req && $req->header('upgrade'), undef, 'nor h2c';

# what cannot become a tunnel
for (
    ['HTTP/1.0', join "\r\n", 'GET /app/x HTTP/1.0', @ask, '', ''],
    ['Upgrade without Connection', get('/x', 'Upgrade: websocket')],
    ['another Connection', get('/x', 'Connection: keep-alive', @ask[1 .. 3])],
    ['POST', $p->head('POST /app/x HTTP/1.1', @ask, 'Content-Length: 0')],
    ['a body', $p->head('GET /app/x HTTP/1.1', @ask, 'Content-Length: 2')
        . 'ab'],
    ['a chunked body', $p->head('GET /app/x HTTP/1.1', @ask,
        'Transfer-Encoding: chunked') . "2\r\nab\r\n0\r\n\r\n"],
    ['POST with a body', $p->head('POST /app/any HTTP/1.1',
        'Connection: Upgrade', 'Upgrade: foo', 'Content-Length: 2') . 'ab'],
) {
    my ($name, $bytes) = @$_;
    my $seen = $p->forwarded($name, $bytes);
    is $seen && $seen->header($_), undef, "$name: no $_"
        for qw(Upgrade Connection);
}
$req = $p->forwarded('POST for another protocol', $p->head(
    'POST /app/any HTTP/1.1', 'Connection: Upgrade', 'Upgrade: foo',
    'Content-Length: 0'));
is $req && $req->header('upgrade'), 'foo', 'other protocols may use POST';
is $req && $req->header('content-length'), 0, 'with its length';

# --- keys --------------------------------------------------------------

for my $key (undef, '', 'x', 'dGhlIHNhbXBsZSBub25jZQ', 'dGhlIHNhbXBsZSBub25j',
    'dGhlIHNhbXBsZSBub25jZQ=x', 'dGhlIHNhbXBsZSBub2 jZQ==',
    'dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==') {
    my @lines = (@ask[0, 1], defined $key ? "Sec-WebSocket-Key: $key" : ());
    my $name = defined $key ? "key '$key'" : 'no key';
    $p->backend->clear;
    my $r = $s->get('/app/x', @lines);
    is $r->status, 400, "$name: 400";
    like $r->header('proxy-status'), qr/http_request_error/, 'said why';
    is scalar(my @none = $p->backend->requests), 0, 'nothing passed on';
    is $s->get('/app/none', @lines)->status, 200,
        "$name: no matter where no websocket is allowed";
}

# --- refused -----------------------------------------------------------

for my $status (403, 426) {
    my $c = $s->client;
    $c->send(get("/$status", @ask));
    my $r = $c->response(method => 'GET');
    is $r->status, $status, "$status: an ordinary answer";
    is $r->header('connection'), undef, 'without the Connection of the backend'
        if $status == 426;
    $c->send(get('/next'));
    is $c->response(method => 'GET')->json->{target}, '/next',
        'and the next request on the same connection';
}

# --- early bytes -------------------------------------------------------

for my $path ('/x', '/403') {
    $p->backend->clear;
    my $c = $s->client;
    $c->send(get($path, @ask) . $frame);
    # httpd keeps a small answer back while it waits for the rest of what
    # looks like the next request.
    $p->backend->wait_event(what => 'out');
    $c->pause(0.1)->shutdown;
    my $r = $c->response(method => 'GET');
    like $r->status, qr/\A(?:200|403|400)\z/, "$path with a frame behind it";
    $c->read_eof;
    unlike $p->backend->received, qr/hello|\x81/,
        'the frame does not reach the backend';
}
my $seen = $p->send(get('/403', @ask) . $smuggled);
cmp_ok scalar(@{ $seen->{requests} }), '<=', 2, 'a request is a request';

# --- 101 that is no answer ---------------------------------------------

for my $lines ([], ['Connection: Upgrade', 'Upgrade: foo'], \@ask) {
    my $r = $s->get('/app/switch', @$lines);
    is $r->status, 502, '101 that nobody asked for, or without the key';
}

is_deeply [ map { @{ $_->problems } } $p->backend->requests ], [],
    'the backend saw nothing odd';
done_testing;
