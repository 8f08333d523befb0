# The path and query of requests: what access control sees is what the backend
# is asked for, byte for byte as the client wrote it, or nothing is sent;
# nothing is decoded once more than the client encoded it.
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $s = Gateway::Test->server(vars => { B => $p->backend },
    ports => ['ROOT_PORT'], config => <<'EOC');
GatewayPass /app http://@B@/base
<Location /app/admin>
    Require all denied
</Location>
Listen 127.0.0.1:@ROOT_PORT@
<VirtualHost *:@ROOT_PORT@>
    GatewayPass / http://@B@/
</VirtualHost>
EOC
$s->expect_log(qr/AH01630/);
$s->expect_log(qr/AH10244/);
$p->front($s);

sub get { return $p->head("GET $_[0] HTTP/1.1") }

# --- as received -------------------------------------------------------

for my $path ('/x%2fy', '/x%2Fy', '/x%3fy', '/x%3Fy=1', '/x%23y', '/x%5cy',
    '/x%20y', '/x%252e%252e%252fy', '/x%252fy', '/x%2500', '/%7Euser',
    '/~user',
    '/x;a=b/y;c', '/x,y', '/x%3By', '/%E2%82%AC', '/a+b', '/a%2Bb', '/x:y',
    '/@x',
    '/x=y&z', "/(x)*'!\$", '/x%2520y', '/%61', '/-._', '/...', '/x..y', '/.x',
    '/x/', '/') {
    $p->forwarded("path $path", get("/app$path"), target => "/base$path");
}
for my $query ('', 'a=b', 'a=%2f%00%0d%0a%20', '%zz', '%', 'a=../..', 'a?b',
    '?',
    '//x', 'u=http://x/', 'a=b#'x 0, 'a+b&c;d', '%252e', 'a[]=1', q{a='b'},
    'x=%c3%a9') {
    $p->forwarded("query '$query'", get("/app/x?$query"),
        target => "/base/x?$query");
}
$p->forwarded('no query', get('/app/x'), target => '/base/x');

# --- refused, or still below the route ---------------------------------

$p->refused("path $_", get("/app$_"), status => '400|404')
    for '/x%00y', '/x%0d%0aX-A:%20b', '/x%0ay', '/x%0d', '/%01', '/%7f',
        '/x%zzy',
        '/x%', '/x%4', '/x%u0041', '/..;/y', '/x/..;a=b/y', '/x%2f..%2fy',
        '/..%2f..%2fy', '/%2e%2e%2fy', '/x%5c..%5cy', '/..%5cy', '/x\\..\\y',
        '/.%2e;/y', '/.;/y', '/x/%2e%2e;/y';

for my $path ('/../../x', '/app/../../../x', '/app/%2e%2e/%2e%2e/x',
    '/app/./../x', '//app//..//x', '/app/..', '/app/x/../../y',
    '/app/%2e%2e/y', '/app/x/%2e%2e/%2e./y', '/../app/x', '/%2e%2e/app/x') {
    my $seen = $p->clean("path $path", get($path));
    is_deeply [ grep { $_->target !~ m{\A/base/x\z} } @{ $seen->{requests} } ],
        [], 'and never above the route';
}
for my $path ('/x/../y', '/./y', '//y', '/x/./../y', '/%2e/y', '/x/%2e%2e/y',
    '/x//../y') {
    my $seen = $p->clean("path $path", get("/app$path"));
    like $_->target, qr{\A/base/(?:x/)?y\z}, 'dots and slashes are resolved'
        for @{ $seen->{requests} };
}

# --- access control ----------------------------------------------------

for my $path ('/admin', '/admin/', '/admin/x', '/%61dmin', '/%61%64min/x',
    '//admin', '/./admin', '/x/../admin', '/%2e/admin', '/x/%2e%2e/admin',
    '///admin//', '/admin/.', '/admin/x/..', '/y/..//admin',
    '/admin;a=b/..;/x',
    '/x%2f..%2fadmin', '/x%2f%2e%2e%2fadmin', '/..;/app/admin', '/x/..;/admin',
    '/admin%00', '/admin%2f') {
    my $seen = $p->send(get("/app$path"));
    my $r = $seen->{responses}[0];
    my $asked = join ' ', map { $_->target } @{ $seen->{requests} };
    unlike $asked, qr{\A/base/*(?:\./)*admin(?:/|\z)}i,
        "$path: /admin is not asked for";
    like $r->status, qr/\A(?:403|400|404)\z/, "$path: refused"
        unless $path =~ /;a=b|%2f\z/;
}

# --- fragments ---------------------------------------------------------

for my $target ('/app/x#y', '/app/x?q#y', '/app/#', '/app/x#?q') {
    my $seen = $p->clean("target $target", get($target));
    unlike $_->target, qr/#/, 'no fragment is sent' for @{ $seen->{requests} };
}

# --- a route of everything ---------------------------------------------

my %root = (client => { port => $s->port('ROOT_PORT') });
for my $path ('/x%2fy', '/x%252fy', '/x;y', '/') {
    $p->forwarded("at the root, $path", get($path), %root, target => $path);
}
for my $path ('/../../x', '//x', '/./x', '/%2e%2e/x', '//x//') {
    my $seen = $p->clean("at the root, $path", get($path), %root);
    like $_->target, qr{\A/x/?\z}, 'is a path' for @{ $seen->{requests} };
}
$p->refused('GET *', get('*'), %root);
$p->clean('GET with an empty path', get('?x'), %root);
my $seen = $p->send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", %root);
is $seen->{responses}[0]->status, 200, 'OPTIONS *: answered here';
is scalar @{ $seen->{requests} }, 0, 'and not asked of a backend';

$p->finish;
done_testing;
