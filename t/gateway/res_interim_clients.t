# Interim responses on their way to the client: 103 and other ones are passed
# on at once to HTTP/1.1, without framing and hop-by-hop fields, and never to
# HTTP/1.0; a 100 that the client did not ask for stays here.
use Gateway::Test;

my $FINAL = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
my %said = (
    '/100' => "HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n",
    '/102' => "HTTP/1.1 102 Processing\r\n\r\n",
    '/103' => "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n"
        . "Link: </b.js>; rel=preload\r\nContent-Length: 77\r\n"
        . "Transfer-Encoding: chunked\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"
        . "Keep-Alive: timeout=5\r\n\r\n",
    '/bare' => "HTTP/1.1 103\r\nX-A: b\r\n\r\n",
);
my $b = Gateway::Backend->new(script => sub {
    my $c = shift;
    while (my $req = $c->read_request) {
        $c->send($said{ $req->{path} });
        $c->expect("go\n") if ($req->{query} // '') eq 'wait';
        $c->send($FINAL);
    }
}, may_fail => 1);
my $s = Gateway::Test->server(vars => { B => $b }, config => <<'EOC');
GatewayPass /app http://@B@
EOC

my $r = $s->get('/app/103');
is $r->status, 200, '103: the final response';
is $r->body, 'hello', 'and its body';
is_deeply [ map { $_->status } @{ $r->interim } ], [ 103 ], 'the 103';
my $early = $r->interim->[0];
is_deeply [ $early->all('link') ],
    [ '</app/a.css>; rel=preload', '</app/b.js>; rel=preload' ],
    'its fields, in order, mapped as any';
is_deeply [ grep { defined $early->header($_) } qw(content-length
    transfer-encoding x-hop keep-alive) ], [], 'but not the hop-by-hop ones';
is_deeply $early->problems, [], 'well-formed';
is $r->header('link'), undef, 'nothing of it in the final response';
is $r->header('content-length'), 5, 'which has its own length';

$r = $s->get('/app/bare');
is_deeply [ map { $_->status } @{ $r->interim } ], [ 103 ], 'no reason';
is $r->interim->[0]->header('x-a'), 'b', 'its field';
is_deeply $r->interim->[0]->problems, [], 'well-formed';

$r = $s->get('/app/102');
is_deeply [ $r->status, map { $_->status } @{ $r->interim } ], [ 200, 102 ],
    'a 102';
$r = $s->get('/app/100');
is_deeply [ $r->status, map { $_->status } @{ $r->interim } ], [ 200 ],
    'a 100 that nobody asked for';

# HTTP/1.0 has no interim responses (RFC 9110 15.2).
for my $path (sort keys %said) {
    $r = $s->raw("GET /app$path HTTP/1.0\r\n\r\n");
    is_deeply [ $r->status, $r->body, scalar @{ $r->interim } ],
        [ 200, 'hello', 0 ], "HTTP/1.0: only the final response of $path";
}

# Passed on at once: the final one comes when the client has seen the 103.
my $p = Gateway::Setup::patience();
my $b2 = Gateway::Backend->new(script => sub {
    my $c = shift;
    $c->read_request;
    $c->send($said{'/103'});
    $c->pause(3 * $p);
    $c->send($FINAL);
});
my $s2 = Gateway::Test->server(ssl => 1, vars => { B => $b2 },
    config => "GatewayPass /app http://\@B\@\n",
    ssl_config => "GatewayPass /app http://\@B\@\n");
for my $tls (0, 1) {
    my $c = $s2->client(tls => $tls);
    $r = $c->get('/app/x')->response(one => 1, timeout => $p);
    is $r->status, 103, 'at once' . ($tls ? ', over TLS' : '');
    $c->reset;
}
$s2->allow_log(qr/GW00150/);

done_testing;
