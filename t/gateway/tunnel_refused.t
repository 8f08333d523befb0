# 101s that are no answer to what was asked: each is a 502, the backend's
# connection is closed, and not a byte that the client sent behind its request
# reaches the backend; nor before a right one.
use Gateway::Test;
use Gateway::Tunnel;

my %wrong = (
    'no-upgrade'     => [ Upgrade => undef ],
    'other-upgrade'  => [ Upgrade => 'foo' ],
    'two-upgrades'   => [ Upgrade => 'websocket, foo' ],
    'twice'          => [ Upgrade => 'websocket, websocket' ],
    'version'        => [ Upgrade => 'websocket/13' ],
    'no-connection'  => [ Connection => undef ],
    'close'          => [ Connection => 'close' ],
    'no-accept'      => [ 'Sec-WebSocket-Accept' => undef ],
    'other-accept'   => [ 'Sec-WebSocket-Accept' =>
        accept_for('x3JJHMbDL1EzLkh9GBhXDw==') ],
    'key-as-accept'  => [ 'Sec-WebSocket-Accept' => $KEY ],
    'lower-accept'   => [ 'Sec-WebSocket-Accept' => lc accept_for($KEY) ],
    'accept-twice'   => [ 'Sec-WebSocket-Accept' => accept_for($KEY) . ', '
        . accept_for($KEY) ],
);
my %raw = (
    'http10'      => "HTTP/1.0 101 Go\r\nUpgrade: websocket\r\n"
        . 'Connection: Upgrade' . "\r\nSec-WebSocket-Accept: "
        . accept_for($KEY) . "\r\n\r\n",
    'bare'        => "HTTP/1.1 101 Go\r\n\r\n",
    'early-hints' => "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 101 Go\r\n\r\n",
);
my $b = Gateway::Backend->new(script => sub {
    my ($c) = @_;
    my $req = $c->read_request or return;
    my ($case) = $req->{path} =~ m{([^/]+)\z};
    if ($case eq 'right') {
        $c->pause(0.5);
        $c->send(switching($req));
        echo($c);
        return $c->close;
    }
    $c->send($raw{$case} || switching($req, @{ $wrong{$case} }), 'hello');
    $c->read_eof;
});
my $s = Gateway::Test->server(vars => { B => $b },
    config => "GatewayPass /app http://\@B\@ upgrade=ANY\n");

for my $case (sort keys %wrong, keys %raw) {
    $b->clear;
    my $c = $s->client;
    $c->send(ask("/app/$case") . 'early bytes');
    my $r = $c->response(method => 'GET');
    is $r->status, 502, "$case: 502";
    like $r->header('proxy-status'), qr/http_protocol_error/, 'said why';
    unlike $r->body, qr/hello/, 'nothing of the backend is passed on';
    ok $b->wait_event(what => 'end', within => 2),
        'the connection is closed';
    unlike $b->received, qr/early bytes/, 'no early byte reached it';
    is $c->read_eof, '', "and the client's, whose bytes are no request";
    $c->close;
}
$s->expect_log(qr/GW00150.*junk/, 2 + keys(%wrong) + keys %raw);

# one that answers other questions
for my $lines ([], ['Connection: Upgrade', 'Upgrade: h2c']) {
    is $s->get('/app/bare', @$lines)->status, 502, '101 to nothing is a 502';
}

# --- early bytes and the right answer ------------------------------------

$b->clear;
my $c = $s->client;
$c->send(ask('/app/right'), 'early', ' bytes');
$b->wait_event(what => 'request');
$c->send(', later bytes');
$c->pause(0.3);
unlike $b->received, qr/bytes/, 'none arrives before the 101';
my $r = $c->response(method => 'GET', head_only => 1);
is $r->status, 101, 'the backend agrees';
is $c->read_n(24), 'early bytes, later bytes', 'then all of them do';
$c->close;
done_testing;
