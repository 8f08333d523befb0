# Output filters and other modules work on routed responses as they do on
# those of mod_proxy: mod_headers, mod_deflate, mod_substitute, mod_proxy_html
# (which asks r->proxyreq), mod_expires, mod_ext_filter's kin by type, and
# r->content_type is the backend's.
use Gateway::Test;

my $html = '<html><head><title>t</title></head><body>'
    . '<a href="http://b.internal/portal/x">x</a></body></html>';
my $text = "one line\n" x 1000;
my $b = Gateway::Backend->http({
    '/html' => [ 200, [ 'Content-Type' => 'text/html; charset=utf-8' ],
        $html ],
    '/text' => [ 200, [ 'Content-Type' => 'text/plain', ETag => '"e1"' ],
        $text ],
    '/sized' => [ 200, [ 'Content-Type' => 'text/plain',
        'Content-Length' => length $text ], $text ],
    '/chunks' => [ 200, [ 'Content-Type' => 'text/plain' ],
        [ map { "chunk $_ of line\n" } 1 .. 50 ] ],
    '/bin' => [ 200, [ 'Content-Type' => 'image/png' ], $text ],
    '/notype' => [ 200, [], 'x' ],
    '/empty' => [ 204, [ 'X-Secret' => 1 ], '' ],
    '/err' => [ 404, [ 'X-Secret' => 1, 'Content-Type' => 'text/plain' ],
        'nothing' ],
    '/coded' => [ 200, [ 'Content-Type' => 'text/plain',
        'Content-Encoding' => 'gzip' ], 'not really' ],
});
my $s = Gateway::Test->server(lane => qr{\Ablocking \(filter},
    modules => [qw(headers deflate filter substitute expires proxy
        proxy_html xml2enc env setenvif)],
    vars => { B => $b }, config => <<'EOC');
GatewayPass /plain http://@B@
<Location /deflate>
    GatewayPass http://@B@
    AddOutputFilterByType DEFLATE text/plain text/html
</Location>
<Location /subst>
    GatewayPass http://@B@
    AddOutputFilterByType SUBSTITUTE text/plain
    Substitute "s/line/row/n"
</Location>
<Location /html>
    GatewayPass http://@B@
    ProxyHTMLEnable On
    ProxyHTMLLinks a href
    ProxyHTMLURLMap http://b.internal/portal /html
</Location>
<Location /headers>
    GatewayPass http://@B@
    Header unset X-Secret
    Header always set X-Always "yes"
    Header set X-Set "expr=%{HTTP_HOST}"
    Header edit Content-Type "utf-8" "UTF-8"
    RequestHeader set X-Sent "by mod_headers"
    RequestHeader unset X-Dropped
    RequestHeader append X-List two
    ExpiresActive On
    ExpiresDefault "access plus 1 hour"
</Location>
EOC

my $r = $s->get('/plain/text');
is $r->body, $text, 'nothing in the way';
is $r->header('content-length'), length $text, '... with its length';
is $r->header('etag'), '"e1"', '... and its ETag';
is $s->get('/plain/notype')->header('content-type'), undef,
    'no Content-Type is made up';

# mod_deflate
for my $what (qw(text chunks)) {
    $r = $s->get("/deflate/$what", 'Accept-Encoding: gzip');
    is $r->header('content-encoding'), 'gzip', "deflate: $what";
    like $r->header('vary'), qr/Accept-Encoding/, '... Vary';
    is_deeply $r->problems, [], '... framing';
    is inflate($r->body), $s->get("/plain/$what")->body, '... the body';
}
is $s->get('/deflate/bin', 'Accept-Encoding: gzip')
    ->header('content-encoding'), undef, 'other types are left alone';
is $s->get('/deflate/coded', 'Accept-Encoding: gzip')->body, 'not really',
    'what is coded already, too';
is $s->get('/deflate/text')->body, $text, 'who does not ask gets it plain';

sub inflate {
    require IO::Uncompress::Gunzip;
    my ($in, $out) = ($_[0], '');
    IO::Uncompress::Gunzip::gunzip(\$in => \$out) or return 'no gzip';
    return $out;
}

# mod_substitute
is $s->get('/subst/text')->body, $text =~ s/line/row/gr, 'substitute';
is $s->get('/subst/chunks')->body =~ tr/r//, 50, '... over chunks';
is $s->get('/subst/bin')->body, $text, '... by type';

# mod_proxy_html
$r = $s->get('/html/html');
like $r->body, qr{href="/html/x"}, 'proxy_html maps links';
unlike $r->body, qr/b\.internal/, '... all of them';
is_deeply $r->problems, [], '... framing';
is $s->get('/html/text')->body, $text, '... in HTML only';

# mod_headers, mod_expires
$r = $s->get('/headers/html', 'X-Dropped: 1', 'X-List: one');
is $r->header('x-always'), 'yes', 'Header always';
is $r->header('x-set'), '127.0.0.1:' . $s->port, 'Header set';
is $r->header('content-type'), 'text/html; charset=UTF-8', 'Header edit';
like $r->header('cache-control'), qr/max-age=3600/, 'expires';
my ($req) = ($b->requests)[-1];
is $req->header('x-sent'), 'by mod_headers', 'RequestHeader set';
is $req->header('x-dropped'), undef, 'RequestHeader unset';
is $req->header('x-list'), 'one, two', 'RequestHeader append';
$r = $s->get('/headers/empty');
is $r->header('x-secret'), undef, 'Header unset at a 204';
$r = $s->get('/headers/err');
is $r->status, 404, 'a 404 of the backend';
is $r->body, 'nothing', '... with its body';
is $r->header('x-secret'), undef, '... Header unset';
is $r->header('x-always'), 'yes', '... Header always';
$r = $s->request('HEAD', '/headers/sized');
is $r->header('content-length'), length $text, 'HEAD has the length';

done_testing;
