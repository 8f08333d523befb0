# When the child that resolves the names of members ends, another one goes on
# at once, and members follow DNS as before.
use Gateway::Test;
use Gateway::DNS;
use Time::HiRes qw(time);
Gateway::Test->need(names => 1);

my $port = Gateway::Process::take_port();
my @hosts = map { "127.0.0.$_" } 2 .. 4;
my %b = map {
    my $host = $_;
    $host => Gateway::Backend->http({ '*' => [ 200, [], $host ] },
        host => $host, port => $port)
} @hosts;
my $dns = Gateway::DNS->new('app.test' => { A => [ $hosts[0] ], ttl => 1 });
my $s = Gateway::Test->server(etc => $dns->etc, children => 3, threads => 4,
    loglevel => 'gateway_balancer:info', config => <<"EOC");
GatewayPass /app balancer://app
GatewayMember balancer://app dns://app.test:$port
EOC

sub resolvers {
    return map { /\[pid (\d+)/ ? $1 : () } $s->log->grep(qr/GW01406/);
}

is $s->get('/app')->body, $hosts[0], 'a member of a name';
ok $s->wait_for(sub { resolvers() == 1 }), 'one child follows it';
for my $n (1, 2) {
    kill 'KILL', (resolvers())[-1];
    my $began = time;
    ok $s->wait_for(sub { resolvers() == $n + 1 }, 15),
        'killed: another one does';
    cmp_ok time - $began, '<', 2 * Gateway::Setup::patience(), '... at once';
    $dns->set('app.test' => { A => [ $hosts[$n] ], ttl => 1 });
    ok $s->wait_for(sub { $s->get('/app')->body eq $hosts[$n] }, 15),
        '... and members change';
}
is scalar(resolvers()), 3, 'one at a time';
done_testing;
