# Names that do not resolve: 502 and dns_error until they do; a name that was
# good keeps its last address when DNS fails or denies it.
use Gateway::Test;
use Gateway::DNS;
use Time::HiRes qw(time);
Gateway::Test->need(names => 1);

my $port = Gateway::Process::take_port();
my $b = Gateway::Backend->http({ '*' => [ 200, [], 'hi' ] },
    host => '127.0.0.2', port => $port);
my $dns = Gateway::DNS->new(
    'nodata.test' => {}, 'servfail.test' => 'SERVFAIL',
    'refused.test' => 'REFUSED', 'silent.test' => 'SILENT',
    'vanish.test' => { A => ['127.0.0.2'], ttl => 1 },
    'broken.test' => { A => ['127.0.0.2'], ttl => 1 },
    'mute.test'   => { A => ['127.0.0.2'], ttl => 1 },
);
my @bad = qw(nothere nodata servfail refused silent);
my @gone = qw(vanish broken mute);
# One child: answers are remembered by each.
my $s = Gateway::Test->server(etc => $dns->etc, children => 1,
    config => join '',
    map { "GatewayPass /$_ http://$_.test:$port/ connectiontimeout=1"
        . " disablereuse=on\n" } @bad, @gone);

is $s->get("/$_")->status, 200, "$_: good at first" for @gone;
$dns->set('vanish.test' => 'NXDOMAIN', 'broken.test' => 'SERVFAIL',
    'mute.test' => 'SILENT');

for my $name (@bad) {
    my $r = $s->get("/$name");
    my ($status, $error) = $name eq 'silent' ? (504, 'dns_timeout')
        : (502, 'dns_error');
    is $r->status, $status, "$name: status";
    like $r->header('proxy-status'), qr/error=$error/,
        '  Proxy-Status says so';
    unlike $r->body, qr/\Q$name\E\.test/, '  no name for the client';
    $s->expect_log(qr/:error\].*\Q$name.test\E/);
}
my %log = map { $_->{uri} => $_ } $s->access_log(wait => @bad + @gone);
like $log{"/$_"}{gw_reason}, qr/\Aresolve/, "GATEWAY_REASON of $_" for @bad;

# The names come back, or begin to be.
$dns->set(map { ("$_.test" => { A => ['127.0.0.2'] }) } @bad);
for my $name (@bad) {
    ok $s->wait_for(sub { $s->get("/$name")->status == 200 }, 8),
        "$name: recovers";
}

# By now the others' TTL is over and what DNS says of them is bad.
for my $name (@gone) {
    ok $s->wait_for(sub {
        $s->get("/$name");
        1 < grep { $_ eq "$name.test A" } $dns->queries }, 5),
        "$name: asked again";
    my $began = time;
    is $s->get("/$name")->status, 200, '  the last good address is kept';
    cmp_ok time - $began, '<', 0.5 * Gateway::Setup::patience(),
        '  without waiting for a better one';
}
is scalar(grep { $_->{status} ne '200'
    && $_->{uri} =~ m{/(?:vanish|broken|mute)} } $s->access_log), 0,
    'at no time was there an error';
$dns->set(map { ("$_.test" => { A => ['127.0.0.3'] }) } @gone);
my $c = Gateway::Backend->http({ '*' => [ 200, [], 'new' ] },
    host => '127.0.0.3', port => $port);
for my $name (qw(vanish broken)) {
    ok $s->wait_for(sub { $s->get("/$name")->body eq 'new' }, 8),
        "$name: the new address when it comes back";
}
$s->allow_log(qr/(?:vanish|broken|mute)\.test/);
done_testing;
