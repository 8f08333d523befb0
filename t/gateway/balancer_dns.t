# Members out of names: every address of a name is one (resolve=all, dns://),
# every SRV record is one (srv://). They follow DNS while the server runs.
use Gateway::Test;
use Gateway::DNS;
Gateway::Test->need(names => 1);

my $port = Gateway::Process::take_port();
my @hosts = map { "127.0.0.$_" } 2 .. 4;
my %b = map {
    my $host = $_;
    $host => Gateway::Backend->http(sub {
        my $req = shift;
        select undef, undef, undef, 3 if $req->target =~ /slow/;
        return [ 200, [ 'X-Member' => $host ], $req->header('host') ];
    }, host => $host, port => $port)
} @hosts;

# Its certificate has a name alone, no address.
my $tls_port = Gateway::Process::take_port();
my $tls = Gateway::Backend->http({ '*' => [ 200, [], 'tls' ] },
    tls => 'other', host => '127.0.0.2', port => $tls_port);

# Whom requests go to.
sub spread {
    my ($s, $path, $n) = @_;
    my %got;
    for (1 .. $n // 12) {
        my $r = $s->get($path);
        my $who = $r->status == 200 ? $r->header('x-member') : $r->status;
        $got{$who}++;
    }
    return join ' ', map { s/^127\.0\.0\.//r } sort keys %got;
}

sub becomes {
    my ($s, $path, $want, $what) = @_;
    my $got = '';
    $s->wait_for(sub {
        select undef, undef, undef, 0.05;
        ($got = spread($s, $path)) eq $want;
    },
        8 * Gateway::Setup::patience());
    is $got, $want, $what;
    return;
}

sub srv {
    my (@records) = @_;
    return { ttl => 1, SRV => [ map { [ @$_[ 0, 1 ], $port, $$_[2] ] }
        @records ] };
}

my $dns = Gateway::DNS->new(
    'app.test' => { A => [ @hosts[ 0, 1 ] ], ttl => 1 },
    'other.test' => { A => ['127.0.0.2'], ttl => 1 },
    'two.test' => { A => ['127.0.0.2'], ttl => 1 },
    'three.test' => { A => ['127.0.0.3'], ttl => 1 },
    '_http._tcp.app.test' =>
        srv([ 10, 30, 'two.test' ], [ 10, 10, 'three.test' ]));
my $s = Gateway::Test->server(etc => $dns->etc, children => 2,
    loglevel => 'gateway_balancer:info', config => <<"EOC");
GatewaySSLCACertificateFile "\@CA\@"
GatewayPass /tls balancer://tls
GatewayMember balancer://tls https://other.test:$tls_port resolve=all
GatewayPass /all balancer://all
GatewayPass /short balancer://short
GatewayPass /srv balancer://srv
GatewayPass /late balancer://late
<Gateway balancer://all>
    GatewayMember http://app.test:$port/ resolve=all
    GatewaySet slowstart=0
</Gateway>
<Gateway balancer://short>
    GatewayMember dns://app.test:$port/sub
</Gateway>
<Gateway balancer://srv>
    GatewayMember srv://_http._tcp.app.test
    GatewaySet slowstart=0
</Gateway>
<Gateway balancer://late>
    GatewayMember http://late.test:$port resolve=all
</Gateway>
EOC

# --- at start ----------------------------------------------------------------

is spread($s, '/all', 8), '2 3', 'both addresses get requests at once';
is $s->get('/all')->body, "app.test:$port", 'with the Host of the name';
is spread($s, '/short', 8), '2 3', 'dns:// is short for that';
is $s->get('/tls')->body, 'tls', 'TLS verifies the name, not the address';
my %share;
$share{ $s->get('/srv')->body }++ for 1 .. 40;
is join(' ', sort keys %share), "three.test:$port two.test:$port",
    'SRV records: targets and ports';
cmp_ok abs($share{"two.test:$port"} - 30), '<=', 2, '... and weights';

is $s->get('/late')->status, 503, 'a name that is not there has no members';
$s->expect_log(qr/no member of balancer:\/\/late may be used/, [1, 9999]);
$s->expect_log(qr/GW01402.*balancer:\/\/late: \S+ cannot be resolved/);
$dns->set('late.test' => { A => ['127.0.0.4'], ttl => 1 });
becomes($s, '/late', '4', 'and gets them when it is');
ok $s->wait_log(qr/GW01403.*late\.test:$port can be resolved/), 'as logged';

# --- changes -----------------------------------------------------------------

$dns->set('app.test' => { A => [@hosts], ttl => 1 });
becomes($s, '/all', '2 3 4', 'an address more');
my $c = $s->client;
$c->get('/all/slow') for 1;
select undef, undef, undef, 0.3;
$dns->set('app.test' => { A => [ $hosts[2] ], ttl => 1 });
becomes($s, '/all', '4', 'two fewer');
is $c->response->status, 200, 'who has a request under way ends it';
ok $s->wait_log(qr/GW01410.*127\.0\.0\.2:$port has drained and was removed/),
    'then they are removed';
$dns->set('app.test' => { A => [ @hosts[ 0, 2 ] ], ttl => 1 });
becomes($s, '/all', '2 4', 'one comes back');

$dns->set('_http._tcp.app.test' =>
    srv([ 10, 10, 'three.test' ], [ 20, 500, 'two.test' ]));
becomes($s, '/srv', '3', 'a higher priority number is the reserve');
$b{'127.0.0.3'}->stop;
becomes($s, '/srv', '2', 'that serves when the others do not');
$s->expect_log(qr/127\.0\.0\.3:$port|three\.test:$port/, [1, 999]);

# --- failures ----------------------------------------------------------------

for my $how (qw(SERVFAIL NXDOMAIN)) {
    $dns->set('app.test' => $how);
    ok $s->wait_log(qr/GW01401.*app\.test:$port.*cannot be resolved/),
        "$how is logged";
    select undef, undef, undef, 1.5;
    is spread($s, '/all'), '2 4', '... and changes nothing';
}
$s->expect_log(qr/GW01401/, [1, 99]);
$s->restart('graceful');
is spread($s, '/all'), '2 4', 'a graceful restart keeps the last answer';
$dns->set('app.test' => { A => [ $hosts[0] ], ttl => 1 });
becomes($s, '/all', '2', 'and goes on from it');

# --- configurations that cannot be -------------------------------------------

for my $bad (
    [ 'http://127.0.0.1 resolve=all', qr/has one address only/ ],
    [ 'http://[::1]:80 resolve=all', qr/has one address only/ ],
    [ 'http://b resolve=some', qr/resolve= must be one or all/ ],
    [ 'srv://b', qr/must name a service and no port/ ],
    [ 'srv://_http._tcp.b:80', qr/must name a service and no port/ ],
    [ 'srv://_http._tcp.b resolve=all', qr/does not go with srv/ ],
) {
    my ($line, $want) = @$bad;
    my ($ok, $said) = Gateway::Test->configtest(
        config => "GatewayMember balancer://b $line\n");
    ok !$ok, $line;
    like $said, $want, '... says why';
}

done_testing;
