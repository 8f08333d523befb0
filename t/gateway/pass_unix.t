# Backends behind a UNIX socket: unix:/path|http://name/path. The name is what
# Host says; a relative socket lies under DefaultRuntimeDir; query and path of
# the URL count; a missing socket is a 503; nothing that a client sends names
# a socket.
use Gateway::Test;

my $u = Gateway::Backend->http({}, unix => 1);
my $other = Gateway::Backend->http({}, unix => 1);
my $b = Gateway::Backend->http({});
my $sock = $u->socket;
my $s = Gateway::Test->server(
    vars => { U => $u, SOCK => $sock, B => $b }, config => <<'EOC');
GatewayPass /one    unix:@SOCK@|http://app.example.com/
GatewayPass /two    unix:@SOCK@|http://app.example.com:8080/base
GatewayPass /three  unix:@SOCK@|http://localhost/q?x=1
GatewayPass /rel    unix:rel.sock|http://localhost/rel
GatewayPass /gone   unix:/nonexistent/socket|http://localhost/
GatewayPass /tcp    http://@B@/
GatewayPassMatch ^/m/(.*)$ unix:@SOCK@|http://localhost/m/$1
<Location /loc>
    GatewayPass unix:@SOCK@|http://loc.example.com
</Location>
EOC
symlink $sock, $s->root . '/run/rel.sock' or die "symlink: $!";

for (['/one/x?y', '/x?y', 'app.example.com'],
    ['/one', '/', 'app.example.com'],
    ['/two/x', '/base/x', 'app.example.com:8080'],
    ['/three/x?y', '/q/x?x=1&y', 'localhost'],
    ['/rel/x', '/rel/x', 'localhost'],
    ['/m/a%20b', '/m/a%20b', 'localhost'],
    ['/loc/x', '/x', 'loc.example.com']) {
    my ($path, $target, $host) = @$_;
    my $r = $s->get($path);
    is $r->status, 200, $path;
    my $seen = $r->json;
    is $seen->{target}, $target, "... goes to $target";
    my ($sent) = map { $_->[1] } grep { lc $_->[0] eq 'host' }
        @{ $seen->{headers} };
    is $sent, $host, "... with Host: $host";
}

is $s->get('/gone/x')->status, 503, 'a socket that is not there';
$s->expect_log(qr/\[gateway:error\].*nonexistent/);

# one socket, one pool
my $r = $s->post('/one/up', 'x' x 70000);
is $r->json->{body_length}, 70000, 'a body';

$b->clear;
$other->clear;
my $o = $other->socket;
for my $path ("/tcp/unix:$o|http://localhost/", "/tcp?unix:$o|http://x/",
    "/m/unix:$o|http://localhost/x", "/m/?unix:" . 'A' x 5000 . '|http://x/',
    "/one/unix:$o%7Chttp://localhost/") {
    my $r = $s->get($path =~ s/\|/%7C/gr);
    like $r->status, qr/\A(?:200|400)\z/, substr $path, 0, 40;
}
is $other->connections, 0, 'no socket of the client\'s choice was opened';

done_testing;
