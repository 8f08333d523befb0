# The answers of the gateway's own: a page, or the ErrorDocument for it, with
# Proxy-Status, Retry-After and the reason for the logs; and the client's
# connection goes on (but behind a 503: httpd closes it there).
use Gateway::Test;

my $b = Gateway::Backend->http({
    '/junk' => sub { $_[0]{conn}->send("HTTP/1.1 junk\r\n\r\n"); 'close' },
    '/hang' => sub { $_[0]{conn}->read_eof(3); 'close' },
    '/page' => [ 200, [ 'Content-Type' => 'text/plain' ], 'page of the app' ],
    '/fine' => [ 200, [], 'fine' ],
    '/own'  => [ 503, [ 'Retry-After' => 77 ], 'busy' ],
});
my $s = Gateway::Test->server(lane => qr/\Ablocking \(subrequest\)\z/,
    modules => [qw(headers)],
    docs => { 'errors/504.txt' => "page of a file\n" },
    vars => { B => $b, CLOSED => Gateway::Test->closed_port },
    config => <<'EOC');
GatewayPass /app     http://@B@ timeout=200ms
GatewayPass /closed  http://127.0.0.1:@CLOSED@
GatewayPass /text    http://@B@ timeout=200ms
GatewayPass /file    http://@B@ timeout=200ms
GatewayPass /routed  http://@B@ timeout=200ms
Header always set X-Reason "expr=%{reqenv:GATEWAY_REASON}"
<Location /text>
    ErrorDocument 502 "because: %{reqenv:GATEWAY_REASON}"
    ErrorDocument 504 "because: %{reqenv:GATEWAY_REASON}"
</Location>
<Location /file>
    ErrorDocument 502 /errors/504.txt
    ErrorDocument 504 /errors/504.txt
</Location>
<Location /routed>
    ErrorDocument 502 /app/page
    ErrorDocument 504 /app/page
</Location>
EOC

my %reason = (junk => 'junk', hang => 'timeout', '' => 'refused');
my %error = (junk => 'http_protocol_error', hang => 'http_response_timeout',
    '' => 'connection_refused');

my $c = $s->client;
sub check {
    my ($path, $status, $what, $page) = @_;
    my $from = $status == 503 ? $s->client : $c;
    my $r = $from->get($path, 'X-A: <script>')->response;
    is $r->status, $status, "$path: $status";
    like $r->body, $page, 'the page' or diag $r->as_string;
    like $r->header('proxy-status'), qr/\A\S+; error=$error{$what}\b/,
        'Proxy-Status';
    is $r->header('retry-after') // '-', $status == 503 ? 5 : '-',
        'Retry-After' if $status == 503;
    is_deeply $r->problems, [], 'well-formed';
}

check('/app/junk', 502, 'junk', qr/502|Bad Gateway|Proxy Error/);
check('/app/hang', 504, 'hang', qr/504|Gateway Timeout/);
check('/closed/<i>', 503, '', qr/503|Service Unavailable/);
check('/text/junk', 502, 'junk', qr/\Abecause: junk\z/);
check('/text/hang', 504, 'hang', qr/\Abecause: timeout\z/);
check('/file/junk', 502, 'junk', qr/\Apage of a file\n\z/);
check('/file/hang', 504, 'hang', qr/\Apage of a file\n\z/);
check('/routed/junk', 502, 'junk', qr/\Apage of the app\z/);
check('/routed/hang', 504, 'hang', qr/\Apage of the app\z/);

my $r = $c->get('/app/fine')->response;
is $r->body, 'fine', 'all on one connection of the client';
is $r->header('x-reason'), '', 'nothing left of what was before';
$r = $c->head('/app/junk')->response;
is_deeply [ $r->status, $r->body ], [ 502, '' ], 'HEAD: no body';
$r = $c->post('/app/junk', 'data')->response;
is $r->status, 502, 'POST: 502';
$r = $c->post('/routed/junk', 'data')->response;
is_deeply [ $r->status, $r->body ], [ 502, 'page of the app' ],
    'POST, with a page that a backend serves';
is $c->get('/app/fine')->response->body, 'fine', 'nothing left over';
$r = $s->get('/app/own');
is_deeply [ $r->status, $r->body, $r->header('retry-after') ],
    [ 503, 'busy', 77 ], "a 503 of the backend's own is not touched";
is $r->header('proxy-status'), undef, 'nor explained';
is $c->get('/app/fine')->response->body, 'fine', 'still the same connection';

unlike $s->get('/closed/%3Cscript%3E', 'X-A: <script>')->body, qr/<script/,
    'nothing of the request is in the page as it came';
is $s->get('/app/junk')->header('x-reason'), 'junk', 'for other modules';
$s->expect_log(qr/GW00150/, 14);

done_testing;
