# mod_remoteip on an adopted connection: the address by a field of a trusted
# proxy, anew for each request; by the PROXY protocol (versions 1 and 2, in one
# write with the request or apart, alone for a while), for all requests of the
# connection; over TLS; in access control, the log and X-Forwarded-For.
use Gateway::Test;
use Gateway::Both;

my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    return [ 200, [], $req->target . ' ' . join ' | ',
        map { $req->header($_) // '-' } qw(x-forwarded-for x-real) ];
} });
my $both = Gateway::Both->new(modules => [qw(remoteip headers authz_host)],
    ports => [qw(PROXY FIELD)], vars => { B => $b }, ssl => 1,
    config => <<'EOC', ssl_config => <<'EOS');
LogFormat "%a %{c}a %h %{remoteip-proxy-ip-list}n %U %>s" ip
CustomLog logs/ip.log ip
RequestHeader set X-Real "expr=%{REMOTE_ADDR} %{CONN_REMOTE_ADDR}"
Listen 127.0.0.1:@PROXY@
Listen 127.0.0.1:@FIELD@
GatewayPass /app http://@B@
<Location /app/mine>
    Require ip 192.0.2.0/24
</Location>
<VirtualHost *:@PROXY@>
    RemoteIPProxyProtocol On
    GatewayPass /app http://@B@
</VirtualHost>
<VirtualHost *:@FIELD@>
    RemoteIPHeader X-Client-IP
    RemoteIPInternalProxy 127.0.0.1
    GatewayPass /app http://@B@
</VirtualHost>
EOC
RemoteIPProxyProtocol On
GatewayPass /app http://@B@
EOS
$both->expect_log(qr/AH01630/);
$both->expect_log(qr/AH03507|AH035\d\d|AH10185/);   # no PROXY line, a bad one

sub ask {
    my ($c, $target, @lines) = @_;
    $c->get($target, 'Host: a', @lines);
    my $r = $c->response;
    return $r->status ? $r->status . ($r->status == 200 ? ' ' . $r->body : '')
        : 'closed';
}

$both->same('a field', sub {
    my ($s) = @_;
    my $c = $s->client(port => $s->port('FIELD'));
    my @got = (ask($c, '/app/1', 'X-Client-IP: 192.0.2.7'),
        ask($c, '/app/2', 'X-Client-IP: 198.51.100.9'),
        ask($c, '/app/3'),
        ask($c, '/app/mine/4', 'X-Client-IP: 192.0.2.7'),
        ask($c, '/app/mine/5'),
        ask($c, '/app/mine/6', 'X-Client-IP: 192.0.2.8, 198.51.100.1'),
        ask($c, '/app/mine/7', 'X-Client-IP: 198.51.100.1, 192.0.2.8'),
        ask($c, '/app/8', 'X-Client-IP: junk'));
    $c->close;
    return \@got;
});

my $v1 = "PROXY TCP4 192.0.2.33 192.0.2.1 1111 80\r\n";
my $v2 = "\r\n\r\n\0\r\nQUIT\n" . pack 'CCna4a4nn', 0x21, 0x11, 12,
    pack('C4', 192, 0, 2, 44), pack('C4', 192, 0, 2, 1), 2222, 80;
my $local = "\r\n\r\n\0\r\nQUIT\n" . pack 'CCn', 0x20, 0, 0;
my @FORMS = ([ 'version 1', $v1 ], [ 'version 2', $v2 ],
    [ 'version 2, local', $local ],
    [ 'unknown', "PROXY UNKNOWN\r\n" ],
    [ 'IPv6', "PROXY TCP6 2001:db8::5 2001:db8::1 1111 80\r\n" ]);
for my $form (@FORMS) {
    my ($name, $line) = @$form;
    my $first = "GET /app/1 HTTP/1.1\r\nHost: a\r\n\r\n";
    for my $how ('at once', 'apart', 'slowly', 'byte by byte') {
        next if $how ne 'at once' && $name !~ /version \d\z/;
        $both->same("$name, $how", sub {
            my ($s) = @_;
            my $c = $s->client(port => $s->port('PROXY'));
            $how eq 'at once' ? $c->send($line . $first)
                : $how eq 'apart' ? $c->send($line, $first)
                : $how eq 'slowly' ? ($c->send($line), $c->pause(0.3),
                    $c->send($first))
                : $c->send_slowly($line . $first, 1, 0.001);
            my $r = $c->response;
            my @got = ($r->status . ' ' . $r->body, ask($c, '/app/2'),
                ask($c, '/app/mine/3'),
                ask($c, '/app/4', 'Connection: close'));
            $c->close;
            return \@got;
        });
    }
}
$both->same('no PROXY line', sub {
    my ($s) = @_;
    my $c = $s->client(port => $s->port('PROXY'));
    my $got = ask($c, '/app/1');
    $c->close;
    return $got;
});
$both->same('a bad one', sub {
    my ($s) = @_;
    my $c = $s->client(port => $s->port('PROXY'));
    $c->send("PROXY TCP4 nonsense\r\n");
    my $got = ask($c, '/app/1');
    $c->close;
    return $got;
});
for my $form (@FORMS) {
    my ($name, $line) = @$form;
    $both->same("$name, TLS", sub {
        my ($s) = @_;
        my $sock = IO::Socket::IP->new(PeerHost => '127.0.0.1',
            PeerPort => $s->ssl_port) or return 'no connection';
        syswrite $sock, $line;
        require IO::Socket::SSL;
        IO::Socket::SSL->start_SSL($sock, SSL_verify_mode => 0, Timeout => 5)
            or return "no TLS";
        my $c = bless { asked => [], authority => 'localhost' },
            'Gateway::Client';
        $c->init($sock);
        my @got = map { $c->get($_, 'Host: a'); my $r = $c->response;
            $r->status . ' ' . $r->body } '/app/1', '/app/2';
        $c->close;
        return \@got;
    });
}
$both->same('the log', sub {
    my ($s) = @_;
    my @lines = log_lines($s, 'ip.log', 56);
    cmp_ok scalar @lines, '>=', 56, 'all requests are there';
    return \@lines;
});

done_testing;
