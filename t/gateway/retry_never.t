# When nothing is sent again: a new connection that dies, a second one that
# dies, a byte or an interim response that came, junk, a time-out. The client
# gets an answer each time.
use Gateway::Test;

my $OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
my $HINT = "HTTP/1.1 103 Early\r\nX-A: b\r\n\r\n";

# What a connection does with a request for that path, before its end.
my %does = (
    '/byte'    => sub { $_[0]->send('H'); 'close' },
    '/line'    => sub { $_[0]->send("\r\n"); 'close' },
    '/head'    => sub { $_[0]->send("HTTP/1.1 200 OK\r\nX-A: b\r\n");
        'reset' },
    '/junk'    => sub { $_[0]->send("junk\r\n\r\n"); 'close' },
    '/hint'    => sub { $_[0]->send($HINT); 'close' },
    '/continue' => sub { $_[0]->send("HTTP/1.1 100 Continue\r\n\r\n");
        'close' },
    '/dead'    => sub { 'close' },
    '/hang'    => sub { $_[0]->read_eof(3); 'close' },
);
my $b = Gateway::Backend->new(script => sub {
    my $c = shift;
    while (my $req = $c->read_request) {
        my $does = $does{ $req->{path} };
        if (!$does) {
            $c->send($OK);
            next;
        }
        my $end = $does->($c);
        return $c->$end;
    }
});
my $s = Gateway::Test->server(children => 1, vars => { B => $b },
    config => "GatewayPass /app http://\@B\@ timeout=300ms\n");
$s->allow_log(qr/AH00161/);

my $n = 0;
sub check {
    my ($path, $warm, $status, $attempts, $error) = @_;
    my $name = "$path on a " . ($warm ? 'reused' : 'new') . ' connection';
    $n++;
    $warm ? $s->get('/app/warm') : $b->stop->start;
    my $r = $s->get("/app$path?$n");
    is $r->status, $status, "$name: $status";
    if ($error) {
        like $r->header('proxy-status'), qr/; error=$error/, 'Proxy-Status';
    }
    is scalar(grep { $_->{target} eq "$path?$n" }
        $b->events(what => 'head')), $attempts, "$attempts at the backend";
}

for my $warm (0, 1) {
    check('/byte', $warm, 502, 1, 'http_response_incomplete');
    check('/line', $warm, 502, 1);
    check('/head', $warm, 502, 1, 'http_response_incomplete');
    check('/junk', $warm, 502, 1, 'http_protocol_error');
    check('/hint', $warm, 502, 1, 'http_response_incomplete');
    check('/continue', $warm, 502, 1, 'http_response_incomplete');
    check('/hang', $warm, 504, 1, 'http_response_timeout');
}
check('/dead', 0, 502, 1, 'connection_terminated');
check('/dead', 1, 502, 2, 'connection_terminated');
$s->expect_log(qr/GW00150/);

# On TLS: nothing is sent again that has been sent.
my $t = Gateway::Backend->new(tls => 'server', script => sub {
    my $c = shift;
    $c->read_request;
    $c->close;
});
my $s2 = Gateway::Test->server(vars => { B => $t }, config => <<'EOC');
GatewaySSLCACertificateFile "@CA@"
GatewayPass /app https://@B@ verifyname=localhost
EOC
is $s2->get('/app/x')->status, 502, 'a new TLS connection that dies';
is $t->connections, 1, 'one attempt';
$s2->expect_log(qr/GW00150/, 1);

done_testing;
