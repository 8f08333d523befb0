# mod_reqtimeout's RequestReadTimeout on an adopted connection: header and body
# timeouts, minimum rates, their extension and its end, per virtual host;
# first, second and later requests; over TLS; 408, the log and the moment; and
# an idle keep-alive longer than the body timeout is left alone.
use Gateway::Test;
use Gateway::Both;
use Time::HiRes qw(time);

my $slack = Gateway::Setup::patience();
my $b = Gateway::Backend->http({ '*' => sub {
    Gateway::Process::pause(1.5) if $_[0]->target =~ /slow/;
    return [ 200, [], $_[0]->size ];
} }, timeout => 4);
my $both = Gateway::Both->new(modules => ['reqtimeout'], ssl => 1,
    ports => [qw(HEAD BODY RATE BRATE NONE)], threads => 64,
    vars => { B => $b }, docs => { 'a.txt' => 'static' },
    config => <<'EOC', ssl_config => <<'EOS');
GatewayPass /app http://@B@
Listen 127.0.0.1:@HEAD@
Listen 127.0.0.1:@BODY@
Listen 127.0.0.1:@RATE@
Listen 127.0.0.1:@BRATE@
Listen 127.0.0.1:@NONE@
RequestReadTimeout header=10 body=10
<VirtualHost *:@HEAD@>
    RequestReadTimeout header=1 body=5
    GatewayPass /app http://@B@
</VirtualHost>
<VirtualHost *:@BODY@>
    RequestReadTimeout header=5 body=1
    GatewayPass /app http://@B@
</VirtualHost>
<VirtualHost *:@RATE@>
    RequestReadTimeout header=1-2,MinRate=100 body=5
    GatewayPass /app http://@B@
</VirtualHost>
<VirtualHost *:@BRATE@>
    RequestReadTimeout header=5 body=1,MinRate=1000
    GatewayPass /app http://@B@
</VirtualHost>
<VirtualHost *:@NONE@>
    RequestReadTimeout header=0 body=0
    GatewayPass /app http://@B@
</VirtualHost>
EOC
RequestReadTimeout handshake=1 header=1 body=1
GatewayPass /app http://@B@
EOS
$both->expect_log(qr/AH01382/);         # Request header/body read timeout
$both->allow_log(qr/GW\d+|AH0\d+/);

my $head = "GET /app/x HTTP/1.1\r\nHost: a\r\n";
my $post = "POST /app/x HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n";
my $chunked = "POST /app/x HTTP/1.1\r\nHost: a\r\n"
    . "Transfer-Encoding: chunked\r\n\r\n";

# All cases run at the same time: what is sent when, what comes back when.
#   name, port, [seconds from the start, bytes]..., { status, after }
# Without the line of the request httpd closes and says nothing. A body that
# stops is noticed by the blocking driver at the next thing that happens, here
# that the backend has lost its patience.
# "before" is how many requests go over the connection first.
my @CASES = (
    [ 'half a head', HEAD => [ 0, $head ], { status => 408, after => 1 } ],
    [ 'a head in time', HEAD => [ 0, $head ], [ 0.5, "\r\n" ],
        { status => 200 } ],
    [ 'drops of a head', HEAD => (map { [ $_ * 0.2, substr $head, $_, 1 ] }
        0 .. 12), { status => 0, after => 1 } ],
    [ 'a body may take longer', HEAD => [ 0, $post ], [ 1.6, 'b' x 4000 ],
        { status => 200 } ],
    [ 'half a body', BODY => [ 0, $post . 'half' ],
        { status => 408, after => 1 } ],
    [ 'a body in time', BODY => [ 0, $post ], [ 0.5, 'b' x 4000 ],
        { status => 200 } ],
    [ 'a head may take longer', BODY => [ 0, $head ], [ 1.6, "\r\n" ],
        { status => 200 } ],
    [ 'half a chunk', BODY => [ 0, $chunked . "5\r\nab" ],
        { status => 408, after => 1 } ],
    [ 'no last chunk', BODY => [ 0, $chunked . "5\r\nabcde\r\n" ],
        { status => 408, after => 1 } ],
    [ 'half the trailers', BODY => [ 0, $chunked . "0\r\nX: y\r\n" ],
        { status => [ 400, 408 ], after => 1 } ],
    [ 'a slow answer is no slow request', BODY =>
        [ 0, "GET /app/slow HTTP/1.1\r\nHost: a\r\n\r\n" ],
        { status => 200 } ],
    [ 'a head above the rate', RATE => (map { [ $_ * 0.15, sprintf
        "%s", $_ == 0 ? $head : $_ == 9 ? "\r\n" : 'X' . $_ . ': '
        . 'y' x 20 . "\r\n" ] } 0 .. 9), { status => 200 } ],
    [ 'a head below the rate', RATE => [ 0, 'GET' ],
        (map { [ $_ * 0.3, 'x' ] } 1 .. 6), { status => 0, after => 1 } ],
    [ 'a head beyond the end of the rate', RATE => [ 0, $head ],
        (map { [ $_ * 0.2, "X$_: " . 'y' x 60 . "\r\n" ] } 1 .. 13),
        { status => 408, after => 2 } ],
    [ 'a body above the rate', BRATE => [ 0, $post ], (map { [ $_ * 0.2,
        'b' x 400 ] } 1 .. 10), { status => 200 } ],
    [ 'a body below the rate', BRATE => [ 0, $post ], (map { [ $_ * 0.2,
        'b' x 20 ] } 1 .. 12), { status => 408, after => 1 } ],
    [ 'nothing is limited', NONE => [ 0, $head ], [ 2, "\r\n" ],
        { status => 200 } ],
    [ 'the default of the server', PORT => [ 0, $head ], [ 2, "\r\n" ],
        { status => 200 } ],
    [ 'TLS, half a head', SSLPORT => [ 0, $head ],
        { status => 408, after => 1 } ],
    [ 'TLS, half a body', SSLPORT => [ 0, $post . 'half' ],
        { status => 408, after => 1 } ],
    [ 'TLS, in time', SSLPORT => [ 0, $head ], [ 0.5, "\r\n" ],
        { status => 200 } ],
);
my @running;

# What is due is sent, what has come is noted; while others connect, too.
sub go_on {
    for my $run (grep { !$_->{took} } @running) {
        my $now = time - $run->{began};
        while (@{ $run->{steps} } && $run->{steps}[0][0] <= $now) {
            $run->{c}->send(shift(@{ $run->{steps} })->[1]);
        }
        $run->{c}->fill(0);
        $run->{took} = $now if length $run->{c}->buffered
            || $run->{c}->eof_state;
    }
    return;
}

for my $before (0, 2) {
    for my $case (@CASES) {
        my ($name, $port, @steps) = @$case;
        my $want = pop @steps;
        $both->each(sub {
            my ($s, $which) = @_;
            my $c = $s->client(port => $s->port($port),
                tls => $port eq 'SSLPORT', timeout => 8);
            for (1 .. $before) {
                $c->get('/app/before');
                $c->response;
            }
            push @running, { name => $name, which => $which, c => $c,
                want => $want, steps => [ grep { @$_ } @steps ],
                began => time, before => $before };
            go_on();
        });
    }
}
my $until = time + 6 * $slack;
while (time < $until && grep { !$_->{took} } @running) {
    go_on();
    Gateway::Process::pause(0.01);
}
my %seen;
for my $run (@running) {
    my $name = "$run->{which}: $run->{name}"
        . ($run->{before} ? ", after $run->{before}" : '');
    my $want = $run->{want};
    my $r = $run->{c}->response(method => 'GET', timeout => 0.5);
    my $status = $r->status;
    ok scalar(grep { $status == $_ } ref $want->{status}
        ? @{ $want->{status} } : $want->{status}), "$name: the status"
        or diag "$status " . $r->why;
    if (defined $want->{after}) {
        cmp_ok $run->{took} // 99, '>', $want->{after} - 0.15,
            "$name: not early";
        my $late = $run->{which} eq 'off' && $run->{name} =~ /body|chunk|trail/
            ? 6 : $want->{after} + 1.3;
        cmp_ok $run->{took} // 99, '<', $late * $slack,
            "$name: not late";
        $run->{c}->read_eof(4);
        is $run->{c}->eof_state, 'eof', "$name: then the end";
    }
    push @{ $seen{ $run->{which} } }, "$run->{name} $status "
        . join ',', $r->all('connection') unless ref $want->{status};
    $run->{c}->close;
}
is_deeply $seen{on}, $seen{off}, 'on as off';

# Idle for longer than the header and the body may take: the next request is
# served. (What was left of the request before must not count on.)
my @idle;
for my $port (qw(BODY HEAD SSLPORT)) {
    for my $first ($head . "\r\n", "POST /app/x HTTP/1.1\r\nHost: a\r\n"
        . "Content-Length: 3\r\n\r\nabc", $chunked . "3\r\nabc\r\n0\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n") {
        $both->each(sub {
            my ($s, $which) = @_;
            my $c = $s->client(port => $s->port($port),
                tls => $port eq 'SSLPORT');
            $c->send($first);
            my $r = $c->response(method => 'GET');
            my ($what) = $first =~ /\A(\w+ \S+)/;
            is $r->status, 200, "$which $port: $what" ;
            push @idle, [ "$which $port: idle after $what", $c ];
        });
    }
}
Gateway::Process::pause(2.2);
for my $idle (@idle) {
    my ($name, $c) = @$idle;
    is $c->get('/app/x')->response->status, 200, $name;
}
Gateway::Process::pause(1.2);
for my $idle (@idle) {
    my ($name, $c) = @$idle;
    is $c->get('/app/x')->response->status, 200, "$name, again";
    $c->close;
}

done_testing;
