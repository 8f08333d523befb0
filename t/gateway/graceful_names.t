# The end of a child does not wait for a name server that says nothing, nor
# for connections that are idle, and frees what it has.
use Gateway::Test;
use Gateway::DNS;
use Time::HiRes qw(time);
Gateway::Test->need(names => 1);

my $dns = Gateway::DNS->new('mute.test' => 'SILENT',
    'app.test' => { A => ['127.0.0.1'] });
my $b = Gateway::Backend->http({ '*' => [ 200, [], 'hi' ] });
my $s = Gateway::Test->server(etc => $dns->etc, vars => { P => $b->port },
    config => <<'EOC');
GatewayPass /mute http://mute.test:@P@/ connectiontimeout=1
GatewayPass /app  http://app.test:@P@/
EOC

is $s->get('/app')->status, 200, 'a connection that stays';
my $c = $s->client;
$c->get('/mute');
select undef, undef, undef, 0.1;
my %old = map { $_ => 1 } $s->children;
my $began = time;
$s->restart('graceful');
is $c->response->status, 504, 'the request in vain is answered';
$c->close;
ok $s->wait_for(sub { !grep { $old{$_} } $s->children }, 6),
    'the old children go';
is $s->get('/app')->status, 200, 'the new ones resolve';

$c = $s->client;
$c->get('/mute');
select undef, undef, undef, 0.1;
$began = time;
$s->restart;
cmp_ok time - $began, '<', 4 * Gateway::Setup::patience(),
    'a restart does not wait for it';
is $s->get('/app')->status, 200, 'works afterwards';
$s->expect_log(qr/:error\].*mute\.test/, [1, 2]);
done_testing;
