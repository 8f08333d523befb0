# Members with max=: requests wait in line when all are full, first come first
# served; a line that is full or too slow is a 503. A full member is not sick.
use Gateway::Test;
use Gateway::Admin;
use Gateway::Setup ();
use Time::HiRes qw(time);

sub member {
    my ($name) = @_;
    return Gateway::Backend->http(sub {
        my $req = shift;
        my ($ms) = $req->target =~ m{/(\d+)};
        select undef, undef, undef, ($ms // 0) / 1000;
        return [ 200, [ 'X-Member' => $name ], $req->target ];
    });
}

my %b = map { $_ => member($_) } qw(A B);
my %url = map { $_ => 'http://' . $b{$_}->hostport } keys %b;
my $p = Gateway::Setup::patience();
my $wait = 2 * $p;
my $closed = Gateway::Test->closed_port;
my $many = Gateway::Setup::mpm() eq 'prefork' ? 16 : 2;
my $s = Gateway::Test->server(children => $many, threads => 16, vars => \%b,
    modules => Gateway::Admin::modules(),
    config => Gateway::Admin::config() . <<"EOC");
<Gateway balancer://two stickysession=S queue=3 queuetimeout=$wait slowstart=0>
    GatewayMember http://\@A\@ max=1 route=a
    GatewayMember http://\@B\@ max=1 route=b
</Gateway>
GatewayPass /two balancer://two
<Gateway balancer://zero queue=0>
    GatewayMember http://\@A\@ max=1
</Gateway>
GatewayPass /zero balancer://zero
<Gateway balancer://short queuetimeout=300ms>
    GatewayMember http://\@A\@ max=1
</Gateway>
GatewayPass /short balancer://short
<Gateway balancer://long queuetimeout=60>
    GatewayMember http://\@A\@ max=1
    GatewayMember http://\@B\@ max=1
</Gateway>
GatewayPass /long balancer://long
<Gateway balancer://down timeout=2 fails=1 retry=30 forcerecovery=off \\
    slowstart=0>
    GatewayMember http://\@A\@ status=+D
</Gateway>
GatewayPass /down balancer://down
EOC
my $admin = Gateway::Admin->new($s);
$s->allow_log(qr/AH00161/);

# Requests at once, one after the other a moment later. [status, member, s].
sub crowd {
    my (@asked) = @_;
    my @c;
    my $begun = time;
    for (@asked) {
        my ($path, @fields) = ref $_ ? @$_ : $_;
        push @c, $s->client;
        $c[-1]->get($path, @fields);
        select undef, undef, undef, 0.03 * $p;
    }
    # whoever is last says when each came: they are read in turn
    return map {
        my $r = $_->response;
        [ $r->status, $r->header('x-member') // '-',
            $r->header('retry-after') // '' , time - $begun ]
    } @c;
}

# --- the line ----------------------------------------------------------------

# the first request of a child takes longer: they come in another order
{
    my @c = map { $s->client } 1 .. 16;
    $_->get('/long/0') for @c;
    $_->response, $_->close for @c;
    $_->clear for values %b;
}
my @r = crowd(('/two/' . 400 * $p) x 5);
is_deeply [ map { $_->[0] } @r ], [ (200) x 5 ], 'five requests, two at once';
is_deeply [ sort map { $_->[1] } @r[ 0, 1 ] ], [ 'A', 'B' ], 'one each';
cmp_ok $r[4][3], '>', 1.1 * $p, 'the fifth waited for two rounds';
cmp_ok $r[4][3], '<', 2.5 * $p, 'and not for more';
my @at = map { scalar(() = $b{$_}->requests) } qw(A B);
is $at[0] + $at[1], 5, 'each was sent once';

@r = crowd(('/two/' . 500 * $p) x 6);
is_deeply [ map { $_->[0] } @r ], [ (200) x 5, 503 ],
    'a sixth finds the line full';
isnt $r[5][2], '', 'and is told to come again';
$s->expect_log(qr/balancer:\/\/two are at their max=, and 3 requests wait/);
is $admin->balancer('two')->{refused}, 1, 'counted';
is $admin->member($url{$_}, 'two')->{status}, '', "$_ is not sick"
    for qw(A B);
is $admin->balancer('two')->{waiting}, 0, 'nobody waits any more';

@r = crowd(('/zero/' . 300 * $p) x 2);
is_deeply [ map { $_->[0] } @r ], [ 200, 503 ], 'queue=0: no line';
$s->expect_log(qr/balancer:\/\/zero are at their max=/);

@r = crowd(('/short/' . 800 * $p) x 2);
is_deeply [ map { $_->[0] } @r ], [ 200, 503 ], 'queuetimeout=';
$s->expect_log(qr/no member of balancer:\/\/short became free in 3\d\d ms/);
is $admin->balancer('short')->{gave_up}, 1, 'counted';

# --- sessions ----------------------------------------------------------------

# who waits for A holds up nobody who does not
@r = crowd([ '/two/' . 900 * $p, 'Cookie: S=x.a' ],
    [ '/two/100', 'Cookie: S=x.a' ], '/two/50', '/two/50');
is_deeply [ map { "@$_[0, 1]" } @r ], [ '200 A', '200 A', '200 B', '200 B' ],
    'a session waits for its member, others go on';

# --- a client that leaves ----------------------------------------------------

{
    my @c = map { my $c = $s->client; $c->get('/two/' . 600 * $p);
        select undef, undef, undef, 0.03 * $p; $c } 1 .. 4;
    ok $s->wait_for(sub { $admin->balancer('two')->{waiting} == 2 }),
        'two wait';
    $c[2]->close;
    ok $s->wait_for(sub { $admin->balancer('two')->{waiting} == 1 }, 1),
        'one leaves';
    is $_->response->status, 200, 'the others are served' for @c[ 0, 1, 3 ];
    $s->allow_log(qr/the client left/);
}

# --- timeout=: nobody is usable ----------------------------------------------

{
    my $c = $s->client;
    $c->get('/down/0');
    ok $s->wait_for(sub { $admin->balancer('down')->{waiting} == 1 }),
        'it waits for a usable member';
    $admin->set(down => $url{A}, 'status=-D');
    is $c->response->status, 200, 'and is served when there is one';
    $admin->set(down => $url{A}, 'status=+D');
    my $begun = time;
    is $s->get('/down/0')->status, 503, 'for two seconds';
    cmp_ok time - $begun, '>', 1.9;
    $s->expect_log(qr/no member of balancer:\/\/down became free in 2\d+ ms/);
}

# --- a child that is killed leaves nothing behind ----------------------------

{
    my @c = map { my $c = $s->client; $c->get('/long/3000');
        select undef, undef, undef, 0.03 * $p; $c } 1 .. 4;
    ok $s->wait_for(sub { $admin->balancer('long')->{waiting} == 2 }),
        'two wait, two are under way';
    my @children = $s->children;
    kill KILL => @children;
    ok $s->wait_for(sub { !grep { kill 0 => $_ } @children }, 5),
        'all children are killed';
    ok $s->wait_for(sub {
        my $b = eval { $admin->balancer('long') };
        $b && $b->{waiting} == 0;
    }, 10), 'nobody waits';
    ok $s->wait_for(sub { !grep { $admin->member($url{$_}, 'long')->{busy} }
        qw(A B) }, 5), 'nothing is under way';
    is $s->get('/long/0')->status, 200, 'and all goes on';
}

done_testing;
