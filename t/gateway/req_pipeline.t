# Pipelined requests: answers come in the order of the requests, each with
# what belongs to it, also when a slow one or one with a body is among them.
use Gateway::Test;
use Gateway::Probe;

my $b = Gateway::Backend->http({
    '/slow' => sub {
        my ($req) = @_;
        $req->{conn}->pause(0.15);
        return [ 200, [], 'slow ' . $req->header('x-nonce') ];
    },
    '*' => sub {
        my ($req) = @_;
        return [ 200, [], join ' ', $req->method,
            $req->header('x-nonce'), $req->body ];
    },
    '/gone' => sub { 'close' },
});
my $s = Gateway::Test->server(vars => { B => $b }, docs => { 'f' => 'file' },
    config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);

sub req {
    my ($line, $nonce, $body, @lines) = @_;
    return Gateway::Probe->head("$line HTTP/1.1", "X-Nonce: $nonce", @lines,
        defined $body && !@lines ? 'Content-Length: ' . length $body : ())
        . ($body // '');
}

sub answers {
    my ($c, @methods) = @_;
    return map { $c->response(method => $_)->body } @methods;
}

my $c = $s->client;
$c->send(req('GET /app/a', 1) . req('GET /app/slow', 2) .
    req('GET /app/b', 3));
is_deeply [ answers($c, ('GET') x 3) ], [ 'GET 1 ', 'slow 2', 'GET 3 ' ],
    'GET, a slow GET, GET';

$c->send(req('POST /app/a', 4, "5\r\nhello\r\n0\r\n\r\n",
        'Transfer-Encoding: chunked')
    . req('POST /app/b', 5, 'world') . req('GET /app/c', 6));
is_deeply [ answers($c, qw(POST POST GET)) ],
    [ 'POST 4 hello', 'POST 5 world', 'GET 6 ' ], 'chunked POST, POST, GET';

$c->send(req('HEAD /app/a', 7) . req('GET /f', 8) . req('GET /app/b', 9));
is_deeply [ answers($c, qw(HEAD GET GET)) ], [ '', 'file', 'GET 9 ' ],
    'HEAD, a file of this server, GET';

# A failure in the middle keeps its place and the connection.
$c->send(req('GET /app/a', 10) . req('GET /app/gone', 11)
    . req('GET /app/b', 12));
my @r = map { $c->response(method => 'GET') } 1 .. 3;
is_deeply [ map { $_->status } @r ], [ 200, 502, 200 ],
    'a 502 between two others';
is $r[2]->body, 'GET 12 ', 'each its own';

# Cut at awkward places.
my $all = req('POST /app/a', 13, 'hello') . req('GET /app/b', 14)
    . req('POST /app/c', 15, "3\r\nabc\r\n0\r\n\r\n",
        'Transfer-Encoding: chunked') . req('GET /app/d', 16);
for my $size (7, 61) {
    $c->send_slowly($all, $size, 0.001);
    is_deeply [ answers($c, qw(POST GET POST GET)) ],
        [ 'POST 13 hello', 'GET 14 ', 'POST 15 abc', 'GET 16 ' ],
        "in pieces of $size bytes";
}

# Many, on one connection.
$c->send(join '', map { req("GET /app/$_", $_) } 100 .. 139);
is_deeply [ answers($c, ('GET') x 40) ], [ map { "GET $_ " } 100 .. 139 ],
    '40 at once';

is_deeply [ grep { @{ $_->problems } } $b->requests ], [],
    'the backend saw nothing odd';
done_testing;
