# A real server behind the gateway, in clear text and over TLS: downloads and
# uploads of 10 MB, ranges, conditional requests, HEAD, compression, redirects.
use Gateway::Test;
use Gateway::Nginx;
use Digest::SHA qw(sha1_hex);
use IO::Uncompress::Gunzip ();
Gateway::Test->need(command => 'nginx');

my $large = join '', map { pack 'N', $_ * 2654435761 % 2**32 } 1 .. 2_621_440;
my $text = join '', map { "line $_ of a text that can be compressed\n" }
    1 .. 5000;
my $inside = <<'EOC';
location /text { types { } default_type text/plain; gzip on;
    gzip_types text/plain; gzip_proxied any; }
location /put { dav_methods PUT DELETE; create_full_put_path on;
    client_max_body_size 20m; }
location /none { return 204; }
location /fail { return 503 "not now\n"; }
location /early { return 413; }
EOC
my %n = map {
    $_ => Gateway::Nginx->new(tls => $_ eq 'tls' ? 'server' : undef,
        config => $inside, docs => { 'large.bin' => $large,
        'text/a.txt' => $text, 'dir/index.html' => "index\n",
        'put/.keep' => '' })
} qw(clear tls);
for my $n (values %n) {
    my $user = Gateway::Setup::user() or next;
    chown +(getpwnam $user)[2, 3], $n->root . '/docs/put';
}

my $s = Gateway::Test->server(ssl => 1, vars => { C => $n{clear},
    T => $n{tls}->port }, config => <<'EOC');
GatewaySSLCACertificateFile @CA@
GatewayPass /clear http://@C@
GatewayPass /tls   https://localhost:@T@
EOC

for my $kind (qw(clear tls)) {
    my $c = $s->client(tls => $kind eq 'tls');
    my $ask = sub {
        my ($path, @lines) = @_;
        my $r = $c->get("/$kind$path", @lines)->response;
        $c = $s->client(tls => $kind eq 'tls')
            if lc($r->header('connection') // '') eq 'close';
        return $r;
    };
    my $r = $ask->('/large.bin');
    is $r->header('content-length'), length $large, "$kind: 10 MB";
    ok $r->body eq $large, '  byte for byte';
    my ($etag, $date) = map { $r->header($_) } qw(etag last-modified);

    $r = $c->head("/$kind/large.bin")->response;
    is $r->header('content-length'), length $large, '  HEAD says how long';
    is $r->header('etag'), $etag, '  and which';

    $r = $ask->('/large.bin', 'Range: bytes=1000000-1999999');
    is $r->status, 206, '  a range';
    is $r->header('content-range'), 'bytes 1000000-1999999/' . length $large,
        '    named';
    ok $r->body eq substr($large, 1_000_000, 1_000_000), '    and exact';
    $r = $ask->('/large.bin', 'Range: bytes=-5');
    is $r->body, substr($large, -5), '  the last bytes';
    $r = $ask->('/large.bin', 'Range: bytes=0-3,100-103');
    like $r->header('content-type'), qr{^multipart/byteranges; boundary=},
        '  two ranges';
    is scalar(() = $r->body =~ /^Content-Range: /mg), 2, '    both there';
    is $ask->('/large.bin', 'Range: bytes=99999999-')->status, 416,
        '  a range behind the end';

    $r = $ask->('/large.bin', "If-None-Match: $etag");
    is $r->status, 304, '  If-None-Match';
    is $r->header('etag'), $etag, '    with its ETag';
    is $ask->('/large.bin', "If-Modified-Since: $date")->status, 304,
        '  If-Modified-Since';
    is $ask->('/large.bin', 'If-Match: "other"')->status, 412, '  If-Match';
    is $ask->('/large.bin', 'Range: bytes=0-9', 'If-Range: "other"')->status,
        200, '  If-Range of another version';
    is $ask->('/large.bin', 'Range: bytes=0-9', "If-Range: $etag")->body,
        substr($large, 0, 10), '  If-Range of this one';

    $r = $ask->('/text/a.txt', 'Accept-Encoding: gzip');
    is $r->header('content-encoding'), 'gzip', '  compressed by the backend';
    is $r->framing, 'chunked', '    of unknown length';
    my $zipped = $r->body;
    IO::Uncompress::Gunzip::gunzip(\$zipped => \my $plain);
    ok $plain eq $text, '    and the same';
    ok $ask->('/text/a.txt')->body eq $text, '  uncompressed';

    $r = $ask->('/dir', 'Host: outside.test');
    my $front = $kind eq 'tls' ? 'https' : 'http';
    is $r->status, 301, '  a redirect to a folder';
    my $dir = qr{\A(?:$front://outside\.test)?/$kind/dir/\z};
    like $r->header('location'), $dir,
        '    mapped back';
    is $ask->('/dir/')->body, "index\n", '    leads there';
    is $ask->('/none')->status, 204, '  an empty answer';
    is $ask->('/fail')->body, "not now\n", '  a 503 of the backend\'s own';
    is $ask->('/nothing')->status, 404, '  an unknown page';

    # Uploads: with a length, chunked, and one that is refused.
    $r = $c->request('PUT', "/$kind/put/length", [], $large)->response;
    is $r->status, 201, '  an upload of 10 MB';
    my $chunked = join '', map {
        my $piece = substr $large, $_ * 100_000, 100_000;
        sprintf("%x\r\n%s\r\n", length $piece, $piece)
    } 0 .. 104;
    $r = $c->request('PUT', "/$kind/put/chunked",
        ['Transfer-Encoding: chunked'], "${chunked}0\r\n\r\n")->response;
    is $r->status, 201, '  a chunked one';
    for my $name (qw(length chunked)) {
        ok $ask->("/put/$name")->body eq $large, "    $name: byte for byte";
        is $c->request('DELETE', "/$kind/put/$name")->response->status, 204,
            '    DELETE';
    }
    my $h = $s->curl("/$kind/early", tls => $kind eq 'tls', '-T',
        $n{$kind}->root . '/docs/large.bin');
    is $h->{status}, 413, '  a refused upload is told so';
}
$_->expect_log(qr/too large body|No such file/) for values %n;
done_testing;
