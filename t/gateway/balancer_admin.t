# Balancers are changed while the server runs: settings, members that come and
# go. All children go by it at once.
use Gateway::Test;
use Gateway::Admin;

sub member {
    my ($name) = @_;
    return Gateway::Backend->http(sub {
        my $req = shift;
        select undef, undef, undef, 1 if $req->target =~ /slow/;
        return [ 200, [ 'X-Member' => $name ], $req->target ];
    });
}

my %b = map { $_ => member($_) } qw(A B C D);
my %url = map { $_ => 'http://' . $b{$_}->hostport } keys %b;
my $s = Gateway::Test->server(children => 2, vars => \%b,
    modules => Gateway::Admin::modules(),
    config => Gateway::Admin::config() . <<'EOC');
GatewayPass / balancer://app
<Gateway balancer://app slowstart=0 growth=2>
    GatewayMember http://@A@
    GatewayMember http://@B@ route=b loadfactor=1.5
</Gateway>
EOC
my $admin = Gateway::Admin->new($s);

# Whom n requests go to, on connections of their own.
sub spread {
    my ($n) = @_;
    my %got;
    for (1 .. $n) {
        my $r = $s->get('/x');
        $got{ $r->status == 200 ? $r->header('x-member') : $r->status }++;
    }
    return join ' ', sort keys %got;
}

is spread(20), 'A B', 'both members serve';

# --- what there is -----------------------------------------------------------

my $m = $admin->member($url{B});
is_deeply [ @$m{qw(member route weight lbset status usable from_file)} ],
    [ 'app', 'b', 150, 0, '', 1, 1 ], 'as configured';
is $admin->balancer('app')->{places}, 2, 'growth=2';
my $elected = $admin->member($url{A})->{elected} + $m->{elected};
is $elected, 20, 'every request was counted';
cmp_ok $m->{received}, '>', 0, 'and its bytes';
cmp_ok $m->{ttfb}, '>', 0, 'and its time';

# --- settings ----------------------------------------------------------------

is $admin->set(app => $url{A}, 'status=+D'), 'done', 'A is disabled';
ok $s->wait_log(qr/GW01060.*\Q$url{A}\E was changed: status=\+D by a test/),
    'and that is logged';
is spread(20), 'B', 'and serves no more, in no child';
is $admin->member($url{A})->{status}, 'D', 'status says so';
is $admin->set(app => $url{B}, 'status=+S'), 'done', 'B is stopped';
is spread(3), '503', 'nobody is left';
$s->expect_log(qr/no member of balancer:\/\/app may be used/, [1, 3]);
$admin->set(app => $url{$_}, 'status=-D-S') for qw(A B);
is spread(20), 'A B', 'both are back';

is $admin->set(app => $url{A}, 'lbset=3', 'loadfactor=7', 'route=new'),
    'done', 'several at once';
is spread(20), 'B', 'a higher set waits';
is_deeply [ @{ $admin->member($url{A}) }{qw(lbset weight route)} ],
    [ 3, 700, 'new' ], 'all of them were set';
is $admin->set(app => $url{A}, 'lbset=0', 'route='), 'done';
is $admin->member($url{A})->{route}, '', 'a route is taken away';

for my $bad (
    [ [ 'nosuch', $url{A}, 'lbset=1' ], 'there is no balancer://nosuch' ],
    [ [ 'app', $url{C}, 'lbset=1' ],
        "$url{C} is no member of balancer://app" ],
    [ [ 'app', $url{A}, 'lbset=100' ],
        "lbset= must be a whole number from 0 to 99, not '100'" ],
    [ [ 'app', $url{A}, 'lbset=1', 'status=+X' ], qr/^status= must be/ ],
    [ [ 'app', $url{A}, 'lbset=1', 'loadfactor=0' ], qr/^loadfactor= must/ ],
    [ [ 'app', $url{A}, 'route=a;b' ], qr/^route= must be/ ],
    [ [ 'app', $url{A}, 'timeout=3' ],
        qr/^'timeout=3' cannot be changed at run time/ ],
    [ [ 'app', $url{A}, 'nonsense' ], qr/^'nonsense' is no key=value/ ],
) {
    my ($args, $want) = @$bad;
    my $said = $admin->set(@$args);
    ref $want ? like $said, $want : is $said, $want;
}
is $admin->member($url{A})->{lbset}, 0, 'all or nothing';

# --- members -----------------------------------------------------------------

is $admin->add(app => "$url{C}/", 'loadfactor=2', 'route=c'), 'done',
    'C is added';
($m) = grep { ($_->{url} // '') =~ m{^\Q$url{C}\E/?$} } $admin->list;
my $c_url = $m->{url};
is_deeply [ @$m{qw(weight route usable from_file)} ], [ 200, 'c', 1, 0 ];
is spread(30), 'A B C', 'and serves';
like $admin->add(app => $c_url), qr/is a member of balancer:\/\/app already/;
is $admin->add(app => $url{D}, 'status=+D'), 'done', 'D is added, disabled';
is spread(20), 'A B C', 'so it serves nothing';
is $admin->balancer('app')->{places}, 0, 'no place is left';
my $closed = 'http://127.0.0.1:' . Gateway::Test->closed_port;
is $admin->add(app => $closed),
    'balancer://app has no place left: growth= gives more';
like $admin->add(app => 'gopher://x'), qr/gopher/, 'not a URL of a backend';

like $admin->remove(app => $c_url), qr/takes requests: drain it first/;
is $admin->set(app => $c_url, 'status=+N'), 'done', 'C is drained';
is spread(20), 'A B', 'no new requests';
is $admin->remove(app => $c_url), 'done', 'and removed';
is $admin->member($c_url), undef, 'it is gone';
is $admin->balancer('app')->{places}, 1, 'its place is free';
is spread(20), 'A B';

# a member with a request under way stays
my $c = $s->client;
$admin->set(app => $url{B}, 'status=+D');
$c->get('/slow');
for (1 .. 50) {
    last if $admin->member($url{A})->{busy};
    select undef, undef, undef, 0.02;
}
is $admin->member($url{A})->{busy}, 1, 'a request is under way';
$admin->set(app => $url{A}, 'status=+N');
is $admin->remove(app => $url{A}), "$url{A} still has 1 request under way";
is $c->response->status, 200, 'it is served';
is $admin->remove(app => $url{A}), 'done', 'then A can be removed';
is $admin->member($url{A})->{removed}, 1, 'the configuration has it still';
$admin->set(app => $url{B}, 'status=-D');
is spread(10), 'B';
is $admin->add(app => $url{A}), 'done', 'A comes back';
is spread(10), 'A B';

$admin->set(app => $url{D}, 'status=-D');
is spread(20), 'A B D', 'D serves too';
$admin->set(app => $url{$_}, 'status=+N'), $admin->remove(app => $url{$_})
    for qw(A D);
$admin->set(app => $url{B}, 'status=+N');
is $admin->remove(app => $url{B}),
    "$url{B} is the last member of balancer://app";

done_testing;
