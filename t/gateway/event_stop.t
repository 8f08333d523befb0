# A stop and an ungraceful restart with 500 requests that wait for a backend,
# an upload and a download under way, helpers busy: the children end promptly
# and without a crash, the clients see the end, the backend's connections are
# closed; after a restart the server serves.
use Gateway::Test;
use Gateway::Both;
use Gateway::Herd;
use Time::HiRes qw(time);

my $N = Gateway::Setup::sanitized() || Gateway::Setup::valgrind() ? 100 : 500;
my $patience = Gateway::Setup::patience();
my $h = Gateway::Herd->new;
my $b = Gateway::Backend->http({
    '/large' => sub { [ 200, [], [ ('x' x 60_000) x 100 ] ] },
    '*' => sub { [ 200, [], 'ok' ] } });
my $s = Gateway::Test->server(driver => 'event', ssl => 1, modules => ['cgid'],
    timeout => 60,
    vars => { B => $b, H => $h }, mpm_config => "AsyncRequestWorkerFactor 100",
    docs => { 'slow.cgi' => "#!/bin/sh\nexec sleep 3\n" }, config => <<'EOC',
ScriptSock @ROOT@/run/cgid.sock
<Directory "@DOCROOT@">
    Options ExecCGI
    <Files *.cgi>
        SetHandler cgi-script
    </Files>
</Directory>
GatewayPass /app  http://@B@
GatewayPass /herd http://@H@
GatewayHelpers 3
EOC
    ssl_config => "GatewayPass /herd http://\@H\@\n");
# a helper that waits for a script cannot be stopped
$s->allow_log(qr/AH00045|AH00046|AH0125[0-9]|script output before/);
$s->allow_log(qr/GW\d+|AH0\d+.*(?:script|cgi)/i);
chmod 0755, $s->docroot . '/slow.cgi';

for my $how ('restart', 'restart, helpers busy', 'stop') {
    my $asked = $h->requests;
    my @c = (Gateway::Herd->clients($s, $N - 50),
        Gateway::Herd->clients($s, 50, tls => 1));
    $_->get('/herd/x?hold') for @c;
    ok $h->wait($asked + $N, 40), "$how: $N requests wait"
        or diag $h->requests - $asked, ' came, ', $h->now_open, ' are open';
    my @large = map { my $c = $s->client(rcvbuf => 8192);
        $c->get('/app/large'); $c } 1 .. 5;
    my @up = map { my $c = $s->client;
        $c->request('POST', '/app/up', ['Content-Length: 99']); $c } 1 .. 5;
    my @half = map { my $c = $s->client; $c->send("GET /app/x HT"); $c }
        1 .. 5;
    my @cgi = $how =~ /helpers/ ? map { my $c = $s->client;
        $c->get('/slow.cgi'); $c } 1 .. 6 : ();
    Gateway::Process::pause(0.3);
    my %before = map { $_ => 1 } $s->children;
    my $began = time;
    if ($how eq 'stop') {
        $s->{may_die} = 1;
        kill 'TERM', $s->pid;
        ok $s->wait_for(sub { !$s->{process}->alive }, 10), 'the server ends';
    }
    else {
        kill 'HUP', $s->pid;
        ok $s->wait_for(sub { !grep { $before{$_} } $s->children }, 10),
            'the children end';
    }
    my $took = time - $began;
    # the script takes 3 s, and httpd looks for children that ended after
    # 3.4, 4.4 and 6.4 s
    cmp_ok $took, '<', ($how =~ /helpers/ ? 7 : 2) * $patience,
        '... promptly';
    my %seen;
    $seen{ $_->read_eof(5 * $patience) // 'open' }++ for @c;
    is_deeply [ keys %seen ], [''], '... all clients see the end';
    ok $h->wait_for(sub { !$h->now_open }, 5),
        '... and so does their backend';
    $_->close for @c, @large, @up, @half, @cgi;
    if ($how ne 'stop') {
        ok $s->wait_for(sub { eval { $s->hang_up->get('/app/x')->status }
            == 200 }, 5), '... and the server goes on';
    }
}

done_testing;
