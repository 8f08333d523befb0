# conf-examples/ of clusters: jenkins-cluster.conf, failover.conf, sticky.conf
# and consistent-hash.conf do what their comments say. (conf_examples.t has the
# others, and looks whether each is valid as it is.)
use Gateway::Test;
use Gateway::Setup ();

my $dir = Gateway::Setup::root() . '/conf-examples';

# A server with an example and what it is told; with one child, whose shares
# are exact.
sub with {
    my ($name, $define, %more) = @_;
    my $s = Gateway::Test->server(children => 1, modules => ['headers'],
        %more, config => join '',
            (map { "Define $_ $define->{$_}\n" } sort keys %$define),
            "Include \"$dir/$name\"\n", $more{config} // '');
    $s->allow_log(qr/AH00161/);     # prefork: one child is all there is
    return $s;
}

sub member {
    my ($name, %opt) = @_;
    return Gateway::Backend->http(sub {
        my ($req) = @_;
        return [ 302, [ Location => "$opt{url}/there" ], '' ]
            if $opt{url} && $req->target eq '/go';
        return [ 200, [ 'X-Member' => $name ], $req->target ];
    }, $opt{url} ? (tls => 'server') : ());
}

# Asks $n times; who answered, as { member or status => times }.
sub shares {
    my ($s, $n, $path, @fields) = @_;
    my %got;
    for my $i (1 .. $n) {
        my $r = $s->get($path =~ s/#/$i/r, @fields);
        $got{ $r->status == 200 ? $r->header('x-member') : $r->status }++;
    }
    return \%got;
}

sub who { return join ' ', sort keys %{ shares(@_) } }

sub cookie {
    my ($r, $name) = @_;
    my ($set) = grep { /^\Q$name\E=/ } $r->all('set-cookie');
    return ($set // '') =~ /^([^;]*)/ ? $1 : '';
}

# --- jenkins-cluster.conf ----------------------------------------------------

my %b = map { $_ => member($_, url => 'https://localhost') } qw(A B);
my $s = with('jenkins-cluster.conf', { JENKINS_1 => '@A_URL@',
    JENKINS_2 => '@B_URL@', JENKINS_CA => '@CA@' }, vars => \%b,
    config => "CustomLog \"\@ROOT\@/logs/cluster.log\" cluster\n");

is_deeply shares($s, 20, '/jenkins/job/#'), { A => 10, B => 10 },
    'jenkins-cluster.conf: both are used, over TLS';
is $s->get('/jenkins/job/x?y')->body, '/job/x?y', '... below /jenkins';
is $s->get('/other')->status, 404, '... nothing else';
my $r = $s->get('/jenkins/');
my $mine = $r->header('x-member');
my $name = 'gateway-jenkins-cluster';
my $stay = 'Cookie: ' . cookie($r, $name);
like $stay, qr/=[\w-]{22}$/, '... a new client gets a cookie';
is who($s, 10, '/jenkins/#', $stay), $mine, '... and stays';

# a server dies, the clients do not notice
$b{$mine}->stop;
my $other = $mine eq 'A' ? 'B' : 'A';
is_deeply shares($s, 20, '/jenkins/#'), { $other => 20 },
    '... one dies, all are answered';
$r = $s->get('/jenkins/', $stay);
is $r->header('x-member'), $other, '... also who belonged to it';
is who($s, 5, '/jenkins/#', 'Cookie: ' . cookie($r, $name)), $other,
    '... and belongs to the other one now';
is $s->post('/jenkins/build', 'x' x 1000)->status, 200, '... a POST, too';
$s->expect_log(qr/\Q@{[ $b{$mine}->hostport ]}\E/, [1, 99]);
$b{$mine}->start;
ok $s->wait_for(sub { shares($s, 5, '/jenkins/#')->{$mine} }),
    '... it is used again when it is back';
my ($to, $from) = map { $b{$_}->hostport } $other, $mine;
ok $s->wait_for(sub {
    open my $fh, '<', $s->root . '/logs/cluster.log' or return 0;
    return grep { /member=\S+\Q$to\E tried="\Q$from\E, \Q$to\E" / } <$fh>;
}), '... the access log names all that were tried';

# --- failover.conf -----------------------------------------------------------

%b = map { $_ => member($_) } qw(A B SPARE REMOTE SORRY);
$s = with('failover.conf',
    { map { ("FAILOVER_$_" => "\@${_}_URL\@") } keys %b }, vars => \%b);
is_deeply shares($s, 30, '/app/#'), { A => 20, B => 10 },
    'failover.conf: two of three go to the larger machine';
my @left = qw(A B SPARE REMOTE SORRY);
for my $then ('B SPARE', 'SPARE', 'REMOTE', 'SORRY') {
    my $gone = shift @left;
    $b{$gone}->stop;
    shares($s, 6, '/app/#');
    is who($s, 12, '/app/#'), $then, "... without $gone";
}
$s->expect_log(qr/\[gateway\w*:\w+\]/, [1, 999]);
is $s->get('/app/x?y')->body, '/x?y', '... all the time below /app';
$b{A}->start;
ok $s->wait_for(sub { shares($s, 1, '/app/#')->{A} }),
    '... the first site is back';
ok !shares($s, 10, '/app/#')->{SORRY}, '... and nobody has to be sorry';

# --- sticky.conf -------------------------------------------------------------

%b = map { $_ => member($_) } qw(SA SB AA AB);
my %define = (SHOP_A => '@SA_URL@', SHOP_B => '@SB_URL@',
    APP_A => '@AA_URL@', APP_B => '@AB_URL@');
$s = with('sticky.conf', \%define, vars => \%b);
is who($s, 6, '/shop/#'), 'SA SB', 'sticky.conf: new clients are spread';
$r = $s->get('/shop/');
is who($s, 6, '/shop/#', 'Cookie: ' . cookie($r, 'SHOPSERVER')),
    $r->header('x-member'), '... and stay by a cookie of the gateway';
is who($s, 6, '/app/#'), 'AA AB', '... the application, without a session';
for (['app1', 'AA'], ['app2', 'AB']) {
    my ($route, $who) = @$_;
    is who($s, 6, '/app/#', "Cookie: JSESSIONID=1234.$route"), $who,
        "... a session of $route, by its cookie";
    is who($s, 6, "/app/#;jsessionid=1234.$route;v=1?x"), $who,
        '... and by the path';
}
$b{AA}->stop;
is who($s, 6, '/app/#', 'Cookie: JSESSIONID=1234.app1'), 'AB',
    '... it goes on at the other one';
$s->expect_log(qr/\Q@{[ $b{AA}->hostport ]}\E/, [1, 99]);

# Two gateways with one key understand each other's cookies.
$define{SHOP_KEY} = '"correct horse battery staple"';
my @two = map { with('sticky.conf', \%define, vars => \%b) } 1, 2;
$r = $two[0]->get('/shop/');
is who($two[1], 6, '/shop/#', 'Cookie: ' . cookie($r, 'SHOPSERVER')),
    $r->header('x-member'), '... also at a second gateway';

# --- consistent-hash.conf ----------------------------------------------------

%b = map { $_ => member($_) } qw(C1 C2 C3 T1 T2);
%define = (CACHE_1 => '@C1_URL@', CACHE_2 => '@C2_URL@',
    CACHE_3 => '@C3_URL@', TENANTS_1 => '@T1_URL@', TENANTS_2 => '@T2_URL@');
@two = map { with('consistent-hash.conf', \%define, vars => \%b) } 1, 2;
$s = $two[0];

sub map_of {
    my ($server, $n) = @_;
    return { map { $_ => who($server, 1, "/img/$_.png") } 1 .. $n };
}
my $map = map_of($s, 200);
my %keys;
$keys{$_}++ for values %$map;
is join(' ', sort keys %keys), 'C1 C2 C3', 'consistent-hash.conf: all work';
cmp_ok $keys{C2}, '>', 70, '... the large one has more';
cmp_ok $keys{C2}, '<', 130, '... but not too much';
is_deeply map_of($s, 200), $map, '... the same path, the same cache';
is_deeply map_of($two[1], 200), $map, '... on each gateway';
is who($s, 5, '/img/1.png?v=#'), $map->{1}, '... whatever the query';

$b{C3}->stop;
map_of($s, 40);
my $now = map_of($s, 200);
my @moved = grep { $now->{$_} ne $map->{$_} } keys %$map;
is scalar(@moved), $keys{C3}, '... one dies: only its keys move';
is scalar(grep { $map->{$_} ne 'C3' } @moved), 0, '... those of others stay';
$s->expect_log(qr/\Q@{[ $b{C3}->hostport ]}\E/, [1, 999]);

my %tenant = map { $_ => who($s, 3, '/api/#', "X-Tenant: $_") } 1 .. 20;
is join(' ', sort keys %{ { reverse %tenant } }), 'T1 T2',
    '... a customer has one server, all have work';
is who($two[1], 3, '/api/#', 'X-Tenant: 7'), $tenant{7},
    '... the same one on each gateway';

done_testing;
