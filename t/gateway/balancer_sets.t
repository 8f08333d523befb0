# Which members are asked: sets, hot spares, hot standbys, and the letters of
# status=.
use Gateway::Test;
use Gateway::Admin;

my %b = map { my $name = $_; $name => Gateway::Backend->http(sub {
    return [ 200, [ 'X-Member' => $name ], 'ok' ];
}) } qw(A B C D);
my %url = map { $_ => 'http://' . $b{$_}->hostport } keys %b;

my $s = Gateway::Test->server(children => 1, vars => \%b,
    modules => Gateway::Admin::modules(),
    config => Gateway::Admin::config() . <<'EOC');
<Gateway balancer://sets slowstart=0>
    GatewayMember http://@A@ lbset=1
    GatewayMember http://@B@
    GatewayMember http://@C@ lbset=99
    GatewayMember http://@D@ lbset=1
</Gateway>
<Gateway balancer://spare slowstart=0>
    GatewayMember http://@A@
    GatewayMember http://@B@
    GatewayMember http://@C@ status=+R
    GatewayMember http://@D@ status=R
</Gateway>
<Gateway balancer://standby slowstart=0>
    GatewayMember http://@A@
    GatewayMember http://@B@ status=+H
    GatewayMember http://@C@ status=+H
    GatewayMember http://@D@ lbset=1
</Gateway>
<Gateway balancer://both slowstart=0>
    GatewayMember http://@A@
    GatewayMember http://@B@ status=+R
    GatewayMember http://@C@ status=+H
</Gateway>
<Gateway balancer://letters slowstart=0>
    GatewayMember http://@A@ status=+D
    GatewayMember http://@B@ status=+S
    GatewayMember http://@C@ status=+N
    GatewayMember http://@D@ status=+I-N
</Gateway>
GatewayPass /sets balancer://sets
GatewayPass /spare balancer://spare
GatewayPass /standby balancer://standby
GatewayPass /both balancer://both
GatewayPass /letters balancer://letters
EOC
my $admin = Gateway::Admin->new($s);

sub spread {
    my ($name) = @_;
    my %got;
    for (1 .. 12) {
        my $r = $s->get("/$name/x");
        $got{ $r->status == 200 ? $r->header('x-member') : $r->status }++;
    }
    return join ' ', sort keys %got;
}

# Takes members out of a balancer, and looks who serves then.
sub without {
    my ($name, @out) = @_;
    $admin->set($name => $url{$_}, 'status=+D') for @out;
    my $got = spread($name);
    $admin->set($name => $url{$_}, 'status=-D') for @out;
    return $got;
}

is spread('sets'), 'B', 'the lowest set';
is without(sets => 'B'), 'A D', 'then the next one';
is without(sets => 'B', 'A'), 'D';
is without(sets => 'B', 'A', 'D'), 'C', 'then the last one';

is spread('spare'), 'A B', 'spares have nothing to do';
like without(spare => 'A'), qr/^B [CD]$/, 'one replaces one';
is without(spare => 'A', 'B'), 'C D', 'two replace two';
is without(spare => 'A', 'B', 'C'), 'D';

is spread('standby'), 'A', 'standbys have nothing to do';
is without(standby => 'A'), 'B C', 'until all others are away';
is without(standby => 'A', 'B', 'C'), 'D', 'before the next set';

is spread('both'), 'A';
is without(both => 'A'), 'B', 'a spare goes before a standby';
is without(both => 'A', 'B'), 'C';

# a draining member counts as one to be replaced
$admin->set(spare => $url{A}, 'status=+N');
like spread('spare'), qr/^B [CD]$/, 'one for a draining one';
$admin->set(spare => $url{A}, 'status=-N');
is spread('spare'), 'A B', 'and goes when that is back';

is spread('letters'), 'D', 'D, S and N take nothing without a session';
is $admin->member($url{$_}, 'letters')->{status},
    { A => 'D', B => 'S', C => 'N', D => 'I' }->{$_}, "letters of $_"
    for sort keys %b;

# I: errors never make it unusable
$b{D}->stop;
is spread('letters'), 503, 'D refuses';
$s->expect_log(qr/\Q@{[ $b{D}->hostport ]}\E/, [1, 99]);
is $admin->member($url{D}, 'letters')->{status}, 'I', 'but stays usable';
$b{D}->start;
is spread('letters'), 'D', 'and serves at once';

done_testing;
