# GatewayTimeout, timeout= and connectiontimeout=: a backend that makes no
# progress ends as 504 after the time that was set, be it silent before the
# head, in it, or not even connecting; one that keeps sending may take longer;
# a rule's time goes before the server's, that before Timeout.
use Gateway::Test;
use Time::HiRes qw(time);

my $p = Gateway::Setup::patience();

# /head: silent; /half: half a head; /body: stops in the body;
# /drip: sends all the time, longer in all than the timeout
my $b = Gateway::Backend->http(sub {
    my ($req) = @_;
    my $c = $req->{conn};
    my $path = $req->{path};
    if ($path =~ m{/half}) {
        $c->send("HTTP/1.1 200 OK\r\nX-Half: ");
    }
    elsif ($path =~ m{/body}) {
        $c->send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
    }
    elsif ($path =~ m{/drip}) {
        $c->send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
        for (1 .. 12) {
            $c->pause(0.05);
            $c->send('x');
        }
        return 'done';
    }
    elsif ($path !~ m{/head}) {
        return [ 200, [], 'fine' ];
    }
    $c->silent(4 * $p);
    return 'close';
});
my $deaf = Gateway::Backend->deaf;
my ($short, $long) = (400 * $p, 800 * $p);
my $s = Gateway::Test->server(timeout => 30, vars => { B => $b, D => $deaf,
    SHORT => "${short}ms", LONG => "${long}ms" }, ports => ['DEFAULT'],
    config => <<'EOC');
Listen 127.0.0.1:@DEFAULT@
GatewayTimeout @LONG@
GatewayPass /server http://@B@/server
GatewayPass /rule   http://@B@/rule timeout=@SHORT@
GatewayPass /set    http://@B@/set
<Gateway "http://@B@/set">
    GatewaySet timeout=@SHORT@
</Gateway>
GatewayPass /deaf   http://@D@/ connectiontimeout=@SHORT@
GatewayPass /bound  http://@D@/ timeout=@SHORT@
<VirtualHost *:@DEFAULT@>
    Timeout 1
    GatewayPass /vh http://@B@/vh
    GatewayTimeout @SHORT@
</VirtualHost>
EOC

my $slack = 0.6 * $p;

sub takes {
    my ($path, $ms, %opt) = @_;
    my $begin = time;
    my $r = $s->request('GET', $path, [], undef, %opt);
    my $took = time - $begin;
    ok $took >= $ms / 1000 - 0.02, "$path: not before $ms ms"
        or diag "took $took";
    ok $took < $ms / 1000 + $slack, '... nor much later'
        or diag "took $took";
    return $r;
}

for (['/server/head', $long], ['/rule/head', $short], ['/rule/half', $short],
    ['/set/head', $short]) {
    my ($path, $ms) = @$_;
    my $r = takes($path, $ms);
    is $r->status, 504, "$path: 504";
    like $r->header('proxy-status') // '', qr/error=http_response_timeout/,
        '... Proxy-Status';
}
is takes('/vh/head', $short, port => $s->port('DEFAULT'))->status, 504,
    'the virtual host\'s own';

my $r = takes('/rule/body', $short);
is $r->status, 200, 'a body that stops';
ok !$r->complete, '... is seen to be cut';

$r = $s->get('/rule/drip');
is $r->status, 200, 'progress keeps it going';
is $r->body, 'x' x 12, '... to the end';
is $s->get('/rule/fine')->body, 'fine', 'and others are served';

for ('/deaf/x', '/bound/x') {
    $r = takes($_, $short);
    is $r->status, 504, "$_: a connect that never ends is a 504";
    like $r->header('proxy-status') // '', qr/error=connection_timeout/,
        '... Proxy-Status';
}
my @lines = $s->access_log(wait => 10);
my %reason = map { $_->{uri} => $_->{gw_reason} } @lines;
isnt $reason{'/rule/head'}, '-', 'the log has a reason';
isnt $reason{'/deaf/x'}, $reason{'/rule/head'}, '... another one for connects';
$s->expect_log(qr/\[gateway:error\]/, 8);

# no directive at all: Timeout counts
$s = Gateway::Test->server(timeout => 1, vars => { B => $b },
    config => "GatewayPass /plain http://\@B\@/plain\n");
is takes('/plain/head', 1000 * $p)->status, 504, 'Timeout';
$s->expect_log(qr/\[gateway:error\]/, 1);

done_testing;
