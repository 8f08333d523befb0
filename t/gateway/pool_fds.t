# No descriptor stays behind: not after answers, failures of every kind,
# clients that left, nor refused connections.
use Gateway::Test;

my %how = (
    good  => [ 200, [], 'x' x 3000 ],
    close => 'close',
    reset => sub { shift->{conn}->reset; return 'close' },
    junk  => sub { shift->{conn}->send("junk\r\n\r\n"); return 'close' },
    cut   => sub { shift->{conn}->send("HTTP/1.1 200 OK\r\n"
        . "Content-Length: 9\r\n\r\nabc"); return 'close' },
    slow  => sub { shift->{conn}->pause(0.3); return [ 200, [], 'late' ] },
    huge  => sub { return [ 200, [], [ ('x' x 60_000) x 60 ] ] },
);
my $handler = { map { my $h = $how{$_};
    ("/$_" => ref $h ? $h : sub { $h }) } keys %how };
my $b = Gateway::Backend->http($handler);
my $t = Gateway::Backend->http($handler, tls => 'server');
my $s = Gateway::Test->server(ssl => 1, children => 1, threads => 8,
    vars => { B => $b, T => $t->port,
        R => Gateway::Test->closed_port }, config => <<'EOC');
GatewaySSLCACertificateFile @CA@
GatewayPass /clear   http://@B@/
GatewayPass /tls     https://localhost:@T@/
GatewayPass /wrong   https://localhost:@T@/ verifyname=x.test
GatewayPass /refused http://127.0.0.1:@R@/
GatewayPass /once    http://@B@/ disablereuse=on
EOC
$s->allow_log(qr/GW00150/);

# Everything once, and the connections that stay are counted.
$s->get($_) for '/clear/good', '/tls/good', '/wrong/good', '/refused/x';
$s->get_tls('/clear/good');
select undef, undef, undef, 0.1;
$s->mark_idle;

my @paths = map { my $rule = $_; map { "/$rule/$_" } sort keys %how }
    qw(clear tls once);
for my $round (1, 2) {
    for my $path (@paths, '/wrong/good', '/refused/x') {
        my $c = $s->client(tls => $round == 2);
        $c->get($path);
        if ($path =~ /slow|huge/) {
            $c->fill(0.05);
            $c->reset;
            next;
        }
        $c->response;
        $c->close;
    }
}
ok $s->idle_check(slack => 2, within => 6), 'as many as before';
is $s->get($_)->status, 200, "$_ works" for '/clear/good', '/tls/good';
done_testing;
