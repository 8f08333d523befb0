# Who waits when a limit is reached: in a line that is bounded in length and
# time, first come, first served; others get a 503 that says when to come back.
use Gateway::Test;
use Time::HiRes qw(time);

my $prefork = Gateway::Setup::mpm() eq 'prefork';
my $patience = Gateway::Setup::patience();

# /<milliseconds>/<name>
my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    my ($ms, $name) = $req->{path} =~ m{^/(\d+)/(\w+)};
    my $conn = $req->{conn};
    $conn->backend->record($conn->number, 'begin', name => $name);
    $conn->pause($ms / 1000);
    return [ 200, [], $name ];
} });
my $s = Gateway::Test->server(vars => { B => $b }, threads => 12,
    children => $prefork ? 12 : 1,
    mpm_config => $prefork ? "StartServers 12\nMinSpareServers 12" : undef,
    config => <<'EOC');
GatewayMaxInFlight Off
GatewayPass /none   http://@B@ max=1 queue=0
GatewayPass /two    http://@B@ max=1 queue=2 queuetimeout=8
GatewayPass /brief  http://@B@ max=1 queuetimeout=300ms
GatewayPass /old    http://@B@ max=1 acquire=300
GatewayPass /child  http://@B@ maxperchild=1 queue=0
GatewayPass /lines  http://@B@ max=1 queuetimeout=8
GatewaySet  http://@B@ connectiontimeout=7
EOC

my $n = 0;

# Begins a request that is at the backend for so long; its name must be there
# before the next line.
sub hold {
    my ($ms) = @_;
    $n++;
    my $c = ask("/two/$ms/hold$n");
    $b->wait_event(what => 'begin', name => "hold$n");
    return $c;
}

sub ask {
    my ($path) = @_;
    return $s->client(timeout => 12)->get($path, 'Connection: close');
}

sub answer {
    my ($c) = @_;
    my $r = $c->response;
    $c->close;
    return $r;
}

sub timed {
    my ($path) = @_;
    my $begin = time;
    my $r = answer(ask($path));
    return ($r, time - $begin);
}

sub refusals { return grep { /GW00150.*\[busy\]/ } $s->error_log_lines }
sub warnings { return grep { /gateway:warn/ } refusals() }

# --- nobody may wait ---------------------------------------------------------

my $busy = hold(900);
my ($r, $took) = timed('/none/0/x');
is $r->status, 503, 'queue=0';
cmp_ok $took, '<', 0.3 * $patience, 'at once';
like $r->header('retry-after'), qr/\A[1-9]\d*\z/, 'says when to come back';
like $r->header('proxy-status'), qr/error=connection_limit_reached/, 'and why';
is_deeply $r->problems, [], 'well-formed';
my ($line) = $s->access_log(uri => '/none/0/x', wait => 1);
is $line->{gw_reason}, 'busy', 'the access log has the reason';
is answer($busy)->status, 200, 'who is there stays';
like((refusals())[-1], qr{all\ 1\ connections\ that\ max\ allows\ to\ http://
    \S+\ are\ in\ use,\ and\ queue=0\ lets\ nobody\ wait}x, 'the log says it');

# --- the log is not flooded --------------------------------------------------

sleep 1;
my $before = warnings();
$busy = hold(1500);
timed('/none/0/x') for 1 .. 8;
my $told = warnings() - $before;
ok $told >= 1 && $told <= 2 + 1 * $patience, "8 refused, $told warnings";
cmp_ok scalar(refusals()) - warnings(), '>=', 8 - $told, 'the rest is info';
select undef, undef, undef, 1.05;
timed('/none/0/x');
answer($busy);
like((warnings())[-1], qr/, [1-9] more since the last warning/,
    'the next warning counts them');

# --- a line of two -----------------------------------------------------------

# Children of prefork have a line each.
SKIP: {
    skip 'a child has one thread', 9 if $prefork;
    $busy = hold(600);
    my @line = map { my $c = ask("/two/50/q$_"); $c->pause(0.1); $c } 1, 2;
    ($r, $took) = timed('/two/0/q3');
    is $r->status, 503, 'a third may not wait';
    cmp_ok $took, '<', 0.3 * $patience, 'at once';
    like((refusals())[-1], qr{2\ requests,\ as\ many\ as\ queue\ allows,\ wait
        \ already\ for\ the\ 1\ connections\ that\ max\ allows}x, 'why');
    is answer($_)->status, 200, 'answered' for $busy, @line;

    $busy = hold(500);
    @line = map { my $c = ask("/lines/10/f$_"); $c->pause(0.05); $c } 1 .. 6;
    answer($_) for $busy, @line;
    is_deeply [ grep { /\Af/ } map { $_->{name} } $b->events(what => 'begin')
        ], [ map { "f$_" } 1 .. 6 ], 'first come, first served';

    # who leaves the line makes room in it
    $busy = hold(700);
    @line = map { ask("/two/0/l$_") } 1, 2;
    $line[0]->pause(0.1);
    $_->close for @line;
    select undef, undef, undef, 0.15;
    is answer(ask('/two/0/l3'))->status, 200, 'a place of one who left';
    answer($busy);
    is_deeply [ grep { /\Al[12]/ } map { $_->{name} }
        $b->events(what => 'begin') ], [], 'and who never came';
}

# --- time --------------------------------------------------------------------

for my $path ('/brief', '/old') {
    $busy = hold(1000);
    ($r, $took) = timed("$path/0/t");
    is $r->status, 503, "$path: not in time";
    cmp_ok $took, '>=', 0.29, 'after the time';
    cmp_ok $took, '<', 0.3 + 0.4 * $patience, 'and not long after';
    like $r->header('retry-after'), qr/\A\d+\z/, 'with Retry-After';
    like((refusals())[-1], qr/that max allows to \S+ are in use, for \d+ ms/,
        'the log says it');
    answer($busy);
}

# --- limits of a child -------------------------------------------------------

SKIP: {
    skip 'a child has one thread', 3 if $prefork;
    $busy = hold(500);
    ($r, $took) = timed('/child/0/c');
    is $r->status, 503, 'maxperchild= has the same line';
    cmp_ok $took, '<', 0.3 * $patience, 'with queue=0 nobody in it';
    like((refusals())[-1], qr/connections that maxperchild allows/,
        'the log names it');
    answer($busy);
}
$s->allow_log(qr/GW00150.*\[busy\]/);
done_testing;
