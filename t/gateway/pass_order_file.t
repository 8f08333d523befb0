# GatewayPassOrder file: the first rule in the file that matches wins, as with
# mod_proxy, sections and patterns included; GatewayPassOrder longest is the
# default, and a virtual host may choose for itself.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $rules = <<'EOC';
GatewayPass /app/x !
GatewayPass /app http://@B@/app
GatewayPass /app/sub http://@B@/sub
<Location /loc>
    GatewayPass http://@B@/loc
</Location>
GatewayPass /loc/deeper http://@B@/deeper
GatewayPassMatch ^/mat http://@B@/re
GatewayPass /match http://@B@/match
GatewayPass /late http://@B@/late
GatewayPassMatch ^/late/.*\.gif$ http://@B@/gif
EOC

sub targets {
    my ($s, @paths) = @_;
    return map {
        my $r = $s->get($_, 'Host: localhost');
        $r->status == 200 ? $r->json->{target} : $r->status;
    } @paths;
}
my @paths = qw(/app/x/y /app/sub/y /loc/deeper/y /match/y /late/a.gif);

my $s = Gateway::Test->server(vars => { B => $b },
    config => "GatewayPassOrder file\n$rules");
is_deeply [ targets($s, @paths) ],
    [ 404, '/app/sub/y', '/loc/deeper/y', '/re/match/y', '/late/a.gif' ],
    'file: the first that matches';

for my $config ($rules, "GatewayPassOrder longest\n$rules",
    "$rules\nGatewayPassOrder longest\n") {
    $s = Gateway::Test->server(vars => { B => $b }, config => $config);
    is_deeply [ targets($s, @paths) ],
        [ 404, '/sub/y', '/deeper/y', '/re/match/y', '/late/a.gif' ],
        'longest: the longest prefix, patterns that stand before it first';
}

# exclusions count by their place, too
$s = Gateway::Test->server(vars => { B => $b }, config => <<'EOC');
GatewayPassOrder file
GatewayPass /a http://@B@/a
GatewayPass /a/not !
GatewayPass /b/not !
GatewayPass /b http://@B@/b
EOC
is_deeply [ targets($s, '/a/not', '/b/not') ], [ '/a/not', 404 ],
    'a later "!" excludes nothing in file order';

# each virtual host has its own order
$s = Gateway::Test->server(vars => { B => $b }, ports => ['FILE', 'LONG'],
    config => <<'EOC');
Listen 127.0.0.1:@FILE@
Listen 127.0.0.1:@LONG@
<VirtualHost *:@FILE@>
    GatewayPassOrder file
    GatewayPass /a http://@B@/short
    GatewayPass /a/b http://@B@/long
</VirtualHost>
<VirtualHost *:@LONG@>
    GatewayPass /a http://@B@/short
    GatewayPass /a/b http://@B@/long
</VirtualHost>
EOC
my %got = map {
    $_ => $s->request('GET', '/a/b/c', [], undef, port => $s->port($_))
        ->json->{target}
} qw(FILE LONG);
is_deeply \%got, { FILE => '/short/b/c', LONG => '/long/c' },
    'one virtual host by file, another by length';

done_testing;
