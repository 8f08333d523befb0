# conf-examples/bitbucket.conf before a real Tomcat over TLS: a session with a
# login form, its cookie and redirects, files, uploads of both framings, and
# what Java servers make of a path.
use Gateway::Test;
use Gateway::Tomcat;

# the server starts slowly; the other MPMs have nginx in conf_examples.t
Gateway::Test->need(mpm => 'event', command => 'java');
plan(skip_all => 'Tomcat is not installed') unless Gateway::Tomcat->available;

my $t = Gateway::Tomcat->new(tls => 'server',
    docs => { 'repo/info' => "refs\n", 'big' => 'x' x 500000 });
my $dir = Gateway::Setup::root() . '/conf-examples';
my $s = Gateway::Test->server(ssl => 1, vars => { T => $t },
    config => <<"EOC");
Define BITBUCKET_URL \@T_URL\@
Define BITBUCKET_CA \@CA\@
Include "$dir/bitbucket.conf"
EOC
my $front = 'https://localhost:' . $s->ssl_port;
my @host = ('Host: localhost:' . $s->ssl_port);

sub get { return $s->get_tls($_[0], @host, @_[1 .. $#_]) }

is get('/bitbucket/')->body, "tomcat\n", 'the front page';
is get('/bitbucket')->status, 200, '... without a slash';
is get('/bitbucket/repo/info')->body, "refs\n", 'a file';
is length get('/bitbucket/big')->body, 500000, 'a larger one';
is get('/bitbucket/none')->status, 404, 'an error of its own';
my $r = get('/bitbucket/repo');
is $r->status, 302, 'a folder is redirected';
is $r->header('location'), "$front/bitbucket/repo/", '... to this server';

# a session: form, cookie, redirect, page
$r = get('/bitbucket/private/index.html');
is $r->body, "log in\n", 'the login form';
my ($cookie) = ($r->header('set-cookie') // '')
    =~ m{^(JSESSIONID=\w+); Path=/bitbucket; Secure; HttpOnly$};
ok $cookie, '... its cookie is for /bitbucket';
my $form = 'j_username=ann&j_password=secret';
$r = $s->request('POST', '/bitbucket/private/j_security_check', [ @host,
    "Cookie: $cookie", 'Content-Type: application/x-www-form-urlencoded' ],
    $form, tls => 1);
like $r->status, qr/^30[23]$/, 'logged in';
is $r->header('location'), "$front/bitbucket/private/index.html",
    '... and sent back';
($cookie) = ($r->header('set-cookie') // $cookie) =~ /^(JSESSIONID=\w+)/;
is get('/bitbucket/private/index.html', "Cookie: $cookie")->body,
    "private\n", '... to the page';
is get('/bitbucket/private/index.html')->body, "log in\n",
    'others are not';

# bodies
$r = $s->request('PUT', '/bitbucket/up1', [@host], 'y' x 300000, tls => 1);
is $r->status, 201, 'PUT with Content-Length';
is get('/bitbucket/up1')->body, 'y' x 300000, '... came whole';
my $c = $s->client(tls => 1);
$c->send("PUT /bitbucket/up2 HTTP/1.1\r\n$host[0]\r\n"
    . "Transfer-Encoding: chunked\r\n\r\n",
    (map { sprintf "%x\r\n%s\r\n", 5000, 'z' x 5000 } 1 .. 30), "0\r\n\r\n");
is $c->response(method => 'PUT')->status, 201, 'PUT in chunks';
is get('/bitbucket/up2')->size, 150000, '... came whole';
$r = get('/bitbucket/big', 'Range: bytes=10-19');
is $r->status, 206, 'a range';
is $r->body, 'x' x 10, '... of it';
my $etag = get('/bitbucket/big')->header('etag');
is get('/bitbucket/big', "If-None-Match: $etag")->status, 304, 'unchanged';
$r = $s->request('HEAD', '/bitbucket/big', [@host], undef, tls => 1);
is $r->header('content-length'), 500000, 'HEAD';

# to a servlet container this is /private/index.html
is get("/bitbucket/repo/$_")->status, 400, "$_ is refused"
    for '..;/private/index.html', '..;x=y/private/index.html',
    '%2e%2e;/private/', '..%2fprivate/', '..%5cprivate/';
is scalar(grep { m{\.\.;|%2e} } $t->access_log), 0, 'Tomcat saw none of it';

done_testing;
