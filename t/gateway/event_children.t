# Children that come and go with adopted connections: MaxConnectionsPerChild
# with clients that come again loses nothing; a child that is killed takes its
# own requests with it and no others, and is replaced; spare children are
# reaped under load without a loss; many children share nothing they should
# not.
use Gateway::Test;
use Gateway::Both;
use Gateway::Herd;
use Time::HiRes qw(time);

my $patience = Gateway::Setup::patience();
my $b = Gateway::Backend->http({ '*' => sub {
    Gateway::Process::pause(0.02) if $_[0]->target =~ /late/;
    return [ 200, [], 'fine' ];
} });
my $h = Gateway::Herd->new;
my %vars = (B => $b, H => $h);
my $config = "GatewayPass /app http://\@B\@\nGatewayPass /herd http://\@H\@\n";

# Requests of processes: over connections of $each requests.
sub load {
    my ($s, $seconds, $clients, $each) = @_;
    my $dir = Gateway::Test->scratch;
    my @pids = map {
        my $n = $_;
        Gateway::Process::spawn(sub {
            my ($asked, $c, $on, @bad) = (0, undef, 0);
            my $end = time + $seconds;
            while (time < $end) {
                $c ||= $s->client(timeout => 10);
                my $r = $c->get($n % 2 ? '/app/x' : '/app/late')->response;
                $asked++;
                my $good = $r->status == 200 && $r->complete;
                push @bad, 'status ' . $r->status . ' ' . $r->why
                    . ", request $on of its connection\n" unless $good;
                if (!$good || ++$on >= $each
                    || ($r->header('connection') // '') =~ /close/i) {
                    $c->close;
                    undef $c;
                    $on = 0;
                }
                Gateway::Process::pause(0.01) if $n % 3;
            }
            open my $fh, '>', "$dir/load.$n" or die "load: $!";
            print {$fh} "$asked\n", @bad;
            close $fh or die "load: $!";
        });
    } 1 .. $clients;
    return sub {
        waitpid $_, 0 for @pids;
        my ($asked, @bad) = 0;
        for my $n (1 .. @pids) {
            open my $fh, '<', "$dir/load.$n" or next;
            $asked += <$fh>;
            push @bad, <$fh>;
        }
        return ($asked, @bad);
    };
}

{
    my $s = Gateway::Test->server(driver => 'event', vars => \%vars,
        children => 2, config => $config,
        mpm_config => 'MaxConnectionsPerChild 20');
    my %pids;
    my $finish = load($s, 3, 6, 4);
    my $end = time + 2.8;
    while (time < $end) {
        $pids{$_}++ for $s->children;
        Gateway::Process::pause(0.05);
    }
    my ($asked, @bad) = $finish->();
    cmp_ok $asked, '>', 150, "MaxConnectionsPerChild: $asked requests";
    is_deeply \@bad, [], '... none was lost';
    cmp_ok scalar(keys %pids), '>=', 4, '... by ' . keys(%pids) . ' children';
    ok $s->wait_for(sub { $s->children <= 3 }, 8), '... of which few are left';
    $s->stop;
}
{
    my $s = Gateway::Test->server(driver => 'event', vars => \%vars,
        children => 2, config => $config);
    ok $s->wait_for(sub { 2 == $s->children }, 5), 'two children';
    my @c = Gateway::Herd->clients($s, 40);
    $_->get('/herd/x?2') for @c;
    ok $h->wait(40), 'forty requests wait in them';
    my @idle = map { my $c = $s->client; $c->get('/app/x')->response; $c }
        1 .. 10;
    # the one that has more of them; how many each has taken is chance
    my $fds = $s->descriptors;
    my ($victim, $other) = keys %$fds;
    ($victim, $other) = ($other, $victim)
        if @{ $fds->{$other} } > @{ $fds->{$victim} };
    my $shared = @{ $fds->{$other} } > 60;
    kill 'KILL', $victim;
    my $seen = Gateway::Herd->answers(8, @c);
    my $ok = $seen->{200} // 0;
    is $ok + ($seen->{0} // 0), 40, 'a child is killed: answers or ends';
    cmp_ok $ok, '<', 40, '... its own requests end';
    cmp_ok $ok, '>', 0, '... those of the other are answered'
        or diag explain $seen if $shared;
    ok $s->wait_for(sub { $s->children == 2 }, 5), '... it is replaced';
    ok scalar(grep { $_ == $other } $s->children), '... the other goes on';
    is $s->hang_up->get('/app/x')->status, 200, '... and all is served';
    my %idle;
    $idle{ $_->get('/app/x')->response->status }++ for @idle;
    is +($idle{0} // 0) + ($idle{200} // 0), 10, '... also idle ones';
    $_->close for @c, @idle;
    $s->stop;
}
{
    my $s = Gateway::Test->server(driver => 'event', vars => \%vars,
        children => 4, threads => 10, config => $config,
        mpm_config => "StartServers 4\nMaxSpareThreads 20");
    my $finish = load($s, 5, 6, 20);
    ok $s->wait_for(sub { $s->children <= 2 }, 9), 'spare children are reaped';
    my ($asked, @bad) = $finish->();
    cmp_ok $asked, '>', 150, "... under load: $asked requests";
    is_deeply \@bad, [], '... none was lost';
}

done_testing;
