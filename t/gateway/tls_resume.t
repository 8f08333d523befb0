# Sessions are resumed on new connections to the same backend, with TLS 1.2
# and 1.3, as a real server sees it; and never between rules that differ in
# what they send or verify.
use Gateway::Test;
use Gateway::Nginx;
Gateway::Test->need(command => 'nginx');

my $inside = 'location / { return 200 "$ssl_protocol $ssl_session_reused '
    . '$ssl_server_name\n"; }';
my %n = map {
    $_ => Gateway::Nginx->new(tls => 'server', config => $inside,
        http => "ssl_protocols $_; ssl_session_timeout 1h;")
} qw(TLSv1.2 TLSv1.3);

my $s = Gateway::Test->server(children => 1, vars => {
        P => $n{'TLSv1.2'}->port, Q => $n{'TLSv1.3'}->port,
    }, ports => ['OTHER'], config => <<'EOC');
GatewaySSLCACertificateFile @CA@
GatewayPass /TLSv1.2  https://localhost:@P@/ disablereuse=on
GatewayPass /TLSv1.3  https://localhost:@Q@/ disablereuse=on
GatewayPass /sni      https://localhost:@Q@/ disablereuse=on sni=backend.test
GatewayPass /name     https://localhost:@Q@/ disablereuse=on verifyname=x.test
GatewayPass /pool     https://localhost:@Q@/
Listen 127.0.0.1:@OTHER@
<VirtualHost 127.0.0.1:@OTHER@>
    GatewaySSLCACertificateFile @CERTS@/unknown-ca.crt
    GatewayPass / https://localhost:@Q@/ disablereuse=on
</VirtualHost>
EOC

for my $version ('TLSv1.2', 'TLSv1.3') {
    is $s->get("/$version")->body, "$version . localhost\n",
        "$version: a full handshake first";
    my @again = map { $s->get("/$version")->body } 1 .. 5;
    is scalar(grep { $_ eq "$version r localhost\n" } @again), 5,
        'then each connection resumes the session';
}

is $s->get('/sni')->body, "TLSv1.3 . backend.test\n",
    'another name sent: a session of its own';
is $s->get('/sni')->body, "TLSv1.3 r backend.test\n", 'which is resumed';
for (1, 2) {
    is $s->get('/name')->status, 502,
        'another name to verify: no session gets round it';
    is $s->request('GET', '/', [], undef, port => $s->port('OTHER'))->status,
        502, 'nor round other CAs';
}
$s->expect_log(qr/hostname mismatch/, 2);
$s->expect_log(qr/local issuer|self-signed certificate in/, 2);

is $s->get('/TLSv1.3')->body, "TLSv1.3 r localhost\n",
    'still resumed where it is right';

# The backend forgets its keys: a full handshake, not an error.
for my $version ('TLSv1.2', 'TLSv1.3') {
    $n{$version}->stop->start;
    is $s->get("/$version")->body, "$version . localhost\n",
        "$version: keys of the backend changed";
    is $s->get("/$version")->body, "$version r localhost\n", 'resumed again';
}

# Keep-alive connections are not handshakes: tickets that come with a response
# or behind it do not make them unusable.
my @reused = map { $s->get('/pool')->status } 1 .. 10;
is "@reused", join(' ', (200) x 10), 'ten requests';
my @log = grep { $_->{uri} eq '/pool' } $s->access_log(wait => 33);
is scalar(grep { $_->{gw_reused} eq '1' } @log), 9, 'on one connection';
is $log[-1]{gw_tls}, 'TLSv1.3', 'GATEWAY_TLS';
done_testing;
