# Requests that arrive over TLS are forwarded as those in clear text are:
# framing, bodies, pipelining, and what is refused; and the backend is told.
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $s = Gateway::Test->server(vars => { B => $p->backend }, ssl => 1,
    ssl_config => <<'EOC');
GatewayPass /app http://@B@
EOC
$p->front($s);
my %tls = (client => { tls => 1 });

sub post { return $p->head('POST /app/x HTTP/1.1', @_) }

my $req = $p->forwarded('GET', $p->head('GET /app/x HTTP/1.1'), %tls);
is $req->header('x-forwarded-proto'), 'https', 'X-Forwarded-Proto';
is $req->header('x-forwarded-port'), $s->ssl_port, 'X-Forwarded-Port';
is $req->header('x-forwarded-for'), '127.0.0.1', 'X-Forwarded-For';

$p->forwarded('POST', post('Content-Length: 5') . 'hello', %tls,
    body => 'hello');
$p->forwarded('POST with chunks', post('Transfer-Encoding: chunked')
    . "5\r\nhello\r\n0\r\n\r\n", %tls, body => 'hello');
$p->forwarded('a byte at a time', [ split //, post('Content-Length: 5')
    . 'hello' ], %tls, body => 'hello');

$p->refused('two lengths', post('Content-Length: 5', 'Content-Length: 6')
    . 'hello', %tls);
$p->refused('a bad chunk', post('Transfer-Encoding: chunked')
    . "x\r\nhello\r\n0\r\n\r\n", %tls);
$p->clean('both framings', post('Content-Length: 5',
    'Transfer-Encoding: chunked') . "0\r\n\r\nGET /app/smug HTTP/1.1\r\n"
    . "Host: a\r\n\r\n", %tls);

# Several requests may come in one TLS record, and one in several.
my $c = $s->client(tls => 1);
$c->send(join '', map { $p->head("GET /app/$_ HTTP/1.1") } 1 .. 5);
is $c->response(method => 'GET')->json->{target}, "/$_", "request $_"
    for 1 .. 5;
$c->send(post('Content-Length: 5') . 'hello'
    . $p->head('GET /app/n HTTP/1.1'));
is $c->response(method => 'POST')->json->{body}, 'hello', 'POST';
is $c->response(method => 'GET')->json->{target}, '/n',
    'and the GET behind it';

$c->send(post('Expect: 100-continue', 'Content-Length: 5'));
is $c->response(one => 1, head_only => 1)->status, 100, 'a 100';
$c->send('hello');
is $c->response(method => 'POST')->json->{body}, 'hello', 'and the body';

# A body whose end is read together with its beginning must not be waited
# for on the socket.
$c->send_slowly(post('Content-Length: 40000') . 'z' x 40000, 9000, 0.01);
is $c->response(method => 'POST')->json->{body_length}, 40000,
    'a body in several records';

# The client leaves inside its body, with and without close_notify.
for my $how (qw(close close_dirty reset)) {
    $p->backend->clear;
    $c = $s->client(tls => 1);
    $c->send(post('Content-Length: 100') . 'xxx');
    $p->backend->wait_event(what => 'head', within => 1);
    $c->$how;
    my ($head) = $p->backend->events(what => 'head');
    ok $p->backend->wait(sub { map {
        $p->backend->events(what => $_, conn => $head->{conn}) }
        qw(end close) }), "$how: the backend's connection is closed";
    is scalar(grep { $_->complete } $p->backend->requests), 0,
        "$how: no complete request there";
}

$p->finish;
done_testing;
