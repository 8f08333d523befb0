# When the child that checks ends, another one goes on within two seconds:
# killed, ended in order, replaced by a graceful restart while it still has
# requests. Never do two of them check.
use Gateway::Test;
use Time::HiRes qw(time);

# A check takes a while, so that another child's would meet it.
my $back = Gateway::Backend->http(sub {
    my $req = shift;
    if ($req->target eq '/health') {
        $req->{conn}->silent(0.3);
        return [ 200, [], '' ];
    }
    select undef, undef, undef, 6 if $req->target =~ /slow/;
    return [ 200, [], 'page' ];
}, timeout => 10);

my $prefork = Gateway::Setup::mpm() eq 'prefork';
my $patience = Gateway::Setup::patience();
my $config = <<'EOC';
<Gateway balancer://app>
    GatewayMember http://@B@ hcmethod=GET hcuri=/health hcinterval=100ms
</Gateway>
GatewayPass /app balancer://app
EOC

# From when to when each check was under way.
sub spans {
    my %at;
    for my $e ($back->events) {
        my $t = $at{ $e->{conn} } ||= [];
        $t->[0] = $e->{time} if $e->{what} eq 'open';
        $t->[1] //= $e->{time} if $e->{what} =~ /\A(?:out|end)\z/;
        $t->[2] = 1 if $e->{what} eq 'head' && $e->{target} =~ /health/;
    }
    my @spans = sort { $a->[0] <=> $b->[0] } grep { $_->[2] } values %at;
    return @spans;
}

# When the first check after this time began.
sub first_after {
    my ($time) = @_;
    return (map { $_->[0] } grep { $_->[0] > $time } spans())[0];
}

# How many checks began while another one was under way; a moment is given for
# the end to be noticed.
sub overlaps {
    my ($n, $until) = (0, 0);
    for my $t (spans()) {
        $n++ if $t->[0] < $until - 0.05;
        $until = $t->[1] // $t->[0] + 0.3;
    }
    return $n;
}

# Which children said that they check, in order.
sub checkers {
    my ($s) = @_;
    return map { /\[pid (\d+)/ ? $1 : () } $s->log->grep(qr/GW01304/);
}

# Checks came within two seconds of this time, by another child.
sub goes_on {
    my ($s, $began, $before, $how) = @_;
    my $first;
    $back->wait(sub { $first = first_after($began) }, 15);
    cmp_ok(($first // time) - $began, '<', 2 * $patience,
        "$how: checks go on within two seconds");
    $s->wait_for(sub { checkers($s) == $before + 1 }, 2);
    my @who = checkers($s);
    is scalar @who, $before + 1, '... of one more child';
    my @now = $s->children;
    ok scalar(grep { $_ == $who[-1] } @now), '... that is there';
    return;
}

# A graceful restart, until one of the new children is there, which takes a
# second or two, depending on the MPM. Which ones were there before?
sub replace_children {
    my ($s) = @_;
    my %old = map { $_ => 1 } $s->children;
    $s->restart('graceful');
    ok $s->wait_for(sub { grep { !$old{$_} } $s->children }), 'a new child';
    return %old;
}

my $s = Gateway::Test->server(vars => { B => $back }, children => 4,
    threads => 4, loglevel => 'gateway_balancer:info', config => $config);
ok $back->wait(sub { spans() >= 3 }), 'checks run';
my $n = 1;
for (1, 2) {
    my ($who) = (checkers($s))[-1];
    # not while one is under way: its end is the backend's matter
    my $seen = () = spans();
    $back->wait(sub { my @t = spans(); @t > $seen && $t[-1][1] });
    my $began = time;
    kill 'KILL', $who;
    goes_on($s, $began, $n++, 'killed');
}
is overlaps(), 0, 'one check at a time';

# A graceful restart.
$back->clear;
my %old = replace_children($s);
goes_on($s, time, $n++, 'a graceful restart');
ok !$old{ (checkers($s))[-1] }, '... of the new ones';
is overlaps(), 0, '... and only of those';
$s->stop;

# Children that end in order, one after the other.
$back->clear;
$s = Gateway::Test->server(vars => { B => $back }, children => 3,
    threads => 4, mpm_config => 'MaxConnectionsPerChild 12',
    loglevel => 'gateway_balancer:info', config => $config);
ok $back->wait(sub { spans() >= 2 }), 'a server of children that end soon';
my $last = time + 20 * $patience;
while (checkers($s) < 4 && time < $last) {
    $s->get('/app/x');
    select undef, undef, undef, 0.05;
}
cmp_ok scalar(checkers($s)), '>=', 4, '... and others check';
$back->wait(sub { first_after(time - 0.5) });
my @at = spans();
my ($pause) = sort { $b <=> $a }
    map { $at[$_][0] - $at[ $_ - 1 ][0] } 1 .. $#at;
cmp_ok $pause, '<', 2 * $patience, '... within two seconds';
is overlaps(), 0, '... one at a time';
$s->stop;

# A child that drains hands over, though it has a request for seconds.
$back->clear;
$s = Gateway::Test->server(vars => { B => $back },
    children => $prefork ? 4 : 1,
    threads => 4, loglevel => 'gateway_balancer:info', config => $config);
ok $back->wait(sub { spans() >= 3 }), 'a server with requests that last';
my ($who) = checkers($s);
my @busy = map { $s->client(timeout => 20) } 1 .. ($prefork ? 3 : 1);
$_->get('/app/slow') for @busy;
$back->wait(sub { @busy == grep { $_->{target} =~ /slow/ }
    $back->events(what => 'head') });
replace_children($s);
goes_on($s, time, 1, 'a graceful restart while requests last');
my $there = kill 0, $who;
ok $there, '... the one before is still there';
my $until = time;
is $_->response->status, 200, '... and answers' for @busy;
$back->wait(sub { first_after($until + 1) });
is overlaps(), 0, '... but never checked with the new one';
is scalar(checkers($s)), 2, '... nor anybody else';
done_testing;
