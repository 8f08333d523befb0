# HTTP/1.0 on either side: such a client gets no chunks (the close delimits)
# and no trailers, and may keep its connection where the length is known; such
# a backend's body is framed anew for newer clients.
use Gateway::Test;

my $OK = "HTTP/1.1 200 OK\r\n";
my %said = (
    '/length'  => "${OK}Content-Length: 5\r\n\r\nhello",
    '/chunked' => "${OK}Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
        . "3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX-T: 1\r\n\r\n",
    '/close'   => "${OK}\r\nhello",
    '/old'     => "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    '/older'   => "HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nhello",
    '/empty'   => "HTTP/1.0 200 OK\r\n\r\n",
);
my $b = Gateway::Backend->new(script => sub {
    my $c = shift;
    my $req = $c->read_request;
    $c->send($said{ $req->{path} });
});
my $s = Gateway::Test->server(vars => { B => $b }, config => <<'EOC');
GatewayPass /app http://@B@
EOC

for my $path (sort keys %said) {
    my $body = $path eq '/empty' ? '' : 'hello';
    my $c = $s->client;
    $c->send("GET /app$path HTTP/1.0\r\n\r\n");
    my $r = $c->response;
    is_deeply [ $r->status, $r->body, $r->complete ], [ 200, $body, 1 ],
        "HTTP/1.0 client: $path";
    isnt $r->framing, 'chunked', 'not chunked';
    is_deeply $r->problems, [], 'well-formed';
    is $r->header('trailer'), undef, 'no Trailer';
    is $c->read_eof(1), '', 'and closed';

    $r = $s->get("/app$path");
    is_deeply [ $r->status, $r->body, $r->complete ], [ 200, $body, 1 ],
        "HTTP/1.1 client: $path";
    is_deeply $r->problems, [], 'well-formed';
    isnt $r->framing, 'close', 'and delimited';
    is $r->version, '1.1', "under the gateway's version";
}

# A keep-alive client of HTTP/1.0.
my $c = $s->client;
for my $path (qw(/length /old)) {
    $c->send("GET /app$path HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    my $r = $c->response;
    is $r->body, 'hello', "$path: known length";
    like $r->header('connection') // '', qr/keep-alive/i, 'stays open';
}
$c->send("GET /app/chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
my $r = $c->response;
is_deeply [ $r->body, $r->framing, $r->complete ], [ 'hello', 'close', 1 ],
    '/chunked: the close is the end';
is $r->header('connection'), 'close', 'which it says';

done_testing;
