# Which CAs are trusted: the system's by default, those of a file or a folder
# instead of them, none at all with GatewaySSLVerify none; for every backend
# and for one.
use Gateway::Test;

my $b = Gateway::Backend->http({ '*' => [ 200, [], 'hi' ] }, tls => 'server',
    tls_options => { SSL_ca_file => undef });
my $u = Gateway::Backend->http({ '*' => [ 200, [], 'hi' ] }, tls => 'unknown');
my $self = Gateway::Backend->http({ '*' => [ 200, [], 'hi' ] },
    tls => 'selfsigned');
my %vars = (vars => { B => $b->port, U => $u->port, S => $self->port });

# The system does not know the test's CA.
my $s = Gateway::Test->server(%vars, config => <<'EOC');
GatewayPass / https://localhost:@B@/
EOC
is $s->get('/')->status, 502, 'the system knows no CA of the test';
$b->wait_event(what => 'tls');
is $b->received, '', 'nothing was sent';
$s->expect_log(
    qr/local issuer.*subject CN=localhost.*GatewaySSLCACertificateFile/, 1);
$s->stop;

# The store of the system is the one OpenSSL would use.
{
    local $ENV{SSL_CERT_FILE} = Gateway::CA::file('ca.crt');
    $s = Gateway::Test->server(%vars, config => <<'EOC');
GatewayPass /system  https://localhost:@B@/
GatewayPass /unknown https://localhost:@U@/
GatewayPass /file    https://localhost:@B@/ sni=backend.test
<Gateway https://localhost:@U@>
    GatewaySSLCACertificateFile @CERTS@/unknown-ca.crt
</Gateway>
EOC
}
is $s->get('/system')->status, 200, 'a CA that the system trusts';
is $s->get('/unknown')->status, 200, 'a file of CAs for one backend';
$s->stop;

# What a file or a folder names replaces the system's.
{
    local $ENV{SSL_CERT_FILE} = Gateway::CA::file('ca.crt');
    $s = Gateway::Test->server(%vars, config => <<'EOC');
GatewaySSLCACertificateFile @CERTS@/unknown-ca.crt
GatewayPass /mine    https://localhost:@U@/
GatewayPass /system  https://localhost:@B@/
GatewayPass /folder  https://127.0.0.1:@B@/
GatewayPass /self    https://localhost:@S@/
<Gateway https://127.0.0.1:@B@>
    GatewaySSLCACertificatePath @CERTS@/ca.d
</Gateway>
<Gateway https://localhost:@S@>
    GatewaySSLCACertificateFile @CERTS@/selfsigned.crt
</Gateway>
EOC
}
is $s->get('/mine')->status, 200, 'a file of CAs for all backends';
is $s->get('/system')->status, 502, 'is instead of the system\'s';
is $s->get('/folder')->status, 200, 'a folder of CAs, besides the file';
is $s->get('/self')->status, 200, 'a backend\'s own certificate is trusted';
$s->expect_log(qr/local issuer.*subject CN=localhost.*GatewaySSL/, 1);
$s->stop;

# A folder at server level.
$s = Gateway::Test->server(%vars, config => <<'EOC');
GatewaySSLCACertificatePath @CERTS@/ca.d
GatewayPass /good    https://localhost:@B@/
GatewayPass /unknown https://localhost:@U@/
EOC
is $s->get('/good')->status, 200, 'a folder of CAs for all backends';
is $s->get('/unknown')->status, 502, 'others are refused';
$s->expect_log(qr/local issuer.*subject CN=localhost.*GatewaySSL/, 1);

for my $bad (
    [ 'GatewaySSLCACertificateFile /nonexistent.crt', qr/nonexistent\.crt/ ],
    [ 'GatewaySSLCACertificatePath /nonexistent.d', qr/nonexistent\.d/ ],
    [ 'GatewaySSLCACertificateFile @CERTS@/ca.key', qr/ca\.key/ ],
    [ 'GatewaySSLCACertificateFile @CERTS@', qr/certificate|file/i ],
    [ 'GatewaySSLVerify optional', qr/require.*none|none.*require/ ],
    [ "<If true>\nGatewaySSLVerify none\n</If>", qr/GatewaySSLVerify/ ],
) {
    my ($ok, $said) = Gateway::Test->configtest(
        config => "GatewayPass / https://localhost/\n$bad->[0]\n");
    ok !$ok, "refused: $bad->[0]";
    like $said, qr/line [23] of .*test\.conf|test\.conf:[23]\b/,
        '  with its line';
    like $said, $bad->[1], '  and what is wrong';
}
done_testing;
