# A connection that served before and dies when the next request has been
# written: the request goes once more, on a new connection, if it may be
# executed twice; POST, PATCH and unknown methods never.
use Gateway::Test;

# Every connection serves one request, then reads one more and ends. The
# second one of a target is answered.
sub backend {
    my ($end, %opt) = @_;
    return Gateway::Backend->new(%opt, script => sub {
        my $c = shift;
        my $req = $c->read_request or return;
        $c->respond(200, [ 'X-Conn' => $c->number ], $req->method eq 'HEAD'
            ? '' : 'answer ' . $req->target);
        $req = $c->read_request or return;
        $c->$end;
    });
}

sub server {
    my ($b, $tls) = @_;
    my $s = Gateway::Test->server(children => 1, vars => { B => $b },
        config => $tls ? <<'TLS' : <<'PLAIN');
GatewaySSLCACertificateFile "@CA@"
GatewayPass /app https://@B@ verifyname=localhost
TLS
GatewayPass /app @B_URL@
PLAIN
    $s->allow_log(qr/AH00161/);
    return $s;
}

sub seen {
    my ($b, $target) = @_;
    return grep { $_->{target} eq $target } $b->events(what => 'head');
}

my $n = 0;
sub ask {
    my ($s, $method, $body) = @_;
    $n++;
    $s->get("/app/warm?$n");
    return ($s->request($method, "/app/x?$n", [], $body), "/x?$n");
}

my $b = backend('close');
my $s = server($b);
for my $method (qw(GET HEAD OPTIONS PUT DELETE)) {
    my ($r, $target) = ask($s, $method, $method eq 'PUT' ? 'data' : undef);
    is $r->status, 200, "$method is repeated";
    is $r->body, $method eq 'HEAD' ? '' : "answer $target", 'and answered';
    my @heads = seen($b, $target);
    is scalar @heads, 2, 'twice at the backend';
    isnt $heads[0]{conn}, $heads[1]{conn}, 'on another connection';
    my ($line) = grep { $_->{request} =~ m{/x\?$n } } $s->access_log(
        wait => 2 * $n);
    is_deeply [ @$line{qw(status gw_attempts gw_reused gw_status gw_reason)} ],
        [ 200, 2, 0, 200, '-' ], 'the access log';
    is $line->{gw_tries}, join(', ', ($b->hostport) x 2), 'both attempts';
    is $line->{gw_addr}, $b->hostport, 'the last one';
}
for my $case (qw(POST PATCH LOCK FOO), 'POST -') {
    my ($method, $empty) = split / /, $case;
    my ($r, $target) = ask($s, $method, $empty ? undef : 'data');
    is $r->status, 502, "$method is not" . ($empty ? ', nor without a body'
        : '');
    is scalar(() = seen($b, $target)), 1, 'once at the backend';
    like $r->header('proxy-status'), qr/; error=connection_terminated/,
        'Proxy-Status';
}
$s->expect_log(qr/GW00150.*\[reset\]/, 5);
$s->expect_log(qr/GW00500/);

# Other ways to end, other transports.
for my $end (qw(reset shutdown)) {
    my $b2 = backend($end);
    my $s2 = server($b2);
    my ($r, $target) = ask($s2, 'GET');
    is $r->status, 200, "$end: GET is repeated";
    is scalar(() = seen($b2, $target)), 2, 'twice at the backend';
    ($r, $target) = ask($s2, 'POST', 'data');
    is $r->status, 502, "$end: POST is not";
    is scalar(() = seen($b2, $target)), 1, 'once at the backend';
    $s2->expect_log(qr/GW00150/, 1);
}
my %other = (TLS => backend('close', tls => 'server'),
    'TLS, no close_notify' => backend('close_dirty', tls => 'server'),
    'UNIX socket' => backend('close', unix => 1));
for my $name (sort keys %other) {
    my $b2 = $other{$name};
    my $s2 = server($b2, $name =~ /TLS/);
    my ($r, $target) = ask($s2, 'GET');
    is $r->status, 200, "$name: GET is repeated";
    is scalar(() = seen($b2, $target)), 2, 'twice at the backend';
    ($r, $target) = ask($s2, 'POST', 'data');
    is $r->status, 502, "$name: POST is not";
    is scalar(() = seen($b2, $target)), 1, 'once at the backend';
    $s2->expect_log(qr/GW00150/, 1);
}

done_testing;
