# GATEWAY_* in the access log, for an answer, a reused connection, a replay, a
# refused connection, an unreadable answer, TLS, a refused certificate, a UNIX
# socket, a request that never reached a rule; and in what CGI, mod_headers and
# ErrorDocument see of it.
use Gateway::Test;

my $b = Gateway::Backend->http({
    '/junk' => sub { $_[0]{conn}->send("junk\r\n\r\n"); 'close' },
    '/missing' => [ 404, [], 'no' ],
    '/slow' => sub { select undef, undef, undef, 0.15; [ 200, [], 'ok' ] },
});
my $t = Gateway::Backend->http({}, tls => 'server');
my $bad = Gateway::Backend->http({}, tls => 'selfsigned', may_fail => 1);
my $u = Gateway::Backend->http({}, unix => 1);
my $closed = Gateway::Test->closed_port;
my $s = Gateway::Test->server(modules => ['headers'], children => 1,
    threads => 4, vars => { B => $b, T => $t, BAD => $bad,
        U => $u->socket, CLOSED => $closed },
    docs => { 'plain.txt' => "plain\n" }, config => <<'EOC');
GatewaySSLCACertificateFile "@CA@"
GatewayPass /app     http://@B@
GatewayPass /tls     https://@T@
GatewayPass /bad     https://@BAD@
GatewayPass /unix    unix:@U@|http://name.example
GatewayPass /refused http://127.0.0.1:@CLOSED@
GatewayPass /noname  http://nowhere.invalid
Header always set X-Reason "%{GATEWAY_REASON}e" env=GATEWAY_REASON
EOC

my $count = 0;
sub logged {
    my ($path, $status) = @_;
    my $r = $s->get($path);
    is $r->status, $status, "$path: $status";
    my @lines = $s->access_log(wait => ++$count);
    my $line = $lines[-1];
    return ($line, $r);
}
sub is_logged {
    my ($line, %want) = @_;
    for my $name (sort keys %want) {
        my $got = $line->{"gw_$name"} // 'undef';
        ref $want{$name} ? like($got, $want{$name}, "... GATEWAY_\U$name")
            : is($got, $want{$name}, "... GATEWAY_\U$name");
    }
    return;
}
my $ms = qr/^\d+(?:\.\d+)?$/;

my ($line) = logged('/app/x', 200);
is_logged($line, addr => $b->hostport, status => 200, attempts => 1,
    tries => $b->hostport,
    reused => qr/^(?:0|-)$/, tls => '-', reason => '-', ms => $ms,
    connect_ms => $ms, ttfb_ms => $ms);
if (Gateway::Setup::mpm() ne 'prefork') {
    ($line) = logged('/app/x', 200);
    is_logged($line, addr => $b->hostport, status => 200, attempts => 1,
        tries => $b->hostport,
        reused => 1, reason => '-', connect_ms => qr/^(?:-|0(?:\.0+)?)$/);
}
($line) = logged('/app/missing', 404);
is_logged($line, status => 404, reason => '-');
($line) = logged('/app/slow', 200);
cmp_ok $line->{gw_ttfb_ms}, '>=', 150, '... the time to the first byte';
cmp_ok $line->{gw_ms}, '>=', $line->{gw_ttfb_ms}, '... the whole time';
cmp_ok $line->{gw_ms}, '<', 5000, '... in milliseconds';

($line, my $r) = logged('/app/junk', 502);
is_logged($line, addr => $b->hostport, status => qr/^(?:-|502)$/,
    reason => qr/^\w/);
is $r->header('x-reason'), $line->{gw_reason}, 'mod_headers sees it, too';
my $junk = $line->{gw_reason};

($line) = logged('/refused/x', 503);
is_logged($line, addr => "127.0.0.1:$closed", status => qr/^(?:-|503)$/,
    reason => qr/^\w/, ttfb_ms => '-');
isnt $line->{gw_reason}, $junk, '... another reason';

($line) = logged('/tls/x', 200);
is_logged($line, addr => $t->hostport, status => 200,
    tls => qr/^TLSv1\.[23]/, reason => '-');
($line) = logged('/bad/x', 502);
is_logged($line, addr => $bad->hostport, status => qr/^(?:-|502)$/,
    reason => qr/^\w/);
isnt $line->{gw_reason}, $junk, '... another reason';

($line) = logged('/unix/x', 200);
is_logged($line, addr => qr/\Q@{[ $u->socket ]}/, status => 200, tls => '-');

($line) = logged('/noname/x', 502);
is_logged($line, reason => qr/^\w/, ttfb_ms => '-');

($line) = logged('/plain.txt', 200);
is_logged($line, map { $_ => '-' } qw(addr status attempts tries reused tls
    reason ms connect_ms ttfb_ms));

$s->expect_log(qr/\[gateway:error\]/, 4);     # junk, refused, bad, noname

# a replay: the connection in the pool is dead when it is used
if (Gateway::Setup::mpm() ne 'prefork') {
    my $ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    my $dies = Gateway::Backend->new(scripts => [
        [ 'read_request', [ send => $ok ], 'read_request', 'reset' ],
        [ 'read_request', [ send => $ok ], [ silent => 2 ] ],
    ]);
    $s = Gateway::Test->server(vars => { D => $dies }, children => 1,
        config => "GatewayPass /d http://\@D\@\n");
    $count = 0;
    logged('/d/1', 200);
    ($line) = logged('/d/2', 200);
    my $addr = quotemeta $dies->hostport;
    is_logged($line, attempts => 2, status => qr/\b200$/, reason => '-',
        addr => qr/^$addr(?:, ?$addr)?$/);
}

done_testing;
