# GatewaySSLVerify none: every certificate is taken, which is said at each
# start; in <Gateway url> for that backend alone, and a session or connection
# that was set up without verification never serves a rule that verifies.
use Gateway::Test;

my @names = qw(unknown expired other cnonly wrongeku);
my %b = map { $_ => Gateway::Backend->http({ '*' => [ 200, [], $_ ] },
    tls => $_) } @names;
my $rules = join '', map {
    "GatewayPass /$_ https://localhost:" . $b{$_}->port . "/\n"
} @names;

my $s = Gateway::Test->server(config => "GatewaySSLVerify none\n$rules");
is $s->get("/$_")->body, $_, $_ for @names;
$s->expect_log(qr/:warn\].*GatewaySSLVerify none/, [1, 10]);
my $warned = $s->log->count(qr/:warn\].*GatewaySSLVerify none/);
$s->restart;
is $s->log->count(qr/:warn\].*GatewaySSLVerify none/), 2 * $warned,
    'logged again at a restart';
is $s->get('/unknown')->status, 200, 'and in force';
$s->stop;

# For one backend.
$s = Gateway::Test->server(vars => { U => $b{unknown}->port,
    X => $b{expired}->port }, config => <<'EOC');
GatewaySSLCACertificateFile @CA@
GatewayPass /open   https://localhost:@U@/
GatewayPass /closed https://localhost:@X@/
<Gateway https://localhost:@U@>
    GatewaySSLVerify none
</Gateway>
EOC
is $s->get('/open')->status, 200, 'the one in the section';
is $s->get('/closed')->status, 502, 'not another';
$s->expect_log(qr/:warn\].*GatewaySSLVerify none.*localhost:\d+/, 1);
$s->expect_log(qr/:error\].*expired/, 1);
$s->stop;

# A server-level none, and one backend that is verified all the same.
$s = Gateway::Test->server(vars => { U => $b{unknown}->port,
    X => $b{expired}->port }, config => <<'EOC');
GatewaySSLVerify none
GatewaySSLCACertificateFile @CA@
GatewayPass /open   https://localhost:@U@/
GatewayPass /closed https://localhost:@X@/
<Gateway https://localhost:@X@>
    GatewaySSLVerify require
</Gateway>
EOC
is $s->get('/open')->status, 200, 'none for all';
is $s->get('/closed')->status, 502, 'but require in a section';
$s->expect_log(qr/:warn\].*GatewaySSLVerify none/, [1, 3]);
$s->expect_log(qr/:error\].*expired/, 1);
$s->stop;

# The same origin from two virtual hosts, one of which does not verify:
# neither connections nor sessions are shared.
$s = Gateway::Test->server(vars => { U => $b{unknown}->port },
    children => 1, ports => ['OPEN'], config => <<'EOC');
Listen 127.0.0.1:@OPEN@
GatewaySSLCACertificateFile @CA@
GatewayPass / https://localhost:@U@/
<VirtualHost 127.0.0.1:@OPEN@>
    GatewaySSLVerify none
</VirtualHost>
EOC
for my $round (1, 2) {
    is $s->request('GET', '/', [], undef, port => $s->port('OPEN'))->status,
        200, "not verified, round $round";
    is $s->get('/')->status, 502, "verified, round $round";
}
$s->expect_log(qr/:warn\].*GatewaySSLVerify none/, [1, 3]);
$s->expect_log(qr/:error\].*issuer/, 2);
done_testing;
