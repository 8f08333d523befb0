# Reverse mapping and the two ends: a front on a port that is not the default,
# on a default port by the Host that the client used, over TLS, by IPv6
# literal; backends with default ports, names, IPv6 literals, behind UNIX
# sockets; a client that names no usable host gets a path.
use Gateway::Test;

my $say = sub {
    my ($req) = @_;
    return [ 302, [ Location => $req->header('x-say') ], '' ];
};
my $b = Gateway::Backend->http($say);
my $six = Gateway::Backend->http($say, host => '::1');
my $u = Gateway::Backend->http($say, unix => 1);
my $p = $b->port;
my $q = $six->port;
my $s = Gateway::Test->server(ssl => 1, ipv6 => 1,
    vars => { B => $b, SIX => $six, U => $u->socket }, config => <<'EOC');
GatewayPass /app  http://@B@/portal
GatewayPass /name http://localhost:@B_PORT@/portal
GatewayPass /six  http://[::1]:@SIX_PORT@/portal
GatewayPass /unix unix:@U@|http://app.internal/portal
GatewayPass /port unix:@U@|http://app.internal:8080/portal
GatewayPass /tls  unix:@U@|http://app.internal:443/portal
EOC
my ($port, $sslport) = ($s->port, $s->ssl_port);

sub says {
    my ($path, $value, $host, %opt) = @_;
    return $s->request('GET', $path, ["Host: $host", "X-Say: $value"], undef,
        %opt)->header('location');
}

for (
    # path, Location of the backend, Host of the client, what it sees
    ['/app/x', "http://127.0.0.1:$p/portal/y", "www.front.example:$port",
        "http://www.front.example:$port/app/y"],
    ['/app/x', "http://127.0.0.1:$p/portal/y", 'www.front.example:80',
        'http://www.front.example/app/y'],
    ['/app/x', "http://127.0.0.1:$p/portal/y", "[::1]:$port",
        "http://[::1]:$port/app/y"],
    ['/app/x', "http://127.0.0.1:$p/portal/y", "127.0.0.1:$port",
        "http://127.0.0.1:$port/app/y"],
    ['/app/x', "//127.0.0.1:$p/portal/y", "[::1]:$port",
        "//[::1]:$port/app/y"],
    ['/name/x', "http://localhost:$p/portal/y", "localhost:$port",
        "http://localhost:$port/name/y"],
    ['/name/x', "http://LocalHost:$p/portal/y", "localhost:$port",
        "http://localhost:$port/name/y"],
    ['/name/x', "http://127.0.0.1:$p/portal/y", "localhost:$port",
        "http://127.0.0.1:$p/portal/y"],
    ['/six/x', "http://[::1]:$q/portal/y", "localhost:$port",
        "http://localhost:$port/six/y"],
    ['/six/x', "http://[0:0:0:0:0:0:0:1]:$q/portal/y", "localhost:$port",
        "http://localhost:$port/six/y"],
    ['/six/x', "http://[::1]:$q/portal/y", "[::1]:$port",
        "http://[::1]:$port/six/y"],
    ['/six/x', "http://[::2]:$q/portal/y", "localhost:$port",
        "http://[::2]:$q/portal/y"],
    ['/unix/x', 'http://app.internal/portal/y', "localhost:$port",
        "http://localhost:$port/unix/y"],
    ['/unix/x', 'http://app.internal:80/portal/y', "localhost:$port",
        "http://localhost:$port/unix/y"],
    ['/unix/x', 'http://APP.internal:/portal/y', "localhost:$port",
        "http://localhost:$port/unix/y"],
    ['/unix/x', 'https://app.internal/portal/y', "localhost:$port",
        "http://localhost:$port/unix/y"],
    ['/unix/x', 'https://app.internal:443/portal/y', "localhost:$port",
        "http://localhost:$port/unix/y"],
    ['/unix/x', 'http://app.internal:8080/portal/y', "localhost:$port",
        'http://app.internal:8080/portal/y'],
    ['/port/x', 'http://app.internal:8080/portal/y', "localhost:$port",
        "http://localhost:$port/port/y"],
    ['/port/x', '/portal/y', "localhost:$port", '/port/y'],
) {
    my ($path, $value, $host, $want) = @$_;
    is says($path, $value, $host), $want, "$path: $value at $host";
}

# the front is what the client spoke to
is says('/app/x', "http://127.0.0.1:$p/portal/y", "localhost:$sslport",
    tls => 1), "https://localhost:$sslport/app/y", 'over TLS';
is says('/app/x', "https://127.0.0.1:$p/portal/y", "localhost:$sslport",
    tls => 1), "https://localhost:$sslport/app/y", '... from https';
is says('/app/x', "http://127.0.0.1:$p/portal/y", 'localhost:443', tls => 1),
    'https://localhost/app/y', '... at its default port';
is says('/app/x', "http://127.0.0.1:$p/portal/y", "[::1]:$port",
    host => '::1'), "http://[::1]:$port/app/y", 'over IPv6';

# no Host at all
my $r = $s->raw("GET /app/x HTTP/1.0\r\n"
    . "X-Say: http://127.0.0.1:$p/portal/y\r\n\r\n");
like $r->header('location'), qr{^(?:http://localhost:$port)?/app/y$},
    'HTTP/1.0 without Host: the server\'s own name or a path';

done_testing;
