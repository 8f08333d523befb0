# conf-examples/*.conf: each is valid as it is, and each works. Its values are
# variables with defaults: here they are defined before it is included, nothing
# of it is changed. bitbucket.conf stands before a real nginx over TLS (and in
# conf_tomcat.t before a Tomcat).
use Gateway::Test;
use Digest::SHA ();
use Gateway::Nginx;
use Gateway::Setup ();
use MIME::Base64 ();

Gateway::Test->need(command => 'nginx');

my $dir = Gateway::Setup::root() . '/conf-examples';
my @modules = qw(alias headers authz_host authz_user authn_core authn_file
    auth_basic);
my @examples = map { m{([^/]+)\z} } glob "$dir/*.conf";
is_deeply [ sort @examples ],
    [qw(bitbucket.conf consistent-hash.conf failover.conf health.conf
        jenkins-cluster.conf many-apps-one-domain.conf sticky.conf
        unix-socket.conf)],
    'every example is exercised below or in conf_clusters.t';

# As it is, and with every variable that it names defined.
for my $name (@examples) {
    my ($ok, $said) = Gateway::Test->configtest(modules => \@modules,
        config => "Include \"$dir/$name\"\n");
    ok $ok, "$name is valid as it is" or diag $said;
    open my $fh, '<', "$dir/$name" or die "$name: $!";
    my @lines = <$fh>;
    cmp_ok scalar(grep { /^\s*#/ } @lines), '>=', 10, '... with comments';
    is scalar(grep { length > 80 || /\t| $/ } @lines), 0, '... lines';
}

# A server with an example and what it is told.
sub with {
    my ($name, $define, %more) = @_;
    my $before = delete $more{before} // '';
    return Gateway::Test->server(modules => \@modules, %more,
        config => join '', $before, (map { "Define $_ $define->{$_}\n" }
            sort keys %$define), "Include \"$dir/$name\"\n");
}

# --- bitbucket.conf ------------------------------------------------------

my $n = Gateway::Nginx->new(tls => 'server',
    docs => { 'repo/info' => "refs\n", 'big' => 'x' x 300000 },
    config => <<'EOC', http => 'client_max_body_size 50m;');
location /login {
    add_header Set-Cookie "SESSION=1; Path=/; Secure; HttpOnly";
    add_header X-Seen-Proto $http_x_forwarded_proto;
    add_header X-Seen-Host $http_host;
    return 302 /dashboard;
}
location /here { return 302 https://$http_host/there?x=y; }
location /push { return 200 "$content_length"; }
location /plain { return 200 "$request_uri"; }
EOC
my $s = with('bitbucket.conf', { BITBUCKET_URL => '@N_URL@',
    BITBUCKET_CA => '@CA@' }, vars => { N => $n }, ssl => 1);
my $front = 'http://127.0.0.1:' . $s->port;

is $s->get('/bitbucket/')->body, "nginx\n", 'bitbucket.conf: the front page';
is $s->get('/bitbucket')->body, "nginx\n", '... without a slash';
is $s->get('/bitbucket/repo/info')->body, "refs\n", '... below';
is length $s->get('/bitbucket/big')->body, 300000, '... much at once';
is $s->get('/bitbucket/plain/a%20b%2Fc?d=%26')->body,
    '/plain/a%20b%2Fc?d=%26', '... path and query as the client wrote them';
my $r = $s->get('/bitbucket/repo');
is $r->status, 301, '... nginx redirects to a folder';
is $r->header('location'), "$front/bitbucket/repo/", '... here';
$r = $s->get('/bitbucket/login');
is $r->header('location'), "$front/bitbucket/dashboard", '... to another page';
is $r->header('set-cookie'), 'SESSION=1; Path=/bitbucket; Secure; HttpOnly',
    '... the cookie is for /bitbucket';
is $r->header('x-seen-proto'), 'http', '... it knows the scheme';
is $r->header('x-seen-host'), $n->hostport, '... its own name';
is $s->get('/bitbucket/here')->header('location'),
    "$front/bitbucket/there?x=y", '... a whole URL';
is $s->get_tls('/bitbucket/here')->header('location'),
    'https://127.0.0.1:' . $s->ssl_port . '/bitbucket/there?x=y',
    '... over TLS in front';
is $s->post('/bitbucket/push', 'x' x 200000)->body, 200000, '... a push';
is $s->get('/bitbucketx')->status, 404, '... other paths stay here';
is $s->get('/other')->status, 404, '... all of them';

# Without the CA the same server is not believed: the log says what to do.
$s = with('bitbucket.conf', { BITBUCKET_URL => '@N_URL@' },
    vars => { N => $n });
is $s->get('/bitbucket/')->status, 502, '... an unknown CA is refused';
$s->expect_log(qr/\[gateway:error\].*GatewaySSLCACertificateFile/, 1);
$n->expect_log(qr/SSL_do_handshake\(\) failed|alert/);

# --- unix-socket.conf ----------------------------------------------------

my $u = Gateway::Backend->http({ '/health' => [ 200, [], 'well' ] },
    unix => 1);
my $up = Gateway::Backend->http({}, unix => 1);
$s = with('unix-socket.conf', { APP_SOCKET => $u->socket,
    APP_STATIC => '"@ROOT@/static"', APP_UPLOAD_SOCKET => $up->socket },
    docs => { '../static/style.css' => "css\n",
        '../static/robots.txt' => "robots\n" });
$r = $s->get('/page?x', 'Host: www.front.example')->json;
is $r->{target}, '/page?x', 'unix-socket.conf: the application';
my %seen = map { lc $_->[0] => $_->[1] } @{ $r->{headers} };
is $seen{host}, 'www.front.example', '... knows its public name';
is $seen{'x-forwarded-proto'}, 'http', '... and the scheme';
is $s->get('/')->json->{target}, '/', '... the front page';
is $s->get('/static/style.css')->body, "css\n", '... files are sent here';
is $s->get('/robots.txt')->body, "robots\n", '... single ones too';
is $s->get('/static/none')->status, 404, '... or not at all';
is $s->get('/staticx')->json->{target}, '/staticx', '... whole segments';
is $s->get('/health')->body, 'well', '... health, from this machine';
is $s->post('/upload/x', 'x' x 99999)->json->{body_length}, 99999,
    '... an upload';
is scalar($up->requests), 1, '... to its own process';
$u->stop;
is $s->get('/page')->status, 503, '... nobody at the socket';
$s->expect_log(qr/\[gateway:error\]/, 1);

# --- many-apps-one-domain.conf -------------------------------------------

my ($portal, $jenkins, $api) = map { Gateway::Backend->http({}) } 1 .. 3;
my $wiki = Gateway::Backend->http(sub {
    my ($req) = @_;
    return unless $req->{path} eq '/go';
    return [ 302, [ Location => 'http://wiki.internal/Start',
        'Set-Cookie' => 'w=1; Path=/' ], '' ];
});
my $grafana = Gateway::Backend->http({}, tls => 'server');
$s = with('many-apps-one-domain.conf', { APPS_DOMAIN => 'apps.front.example',
    APPS_PORT => '@PORT@', APPS_ROOT => '"@ROOT@/apps"',
    PORTAL_URL => '@PORTAL_URL@', JENKINS_URL => '@JENKINS_URL@',
    WIKI_URL => '@WIKI_URL@', API_URL => '@API_URL@',
    GRAFANA_URL => '@GRAFANA_URL@', GRAFANA_CA => '@CA@' },
    vars => { PORTAL => $portal, JENKINS => $jenkins, WIKI => $wiki,
        API => $api, GRAFANA => $grafana },
    docs => { '../apps/public/assets/logo' => "logo\n",
        '../apps/errors/unavailable.html' => "back soon\n",
        '../apps/users' => 'ann:{SHA}'
            . MIME::Base64::encode_base64(Digest::SHA::sha1('secret')) });
my $host = 'apps.front.example:' . $s->port;

sub seen {
    my ($path, @lines) = @_;
    my $answer = $s->get($path, "Host: $host", @lines);
    return { status => $answer->status, body => $answer->body }
        if $answer->status != 200 || $answer->body !~ /^\{/;
    my $json = $answer->json;
    return { target => $json->{target},
        map { lc $_->[0] => $_->[1] } @{ $json->{headers} } };
}

is seen('/page')->{target}, '/page', 'many-apps: the portal';
is seen('/page')->{host}, $portal->hostport, '... by its own name';
is seen('/assets/logo')->{body}, "logo\n", '... files';
is seen('/jenkins/job/x')->{target}, '/jenkins/job/x', '... jenkins';
is seen('/jenkins/job/x')->{host}, $host, '... knows the client\'s name';
is seen('/wiki/Page')->{target}, '/Page', '... the wiki';
$r = $s->get('/wiki/go', "Host: $host");
is $r->header('location'), "http://$host/wiki/Start", '... its redirects';
is $r->header('set-cookie'), 'w=1; Path=/wiki', '... its cookies';
is $s->post('/wiki/Page', 'x', "Host: $host")->status, 200, '... writing';
is seen('/api/v2/x?y')->{target}, '/v2/x?y', '... the API';
is seen('/api/v3/x')->{status}, 404, '... no other version';
is seen('/grafana/d')->{status}, 401, '... grafana asks who it is';
my $ann = 'Authorization: Basic ' . MIME::Base64::encode_base64('ann:secret',
    '');
my $got = seen('/grafana/d', $ann, 'X-WEBAUTH-USER: admin');
is $got->{target}, '/d', '... and lets people in';
is $got->{'x-webauth-user'}, 'ann', '... it is told who they are';
is $got->{authorization}, undef, '... but no password';
$jenkins->stop;
is_deeply seen('/jenkins/x'), { status => 503, body => "back soon\n" },
    '... what is down has a page';
is seen('/page')->{target}, '/page', '... the rest goes on';
$s->expect_log(qr/\[gateway:error\]/, 1);

# --- health.conf ---------------------------------------------------------

my $state = Gateway::Test->scratch . '/health';
sub health {
    my ($name, $status, $text) = @_;
    open my $fh, '>', "$state.new" or die "health: $!";
    print {$fh} "$status $text\n";
    close $fh or die "health: $!";
    rename "$state.new", "$state.$name" or die "health: $!";
    return;
}

sub app {
    my ($name) = @_;
    return Gateway::Backend->http(sub {
        my ($req) = @_;
        return [ 200, [], $name ] if $req->target ne '/status';
        open my $fh, '<', "$state.$name" or die "health: $!";
        my ($status, $text) = split ' ', <$fh>, 2;
        return [ $status, [], $text ];
    });
}
health($_, 200, 'well') for qw(A B);
my %app = map { $_ => app($_) } qw(A B C);
$s = with('health.conf', { HEALTH_A => '@A_URL@',
    HEALTH_B => '@B_URL@', HEALTH_C => '@C_URL@', HEALTH_PAGE => '/status',
    HEALTH_HOST => 'www.front.example', HEALTH_INTERVAL => '200ms' },
    vars => \%app);

sub used {
    my %used;
    $used{ $s->get('/app/x')->body }++ for 1 .. 10;
    return join ' ', sort keys %used;
}

sub changed {
    my ($what, $n) = @_;
    return $s->wait_for(sub {
        $n == $s->log->grep(qr/GW01301: .*--> \[$what\]$/)
    });
}
is used(), 'A B', 'health.conf: both are used';
$app{A}->wait(sub { (() = grep { $_->target eq '/status' } $_[0]->requests) });
my ($asked) = grep { $_->target eq '/status' } $app{A}->requests;
is join(' ', map { $asked->header($_) // '' } qw(host x-asked-by)),
    'www.front.example gateway', '... asked by the name of the site';
health(A => 200, 'down for Maintenance');
ok changed('CHECK FAILED', 1), '... a server under maintenance is not used';
is used(), 'B', '... but the other one';
health(B => 503, 'well');
ok changed('CHECK FAILED', 2), '... nor one that says 503';
is used(), 'C', '... then the small one works';
health(A => 200, 'well');
ok changed('IN USE', 1), '... until one is well';
is used(), 'A', '... which is used again';

done_testing;
