# Chunked requests: the gateway decodes them and frames anew, so nothing of
# the client's chunk bytes, extensions or trailers reaches the backend; what
# is malformed is refused, and the backend never sees it as complete
# (RFC 9112 section 7.1).
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $s = Gateway::Test->server(vars => { B => $p->backend },
    config => "GatewayPass /app http://\@B\@\n");
$p->front($s);

my $SMUGGLED = "GET /app/smug HTTP/1.1\r\nHost: a\r\n\r\n";
my $TE = 'Transfer-Encoding: chunked';

sub post { return $p->head('POST /app/x HTTP/1.1', @_) }

# --- good ones ---------------------------------------------------------

my $two = "5\r\nhello\r\n6\r\n world\r\n";
my %good = (
    'two chunks'       => "${two}0\r\n\r\n",
    'leading zeros'    => "00005\r\nhello\r\n006\r\n world\r\n000\r\n\r\n",
    'upper case hex'   => "B\r\nhello world\r\n0\r\n\r\n",
    'lower case hex'   => "b\r\nhello world\r\n0\r\n\r\n",
    'extensions'       => "b;a=b;c=\"d\";e\r\nhello world\r\n0;x\r\n\r\n",
    'single bytes'     => join('', map { "1\r\n$_\r\n" }
        split //, 'hello world') . "0\r\n\r\n",
);
for my $name (sort keys %good) {
    my $req = $p->forwarded($name, post($TE) . $good{$name},
        body => 'hello world') or next;
    unlike $p->backend->received, qr/;/, "$name: no extension passed on"
        if $name eq 'extensions';
}
$p->forwarded('GET with a chunked request as body', $p->head(
    'GET /app/x HTTP/1.1', $TE) . sprintf("%x\r\n%s\r\n0\r\n\r\n",
    length $SMUGGLED, $SMUGGLED), body => $SMUGGLED);
$p->forwarded('an empty chunked body', post($TE) . "0\r\n\r\n", body => '');

# --- trailers ----------------------------------------------------------

my $req = $p->forwarded('trailers', post($TE, 'Trailer: X-Late') . $two
    . "0\r\nX-Late: 1\r\nX-Forwarded-For: 6.6.6.6\r\nContent-Length: 3\r\n"
    . "Transfer-Encoding: identity\r\n\r\n", body => 'hello world');
my @names = $req ? $req->names : ();
ok !(grep { $_ eq 'x-late' } @names), 'no trailer became a header field';
is $req && $req->header('x-forwarded-for'), '127.0.0.1',
    'and none changed one';

# --- Transfer-Encoding itself ------------------------------------------

my $body = "${two}0\r\n\r\n";
$p->refused("Transfer-Encoding: $_->[0]", post("Transfer-Encoding: $_->[0]",
    @$_ > 1 ? $_->[1] : ()) . $body, status => '400|501')
    for [ 'identity' ], [ 'chunked, identity' ], [ "\x0bchunked" ],
        [ 'xchunked', 'Content-Length: 21' ], [ 'gzip' ],
        [ 'identity', 'Content-Length: 5' ], [ "chunked\x00" ],
        [ 'chunkedx' ], [ '"chunked"' ], [ 'chunked;a=b' ];
$p->refused('Transfer-Encoding, empty, with a Content-Length',
    post('Transfer-Encoding:', 'Content-Length: 21') . $body,
    status => '400|501');
$p->refused('space before the colon',
    post('Transfer-Encoding : chunked', 'Content-Length: 21') . $body);

$p->clean('chunked, chunked', post('Transfer-Encoding: chunked, chunked')
    . $body);
$p->clean('two Transfer-Encoding lines', post($TE, $TE) . $body);
$p->clean('an empty member of the list',
    post('Transfer-Encoding: ,chunked', 'Content-Length: 21') . $body);
$p->clean('gzip, chunked', post('Transfer-Encoding: gzip, chunked') . $body);
$p->clean('folded', post("Transfer-Encoding:\r\n chunked") . $body);
$p->forwarded('in capitals', post('TRANSFER-ENCODING: CHUNKED') . $body,
    body => 'hello world');

# --- malformed chunks --------------------------------------------------

my %bad = (
    'size 0x5'     => "0x5\r\nhello\r\n0\r\n\r\n",
    'size +5'      => "+5\r\nhello\r\n0\r\n\r\n",
    'size -5'      => "-5\r\nhello\r\n0\r\n\r\n",
    'size 5_'      => "5_\r\nhello\r\n0\r\n\r\n",
    'no size'      => "\r\nhello\r\n0\r\n\r\n",
    'only an extension' => ";x\r\nhello\r\n0\r\n\r\n",
    'size beyond 2^64'  => "10000000000000005\r\nhello\r\n0\r\n\r\n",
    'size 2^64-1'  => "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    'size zz'      => "zz\r\nhello\r\n0\r\n\r\n",
    'CR CR LF'     => "5\r\r\nhello\r\n0\r\n\r\n",
    'space before' => " 5\r\nhello\r\n0\r\n\r\n",
    'more data than the size says' => "3\r\nhello\r\n0\r\n\r\n",
    'less data than the size says' => "7\r\nhello\r\n0\r\n\r\n",
    'bare CR in an extension' => "5;a\rb\r\nhello\r\n0\r\n\r\n",
    'NUL in an extension'     => "5;a\x00b\r\nhello\r\n0\r\n\r\n",
    'bare CR behind the data' => "5\r\nhello\r0\r\n\r\n",
    'no line end behind the data' => "5\r\nhello0\r\n\r\n",
    'second chunk malformed'  => "5\r\nhello\r\nx\r\n world\r\n0\r\n\r\n",
    'trailer without colon'   => "5\r\nhello\r\n0\r\nnonsense\r\n\r\n",
    'trailer without a name'  => "5\r\nhello\r\n0\r\n: x\r\n\r\n",
);
$p->refused($_, post($TE) . "$bad{$_}$SMUGGLED", status => '4\d\d|5\d\d')
    for sort keys %bad;

# What a lenient reader may take, as long as both sides read the same.
my %odd = (
    'LF alone behind the size' => "5\nhello\r\n0\r\n\r\n",
    'LF alone behind the data' => "5\r\nhello\n0\r\n\r\n",
    'LF alone in an extension' => "5;a\nhello\r\n0\r\n\r\n",
    'LF alone at the end'      => "5\r\nhello\r\n0\n\n",
    'space behind the size'    => "5 \r\nhello\r\n0\r\n\r\n",
    'folded trailer'           => "5\r\nhello\r\n0\r\nX: 1\r\n 2\r\n\r\n",
);
$p->clean($_, post($TE) . $odd{$_}, body => 'hello') for sort keys %odd;

$p->finish;
done_testing;
