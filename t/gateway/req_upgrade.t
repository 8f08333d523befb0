# Requests that ask for another protocol, while there are no tunnels: Upgrade
# is not passed on, the answer is an ordinary one, and bytes that a hopeful
# client sends behind the request are never given to the backend as if it had
# agreed (RFC 9931).
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
    config => "GatewayPass /app http://\@B\@\n");
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

my $req = $p->forwarded('websocket', get('/x', @ask));
is $req && $req->header($_), undef, "$_ is not passed on"
    for qw(Upgrade Connection);
for my $protocol ('h2c', 'TLS/1.0', 'foo/2, websocket', '') {
    $req = $p->forwarded("Upgrade: $protocol", get('/x', 'Connection: Upgrade',
        "Upgrade: $protocol"));
    is $req && $req->header('upgrade'), undef, 'is not passed on';
}
$req = $p->forwarded('h2c with settings', get('/x',
    'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAAP__'));
is $req && $req->header('http2-settings'), undef, 'HTTP2-Settings neither';
$p->forwarded('HTTP/1.0', join "\r\n", 'GET /app/x HTTP/1.0', @ask, '', '');
$p->forwarded('Upgrade without Connection', get('/x', 'Upgrade: websocket'));

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

# --- 101 that nobody asked for -----------------------------------------

for my $lines ([], \@ask) {
    my $r = $s->get('/app/switch', @$lines);
    is $r->status, 502, '101 without our asking is a 502';
}

is_deeply [ map { @{ $_->problems } } $p->backend->requests ], [],
    'the backend saw nothing odd';
done_testing;
