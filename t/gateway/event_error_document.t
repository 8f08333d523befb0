# ErrorDocument on an adopted connection: a text, a static file, a routed URL,
# a URL elsewhere, a script; for errors of the gateway's own, refusals of
# access control and unreadable requests; the connection goes on afterwards.
use Gateway::Test;
use Gateway::Both;

my $b = Gateway::Backend->http({
    '/junk' => sub { $_[0]{conn}->send("junk\r\n\r\n"); 'close' },
    '/page' => sub { [ 200, [ 'Content-Type' => 'text/html' ],
        'page for ' . $_[0]->method ] },
    '/slowpage' => sub { Gateway::Process::pause(0.2); [ 200, [], 'slowly' ] },
    '/missing' => [ 404, [], 'the backend has no such page' ],
});
my $closed = Gateway::Test->closed_port;
my $both = Gateway::Both->new(lane => qr{\Ablocking \(subrequest\)},
    modules => [qw(cgid authz_host headers)],
    vars => { B => $b, CLOSED => $closed },
    docs => { 'static.html' => "<p>static</p>\n", 'env.cgi' => <<'EOS' },
#!/bin/sh
text="$REDIRECT_STATUS $REDIRECT_URL $REQUEST_METHOD"
printf 'Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s\n' \
    $((${#text} + 1)) "$text"
EOS
    config => <<'EOC');
ScriptSock @ROOT@/run/cgid.sock
<Directory "@DOCROOT@">
    Options ExecCGI
    <Files *.cgi>
        SetHandler cgi-script
    </Files>
</Directory>
GatewayPass /ok      http://@B@
GatewayPass /text    http://127.0.0.1:@CLOSED@
GatewayPass /file    http://127.0.0.1:@CLOSED@
GatewayPass /route   http://127.0.0.1:@CLOSED@
GatewayPass /slow    http://127.0.0.1:@CLOSED@
GatewayPass /away    http://127.0.0.1:@CLOSED@
GatewayPass /script  http://127.0.0.1:@CLOSED@
GatewayPass /broken  http://127.0.0.1:@CLOSED@
GatewayPass /plain   http://127.0.0.1:@CLOSED@
GatewayPass /junk    http://@B@
<Location /text>
    ErrorDocument 503 "a text"
</Location>
<Location /file>
    ErrorDocument 503 /static.html
</Location>
<Location /route>
    ErrorDocument 503 /ok/page
</Location>
<Location /slow>
    ErrorDocument 503 /ok/slowpage
</Location>
<Location /away>
    ErrorDocument 503 http://elsewhere.example/sorry
</Location>
<Location /script>
    ErrorDocument 503 /env.cgi
</Location>
<Location /broken>
    ErrorDocument 503 /plain/again
</Location>
GatewayPass /t http://@B@
GatewayPass /f http://@B@
GatewayPass /r http://@B@
GatewayPass /s http://@B@
GatewayPass /l http://@B@
<Location /t>
    ErrorDocument 502 "a text"
</Location>
<Location /f>
    ErrorDocument 502 /static.html
</Location>
<Location /r>
    ErrorDocument 502 /ok/page
</Location>
<Location /s>
    ErrorDocument 502 /env.cgi
</Location>
<Location /l>
    ErrorDocument 502 /ok/slowpage
</Location>
<Location /junk>
    ErrorDocument 502 /static.html
</Location>
<Location /ok/denied>
    Require all denied
    ErrorDocument 403 /ok/page
</Location>
<Location /ok/small>
    LimitRequestBody 10
    ErrorDocument 413 /static.html
</Location>
ErrorDocument 404 /ok/page
ErrorDocument 400 "unreadable"
Header always set X-Seen "%{REDIRECT_STATUS}e %{GATEWAY_STATUS}e"
EOC
chmod 0755, $_->docroot . '/env.cgi' for $both->off, $both->on;
$both->expect_log(qr/\[gateway:error\]/);
$both->expect_log(qr/AH01630/);
$both->allow_log(qr/GW00150|AH0\d+.*(?:does not exist|LimitRequestBody)/);

my @CASES = (
    [ GET  => '/text/x', 503, 'a text' ],
    [ POST => '/text/x', 503, 'a text' ],
    [ HEAD => '/text/x', 503, '' ],
    [ GET  => '/file/x', 503, "<p>static</p>\n" ],
    [ POST => '/file/x', 503, "<p>static</p>\n" ],
    [ HEAD => '/file/x', 503, '' ],
    [ GET  => '/route/x', 503, 'page for GET' ],
    [ POST => '/route/x', 503, 'page for GET' ],
    [ HEAD => '/route/x', 503, '' ],
    [ GET  => '/slow/x', 503, 'slowly' ],
    [ GET  => '/away/x', 302, qr/elsewhere\.example/ ],
    [ GET  => '/script/x?q', 503, "503 /script/x GET\n" ],
    [ GET  => '/broken/x', 503, qr/Service Unavailable/ ],
    [ GET  => '/plain/x', 503, qr/Service Unavailable/ ],
    [ GET  => '/junk/junk', 502, "<p>static</p>\n" ],
    [ GET  => '/ok/denied', 403, 'page for GET' ],
    [ POST => '/ok/denied', 403, 'page for GET' ],
    [ POST => '/ok/small', 413, "<p>static</p>\n" ],
    [ GET  => '/nothing', 404, 'page for GET' ],
    [ GET  => '/ok/missing', 404, 'the backend has no such page' ],
    [ GET  => '/static.html', 200, "<p>static</p>\n" ],
);
for my $case (@CASES) {
    my ($method, $target, $status, $body) = @$case;
    $both->same("$method $target", sub {
        my ($s) = @_;
        my $r = $s->request($method, $target, [ 'Host: front.example' ],
            $method eq 'POST' ? 'b' x 30 : undef);
        my $plain = plain($s, $r);
        # how much of a script's answer comes at a time is chance
        delete $plain->{framing} if $target =~ /script/;
        $plain->{headers} = [ grep { $target !~ /script/
            || !/\A(?:Content-Length|Transfer-Encoding):/ }
            @{ $plain->{headers} } ];
        is $r->status, $status, "$method $target: $status";
        ref $body ? like $r->body, $body, '... its page'
            : is $r->body, $body, '... its page';
        return $plain;
    });
}

# One connection, an error after the other, all in one write.
$both->same('pipelined', sub {
    my ($s) = @_;
    my $c = $s->client;
    my @targets = qw(/t/junk /ok/page /f/junk /r/junk /ok/page /s/junk?4
        /l/junk /nothing /ok/page);
    $c->send(join '', map { "GET $_ HTTP/1.1\r\nHost: a\r\n\r\n" } @targets);
    my @got = map { my $r = $c->response; $r->status . ' ' . $r->body }
        @targets;
    $c->close;
    return \@got;
}, [ '502 a text', '200 page for GET', "502 <p>static</p>\n",
    '502 page for GET', '200 page for GET', "502 502 /s/junk GET\n",
    '502 slowly', '404 page for GET', '200 page for GET' ]);

# What cannot be read gets its page, then the end.
$both->same('unreadable', sub {
    my ($s) = @_;
    my $c = $s->client;
    $c->get('/ok/page');
    $c->response;
    $c->send("GET /ok/page HTTP/1.1\r\nHost: a\r\nbad line\r\n\r\n");
    my $r = $c->response;
    my $end = $c->read_eof;
    return [ $r->status, $r->body, $end ];
}, [ 400, 'unreadable', '' ]);

done_testing;
