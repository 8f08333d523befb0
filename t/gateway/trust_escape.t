# What clients and backends send does not break out of where it is shown:
# error pages escape it, logs do, and what a rule fills into its URL is
# encoded, stays in path and query, and never brings a line end or a space.
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new({
    '/gone'  => sub { 'close' },
    '/junk'  => sub {
        $_[0]{conn}->send("HTTP/1.1 200 <script>\e[31m\r\nX<y: \r\n\r\n");
        return 'close';
    },
    '/reason' => sub {
        $_[0]{conn}->send("HTTP/1.1 999 <b>reason</b>\r\n"
            . "Content-Length: 0\r\n\r\n");
        return 'done';
    },
});
my $canary = Gateway::Backend->http({ '*' => [ 200, [], 'canary' ] });
my $s = Gateway::Test->server(vars => { B => $p->backend, C => $canary },
    modules => ['rewrite'], config => <<'EOC');
GatewayPass /app http://@B@
GatewayPassMatch "^/one/(.*)$"        "http://@B@/1/$1"
GatewayPassMatch "^/query/(.*)$"      "http://@B@/q?a=$1&b=$1"
GatewayPassMatch "^/mid/([^/]*)/(.*)$" "http://@B@/m/$2/x/$1"
GatewayPassMatch "^/glue/(.*)$"       "http://@B@/g$1"
GatewayPassMatch "^/all"              "http://@B@/$0"
EOC
$s->expect_log(qr/GW00150/);
$s->allow_log(qr/AH10244/);
$p->front($s);

my $html = '%3Cscript%3Ealert(1)%3C/script%3E';

# --- error pages -------------------------------------------------------

for my $path ("/app/gone?<script>", "/app/junk", "/app/%00$html",
    "/app/x%2f..%2f$html", "/none/$html") {
    my $r = $s->get($path);
    ok $r->status >= 400, "$path: an error";
    unlike $r->body, qr/<script|<b>|\e/i, 'and nothing breaks out of its page';
}
for my $method ('<script>', 'GET') {
    my $r = $s->raw("$method /app/%00 HTTP/1.1\r\nHost: <script>\r\n\r\n");
    unlike $r->body, qr/<script/i, "$method: nor of this one";
}
my $r = $s->get('/app/junk');
unlike join('', map { "@$_" } @{ $r->headers }), qr/script|\e/,
    'nor into its fields';

# --- logs --------------------------------------------------------------

$s->get("/app/gone?a%1b[31m\tb");
$s->request('GET', '/app/gone', [ "X-A: \x1b[31m", "Referer: a\x0bb" ]);
$s->get('/app/x%0aerror:%20faked');
$s->get('/app/..;/%1b[31m%0afaked');
for my $file ('error.log', 'access.log') {
    open my $fh, '<:raw', $s->root . "/logs/$file" or die "$file: $!";
    my @bad = grep { /[\x00-\x08\x0b-\x1f\x7f]/ || /\A(?:error|faked)/ }
        <$fh>;
    is_deeply \@bad, [], "$file: no control characters, no line of a client";
}

# --- values in the URLs of rules ---------------------------------------

sub target {
    my ($path, %opt) = @_;
    my $seen = $p->clean("$path", $p->head("GET $path HTTP/1.1"), %opt);
    my ($req) = @{ $seen->{requests} };
    return $req ? $req->target : $seen->{responses}[0]->status;
}

is target('/one/x'), '/1/x', 'into a path';
is target('/one/a%20b'), '/1/a%20b', 'encoded';
is target('/one/a%3fb'), '/1/a%3fb', 'stays in the path';
is target('/one/a%23b'), '/1/a%23b', 'a number sign too';
is target('/one/a%2fb'), '/1/a%2fb', 'a slash stays encoded';
is target('/query/x'), '/q?a=x&b=x', 'into a query';
is target('/query/a%26b=c'), '/q?a=a%26b%3Dc&b=a%26b%3Dc',
    'stays in its value';
is target('/query/a%20b'), '/q?a=a%20b&b=a%20b', 'a space is encoded';
is target('/query/a+b'), '/q?a=a%2Bb&b=a%2Bb', 'a plus is no space';
is target('/query/a%23b'), '/q?a=a%23b&b=a%23b', 'a number sign is none';
is target('/query/a%25b'), '/q?a=a%25b&b=a%25b', 'a percent sign is one';
is target('/mid/a/b'), '/m/b/x/a', 'in any order';

for my $start ('/one/', '/query/', '/mid/x/', '/glue/') {
    for my $bad ('%0d%0aX:%20y', '%00', '%0a', '%7f', '%1b') {
        like target("$start$bad"), qr{\A40[04]\z}, 'is refused';
    }
    for my $odd ('@' . $canary->hostport, ':' . $canary->port . '/',
        '//' . $canary->hostport . '/', '|http://' . $canary->hostport,
        'unix:/x|http://' . $canary->hostport . '/', '.evil.example/',
        '%c3%a9',
        '"', "'", '<>', '{}', '\\', '^`|') {
        like target("$start$odd"), qr/\A[!-~]+\z/, 'is printable, or refused';
    }
}
for my $dots ('..', '../x', '%2e%2e', '%2e%2e%2fx', '..;/x', '%2f..',
    'a/%2e%2e/%2e%2e') {
    unlike target("/one/$dots"), qr{\A/1/.*(?:\.|%2e)(?:\.|%2e)}i,
        'no dots are filled in';
    unlike target("/mid/$dots/y"), qr{(?:\A|/)(?:\.|%2e){2}(?:/|\z)}i,
        'nor in the middle';
    unlike target("/glue/$dots"), qr{/(?:\.|%2e){2}(?:/|\z)}i, 'nor glued on';
}
is $canary->connections, 0, 'nobody came to the canary';

$p->finish;
done_testing;
