# Internal redirects into a route: an ErrorDocument that a backend serves,
# mod_rewrite with PT, DirectoryIndex, and an ErrorDocument for what the
# gateway itself answers.
use Gateway::Test;
use Gateway::Probe;

my $b = Gateway::Backend->http({
    '/error'  => sub { [ 200, [ 'Content-Type' => 'text/html' ],
        'sorry from ' . $_[0]->method ] },
    '/index'  => [ 200, [], 'index' ],
    '/gone'   => sub { 'close' },
    '/teapot' => [ 418, [], 'teapot' ],
    '/none'   => [ 404, [], 'no such page' ],
    '/login'  => [ 302, [ Location => '/form' ], '' ],
    '/500'    => [ 500, [], 'own page' ],
    '/loop'   => sub { 'close' },
});
my $s = Gateway::Test->server(lane => qr/\Ablocking \(subrequest\)\z/,
    vars => { B => $b },
    modules => [qw(rewrite dir alias)],
    docs => { 'dir/empty.txt' => '', 'dir2/empty.txt' => '',
        'sorry.html' => 'sorry from here',
        'plain/index.html' => 'plain index' },
    ports => ['LOOPS'], config => <<'EOC');
GatewayPass /app http://@B@
GatewayPass /down http://127.0.0.1:1
RewriteEngine On
RewriteRule ^/old/(.*)$  /app/$1 [PT]
RewriteRule ^/query/(.*)$ /app/x?q=$1 [PT]
RewriteRule ^/query2/(.*)$ /app/x?q=$1 [PT,B]
RewriteRule ^/esc/(.*)$ /app/$1 [PT,B]
<Directory "@DOCROOT@/dir">
    DirectoryIndex /app/index
</Directory>
<Directory "@DOCROOT@/dir2">
    DirectoryIndex /app/denied
</Directory>
<Location /app/denied>
    Require all denied
</Location>
<Directory "@DOCROOT@/plain">
    DirectoryIndex index.html
</Directory>
ErrorDocument 404 /app/error
ErrorDocument 403 /app/error
ErrorDocument 502 /sorry.html
ErrorDocument 503 /app/error
ErrorDocument 413 /app/error
ErrorDocument 405 /app/none
<Location /forbidden>
    Require all denied
</Location>
<Location /app/small>
    LimitRequestBody 10
</Location>
Listen 127.0.0.1:@LOOPS@
<VirtualHost *:@LOOPS@>
    ErrorDocument 502 /app/loop
    ErrorDocument 404 /app/login
</VirtualHost>
EOC
$s->expect_log(qr/GW00150/);
$s->expect_log(qr/AH01630/);
$s->allow_log(qr/AH10508|AH10410/);     # newer versions of mod_rewrite
my $c = $s->client;

# --- ErrorDocument from a backend --------------------------------------

my $r = $c->get('/nothing-here')->response;
is $r->status, 404, 'ErrorDocument of a backend: the status stays';
is $r->body, 'sorry from GET', 'the text is the backend\'s';
my ($req) = $b->requests;
is $req->method, 'GET', 'asked with GET';
$b->clear;
$r = $c->post('/forbidden/x', 'secret body', 'Range: bytes=0-1',
    'If-None-Match: "x"', 'X-Forwarded-For: 6.6.6.6')->response;
is $r->status, 403, 'after a POST';
is $r->body, 'sorry from GET', 'the page too';
($req) = $b->requests;
is $req->method, 'GET', 'asked with GET';
is $req->framing, 'none', 'without the body of the POST';
is_deeply [ grep { /\A(?:if-.*|range)\z/ } $req->names ], [],
    'nor its conditions';
is $req->header('x-forwarded-for'), '127.0.0.1', 'for the client as it is';
$r = $c->get('/down/x')->response;
is $r->status, 503, 'for a backend that is down';
is $r->body, 'sorry from GET', 'a page of one that is up';
$c = $s->client;         # the server closes behind a 503
$r = $c->head('/nothing-here')->response;
is $r->status, 404, 'HEAD';
$r = $s->post('/app/small/x', 'more than ten bytes');
is $r->status, 413, 'a body over the limit';
is $r->body, 'sorry from GET', 'has its page as well';

$r = $s->request('TRACE', '/app/x');
like $r->status, qr{\A40[45]\z}, 'a page that the backend does not have';
is $r->body, 'no such page', 'is what the backend says';

# --- ErrorDocument for what the gateway answers ------------------------

$r = $c->get('/app/gone')->response;
is $r->status, 502, 'a backend that closes';
is $r->body, 'sorry from here', 'ErrorDocument of this server';
$r = $c->get('/app/500')->response;
is $r->status, 500, 'a status of the backend';
is $r->body, 'own page', 'keeps its own page';
$r = $s->client(port => $s->port('LOOPS'))->get('/app/gone')->response;
is $r->status, 502, 'an ErrorDocument that fails too: the first status';
unlike $r->body, qr/sorry/, 'and no page';
$r = $s->client(port => $s->port('LOOPS'))->get('/none')->response;
is $r->status, 302, 'an ErrorDocument that sends elsewhere';
like $r->header('location'), qr{/app/form\z}, 'under the name of the front';

# --- mod_rewrite -------------------------------------------------------

sub target {
    my ($path) = @_;
    $b->clear;
    my $res = $s->get($path);
    return $res->status if $res->status >= 400;
    my ($seen) = $b->requests;
    return $seen->target;
}

is target('/old/x'), '/x', 'PT into a route';
is target('/old/x?q=1'), '/x?q=1', 'with its query';
is target('/old/a%20b'), '/a%20b', 'a space is encoded again';
like target('/old/a%3fb'), qr{\A(?:/a%3fb|403)\z}, 'a question mark too';
like target('/old/a%23b'), qr{\A(?:/a%23b|400)\z}, 'and a number sign';
is target('/old/a%0d%0aX:%20y'), 400, 'line ends are refused';
like target('/old/%2e%2e/x'), qr/\A(?:404|400)\z/, 'dots are resolved before';
like target('/old/..;/x'), qr/\A(?:404|400)\z/, 'and parameters of them';
for my $path ('/query/a%20b', '/query2/a%20b', '/query/a%0d%0aX:%20y',
    '/query2/a%0d%0aX:%20y', '/query/a%23b', '/esc/a%20b',
    '/esc/a%0d%0aX:%20y',
    '/old/%c3%a9', '/query/%c3%a9') {
    like target($path), qr{\A(?:[!-~]+)\z}, "$path: printable, or refused";
}

# --- DirectoryIndex ----------------------------------------------------

SKIP: {
    # see paths_hooks.t
    skip('an APR with pool debugging ends this', 7)
        if Gateway::Setup::pool_debug();
    $c = $s->client;              # the server closes behind a 500
    $b->clear;
    is $c->get('/dir/?q=1', 'X-Forwarded-For: 6.6.6.6')->response->body,
        'index', 'DirectoryIndex into a route';
    ($req) = $b->requests;
    is $req->target, '/index?q=1', 'with the query';
    is $req->header('x-forwarded-for'), '127.0.0.1', 'for the client as it is';
    is $c->post('/dir/', 'body')->response->body, 'index', 'also for a POST';
    is +($b->requests)[1]->body, 'body', 'with its body';
    is $s->get('/dir2/')->status, 403, 'an index that is denied';
    is $c->get('/plain/')->response->body, 'plain index', 'and a plain one';
}

is_deeply [ map { @{ $_->problems } } $b->requests ], [],
    'the backend saw nothing odd';
done_testing;
