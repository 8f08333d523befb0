# Members that fail get no requests for a while, then one that tries, then
# their share again; the last usable one is never left out.
use Gateway::Test;
use Gateway::Admin;
use Time::HiRes qw(time);

sub member {
    my ($name) = @_;
    return Gateway::Backend->http(sub {
        my $req = shift;
        my $c = $req->{conn};
        if ($req->target =~ /slow/) { $c->pause(1.5); return 'close' }
        return [ 503, [], 'no' ] if $req->target =~ /sick$name/;
        return [ 404, [], 'no' ] if $req->target =~ /none$name/;
        return [ 200, [ 'X-Member' => $name ], 'ok' ];
    });
}

my %b = map { $_ => member($_) } qw(A B);
my %url = map { $_ => 'http://' . $b{$_}->hostport } keys %b;
my $s = Gateway::Test->server(children => 2, vars => \%b,
    modules => Gateway::Admin::modules(),
    config => Gateway::Admin::config() . <<'EOC');
# A is asked first as long as it is usable
<Gateway balancer://app slowstart=0>
    GatewayMember http://@A@ timeout=300ms
    GatewayMember http://@B@ lbset=1
</Gateway>
GatewayPass /app balancer://app
<Gateway balancer://fixed fails=1 slowstart=0 stickysession=S>
    GatewayMember http://@A@ retry=2 route=a
    GatewayMember http://@B@ retry=0 route=b
</Gateway>
GatewayPass /fixed balancer://fixed
<Gateway balancer://status failonstatus=503,404 slowstart=0>
    GatewayMember http://@A@
    GatewayMember http://@B@ lbset=1
</Gateway>
GatewayPass /status balancer://status
<Gateway balancer://timeout failontimeout=on slowstart=0>
    GatewayMember http://@A@ timeout=300ms
    GatewayMember http://@B@ lbset=1
</Gateway>
GatewayPass /timeout balancer://timeout
<Gateway balancer://retryon retryon=502-504 fails=2 slowstart=0>
    GatewayMember http://@A@
    GatewayMember http://@B@ lbset=1
</Gateway>
GatewayPass /retryon balancer://retryon
<Gateway balancer://slow fails=1 slowstart=30>
    GatewayMember http://@A@ slowstart=3
    GatewayMember http://@B@
</Gateway>
GatewayPass /slow balancer://slow
<Gateway balancer://force fails=1 failonstatus=503 retry=30 slowstart=0>
    GatewayMember http://@A@
    GatewayMember http://@B@
</Gateway>
GatewayPass /force balancer://force
EOC
my $admin = Gateway::Admin->new($s);
$s->allow_log(qr/GW0102[01]/);
$s->allow_log(qr/\[gateway:error\]/);

sub who {
    my ($path, @fields) = @_;
    my $r = $s->get($path, @fields);
    return $r->status == 200 ? $r->header('x-member') : $r->status;
}

sub state_of {
    my ($balancer, $name) = @_;
    return $admin->member($url{$name}, $balancer);
}

# --- ejection ----------------------------------------------------------------

is who('/app/x'), 'A', 'A serves';
$b{A}->stop;
my $begun = time;
for my $n (1 .. 3) {
    is who('/app/x'), 'B', "failure $n is spared the client";
    is state_of(app => 'A')->{failures}, $n, "and counted" if $n < 3;
}
is state_of(app => 'A')->{status}, 'E', 'after three A is out';
cmp_ok state_of(app => 'A')->{ejected_ms}, '<=', 1000, 'for a second';
ok $s->wait_log(qr{GW01020.*balancer://app: \Q$url{A}\E gets no requests for}),
    'that is logged';
ok $s->wait_log(qr/: failure 3 in a row \(refused\)/), 'with the reason';
my $elected = state_of(app => 'A')->{elected};
is who('/app/x'), 'B' for 1 .. 10;
is state_of(app => 'A')->{elected}, $elected, 'it is not asked'
    if time - $begun < 1;

# half open: one request tries, fails, and the time doubles
select undef, undef, undef, 1.1;
is who('/app/x'), 'B' for 1 .. 5;
my $m = state_of(app => 'A');
is $m->{elected}, $elected + 1, 'one request tried it';
cmp_ok $m->{ejected_ms}, '>', 1200, 'out for twice as long';
$b{A}->start;
is who('/app/x'), 'B', 'it stays out for that time';
ok $s->wait_for(sub { who('/app/x') eq 'A' }, 4), 'then it is back';
is state_of(app => 'A')->{status}, '', 'and usable';
ok $s->wait_log(qr/GW01021.*\Q$url{A}\E answers again/), 'that is logged';

# failures must be in a row
$b{A}->stop;
who('/app/x') for 1 .. 2;
$b{A}->start;
is who('/app/x'), 'A';
$b{A}->stop;
who('/app/x') for 1 .. 2;
is state_of(app => 'A')->{status}, '', 'a success in between counts';
is state_of(app => 'A')->{failures}, 2;
$b{A}->start;
is who('/app/x'), 'A';

# timeouts count, too
is $s->get('/app/slow')->status, 502, 'both are slow';
is state_of(app => 'A')->{failures}, 1, 'a timeout is a failure';
who('/app/x');

# --- parameters --------------------------------------------------------------

$b{$_}->stop for qw(A B);
$begun = time;
is who('/fixed/x', 'Cookie: S=x.a'), 503, 'all are down';
is state_of(fixed => 'B')->{status}, '', 'retry=0: B is never out';
$b{B}->start;
is who('/fixed/x', 'Cookie: S=x.a'), 'B', 'A is out, or refuses';
$m = state_of(fixed => 'A');
is $m->{status}, 'E', 'fails=1';
cmp_ok $m->{ejected_ms}, '>', 1000, 'retry=2';
$b{A}->start;
ok $s->wait_for(sub { who('/fixed/x', 'Cookie: S=x.a') eq 'A' }, 4),
    'after two seconds A is back';
cmp_ok time - $begun, '>', 1.9, 'not before';

is $s->get('/status/sickA')->status, 503, 'the response goes to the client';
is state_of(status => 'A')->{status}, 'E', 'failonstatus: out at once';
is who('/status/x'), 'B';
ok $s->wait_for(sub { who('/status/x') eq 'A' }, 4), 'and back';
is $s->get('/status/noneA')->status, 404;
is state_of(status => 'A')->{status}, 'E', 'any status that is listed';
is $s->get('/app/sickA')->status, 503;
is state_of(app => 'A')->{failures}, 0, 'without it a status says nothing';

is $s->get('/timeout/slow')->status, 502, 'a slow response';
is state_of(timeout => 'A')->{status}, 'E', 'failontimeout: out at once';

is who('/retryon/sickA'), 'B', 'a range in retryon= moves';
is state_of(retryon => 'A')->{failures}, 1, 'and counts';
is who('/retryon/sickA'), 'B';
is state_of(retryon => 'A')->{status}, 'E', 'fails=2';

# --- slow start --------------------------------------------------------------

is state_of(slow => 'A')->{share}, 1000, 'no slow start at first';
$b{A}->stop;
is who('/slow/x'), 'B', "B for A" for 1 .. 3;
$b{A}->start;
ok $s->wait_for(sub { who('/slow/x') eq 'A' }, 5), 'A is back';
cmp_ok state_of(slow => 'A')->{share}, '<', 500, 'with a small share';
my %got;
$got{ who('/slow/x') }++ for 1 .. 20;
cmp_ok $got{A} // 0, '<', 8, 'of the requests';
ok $s->wait_for(sub { state_of(slow => 'A')->{share} == 1000 }, 6),
    'that grows';
%got = ();
$got{ who('/slow/x') }++ for 1 .. 20;
cmp_ok $got{A}, '>', 7, 'to all of it';

# --- the last one, forcerecovery ---------------------------------------------

for (1 .. 20) {
    last if state_of(force => 'A')->{status} eq 'E';
    $s->get('/force/sickA');
}
$s->get('/force/sickB') for 1 .. 4;
is_deeply [ sort map { state_of(force => $_)->{status} } qw(A B) ],
    [ '', 'E' ], 'one is out, the last usable one never';
$admin->set(force => $url{$_}, 'status=+D')
    for grep { state_of(force => $_)->{status} eq '' } qw(A B);
like who('/force/x'), qr/^[AB]$/, 'forcerecovery: the rest is tried again';
is scalar(grep { state_of(force => $_)->{status} eq 'E' } qw(A B)), 0,
    'and usable';

done_testing;
