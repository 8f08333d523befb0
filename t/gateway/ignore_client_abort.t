# GatewayIgnoreClientAbort On: a request goes on to its end when its client
# has left; the backend hears nothing of it, what it answers is dropped, its
# connection is kept. A client that closed its sending side alone is answered.
# Where the directive is Off, as by default, the request ends.
use Gateway::Test;
use Time::HiRes 'time';

my $h2 = Gateway::Setup::mpm() ne 'prefork';
my $dir = Gateway::Test->scratch;
my $big = 3_000_000;

# Answers when the test says so, by a file named like the query, unless the
# gateway goes before.
my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    my ($gate) = $req->{target} =~ /\?(\w+)/;
    for (1 .. 1000) {
        last if !$gate || -e "$dir/$gate";
        $req->{conn}->quiet(0.01) or return 'close';
    }
    my $size = $req->{path} =~ /big/ ? $big : 4;
    return [ 200, [], 'x' x $size ];
} }, brief => 1);
my $s = Gateway::Test->server(ssl => 1, h2 => $h2, vars => { B => $b },
    config => <<'EOC', ssl_config => "GatewayIgnoreClientAbort On\n");
GatewayPass /on  http://@B@
GatewayPass /off http://@B@
<Location /on>
    GatewayIgnoreClientAbort On
</Location>
<Location /on/off>
    GatewayIgnoreClientAbort Off
</Location>
EOC

sub release {
    my ($gate) = @_;
    open my $fh, '>', "$dir/$gate" or die "$gate: $!";
    close $fh or die "$gate: $!";
    return;
}

sub seen {
    my ($target, $what) = @_;
    $b->wait(sub { grep { ($_->{target} // '') eq $target }
        $b->events(what => $what) }, 3)
        or return fail "$target: no $what";
    my ($event) = grep { ($_->{target} // '') eq $target }
        $b->events(what => $what);
    return $event->{conn};
}

my $n = 0;

# A client asks, leaves as $how says, and only then the backend answers.
sub leave {
    my ($name, $path, $how, %opt) = @_;
    my $gate = 'gate' . ++$n;
    my $target = ($path =~ s{\A/\w+}{}r) . "?$gate";
    my $c = $s->client(tls => $opt{tls});
    $c->get("$path?$gate");
    my $conn = seen($target, 'head') or return;
    $c->$how;
    ok !$b->wait_event(what => 'end', conn => $conn, within => 0.7),
        "$name: the backend's connection stays";
    release($gate);
    return ($c, "$path?$gate", $conn);
}

sub logged {
    my ($uri) = @_;
    my $line;
    $s->wait_for(sub { ($line) = grep { $_->{request} =~ /\Q$uri\E / }
        $s->access_log; $line }, 3);
    return $line;
}

for (['FIN', '/on/small', 'close'], ['RST', '/on/small', 'reset'],
    ['FIN, a large response', '/on/big', 'close'],
    ['RST, a large response', '/on/big', 'reset'],
    ['TLS', '/off/small', 'close', tls => 1],
    ['TLS, a large response', '/off/big', 'close', tls => 1]) {
    my ($c, $uri, $conn) = leave(@$_) or next;
    my $line = logged($uri);
    is $line->{status}, 200, 'logged as it ended';
    is $line->{gw_status}, 200, 'the backend had answered';
    is $line->{gw_reason}, '-', 'nothing went wrong';
    ok !$b->wait_event(what => 'end', conn => $conn, within => 0.1),
        'the connection is kept for others';
}

# Half closed: everything comes.
for ('/on/small', '/on/big') {
    my ($c, $uri) = leave("half closed, $_", $_, 'shutdown') or next;
    my $r = $c->response;
    is $r->status, 200, 'answered';
    is length $r->body, /big/ ? $big : 4, 'all of it';
    is logged($uri)->{status}, 200, 'logged so';
}

# In the middle of the response.
{
    my $c = $s->client(rcvbuf => 8192);
    $c->get('/on/big?mid');
    release('mid');
    my $conn = seen('/big?mid', 'head');
    ok defined $c->read_until(qr/xxxx/), 'the first bytes';
    $c->close;
    my $line = logged('/on/big?mid');
    is $line->{status}, 200, 'mid response: logged as it ended';
    is $line->{gw_reason}, '-', 'nothing went wrong';
    is $s->get('/on/small')->status, 200, 'the next one';
    ok !$b->wait_event(what => 'end', conn => $conn, within => 0.1),
        'the connection is kept for others';
}

# The body does not come whole: there is no way to go on.
{
    my $c = $s->client;
    $c->request('POST', '/on/small?body', [ 'Content-Length: 100' ]);
    $c->send('part');
    my $conn = seen('/small?body', 'head');
    $c->close;
    ok $b->wait_event(what => 'end', conn => $conn, within => 3),
        'in its body: the request ends';
}

# Off in a section inside, and outside.
for ('/on/off/small', '/off/small') {
    my $gate = 'gate' . ++$n;
    my $c = $s->client;
    $c->get("$_?$gate");
    my $conn = seen(s{\A/\w+}{}r . "?$gate", 'head');
    $c->close;
    ok $b->wait_event(what => 'end', conn => $conn, within => 3),
        "$_: the request ends";
    release($gate);
    is logged("$_?$gate")->{status}, 499, 'logged so';
}

# A thread that waits for nobody does not spin.
SKIP: {
    skip 'HTTP/2 and its CPU time', 3 unless $h2;
    my $before = cpu();
    my ($c, $uri) = leave('idle', '/on/small', 'close');
    cmp_ok cpu() - $before, '<', 0.3 * Gateway::Setup::patience(),
        'waiting costs nothing';
    my $gate = 'gate' . ++$n;
    my $pid = Gateway::Process::spawn(sub {
        exec 'curl', '-sS', '-o', '/dev/null', '--noproxy', '*', '--http2',
            '--cacert', Gateway::CA::file('ca.crt'), '--max-time', 5,
            $s->url("/off/small?$gate", 'https');
    });
    my $conn = seen("/small?$gate", 'head');
    kill 'KILL', $pid;
    waitpid $pid, 0;
    ok !$b->wait_event(what => 'end', conn => $conn, within => 0.7),
        'HTTP/2: the backend\'s connection stays';
    release($gate);
    is logged("/off/small?$gate")->{gw_reason}, '-', 'it went on to its end';
}

# Seconds of CPU that the children used.
sub cpu {
    my $ticks = 0;
    for my $pid ($s->children) {
        open my $fh, '<', "/proc/$pid/stat" or next;
        my @field = split ' ', (<$fh> // '') =~ s/.*\)//r;
        $ticks += $field[11] + $field[12];
    }
    return $ticks / 100;
}

$s->allow_log(qr/GW00150.*\[client-gone\]/);
done_testing;
