# WebSockets that arrive over HTTP/2 (RFC 8441), with TLS and in clear text:
# the backend sees an HTTP/1.1 upgrade; many on one connection, with requests.
use Gateway::Test;
use Gateway::Tunnel;
use Gateway::Setup ();
use JSON::PP ();

Gateway::Test->need(mpm => [qw(event worker)]);
my $python = '/usr/bin/python3';
plan skip_all => 'python3-h2 is not installed'
    if system("$python -c 'import h2' 2>/dev/null") != 0;

my $b = Gateway::Backend->new(timeout => 20, script => sub {
    my ($c) = @_;
    while (my $req = $c->read_request) {
        my $path = $req->{path};
        if (!$req->header('upgrade') || $path =~ /403/) {
            $c->respond($path =~ /403/ ? 403 : 200, [], 'plain');
            next;
        }
        if ($path =~ /wrong/) {
            $c->send(switching($req, 'Sec-WebSocket-Accept' => 'x'));
            return $c->read_eof;
        }
        $c->send(switching($req, 'X-Who' => 'backend',
            'Sec-WebSocket-Protocol' => 'chat'));
        if ($path =~ /bye/) {
            $c->send('bye');
            return $c->close;
        }
        if ($path =~ /reset/) {
            $c->read_n(1);
            return $c->reset;
        }
        if ($path =~ /flood/) {
            $c->send('y' x 50_000) for 1 .. 40;
        }
        echo($c);
        return $c->close;
    }
});
my $conf = <<'EOC';
H2WebSockets On
H2MinWorkers 8
GatewayPass /app  http://@B@
GatewayPass /none http://@B@/none upgrade=NONE
GatewayPass /idle http://@B@/idle tunneltimeout=1
EOC
my $s = Gateway::Test->server(vars => { B => $b }, ssl => 1, h2 => 1,
    config => $conf, ssl_config => $conf);
my $ca = Gateway::CA::file('ca.crt');

sub h2ws {
    my ($tls, @jobs) = @_;
    my $r = Gateway::Client::run($python, Gateway::Setup::root()
        . '/t/peers/h2ws.py', $tls ? ($s->ssl_port, '--ca', $ca) : $s->port,
        JSON::PP::encode_json(\@jobs));
    my $said = eval { JSON::PP::decode_json($r->{out}) };
    diag $r->{err} if !$said;
    return ($said || {}, @{ ($said || {})->{streams} || [] });
}

for my $tls (1, 0) {
    my $name = $tls ? 'TLS' : 'clear text';
    $b->clear;
    my ($said, $one) = h2ws($tls, { path => '/app/echo', send => 'hello' });
    ok $said->{offered}, "$name: the server offers extended CONNECT";
    is $one->{status}, 200, 'a tunnel';
    is $one->{text}, 'hello', 'there and back';
    is $one->{headers}{'x-who'}, 'backend', 'with the fields of the 101';
    is $one->{headers}{'sec-websocket-protocol'}, 'chat', 'with the protocol';
    is $one->{headers}{$_}, undef, "but no $_"
        for qw(upgrade connection sec-websocket-accept);
    is $one->{end}, 'end', 'ends in order';
    my ($req) = $b->requests;
    is $req->method, 'GET', 'the backend saw a GET';
    is $req->header('upgrade'), 'websocket', 'with Upgrade';
    is $req->header('connection'), 'Upgrade', 'and Connection';
    like $req->header('sec-websocket-key'), qr/\A[\w+\/]{22}==\z/, 'and a key';
    is $req->header('transfer-encoding'), undef, 'and no body';
    is_deeply $req->problems, [], 'a sound request';
}
my @log = $s->access_log(wait => 2);
is $log[0]{status}, 101, 'logged as 101';
is $log[0]{gw_tunnel_sent}, 5, 'with the bytes to';
is $log[0]{gw_tunnel_received}, 5, 'and from the backend';
is $log[0]{gw_reason}, '-', 'in order';

my (undef, $bye) = h2ws(1, { path => '/app/bye', until => 1000 });
is $bye->{text}, 'bye', 'a backend that says bye';
is $bye->{end}, 'end', 'and ends';

my (undef, $reset) = h2ws(1, { path => '/app/reset', send => 'x',
    until => 1000 });
is $reset->{status}, 200, 'a backend that resets';
isnt $reset->{end}, 'timeout', 'is the end of the stream';

$b->clear;
h2ws(1, { path => '/app/echo', send => 'x', end => 'reset' });
ok $b->wait_event(what => 'end', within => 2), 'a client that resets';

$b->clear;
h2ws(1, { path => '/app/echo', send => 'x', end => 'wait' });
ok $b->wait_event(what => 'end', within => 2), 'a client that goes';

my (undef, $no) = h2ws(1, { path => '/app/403' });
is $no->{status}, 403, 'refused: an ordinary answer';
is $no->{text}, 'plain', 'with its body';
(undef, $no) = h2ws(1, { path => '/none/x' });
is $no->{status}, 502, 'a plain answer is none: 502 by mod_http2';
(undef, $no) = h2ws(1, { path => '/app/wrong' });
is $no->{status}, 502, 'a false 101: 502';
$s->expect_log(qr/GW00150.*Sec-WebSocket-Accept.*junk/);

my (undef, $idle) = h2ws(1, { path => '/idle/x', send => 'x', until => 9 });
is $idle->{status}, 200, 'a silent one';
isnt $idle->{end}, 'timeout', 'is closed';

# --- much at once --------------------------------------------------------

my ($said, @all) = h2ws(1, (map { { path => '/app/echo', send => 300_000 } }
    1 .. 3), { path => '/app/flood', send => 100, until => 2_000_100 },
    { path => '/app/plain', plain => 1 });
is $_->{status}, 200, 'all of them' for @all;
is $all[$_]{got}, 300_000, 'all bytes' for 0 .. 2;
is $all[3]{got}, 2_000_100, 'of the large one, too';
is $all[4]{text}, 'plain', 'and the request beside them';
done_testing;
