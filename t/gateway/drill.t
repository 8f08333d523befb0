# Fault drill: three members under steady load, one of them killed, frozen,
# made to close what it accepts, to answer garbage and 500s, and brought back,
# with a graceful restart in the middle of it. No GET fails but for garbage,
# which nobody may repeat; no POST is executed twice.
use Gateway::Test;
use Gateway::Drill;

Gateway::Test->need(mpm => ['event', 'prefork']);

# "make drill" makes it long: two million requests.
my $SCALE = $ENV{GATEWAY_DRILL} || 1;

my $d = Gateway::Drill->new(members => [qw(a b c)]);
my $s = Gateway::Test->server(modules => ['slotmem_shm'], threads => 32,
    vars => { $d->vars }, config => <<'EOC');
GatewayMaxInFlight Off
<Gateway balancer://drill slowstart=0>
    GatewayMember http://@A@ timeout=1
    GatewayMember http://@B@ timeout=1
    GatewayMember http://@C@ timeout=1
</Gateway>
GatewayPass /drill balancer://drill
EOC
# what happens to members is logged, as it should be
$s->allow_log(qr/GW\d+|AH00161|AH03490/);

sub run_load {
    my ($requests, @steps) = @_;
    $d->load(port => $s->port, path => '/drill', posts => 10,
        connections => 12, requests => $requests * $SCALE);
    $d->during(@$_) for @steps;
    my $sums = $d->finish(120 * $SCALE);
    note join ' ', map { ref $sums->{$_} ? () : "$_=$sums->{$_}" }
        sort keys %$sums;
    note join ' ', map { "$_=$sums->{members}{$_}" }
        sort keys %{ $sums->{members} };
    return $sums;
}

# Requests that a client saw fail, POSTs and GETs apart: the ids of POSTs
# are listed.
sub failed_gets {
    my ($sums) = @_;
    my $failed = $sums->{lost} + $sums->{cut} + $sums->{mix_up};
    $failed += $sums->{status}{$_}
        for grep { $_ != 200 } keys %{ $sums->{status} };
    return $failed + $sums->{stale} - @{ $sums->{unsure} };
}

sub common {
    my ($name, $sums) = @_;
    is $sums->{mix_up}, 0, "$name: everybody gets the own answer";
    is $sums->{lost} + $sums->{cut}, 0, "$name: everybody gets an answer";
    is join(' ', $d->executed_twice), '', "$name: no POST runs twice";
    return;
}

my $sums = run_load(12_000);
common('well', $sums);
is $sums->{right}, 12_000 * $SCALE, 'well: all are right';
for my $name (qw(a b c)) {
    my $share = $sums->{members}{$name} / $sums->{right};
    cmp_ok abs($share - 1 / 3), '<', 0.02, "well: the share of $name";
}

$sums = run_load(20_000, [ 0.2, sub { $d->kill('b') } ],
    [ 0.6, sub { $d->start('b') } ]);
common('killed', $sums);
is failed_gets($sums), 0, 'killed: no GET fails';
# an ejection lasts 30 s at most
ok $s->wait_for(sub { $s->get('/drill?id=1')->body =~ /\Ab / }, 40),
    'killed: traffic is back';

$sums = run_load(20_000, [ 0.2, sub { $d->freeze('c') } ],
    [ 0.6, sub { $d->thaw('c') } ]);
common('frozen', $sums);
is failed_gets($sums), 0, 'frozen: no GET fails';

$sums = run_load(20_000, [ 0.2, sub { $d->mode('a', 'c'); $d->kill('a');
    $d->start('a'); $d->mode('a', 'c') } ],
    [ 0.6, sub { $d->mode('a', 'o') } ]);
common('closes', $sums);
is failed_gets($sums), 0, 'closes what it accepts: no GET fails';

$sums = run_load(20_000, [ 0.2, sub { $d->mode('b', 'g') } ],
    [ 0.6, sub { $d->mode('b', 'o') } ]);
common('garbage', $sums);
cmp_ok failed_gets($sums), '<', 400, 'garbage: ejected soon';

$sums = run_load(20_000, [ 0.3, sub { $s->restart('graceful') } ],
    [ 0.6, sub { $d->kill('a'); $d->start('a') } ]);
common('restart', $sums);
is failed_gets($sums), 0, 'graceful restart: no GET fails';

$d->kill($_) for qw(a b c);
is $s->get('/drill?id=1')->status, 503, 'all are down: 503';
$d->start($_) for qw(a b c);
my $status = 0;
for (1 .. 60) {
    $status = $s->get('/drill?id=1')->status;
    last if $status == 200;
    select undef, undef, undef, 0.05;
}
is $status, 200, 'it recovers without a restart';

done_testing;
