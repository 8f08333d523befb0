# A name server that is slow, or says nothing, holds up nobody else; who waits
# for its answer gets it, and who waits in vain hears of it at
# connectiontimeout.
use Gateway::Test;
use Gateway::DNS;
use Time::HiRes qw(time);
Gateway::Test->need(names => 1);

my $port = Gateway::Process::take_port();
my $b = Gateway::Backend->http({ '*' => [ 200, [], 'hi' ] },
    host => '127.0.0.2', port => $port);
my $dns = Gateway::DNS->new('slow.test' => { A => ['127.0.0.2'],
    delay => 0.4 }, 'known.test' => { A => ['127.0.0.2'], ttl => 60 },
    'mute.test' => 'SILENT');
my $s = Gateway::Test->server(etc => $dns->etc, children => 1, threads => 16,
    Gateway::Setup::mpm() eq 'prefork' ? (children => 16,
        mpm_config => 'StartServers 16') : (),
    config => <<"EOC");
GatewayPass /slow    http://slow.test:$port/
GatewayPass /mute    http://mute.test:$port/ connectiontimeout=1
GatewayPass /known   http://known.test:$port/
GatewayPass /literal http://127.0.0.2:$port/
EOC
$s->expect_log(qr/:error\].*mute\.test/, 2);

# Each process of prefork has a resolver of its own.
if (Gateway::Setup::mpm() ne 'prefork') {
    is $s->get('/known')->status, 200, 'a name that is known';
}
my $began = time;
my @mute = map { $s->client(timeout => 8)->get('/mute', 'Connection: close') }
    1, 2;
my @slow = map {
    $s->client(timeout => 9)->get('/slow', 'Connection: close')
} 1 .. 3;
my @quick = ('/literal');
push @quick, '/known' if Gateway::Setup::mpm() ne 'prefork';
for my $path (@quick) {
    for (1 .. 5) {
        my $t = time;
        is $s->get($path)->status, 200, "$path meanwhile";
        cmp_ok time - $t, '<', 0.25 * Gateway::Setup::patience(),
            '  without delay';
    }
}
for my $c (@mute) {
    my $r = $c->response;
    is $r->status, 504, 'who waits in vain hears of it';
}
cmp_ok time - $began, '<', 3 * Gateway::Setup::patience(),
    'about connectiontimeout';
is $_->response->status, 200, 'who waits for the slow answer gets it'
    for @slow;

if (Gateway::Setup::mpm() ne 'prefork') {
    my $asked = () = grep { $_ eq 'slow.test A' } $dns->queries;
    cmp_ok $asked, '<=', 2, 'requests for one name share a lookup';
}
done_testing;
