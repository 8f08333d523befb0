# What the gateway refuses of its own says so: Proxy-Status (RFC 9209), and a
# line in the error log.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $s = Gateway::Test->server(vars => { B => $b }, config => <<'EOC');
GatewayPass /app http://@B@
GatewayPass /self http://127.0.0.1:@PORT@/self
<Location /app/small>
    LimitRequestBody 3
</Location>
EOC
$s->expect_log(qr/GW00101/);

my @cases = (
    [ 'TRACE /app/x', [], 405, 'http_request_denied', qr/GW00102/ ],
    [ 'OPTIONS /app/x', [ 'Max-Forwards: many' ], 400, 'http_request_error',
        qr/GW00103/ ],
    [ 'POST /app/small', [ 'Content-Length: 4' ], 413, 'http_request_denied',
        qr/GW00100/ ],
    [ 'GET /app/..%2Fx', [], 400, 'http_request_error', qr/GW00250/ ],
    [ 'GET /self/x', [], 508, 'proxy_loop_detected', qr/GW00101/ ],
);
for my $case (@cases) {
    my ($line, $fields, $status, $error, $log) = @$case;
    my $c = $s->client;
    $c->send(map { "$_\r\n" } "$line HTTP/1.1", 'Host: a', @$fields, '');
    my ($method) = split ' ', $line;
    my $r = $c->response(method => $method);
    is $r->status, $status, "$line: $status";
    like $r->header('proxy-status'), qr/\A\S+; error=$error\z/,
        '  Proxy-Status says why';
    ok $s->wait_log($log), '  so does the log';
}
is scalar($b->requests), 0, 'no backend was asked';

done_testing;
