# Names follow DNS: when a record changes, requests go to the new address
# soon after its TTL, although connections to the old one are open and well.
use Gateway::Test;
use Gateway::DNS;
use Time::HiRes qw(time);
Gateway::Test->need(names => 1);

my $port = Gateway::Process::take_port();
my %b = map {
    my $host = $_;
    $host => Gateway::Backend->http({ '*' => [ 200, [], $host ] },
        host => $host, port => $port)
} '127.0.0.2', '127.0.0.3';

my $dns = Gateway::DNS->new(
    'app.test'  => { A => ['127.0.0.2'], ttl => 1 },
    'long.test' => { A => ['127.0.0.2'], ttl => 3600 });
my $s = Gateway::Test->server(etc => $dns->etc, children => 1,
    config => <<"EOC");
GatewayPass /fresh http://app.test:$port/ disablereuse=on
GatewayPass /kept  http://app.test:$port/
GatewayPass /long  http://long.test:$port/ disablereuse=on
EOC

is $s->get("/$_")->body, '127.0.0.2', "$_: the first address"
    for qw(fresh kept long);
$dns->set('app.test' => { A => ['127.0.0.3'], ttl => 1 },
    'long.test' => { A => ['127.0.0.3'], ttl => 3600 });

# Asked all the time, so that connections stay warm.
my %moved;
my $began = time;
while (keys %moved < 2 && time - $began < 6 * Gateway::Setup::patience()) {
    for my $path (qw(fresh kept)) {
        my $body = $s->get("/$path")->body;
        $moved{$path} //= time - $began if $body eq '127.0.0.3';
        fail "$path: went back to $body" if $moved{$path}
            && $body ne '127.0.0.3';
    }
    select undef, undef, undef, 0.1;
}
for my $path (qw(fresh kept)) {
    ok $moved{$path}, "$path: moved to the new address";
    cmp_ok $moved{$path} // 99, '<=', 4 * Gateway::Setup::patience(),
        '  soon after the TTL';
}
is $s->get('/long')->body, '127.0.0.2', 'a long TTL is honoured';
is scalar(grep { $_->{status} ne '200' } $s->access_log), 0,
    'no request failed';
my $asked = () = grep { /^long\.test A$/ } $dns->queries;
is $asked, 1, 'one question in a long TTL';
done_testing;
