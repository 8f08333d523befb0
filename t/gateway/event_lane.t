# Which lane serves a request on an adopted connection, and why, is in
# GATEWAY_LANE: inline only where nothing in its way may wait. What the
# sections of the configuration say is found out before the hooks run, however
# the path is written; access control is as elsewhere.
use Gateway::Test;

Gateway::Test->need(mpm => ['event'], driver => 'event');

my $b = Gateway::Backend->http({ '*' => [ 200,
    [ 'Content-Type' => 'text/html' ], "<!--#echo var=\"X\" -->backend\n" ] });

my @LANES = (qr/\Ablocking \(filter/, qr/\Ablocking \(GatewayEvent Off\)\z/);

sub server {
    my ($config, %opt) = @_;
    my $modules = delete $opt{modules} || [];
    return Gateway::Test->server(driver => 'event', lane => \@LANES,
        vars => { B => $b }, modules => $modules,
        config => "GatewayPass /app http://\@B\@\n$config", %opt);
}

my $n = 0;

# The lane of a request, and its status.
sub lane {
    my ($s, $path, @more) = @_;
    my $mark = 'n' . ++$n;
    my %opt = @more && ref $more[-1] ? %{ pop @more } : ();
    my $c = $s->client(%opt);
    $c->get($path . ($path =~ /\?/ ? '&' : '?') . $mark, @more);
    my $r = $c->response;
    $c->close;
    my $line;
    $s->wait_for(sub {
        ($line) = grep { $_->{request} =~ /\b$mark\b/ } $s->access_log;
        return $line;
    }, 5);
    return ($line ? $line->{gw_lane} : 'no line', $r->status);
}

sub lane_is {
    my ($s, $path, $lane, $status, $name, @more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply [ lane($s, $path, @more) ], [ $lane, $status ],
        ($name // $path) . ": $lane";
    return;
}

# --- hooks -------------------------------------------------------------------

# What a stock Debian server loads, and what is usual for a proxy.
my @STOCK = qw(alias auth_basic authn_core authn_file authz_core authz_host
    authz_user access_compat autoindex deflate dir env filter mime negotiation
    reqtimeout setenvif status headers rewrite remoteip unique_id expires cache
    request proxy proxy_http session session_cookie usertrack include);
my $s = server(<<'EOC', modules => \@STOCK, ssl => 1, h2 => 1,
RewriteEngine On
RewriteCond %{HTTP_HOST} ^nobody$
RewriteRule ^/app/(.*) - [F]
RewriteRule ^/old/(.*)$ /app/$1 [PT]
RewriteRule ^/moved/(.*)$ /elsewhere/$1 [R=301,L]
RewriteMap lower int:tolower
AddOutputFilterByType DEFLATE text/html text/plain
ExpiresActive On
RemoteIPHeader X-Client
Header set X-Front yes
Alias /files "@DOCROOT@"
<Directory "@DOCROOT@">
    Require host nowhere.example
</Directory>
<Location /app/open>
    Require all granted
</Location>
<Location /app/ip>
    Require ip 127.0.0.1
</Location>
EOC
    ssl_config => "GatewayPass /app http://\@B\@\n");
ok $s->wait_log(qr/info\].*GW02041/), 'the log: all modules are known';
lane_is($s, "/app/$_", 'inline', 200, "stock, $_") for qw(x open/x ip/x);
lane_is($s, '/app/x', 'inline', 200, 'compressed', 'Accept-Encoding: gzip');
lane_is($s, '/app/x', 'inline', 200, 'TLS', { tls => 1 });
lane_is($s, '/old/x', 'helper (handler)', 200, 'a path that is rewritten');
lane_is($s, '/moved/x', 'helper (handler)', 301, 'a path that is redirected');
lane_is($s, '/index.html', 'helper (handler)', 403, 'a file');
lane_is($s, '/nothing', 'helper (handler)', 403, 'nothing');
$s->expect_log(qr/AH01630/, 2);
lane_is($s, '/app/x', 'helper (upgrade)', 200, 'an offer of a protocol',
    'Connection: Upgrade', 'Upgrade: foo/2');
$s->stop;

for ([ '', 'helper (hook mod_t_lane.c)', 'a hook before the handler' ],
    [ 'READ', 'helper (hook mod_t_lane.c)', 'a hook while it is read' ],
    [ 'END', 'inline', 'a hook at the end' ]) {
    my ($define, $lane, $name) = @$_;
    $s = server(($define ? "Define T_LANE_$define\n" : '')
        . Gateway::Setup::load_module('t_lane'));
    ok $s->wait_log($define eq 'END' ? qr/info\].*GW02042:.*mod_t_lane\.c/
        : qr/info\].*GW02040:.*mod_t_lane\.c/), 'the log names the module';
    lane_is($s, '/app/x', $lane, 200, $name);
    lane_is($s, '/app/x', $lane, 200, "$name, again");
    $s->stop;
}

# --- sections ----------------------------------------------------------------

$s = server(<<'EOC', ports => ['FRONT2'],
<Location /app/auth>
    AuthType Basic
    AuthName "a"
    AuthUserFile "@DOCROOT@/users"
    Require valid-user
</Location>
<LocationMatch "^/app/.*\.secret$">
    AuthType Basic
    AuthName "a"
    AuthUserFile "@DOCROOT@/users"
    Require valid-user
</LocationMatch>
<Location /app/none>
    AuthType None
    Require all granted
</Location>
<Location /app/host>
    <RequireAny>
        Require ip 127.0.0.1
        Require host nowhere.example
    </RequireAny>
</Location>
<Location /app/old>
    Order deny,allow
    Allow from 127.0.0.1
    Deny from 10.0.0.0/8 nowhere.example
</Location>
<Location "/app/if">
    <If "%{QUERY_STRING} =~ /secret/">
        AuthType Basic
        AuthName "a"
        AuthUserFile "@DOCROOT@/users"
        Require valid-user
    </If>
</Location>
<Location /app/helper>
    GatewayEvent Helper
</Location>
<Location /app/off>
    GatewayEvent Off
</Location>
<Location /app/on>
    GatewayEvent On
</Location>
<Location /app/names>
    HostnameLookups On
</Location>
<Location /app/dns>
    UseCanonicalName DNS
</Location>
<Location /app/sub>
    RewriteEngine On
    RewriteCond %{LA-U:REMOTE_USER} ^me$
    RewriteRule ^ - [E=ME:1]
</Location>
<Location /app/expr>
    SetEnvIfExpr "-U '/app/x'" LOOKED=1
</Location>
<Location /app/page>
    ErrorDocument 403 /403.html
    Require ip 127.0.0.1
</Location>
<Location /app/text>
    ErrorDocument 403 "No."
    Require ip 10.0.0.1
</Location>
<IfModule mod_gateway.c>
<Location "/app/with space">
    <LimitExcept POST>
        Require host nowhere.example
    </LimitExcept>
    Require ip 127.0.0.1
</Location>
</IfModule>
<Location ~ "^/app/tilde[0-9]">
    Require host nowhere.example
    Require ip 127.0.0.1
</Location>
<Location "/app/w*ld">
    GatewayEvent Helper
</Location>
<Location /app/empty>
</Location>
<Location /app/gone>
    ErrorDocument 404 /403.html
</Location>
GatewayPass /gated http://@B@/app
GatewayPass /free http://localhost:@B_PORT@/app
<Gateway http://@B@/app/x>
    AuthType None
</Gateway>
<Gateway http://localhost:@B_PORT@>
    AuthType Basic
    AuthName "a"
    AuthUserFile "@DOCROOT@/users"
    Require valid-user
</Gateway>
Listen 127.0.0.1:@FRONT2@
<VirtualHost 127.0.0.1:@FRONT2@>
    <Location /app/two>
        Require forward-dns localhost
    </Location>
    <Location /app/three>
        Require all granted
    </Location>
</VirtualHost>
EOC
    # me:me
    docs => { '403.html' => "no\n",
        users => 'me:{SHA}vQI0ezSAgj2ZMVHNW1/gM2MVMjE=' . "\n" },
    modules => [qw(auth_basic authn_core authn_file authz_core authz_host
        authz_user access_compat rewrite setenvif alias)]);
$s->allow_log(qr/AH01630|AH01797|AH00125/);

lane_is($s, '/app/auth/x', 'helper (auth)', 401);
lane_is($s, "/app/$_", 'helper (auth)', 401, "a way around: $_")
    for '%61uth/x', '/auth/x', './auth/x', 'z/../auth/x', 'au%74h',
    'auth//x', 'x.secret', 'x.s%65cret';
lane_is($s, '//app//auth', 'helper (auth)', 401, 'slashes');
lane_is($s, '/app/authentic', 'inline', 200);
lane_is($s, '/app/none', 'inline', 200, 'AuthType None');
lane_is($s, '/app/host', 'helper (Require host)', 200);
lane_is($s, '/app/old', 'helper (Allow from a name)', 200);
lane_is($s, '/app/if', 'helper (auth)', 200, 'a condition, not met');
lane_is($s, '/app/if?secret', 'helper (auth)', 401, 'a condition, met');
lane_is($s, '/app/helper', 'helper (GatewayEvent Helper)', 200);
lane_is($s, '/app/off', 'blocking (GatewayEvent Off)', 200);
lane_is($s, '/app/on', 'inline', 200);
lane_is($s, '/app/names', 'helper (HostnameLookups)', 200);
lane_is($s, '/app/dns', 'helper (UseCanonicalName DNS)', 200);
lane_is($s, '/app/sub', 'helper (expression)', 200);
lane_is($s, '/app/expr', 'helper (expression)', 200);
lane_is($s, '/app/page', 'helper (error document)', 200);
lane_is($s, '/app/text', 'inline', 403, 'a text is no document');
lane_is($s, '/app/gone', 'inline', 200, 'a document that nothing leads to');
lane_is($s, '/app/with%20space', 'helper (Require host)', 200);
lane_is($s, '/app/tilde1', 'helper (Require host)', 200);
lane_is($s, '/app/tildex', 'inline', 200);
lane_is($s, '/app/wild', 'helper (GatewayEvent Helper)', 200);
lane_is($s, '/app/empty', 'inline', 200);
lane_is($s, '/gated/x', 'inline', 200, 'a section that does not apply');
lane_is($s, '/free/x', 'helper (auth)', 401, '<Gateway>');
{
    my %two = (port => $s->port('FRONT2'));
    lane_is($s, '/app/two', 'helper (Require forward-dns)', 200, undef, \%two);
    lane_is($s, '/app/three', 'inline', 200, undef, \%two);
    lane_is($s, '/app/auth/x', 'helper (auth)', 401, 'inherited', \%two);
    lane_is($s, '/app/host', 'helper (Require host)', 200, 'too', \%two);
    lane_is($s, '/app/two', 'inline', 200, 'not of the other server');
}

# One connection, by turns.
{
    my $c = $s->client;
    my @status = map { $c->get($_); $c->response->status }
        '/app/a', '/app/auth/b', '/app/c', '/403.html', '/app/off/e', '/app/f',
        '/app/helper/g', '/app/h';
    is_deeply \@status, [ 200, 401, (200) x 6 ],
        'lanes change on one connection';
    $c->close;
}
$s->stop;

# --- a server as a whole -----------------------------------------------------

for (
    [ "HostnameLookups On\n", 'HostnameLookups' ],
    [ "RewriteEngine On\nRewriteRule ^/app/f(.*) /files/\$1\n", 'rewrite' ],
    [ "RewriteEngine On\nRewriteRule ^/app/f(.*) /app\$1 [PT]\n",
        'rewrite' ],
    [ "RewriteEngine On\nRewriteRule ^/app/f(.*) /app/g\$1\n", 'rewrite' ],
    [ "RewriteEngine On\nRewriteMap m \"prg:/bin/cat\"\n",
        'RewriteMap prg' ],
    [ "<If \"%{QUERY_STRING} =~ /xyz/\">\nRequire host x.example\n</If>\n",
        'Require host' ],
    [ "ErrorDocument 400 /400.html\n", 'error document' ],
    [ "<Location />\nGatewayEvent Helper\n</Location>\n",
        'GatewayEvent Helper' ],
    [ "ErrorDocument 403 /403.html\nRewriteEngine On\n"
        . "RewriteRule ^/app/no - [F]\n", 'error document' ],
) {
    my ($config, $why) = @$_;
    $s = server($config, modules => [qw(rewrite cache cache_disk authz_host)]);
    lane_is($s, '/app/x', "helper ($why)", 200, $config =~ s/\n/ | /gr);
    $s->stop;
}

# A path that is rewritten leads to another section.
for ([ "Require all granted\n", 'inline', 200 ],
    [ "AuthType Basic\nAuthName a\nAuthUserFile \@DOCROOT\@/none\n"
        . "Require valid-user\n", 'helper (rewrite)', 401 ],
    [ "GatewayEvent Helper\n", 'helper (rewrite)', 200 ],
    [ "Require host x.example\n", 'helper (rewrite)', 403 ],
    [ "ErrorDocument 403 /none\nRequire ip 127.0.0.1\n",
        'helper (error document)', 200 ],
    [ "Require ip 10.0.0.1\n", 'inline', 403 ]) {
    my ($section, $lane, $status) = @$_;
    $s = server("RewriteEngine On\n"
        . "RewriteRule ^/app/to(.*) /app/other\$1 [PT]\n"
        . "<Location /app/other>\n$section</Location>\n",
        modules => [qw(rewrite authz_host auth_basic authn_core authn_file
            authz_user)]);
    $s->allow_log(qr/AH01630/);
    lane_is($s, '/app/to/x', $lane, $status, $section =~ s/\n/ | /gr);
    $s->stop;
}

$s = server("CacheEnable disk /app\nCacheRoot \@ROOT\@/run\n",
    modules => [qw(cache cache_disk)]);
lane_is($s, '/app/x', 'blocking (filter cache_save)', 200, 'a cache');
$s->stop;

# The page for what core refuses while it reads cannot be asked for in a loop,
# whoever makes it.
$s = server(<<'EOC', docs => { 'page.html' => "a page\n" });
ErrorDocument 414 /page.html
LimitRequestLine 500
EOC
{
    my $c = $s->client;
    is $c->get('/app/x')->response->status, 200, 'a request';
    my $r = $c->get('/app/' . 'x' x 600)->response;
    is $r->status, 414, 'a line that is too long';
    like $r->body, qr/Request-URI Too Long/, 'the server\'s own page';
    is_deeply $r->problems, [], 'well-formed';
    $c->close;
}
$s->expect_log(qr/AH00565/);
$s->stop;

# --- filters -----------------------------------------------------------------

$s = server("Define T_LANE_FILTER\n" . Gateway::Setup::load_module('t_lane')
    . <<'EOC',
ExtFilterDefine cat mode=output cmd=/bin/cat
<Location /app/ext>
    SetOutputFilter cat
</Location>
<Location /app/rate>
    SetOutputFilter RATE_LIMIT
    SetEnv rate-limit 4000
</Location>
<Location /app/inc>
    Options +Includes
    SetOutputFilter INCLUDES
</Location>
<Location /app/own>
    SetOutputFilter T_LANE
</Location>
<Location /app/flate>
    SetOutputFilter DEFLATE
</Location>
<Location /app/both>
    SetOutputFilter T_LANE;DEFLATE
</Location>
<Location /app/in>
    SetInputFilter BUFFER
</Location>
EOC
    modules => [qw(ext_filter ratelimit include deflate filter env buffer)]);
lane_is($s, '/app/ext', 'blocking (filter cat)', 200);
lane_is($s, '/app/rate', 'blocking (filter rate_limit)', 200);
lane_is($s, '/app/inc', 'blocking (filter includes)', 200);
lane_is($s, '/app/own', 'blocking (filter t_lane)', 200);
lane_is($s, '/app/flate', 'inline', 200, undef, 'Accept-Encoding: gzip');
lane_is($s, '/app/both', 'blocking (filter t_lane)', 200);
lane_is($s, '/app/in', 'blocking (filter buffer)', 200);
lane_is($s, '/app/none', 'inline', 200);
$s->stop;

# --- TLS ---------------------------------------------------------------------

$s = server('', ssl => 1, ssl_config => <<'EOC');
GatewayPass /app http://@B@
SSLCACertificateFile "@CA@"
SSLVerifyDepth 3
<Location /app/cert>
    SSLVerifyClient optional
</Location>
<Location /app/plain>
    SSLRequireSSL
</Location>
EOC
lane_is($s, '/app/x', 'inline', 200, 'TLS', { tls => 1 });
lane_is($s, '/app/plain', 'inline', 200, 'SSLRequireSSL', { tls => 1 });
is +(lane($s, '/app/cert', { tls => 1,
    tls_version => 'TLSv1_2' }))[0], 'helper (TLS renegotiation)',
    'SSLVerifyClient in a section';
$s->stop;

done_testing;
