# A response that ends too early is visibly incomplete for every kind of
# client: HTTP/1.0 (no last chunk to miss: the connection is reset), HTTP/1.1
# over TLS, HTTP/2 (the stream is reset); and from TLS backends, where a FIN
# without close_notify proves nothing.
use Gateway::Test;
use Gateway::Hostile;

my $h2 = Gateway::Setup::mpm() ne 'prefork';

sub by_h2 {
    my ($server, $case, $target) = @_;
    return Gateway::Hostile::by_curl(
        $server->curl($target, tls => 1, '--http2'));
}

my %ask = (
    'HTTP/1.0' => sub {
        my ($server, $case, $target) = @_;
        return $server->raw("GET $target HTTP/1.0\r\n\r\n");
    },
    'HTTP/1.0 keep-alive' => sub {
        my ($server, $case, $target) = @_;
        return $server->raw("GET $target HTTP/1.0\r\n"
            . "Connection: keep-alive\r\n\r\n");
    },
    'HTTP/1.0, TLS' => sub {
        my ($server, $case, $target) = @_;
        return $server->raw("GET $target HTTP/1.0\r\nHost: localhost\r\n\r\n",
            tls => 1);
    },
    'TLS' => sub { return $_[0]->get_tls($_[2]) },
    $h2 ? ('HTTP/2' => \&by_h2) : (),
);

my $h = Gateway::Hostile->new('short');
my $s = Gateway::Test->server(children => 1, ssl => 1, h2 => $h2,
    vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);
for my $client (sort keys %ask) {
    note $client;
    $h->{ask} = $ask{$client};
    $h->run($s);
}

my $t = Gateway::Hostile->new('short', 'dirty',
    { backend => { tls => 'server' } });
my $s2 = Gateway::Test->server(children => 1, vars => { B => $t->backend },
    config => <<'EOC');
GatewaySSLCACertificateFile "@CA@"
GatewayPass /app https://@B@ verifyname=localhost
EOC
$s2->expect_log(qr/GW00150/);
note 'a TLS backend';
$t->run($s2);

done_testing;
