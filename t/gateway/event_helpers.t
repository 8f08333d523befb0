# When all helpers are busy: it is logged, once for a while; new connections
# stay with the workers and are served; what needs none goes on in the loops;
# what is queued gets its turn; afterwards all is as before.
use Gateway::Test;
use Gateway::Both;
use Time::HiRes qw(time);

my $b = Gateway::Backend->http({ '*' => sub { [ 200, [], 'ok' ] } });
my $s = Gateway::Test->server(driver => 'event', modules => ['cgid'],
    vars => { B => $b }, lane => qr/\Ablocking \(/, timeout => 15,
    docs => { 'a.txt' => "static\n", 'slow.cgi' => <<'EOS' },
#!/bin/sh
sleep 1.5
printf 'Content-Type: text/plain\r\n\r\nslow'
EOS
    config => <<'EOC');
ScriptSock @ROOT@/run/cgid.sock
<Directory "@DOCROOT@">
    Options ExecCGI
    <Files *.cgi>
        SetHandler cgi-script
    </Files>
</Directory>
GatewayPass /app http://@B@
GatewayPass /slow http://@B@
GatewayHelpers 2
KeepAliveTimeout 30
EOC
chmod 0755, $s->docroot . '/slow.cgi';
$s->expect_log(qr/GW02\d+: .*helper/i, [ 1, 3 ]);
$s->expect_lane(qr/\Ahelper \(handler\)\z/);

sub adopted {
    return map { my $c = $s->client(timeout => 12); $c->get('/app/x')
        ->response; $c } 1 .. $_[0];
}
my @idle = adopted(5);
my @slow = adopted(6);
my $began = time;
$_->get('/slow.cgi') for @slow;
Gateway::Process::pause(0.3);

# In the loops: at once.
for my $c (@idle) {
    my $asked = time;
    is $c->get('/app/inline')->response->body, 'ok', 'a request in a loop';
    cmp_ok time - $asked, '<', 0.3 * Gateway::Setup::patience(), '... at once';
}
# New connections: by workers, whatever they ask for.
for my $target ('/app/new', '/a.txt', '/app/new', '/a.txt') {
    my $c = $s->client;
    my $asked = time;
    is $c->get($target)->response->status, 200, "a new connection: $target";
    cmp_ok time - $asked, '<', 0.3 * Gateway::Setup::patience(), '... at once';
    is $c->get('/app/again')->response->status, 200, '... and once more';
    $c->close;
}
ok $s->wait_log(qr/GW02\d+: .*helper/i), 'it is logged';
ok time - $began < 1.5, 'all of that while the helpers were busy'
    if !Gateway::Setup::sanitized() && !Gateway::Setup::valgrind();

# Those that wait in the queue.
is_deeply [ map { $_->response->body } @slow ], [ ('slow') x 6 ],
    'all have got their turn';
cmp_ok time - $began, '>', 4, '... two at a time';
cmp_ok time - $began, '<', 8 * Gateway::Setup::patience(), '... in their time';
my @lines = grep { $_->{uri} eq '/app/new' } $s->access_log;
is_deeply [ grep { $_->{gw_lane} !~ /\Ablocking \(.+\)/ } @lines ], [],
    'the new ones were not adopted';

# As before.
for my $c (@idle, @slow) {
    is $c->get('/app/x')->response->status, 200, 'they go on';
    is $c->get('/a.txt')->response->status, 200, '... also to the helpers';
    $c->close;
}
my ($c) = adopted(1);
is $c->get('/app/after')->response->status, 200, 'a new connection';
$c->close;
($c) = $s->access_log(uri => '/app/after', wait => 1);
ok $s->wait_for(sub { ($c) = grep { $_->{uri} eq '/app/after' }
    $s->access_log; $c && $c->{gw_lane} eq 'inline' }, 3),
    'is adopted again' or diag $c->{gw_lane};

# A client that goes while its request waits for a helper: nothing breaks.
@slow = adopted(6);
$_->get('/slow.cgi') for @slow;
Gateway::Process::pause(0.2);
$_->close for @slow[ 2 .. 5 ];
is $_->response->body, 'slow', 'those that stay' for @slow[ 0, 1 ];
is $s->get('/a.txt')->status, 200, 'afterwards';
ok $s->wait_for(sub { 12 == grep { $_->{uri} eq '/slow.cgi' }
    $s->access_log }, 8), 'every one of them is in the log';

done_testing;
