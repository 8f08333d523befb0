# A client that leaves is noticed within half a second, while the backend
# thinks or in the middle of its answer, and the backend's connection is
# closed: in clear text, over TLS, with HTTP/2 (connection or stream); by FIN
# or RST, with another request in the pipe. The access log says 499.
use Gateway::Test;
use Time::HiRes 'time';

my $h2 = Gateway::Setup::mpm() ne 'prefork';
my $LIMIT = 0.5 * Gateway::Setup::patience();
my $b = Gateway::Backend->new(brief => 1, script => sub {
    my $c = shift;
    while (my $req = $c->read_request) {
        if ($req->{path} eq '/fast') {
            $c->respond(200, [], 'fast');
            next;
        }
        $c->send("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nsome")
            if $req->{path} eq '/half';
        if ($req->{path} eq '/endless') {
            $c->send("HTTP/1.1 200 OK\r\n\r\n");
            1 while $c->send('x' x 65536);
            return;
        }
        # thinks until the gateway goes
        return $c->read_eof(4);
    }
}, timeout => 4);
my $s = Gateway::Test->server(ssl => 1, h2 => $h2, vars => { B => $b },
    config => "GatewayPass /app http://\@B\@\n",
    ssl_config => "GatewayPass /app http://\@B\@\n");
$s->allow_log(qr/AH00161/);

my $n = 0;
sub asked {
    my ($target) = @_;
    my $head;
    $b->wait(sub { ($head) = grep { $_->{target} eq $target }
        $b->events(what => 'head') }, 2);
    return $head ? $head->{conn} : 0;
}

# From $left on the backend's connection must end within the limit.
sub noticed {
    my ($name, $conn, $left) = @_;
    my $end = $b->wait_event(what => 'end', conn => $conn, within => 2);
    my $took = $end ? $end->{time} - $left : 99;
    ok $took < $LIMIT, "$name: the backend's connection is closed in time"
        or diag "$took s";
}

sub leave {
    my ($name, $path, $how, %opt) = @_;
    my $target = "$path?" . ++$n;
    my $c = $s->client(tls => $opt{tls});
    $c->get("/app$target");
    $c->get('/app/next') if $opt{pipe};
    my $conn = asked($target) or return fail "$name: not asked";
    ok defined $c->read_until(qr/some|xxxx/), 'the first bytes'
        if $path ne '/think';
    my $left = time;
    $c->$how;
    noticed($name, $conn, $left);
    return $target;
}

leave('FIN', '/think', 'close');
leave('RST', '/think', 'reset');
leave('half closed', '/think', 'shutdown');
leave('FIN, pipelined', '/think', 'close', pipe => 1);
leave('TLS', '/think', 'close', tls => 1);
leave('TLS, FIN alone', '/think', 'close_dirty', tls => 1);
leave('TLS, RST', '/think', 'reset', tls => 1);
leave('mid response', '/half', 'close');
leave('mid response, RST', '/half', 'reset');
leave('mid response, TLS', '/half', 'close', tls => 1);
{
    my $target = '/endless?' . ++$n;
    my $c = $s->client(rcvbuf => 8192);
    $c->get("/app$target");
    my $conn = asked($target);
    ok defined $c->read_until(qr/xxxx/), 'an endless response';
    my $left = time;
    $c->close;
    ok $b->wait(sub { my ($last) = reverse $b->events(conn => $conn);
        $last->{what} =~ /\A(?:close|end)\z/ || time > $left + 3 }, 3)
        && time < $left + 2 * $LIMIT, 'endless: it is closed in time';
}

# While the client still owes its body, and while the backend takes none.
{
    my $target = '/think?' . ++$n;
    my $c = $s->client;
    $c->request('POST', "/app$target", [ 'Content-Length: 100' ]);
    $c->send('part');
    my $conn;
    $b->wait(sub { ($conn) = map { $_->{conn} } grep { $_->{target}
        eq $target } $b->events(what => 'head') }, 2);
    my $left = time;
    $c->close;
    noticed('in its body', $conn, $left);
    is scalar(grep { $_->target eq $target && $_->complete } $b->requests), 0,
        'and no whole request was seen';
}

# The thread is free again: more than there are can leave.
{
    my @c = map { my $c = $s->client; $c->get("/app/think?gone$_"); $c }
        1 .. 12;
    asked("/think?gone$_") for 1 .. 12;
    $_->close for @c;
    my $start = time;
    is $s->get('/app/fast')->body, 'fast', 'others are served';
    cmp_ok time - $start, '<', $LIMIT, 'at once';
}

# HTTP/2: the connection ends (curl is killed), or the stream alone is reset.
SKIP: {
    skip 'no HTTP/2 with prefork', 2 unless $h2;
    for my $path (qw(/think /half)) {
        my $target = "$path?" . ++$n;
        my $pid = Gateway::Process::spawn(sub {
            exec 'curl', '-sS', '-o', '/dev/null', '--noproxy', '*', '--http2',
                '--cacert', Gateway::CA::file('ca.crt'), '--max-time', 5,
                $s->url("/app$target", 'https');
        });
        my $conn = asked($target);
        my $left = time;
        kill 'KILL', $pid;
        waitpid $pid, 0;
        noticed("HTTP/2, connection, $path", $conn, $left);
    }
    for my $path (qw(/think /half)) {
        my $target = "$path?" . ++$n;
        my $c = $s->client;
        $c->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(4, 0, 0, ''),
            frame(1, 5, 1, "\x82\x86" . "\x01" . hstr('localhost')
                . "\x04" . hstr("/app$target")));
        my $conn = asked($target);
        my $left = time;
        $c->send(frame(3, 0, 1, pack 'N', 8));
        noticed("HTTP/2, stream, $path", $conn, $left);
        $c->send(frame(1, 5, 3, "\x82\x86" . "\x01" . hstr('localhost')
            . "\x04" . hstr('/app/fast')));
        ok defined $c->read_until(qr/fast/), 'other streams go on';
        $c->close;
    }
}

# RFC 9113 4.1: length, type, flags, stream; RFC 7541 5.2: a plain string.
sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $stream) . $payload;
}
sub hstr { return pack('C', length $_[0]) . $_[0] }

my %line = map { $_->{request} =~ m{(/\w+\?\d+)} ? ($1 => $_) : () }
    $s->access_log(wait => 14);
is_deeply [ @{ $line{'/think?1'} }{qw(status gw_reason conn)} ],
    [ 499, 'client-gone', 'X' ], 'the access log';
$s->allow_log(qr/GW00150.*\[client-gone\]/);

done_testing;
