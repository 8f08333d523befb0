# A backend that stops reading the request: a 504 after the timeout, the
# client's body is not read on (flat memory). A client that stops sending is
# not the backend's fault: 408.
use Gateway::Test;
use Time::HiRes 'time';

my $b = Gateway::Backend->new(brief => 1, script => sub {
    my $c = shift;
    while (my $req = $c->read_head) {
        return $c->pause(3) if $req->{path} ne '/slow';
        $c->read_body($req);
        $req->complete or return;
        $c->respond(200, [], 'all');
    }
});
my $s = Gateway::Test->server(vars => { B => $b }, timeout => 1,
    children => 1, config => <<'EOC');
GatewayPass /app  http://@B@ timeout=400ms
GatewayPass /slow http://@B@/slow timeout=400ms
EOC
$s->allow_log(qr/AH00161/);

my $PIECE = 'x' x 65536;
my $MIB = 64;
$s->post('/slow', 'warm');
my $before = $s->memory;

for my $how ("Content-Length: @{[ $MIB * 1048576 ]}",
    'Transfer-Encoding: chunked') {
    my $c = $s->client(timeout => 3);
    my $start = time;
    $c->request('POST', '/app/x', [ $how ]);
    my ($sent, $peak) = (0, 0);
    my $chunk = $how =~ /chunked/ ? sprintf "%x\r\n%s\r\n", 65536, $PIECE
        : $PIECE;
    $c->timeout(0.2);
    while ($sent < $MIB * 16 && $c->send($chunk)) {
        $sent++;
        my $now = $sent % 64 ? 0 : $s->memory;
        $peak = $now if $now > $peak;
    }
    $c->timeout(3);
    my $r = $c->response;
    is $r->status, 504, "$how: 504" or diag $r->why;
    my $took = time - $start;
    ok $took > 0.38 && $took < 2 * Gateway::Setup::patience(), 'in time'
        or diag "$took s";
    cmp_ok $sent / 16, '<', $MIB / 2, 'the client was held back';
    $peak ||= $s->memory;
    cmp_ok $peak - $before, '<',
        (Gateway::Setup::hoards() ? 48 : 8) * 1024, 'in bounded memory';
    $c->close;
}
# two threads may write their lines in either order
my @lines = grep { $_->{gw_reason} ne '-' } $s->access_log(wait => 3);
is $lines[0]{gw_reason}, 'send-timeout', 'GATEWAY_REASON';
$s->expect_log(qr/GW00150.*send.timeout/, 2);

# The client stops in the middle.
my $c = $s->client;
$c->request('POST', '/slow', [ 'Content-Length: 10' ]);
$c->send('half');
my $r = $c->response;
is $r->status, 408, 'a client that stops sending: 408';
is scalar(grep { $_->complete && $_->size == 10 } $b->requests), 0,
    'no complete request at the backend';
$s->expect_log(qr/GW00150.*client/i);

# A client that is slow, but goes on, may take longer than both.
$c = $s->client;
$c->request('POST', '/slow', [ 'Content-Length: 12' ]);
$c->send_slowly('x' x 12, 1, 0.15);
is $c->response->body, 'all', 'a slow client is waited for';

done_testing;
