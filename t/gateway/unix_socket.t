# A backend behind a UNIX socket: requests, large bodies, keep-alive, what the
# backend says about itself, and a socket that is missing, refuses or may not
# be used.
use Gateway::Test;
use Digest::SHA qw(sha1_hex);

my $large = join '', map { pack 'N', $_ } 1 .. 300_000;     # 1.2 MB
my %pages = (
    '/site/large' => sub { return [ 200, [], [ $large ] ] },
    '/site/sum'   => sub {
        my $req = shift;
        my $sha = Digest::SHA->new(1);
        $req->read_body($req->{conn}, sub { $sha->add($_[0]) });
        return [ 200, [], $sha->hexdigest ];
    },
    '/site/moved' => [ 302, [ 'Location' => 'http://app.local/site/new',
        'Set-Cookie' => 'a=b; Path=/site' ], '' ],
);
my $b = Gateway::Backend->http(\%pages, unix => 1, brief => 1,
    lazy_body => 1);
my $gone = Gateway::Backend->http({}, unix => 1);
my $path = $b->socket;

my $s = Gateway::Test->server(children => 1, vars => { U => $path,
    G => $gone->socket, URL => $b->url }, config => <<'EOC');
GatewayPass /app      unix:@U@|http://app.local/site
GatewayPass /root     unix:@U@|http://localhost
GatewayPass /url      @URL@/site
GatewayPass /relative unix:own.sock|http://localhost
GatewayPass /missing  unix:@ROOT@/run/missing.sock|http://localhost
GatewayPass /gone     unix:@G@|http://localhost
GatewayPass /file     unix:@ROOT@/conf/test.conf|http://localhost
<Location /section>
    GatewayPass unix:@U@|http://name.test:8080/site
    GatewayPreserveHost On
</Location>
EOC

my $r = $s->get('/app/x?q=1');
is $r->status, 200, 'through the socket';
is $r->json->{target}, '/site/x?q=1', 'the path';
my ($asked) = $b->requests;
is $asked->header('host'), 'app.local', 'Host is the name beside the socket';
is $s->get('/root/y')->json->{target}, '/y', 'a URL without a path';
is $s->get('/url/z')->json->{target}, '/site/z', 'another spelling';
is $s->get('/section/w', 'Host: outside.test')->json->{target}, '/site/w',
    'in a section';
is +($b->requests)[-1]->header('host'), 'outside.test',
    'with GatewayPreserveHost';

$r = $s->get('/app/moved', 'Host: outside.test');
is $r->header('location'), 'http://outside.test/app/new', 'mapped back';
like $r->header('set-cookie'), qr{\Aa=b; Path=/app\z}, 'cookies too';

ok $s->get('/app/large')->body eq $large, 'a large body from it';
is $s->post('/app/sum', $large)->body, sha1_hex($large), 'and to it';
is $s->request('HEAD', '/app/x')->status, 200, 'HEAD';

my %conn = map { $s->get('/app/x')->json->{conn} => 1 } 1 .. 5;
is keys %conn, 1, 'one connection for many requests';
my ($log) = $s->access_log(wait => 1);
is $log->{gw_addr}, "unix:$path", 'GATEWAY_ADDR';

# A relative path lies under DefaultRuntimeDir.
my $own = Gateway::Backend->http({ '*' => [ 200, [], 'own' ] }, unix => 1,
    stopped => 1);
$own->{socket} = $s->root . '/run/own.sock';
if (length $own->{socket} <= 100) {
    $own->start;
    is $s->get('/relative')->body, 'own', 'a relative path';
}

# What does not work is 503 at once, and works when it is there.
$gone->stop;
for my $path ('/missing', '/gone', '/file') {
    $r = $s->get($path);
    is $r->status, 503, "$path: nobody there";
    is_deeply $r->problems, [], '  a whole answer';
    unlike $r->body, qr/sock|conf/, '  which does not tell the path';
}
$s->expect_log(qr/:error\].*unix:\S*$_/, 1)
    for qr/missing\.sock/, qr/test\.conf/, $gone->socket;
$gone->start;
is $s->get('/gone')->status, 200, 'back again';

# A restarted backend makes a new socket: old connections are dropped.
$b->stop->start;
is $s->post('/app/x', 'data')->status, 200, 'a new socket at the same path';

# Too long for the system.
my ($ok, $said) = Gateway::Test->configtest(config => 'GatewayPass / unix:/'
    . 'x' x 120 . "|http://localhost\n");
ok !$ok, 'a path that no socket can have';
like $said, qr/line 1 of .*(?:long|107|108)/s, 'says so';
done_testing;
