# When checks run: a slow member holds up no other one and is never asked twice
# at once; one that is down is asked more often; one after the other with
# GatewayHCTPsize 0; those that are stopped are not asked, disabled ones are.
use Gateway::Test;
use Time::HiRes qw(time);

my $slow = sub {
    my $req = shift;
    $req->{conn}->pause(0.6);
    return [ 200, [], '' ];
};
my ($A, $B, $C) = map { Gateway::Backend->http($slow) } 1 .. 3;
my $quick = Gateway::Backend->http({});
my $D = Gateway::Backend->http({});
my $S = Gateway::Backend->http({});
my $sick = Gateway::Backend->http({ '*' => [ 500, [], '' ] });
my %vars = (A => $A, B => $B, C => $C, Q => $quick, D => $D, S => $S,
    SICK => $sick);
my $config = <<'EOC';
GatewayHCTemplate often hcmethod=GET11 hcinterval=200ms
<Gateway balancer://app>
    GatewayMember http://@A@ hctemplate=often
    GatewayMember http://@B@ hctemplate=often
    GatewayMember http://@C@ hctemplate=often
    GatewayMember http://@Q@ hctemplate=often
    GatewayMember http://@D@ hctemplate=often status=+D
    GatewayMember http://@S@ hctemplate=often status=+S
    GatewayMember http://@SICK@ hcmethod=HEAD hcinterval=10min
</Gateway>
GatewayPass /app balancer://app
EOC
my $s = Gateway::Test->server(vars => \%vars, children => 2,
    config => $config);

# [from, to] of each check: connected and answered, less a little, for what is
# written down after the answer has gone.
sub spans {
    my %times;
    for my $backend (@_) {
        for my $e ($backend->events) {
            my $t = $times{ $backend->port . " $e->{conn}" } ||= [];
            $t->[0] = $e->{time} if $e->{what} eq 'open';
            $t->[1] //= $e->{time} - 0.1 if $e->{what} eq 'out';
        }
    }
    return sort { $a->[0] <=> $b->[0] } grep { $_->[0] && $_->[1] }
        values %times;
}

# How many of these checks began before the one before was answered.
sub overlaps {
    my ($n, $until) = (0, 0);
    for my $t (spans(@_)) {
        $n++ if $t->[0] < $until;
        $until = $t->[1] if $t->[1] > $until;
    }
    return $n;
}

# How many checks each of them got while $first got n.
sub while_it_got {
    my ($n, $first, @others) = @_;
    $_->clear for $first, @others;
    $first->wait(sub { (() = $first->requests) >= $n }, 20)
        or diag 'there are no checks';
    return map { scalar(() = $_->requests) } @others;
}

my ($b, $c, $q, $d, $S_) = while_it_got(6, $A, $B, $C, $quick, $D, $S);
cmp_ok $_, '>=', 4, 'slow members are checked at the same time' for $b, $c;
cmp_ok $q, '>=', 10, '... and a quick one as often as it should be';
cmp_ok $d, '>=', 10, 'a disabled one is checked';
is $S_, 0, 'one that is stopped is not';
is overlaps($_), 0, 'nobody is asked twice at once' for $A, $B, $C;
cmp_ok overlaps($A, $B, $C), '>', 0, '... but several at the same time';

ok $sick->wait(sub { (() = $sick->requests) >= 2 }, 8),
    'one that is down is asked soon again, for all of its hcinterval';
my @asked = map { $_->{time} } $sick->events(what => 'request');
my $pause = ($asked[1] // 0) - $asked[0];
cmp_ok $pause, '>', 4.4, '... in 5 s';
cmp_ok $pause, '<', 6, '... give or take a tenth';

# What the old children asked for is over.
sub begin_anew {
    $s->restart;
    select undef, undef, undef, 1;
    $_->clear for $A, $B, $C, $quick, $D, $S, $sick;
    return;
}

# One after the other.
$s->reconfigure(config => "GatewayHCTPsize 0\n$config");
begin_anew();
($b, $c, $q) = while_it_got(3, $A, $B, $C, $quick);
cmp_ok $_, '>=', 1, 'GatewayHCTPsize 0: all are checked' for $b, $c, $q;
is overlaps($A, $B, $C, $quick), 0, '... one after the other';

$s->reconfigure(config => "GatewayHCTPsize 2\n$config");
begin_anew();
while_it_got(5, $A, $B, $C, $quick);
my @at = spans($A, $B, $C);
my $three = 0;
for my $t (@at) {
    my $x = $t->[0];
    $three++ if 2 < grep { $_->[0] <= $x && $_->[1] > $x } @at;
}
is $three, 0, 'GatewayHCTPsize 2: never three at once';
cmp_ok overlaps($A, $B, $C), '>', 0, '... but two';
done_testing;
