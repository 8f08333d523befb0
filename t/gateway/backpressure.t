# A large response to a client that does not read: the backend is held back
# and the server's memory stays flat; when the client reads on it gets all of
# it, however long it paused. The backend's timeout does not count meanwhile.
use Gateway::Test;
use Time::HiRes 'time';

my $MIB = 64;
my $FLAT = Gateway::Setup::hoards() ? 48 * 1024 : 6 * 1024;
my $BLOCK = join '', map { pack 'N', $_ * 2654435761 % 2**32 } 1 .. 16384;

my $b = Gateway::Backend->new(brief => 1, script => sub {
    my $c = shift;
    while (my $req = $c->read_request) {
        if ($req->{path} eq '/small') {
            $c->respond(200, [], 'small');
            next;
        }
        my $chunked = $req->{path} eq '/chunked';
        $c->send("HTTP/1.1 200 OK\r\n" . ($chunked
            ? 'Transfer-Encoding: chunked'
            : 'Content-Length: ' . $MIB * 1048576) . "\r\n\r\n");
        my $piece = $chunked ? "10000\r\n$BLOCK\r\n" : $BLOCK;
        for (1 .. $MIB * 16) {
            $c->send($piece) or return;
        }
        $c->send("0\r\n\r\n") if $chunked;
    }
});
my $s = Gateway::Test->server(children => 2, ssl => 1, vars => { B => $b },
    config => "GatewayPass /app http://\@B\@ timeout=300ms\n",
    ssl_config => "GatewayPass /app http://\@B\@ timeout=300ms\n");
$s->allow_log(qr/AH00161/);

# What the system may hold between backend and client, in MiB: one receive
# buffer and two send buffers, as they grow by themselves.
sub buffers {
    my @max = map {
        open my $fh, '<', "/proc/sys/net/ipv4/$_" or die "$_: $!";
        (split ' ', <$fh>)[2] / 1048576;
    } qw(tcp_rmem tcp_wmem);
    return $max[0] + 2 * $max[1];
}

sub sent {
    my $sum = 0;
    $sum += $_->{length} for $b->events(what => 'out');
    return $sum / 1048576;
}

for (1 .. 4) { $s->get('/app/small'); $s->get_tls('/app/small') }
my $before = $s->memory;

for my $case ([ '/length', 0 ], [ '/chunked', 0 ], [ '/length', 1 ]) {
    my ($path, $tls) = @$case;
    my $name = $path . ($tls ? ', TLS' : '');
    $b->clear;
    my $c = $s->client(tls => $tls, rcvbuf => 16384);
    $c->get("/app$path", 'Connection: close');
    my $r = $c->response(head_only => 1);
    is $r->status, 200, "$name: begins";

    # longer than the timeout of the backend
    select undef, undef, undef, 0.5;
    my $held = sent();
    cmp_ok $held, '<', buffers() + 4, 'the backend is held back';
    select undef, undef, undef, 0.1;
    cmp_ok sent() - $held, '<', 1, 'and waits';
    my $start = time;
    is $s->get('/app/small')->body, 'small', 'others are served';
    cmp_ok time - $start, '<', 0.5 * Gateway::Setup::patience(), 'at once';

    my ($n, $peak) = (0, $s->memory);
    $r->read_body($c, sub {
        return if $n++ % 512;
        my $now = $s->memory;
        $peak = $now if $now > $peak;
    });
    is $r->complete, 1, 'all of it came' or diag $r->why;
    is $r->size, $MIB * 1048576, 'every byte';
    cmp_ok $peak - $before, '<', $FLAT, 'in flat memory (KiB)';
    $c->close;
}

done_testing;
