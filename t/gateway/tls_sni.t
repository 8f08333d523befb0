# The name that TLS sends: the host of the URL or sni=, never one that a
# client chose, none for an address; and what Host says beside it.
use Gateway::Test;

my $b = Gateway::Backend->http({}, tls => 'server');    # echoes, with TLS
my $s = Gateway::Test->server(vars => { P => $b->port },
    config => <<'EOC');
GatewaySSLCACertificateFile @CA@
GatewayPass /name     https://localhost:@P@/
GatewayPass /upper    https://LOCALHOST:@P@/
GatewayPass /address  https://127.0.0.1:@P@/
GatewayPass /sni      https://127.0.0.1:@P@/ sni=backend.test
GatewayPass /both     https://localhost:@P@/ \
    sni=x.wild.test verifyname=localhost
GatewayPass /preserve https://localhost:@P@/
GatewayPass /verify   https://localhost:@P@/ verifyname=backend.test
<Location /preserve>
    GatewayPreserveHost On
</Location>
EOC
my $port = $b->port;

# path => [SNI, Host]
my %want = (
    '/name'     => [ 'localhost', "localhost:$port" ],
    '/upper'    => [ 'localhost', "localhost:$port" ],
    '/address'  => [ undef, "127.0.0.1:$port" ],
    '/sni'      => [ 'backend.test', "127.0.0.1:$port" ],
    '/both'     => [ 'x.wild.test', "localhost:$port" ],
    '/preserve' => [ 'localhost', 'evil.test' ],
    '/verify'   => [ 'localhost', "localhost:$port" ],
);
for my $path (sort keys %want) {
    my $r = $s->get($path, 'Host: evil.test');
    is $r->status, 200, $path or next;
    my $saw = $r->json;
    my ($sni, $host) = @{ $want{$path} };
    is $saw->{tls}{sni}, $sni, '  SNI';
    my ($got) = map { $_->[1] } grep { lc $_->[0] eq 'host' }
        @{ $saw->{headers} };
    is lc $got, $host, '  Host';
    ok !$saw->{tls}{alpn} || $saw->{tls}{alpn} eq 'http/1.1',
        '  no protocol but HTTP/1.1 is agreed upon';
}

# No section of these keys without TLS.
for my $key ('sni=a.test', 'verifyname=a.test') {
    my ($ok, $said) = Gateway::Test->configtest(
        config => "GatewayPass / http://localhost/ $key\n");
    ok !$ok, "$key without https is refused";
    like $said, qr/line 1 of .*https/s, '  and says so';
}
done_testing;
