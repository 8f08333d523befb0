# Members that come and go, far more of them than can be counted at a time:
# what was counted for those that are gone is free again, and max= holds for
# the last one as for the first.
use Gateway::Test;
use Gateway::Admin;

# The counters of 512 members with a max: two for each.
my $MANY = 400;

my ($first, $backend) = map {
    Gateway::Backend->http(sub {
        my $req = shift;
        select undef, undef, undef, 1 if $req->target =~ /slow/;
        return [ 200, [], 'ok' ];
    })
} 1 .. 2;
my $s = Gateway::Test->server(children => 2, loglevel => 'gateway:debug',
    vars => { A => $first },
    modules => Gateway::Admin::modules(),
    config => Gateway::Admin::config() . <<'EOC');
GatewayPass / balancer://app
<Gateway balancer://app slowstart=0 queue=0 maxattempts=0>
    GatewayMember http://@A@ max=1
</Gateway>
EOC
my $admin = Gateway::Admin->new($s);
my $port = 1;

# @return how often it did not work
sub come_and_go {
    my ($n) = @_;
    my $failed = 0;
    for my $i (1 .. $n) {
        my $url = 'http://127.0.0.1:' . $port++;
        $failed += $admin->add(app => $url, 'status=+D') ne 'done';
        # only who serves a request looks at members
        $s->get('/x') if $i % 20 == 0;
        $failed += $admin->remove(app => $url) ne 'done';
    }
    return $failed;
}

is come_and_go($MANY), 0, "$MANY members came and went";
$s->get('/x') for 1 .. 20;
# httpd's parent looks after such things every ten seconds
ok $s->wait_log(qr/GW00008: \d+ counters/, 25), 'nobody counts them any more';
is come_and_go($MANY), 0, "$MANY more";

my $url = 'http://' . $backend->hostport;
is $admin->add(app => $url), 'done', 'the last one';
$admin->set(app => 'http://' . $first->hostport, 'status=+D');
my $slow = $s->client->get('/slow', 'Connection: close');
ok $backend->wait_event(what => 'request'), 'serves';
is_deeply [ @{ $admin->member($url) }{qw(busy max)} ], [ 1, 1 ],
    'and what is in use of it is counted';
is $slow->response->status, 200, 'until that is answered';
is $admin->member($url)->{busy}, 0, 'then no more';
done_testing;
