# max= holds over all children: never more than that many requests at the
# backend, a place that one child gives back is soon another's, draining
# children count, and one that is killed leaves nothing behind.
use Gateway::Test;
use Time::HiRes qw(time);

my $prefork = Gateway::Setup::mpm() eq 'prefork';
my $patience = Gateway::Setup::patience();

# Writes down when each request was there: /<milliseconds>/<name>
my $backend = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    my ($ms, $name) = $req->{path} =~ m{^/(\d+)/(\w+)};
    my $conn = $req->{conn};
    $conn->backend->record($conn->number, 'begin', name => $name);
    $conn->pause($ms / 1000);
    $conn->backend->record($conn->number, 'finish', name => $name);
    return [ 200, [], $name ];
} });
my $s = Gateway::Test->server(vars => { B => $backend },
    children => $prefork ? 12 : 3, threads => 4,
    mpm_config => $prefork ? "StartServers 12\nMinSpareServers 12" : undef,
    config => <<'EOC');
GatewayMaxInFlight Off
GatewayPass /three http://@B@ max=3 queuetimeout=8
GatewayPass /now   http://@B@ max=3 queue=0
GatewayPass /one   http://@B@ max=1 queuetimeout=8
GatewayPass /free  http://@B@
CustomLog "@ROOT@/logs/pids.log" "%P %U"
EOC

sub ask {
    my ($path) = @_;
    return $s->client(timeout => 12)->get($path, 'Connection: close');
}

sub answer {
    my ($c) = @_;
    my $r = $c->response;
    $c->close;
    return $r->status;
}

# When a request came to the backend, or left it.
sub at {
    my ($what, $name) = @_;
    my $event = $backend->wait_event(what => $what, name => $name,
        within => 9);
    return $event ? $event->{time} : 0;
}

# The most that were at the backend at the same time.
sub most {
    my ($now, $most) = (0, 0);
    for (sort { $a->{time} <=> $b->{time} }
        grep { $_->{what} =~ /\A(?:begin|finish)\z/ } $backend->events) {
        $now += $_->{what} eq 'begin' ? 1 : -1;
        $most = $now if $now > $most;
    }
    return $most;
}

sub children_that_served {
    my ($path) = @_;
    my %pids;
    open my $fh, '<', $s->root . '/logs/pids.log' or return 0;
    / \Q$path\E/ and /^(\d+)/ and $pids{$1} = 1 while <$fh>;
    return scalar keys %pids;
}

# --- many clients, many children ---------------------------------------------

my @status = map { answer($_) } map { ask("/three/60/n$_") } 1 .. 24;
is_deeply \@status, [ (200) x 24 ], 'all are answered';
is most(), 3, 'never more than three at the backend, and three of them';
cmp_ok children_that_served('/three'), '>', 1, 'several children served';

# --- from child to child -----------------------------------------------------

my @gaps;
for my $n (1 .. 7) {
    my $first = ask("/one/150/a$n");
    at('begin', "a$n");
    my $second = ask("/one/0/b$n");
    is answer($_), 200, 'answered' for $first, $second;
    push @gaps, (at('begin', "b$n") - at('finish', "a$n")) * 1000;
}
my ($gap) = (sort { $a <=> $b } @gaps)[3];
cmp_ok $gap, '<', 10 * $patience,
    sprintf 'a place that is free is taken (%s ms)', join ' ',
        map { sprintf '%.1f', $_ } @gaps;
cmp_ok((sort { $a <=> $b } @gaps)[0], '>', 0, 'and not before');

# --- all rules to a backend count --------------------------------------------

my $free = ask('/free/500/f');
at('begin', 'f');
my $waits = ask('/one/0/g');
is answer($waits), 200, 'a rule with max waits';
cmp_ok at('begin', 'g'), '>', at('finish', 'f'), 'for one without';
answer($free);

# --- a graceful restart ------------------------------------------------------

my $long = ask('/one/1500/long');
at('begin', 'long');
my %old = map { $_ => 1 } $s->children;
$s->restart('graceful');
ok $s->wait_for(sub { grep { !$old{$_} } $s->children }), 'new children';
my $next = ask('/one/0/next');
is answer($next), 200, 'the next request is answered';
is answer($long), 200, 'and the long one of the old generation';
cmp_ok at('begin', 'next'), '>=', at('finish', 'long'), 'one after another';
ok $s->wait_for(sub { !grep { $old{$_} } $s->children }, 8), 'all drained';

# A process that waits for a connection could still take one.
sub kill_all {
    my %old = map { $_ => 1 } $s->children;
    kill 'KILL', keys %old;
    $s->wait_for(sub { !grep { $old{$_} } $s->children }, 8);
    return;
}

# --- a child is killed -------------------------------------------------------

$s->allow_log(qr/AH00052: child pid \d+ exit signal Killed|AH10392/);
for my $n (1 .. 3) {
    my @lost = map { ask("/three/20000/k$n$_") } 'a', 'b';
    at('begin', "k$n$_") for 'a', 'b';
    kill_all();
    $_->response, $_->close for @lost;
    is answer(ask("/one/0/after$n")), 200, 'max=1 has one again';
}
$s->expect_log(qr/GW00006: child \d+ ended in the middle of requests: /);

# --- nothing was kept --------------------------------------------------------

my $enough = $prefork ? 6 : 1;
ok $s->wait_for(sub { my @c = $s->children; @c >= $enough }, 8), 'children';
my @three = map { ask("/now/600/z$_") } 1 .. 3;
at('begin', "z$_") for 1 .. 3;
is answer(ask('/now/0/fourth')), 503, 'a fourth is too much';
is_deeply [ map { answer($_) } @three ], [ 200, 200, 200 ],
    'three may, at once';
$s->expect_log(qr/GW00150: GET .* all 3 connections that max allows/, 1);
done_testing;
