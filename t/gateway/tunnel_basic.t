# A WebSocket through the gateway: the request, the 101, bytes both ways, how
# it ends, what the logs say.
use Gateway::Test;
use Gateway::Tunnel;

my $b = Gateway::Backend->new(timeout => 20, script => sub {
    my ($c) = @_;
    while (my $req = $c->read_request) {
        if ($req->{path} =~ m{/(\d{3})\z}) {
            $c->respond($1, [ 'Sec-WebSocket-Version' => '13',
                Upgrade => 'websocket', Connection => 'Upgrade' ], 'no');
            next;
        }
        if (!$req->header('upgrade')) {
            $c->respond(200, [], 'plain');
            next;
        }
        my %more = $req->{path} =~ /cookie/
            ? ('Set-Cookie' => 'a=1; Path=/') : ();
        $c->send(switching($req, %more,
            'Sec-WebSocket-Protocol' => 'chat') . 'hello');
        if ($req->{path} =~ /last/) {
            $c->send('bye');
            $c->close;
            return;
        }
        if ($req->{path} =~ /first/) {
            $c->shutdown;           # our side ends, the other goes on
            $c->read_eof;
            return;
        }
        if ($req->{path} =~ /reset/) {
            $c->read_n(3);
            $c->reset;
            return;
        }
        echo($c);
        $c->close;
        return;
    }
});
my $s = Gateway::Test->server(vars => { B => $b }, modules => ['reqtimeout'],
    config => <<'EOC');
RequestReadTimeout header=2 body=2
GatewayPass /app http://@B@
EOC

# --- there and back ------------------------------------------------------

my $c = tunnel($s, '/app/cookie', lines => [ 'Sec-WebSocket-Protocol: chat',
    'HTTP2-Settings: AAMA' ]);
BAIL_OUT('no tunnel at all') if !$c;
is $c->read_n(5), 'hello', 'bytes that came with the 101';
my ($req) = $b->requests;
is $req->header('upgrade'), 'websocket', 'Upgrade went to the backend';
is $req->header('connection'), 'Upgrade', 'Connection: Upgrade';
is $req->header('sec-websocket-key'), $KEY, 'the key';
is $req->header('sec-websocket-version'), 13, 'the version';
is $req->header('sec-websocket-protocol'), 'chat', 'the subprotocol';
is $req->header('http2-settings'), undef, 'no HTTP2-Settings';
like $req->header('via'), qr/gw-/, 'Via';
is_deeply $req->problems, [], 'a sound request';
for my $text ('a', 'bc' x 10, "\0\xff\r\n\r\n", 'x' x 5000) {
    $c->send($text);
    is $c->read_n(length $text), $text, length($text) . ' bytes and back';
}
$c->pause(3);
$c->send('late');
is $c->read_n(4), 'late', 'mod_reqtimeout leaves it alone';
$c->shutdown;
is $c->read_eof, '', 'the client ends its side, the backend ends too';
is $c->eof_state, 'eof', 'in order';
my ($line) = $s->access_log(wait => 1);
is $line->{status}, 101, 'logged as 101';
is $line->{gw_status}, 101, 'of the backend';
is $line->{gw_tunnel_sent}, 5031, 'bytes to the backend';
is $line->{gw_tunnel_received}, 5036, 'and from it';
is $line->{bytes}, 5036, '%B';
cmp_ok $line->{in}, '>', 5031, '%I';
cmp_ok $line->{out}, '>', 5036, '%O';
cmp_ok $line->{ms}, '>', 2900, 'and for how long';
is $line->{gw_reason}, '-', 'no failure';

# --- the 101 of the client -----------------------------------------------

$c = $s->client;
$c->send(ask('/app/cookie'));
my $r = $c->response(method => 'GET', head_only => 1);
is $r->status, 101, 'what the client sees';
is $r->header('upgrade'), 'websocket', 'Upgrade';
is $r->header('connection'), 'Upgrade', 'Connection';
is $r->header('sec-websocket-accept'), accept_for($KEY), 'the answer';
is $r->header('sec-websocket-protocol'), 'chat', 'the subprotocol';
is $r->header('set-cookie'), 'a=1; Path=/app', 'a cookie, mapped';
is_deeply $r->problems, [], 'a sound response';
$c->close;

# --- ends ----------------------------------------------------------------

$c = tunnel($s, '/app/last');
is $c->read_eof, 'hellobye', 'the backend says bye and closes';
is $c->eof_state, 'eof', 'in order';
$c->send('x');
$c->close;

$b->clear;
$c = tunnel($s, '/app/first');
is $c->read_eof, 'hello', 'the backend ends its side alone';
$c->send('still ', 'there');
$c->shutdown;
ok $b->wait(sub { $b->received =~ /still there\z/ }),
    'the client goes on until it ends, too';

$c = tunnel($s, '/app/reset');
$c->send('abc');
is $c->read_eof, 'hello', 'the backend resets';
my @log = $s->access_log(wait => 5);
is $log[-1]{gw_reason}, 'truncated', 'which is logged';
is $log[-1]{status}, 101, 'as 101';

$b->clear;
$c = tunnel($s, '/app/echo');
$c->read_n(5);
$c->reset;
ok $b->wait_event(what => 'end', within => 2), 'the client resets: noticed';
@log = $s->access_log(wait => 6);
is $log[-1]{gw_reason}, 'client-gone', 'which is logged';

# --- no tunnel -----------------------------------------------------------

for my $status (200, 403, 426) {
    my $d = $s->client;
    $d->send(ask("/app/$status"));
    my $no = $d->response(method => 'GET');
    is $no->status, $status, "$status: an ordinary answer";
    is $no->header('upgrade'), undef, 'without Upgrade';
    is $no->body, 'no', 'with its body';
    $d->send("GET /app/x HTTP/1.1\r\nHost: a\r\n\r\n");
    is $d->response(method => 'GET')->body, 'plain',
        'and HTTP goes on, on both sides';
}
is_deeply [ map { @{ $_->problems } } $b->requests ], [],
    'the backend saw nothing odd';
done_testing;
