# TLS 1.2 is the least: a backend that has only 1.1 is refused, whatever the
# machine's OpenSSL settings allow.
use Gateway::Test;

my %options = (SSL_cipher_list => 'ALL:@SECLEVEL=0');
my %b = map {
    $_ => Gateway::Backend->http({ '*' => [ 200, [], 'hi' ] },
        tls => 'server', tls_options => { %options, SSL_version => $_ })
} qw(TLSv1_1 TLSv1_2 TLSv1_3);

my $cnf = Gateway::Test->scratch . '/openssl.cnf';
open my $fh, '>', $cnf or die "$cnf: $!";
print {$fh} <<'EOC';
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = weak
[weak]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
EOC
close $fh;

my $s;
{
    local $ENV{OPENSSL_CONF} = $cnf;
    $s = Gateway::Test->server(vars => { map {
            $_ => $b{"TLSv1_$_"}->port } 1 .. 3 },
        config => "GatewaySSLCACertificateFile \@CA\@\n"
            . join '', map { "GatewayPass /$_ https://localhost:"
            . $b{"TLSv1_$_"}->port . "/\n" } 1 .. 3);
}

is $s->get('/1')->status, 502, 'TLS 1.1';
is $b{TLSv1_1}->received, '', 'nothing was sent';
is $s->get('/2')->status, 200, 'TLS 1.2';
is $s->get('/3')->status, 200, 'TLS 1.3';
my %tls = map { $_->{uri} => $_->{gw_tls} } $s->access_log(wait => 3);
is $tls{'/2'}, 'TLSv1.2', 'GATEWAY_TLS of the second';
is $tls{'/3'}, 'TLSv1.3', 'and of the third';
$s->expect_log(
    qr/:error\].*TLS handshake with localhost.*(?:version|protocol)/, 1);

# The backend allows it: a client with this OpenSSL's settings gets through.
{
    local $ENV{OPENSSL_CONF} = $cnf;
    my $can = Gateway::Client::run('curl', '-sS', '--tlsv1.0', '--tls-max',
        '1.1', '--ciphers', 'ALL:@SECLEVEL=0', '--cacert',
        Gateway::CA::file('ca.crt'), 'https://localhost:' . $b{TLSv1_1}->port);
    is $can->{out}, 'hi', 'the backend itself speaks TLS 1.1'
        or diag $can->{err};
}
done_testing;
