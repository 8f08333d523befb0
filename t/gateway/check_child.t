# One child checks, however many there are; another one takes over when it is
# killed; a graceful restart goes on where the old one was; nothing stays
# behind at the end, even while a member does not answer.
use Gateway::Test;
use Time::HiRes qw(time);

my $dir = Gateway::Test->scratch;

# Answers by the file "how".
my $b = Gateway::Backend->http(sub {
    my $req = shift;
    return [ 200, [], 'page' ] if $req->target ne '/health';
    my $how = -e "$dir/how" ? do { open my $fh, '<', "$dir/how"; <$fh> } : 200;
    return [ $how, [], '' ] if $how ne 'hang';
    $req->{conn}->silent(30);
    return 'close';
});

sub set {
    my ($how) = @_;
    open my $fh, '>', "$dir/new" or die "how: $!";
    print {$fh} $how;
    close $fh or die "how: $!";
    rename "$dir/new", "$dir/how" or die "how: $!";
    return;
}

my $s = Gateway::Test->server(vars => { B => $b }, children => 4,
    threads => 4, loglevel => 'gateway_balancer:info', config => <<'EOC');
<Gateway balancer://app>
    GatewayMember http://@B@ hcmethod=GET hcuri=/health hcinterval=250ms \
        hctimeout=20 hcfails=2
    GatewaySet slowstart=0
</Gateway>
GatewayPass /app balancer://app
EOC

# When the checks came.
sub checks { return map { $_->{time} } $b->events(what => 'request') }

# Which children said that they check.
sub checkers {
    return map { /\[pid (\d+)/ ? $1 : () } $s->log->grep(qr/GW01304/);
}

ok $b->wait(sub { checks() >= 12 }), 'checks run';
my @at = checks();
my $mean = ($at[11] - $at[1]) / 10;
cmp_ok $mean, '>', 0.17, 'as often as hcinterval= says, and no child more';
cmp_ok $mean, '<', 0.45, '... and not more rarely';
my @children = $s->children;
cmp_ok scalar(@children), '>=', 2, 'of several children';
my @who = checkers();
is scalar @who, 1, '... one checks';
ok scalar(grep { $_ == $who[0] } $s->children), '... a child of this server';

kill 'KILL', $who[0];
ok $s->wait_for(sub { checkers() == 2 }, 2), 'killed: another one checks';
isnt +(checkers())[1], $who[0], '... indeed';
my $n = checks();
ok $b->wait(sub { checks() >= $n + 4 }), '... and it does';

# What they know stays over a graceful restart.
set(503);
ok $s->wait_log(qr/\[CHECK FAILED\]$/), 'a member that is down';
is $s->get('/app/x')->status, 503, '... is not used';
$s->expect_log(qr/\[gateway:error\].*balancer:\/\/app/, [ 1, undef ]);
$s->restart('graceful');
is $s->get('/app/x')->status, 503, 'it still is not after a restart';
ok $s->wait_for(sub { checkers() >= 3 }, 8), '... whose child checks';
set(200);
ok $s->wait_log(qr/\[IN USE\]$/), '... and sees that it is back';
is $s->get('/app/x')->status, 200, '... used';
is scalar($s->log->grep(qr/-->/)), 2, 'no change was seen twice';
$n = checks();
my $begin = time;
$b->wait(sub { checks() >= $n + 8 });
cmp_ok time - $begin, '>', 1.2, 'still only one child checks';

# A child does not wait for a member when it ends.
set('hang');
$b->wait(sub { (checks())[-1] > $begin + 1 });
select undef, undef, undef, 0.8;
$begin = time;
$s->restart('graceful');
my @now = $s->children;
set(200);
ok $s->wait_for(sub { checkers() >= 4 }, 8), 'restarted while one hangs';
ok $s->wait_for(sub { my %now = map { $_ => 1 } $s->children;
    !$now{ (checkers())[2] } }, 8), '... and the old child is gone';
cmp_ok time - $begin, '<', 10, '... long before hctimeout=';
set('hang');
select undef, undef, undef, 0.8;
$begin = time;
$s->stop;
cmp_ok time - $begin, '<', 4, 'stopped while one hangs';
done_testing;
