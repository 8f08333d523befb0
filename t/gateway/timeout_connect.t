# No connection: refused is a 503 at once with Retry-After, unanswered a 504
# after connectiontimeout, TLS that fails a 502, TLS that hangs a 504; for any
# method. A backend that is back is used at once.
use Gateway::Test;
use Time::HiRes 'time';

my $deaf  = Gateway::Backend->deaf;
my $hang  = Gateway::Backend->new(steps => [ [ silent => 5 ] ]);
my $plain = Gateway::Backend->new(script => sub {
    my $c = shift;
    $c->fill;
    $c->send("HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n");
});
my $junk  = Gateway::Backend->new(steps => [ [ send => "220 hello\r\n" ],
    [ silent => 5 ] ]);
my $ends  = Gateway::Backend->new(steps => [ 'close' ]);
my $reset = Gateway::Backend->new(steps => [ 'fill', 'reset' ]);
my $down  = Gateway::Backend->http({ '/x' => [ 200, [], 'back' ] },
    stopped => 1);
my $s = Gateway::Test->server(vars => { DEAF => $deaf, HANG => $hang,
    PLAIN => $plain, JUNK => $junk, ENDS => $ends, RESET => $reset,
    DOWN => $down, REFUSED => Gateway::Test->closed_port },
    config => <<'EOC');
GatewayPass /refused http://127.0.0.1:@REFUSED@
GatewayPass /nounix  unix:@ROOT@/nobody.sock|http://localhost
GatewayPass /deaf    http://@DEAF@   connectiontimeout=300ms
GatewayPass /tlsdeaf https://@DEAF@  connectiontimeout=300ms
GatewayPass /hang    https://@HANG@  connectiontimeout=300ms
GatewayPass /short   https://@HANG@  timeout=400ms
GatewayPass /plain   https://@PLAIN@ connectiontimeout=2
GatewayPass /junk    https://@JUNK@  connectiontimeout=2
GatewayPass /ends    https://@ENDS@  connectiontimeout=2
GatewayPass /reset   https://@RESET@ connectiontimeout=2
GatewayPass /down    http://@DOWN@
EOC

# path, status, reason, Proxy-Status, at least, at most
my @cases = (
    [ '/refused', 503, 'refused', 'connection_refused', 0, 0.5 ],
    [ '/nounix', 503, 'refused', 'connection_refused', 0, 0.5 ],
    [ '/deaf', 504, 'connect-timeout', 'connection_timeout', 0.3, 1.2 ],
    [ '/tlsdeaf', 504, 'connect-timeout', 'connection_timeout', 0.3, 1.2 ],
    [ '/hang', 504, 'tls-timeout', 'connection_timeout', 0.3, 1.2 ],
    [ '/short', 504, 'tls-timeout', 'connection_timeout', 0.3, 1.2 ],
    [ '/plain', 502, 'tls', 'tls_protocol_error', 0, 1 ],
    [ '/junk', 502, 'tls', 'tls_protocol_error', 0, 1 ],
    [ '/ends', 502, 'tls', 'tls_protocol_error', 0, 1 ],
    [ '/reset', 502, 'tls', 'tls_protocol_error', 0, 1 ],
);
my $patience = Gateway::Setup::patience();
for my $method (qw(GET POST)) {
    for my $case (@cases) {
        my ($path, $status, $reason, $error, $least, $most) = @$case;
        my $start = time;
        my $r = $s->request($method, "$path/x", [],
            $method eq 'POST' ? 'data' : undef);
        my $took = time - $start;
        is $r->status, $status, "$method $path: $status";
        ok $took >= $least && $took < $most * $patience, 'in time'
            or diag "$took s";
        like $r->header('proxy-status'), qr/\A[\w.:-]+; error=$error\b/,
            'Proxy-Status';
        is defined $r->header('retry-after') ? 1 : 0,
            $status == 503 ? 1 : 0, 'Retry-After only with a 503';
        is $r->complete, 1, 'a whole answer';
    }
}
my %line = map { ("$_->{method} $_->{uri}" => $_) }
    $s->access_log(wait => 2 * @cases);
for my $case (@cases) {
    my ($path, undef, $reason) = @$case;
    is $line{"$_ $path/x"}{gw_reason}, $reason, "$_ $path: GATEWAY_REASON"
        for qw(GET POST);
}
unlike $plain->received, qr/GET|POST|data|Host/,
    'nothing went out in the clear';
$s->expect_log(qr/GW00150/, 2 * @cases + 1);

is $s->get('/down/x')->status, 503, 'down';
$down->start;
is $s->get('/down/x')->body, 'back', 'used at once when it is back';

done_testing;
