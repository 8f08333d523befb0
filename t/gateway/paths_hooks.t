# What httpd would do with a file of the same name must not touch a routed
# request: AddHandler, Directory, DirectorySlash, MultiViews, Options,
# .htaccess, FallbackResource, mod_alias, mod_mime, mod_speling, mod_userdir,
# mod_actions, mod_negotiation, SetHandler. Each hazard stands in one server,
# is shown to work for a path that is not routed, and is then tried on one
# that is, while files and folders of these names exist.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my %docs = (
    'app/index.html' => 'a file', 'app/sub/index.html' => 'a file',
    'app/page.html.en' => 'a file', 'app/x.do' => 'a file',
    'app/speling.txt' => 'a file', 'app/secret/.htaccess' =>
        "Require all denied\n", 'app/secret/x' => 'a file',
    'app/broken/.htaccess' => "NoSuchDirective\n",
    'app/broken/x' => 'a file', 'app/plain.txt' => 'a file',
    'app/typed.html' => 'a file', 'alias/x' => 'a file',
    'here/index.html' => 'a file', 'here/sub/index.html' => 'a file',
    'here/page.html.en' => 'a file', 'here/x.do' => 'a file',
    'here/speling.txt' => 'a file', 'here/secret/.htaccess' =>
        "Require all denied\n", 'here/secret/x' => 'a file',
    'here/y.act' => 'a file', 'here/plain.txt' => 'the fallback',
    'public/u/x' => 'a file',
);
my $s = Gateway::Test->server(
    modules => [qw(actions alias asis authz_host autoindex dir include mime
        negotiation speling status userdir)],
    vars => { B => $b }, docs => \%docs, config => <<'EOC');
<Directory "@DOCROOT@">
    AllowOverride All
</Directory>
Options Indexes MultiViews
AddLanguage en .en
AddEncoding x-gzip .tgz
AddHandler server-status .do
AddOutputFilter INCLUDES .shtml
CheckSpelling On
DirectorySlash On
DirectoryIndex index.html
AcceptPathInfo On
<LocationMatch "/fallback/">
    FallbackResource /here/plain.txt
</LocationMatch>
Alias /app/aliased "@DOCROOT@/alias"
Alias /here/aliased "@DOCROOT@/alias"
Redirect /here/moved /elsewhere
UserDir "@DOCROOT@/public"
AddHandler send-as-is .asis
Action made-up /here/plain.txt virtual
AddHandler made-up .act

GatewayPass /app http://@B@/app
GatewayPass /~u  http://@B@/user
<Location /app/handler>
    SetHandler server-status
</Location>
<Location /app/type>
    ForceType text/x-forced
</Location>
EOC

# the hazards are there
is $s->get('/here/sub')->status, 301, 'DirectorySlash redirects';
like $s->get('/here/x.do')->body, qr/Apache Server Status/, 'a handler';
like $s->get('/here/speeling.txt')->status, qr/^30[01]$/, 'spelling';
is $s->get('/here/secret/x')->status, 403, '.htaccess denies';
$s->expect_log(qr/AH01630.*secret/, 1);
is $s->get('/here/aliased/x')->body, 'a file', 'Alias';
is $s->get('/here/y.act')->body, 'the fallback', 'Action';
SKIP: {
    # ap_internal_fast_redirect() joins tables of a subrequest's pool to those
    # of its parent: an APR with pool debugging aborts there
    skip('an APR with pool debugging ends these', 2)
        if Gateway::Setup::pool_debug();
    is $s->get('/here/page.html')->body, 'a file', 'MultiViews finds a file';
    is $s->get('/here/fallback/x')->body, 'the fallback', 'FallbackResource';
}

for (['/app', '/app'], ['/app/', '/app/'], ['/app/sub', '/app/sub'],
    ['/app/sub/', '/app/sub/'], ['/app/page.html', '/app/page.html'],
    ['/app/page', '/app/page'], ['/app/x.do', '/app/x.do'],
    ['/app/x.asis', '/app/x.asis'], ['/app/x.act', '/app/x.act'],
    ['/app/speeling.txt', '/app/speeling.txt'],
    ['/app/secret/x', '/app/secret/x'], ['/app/broken/x', '/app/broken/x'],
    ['/app/aliased/x', '/app/aliased/x'], ['/app/none', '/app/none'],
    ['/app/plain.txt/info', '/app/plain.txt/info'],
    ['/app/x.cgi', '/app/x.cgi'], ['/app/x.tgz', '/app/x.tgz'],
    ['/app/x.shtml', '/app/x.shtml'], ['/app/fallback/x', '/app/fallback/x'],
    ['/app/x.html.en', '/app/x.html.en'],
    ['/app/typed.html', '/app/typed.html'],
    ['/app/handler/x', '/app/handler/x'], ['/app/type/x', '/app/type/x'],
    ['/app/index.html', '/app/index.html'], ['/~u/x', '/user/x']) {
    my ($path, $target) = @$_;
    my $r = $s->get($path);
    is $r->status, 200, $path;
    is eval { $r->json->{target} }, $target, '... went to the backend'
        or diag $r->body;
    is_deeply [ map { $r->all("content-$_") } qw(language encoding) ], [],
        '... untouched by its name';
    like $r->header('content-type'), qr{^(?:application/json|text/x-forced)$},
        '... and its type is the backend\'s';
}

# methods that handlers of httpd's own would answer
for my $method (qw(OPTIONS POST PUT DELETE PATCH PROPFIND)) {
    my $r = $s->request($method, '/app/plain.txt', [],
        $method =~ /^P[OUA]/ ? 'x' : undef);
    is $r->status, 200, $method;
    is $r->json->{method}, $method, '... as it is';
}
$b->clear;
is $s->request('TRACE', '/app/x', [])->status, 405, 'TRACE is not passed on';
is scalar($b->requests), 0, '... at all';

# Directory says nothing about what is no file
$s = Gateway::Test->server(modules => [qw(authz_host dir autoindex)],
    vars => { B => $b }, docs => { 'app/x' => 'a file', 'y' => 'a file' },
    config => <<'EOC');
<Directory />
    Require all denied
    Options None
    AllowOverride None
</Directory>
<FilesMatch "x$">
    Require all denied
</FilesMatch>
<Location /app>
    GatewayPass http://@B@/app
</Location>
EOC
is $s->get('/y')->status, 403, 'Directory denies a file';
$s->expect_log(qr/AH01630.*denied/, [1, 2]);
is $s->get('/app/x')->status, 200, '... and no routed request';
is $s->get('/app/')->status, 200, '... nor a folder';

done_testing;
