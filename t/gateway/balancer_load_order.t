# mod_gateway_balancer may be loaded before mod_gateway, and before what it
# needs itself: choice, failover, sessions, health checks, changes at run time,
# limits and restarts are the same.
use Gateway::Test;
use Gateway::Admin;

my $gate = Gateway::Test::scratch() . '/gate';

sub wait_for_gate {
    my $deadline = time + 20 * Gateway::Setup::patience();
    select undef, undef, undef, 0.02 until -e $gate || time > $deadline;
    return;
}

sub member {
    my ($name) = @_;
    return Gateway::Backend->http(sub {
        my $req = shift;
        wait_for_gate() if $req->target =~ /slow/;
        return [ 200, [ 'X-Member' => $name ], $req->target ];
    });
}

my %b = map { $_ => member($_) } qw(A B C);
my %url = map { $_ => 'http://' . $b{$_}->hostport } keys %b;
my @orders = (
    [ 'first of all', qw(gateway_balancer) ],
    [ 'behind what it needs', qw(slotmem_shm watchdog gateway_balancer) ],
);

# Who answers n requests.
sub who {
    my ($s, $n, $path, @fields) = @_;
    my %got;
    for (1 .. $n) {
        my $r = $s->get($path, @fields);
        $got{ $r->status == 200 ? $r->header('x-member') : $r->status }++;
    }
    return join ' ', sort keys %got;
}

sub checks { return scalar grep { $_->target eq '/health' } $b{A}->requests }

for my $order (@orders) {
    my ($how, @modules) = @$order;
    my $s = Gateway::Test->server(children => 2, ports => ['VHOST'],
        vars => \%b, modules => [ @modules, @{ Gateway::Admin::modules() } ],
        config => Gateway::Admin::config() . <<'EOC');
GatewayPass /app balancer://app
GatewayPass /dead balancer://dead
<Gateway balancer://app sticky=cookie slowstart=0>
    GatewayMember http://@A@ hcmethod=GET hcuri=/health hcinterval=1
    GatewayMember http://@B@
</Gateway>
<Gateway balancer://dead fails=1000>
    GatewayMember http://127.0.0.1:1
    GatewayMember http://@B@ max=1
    GatewaySet queuetimeout=5
</Gateway>
Listen @VHOST@
<VirtualHost *:@VHOST@>
    GatewayPass /inherited balancer://app
    GatewayPass /own balancer://own
    GatewayMember balancer://own http://@C@
</VirtualHost>
EOC
    my $admin = Gateway::Admin->new($s);

    is who($s, 10, '/app/x'), 'A B', "$how: members take turns";
    is who($s, 4, '/dead/x'), 'B', '... failover';
    my $r = $s->get('/app/x');
    my ($mine, $cookie) = ($r->header('x-member'), $r->header('set-cookie'));
    ($cookie) = $cookie =~ /\A(gateway-app=[^;]+)/;
    is who($s, 4, '/app/x', "Cookie: $cookie"), $mine, '... sessions';
    my $checks = checks();
    ok $s->wait_for(sub { checks() > $checks }), '... checks';
    my $vhost = $s->client(port => $s->port('VHOST'));
    like $vhost->get("/$_/x")->response->header('x-member') // '',
        $_ eq 'own' ? qr/\AC\z/ : qr/\A[AB]\z/, "... a virtual host: $_"
        for qw(inherited own);
    $vhost->close;

    is $admin->add(app => $url{C}), 'done', '... a member is added';
    is who($s, 9, '/app/x'), 'A B C', '... and serves';
    $s->restart('graceful');
    ok $s->wait_for(sub { who($s, 9, '/app/x') eq 'A B C' }),
        '... over a restart too';
    unlink $gate;
    my $slow = $s->client(timeout => 12)->get('/dead/slow',
        'Connection: close');
    ok $s->wait_for(sub { $admin->member($url{B}, 'dead')->{busy} == 1 }),
        '... what is in use is counted';
    open my $open, '>', $gate or die "$gate: $!";
    is $slow->response->status, 200, '... until it is answered';
    $s->stop;
}
done_testing;
