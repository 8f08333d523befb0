# Bad configurations of balancers: each is refused by httpd -t with file, line
# and a sentence that helps; and what is right is accepted.
use Gateway::Test;
use Gateway::Setup ();

# configurations are read the same way under every MPM
Gateway::Test->need(mpm => ['event']);

my $m = 'GatewayMember balancer://b http://m';

# A line in the section of a balancer with a member.
sub in_section {
    return "<Gateway balancer://b>\nGatewayMember http://m\n$_[0]\n"
        . "</Gateway>\n";
}

my @bad = (
    # --- members ---
    ["GatewayMember\n", 1, 'needs the balancer as its first word here'],
    ["GatewayMember http://m\n", 1, 'needs the balancer as its first word'],
    ["GatewayMember balancer://b\n", 1, 'GatewayMember needs the URL of a'],
    ["GatewayMember balancer://b route=x\n", 1, 'needs the URL of a backend'],
    ["GatewayMember balancer:// http://m\n", 1, 'is no name of a balancer'],
    ["GatewayMember balancer://a%b http://m\n", 1, "'a%b' is no name of a"],
    ["GatewayMember balancer://b m:80\n", 1, 'did you mean http://m:80?'],
    ["GatewayMember balancer://b gopher://m\n", 1, 'is no scheme'],
    ["GatewayMember balancer://b http://m/?x\n", 1, 'without a query'],
    ["GatewayMember balancer://b balancer://c\n", 1, 'cannot be a member'],
    ["GatewayMember balancer://b http://" . 'm' x 60 . '/' . 'x' x 500 . "\n",
        1, 'the URL of a member may have 511 bytes at most'],
    ["$m\n$m/\n", 2, 'is a member of balancer://b already'],
    [in_section('GatewayMember balancer://b http://n'), 3,
        'takes the balancer from the <Gateway> around it: leave it out'],
    ["<Gateway http://x>\nGatewayMember http://m\n</Gateway>\n", 2,
        'belongs into <Gateway balancer://name>, not into <Gateway http://x'],
    ["<Location /x>\nGatewayMember http://m\n</Location>\n", 2,
        'is not allowed in <Location>: put it into <Gateway balancer://'],

    # --- their parameters ---
    ["$m nonsense\n", 1, "'nonsense' is no parameter of a member: there are"],
    ["$m loadfctor=2\n", 1, 'did you mean loadfactor=?'],
    (map { [ "$m loadfactor=$_\n", 1, 'loadfactor= must be a number from 1' ] }
        qw(0 0.5 101 100.01 1.234 1. .5 x -1), '""'),
    (map { [ "$m lbset=$_\n", 1, 'lbset= must be a whole number from 0 to 99' ]
        } qw(100 -1 x 1.5)),
    (map { [ "$m $_\n", 1, 'must be 1 to 63 visible characters' ] }
        'route=a;b', 'route=', 'redirect=a,b', 'route=' . 'x' x 64),
    (map { [ "$m status=$_\n", 1, 'status= must be letters' ] }
        qw(X +E O G U F + - D+), '""'),
    ["$m status=+C\n", 1, 'status=+C waits for a health check: add hcmethod'],
    ["$m retry=-1\n", 1, 'retry= must be a time from 0 to 366 days'],
    ["$m timeout=0\n", 1, 'timeout= must be a time from 1ms'],
    ["$m lbmethod=hash\n", 1, "'lbmethod=hash' is no parameter of a member"],

    # --- balancers' parameters ---
    [in_section('GatewaySet nonsense'), 3,
        "'nonsense' is no parameter of a balancer: there are lbmethod=, "],
    [in_section('GatewaySet maxatempts=2'), 3, 'did you mean maxattempts=?'],
    [in_section('GatewaySet loadfactor=2'), 3, 'no parameter of a balancer'],
    [in_section('GatewaySet lbmethod='), 3, 'lbmethod= needs a value'],
    [in_section('GatewaySet lbmethod'), 3, 'lbmethod= needs a value'],
    [in_section('GatewaySet lbmethod=heartbeat'), 3,
        'there is no lbmethod=heartbeat: there are '],
    (map { [ in_section("GatewaySet $_"), 3, $_ =~ /(\w+=)/ ] }
        qw(maxattempts=x maxattempts=-1 maxattempts=1001 stickysession=
        stickysession=|x stickysession=a;b stickysessionsep=xy
        scolonpathdelim=1 sticky=on sticky=cookie: sticky=cookie:a=b
        stickykey=short nofailover=2 timeout=-1 timeout=x failonstatus=99
        failonstatus=600 failonstatus=5xx failontimeout=yes forcerecovery=x
        growth=1001 growth=x retryon=x retryon=999 retrybuffer=1G
        retrybuffer=2000M retrybuffer=-1 deadline=x queue=-1 queue=100001
        queuetimeout=0 hashkey=%{ fails=0 fails=1001 slowstart=x),
        'retryon=,'),
    [in_section('GatewaySet nonce=None'), 3,
        'nonce= is not built yet: there is no manager page, remove it'],
    ["GatewayPass /x balancer://b nonce=x\n$m\n", 1,
        'nonce= is not built yet'],
    ["$m\nGatewayPass /x balancer://b nonsense=1\n", 2, 'of a balancer'],
    ["<Gateway balancer://b growth=x>\n$m\n</Gateway>\n", 1, 'growth='],
    ["$m\nGatewayPass / balancer://b growth=2\nGatewaySet balancer://b "
        . "growth=3\n", 3, qr/growth= of balancer:\/\/b has another value at/],
    [in_section("GatewaySet sticky=cookie stickysession=x"), 3,
        'sticky= and stickysession= contradict each other'],

    # --- balancers without members ---
    ["GatewayPass / balancer://b\n", 1, qr/balancer:\/\/b/],
    ["GatewaySet balancer://b growth=3\n", 1,
        'balancer://b has no member: add a GatewayMember'],
    ["$m\n<VirtualHost *:1>\nGatewayPass / balancer://b growth=2\n"
        . "</VirtualHost>\n", 3, 'has its members outside of this <Virt'],
    ["$m\n<VirtualHost *:1>\nGatewayBalancerInherit Off\n"
        . "GatewayPass / balancer://b\n</VirtualHost>\n", 4,
        qr/balancer:\/\/b/],

    # --- health checks ---
    (map { [ "$m hcmethod=GET $_\n", 1, $_ =~ /(\w+=)/ ] }
        qw(hcmethod=PUT hcmethod=CPING hcinterval=99ms hcinterval=x
        hctimeout=0 hcpasses=x hcfails=-1 hcuri=health hcstatus=x hchost=a/b
        hcheader=x hcheader=Host:x hcport=0 hcport=65536 hctemplate=a;b),
        'hcuri=/a#b', '"hcuri=/a b"', '"hcheader=Content-Length: 3"'),
    ["$m hcuri=/x\n", 1, 'have no effect without hcmethod= or hctemplate='],
    ["$m hctemplate=x\n", 1, 'there is no GatewayHCTemplate x'],
    ["$m hcmethod=GET hcexpr=x\n", 1, 'there is no GatewayHCExpr x'],
    ["GatewayHCExpr x {true}\n$m hcmethod=GET hcexpr=x hcstatus=200\n", 2,
        'hcstatus= and hcexpr= contradict each other'],
    ["GatewayHCExpr x\n", 1, 'needs a name and an expression in braces'],
    ["GatewayHCExpr x {=~}\n", 1, "'=~' is no valid expression"],
    ["GatewayHCExpr x {true}\nGatewayHCExpr x {true}\n", 2, 'there already'],
    ["GatewayHCTemplate x\n", 1, 'needs a name and parameters'],
    ["GatewayHCTemplate x route=1\n", 1, "'route=1' is no parameter of a"],
    ["GatewayHCTemplate x hctemplate=y\n", 1, 'is no parameter of a'],
    ["GatewayHCTPsize x\n", 1, 'GatewayHCTPsize= must be a whole number'],
    ["<VirtualHost *:1>\nGatewayHCTPsize 3\n</VirtualHost>\n", 2,
        'is one for the whole server'],
    ["GatewayBalancerGrowth 1001\n", 1, 'from 0 to 1000'],
    ["GatewayBalancerPersist maybe\n", 1, 'On or Off'],
);

for (@bad) {
    my ($config, $line, $want) = @$_;
    my ($ok, $said) = Gateway::Test->configtest(config => $config);
    my $name = $config =~ s/\n(?!\z)/ | /gr;
    chomp $name;
    $name = substr($name, 0, 100);
    $want = ref $want ? $want : qr/\Q$want\E/;
    my $at = qr/(?:line $line of \S+test\.conf:\n|at \S+test\.conf:$line\b)/;
    ok !$ok && $said =~ /$at/ && $said =~ $want, $name or diag $said;
}

# --- what is right ----------------------------------------------------------

my @good = (
    "$m loadfactor=1\n", "$m loadfactor=100.00\n", "$m loadfactor=1.05\n",
    "$m status=+D-S status=H retry=0 lbset=99 timeout=3 route=a.b_c\n",
    "$m status=-E-C+R\n", "$m hcmethod=TCP status=+C\n",
    "$m/a\n$m/b\n", "$m\nGatewayPass / balancer://B\n",
    "GatewayPass /x balancer://b\n$m\n",
    "$m\nGatewaySet balancer://b growth=2\nGatewayPass / balancer://b "
        . "growth=2\n",
    in_section('GatewaySet retryon=none failonstatus=500,503 deadline=0 '
        . 'timeout=0 queue=0 growth=0 maxattempts=0 retrybuffer=0 '
        . 'slowstart=0 stickysession=A|b stickysessionsep=off'),
    in_section('GatewaySet lbmethod=hash "hashkey=%{HTTP:X-A}-%{REMOTE_ADDR}"'
        ),
    (map { in_section("GatewaySet lbmethod=$_") } qw(byrequests bytraffic
        bybusyness leasttime hash random)),
    "$m\n<VirtualHost *:1>\nGatewayPass / balancer://b\n</VirtualHost>\n",
    "$m\n<VirtualHost *:1>\n$m growth=2\n</VirtualHost>\n" =~ s/ growth=2//r,
    "GatewayHCExpr a {hc('body') =~ /x/}\nGatewayHCTemplate t hcexpr=a "
        . "hcmethod=GET11\n<VirtualHost *:1>\n$m hctemplate=t\n"
        . "</VirtualHost>\n",
);
for my $config (@good) {
    my ($ok, $said) = Gateway::Test->configtest(config => $config);
    ok $ok, $config =~ s/\n(?!\z)/ | /gr =~ s/\n//r or diag $said;
}

# --- without mod_slotmem_shm ------------------------------------------------

my $load = join '', map { Gateway::Setup::load_module($_) }
    qw(gateway gateway_balancer);
my ($ok, $said) = Gateway::Test->configtest(gateway => 0,
    config => "$load$m\n");
ok !$ok, 'refused without shared memory';
like $said, qr/test\.conf:3: balancer:\S+ needs shared memory: add Load/,
    'and what to do';
($ok, $said) = Gateway::Test->configtest(gateway => 0, config => $load);
ok $ok, 'without a balancer nothing is missing' or diag $said;
($ok, $said) = Gateway::Test->configtest(gateway => 0,
    config => (split /\n/, $load)[1] . "\n$m\n");
ok !$ok, 'refused without mod_gateway';
like $said, qr/GatewayMember needs mod_gateway: add LoadModule/;

done_testing;
