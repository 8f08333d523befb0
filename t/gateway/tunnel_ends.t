# How a tunnel ends: half closes with bytes on their way, silence, clients and
# backends that vanish, restarts.
use Gateway::Test;
use Gateway::Tunnel;
use Gateway::Setup ();
use Time::HiRes qw(time);

my $BIG = 3_000_000;

my $b = Gateway::Backend->new(brief => 1, timeout => 20, script => sub {
    my ($c) = @_;
    my $req = $c->read_request or return;
    $c->send(switching($req));
    if ($req->{path} =~ /count/) {      # all of it, then says how much
        my $n = 0;
        while ($c->fill) {
            $n += length $c->take(length $c->{in});
        }
        $c->send("$n bytes");
        return $c->close;
    }
    if ($req->{path} =~ /flood/) {      # a lot, then ends its side and counts
        $c->send('x' x 100_000) for 1 .. $BIG / 100_000;
        $c->shutdown;
        my $n = 0;
        while ($c->fill) {
            $n += length $c->take(length $c->{in});
        }
        $c->backend->record($c->number, 'counted', n => $n);
        return;
    }
    if ($req->{path} =~ /mute/) {
        $c->read_eof(20);
        $c->pause(20);
        return;
    }
    if ($req->{path} =~ /deaf/) {
        $c->pause(20);
        return;
    }
    echo($c);
    $c->close;
});
# A receive buffer that the system does not let grow: it may be 32 MB, which
# would hide what the gateway keeps of a client's bytes.
# Two children: when all threads of the only one but the tunnel's end before
# the listener says why, the worker MPM starts no other one in its place.
my $children = Gateway::Setup::mpm() eq 'prefork' ? 16 : 2;
my $s = Gateway::Test->server(children => $children, vars => { B => $b },
    mpm_config => 'ReceiveBufferSize 131072', config => <<'EOC');
GatewayPass /app   http://@B@
GatewayPass /short http://@B@ tunneltimeout=1
GatewayPass /half  http://@B@ timeout=1
EOC
my $logged = 0;
sub last_line { return ($s->access_log(wait => ++$logged))[-1] }

# --- bytes before the end ------------------------------------------------

my $c = tunnel($s, '/app/count');
$c->send('y' x 100_000) for 1 .. $BIG / 100_000;
$c->shutdown;
is $c->read_eof, "$BIG bytes",
    'a client that ends its side is heard to the end';
is last_line()->{gw_tunnel_sent}, $BIG, 'and counted';

$c = tunnel($s, '/app/flood', rcvbuf => 8192);
$c->pause(0.3);
my $n = 0;
while ($c->fill) {
    $n += length $c->take(length $c->{in});
}
is $n, $BIG, 'so is a backend';
is $c->eof_state, 'eof', 'in order';
$c->send('z' x 100_000) for 1 .. 10;
$c->close;
my $event = $b->wait_event(what => 'counted');
is $event && $event->{n}, 1_000_000, 'and what the client says after it';
my $line = last_line();
is $line->{gw_tunnel_received}, $BIG, 'counted from it';
is $line->{gw_tunnel_sent}, 1_000_000, 'and to it';
is $line->{gw_reason}, '-', 'in order';

# --- silence -------------------------------------------------------------

$c = tunnel($s, '/short/echo');
for (1 .. 3) {
    $c->pause(0.6);
    $c->send('a');
    is $c->read_n(1), 'a', 'a byte in time keeps it';
}
my $begun = time;
is $c->read_eof, '', 'silence ends it';
cmp_ok time - $begun, '<=', 3 * Gateway::Setup::patience(), 'soon';
$line = last_line();
is $line->{gw_reason}, 'timeout', 'which is logged';
is $line->{status}, 101, 'as 101';

$c = tunnel($s, '/half/mute');
$c->pause(1.5);
ok $c->quiet(0), 'timeout= does not concern an open tunnel';
$c->shutdown;
is $c->read_eof, '', 'but one that is closed by half';
is last_line()->{gw_reason}, 'timeout', 'which is logged';

# A backend that does not read: the client is stopped, not buffered.
$c = tunnel($s, '/short/deaf');
$c->sock->blocking(0);
# Until nothing goes for half a second. A second later the tunnel ends, and
# then httpd reads what comes and throws it away: that is no back pressure.
my $sent = 0;
my $went = time;
while (time - $went < 0.5 && $sent < 100_000_000) {
    my $w = syswrite $c->sock, 'x' x 65536;
    last if !defined $w && $! != Errno::EAGAIN();
    $sent += $w // 0;
    $went = time if $w;
    select undef, undef, undef, 0.001 unless $w;
}
cmp_ok $sent, '<', 16_000_000, "back pressure ($sent bytes went)";
is last_line()->{gw_reason}, 'timeout', 'and in the end it is idle';
$c->close;

# --- peers that vanish ---------------------------------------------------

$c = tunnel($s, '/app/mute');
$b->clear;
$c->reset;
ok $b->wait_event(what => 'end', within => 1),
    'a client that resets: the backend knows within a second';
is last_line()->{gw_reason}, 'client-gone', 'logged';

$c = tunnel($s, '/app/deaf');
$c->send('x' x 65536) for 1 .. 10;
$c->reset;
is last_line()->{gw_reason}, 'client-gone', 'even while nothing is read';

# --- restarts ------------------------------------------------------------

SKIP: {
    skip 'prefork ends its children by a signal', 4
        if Gateway::Setup::mpm() eq 'prefork';
    $c = tunnel($s, '/app/echo');
    $s->restart('graceful');
    $c->send('still');
    is $c->read_n(5), 'still', 'a graceful restart leaves a tunnel alone';
    is $s->get('/', 'Host: a')->status, 404, 'others are served';
    $c->shutdown;
    is $c->read_eof, '', 'it ends by itself';
    last_line();
    last_line();
}
$c = tunnel($s, '/app/echo');
$begun = time;
$s->restart('restart');
is $c->read_eof, '', 'another restart ends it';
cmp_ok time - $begun, '<=', 4 * Gateway::Setup::patience(), 'at once';
done_testing;
