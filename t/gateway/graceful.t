# Graceful restarts and stops under load: every request that began is answered,
# no child stays behind, also with idle connections to backends, slow requests
# and names being resolved.
use Gateway::Test;
use Time::HiRes qw(time);

my $b = Gateway::Backend->http({ '/slow' => sub {
    my $req = shift;
    $req->{conn}->pause(0.7);
    return [ 200, [], 'slow' ];
}, '/long' => sub {
    return [ 200, [], sub {
        my $write = shift;
        for (1 .. 8) {
            $write->('x' x 1000);
            Gateway::Process::pause(0.08);
        }
    } ];
}, '*' => sub { return [ 200, [], "fine\n" ] } });
my $s = Gateway::Test->server(vars => { B => $b }, threads => 16,
    config => <<'EOC');
GatewayPass /app http://@B@
EOC
my $url = $s->url('/app/x');

# Requests from other processes, each on its own connection, as fast as they
# come; a line per failure.
sub load {
    my ($seconds) = @_;
    my $dir = Gateway::Test->scratch;
    my @pids = map {
        my $n = $_;
        unlink "$dir/load.$n";
        Gateway::Process::spawn(sub {
            my ($asked, @bad) = 0;
            my $end = time + $seconds;
            while (time < $end) {
                my $r = eval { $s->get('/app/x') };
                $asked++;
                push @bad, $r ? 'status ' . ($r->status || $r->why) : $@
                    unless $r && $r->status == 200 && $r->complete
                    && $r->body eq "fine\n";
            }
            open my $fh, '>', "$dir/load.$n" or die "load: $!";
            print {$fh} "$asked\n", @bad;
            close $fh or die "load: $!";
        });
    } 1 .. 3;
    return sub {
        my ($asked, @bad) = 0;
        for my $n (1 .. @pids) {
            waitpid $pids[ $n - 1 ], 0;
            open my $fh, '<', "$dir/load.$n" or do {
                push @bad, "load $n: $!";
                next;
            };
            $asked += <$fh>;
            push @bad, <$fh>;
        }
        return ($asked, @bad);
    };
}

is $s->get('/app/x')->status, 200, 'before';
my %before = map { $_ => 1 } $s->children;
my $finish = load(1.8 * Gateway::Setup::patience());
my @slow = map { $s->client->get('/app/slow') } 1, 2;
my @long = map { $s->client->get('/app/long') } 1, 2;
select undef, undef, undef, 0.2;
for (1 .. 2) {
    $s->restart('graceful');
    select undef, undef, undef, 0.4;
}
for my $c (@slow) {
    my $r = $c->response;
    is $r->body, 'slow', 'a slow request is answered';
}
for my $c (@long) {
    my $r = $c->response;
    is $r->size, 8000, 'a long response comes whole';
    is $r->complete, 1, '  to its end';
    $c->close;
}
$_->close for @slow;
my ($asked, @bad) = $finish->();
cmp_ok $asked, '>', 50, "under load ($asked requests)";
is_deeply \@bad, [], 'none was lost';
ok $s->wait_for(sub { !grep { $before{$_} } $s->children }, 8),
    'no child of the old generation is left';
is $s->get('/app/x')->status, 200, 'the new one serves';

# A graceful stop: what began is ended, then everything is gone.
@slow = map { $s->client->get('/app/slow') } 1, 2;
$b->wait(sub { 4 <= grep { $_->{target} eq '/slow' }
    $b->events(what => 'head') });
my $began = time;
kill 'WINCH', $s->pid;
for my $c (@slow) {
    is $c->response->body, 'slow', 'a request that began is answered';
    $c->close;
}
ok $s->wait_for(sub { !$s->{process}->alive }, 8), 'the server ends';
cmp_ok time - $began, '<', 6 * Gateway::Setup::patience(), 'soon';
$s->{may_die} = 1;
is_deeply [ $s->{process}->members ], [], 'and leaves nobody behind';
done_testing;
