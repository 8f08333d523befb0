# Access control sees exactly the path that is sent: Require in Location, in
# Location patterns, in Gateway sections and in If, against every spelling of
# a protected path. What reached the backend is read twice: decoded once with
# slashes merged it is not protected; read as lenient servers do (%2F, %5C and
# \ are slashes, ;parameters are cut) it has no dot segment that would lead
# somewhere else. A name that a lenient server reads in another way without
# any dot segment ("admin;x", "admin%2Fx") is another name here: whoever
# protects such a server says so in his pattern, as the last part does.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $s = Gateway::Test->server(modules => ['authz_host'], vars => { B => $b },
    config => <<'EOC');
GatewayPass / http://@B@/
<Location /loc/admin>
    Require all denied
</Location>
<LocationMatch "^/match/admin(/|$)">
    Require all denied
</LocationMatch>
<Gateway "http://@B@/gw/admin">
    Require all denied
</Gateway>
<Gateway "http://@B@/wild/*secret*">
    Require all denied
</Gateway>
<If "%{REQUEST_URI} =~ m#^/if/admin(/|$)#">
    Require all denied
</If>
GatewayPass /other/name http://@B@/gw/admin
EOC

# decoded once, %2F and %5C as they are, slashes merged
sub strict_reading {
    my ($path) = split /\?/, $_[0];
    $path =~ s/%(?!2f|5c)([0-9a-f]{2})/chr hex $1/gie;
    return $path =~ s{//+}{/}gr;
}

sub hides_dots {
    my ($path) = split /\?/, $_[0];
    $path =~ s/%([0-9a-f]{2})/chr hex $1/gie;
    return scalar grep { s/;.*//sr =~ /^\.\.?$/ } split m{[/\\]}, $path;
}

my $ways = [ map { my $t = $_; ($t, "$t/", "$t/x", "$t?a=b") } (
    '/T/admin', '//T/admin', '/T//admin', '/T///admin', '/./T/admin',
    '/T/./admin', '/T/x/../admin', '/x/../T/admin', '/T/%61dmin',
    '/T/adm%69n', '/T/%2e/admin', '/T/x/%2e%2e/admin',
    '/T/x/.%2e/admin', '/T/x/%2E./admin', '/T%2Fadmin', '/T%2fadmin',
    '/T/%2Fadmin', '/T/.%2Fadmin', '/T/x%2F..%2Fadmin', '/T/x/..%2Fadmin',
    '/T/x%2f../admin', '/T/%2e%2fadmin', '/x%2f..%2fT%2fadmin',
    '/T/admin;x', '/T;x/admin', '/T/x/..;/admin', '/T/x/..;a=b/admin',
    '/T/.;/admin', '/;/T/admin', '/T/;/admin', '/T/;x/admin',
    '/T\\admin', '/T%5Cadmin', '/T/x\\..\\admin', '/T/x%5c..%5cadmin',
    '/T/x/..\\admin', '/T/admin%2F', '/T/admin%2Fx', '/T/admin%3Bx',
    '/T/admin%5Cx', '/T/admin/.', '/T/admin/x/..', '/T/admin/%2e',
    '/T/admin%00', '/T/admin%0a', '/T/admin%20', '/T/admin%23',
    '/T/admin%3f', '/T/x/%252e%252e/admin', '/T%252Fadmin',
    '/T/%2561dmin', '/T/admin//', '/T/admin/..%2Fadmin',
) ];

# The first segment of a path that is protected as a whole.
my %guarded = map { $_ => qr{^/$_/admin(?:/|$)} } qw(loc match gw if);

for my $kind (sort keys %guarded) {
    $b->clear;
    my (@wrong, %status);
    my $c = $s->client;
    for my $way (@$ways) {
        my $path = $way =~ s/T/$kind/gr;
        my $r = $c->get($path)->response;
        $status{ $r->status }++;
        if (!$r->complete || ($r->header('connection') // '') =~ /close/) {
            $c->close;
            $c = $s->client;
        }
    }
    for my $target (map { $_->target } $b->requests) {
        push @wrong, $target if hides_dots($target)
            || strict_reading($target) =~ $guarded{$kind};
    }
    is_deeply \@wrong, [], "$kind: nothing protected came through";
    cmp_ok $status{403} || 0, '>=', 40, '... but was refused';
}
$s->expect_log(qr/AH01630: client denied/);
$s->allow_log(qr/GW\d+|AH10244|AH00026/);

# Gateway sections judge the outgoing URL, whatever its name here
$b->clear;
is $s->get('/other/name')->status, 403, 'the outgoing URL is judged';
is $s->get('/other/name/x')->status, 403, '... and what is below';
is $s->get('/gw/administration')->status, 200, 'whole segments';
is $s->get('/wild/a-secret-b')->status, 403, 'a wildcard section';
is $s->get('/wild/a-secre%74-b')->status, 403, '... and another spelling';
is $s->get('/wild/a-other-b')->status, 200, '... others pass';
is scalar($b->requests), 2, 'the rest never came';

# A servlet container cuts ;parameters and may decode %2F: a pattern that
# takes them in.
$s = Gateway::Test->server(modules => ['authz_host'], vars => { B => $b },
    config => <<'EOC');
GatewayPass / http://@B@/
<LocationMatch "^/(;[^/]*/)*sv(;[^/]*)?(/|%2F)([;%].*)?admin(;|/|%2F|$)">
    Require all denied
</LocationMatch>
EOC
$b->clear;
my %got = map { $_ => $s->get($_)->status } qw(/sv/admin /sv/admin;x
    /sv;x/admin /sv%2Fadmin /sv%2fadmin /sv/admin%2Fx /sv/%2Fadmin);
is_deeply [ grep { $got{$_} != 403 } sort keys %got ], [],
    'a pattern can name them all';
is scalar($b->requests), 0, '... and nothing came through';
$s->expect_log(qr/AH01630: client denied/);

done_testing;
