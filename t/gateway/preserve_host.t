# GatewayPreserveHost: Off sends the name of the rule's URL, On what the client
# sent; at server level, in virtual hosts, Location, Gateway sections and If;
# never the name that TLS verifies; one Host, whatever the client does.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $t = Gateway::Backend->http({}, tls => 'server');
my $s = Gateway::Test->server(vars => { B => $b, T => $t }, ipv6 => 1,
    ports => ['OTHER'], config => <<'EOC');
Listen 127.0.0.1:@OTHER@
GatewaySSLCACertificateFile "@CA@"
GatewayPass /off http://@B@/
<Location /on>
    GatewayPass http://@B@/
    GatewayPreserveHost On
</Location>
<Location /on/off>
    GatewayPreserveHost Off
</Location>
<Location /if>
    GatewayPass http://localhost:@B_PORT@/
    <If "%{QUERY_STRING} == 'on'">
        GatewayPreserveHost On
    </If>
</Location>
GatewayPass /section http://@B@/section
<Gateway "http://@B@/section">
    GatewayPreserveHost On
</Gateway>
<Location /tls>
    GatewayPass https://@T@/
    GatewayPreserveHost On
</Location>
<VirtualHost *:@PORT@>
    ServerName localhost
</VirtualHost>
<VirtualHost *:@OTHER@>
    GatewayPreserveHost On
    GatewayPass /vh http://@B@/
</VirtualHost>
EOC

sub host_of {
    my ($path, $host, %opt) = @_;
    my $r = $s->request('GET', $path, ["Host: $host"], undef, %opt);
    return $r->status if $r->status != 200;
    return join '|', map { $_->[1] } grep { lc $_->[0] eq 'host' }
        @{ $r->json->{headers} };
}

my $me = 'www.front.example:8080';
my $backend = $b->hostport;
my $port = $b->port;
is host_of('/off/x', $me), $backend, 'Off: the URL\'s';
is host_of('/on/x', $me), $me, 'On: the client\'s';
is host_of('/on/x', 'www.front.example'), 'www.front.example',
    '... without a port if it has none';
is host_of('/on/x', '[::1]:99'), '[::1]:99', '... an IPv6 literal';
is host_of('/on/off/x', $me), $backend, 'a section inside';
is host_of('/if/x', $me), "localhost:$port", 'If that is false';
is host_of('/if/x?on', $me), $me, 'If that is true';
is host_of('/section/x', $me), $me, 'in a Gateway section';
is host_of('/tls/x', 'verify.is.not.this.example'),
    'verify.is.not.this.example', 'https: Host is the client\'s';
is host_of('/vh/x', $me, port => $s->port('OTHER')), $me, 'a virtual host';
is host_of('/off/x', $me, port => $s->port('OTHER')), $me,
    '... for inherited rules, too';

# absolute-form names the host; HTTP/1.0 may name none
my $r = $s->raw("GET http://in.line.example/on/x HTTP/1.1\r\n"
    . "Host: in.field.example\r\nConnection: close\r\n\r\n");
is_deeply [ map { $_->[1] } grep { lc $_->[0] eq 'host' }
    @{ $r->json->{headers} } ], ['in.line.example'], 'absolute-form';
$r = $s->raw("GET /on/x HTTP/1.0\r\n\r\n");
is $r->status, 200, 'HTTP/1.0 without Host';
my @host = map { $_->[1] } grep { lc $_->[0] eq 'host' }
    @{ $r->json->{headers} };
is scalar(@host), 1, '... one Host all the same';
like $host[0], qr/^(?:\Q$backend\E|localhost(?::\d+)?)$/, '... a usable one';

done_testing;
