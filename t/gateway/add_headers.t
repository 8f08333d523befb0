# X-Forwarded-For, -Host, -Proto, -Port and -Server: what they hold, that a
# client's own are dropped, in clear text and over TLS; GatewayAddHeaders Off
# in each context sends none (and still drops the client's); what mod_headers
# sets is sent instead of either.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $s = Gateway::Test->server(ssl => 1, ipv6 => 1, vars => { B => $b },
    modules => ['headers'], ports => ['OTHER'], config => <<'EOC');
Listen 127.0.0.1:@OTHER@
GatewayPass /app http://@B@
<Location /off>
    GatewayPass http://@B@
    GatewayAddHeaders Off
</Location>
<Location /off/on>
    GatewayAddHeaders On
</Location>
<Location /own>
    GatewayPass http://@B@
    GatewayAddHeaders Off
    RequestHeader set X-Forwarded-For "203.0.113.9"
</Location>
<Location /set>
    GatewayPass http://@B@
    RequestHeader set X-Forwarded-Proto "https"
    RequestHeader set Forwarded "for=unknown"
    RequestHeader append X-Forwarded-Host "b"
    RequestHeader setifempty X-Forwarded-Server "s"
</Location>
<Location /if>
    GatewayPass http://@B@
    <If "%{QUERY_STRING} == 'off'">
        GatewayAddHeaders Off
    </If>
</Location>
GatewayPass /section http://@B@/section
<Gateway "http://@B@/section">
    GatewayAddHeaders Off
</Gateway>
<VirtualHost *:@OTHER@>
    ServerName other.example
    GatewayAddHeaders Off
    GatewayPass /vh http://@B@
</VirtualHost>
EOC

sub sent {
    my ($path, $lines, %opt) = @_;
    my $r = $s->request('GET', $path, $lines || [], undef, %opt);
    my %got;
    for (@{ $r->json->{headers} }) {
        my ($name, $value) = (lc $_->[0], $_->[1]);
        next unless $name =~ s/^x-forwarded-//;
        $got{$name} = defined $got{$name} ? "$got{$name}|$value" : $value;
    }
    return \%got;
}
my ($port, $sslport) = ($s->port, $s->ssl_port);

is_deeply sent('/app/x', ['Host: www.front.example:8080']), {
    for => '127.0.0.1', host => 'www.front.example:8080', proto => 'http',
    port => 8080, server => 'localhost' }, 'in clear text';
is_deeply sent('/app/x', ["Host: localhost:$sslport"], tls => 1), {
    for => '127.0.0.1', host => "localhost:$sslport", proto => 'https',
    port => $sslport, server => 'localhost' }, 'over TLS';
is sent('/app/x', [], host => '::1')->{for}, '::1', 'an IPv6 client';

my @spoofed = map { ("X-Forwarded-$_: 6.6.6.6", "x-forwarded-$_: two",
    'X_Forwarded_' . $_ . ': three') } qw(For Host Proto Port Server);
my $want = sent('/app/x', ['Host: a']);
is_deeply sent('/app/x', [ 'Host: a', @spoofed ]), $want,
    'what a client claims is dropped';
is_deeply sent('/app/x', ['Host: a', 'Connection: close, X-Forwarded-For',
    'X-Forwarded-For: 6.6.6.6']), $want, '... named in Connection too';

my $none = {};
is_deeply sent('/off/x'), $none, 'Off in Location';
is_deeply sent('/off/x', \@spoofed), $none, '... nor the client\'s';
is_deeply sent('/off/on/x', ['Host: a']), $want, 'On again inside';
is_deeply sent('/own/x', \@spoofed), { for => '203.0.113.9' },
    'Off and a field of the administrator\'s own';
is_deeply sent('/set/x', ['Host: a']), { %$want, proto => 'https',
    host => 'b', server => 's' }, 'On and fields of his own';
is_deeply sent('/set/x', ['Host: a', 'X-Forwarded-Proto: https',
    'X-Forwarded-Proto: ftp', 'X-Forwarded-For: 6.6.6.6',
    'Forwarded: for=6.6.6.6']), { %$want, proto => 'https', host => 'b',
    server => 's' }, '... instead of what the client claims, the same or not';
is_deeply sent('/if/x', ['Host: a']), $want, 'If that is false';
is_deeply sent('/if/x?off'), $none, 'If that is true';
is_deeply sent('/section/x'), $none, 'Off in a Gateway section';
is_deeply sent('/vh/x', [], port => $s->port('OTHER')), $none,
    'Off in a virtual host';

# mod_remoteip's verdict is the client's address
$s = Gateway::Test->server(vars => { B => $b }, modules => ['remoteip'],
    config => <<'EOC');
RemoteIPHeader X-Real-IP
RemoteIPInternalProxy 127.0.0.1
GatewayPass /app http://@B@
EOC
is sent('/app/x', ['X-Real-IP: 203.0.113.7'])->{for}, '203.0.113.7',
    'mod_remoteip\'s address';

done_testing;
