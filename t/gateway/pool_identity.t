# Connections are shared by what they are: rules whose TLS differs in the name
# sent or verified, in the CAs or in verification do not share one.
use Gateway::Test;

my $b = Gateway::Backend->http({}, tls => 'server');
my $p = Gateway::Backend->http({});
my $s = Gateway::Test->server(children => 1, ports => ['OTHER'],
    vars => { P => $b->port, C => $p->port }, config => <<'EOC');
GatewaySSLCACertificateFile @CA@
GatewayPass /plain  https://localhost:@P@
GatewayPass /same   https://localhost:@P@/x timeout=5
GatewayPass /said   https://localhost:@P@ sni=localhost verifyname=localhost
GatewayPass /sni    https://localhost:@P@ sni=backend.test
GatewayPass /name   https://localhost:@P@ verifyname=backend.test
GatewayPass /ip     https://127.0.0.1:@P@
GatewayPass /alive  https://localhost:@P@ keepalive=on
Listen 127.0.0.1:@OTHER@
<VirtualHost 127.0.0.1:@OTHER@>
    GatewaySSLCACertificatePath @CERTS@/ca.d
    GatewaySSLVerify none
    GatewayPass /other https://localhost:@P@
</VirtualHost>
EOC
$s->expect_log(qr/:warn\].*GatewaySSLVerify none/);

sub conn {
    my ($path, $port) = @_;
    my $r = $s->request('GET', $path, [], undef,
        $port ? (port => $port) : ());
    return $r->status == 200 ? $r->json->{conn} : 'status ' . $r->status;
}

my $first = conn('/plain');
is conn('/same'), $first, 'the same origin, another path: shared';
is conn('/said'), $first, 'the names it has anyway: shared';
my %own = (sni => conn('/sni'), name => conn('/name'), ip => conn('/ip'),
    other => conn('/other', $s->port('OTHER')));
my %seen = ($first => 1);
for my $what (sort keys %own) {
    ok !$seen{ $own{$what} }++, "$what: a connection of its own";
}
is conn('/sni'), $own{sni}, 'used again by its rule';
is conn('/plain'), $first, 'and the first by its own';
done_testing;
