# Graceful restarts with adopted connections: idle ones are kept until their
# next request (or for seconds), which is answered with Connection: close; busy
# ones get their answers, also of slow backends, downloads and uploads that are
# under way; under load with keep-alive clients no request is lost; the
# children of the old generation go. A graceful stop does the same.
use Gateway::Test;
use Gateway::Both;
use Gateway::Herd;
use Time::HiRes qw(time);

my $patience = Gateway::Setup::patience();
my $b = Gateway::Backend->http({
    '/long' => sub { [ 200, [], sub {
        my $write = shift;
        for (1 .. 10) {
            $write->('x' x 1000);
            Gateway::Process::pause(0.1);
        }
    } ] },
    '*' => sub { [ 200, [], 'fine ' . $_[0]->size ] },
}, timeout => 15);
my $h = Gateway::Herd->new;
my $s = Gateway::Test->server(driver => 'event', ssl => 1, threads => 25,
    vars => { B => $b, H => $h }, docs => { 'a.txt' => "static\n" },
    mpm_config => 'GracefulShutdownTimeout 20',
    config => "GatewayPass /app http://\@B\@\n"
        . "GatewayPass /herd http://\@H\@\n",
    ssl_config => "GatewayPass /app http://\@B\@\n");
my %before;
sub generation { %before = map { $_ => 1 } $s->children; return }
sub old_ones_go {
    my ($seconds) = @_;
    ok $s->wait_for(sub { !grep { $before{$_} } $s->children }, $seconds),
        'the old children go';
    return;
}

# Idle ones.
generation();
my @idle = map { my $c = $s->client(tls => $_ % 2);
    $c->get('/app/x')->response; $c } 1 .. 10;
my @new = map { $s->client } 1, 2;         # nothing asked yet
Gateway::Process::pause(0.1);
$s->restart('graceful');
Gateway::Process::pause(0.5);
for my $c (@idle) {
    my $r = $c->get('/app/x')->response;
    is $r->status, 200, 'an idle connection is kept for its next request'
        or diag $r->why;
    like $r->header('connection') // '', qr/close/i, '... and closed after it';
    is $c->read_eof, '', '... cleanly';
}
for my $c (@new) {
    my $r = $c->get('/app/x')->response;
    ok $r->status == 200 || $r->raw_head eq '' && $r->why eq 'eof',
        'a new one is served or closed cleanly' or diag $r->status, $r->why;
    $c->close;
}
old_ones_go(6);
ok $s->wait_log(qr/GW02061: the child ends gracefully/), '... and say so';

# Idle ones that ask for nothing do not hold the children for long.
generation();
@idle = map { my $c = $s->client; $c->get('/app/x')->response; $c } 1 .. 5;
$s->restart('graceful');
my $began = time;
for my $c (@idle) {
    is $c->read_eof(7 * $patience), '', 'an idle one ends after seconds';
    $c->close;
}
cmp_ok time - $began, '<', 7 * $patience, '... not many';
old_ones_go(3);

# Busy ones.
for my $how ('restart', 'restart with pipelines') {
    generation();
    my @wait = Gateway::Herd->clients($s, 40);
    my $asked = $h->requests;
    for my $c (@wait) {
        $c->get('/herd/first')->response;
        $c->get('/herd/slow?1.5');
        $c->get('/herd/next') if $how =~ /pipelines/;
    }
    my @long = map { my $c = $s->client; $c->get('/app/x')->response;
        $c->get('/app/long'); $c } 1 .. 4;
    my @up = map { my $c = $s->client; $c->get('/app/x')->response;
        $c->request('POST', '/app/up', ['Content-Length: 10']);
        $c->send('12345'); $c } 1 .. 4;
    my @half = map { my $c = $s->client; $c->get('/app/x')->response;
        $c->send("GET /app/half HTTP/1.1\r\nHost: a\r\n"); $c } 1 .. 4;
    $h->wait($asked + 80);
    $s->restart('graceful');
    Gateway::Process::pause(0.3);
    $_->send('67890') for @up;
    $_->send("\r\n") for @half;
    is_deeply(Gateway::Herd->answers(6, @wait), { 200 => 40 },
        "$how: forty that wait");
    if ($how =~ /pipelines/) {
        # a request behind one that is answered with close may be asked again
        # by its client: an answer or a clean end
        my @wrong = grep { $_ } map { my $r = $_->response;
            $r->status == 200 || $r->why eq 'eof' ? '' : $r->status . $r->why }
            @wait;
        is_deeply \@wrong, [], '... and those behind them';
    }
    is_deeply [ map { $_->response->size } @long ], [ (10_000) x 4 ],
        "$how: downloads";
    is_deeply [ map { $_->response(method => 'POST')->body } @up ],
        [ ('fine 10') x 4 ], "$how: uploads";
    is_deeply [ map { $_->response->status } @half ], [ (200) x 4 ],
        "$how: half heads";
    $_->close for @wait, @long, @up, @half;
    old_ones_go(8);
}

# Under load: keep-alive clients in processes of their own, which take the end
# of a connection only where it is announced or before they have asked.
sub load {
    my ($seconds, $tls) = @_;
    my $dir = Gateway::Test->scratch;
    my @pids = map {
        my $n = $_;
        Gateway::Process::spawn(sub {
            my ($asked, $on, $c, @bad) = (0, 0);
            my $end = time + $seconds;
            srand $n;
            while (time < $end) {
                $c ||= $s->client(tls => $tls && $n % 2, timeout => 10);
                my $r = $c->get('/app/load')->response;
                $asked++;
                $on++;
                my $good = $r->status == 200 && $r->complete;
                push @bad, 'status ' . $r->status . ' ' . $r->why
                    . ", request $on of its connection, at " . time . "\n"
                    unless $good;
                undef $c, $on = 0 if !$good
                    || ($r->header('connection') // '') =~ /close/i;
                Gateway::Process::pause(0.005 + rand 0.1);
            }
            open my $fh, '>', "$dir/load.$n" or die "load: $!";
            print {$fh} "$asked\n", @bad;
            close $fh or die "load: $!";
        });
    } 1 .. 12;
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
for my $tls (0, 1) {
    my $finish = load(3.5, $tls);
    for (1 .. 3) {
        Gateway::Process::pause(0.8);
        $s->restart('graceful');
    }
    my ($asked, @bad) = $finish->();
    cmp_ok $asked, '>', 100, "under load: $asked requests" . ($tls
        ? ', TLS' : '');
    is_deeply \@bad, [], '... none was lost';
}
is $s->get('/app/x')->status, 200, 'the last generation serves';

# A graceful stop.
{
    my @wait = Gateway::Herd->clients($s, 40);
    my $asked = $h->requests;
    for my $c (@wait) {
        $c->get('/herd/first')->response;
        $c->get('/herd/slow?1.5');
    }
    $h->wait($asked + 80);
    $s->hang_up;
    $began = time;
    kill 'WINCH', $s->pid;
    is_deeply(Gateway::Herd->answers(6, @wait), { 200 => 40 },
        'graceful-stop: forty that wait');
    ok $s->wait_for(sub { !$s->{process}->alive }, 10), '... then it ends';
    cmp_ok time - $began, '<', 8 * $patience, '... soon';
    $s->{may_die} = 1;
    is_deeply [ $s->{process}->members ], [], '... and leaves nobody behind';
}

done_testing;
