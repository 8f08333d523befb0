# maxperchild=: no more connections at once than that; who has to wait is
# served in turn, and gets a 503 when connectiontimeout= is over.
use Gateway::Test;
use Time::HiRes qw(time);
Gateway::Test->need(mpm => [qw(event worker)]);

my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    my ($wait) = $req->target =~ m{/(\d+)};
    $req->{conn}->pause($wait / 100) if $wait;
    return;
} });
my $s = Gateway::Test->server(children => 1, vars => { B => $b },
    config => <<'EOC');
GatewayPass /two   http://@B@ maxperchild=2 connectiontimeout=3
GatewayPass /hasty http://@B@ maxperchild=2 connectiontimeout=300ms
GatewayPass /free  http://@B@
EOC

my @clients = map { $s->client->get('/two/10', 'Connection: close') } 1 .. 8;
my @got = map { $_->response } @clients;
is scalar(grep { $_->status == 200 } @got), 8, 'all are served';
is $b->connections, 2, 'by two connections';

# In the order in which they came.
$b->clear;
my @busy = map { $s->client->get('/two/20', 'Connection: close') } 1, 2;
$b->wait(sub { 2 == (() = $b->events(what => 'head')) });
my @waiting;
for my $n (1 .. 4) {
    push @waiting, $s->client->get("/two/5?$n", 'Connection: close');
    select undef, undef, undef, 0.02;
}
$_->response for @busy, @waiting;
my @order = map { $_->{target} =~ /\?(\d)/ } $b->events(what => 'head');
is join(' ', sort @order[0, 1]), '1 2', 'first come, first served';
is join(' ', sort @order[2, 3]), '3 4', 'then the others';

# In vain.
$b->clear;
@busy = map { $s->client->get('/two/120', 'Connection: close') } 1, 2;
$b->wait(sub { 2 == (() = $b->events(what => 'head')) });
my $began = time;
my $r = $s->get('/hasty/0');
my $took = time - $began;
is $r->status, 503, 'nobody waits longer than connectiontimeout';
cmp_ok $took, '>=', 0.25, '  not less';
cmp_ok $took, '<', 0.9 * Gateway::Setup::patience(), '  nor much longer';
like $r->header('proxy-status'), qr/error=connection_limit_reached/,
    '  Proxy-Status says so';
is $s->get('/free/0')->status, 200, 'a rule without a limit is not held up';

# Who leaves the line is not waited for.
my $gone = $s->client->get('/two/0?gone');
my $next = $s->client->get('/two/0?next', 'Connection: close');
select undef, undef, undef, 0.05;
$gone->reset;
is $next->response->status, 200, 'the next one gets its turn';
is $_->response->status, 200, 'and those that were slow' for @busy;
is scalar(grep { $_->{target} =~ /gone/ } $b->events(what => 'head')), 0,
    'who left was not passed on';
is $s->get('/two/0')->status, 200, 'both places are free again';

my ($busy) = grep { $_->{uri} =~ /hasty/ } $s->access_log;
is $busy->{gw_reason}, 'busy', 'GATEWAY_REASON';
$s->expect_log(qr/:(?:warn|error)\].*\Q[busy]\E.*503/, 1);
done_testing;
