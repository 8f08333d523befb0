# Heads of requests on an adopted connection that come in pieces: 40 KB byte by
# byte over TLS, cut at every place, blank lines first, bare line feeds, more
# than a loop reads ahead; a hundred half heads at once hold up nobody, nor
# does one that never ends; and what is behind a head is the next request's.
use Gateway::Test;
use Gateway::Both;
use Time::HiRes qw(time);

my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    my $size = 0;
    $size += length $_->[1] for grep { $_->[0] =~ /\AX\d/ } @{ $req->headers };
    return [ 200, [],
        join ' ', $req->method, $req->target, $size, $req->body ];
} });
my $both = Gateway::Both->new(ssl => 1, vars => { B => $b },
    config => <<'EOC', ssl_config => "GatewayPass /app http://\@B\@\n");
GatewayPass /app http://@B@
GatewayHelpers 1
LimitRequestFieldSize 190000
LimitRequestFields 300
LimitRequestLine 100000
EOC
$both->allow_log(qr/AH\d+|GW\d+/);

my $small = "GET /app/x HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n";

# Cut at every place, each cut its own request of one connection.
for my $tls (0, 1) {
    for my $head ($small, "\r\n\r\n$small", $small =~ s/\r\n/\n/gr,
        $small =~ s/\r\n(?=X)/\n/r,
        "POST /app/p HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n"
            . "\r\n\r\nhi") {
        my $name = ($head =~ s/\r/\\r/gr =~ s/\n/\\n/gr)
            . ($tls ? ' TLS' : '');
        $both->same(substr($name, 0, 40) . '...', sub {
            my ($s) = @_;
            my $c = $s->client(tls => $tls);
            my %seen;
            for my $cut (1 .. length($head) - 1) {
                $c->send(substr $head, 0, $cut);
                $c->pause(0.001);
                $c->send(substr $head, $cut);
                my $r = $c->response;
                $seen{ $r->status . ' ' . $r->body }++;
                last unless $r->status == 200;
                $c->close, $c = $s->client(tls => $tls) if $cut % 60 == 59;
            }
            $c->close;
            return \%seen;
        });
    }
}

# 40 KB, byte by byte.
sub big {
    my ($size, $each) = @_;
    my $n = 0;
    return "GET /app/big HTTP/1.1\r\nHost: a\r\n" . join('', map {
        "X$_: " . 'v' x $each . "\r\n" } 1 .. $size / $each) . "\r\n";
}
my $BIG = big(40_000, 400);
my %how = ('40 KB, byte by byte' => [ $BIG, 1 ],
    '40 KB, 1000 bytes each' => [ $BIG, 1000, 0.002 ],
    '40 KB, at once' => [ $BIG, 1e6 ],
    'one field of 60 KB' => [ big(60_000, 60_000), 1500, 0.001 ],
    'a line of 50 KB' => [ 'GET /app/' . 'y' x 50_000 . " HTTP/1.1\r\n"
        . "Host: a\r\n\r\n", 1500, 0.001 ],
    '66 KB, above what is read ahead' => [ big(66_000, 600), 1500, 0.001 ],
    '120 KB' => [ big(120_000, 600), 4000, 0.001 ],
    '180 KB, one field' => [ big(180_000, 180_000), 4000, 0.001 ],
    '120 KB, at once' => [ big(120_000, 600), 1e6 ]);
for my $tls (0, 1) {
    for my $name (sort keys %how) {
        my ($bytes, $size, $pause) = @{ $how{$name} };
        next if $tls && $name =~ /line of/;
        $both->same($name . ($tls ? ', TLS' : ''), sub {
            my ($s) = @_;
            my $c = $s->client(tls => $tls, timeout => 10);
            $c->get('/app/first')->response;
            if ($size == 1) {
                for my $i (0 .. length($bytes) - 1) {
                    $c->send(substr $bytes, $i, 1);
                }
            }
            else {
                $c->send_slowly($bytes, $size, $pause // 0);
            }
            my $r = $c->response;
            my @got = ($r->status, $r->status == 200 ? $r->body : '');
            if ($r->status == 200) {
                $c->get('/app/next');
                push @got, $c->response->status;
            }
            $c->close;
            return \@got;
        });
    }
}
$both->same('a big one, then another in the same write', sub {
    my ($s) = @_;
    my $c = $s->client(tls => 1);
    $c->send($BIG . $small . $BIG . $small);
    my @got = map { $c->response->body } 1 .. 4;
    $c->close;
    return \@got;
}, [ ('GET /big 40000 ', 'GET /x 0 ') x 2 ]);

# A hundred half heads of all sizes wait; others are served at once, and those
# when they go on. More bytes than a loop reads ahead need a helper, one at a
# time; that one may wait.
for my $size (1, 30, 3000, 40_000) {
    my $s = $both->on;
    my $head = $size < 100 ? $small : big($size + 400, 400);
    my @c = map { my $c = $s->client(tls => $_ % 4 == 0);
        $c->get('/app/first')->response if $_ % 2;
        $c->send(substr $head, 0, $size);
        $c } 1 .. 100;
    Gateway::Process::pause(0.1);
    my $worst = 0;
    for (1 .. 20) {
        my $began = time;
        my $r = $s->get('/app/other');
        $worst = time - $began if time - $began > $worst;
        fail 'another request' if $r->status != 200;
    }
    cmp_ok $worst, '<', 0.4 * Gateway::Setup::patience(),
        "a hundred half heads of $size bytes hold up nobody";
    $_->send(substr $head, $size) for @c;
    my %seen;
    $seen{ $_->response->status }++ for @c;
    is_deeply \%seen, { 200 => 100 }, '... and are served when they go on';
    $_->close for @c;
}

done_testing;
