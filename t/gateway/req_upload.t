# Large request bodies arrive byte for byte, with their length or in chunks of
# odd sizes, from fast and from slow clients.
use Gateway::Test;
use Gateway::Probe;
use Digest::MD5 ();

my $b = Gateway::Backend->http(sub {
    my ($req) = @_;
    my $md5 = Digest::MD5->new;
    $req->read_body($req->{conn}, sub { $md5->add(shift) });
    return [ 200, [ 'X-Framing' => $req->framing,
        'X-Complete' => $req->complete ], $req->size . ' ' . $md5->hexdigest ];
}, lazy_body => 1, brief => 1);
my $s = Gateway::Test->server(vars => { B => $b }, ssl => 1,
    config => "GatewayPass /app http://\@B\@\n",
    ssl_config => "GatewayPass /app http://\@B\@\n");

# Bytes that do not repeat soon and hold every value.
my $block = join '', map { Digest::MD5::md5($_) } 1 .. 4096;
my $eight = $block x 128;
my $two   = $block x 32;

sub sum { return length($_[0]) . ' ' . Digest::MD5::md5_hex($_[0]) }

sub chunked {
    my ($body, @sizes) = @_;
    my ($out, $at, $i) = ('', 0, 0);
    while ($at < length $body) {
        my $piece = substr $body, $at, $sizes[ $i++ % @sizes ];
        $out .= sprintf "%x\r\n%s\r\n", length $piece, $piece;
        $at += length $piece;
    }
    return "${out}0\r\n\r\n";
}

sub check {
    my ($name, $r, $body, $framing) = @_;
    is $r->status, 200, "$name: status";
    is $r->body, sum($body), "$name: byte for byte";
    is $r->header('x-framing'), $framing, "$name: $framing";
    return;
}

my $c = $s->client;
check('8 MiB', $c->post('/app/x', $eight)->response, $eight, 'length');
$c->request('PUT', '/app/x', ['Transfer-Encoding: chunked'],
    chunked($two, 1, 8191, 3, 65537, 16384, 7, 4096));
check('2 MiB in odd chunks', $c->response, $two, 'chunked');
my $small = substr $block, 0, 20000;
$c->request('POST', '/app/x', ['Transfer-Encoding: chunked'],
    chunked($small, 1));
check('20000 chunks of a byte', $c->response, $small, 'chunked');

# Around the sizes of buffers.
for my $size (1, 8191, 8192, 8193, 16383, 16384, 16385, 65535, 65536, 65537) {
    my $body = substr $block, 0, $size;
    my $r = $c->post('/app/x', $body)->response;
    is $r->body, sum($body), "$size bytes";
    $c->request('POST', '/app/x', ['Transfer-Encoding: chunked'],
        chunked($body, $size));
    is $c->response->body, sum($body), "$size bytes in a chunk";
}

# In pieces, with the length and with chunks cut anywhere.
my $head = Gateway::Probe->head('POST /app/x HTTP/1.1',
    'Content-Length: 20000');
$c->send_slowly($head . $small, 997, 0.002);
check('in pieces', $c->response(method => 'POST'), $small, 'length');
$c->send_slowly(Gateway::Probe->head('POST /app/x HTTP/1.1',
    'Transfer-Encoding: chunked') . chunked($small, 300), 997, 0.002);
check('chunks in pieces', $c->response(method => 'POST'), $small, 'chunked');

my $t = $s->client(tls => 1);
check('2 MiB over TLS', $t->post('/app/x', $two)->response, $two, 'length');
$t->request('PUT', '/app/x', ['Transfer-Encoding: chunked'],
    chunked($two, 10001));
check('2 MiB over TLS in chunks', $t->response, $two, 'chunked');

done_testing;
