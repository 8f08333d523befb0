# GatewayPassReverse: further URLs of the backend at server level and in
# Location, the first that matches wins, the innermost section before the
# virtual host before the main server; a URL that begins with a slash; its
# place beside reverse=off and GatewayPreserveHost; cookies follow it too.
use Gateway::Test;

my $b = Gateway::Backend->http(sub {
    my ($req) = @_;
    my $say = $req->header('x-say') // 'http://' . $req->header('host')
        . $req->target;
    return [ 302, [ Location => $say,
        'Set-Cookie' => $req->header('x-cookie') // 'a=1' ], '' ];
});
my $p = $b->port;
my $s = Gateway::Test->server(vars => { B => $b }, ports => ['OTHER'],
    config => <<'EOC');
Listen 127.0.0.1:@OTHER@
GatewayPass        /app http://@B@/portal
GatewayPassReverse /app http://portal.internal
GatewayPassReverse /app/adm http://admin.internal/base
GatewayPassReverse /ab  http://twice.internal
GatewayPassReverse /app http://twice.internal
GatewayPass        /off http://@B@/portal reverse=off
GatewayPass        /again http://@B@/portal/
GatewayPassReverse /again http://@B@/portal/
GatewayPass        /none http://@B@/other reverse=off
<Location /off>
    GatewayPassReverse http://@B@/portal
</Location>
GatewayPassReverse /tls https://secure.internal/
<Location /loc>
    GatewayPass        http://@B@/
    GatewayPassReverse http://loc.internal/
    GatewayPassReverse http://portal.internal
</Location>
<Location /host>
    GatewayPass         http://@B@/portal
    GatewayPreserveHost On
</Location>
<Location /path>
    GatewayPass        http://@B@/portal reverse=off
    GatewayPassReverse /portal
</Location>
<Location /keep>
    GatewayPass         http://@B@/portal
    GatewayPassReverse  /portal
    GatewayPreserveHost On
</Location>
<VirtualHost *:@OTHER@>
    ServerName localhost
    GatewayPass        /vh http://@B@/vh
    GatewayPassReverse /vh http://portal.internal
</VirtualHost>
EOC
my $front = 'http://localhost:' . $s->port;

sub says {
    my ($path, $value, %opt) = @_;
    my $port = $opt{port} || $s->port;
    my $r = $s->request('GET', $path, ["Host: localhost:$port",
        defined $value ? "X-Say: $value" : (),
        $opt{cookie} ? "X-Cookie: $opt{cookie}" : ()], undef, port => $port);
    return $r->header($opt{cookie} ? 'set-cookie' : 'location');
}

for (
    ['/app/x', "http://127.0.0.1:$p/portal/y", "$front/app/y"],
    ['/app/x', 'http://portal.internal/y', "$front/app/y"],
    ['/app/x', 'http://portal.internal', "$front/app"],
    ['/app/x', 'https://portal.internal/y', "$front/app/y"],
    ['/app/x', 'http://portal.internal:80/y', "$front/app/y"],
    ['/app/x', 'http://portal.internal:81/y', 'http://portal.internal:81/y'],
    ['/app/x', 'http://portal.internal.evil/y',
        'http://portal.internal.evil/y'],
    ['/app/x', 'http://admin.internal/base/y', "$front/app/adm/y"],
    ['/app/x', 'http://admin.internal/basey', 'http://admin.internal/basey'],
    ['/app/x', 'http://twice.internal/y', "$front/ab/y"],
    ['/app/x', 'https://secure.internal/y', "$front/tls/y"],
    ['/app/x', 'http://secure.internal/y', "$front/tls/y"],
    ['/app/x', 'http://loc.internal/y', 'http://loc.internal/y'],
    # two rules with one backend: each has its own path
    ['/again/x', "http://127.0.0.1:$p/portal/y", "$front/again/y"],
    ['/again/x', '/portal/y', '/again/y'],
    ['/loc/x', 'http://loc.internal/y', "$front/loc/y"],
    ['/loc/x', 'http://portal.internal/y', "$front/loc/y"],
    ['/loc/x', 'http://admin.internal/base/y', "$front/app/adm/y"],
    ['/loc/x', "http://127.0.0.1:$p/y", "$front/loc/y"],
    # a path: of references, and of URLs that carry the front's name
    ['/off/x', "http://127.0.0.1:$p/portal/y", "$front/off/y"],
    ['/off/x', '/portal/y', '/off/y'],
    ['/path/x', '/portal/y', '/path/y'],
    ['/path/x', "$front/portal/y", "$front/path/y"],
    ['/path/x', "http://127.0.0.1:$p/portal2/y",
        "http://127.0.0.1:$p/portal2/y"],
    ['/path/x', '/portaly', '/portaly'],
    ['/keep/x', undef, "$front/keep/x"],
) {
    my ($path, $value, $want) = @$_;
    is says($path, $value), $want, "$path: " . ($value // 'its own name');
}

# reverse=off: only what is written counts
is says('/none/x', '/other/y'), '/other/y', 'reverse=off';
is says('/none/x', '/other/y', cookie => 'a=1; Path=/other'),
    'a=1; Path=/other', '... for cookies too';

# cookies of a backend that believes to be another one
is says('/app/x', 'x', cookie => 'a=1; Domain=portal.internal'),
    'a=1; Domain=localhost', 'Domain of a GatewayPassReverse';
is says('/path/x', 'x', cookie => 'a=1; Path=/portal/z'),
    'a=1; Path=/path/z', 'Path of a GatewayPassReverse';

# a backend that knows the front's name by GatewayPreserveHost
is says('/host/x', "$front/host/y"), "$front/host/y",
    'a URL of the front\'s own stays';

# virtual hosts have their own rules first
my $other = $s->port('OTHER');
is says('/vh/x', 'http://portal.internal/y', port => $other),
    "http://localhost:$other/vh/y", 'the virtual host\'s rule';
is says('/vh/x', 'http://admin.internal/base/y', port => $other),
    "http://localhost:$other/app/adm/y", '... and the main server\'s';

done_testing;
