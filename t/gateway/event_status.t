# mod_status with adopted connections: Total Accesses and kBytes are as without
# adoption; the workers show as idle while loops serve; loops, adopted and
# suspended connections, tunnels and the requests per lane are there, in the
# page and in ?auto, and follow what happens.
use Gateway::Test;
use Gateway::Both;
use Gateway::Herd;

my $h = Gateway::Herd->new;
my $b = Gateway::Backend->http({ '*' => sub { [ 200, [], 'x' x 5000 ] } });
my $both = Gateway::Both->new(modules => ['status'], ssl => 1, h2 => 1,
    vars => { B => $b, H => $h }, docs => { 'a.txt' => 'static' },
    ports => ['STATUS'], config => <<'EOC', ssl_config => <<'EOS');
ExtendedStatus On
Listen 127.0.0.1:@STATUS@
<VirtualHost *:@STATUS@>
    GatewayEvent Off
    <Location /server-status>
        SetHandler server-status
    </Location>
</VirtualHost>
GatewayPass /app  http://@B@
GatewayPass /herd http://@H@
EOC
GatewayPass /app http://@B@
EOS

sub page {
    my ($s, $query) = @_;
    my $c = $s->client(port => $s->port('STATUS'));
    my $r = $c->get("/server-status$query", 'Connection: close')->response;
    $c->close;
    return $r->body;
}
sub status {
    my ($s) = @_;
    return { map { /\A(\S[^:]*): (.*)/ ? ($1 => $2) : () } split /\n/,
        page($s, '?auto') };
}

# Accesses, traffic, workers.
$both->same('accesses', sub {
    my ($s) = @_;
    page($s, '?auto');          # until then Total Accesses lags behind
    my $first = status($s);
    for (1 .. 20) {
        $s->get('/app/x');
        $s->get_tls('/app/x');
        $s->get('/a.txt');
        $s->get('/none');
        $s->post('/app/x', 'body');
    }
    my $c = $s->client;
    $c->send("GET /app/x HTTP/1.1\r\nHost: a\r\n\r\n" x 10);
    $c->response for 1 .. 10;
    $c->close;
    $s->hang_up;
    Gateway::Process::pause(0.1);
    my $last = status($s);
    my $kb = $last->{'Total kBytes'} - $first->{'Total kBytes'};
    cmp_ok $kb, '>', 340, "traffic: $kb";
    cmp_ok $kb, '<', 400, '... and no more';
    my $ms = $last->{'Total Duration'} - $first->{'Total Duration'};
    cmp_ok $ms, '<', 10_000 * Gateway::Setup::patience(), "duration: $ms";
    cmp_ok $ms, '>=', 0, '... and no less';
    # the page itself is counted when it is ended
    my $count = $last->{'Total Accesses'} - $first->{'Total Accesses'};
    cmp_ok abs($count - 111), '<=', 1, "accesses: $count";
    return abs($count - 111) <= 1;
}, 1);
# Connections that come once: their only request ends while the worker that
# handed them over may not be done with them.
my $auto_s = Gateway::Test->server(modules => ['status'], driver => 'auto',
    keep => 0, lane => qr/./, vars => { B => $b }, ports => ['STATUS'],
    config => <<'EOC');
ExtendedStatus On
Listen 127.0.0.1:@STATUS@
<VirtualHost *:@STATUS@>
    GatewayEvent Off
    <Location /server-status>
        SetHandler server-status
    </Location>
</VirtualHost>
GatewayPass /app http://@B@
EOC
for my $s ($both->on, $auto_s) {
    page($s, '?auto');
    Gateway::Process::pause(0.1);
    my $first = status($s)->{'Total Accesses'};
    for (1 .. 150) {
        my $c = $s->client;
        $c->get('/app/x')->response;
        $c->get('/app/x')->response if $_ % 2;
        $c->close;
    }
    my ($count, $pages) = (0, 0);
    ok $s->wait_for(sub { $count = status($s)->{'Total Accesses'} - $first
        - ++$pages; $count == 225 }, 2),
        'short connections: all of their requests count' or diag $count;
}
$both->each(sub {
    my ($s, $name) = @_;
    my $now = status($s);
    note $now->{Scoreboard};
    is $now->{BusyWorkers}, 1, "$name: nobody but the page is busy";
    is $now->{Scoreboard} =~ tr/WKRL//, 1, '... in the scoreboard';
});

# What is adopted.
my $s = $both->on;
my ($auto) = status($s);
my @names = grep { /\AGateway/ } sort keys %$auto;
note join "\n", map { "$_: $auto->{$_}" } @names;
sub value {
    my ($re, $from) = @_;
    $from ||= status($s);
    my ($name) = grep { /\AGateway/ && /$re/i } sort keys %$from;
    return $from->{$name} if defined $name;
    die "nothing about $re in server-status\n";
}
is value('loops'), 2, 'loops';
is value('adopted'), 0, 'nothing is adopted';
is value('suspended|riding'), 0, '... nothing suspended';
is value('tunnels'), 0, '... no tunnel';
my ($inline, $helper, $blocking) = map { value($_) }
    qw(inline requests.?helper blocking);
cmp_ok $inline, '>=', 50, 'requests inline';
cmp_ok $helper, '>=', 40, '... by helpers';

my @idle = map { my $c = $s->client; $c->get('/app/x')->response; $c } 1 .. 7;
my @busy = Gateway::Herd->clients($s, 30);
$_->get('/herd/x?hold') for @busy;
$h->wait(30);
ok $s->wait_for(sub { value('adopted') == 37 }, 3), '37 are adopted'
    or diag value('adopted');
is value('suspended|riding'), 30, '30 are suspended';
is status($s)->{BusyWorkers}, 1, '... and no worker with them';
like page($s, ''), qr/adopted/i, 'the page says so, too';
$h->release;
is_deeply(Gateway::Herd->answers(5, @busy), { 200 => 30 }, 'all answered');
is value('suspended|riding'), 0, 'nothing is suspended';
$_->close for @idle, @busy;
ok $s->wait_for(sub { value('adopted') == 0 }, 3), 'nothing is adopted';
is value('inline') - $inline, 37, 'requests inline were counted';
$s->get('/a.txt') for 1 .. 5;
$s->hang_up;
ok $s->wait_for(sub { value('requests.?helper') - $helper == 5 }, 2),
    '... those of helpers' or diag value('requests.?helper'), " $helper";
# Every request on an adopted connection has a lane.
$inline = value('inline');
my $bad = $s->client;
$bad->send("GET /app/%zz BAD\r\n\r\n");
is $bad->response->status, 400, 'a request that core refuses';
$bad->close;
ok $s->wait_for(sub { value('inline') == $inline + 1 }, 2), '... has a lane';
is_deeply [ map { $_->{gw_lane} } grep { $_->{request} =~ /BAD/ }
    $s->access_log ], ['inline'], '... in the log, too';
$blocking = value('blocking');
$s->curl('/app/x', tls => 1, '--http2') for 1 .. 3;
is value('blocking') - $blocking, 3, '... and those of HTTP/2';

done_testing;
