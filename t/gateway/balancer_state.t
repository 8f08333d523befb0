# What is known about members, and what was changed while the server runs,
# outlives restarts; with GatewayBalancerPersist On any stop. A value that the
# configuration has changed since then wins.
use Gateway::Test;
use Gateway::Admin;

sub member {
    my ($name) = @_;
    return Gateway::Backend->http(sub {
        return [ 200, [ 'X-Member' => $name ], 'ok' ];
    });
}

my %b = map { $_ => member($_) } qw(A B C);
my %url = map { $_ => 'http://' . $b{$_}->hostport } keys %b;

sub config {
    my (%change) = @_;
    my $admin = Gateway::Admin::config();
    my $text = <<"EOC";
Listen 127.0.0.1:\@V\@
$admin
GatewayPass /app balancer://app
<Gateway balancer://app slowstart=0 growth=2>
    GatewayMember http://\@A\@ route=a
    GatewayMember http://\@B\@ route=b loadfactor=2
</Gateway>
<VirtualHost *:\@V\@>
    GatewayBalancerPersist On
    $admin
    GatewayPass /keep balancer://keep
    <Gateway balancer://keep slowstart=0 fails=1>
        GatewayMember http://\@A\@
        GatewayMember http://\@B\@ lbset=1
    </Gateway>
</VirtualHost>
EOC
    for (sort keys %change) {
        $text =~ s/\Q$_\E/$change{$_}/ or die "nothing to change: $_";
    }
    return $text;
}

my $s = Gateway::Test->server(children => 2, vars => \%b, ports => ['V'],
    modules => Gateway::Admin::modules(), config => config());
my $app = Gateway::Admin->new($s);
my $keep = Gateway::Admin->new($s, 'V');
$s->allow_log(qr/AH00161/);

sub spread {
    my ($path) = @_;
    my %got;
    my $c = $s->client(port => $path eq '/keep' ? $s->port('V') : $s->port);
    for (1 .. 30) {
        my $r = $c->get($path)->response;
        $got{ $r->status == 200 ? $r->header('x-member') : $r->status }++;
    }
    return join ' ', map { "$_:$got{$_}" } sort keys %got;
}

# The old children may serve for a moment longer.
sub restart {
    my ($how) = @_;
    my @old = $s->children;
    $s->restart($how);
    $s->wait_for(sub { !grep { kill 0 => $_ } @old }, 10)
        or die "children of before are still there\n";
    return;
}

# --- a graceful restart ------------------------------------------------------

is spread('/app'), 'A:10 B:20', 'by weight';
is $app->set(app => $url{A}, 'loadfactor=4', 'redirect=b'), 'done';
is $app->add(app => $url{C}, 'loadfactor=4', 'route=c'), 'done';
is $app->set(app => $url{B}, 'status=+N'), 'done';
is $app->remove(app => $url{B}), 'done';
is spread('/app'), 'A:15 C:15', 'A, and C instead of B';
my %before = map { $_ => $app->member($url{$_}) } keys %b;
$s->expect_log(qr/GW01042.*\Q$url{B}\E was removed at run time and stays/,
    [1, 9]);
for my $how ('graceful', 'restart') {
    restart($how);
    for my $name (qw(A C)) {
        my $m = $app->member($url{$name});
        is_deeply [ map { "$_=$m->{$_}" } sort keys %$m ],
            [ map { "$_=$before{$name}{$_}" } sort keys %$m ],
            "$how: $name is as it was, counters too";
    }
    is $app->member($url{B})->{removed}, 1, 'B stays out';
    is $app->balancer('app')->{places}, 1, 'C has its place';
}
is spread('/app'), 'A:15 C:15', 'and served as before';

# --- the configuration changes -----------------------------------------------

$app->set(app => $url{A}, 'lbset=2', 'status=+H+R');
$s->reconfigure(config => config(
    'GatewayMember http://@A@ route=a' =>
        'GatewayMember http://@A@ route=a2 lbset=1 status=+D'));
restart('graceful');
my $m = $app->member($url{A});
is_deeply [ @$m{qw(route lbset weight redirect status)} ],
    [ 'a2', 1, 400, 'b', 'DHR' ],
    'what the file changed wins, the rest stays';
$s->expect_log(qr/GW01042.*lbset was set to '2' for \Q$url{A}\E at run time/);
$s->expect_log(qr/GW01042.*has changed since: it is '1' now/);
is spread('/app'), 'C:30', 'and counts';

# B's line changes: B is a member again
$s->reconfigure(config => config('route=b loadfactor=2' => 'route=b'));
restart('graceful');
ok $s->wait_log(qr/GW01042.*\Q$url{B}\E was removed at run time, but its/),
    'it is logged';
$m = $app->member($url{B});
is_deeply [ @$m{qw(removed weight usable status)} ], [ 0, 100, 1, '' ],
    'B is a member again, as the file says' or diag explain $m;

# a member that leaves the file is gone, one that comes is new
$s->reconfigure(config => config('    GatewayMember http://@A@ route=a' => '',
    'loadfactor=2' => "\n    GatewayMember http://\@C\@"));
restart('graceful');
is $app->member($url{A}, 'app'), undef, 'A is gone';
is $app->member($url{C}, 'app')->{from_file}, 1, 'C is in the file now';
is $app->member($url{C}, 'app')->{weight}, 100, 'and as the file says';

# fewer places than members that were added
$app->add(app => "$url{A}/$_") for 1 .. 2;
is $app->balancer('app')->{places}, 0;
$s->reconfigure(config => config('growth=2' => 'growth=1'));
restart('graceful');
$s->expect_log(qr/GW01042.*added at run time, is lost: growth=/);
is $app->balancer('app')->{places}, 0, 'one is left';

# --- health ------------------------------------------------------------------

$b{A}->stop;
is spread('/keep'), 'B:30', 'A refuses, B takes its place';
$s->expect_log(qr/GW01020.*\Q$url{A}\E gets no requests/, [1, 9]);
is $keep->member($url{A})->{status}, 'E', 'A is out';
restart('graceful');
$m = $keep->member($url{A});
is $m->{status}, 'E', 'after a restart, too';
is $m->{elected}, 1, 'still counted once';
$b{A}->start;
$s->wait_for(sub { spread('/keep') =~ /^A/ });
$s->allow_log(qr/GW01021/);
is spread('/keep'), 'A:30', 'A is back';

# --- a full stop -------------------------------------------------------------

is $keep->set(keep => $url{B}, 'lbset=0', 'loadfactor=2'), 'done';
is $keep->add(keep => $url{C}, 'loadfactor=3'), 'done';
$app->set(app => $url{B}, 'route=other');
is spread('/keep'), 'A:5 B:10 C:15';
my $elected = $keep->member($url{C})->{elected};
$s->stop;
$s->start;
is spread('/keep'), 'A:5 B:10 C:15', 'with Persist it is as before';
is $keep->member($url{C})->{elected}, $elected + 15, 'counters too';
is $app->member($url{B}, 'app')->{route}, 'b', 'without it as in the file';

# the file wins here, too
$s->stop;
$s->reconfigure(config => config('lbset=1' => 'lbset=2'));
$s->start;
like spread('/keep'), qr/^A:[78] C:2[23]$/, 'B is in the set of the file';
$s->expect_log(qr/GW01042.*lbset was set to '0' for \Q$url{B}\E/);
is $keep->member($url{B})->{weight}, 200, 'the rest is kept';

# a damaged file is not used
$s->stop;
my $file = $s->root . '/run/gateway-balancer.state';
is +(stat $file)[2] & 0777, 0600, 'nobody else may read it';
open my $fh, '+<:raw', $file or die "$file: $!";
seek $fh, 100, 0;
print {$fh} 'x';
close $fh;
$s->start;
$s->expect_log(qr/GW01044.*\Q$file\E is not used/);
is $keep->member($url{C}), undef, 'all as in the configuration';

# a parent that is killed has written its last changes
$keep->set(keep => $url{A}, 'loadfactor=9');
ok $s->wait_for(sub { -s $file && (stat $file)[9] >= time - 1
    && -M $file < 1 }, 15), 'it is written while the server runs';

done_testing;
