# Members out of names, asked of a real name server, dnsmasq, whose records
# change: added, removed, and gone with the server.
use Gateway::Test;
use Gateway::Process;
Gateway::Test->need(names => 1, command => 'dnsmasq');

my $dir = Gateway::Test->scratch;
my $unique = Gateway::Process::take_port();
my $address = join '.', 127, 1 + ($unique >> 8), $unique & 255, 53;
my $port = Gateway::Process::take_port();
my %b = map {
    my $host = $_;
    $host => Gateway::Backend->http(
        sub { return [ 200, [ 'X-Member' => $host ], $_[0]->header('host') ] },
        host => $host, port => $port)
} '127.0.0.2', '127.0.0.3';

my $dnsmasq;

# Its records; a change is a new start, as it reads them only then.
sub serve {
    my (@records) = @_;
    $dnsmasq->stop if $dnsmasq;
    open my $fh, '>', "$dir/dnsmasq.conf" or die "dnsmasq.conf: $!";
    print {$fh} map { "$_\n" } 'no-resolv', 'no-hosts', 'no-daemon',
        'bind-interfaces', 'port=53', 'interface=lo', 'except-interface=none',
        "listen-address=$address", 'user=root', "pid-file=$dir/dnsmasq.pid",
        'local-ttl=1', 'local=/test/', @records;
    close $fh or die "dnsmasq.conf: $!";
    $dnsmasq = Gateway::Process->run(cmd => [ 'dnsmasq',
        "--conf-file=$dir/dnsmasq.conf" ], log => "$dir/dnsmasq.log");
    return;
}

my @srv = map { "srv-host=_http._tcp.app.test,$_.test,$port,10,1" }
    qw(two three);
my @hosts = ('host-record=two.test,127.0.0.2',
    'host-record=three.test,127.0.0.3');
my @app = map { "address=/app.test/127.0.0.$_" } 2, 3;
serve(@app, @hosts, @srv);
select undef, undef, undef, 0.5;

my $s = Gateway::Test->server(children => 2,
    etc => {
        'resolv.conf' => "nameserver $address\noptions timeout:1 attempts:2\n",
        'hosts' => "127.0.0.1 localhost\n",
        'nsswitch.conf' => "hosts: files dns\n" },
    config => <<"EOC");
GatewayPass /all balancer://all
GatewayPass /srv balancer://srv
GatewayMember balancer://all http://app.test:$port resolve=all
GatewayMember balancer://srv srv://_http._tcp.app.test
EOC

sub becomes {
    my ($path, $want, $what) = @_;
    my $got = '';
    $s->wait_for(sub {
        my %got;
        select undef, undef, undef, 0.05;
        for (1 .. 12) {
            my $r = $s->get($path);
            $got{ $r->status == 200 ? $r->header('x-member') =~ s/.*\.//r
                    . ' ' . $r->body : $r->status }++;
        }
        $got = join ', ', sort keys %got;
        return $got eq $want;
    }, 15 * Gateway::Setup::patience());
    is $got, $want, $what;
    return;
}

my $app = "app.test:$port";
becomes('/all', "2 $app, 3 $app", 'both addresses, the Host of the name');
becomes('/srv', "2 two.test:$port, 3 three.test:$port", 'both SRV records');
serve($app[1], @hosts, $srv[0]);
becomes('/all', "3 $app", 'one address less');
becomes('/srv', "2 two.test:$port", 'one SRV record less');
serve(@app, @hosts, @srv);
becomes('/all', "2 $app, 3 $app", 'it comes back');
becomes('/srv', "2 two.test:$port, 3 three.test:$port", 'that too');
$dnsmasq->stop;
ok $s->wait_log(qr/GW01401.*app\.test/, 15), 'the server is gone';
becomes('/all', "2 $app, 3 $app", '... and the members stay');
$s->allow_log(qr/GW01401|GW0140[23]|GW006/);

done_testing;
