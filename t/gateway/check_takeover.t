# When the child that checks ends, another one goes on within two seconds:
# killed, ended in order, replaced by a graceful restart while it still has
# requests. Never do two of them check.
use Gateway::Test;
use Time::HiRes qw(time);

my $prefork = Gateway::Setup::mpm() eq 'prefork';
my $patience = Gateway::Setup::patience();

# A check takes a while, so that another child's would meet it.
my $back = Gateway::Backend->http(sub {
    my $req = shift;
    if ($req->target eq '/health') {
        $req->{conn}->silent(0.3);
        return [ 200, [], '' ];
    }
    select undef, undef, undef, 6 * $patience if $req->target =~ /slow/;
    return [ 200, [], 'page' ];
}, timeout => 20);

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

# Checks came within two seconds of this time, or so many, by another child.
sub goes_on {
    my ($s, $began, $before, $how, $seconds) = @_;
    $seconds ||= 2;
    my $first;
    $back->wait(sub { $first = first_after($began) }, 15);
    cmp_ok(($first // time) - $began, '<', $seconds * $patience,
        "$how: checks go on within $seconds seconds");
    $s->wait_for(sub { checkers($s) == $before + 1 }, $seconds);
    my @who = checkers($s);
    is scalar @who, $before + 1, '... of one more child';
    my @now = $s->children;
    ok scalar(grep { $_ == $who[-1] } @now), '... that is there';
    return;
}

my $s = Gateway::Test->server(vars => { B => $back }, children => 4,
    threads => 4, loglevel => 'gateway_balancer:info', config => $config);
ok $back->wait(sub { spans() >= 3 }), 'checks run';
my $all = () = $s->children;
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

# A graceful restart; it takes the MPM a second or two to make new children.
# Those in the place of the killed are there: one that had only begun might
# take over before it hears of the restart.
$s->wait_for(sub { (() = $s->children) >= $all });
$s->settle;
$back->clear;
my %old = map { $_ => 1 } $s->children;
my $began = time;
$s->restart('graceful');
goes_on($s, $began, $n++, 'a graceful restart', 4);
ok !$old{ (checkers($s))[-1] }, '... of the new ones';
is overlaps(), 0, '... and only of those';
# httpd's own: while old children are there a stop may miss a new one
$s->wait_for(sub { !grep { $old{$_} } $s->children });
$s->wait_for(sub { (() = $s->children) <= 4 });
$s->stop;

# Children that end in order, one after the other.
$back->clear;
$s = Gateway::Test->server(vars => { B => $back }, children => 3,
    threads => 4, mpm_config => 'MaxConnectionsPerChild 12', keep => 0,
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
# the MPM looks for lost children once a second, and all may end together
cmp_ok $pause, '<', 3 * $patience, '... at once, or when there are any';
is overlaps(), 0, '... one at a time';
$s->stop;

# A child that drains hands over, though it has a request for seconds. There is
# room for two children: with a place for one the worker MPM may wait until the
# old one is gone (AH00288).
$back->clear;
$s = Gateway::Test->server(vars => { B => $back },
    children => $prefork ? 4 : 1,
    mpm_config => $prefork ? '' : 'MaxRequestWorkers 8',
    threads => 4, loglevel => 'gateway_balancer:info', config => $config);
ok $back->wait(sub { spans() >= 3 }), 'a server with requests that last';
my ($who) = checkers($s);
my @busy = map { $s->client(timeout => 20) } 1 .. ($prefork ? 3 : 1);
$_->get('/app/slow') for @busy;
$back->wait(sub { @busy == grep { $_->{target} =~ /slow/ }
    $back->events(what => 'head') });
$began = time;
$s->restart('graceful');
goes_on($s, $began, 1, 'a graceful restart while requests last', 4);
ok kill(0, $who), '... the one before is still there';
my $until = time;
is $_->response->status, 200, '... and answers' for @busy;
$back->wait(sub { first_after($until + 1) });
is overlaps(), 0, '... but never checked with the new one';
is scalar(checkers($s)), 2, '... nor anybody else';
done_testing;
