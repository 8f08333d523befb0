# <Gateway>: which requests a section is for (an origin with its default port
# written or not, a path that ends at a segment, wildcards, a scheme), merging
# in the order of the file, parameters in the opening line and by GatewaySet,
# a rule's own before them, and virtual hosts.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $t = Gateway::Backend->http({}, tls => 'server');
my $s = Gateway::Test->server(vars => { B => $b, T => $t },
    modules => [qw(headers authz_host)], ports => ['OTHER'],
    config => <<'EOC');
Listen 127.0.0.1:@OTHER@
GatewayPass /app    http://@B@/app
GatewayPass /apple  http://@B@/apple
GatewayPass /all    http://@B@
GatewayPass /tls    https://localhost:@T_PORT@/

<Gateway "*">
    RequestHeader set X-All 1
    RequestHeader set X-Last all
</Gateway>
<Gateway "http://@B@">
    RequestHeader set X-Origin 1
    RequestHeader set X-Last origin
</Gateway>
<Gateway "http://@B@/app">
    RequestHeader set X-App 1
    RequestHeader set X-Last app
</Gateway>
<Gateway "http://@B@/app/in">
    RequestHeader set X-In 1
</Gateway>
<Gateway "http://@B@/a*e/*">
    RequestHeader set X-Wild 1
</Gateway>
<Gateway "https://">
    RequestHeader set X-Tls 1
    GatewaySSLCACertificateFile "@CA@"
</Gateway>
<Gateway "http://@B@/app/deny">
    Require ip 192.0.2.1
</Gateway>
<Location /app/open>
    Require all granted
</Location>
<Gateway "http://@B@/app/open">
    Require all denied
</Gateway>
<Gateway "HTTP://@B@/all%61">
    RequestHeader set X-Escape 1
</Gateway>
<VirtualHost *:@OTHER@>
    <Gateway "http://@B@/app">
        RequestHeader set X-Vh 1
    </Gateway>
</VirtualHost>
EOC

sub marks {
    my ($path, %opt) = @_;
    my $r = $s->request('GET', $path, [], undef, %opt);
    return $r->status if $r->status != 200;
    return join ' ', sort map { $_->[0] =~ /^X-(?!Forw)(.*)/
        ? ($1 eq 'Last' ? "last=$_->[1]" : $1) : () }
        @{ $r->json->{headers} };
}

for (['/app/x', 'All App Origin last=app'],
    ['/app', 'All App Origin last=app'],
    ['/app/in', 'All App In Origin last=app'],
    ['/app/in/x', 'All App In Origin last=app'],
    ['/app/%69n/x', 'All App In Origin last=app'],
    ['/app/inx', 'All App Origin last=app'],
    ['/apple/x', 'All Origin Wild last=origin'],
    ['/all/app/x', 'All App Origin last=app'],
    ['/all/ape/x', 'All Origin Wild last=origin'],
    ['/all/alla/x', 'All Escape Origin last=origin'],
    ['/all/', 'All Origin last=origin'],
    ['/tls/x', 'All Tls last=all'],
    ['/app/deny', 403], ['/app/deny/x', 403], ['/all/app/deny', 403],
    ['/app/denyx', 'All App Origin last=app'],
) {
    my ($path, $want) = @$_;
    is marks($path), $want, "$path: $want";
}
# Location is the last word, as it is about Proxy sections
is marks('/app/open'), 'All App Origin last=app',
    'Location goes before Gateway';
is marks('/all/app/open'), 403, '... where there is none, Gateway counts';
is marks('/app/x', port => $s->port('OTHER')), 'All App Origin Vh last=app',
    'a virtual host adds its own';
is marks('/app/x'), 'All App Origin last=app', '... for itself';
$s->expect_log(qr/AH01630: client denied/, 4);

# --- parameters ------------------------------------------------------------

# Two requests over one connection of the backend, or over two.
sub reused {
    my ($server, $path) = @_;
    my @conn = map { $server->get($path)->json->{conn} } 1 .. 2;
    return $conn[0] == $conn[1] ? 1 : 0;
}
sub with {
    my ($config) = @_;
    return Gateway::Test->server(vars => { B => $b }, children => 1,
        threads => 4, config => $config);
}
if (Gateway::Setup::mpm() ne 'prefork') {   # one child for both requests
    $s = with(<<'EOC');
GatewayPass /plain http://@B@/plain
GatewayPass /line  http://@B@/line
GatewayPass /set   http://@B@/set
GatewayPass /own   http://@B@/set/own disablereuse=off
GatewayPass /order http://@B@/order
GatewayPass /out   http://@B@/out
<Gateway "http://@B@/line" disablereuse=on>
</Gateway>
<Gateway "http://@B@/set">
    GatewaySet disablereuse=on
</Gateway>
<Gateway "http://@B@/order" disablereuse=on>
</Gateway>
<Gateway "http://@B@/order" disablereuse=off>
</Gateway>
GatewaySet http://@B@/out disablereuse=on
EOC
    is reused($s, '/plain'), 1, 'without parameters';
    is reused($s, '/line'), 0, 'a parameter of the opening line';
    is reused($s, '/set'), 0, 'GatewaySet inside';
    is reused($s, '/own'), 1, 'the rule\'s own goes before it';
    is reused($s, '/order'), 1, 'the later section';
    is reused($s, '/out'), 0, 'GatewaySet outside';

    $s = with(<<'EOC');
<Gateway "http://@B@" disablereuse=on>
</Gateway>
GatewayPass /app http://@B@/x
<Location /loc>
    GatewayPass http://@B@/y
</Location>
EOC
    is reused($s, '/app'), 0, 'a section before the rule, for all paths';
    is reused($s, '/loc'), 0, '... and for Location';
}

# a section that no rule uses is told
$s = Gateway::Test->server(vars => { B => $b }, config => <<'EOC');
GatewayPass /app http://@B@/x
<Gateway "http://unused.example.com">
    Require all granted
</Gateway>
EOC
is scalar(grep { /unused\.example\.com/ } $s->log->grep(qr/gateway:/)), 1,
    'a section without use is told at the start';

done_testing;
