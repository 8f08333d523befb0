# hcexpr=: a named expression over the response of a health check decides:
# status, fields, body. It is evaluated for a request that never was, which
# has what an expression may ask for.
use Gateway::Test;

my $b = Gateway::Backend->http({
    '/teapot' => [ 418, [ 'X-State' => 'ready' ], "short and stout\n" ],
    '/busy' => [ 200, [ 'X-State' => 'busy' ], "down for maintenance\n" ],
    '/big' => [ 200, [], 'x' x 200000 . 'tail' ],
    '/chunks' => [ 200, [], [ 'no ', 'end ', 'of good' ] ],
    '/nul' => [ 200, [], "before\0after" ],
    '/none' => [ 200, [], '' ],
});

# Everything that mod_core's expressions know of a request; none of it may
# bring the server down.
my @variables = qw(HTTP_ACCEPT HTTP_COOKIE HTTP_FORWARDED HTTP_HOST
    HTTP_PROXY_CONNECTION HTTP_REFERER HTTP_USER_AGENT REQUEST_METHOD
    REQUEST_SCHEME REQUEST_URI DOCUMENT_URI REQUEST_FILENAME SCRIPT_FILENAME
    LAST_MODIFIED SCRIPT_USER SCRIPT_GROUP PATH_INFO QUERY_STRING IS_SUBREQ
    THE_REQUEST REMOTE_ADDR REMOTE_PORT REMOTE_HOST REMOTE_USER REMOTE_IDENT
    SERVER_NAME SERVER_PORT SERVER_ADMIN SERVER_PROTOCOL DOCUMENT_ROOT
    AUTH_TYPE CONTENT_TYPE HANDLER
    HTTP2 HTTPS IPV6 REQUEST_STATUS REQUEST_LOG_ID CONN_LOG_ID
    CONN_REMOTE_ADDR CONTEXT_PREFIX CONTEXT_DOCUMENT_ROOT TIME_YEAR
    SERVER_SOFTWARE API_VERSION SSL_PROTOCOL SSL_CLIENT_S_DN);
my $all = join ' ', map { "%{$_}" } @variables;

my @cases = (   # name, expression, path, does it pass?
    [ 'status', '%{REQUEST_STATUS} -eq 418', '/teapot', 1 ],
    [ 'other', '%{REQUEST_STATUS} -lt 400', '/teapot', 0 ],
    [ 'field', q(%{resp:X-State} == 'ready'), '/teapot', 1 ],
    [ 'nofield', q(%{resp:X-State} == 'ready'), '/busy', 0 ],
    [ 'absent', q(%{resp:X-None} == ''), '/busy', 1 ],
    [ 'body', q(hc('body') =~ /stout/), '/teapot', 1 ],
    [ 'nobody', q(hc('body') !~ /maintenance/), '/busy', 0 ],
    [ 'empty', q(hc('body') == ''), '/none', 1 ],
    [ 'case', q(hc('BODY') =~ /down/), '/busy', 1 ],
    [ 'item', q(hc('head') == ''), '/busy', 1 ],
    [ 'first', q(hc('body') =~ /^x{60000}/), '/big', 1 ],
    [ 'last', q(hc('body') =~ /tail/), '/big', 0 ],
    [ 'chunks', q(hc('body') == 'no end of good'), '/chunks', 1 ],
    [ 'nul', q(hc('body') == 'before'), '/nul', 1 ],
    [ 'both', q(%{REQUEST_STATUS} == 418 && hc('body') =~ /short/),
        '/teapot', 1 ],
    [ 'uri', q(%{REQUEST_URI} == '/teapot' && %{REQUEST_METHOD} == 'GET'),
        '/teapot', 1 ],
    [ 'all', qq(-n "$all"), '/teapot', 1 ],
    [ 'ip', q(-R '127.0.0.0/8' && ! %{REMOTE_ADDR} -ipmatch '10.0.0.0/8'),
        '/teapot', 1 ],
    [ 'req', q(%{req:X-Ask} == 'me' && env('nothing') == ''), '/teapot', 1 ],
    [ 'note', q(note('nothing') == '' && osenv('NO_SUCH_THING') == ''),
        '/teapot', 1 ],
    [ 'files', q(-d '/' && ! -e '/none/x'), '/teapot', 1 ],
);
my $config = "GatewayHCTPsize 32\n" . join '', map {
    my ($name, $expr, $path) = @$_;
    "GatewayHCExpr $name {$expr}\n<Gateway balancer://$name>\n"
    . "GatewayMember http://\@B\@ status=+C hcmethod=GET11 hcuri=$path"
    . " hcexpr=$name hcinterval=400ms hcheader=X-Ask:me\n</Gateway>\n" }
    @cases;
my $s = Gateway::Test->server(vars => { B => $b }, ports => ['OTHER'],
    ssl => 1, loglevel => 'gateway_balancer:debug',
    config => $config . <<'EOC');
GatewayHCExpr up {%{REQUEST_STATUS} == 500}
Listen 127.0.0.1:@OTHER@
<VirtualHost 127.0.0.1:@OTHER@>
    GatewayHCExpr up {%{REQUEST_STATUS} == 418}
    GatewayHCTemplate mine hcmethod=GET hcuri=/teapot hcinterval=400ms
    <Gateway balancer://own>
        GatewayMember http://@B@ status=+C hctemplate=mine hcexpr=up
    </Gateway>
    <Gateway balancer://seen>
        GatewayMember http://@B@ status=+C hctemplate=mine hcexpr=field
    </Gateway>
</VirtualHost>
EOC
my ($before) = $s->children;

for my $case (@cases) {
    my ($name, $expr, $path, $passes) = @$case;
    my $re = $passes ? qr{GW01301: balancer://$name .*\[IN USE\]$}
        : qr{GW01302: balancer://$name .*hcexpr=$name is false};
    ok $s->wait_log($re), "$name: $expr of $path is "
        . ($passes ? 'true' : 'false');
}
ok !(grep { !$_->[3] && $s->log->grep(qr{GW01301: balancer://$_->[0] }) }
    @cases), 'what is false brings nobody back';
ok $s->wait_log(qr{balancer://own .*\[IN USE\]$}),
    'a virtual host has expressions of its own';
ok $s->wait_log(qr{balancer://seen .*\[IN USE\]$}),
    '... and sees the others';
for my $op (qw(-U -F -A)) {
    my ($ok, $said) = Gateway::Test->configtest(
        config => "GatewayHCExpr x {! $op '/y'}\n");
    ok !$ok, "$op is refused";
    like $said, qr/GatewayHCExpr x: .* need a client's request/, '... why';
}
is_deeply [ $s->children ], [$before], 'the child is still the same'
    if Gateway::Setup::mpm() ne 'prefork';
done_testing;
