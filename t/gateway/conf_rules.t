# Rules where they come from several places: server level, sections, virtual
# hosts and the main server they inherit from; what is said at start; and what
# .htaccess may not do.
use Gateway::Test;

my $b = Gateway::Backend->http({});     # echoes what it was asked, as JSON
my %vars = (vars => { B => $b });

# The target of the last request of the backend when there is a new one, else
# the status that the client got.
sub asked {
    my ($before, $r) = @_;
    my @asked = $b->requests;
    return @asked > $before ? $asked[-1]->target : $r->status;
}

sub target {
    my ($server, $path, @lines) = @_;
    my $before = () = $b->requests;
    return asked($before, $server->get($path, @lines));
}

my $s = Gateway::Test->server(%vars, ports => [qw(OWN NONE FILE)],
    config => <<'EOC');
Listen 127.0.0.1:@OWN@
Listen 127.0.0.1:@NONE@
Listen 127.0.0.1:@FILE@

GatewayPass /           http://@B@/site
GatewayPass /app        http://@B@/app
GatewayPass /app/static !
GatewayPassMatch "\.gif$" http://@B@/images/
GatewayPass /late       http://@B@/late/
GatewayPassMatch "^/u/([^/]+)/(.*)$" "http://@B@/user?n=$1&f=$2"
GatewayPass /u          http://@B@/u

<Location "/section">
    GatewayPass http://@B@/section
</Location>
<Location "/app/section">
    GatewayPass !
</Location>
<Location "/wild/*/x">
    GatewayPass http://@B@/wild
</Location>
GatewayPass /w%61ld%2fslash http://@B@/decoded
GatewayPass /wild !
<LocationMatch "^/never">
    GatewayPass http://@B@/never
</LocationMatch>

<VirtualHost 127.0.0.1:@OWN@>
    GatewayPass /app/static http://@B@/static
    GatewayPass /app        !
    GatewayPass /own        http://@B@/own
</VirtualHost>

<VirtualHost 127.0.0.1:@NONE@>
</VirtualHost>

<VirtualHost 127.0.0.1:@FILE@>
    GatewayPassOrder file
    GatewayPass /a   http://@B@/first
    GatewayPass /a/b http://@B@/second
</VirtualHost>
EOC

is target($s, '/x'), '/site/x', 'the root takes what is left';
is target($s, '/app/x'), '/app/x', 'the longest prefix wins';
is target($s, '/application'), '/site/application', 'segments are whole';
is target($s, '/app/static/x'), 404, 'an exclusion stays here';
is target($s, '/app/x.gif'), '/app/x.gif',
    'a pattern behind the winning prefix does not match';
is target($s, '/late/x.gif'), '/images/late/x.gif',
    'a pattern before it does, with the whole path';
is target($s, '/u/al/b/c?q=1'), '/user?n=al&f=b%2Fc&q=1',
    'groups go into the query';
is target($s, '/u/x'), '/u/x', 'without a match the prefix';
is target($s, '/section/x'), '/section/x', 'a rule of a <Location>';
is target($s, '/app/section/x'), 404, 'an exclusion of a <Location>';
is target($s, '/wild/1/x'), '/wild/wild/1/x', 'a <Location> with wildcards';
is target($s, '/wild/1/2/x'), 404, '... takes no slash';
is target($s, '/wald%2Fslash/x'), '/decoded/x',
    'the path of a rule is decoded, %2F stays';

sub at {
    my ($name, $path) = @_;
    my $before = () = $b->requests;
    return asked($before, $s->request(GET => $path, [], undef,
        port => $s->port($name)));
}

is at(NONE => '/app/x'), '/app/x', 'a virtual host inherits';
is at(NONE => '/app/static/x'), 404, '... exclusions too';
is at(OWN => '/own/x'), '/own/x', 'its own rules';
is at(OWN => '/app/x'), 404, '... replace those for the same path';
is at(OWN => '/app/static/x'), '/static/x',
    '... so that an exclusion can be taken back';
is at(OWN => '/section/x'), '/section/x', '... beside inherited ones';
is at(FILE => '/a/b/x'), '/first/b/x', 'file order: the first wins';
is at(FILE => '/a/b/x.gif'), '/first/b/x.gif', '... over inherited ones';

# no pseudonym twice: a request may pass from one virtual host to another
my %via;
for my $name (qw(OWN NONE)) {
    at($name => '/section/x');
    my ($via) = (($b->requests)[-1]->header('Via') // '')
        =~ /^1\.1 (gw-[0-9a-f]{8})$/;
    ok $via && !$via{$via}++, "$name has a pseudonym of its own";
}
is target($s, '/section/x', "Via: 1.1 " . (keys %via)[0]), '/section/x',
    'that of another virtual host makes no loop';

for my $how ('graceful', 'hard') {
    $s->restart($how);
    is at(OWN => '/section/x'), '/section/x', "rules after a $how restart";
    my ($via) = (($b->requests)[-1]->header('Via') // '') =~ /^1\.1 (\S+)$/;
    ok $via{ $via // '' }, '... and the same pseudonym';
}

my @never = $s->log->grep(qr/GW00303/);
is @never, 6, 'rules that can never match are reported, once at each start';
like $never[0], qr{the\ rule\ for\ \^/never\ at\ \S+test\.conf:25\ can\ never
    \ match:\ the\ one\ for\ /\ at\ \S+test\.conf:5\ always\ wins}x,
    '... by place';
like $never[1], qr{/a/b at \S+ can never match: the one for /a at},
    '... in a virtual host too';

# --- options: who sets them last ---------------------------------------------

my $slow = Gateway::Backend->http({ '/slow' => sub {
    select undef, undef, undef, 0.6;
    return [ 200, [], 'late' ];
} });
my $o = Gateway::Test->server(modules => ['authz_host'],
    vars => { B => $b, SLOW => $slow }, ports => [qw(OPT)],
    config => <<'EOC');
Listen 127.0.0.1:@OPT@
GatewayPass /o     http://@B@/o
GatewayPass /mine  http://@B@/o/mine disablereuse=off
GatewayPass /three http://@B@/o/three
GatewayPass /other http://@B@/other
GatewayPass /any   http://@B@
GatewayPass /slow  http://@SLOW@/slow
GatewaySet http://@B@/o disablereuse=on
<Gateway http://@B@/o/three>
    GatewaySet disablereuse=off
    GatewayPreserveHost On
</Gateway>
<Gateway http://@B@/secret>
    Require all denied
</Gateway>
<VirtualHost 127.0.0.1:@OPT@>
    GatewaySet http://@B@/o enablereuse=on
    GatewayTimeout 200ms
</VirtualHost>
EOC

# Does the request that a path led to ask for the connection to be closed?
sub closes {
    my (@how) = @_;
    $o->request(GET => $how[0], ['Host: front.example'], undef,
        $how[1] ? (port => $o->port($how[1])) : ());
    return ((($b->requests)[-1]->header('Connection') // '') =~ /close/)
        ? 1 : 0;
}

is closes('/other'), 0, 'an option that nobody sets';
is closes('/o/x'), 1, 'GatewaySet reaches the rules under its URL';
is closes('/mine'), 0, '... a rule goes before it';
is closes('/three'), 0, '... a section behind it in the file too';
is +($b->requests)[-1]->header('Host'), 'front.example',
    'a section also holds what belongs to requests';
is closes('/o/x', 'OPT'), 0, 'a virtual host changes it for itself';
is closes('/o/x'), 1, '... not for the main server';

is $o->get('/slow')->status, 200, 'slow, but within the time';
$o->expect_log(qr/GW00150: .*answered 504/);
is $o->request(GET => '/slow', [], undef, port => $o->port('OPT'))->status,
    504, 'the timeout of a virtual host counts for inherited rules';

$o->expect_log(qr/AH01630: client denied/, 3);
is $o->get('/any/secret/x')->status, 403, '<Gateway> denies';
is $o->get('/any/%73ecret/x')->status, 403, '... whatever the spelling';
is $o->get('/any//secret')->status, 403, '... with more slashes too';
is $o->get('/any/secrets')->status, 200, '... but whole segments only';

# --- what is said at start ---------------------------------------------------

my $t = Gateway::Test->server(%vars, ssl => 1, docs => {
    'h/.htaccess' => "GatewayPass http://localhost\n", 'h/a' => 'x',
}, config => <<'EOC');
GatewayPass /1 https://one.invalid
GatewayPass /2 https://two.invalid timeout=7
GatewayPass /3 https://one.invalid/other
GatewayPass /4 https://safe.invalid
<Gateway "https://*.invalid/*">
    GatewaySSLVerify none
    GatewaySSLCACertificateFile "@CA@"
</Gateway>
<Gateway https://safe.invalid>
    GatewaySSLVerify require
</Gateway>
<Gateway http://nobody.invalid>
</Gateway>
<Directory "@DOCROOT@">
    AllowOverride All
</Directory>
EOC
$t->expect_log(qr/GW00304/);
my @said = $t->log->grep(qr/GW0030[4-6]/);
is @said, 3, 'three things are said at start';
my ($none) = grep { /GW00304/ } @said;
like $none, qr{GatewaySSLVerify\ none\ at\ \S+test\.conf:6:\ anyone\ between
    \ here\ and\ https://one\.invalid,\ https://two\.invalid\ can}x,
    'verification that is off is warned about, once for each origin';
ok scalar(grep { /GW00305.*test\.conf:6.*test\.conf:7/ } @said),
    'CA certificates without effect are reported';
ok scalar(grep { /GW00306.*nobody\.invalid.*test\.conf:12/ } @said),
    'a section without a rule is reported';

$t->expect_log(qr/\.htaccess: GatewayPass is not allowed in \.htaccess files/);
is $t->get('/h/a')->status, 500, 'a GatewayPass in .htaccess is an error';

done_testing;
