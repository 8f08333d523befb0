# Request lines: methods, versions, spaces and 8-bit bytes in the target.
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $s = Gateway::Test->server(vars => { B => $p->backend },
    config => "GatewayPass /app http://\@B\@\n");
$p->front($s);

sub line { return $p->head(@_) }

# --- methods -----------------------------------------------------------

my $req;
for my $method (qw(GET POST PUT DELETE PATCH OPTIONS PROPFIND MKCOL REPORT
    PURGE BREW X-9), 'G!#$%&\'*+-.^_`|~', 'get') {
    $req = $p->forwarded("method $method", line("$method /app/x HTTP/1.1"));
    is $req && $req->method, $method, 'as it came';
}
$req = $p->forwarded('method HEAD', line('HEAD /app/x HTTP/1.1'));
is $req && $req->method, 'HEAD', 'stays HEAD';

$p->refused("method '$_'", line("$_ /app/x HTTP/1.1"), status => '400|501')
    for 'G=":<>', "G\x00T", "GE\tT", "G\xc3\xa9T", '';
$p->clean('a long method', line('A' x 3000 . ' /app/x HTTP/1.1'));

# --- versions ----------------------------------------------------------

$p->refused("version $_", line("GET /app/x $_"), status => '400|505')
    for 'HTTP/1.1x', 'HTTP/11.1', 'http/1.1', 'HTTP/2.0', 'HTTP/1.10',
        'HTTP/1', 'HTTP/1.', 'HTTP/ 1.1', 'HTTP/-1.1', 'HTTP/1.1 HTTP/1.1',
        'XTTP/1.1', 'HTTP/0.9', 'HTTP/3.0', "HTTP/1.1\x0b";
$p->clean('version HTTP/1.2', line('GET /app/x HTTP/1.2'));
$p->clean('no target', line('GET HTTP/1.1'));
$p->clean('an h2 preface', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

# The answer to HTTP/0.9 is a body alone; the backend must not notice.
my $c = $s->client;
$c->send("GET /app/old\r\nX-A: b\r\n\r\n");
my $said = $c->read_eof;
ok $c->eof_state, 'HTTP/0.9: closed behind the answer';
my @old = $p->backend->requests;
like $said, qr/\A(?:\{|HTTP\/1.1 4)/, 'a body, or a refusal';
is_deeply [ map { $_->version } grep { $_->target eq '/old' } @old ],
    $said =~ /\A\{/ ? ['1.1'] : [], 'forwarded as HTTP/1.1, or not';
is_deeply [ grep { defined $_->header('x-a') } @old ], [],
    'what came behind it is no field';

# --- spaces ------------------------------------------------------------

$p->clean($_->[0], line($_->[1])) for
    [ 'two spaces', 'GET  /app/x  HTTP/1.1' ],
    [ 'tabs', "GET\t/app/x\tHTTP/1.1" ],
    [ 'space in the target', 'GET /app/a b HTTP/1.1' ],
    [ 'space in the query', 'GET /app/a?b c HTTP/1.1' ],
    [ 'space at the end', 'GET /app/x HTTP/1.1 ' ],
    [ 'space at the front', ' GET /app/x HTTP/1.1' ],
    [ 'vertical tab', "GET /app/a\x0bb HTTP/1.1" ],
    [ 'form feed', "GET /app/a\x0cHTTP/1.1 HTTP/1.1" ],
    [ 'CR in the target', "GET /app/a\rb HTTP/1.1" ],
    [ 'CR behind the target', "GET /app/a\r HTTP/1.1" ],
    [ 'NUL in the target', "GET /app/a\0b HTTP/1.1" ],
    [ 'DEL in the target', "GET /app/a\x7fb HTTP/1.1" ],
    [ 'control character in the query', "GET /app/a?\x01 HTTP/1.1" ];
$p->forwarded('empty lines before the request',
    "\r\n\r\n" . line('GET /app/x HTTP/1.1'));

# --- bytes that are no URL ---------------------------------------------

for my $where ('/app/a', '/app/x?a', '/app/x?a=') {
    my $seen = $p->clean("8-bit bytes behind $where",
        line("GET ${where}\xc3\xa9 HTTP/1.1"));
    is_deeply [ grep { $_->target =~ /[^!-~]/ } @{ $seen->{requests} } ], [],
        'never as they are';
}
$req = $p->forwarded('8-bit path', line("GET /app/\xc3\xa9 HTTP/1.1"));
is $req && lc $req->target, '/%c3%a9', 'is percent-encoded';
for my $char ('"', '<', '>', '\\', '^', '`', '{', '|', '}') {
    my $seen = $p->clean("$char in path and query",
        line("GET /app/a${char}b?c${char}d HTTP/1.1"));
    my $same = qr{(?:\Q$char\E|%[0-9a-f]{2})}i;
    like $_->target, qr{\A/a${same}b\?c${same}d\z},
        'neither lost nor changed' for @{ $seen->{requests} };
}

$p->finish;
done_testing;
