# Hop-by-hop fields (RFC 9110 section 7.6.1): what concerns the connection to
# the client ends here, also what the client names in Connection; and nothing
# that it names there takes away what the gateway itself needs or adds.
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $s = Gateway::Test->server(vars => { B => $p->backend },
    config => "GatewayPass /app http://\@B\@\n");
$p->front($s);

sub sent {
    my ($name, @lines) = @_;
    return $p->forwarded($name, $p->head('GET /app/x HTTP/1.1', @lines));
}

# --- named in Connection -----------------------------------------------

my $req = sent('named in Connection', 'Connection: X-Hop, x-other ,,"q"',
    'X-Hop: 1', 'X-Other: 2', 'X-Stays: 3');
is $req->header($_), undef, "$_ stays here" for qw(X-Hop X-Other);
is $req->header('X-Stays'), 3, 'the others pass';

$req = sent('several Connection lines', 'Connection: X-A', 'X-A: 1',
    'Connection: X-B', 'X-B: 2', 'X-A: 3');
is $req->header($_), undef, "$_ stays here" for qw(X-A X-B);

my @own = qw(X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto
    X-Forwarded-Port X-Forwarded-Server Via Host);
for my $name (@own) {
    my $r = sent("Connection: $name", "Connection: close, $name",
        'X-Forwarded-For: 6.6.6.6', 'Via: 1.1 other');
    ok defined $r->header($name), "$name is there all the same";
    is $r->header('X-Forwarded-For'), '127.0.0.1', 'For: the client';
    is $r->header('Host'), $p->backend->hostport, 'Host: the backend';
}

# --- framing -----------------------------------------------------------

my $bytes = $p->head('POST /app/x HTTP/1.1', 'Connection: Content-Length',
    'Content-Length: 5') . 'hello';
$p->forwarded('Connection: Content-Length', $bytes, body => 'hello');
$bytes = $p->head('POST /app/x HTTP/1.1', 'Connection: Transfer-Encoding',
    'Transfer-Encoding: chunked') . "5\r\nhello\r\n0\r\n\r\n";
$p->forwarded('Connection: Transfer-Encoding', $bytes, body => 'hello');
$bytes = $p->head('POST /app/x HTTP/1.1', 'Connection: Connection',
    'Content-Length: 5') . 'hello';
$p->forwarded('Connection: Connection', $bytes, body => 'hello');

# --- always hop-by-hop -------------------------------------------------

my %hop = ('Keep-Alive' => 'timeout=5', 'Proxy-Connection' => 'keep-alive',
    'TE' => 'gzip, trailers', 'Trailer' => 'X-Late', 'Upgrade' => 'foo/2',
    'HTTP2-Settings' => 'AAMAAABkAAQAAP__',
    'Proxy-Authorization' => 'Basic Zm9vOmJhcg==');
for my $name (sort keys %hop) {
    $req = sent("$name alone", "$name: $hop{$name}") or next;
    is $req->header($name), undef, "$name is not passed on";
    next if $name eq 'Proxy-Authorization';
    $req = sent("$name, named", "Connection: $name", "$name: $hop{$name}");
    is $req->header($name), undef, "nor where Connection names it";
}

# --- end to end --------------------------------------------------------

$req = sent('what passes', 'Cookie: a=b', 'Authorization: Basic eA==',
    'If-None-Match: "x"', 'Range: bytes=0-1', 'Accept-Encoding: gzip',
    'Cache-Control: no-cache', 'Pragma: no-cache', 'X-Empty:',
    "X-Utf8: \xc3\xa9",
    'Priority: u=1', 'User-Agent: t', 'Referer: http://a/');
my %want = (Cookie => 'a=b', Authorization => 'Basic eA==',
    'If-None-Match' => '"x"', Range => 'bytes=0-1',
    'Accept-Encoding' => 'gzip', 'Cache-Control' => 'no-cache',
    Pragma => 'no-cache', 'X-Empty' => '', 'X-Utf8' => "\xc3\xa9",
    Priority => 'u=1', 'User-Agent' => 't', Referer => 'http://a/');
is $req->header($_), $want{$_}, "$_ arrives" for sort keys %want;

my %known = map { lc $_ => 1 } keys %want, @own, 'Connection';
is_deeply [ grep { !$known{$_} } $req->names ], [], 'and nothing else';

# --- repeated ----------------------------------------------------------

$req = sent('repeated fields', 'X-List: a', 'Y: 1', 'X-List: b, c',
    'x-list: d');
is join(', ', $req->all('x-list')), 'a, b, c, d', 'their order is kept';

$p->finish;
done_testing;
