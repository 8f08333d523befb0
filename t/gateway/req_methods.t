# CONNECT never leaves, TRACE only where TraceEnable was written, and
# Max-Forwards counts down in OPTIONS and TRACE (RFC 9110 section 7.6.2).
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $s = Gateway::Test->server(vars => { B => $p->backend },
    ports => [qw(TRACE_PORT OFF EXTENDED)], config => <<'EOC');
GatewayPass / http://@B@/
Listen 127.0.0.1:@TRACE_PORT@
<VirtualHost *:@TRACE_PORT@>
    TraceEnable On
</VirtualHost>
Listen 127.0.0.1:@OFF@
<VirtualHost *:@OFF@>
    TraceEnable Off
</VirtualHost>
Listen 127.0.0.1:@EXTENDED@
<VirtualHost *:@EXTENDED@>
    TraceEnable extended
</VirtualHost>
EOC
$p->front($s);
my %trace = (client => { port => $s->port('TRACE_PORT') });
my %off   = (client => { port => $s->port('OFF') });

sub answered {
    my ($name, $bytes, $status, %opt) = @_;
    my $seen = $p->send($bytes, %opt);
    my $r = $seen->{responses}[0];
    is $r && $r->status, $status, "$name: answered here";
    is scalar @{ $seen->{requests} }, 0, "$name: nothing at the backend";
    return $r;
}

sub forwards {
    my ($method, $n) = @_;
    return $p->head("$method /x HTTP/1.1",
        defined $n ? "Max-Forwards: $n" : ());
}

# --- CONNECT -----------------------------------------------------------

# What an optimistic client sent behind it is no request (RFC 9931).
my $tunnel = "CONNECT 127.0.0.1:" . $p->backend->port . " HTTP/1.1\r\n"
    . "Host: a\r\n\r\nGET /smug HTTP/1.1\r\nHost: a\r\n\r\n";
for my $opt ({}, \%trace) {
    $p->refused('CONNECT', $tunnel, status => '40[05]|501', %$opt);
    $p->refused('CONNECT with a path', $p->head(
        'CONNECT /x HTTP/1.1'), status => '40[05]|501', %$opt);
}

# --- TRACE -------------------------------------------------------------

my $r = answered('TRACE', forwards('TRACE'), 405);
like $r->header('allow'), qr/\A(?=.*\bGET\b).*\bPOST\b/, 'with Allow';
answered('TRACE, Max-Forwards: 0', forwards('TRACE', 0), 405);
answered('TRACE with TraceEnable Off', forwards('TRACE'), 405, %off);
my $req = $p->forwarded('TRACE with TraceEnable On', forwards('TRACE'),
    %trace);
is $req && $req->method, 'TRACE', 'is passed on';
$req = $p->forwarded('TRACE, Max-Forwards: 5', forwards('TRACE', 5), %trace);
is $req && $req->header('max-forwards'), 4, 'counts down';
$r = answered('TRACE, Max-Forwards: 0, allowed', forwards('TRACE', 0), 200,
    %trace);
is $r->header('content-type'), 'message/http', 'with what came';
like $r->body, qr{\ATRACE /x HTTP/1\.1\r\n}, 'the request line first';
$p->refused('TRACE with a body', $p->head('TRACE /x HTTP/1.1',
    'Content-Length: 5') . 'hello', status => 413, %trace);
$p->refused('TRACE with a chunked body', $p->head('TRACE /x HTTP/1.1',
    'Transfer-Encoding: chunked') . "5\r\nhello\r\n0\r\n\r\n", status => 413,
    %trace);
$req = $p->forwarded('TRACE with a body and TraceEnable extended',
    $p->head('TRACE /x HTTP/1.1', 'Content-Length: 5') . 'hello',
    client => { port => $s->port('EXTENDED') }, body => 'hello');

# --- OPTIONS -----------------------------------------------------------

$req = $p->forwarded('OPTIONS', forwards('OPTIONS'));
is $req && $req->header('max-forwards'), undef, 'none is added';
$req = $p->forwarded('OPTIONS, Max-Forwards: 5', forwards('OPTIONS', 5));
is $req && $req->header('max-forwards'), 4, 'counts down';
$req = $p->forwarded('OPTIONS, Max-Forwards: 1', forwards('OPTIONS', 1));
is $req && $req->header('max-forwards'), 0, 'to zero';
$r = answered('OPTIONS, Max-Forwards: 0', forwards('OPTIONS', 0), 200);
like $r->header('allow'), qr/\A(?=.*\bGET\b).*\bPOST\b/, 'with Allow';
answered('OPTIONS *', "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200);
for my $n ('', 'x', '-1', '1 2', '5, 6', '0x1', '99999999999999999999') {
    my $seen = $p->clean("OPTIONS, Max-Forwards: $n", forwards('OPTIONS', $n));
    is_deeply [ grep { ($_->header('max-forwards') // '') !~ /\A\d*\z/ }
        @{ $seen->{requests} } ], [], 'no nonsense is passed on';
}

# --- others ------------------------------------------------------------

$req = $p->forwarded('GET with Max-Forwards', forwards('GET', 0));
is $req && $req->header('max-forwards'), 0, 'does not count';
$req = $p->forwarded('OPTIONS with a body', $p->head('OPTIONS /x HTTP/1.1',
    'Content-Length: 5') . 'hello', body => 'hello');

$p->finish;
done_testing;
