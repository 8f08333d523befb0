# KeepAlive, KeepAliveTimeout and MaxKeepAliveRequests on an adopted
# connection: the fields, the moment of the end, the number of requests;
# HTTP/1.0 with and without keep-alive; per virtual host; an idle connection is
# closed in time also after errors, static files and large answers, and with
# half a request on it the request's own time counts; a client that asks just
# before the end.
use Gateway::Test;
use Gateway::Both;
use Time::HiRes qw(time);

my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    Gateway::Process::pause(1.3) if $req->target =~ /slow/;
    return [ 200, [], $req->target =~ /large/ ? 'x' x 2_000_000 : 'ok' ];
} });
my $both = Gateway::Both->new(ssl => 1, ports => [qw(SHORT OFF THREE MS)],
    vars => { B => $b }, docs => { 'a.txt' => 'static' },
    config => <<'EOC', ssl_config => <<'EOS');
GatewayPass /app http://@B@
Listen 127.0.0.1:@SHORT@
Listen 127.0.0.1:@OFF@
Listen 127.0.0.1:@THREE@
Listen 127.0.0.1:@MS@
<VirtualHost *:@SHORT@>
    KeepAliveTimeout 1
    GatewayPass /app http://@B@
</VirtualHost>
<VirtualHost *:@OFF@>
    KeepAlive Off
    GatewayPass /app http://@B@
</VirtualHost>
<VirtualHost *:@THREE@>
    MaxKeepAliveRequests 3
    GatewayPass /app http://@B@
</VirtualHost>
<VirtualHost *:@MS@>
    KeepAliveTimeout 300ms
    MaxKeepAliveRequests 0
    GatewayPass /app http://@B@
</VirtualHost>
EOC
KeepAliveTimeout 1
GatewayPass /app http://@B@
EOS
my $slack = Gateway::Setup::patience();

# The fields of each answer, and how the connection ends.
sub fields {
    my ($s, $port, $n, $version, @lines) = @_;
    my $c = $s->client(port => $s->port($port));
    my @got;
    for (1 .. $n) {
        $c->send(join '', map { "$_\r\n" } "GET /app/x HTTP/$version",
            'Host: a', @lines, '');
        my $r = $c->response;
        push @got, $r->status ? join ' ', $r->status,
            map { $r->header($_) // '-' } qw(connection keep-alive) : 'end';
    }
    $c->close;
    return \@got;
}
for my $port (qw(PORT SHORT OFF THREE)) {
    for my $version (qw(1.1 1.0)) {
        for my $line ([], ['Connection: keep-alive'], ['Connection: close'],
            ['Connection: Keep-Alive, X-Y', 'X-Y: 1']) {
            $both->same("$port, HTTP/$version, @$line", sub {
                return fields($_[0], $port, 4, $version, @$line);
            });
        }
    }
}
# httpd does not count the first one
$both->same('three requests', sub { fields($_[0], 'THREE', 5, '1.1') },
    [ ('200 - -') x 3, '200 close -', 'end' ]);
$both->same('three, announced', sub { fields($_[0], 'THREE', 5, '1.1',
    'Connection: keep-alive') }, [ (map {
    "200 Keep-Alive timeout=5, max=$_" } 3, 2, 1), '200 close -', 'end' ]);
$both->same('no limit', sub {
    my $got = fields($_[0], 'MS', 150, '1.1');
    return scalar grep { $_ eq '200 - -' } @$got;
}, 150);
$both->same('a hundred by default', sub {
    my $got = fields($_[0], 'PORT', 110, '1.1');
    return [ scalar(grep { /^200/ } @$got), $got->[100], $got->[101] ];
}, [ 101, '200 close -', 'end' ]);
$both->same('pipelined over the limit', sub {
    my ($s) = @_;
    $b->clear;
    my $c = $s->client(port => $s->port('THREE'));
    $c->send("GET /app/x HTTP/1.1\r\nHost: a\r\n\r\n" x 6);
    my @got = map { $c->response->status } 1 .. 5;
    $c->close;
    return [ @got, scalar(my @asked = $b->requests) ];
}, [ 200, 200, 200, 200, 0, 4 ]);

# When does an idle connection end? All of them wait at the same time.
my @idle;
for my $case (
    [ 'one', SHORT => 1, '/app/x' ],
    [ 'two', SHORT => 1, '/app/x', '/app/x' ],
    [ 'large', SHORT => 1, '/app/large' ],
    [ 'static', SHORT => 1, '/app/x', '/a.txt' ],
    [ 'not found', SHORT => 1, '/app/x', '/none' ],
    [ 'milliseconds', MS => 0.3, '/app/x', '/app/x' ],
    [ 'TLS', SSLPORT => 1, '/app/x', '/app/x' ],
    [ 'a slow answer', SHORT => 1, '/app/slow' ]) {
    my ($name, $port, $want, @targets) = @$case;
    $both->each(sub {
        my ($s, $which) = @_;
        my $c = $s->client(port => $s->port($port),
            tls => $port eq 'SSLPORT');
        push @idle, { name => "$which: idle, $name", want => $want, c => $c };
        for my $target (@targets) {
            $c->get($target);
            $c->response unless $target =~ /slow/;
        }
        $idle[-1]{slow} = $targets[-1] =~ /slow/;
        $idle[-1]{began} = time;
    });
}
my $until = time + 4 * $slack;
while (time < $until && grep { !$_->{took} } @idle) {
    for my $i (grep { !$_->{took} } @idle) {
        if (delete $i->{slow}) {
            $i->{c}->response;
            $i->{began} = time;
        }
        $i->{c}->fill(0);
        $i->{took} = time - $i->{began} if $i->{c}->eof_state;
    }
    Gateway::Process::pause(0.01);
}
for my $i (@idle) {
    is $i->{c}->eof_state, 'eof', "$i->{name}: the end";
    cmp_ok $i->{took} // 99, '>', $i->{want} - 0.1, '... not early';
    cmp_ok $i->{took} // 99, '<', $i->{want} + 1.5 * $slack, '... not late';
    $i->{c}->close;
}

# Before the first request it is Timeout that counts, not KeepAliveTimeout.
$both->each(sub {
    my ($s, $name) = @_;
    my $c = $s->client(port => $s->port('MS'));
    ok $c->quiet(0.6), "$name: a new connection may wait";
    $c->get('/app/x');
    is $c->response->status, 200, '... and is served';
    $c->close;
});
# A request that is under way is not idle.
$both->each(sub {
    my ($s, $name) = @_;
    my $c = $s->client(port => $s->port('MS'));
    $c->get('/app/x');
    $c->response;
    $c->send("GET /app/x HTTP/1.1\r\n");
    $c->pause(0.5);
    $c->send("Host: a\r\n\r\n");
    is $c->response->status, 200, "$name: half a request is not idle";
    $c->send("POST /app/x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    $c->pause(0.5);
    $c->send('body');
    is $c->response->status, 200, "$name: nor is half a body";
    $c->get('/app/slow');
    is $c->response->status, 200, "$name: nor an answer that is awaited";
    $c->close;
});
# Blank lines do not keep it open.
$both->each(sub {
    my ($s, $name) = @_;
    my $c = $s->client(port => $s->port('SHORT'));
    $c->get('/app/x');
    $c->response;
    my $began = time;
    $c->send("\r\n\r\n");
    $c->get('/app/x');
    is $c->response->status, 200, "$name: blank lines before a request";
    $c->close;
});
# Just before the end: an answer or a clean close, never a cut one.
my @late;
for my $wait (map { 0.27 + $_ / 200 } 0 .. 11) {
    $both->each(sub {
        my ($s, $name) = @_;
        my $c = $s->client(port => $s->port('MS'));
        $c->get('/app/x');
        $c->response;
        push @late, { name => $name, c => $c, at => time + $wait };
    });
}
my %wrong = (on => [], off => []);
my %by_time = map { sprintf('%017.6f %04d', $late[$_]{at}, $_) => $late[$_] }
    0 .. $#late;                    # $b is the backend here, not sort's
for my $l (map { $by_time{$_} } sort keys %by_time) {
    my $left = $l->{at} - time;
    $l->{c}->pause($left) if $left > 0;
    $l->{c}->get('/app/x');
    my $r = $l->{c}->response;
    push @{ $wrong{ $l->{name} } }, $r->status . ' ' . $r->why
        unless $r->status == 200
        || $r->raw_head eq '' && $r->why =~ /\A(?:eof|reset)\z/;
    $l->{c}->close;
}
is_deeply $wrong{$_}, [], "$_: asked just before the end" for qw(on off);

done_testing;
