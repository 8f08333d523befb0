# TLS in front of an adopted connection: variables of mod_ssl in the log and to
# the backend, the virtual host by SNI, a Host that does not fit it, client
# certificates (for the server; asked for by a Location, in the middle of a
# connection), records cut anywhere, resumption, close_notify.
use Gateway::Test;
use Gateway::Both;

my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    return [ 200, [], join ' ', $req->target,
        map { $_ . '=' . ($req->header($_) // '-') } qw(x-protocol x-sni
        x-client x-verify x-host x-length) ];
} });
my ($cert, $key) = Gateway::CA::pair('other');
my ($ccert, $ckey) = Gateway::CA::pair('client');
my $both = Gateway::Both->new(modules => ['headers', 'setenvif'], ssl => 1,
    ports => ['CLIENT'], vars => { B => $b, CERT => $cert, KEY => $key },
    config => <<'EOC', ssl_config => <<'EOS');
LogFormat "%{SSL_PROTOCOL}x %{SSL_CIPHER}x %{SSL_TLS_SNI}x \
%{SSL_SESSION_RESUMED}x %{SSL_CLIENT_S_DN_CN}x %v %>s %U" tls
CustomLog logs/tls.log tls
Listen 127.0.0.1:@CLIENT@
RequestHeader set X-Protocol "%{SSL_PROTOCOL}s"
RequestHeader set X-Sni "%{SSL_TLS_SNI}s"
RequestHeader set X-Client "%{SSL_CLIENT_S_DN_CN}s"
RequestHeader set X-Verify "%{SSL_CLIENT_VERIFY}s"
RequestHeader set X-Length "expr=%{req:Content-Length}"
<VirtualHost *:@SSLPORT@>
    ServerName other.example
    SSLEngine On
    SSLCertificateFile "@CERT@"
    SSLCertificateKeyFile "@KEY@"
    GatewayPass /app http://@B@
    GatewayPass /host http://@B@/second
    RequestHeader set X-Host second
</VirtualHost>
<VirtualHost *:@CLIENT@>
    ServerName localhost
    SSLEngine On
    SSLCertificateFile "@CERTS@/server.crt"
    SSLCertificateKeyFile "@CERTS@/server.key"
    SSLCACertificateFile "@CA@"
    SSLVerifyClient require
    SSLVerifyDepth 3
    GatewayPass /app http://@B@
</VirtualHost>
EOC
GatewayPass /app http://@B@
GatewayPass /host http://@B@/first
SSLCACertificateFile "@CA@"
SSLOptions +StdEnvVars
RequestHeader set X-Host first
<Location /app/cert>
    SSLVerifyClient require
    SSLVerifyDepth 3
</Location>
EOS
$both->allow_log(qr/AH0203[0-9]|AH0204[0-9]|AH0226[0-9]|AH02008|AH02645
    |AH01909|AH10158/x);
$both->allow_log(qr/SSL Library Error/);

my @CLIENT = (cert => $ccert, key => $ckey);
sub with {
    my ($s, $opt, @requests) = @_;
    my $c = eval { $s->client(tls => 1,
        authority => 'localhost', %$opt) } or return [ 'no connection' ];
    my @got;
    for my $ask (@requests) {
        my ($target, @lines) = ref $ask ? @$ask : $ask;
        $c->get($target, @lines);
        my $r = $c->response;
        push @got, $r->status ? $r->status . ' '
            . ($r->status == 200 ? $r->body : '') : 'nothing';
    }
    $c->close if $c->sock;
    return \@got;
}

for my $version (qw(TLSv1_2 TLSv1_3)) {
    my %v = (tls_version => $version);
    $both->same("$version: variables", sub {
        return with($_[0], {%v}, '/app/1', '/app/2', '/app/3');
    }, [ map { "200 /$_ x-protocol=" . ($version =~ s/_/./r =~ s/TLSv1\z//r)
        . ' x-sni=localhost x-client=(null) x-verify=NONE x-host=first'
        . ' x-length=' } 1 .. 3 ]);
    $both->same("$version: the virtual host by SNI", sub {
        return with($_[0], { %v, sni => 'other.example', verify => 0 },
            [ '/host/x', 'Host: other.example' ],
            [ '/host/y', 'Host: other.example' ],
            [ '/host/z', 'Host: localhost' ]);
    });
    $both->same("$version: a client certificate, a Location", sub {
        return with($_[0], { %v, @CLIENT }, '/app/1', '/app/cert/2', '/app/3',
            '/app/cert/4');
    });
    $both->same("$version: none, a Location", sub {
        return with($_[0], {%v}, '/app/1', '/app/cert/2', '/app/3');
    });
    $both->same("$version: a client certificate, the server", sub {
        my ($s) = @_;
        return with($s, { %v, @CLIENT, port => $s->port('CLIENT') }, '/app/1',
            '/app/2');
    });
    $both->same("$version: none, the server", sub {
        my ($s) = @_;
        return with($s, { %v, port => $s->port('CLIENT') }, '/app/1');
    });
}

# What is in the log.
$both->same('the log', sub {
    my ($s) = @_;
    # TLS 1.3 asks for a certificate later in a way our client may refuse
    return [ sort grep { !m{cert/} } log_lines($s, 'tls.log', 14) ];
});
$both->each(sub {
    my ($s, $name) = @_;
    my @lines = grep { m{ 200 /app/[12]\z} } log_lines($s, 'tls.log', 14);
    like $_, qr/\ATLSv1\.[23] \S+_\S+|-\S+ localhost/, "$name: $_"
        for @lines[ 0, 1 ];
});

# A request and its body, cut into records anywhere; several in one record.
my $request = "POST /app/x HTTP/1.1\r\nHost: localhost\r\n"
    . "Content-Length: 40\r\n\r\n" . 'b' x 40;
for my $size (1, 3, 7, 20, 40, 61) {
    $both->same("records of $size bytes", sub {
        my ($s) = @_;
        my $c = $s->client(tls => 1);
        my @got;
        for (1, 2) {
            $c->send_slowly($request, $size, 0.001);
            my $r = $c->response;
            push @got, $r->status . ' ' . $r->body;
        }
        $c->close;
        return \@got;
    });
}
$both->same('many in one record', sub {
    my ($s) = @_;
    my $c = $s->client(tls => 1);
    $c->send($request x 8 . substr($request, 0, 30));
    my @got = map { $c->response->status } 1 .. 8;
    ok $c->quiet(0.1), 'nothing for half a request';
    $c->send(substr $request, 30);
    push @got, $c->response->status;
    $c->close;
    return \@got;
}, [ (200) x 9 ]);

# Large bodies, both ways, at once.
$both->each(sub {
    my ($s, $name) = @_;
    my $r = $s->request('POST', '/app/x', ['Host: localhost'],
        'c' x 3_000_000, tls => 1);
    is $r->status, 200, "$name: a large body";
    like $r->body, qr/x-length=3000000/, '... whole';
});

# The end is announced.
$both->each(sub {
    my ($s, $name) = @_;
    my $c = $s->client(tls => 1, authority => 'localhost');
    $c->get('/app/last', 'Connection: close');
    is $c->response->status, 200, "$name: the last one";
    $c->read_eof;
    is $c->eof_state, 'eof', "$name: close_notify";
    $c = $s->client(tls => 1, authority => 'localhost');
    $c->get('/app/x');
    $c->response;
    $c->shutdown;
    $c->read_eof(3);
    is $c->eof_state, 'eof', "$name: our close_notify is answered";
});

# Not TLS, on the port of TLS.
$both->same('clear text', sub {
    my ($s) = @_;
    my $r = $s->client(port => $s->ssl_port)->get('/app/x')->response;
    return plain($s, $r)->{status};
}, 400);

# A session is resumed, and both connections are served alike.
$both->same('resumption', sub {
    my ($s) = @_;
    my $ran = Gateway::Client::run('curl', '-sS', '--noproxy', '*', '--cacert',
        Gateway::CA::file('ca.crt'), '--tls-max', '1.2',
        '-H', 'Connection: close', $s->url('/app/1', 'https'),
        $s->url('/app/2', 'https'));
    my ($one, $two) = $ran->{out} =~ m{(/[12] x-protocol=\S+)}g;
    return [ $one, $two ];
}, [ '/1 x-protocol=TLSv1.2', '/2 x-protocol=TLSv1.2' ]);

done_testing;
