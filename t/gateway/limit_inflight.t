# GatewayMaxInFlight: a backend that hangs holds a part of the threads only, so
# that other sites are answered; who comes beyond gets a 503 at once.
use Gateway::Test;
use Time::HiRes qw(time);

my $prefork = Gateway::Setup::mpm() eq 'prefork';
my $patience = Gateway::Setup::patience();

# /hang... waits until the test says so.
my $dir = Gateway::Test->scratch;
my $gate = "$dir/gate";
my $hang = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    for (1 .. 1500) {
        last if $req->{path} !~ /hang/ || -e $gate;
        $req->{conn}->pause(0.01);
    }
    return [ 200, [], 'late' ];
} });
my $good = Gateway::Backend->http({ '*' => [ 200, [], 'good' ] });

# A server with eight threads, of one process or of eight; or, for restarts,
# with twice as many, of several processes in any case.
sub server {
    my ($config, %opt) = @_;
    my $times = delete $opt{times} || 1;
    my $n = 8 * $times;
    unlink $gate;
    # it limits the threads that wait: in a loop none does
    my $s = Gateway::Test->server(driver => 'blocking',
        vars => { HANG => $hang, GOOD => $good },
        children => $prefork ? $n : $times > 1 ? $n / 4 : 1,
        threads => $times > 1 ? 4 : 8, %opt,
        mpm_config => $prefork ? "StartServers $n\nMinSpareServers 8" : undef,
        config => <<"EOC" . $config);
GatewayPass /hang http://\@HANG\@/hang timeout=30
GatewayPass /again http://\@HANG\@/again
GatewayPass /good http://\@GOOD\@
EOC
    $s->allow_log(qr/GW00150.*\[busy\]|AH00161|AH00484|AH00485|AH03490/);
    return $s;
}

sub ask {
    my ($s, $path, %opt) = @_;
    return $s->client(timeout => 20, %opt)->get($path, 'Connection: close');
}

# Sends n requests that hang. Those that were refused, and those that wait.
sub hanging {
    my ($s, $n) = @_;
    my (@waiting, @refused);
    $hang->clear;
    for my $i (1 .. $n) {
        my $c = ask($s, "/hang/$i");
        $hang->wait(sub { !$c->quiet(0.01) || at_backend() > @waiting });
        push @{ at_backend() > @waiting ? \@waiting : \@refused }, $c;
    }
    return (\@refused, \@waiting);
}

sub at_backend {
    my @heads = $hang->events(what => 'head');
    return scalar @heads;
}

sub release {
    my (@clients) = @_;
    open my $fh, '>', $gate or die "$gate: $!";
    close $fh or die "$gate: $!";
    return map { my $r = $_->response; $_->close; $r->status } @clients;
}

# What others see meanwhile: the slowest of a few requests.
sub others {
    my ($s) = @_;
    my $slowest = 0;
    for my $path ('/good/x', '/index.html', '/good/y') {
        my $begin = time;
        is $s->get($path)->status, 200, "$path is answered";
        $slowest = time - $begin if time - $begin > $slowest;
    }
    cmp_ok $slowest, '<', 1 * $patience, 'without delay';
    return;
}

# --- by default: three quarters of eight -------------------------------------

my $s = server('');
is $s->get('/good/warm')->status, 200, 'all is well';
my ($refused, $waiting) = hanging($s, 7);
is scalar @$waiting, 6, 'six requests hang';
is scalar @$refused, 1, 'the seventh does not';
my $r = $refused->[0]->response;
is $r->status, 503, 'it is refused';
like $r->header('retry-after'), qr/\A[1-9]\d*\z/, 'with Retry-After';
like $r->header('proxy-status'), qr/error=connection_limit_reached/, 'and why';
is_deeply $r->problems, [], 'well-formed';
$refused->[0]->close;
others($s);
my $begin = time;
$r = $s->post('/hang/post', 'x' x 100_000);
is $r->status, 503, 'a request with a body is refused too';
cmp_ok time - $begin, '<', 1 * $patience, 'at once';
is $s->get('/again/x')->status, 503, 'another rule to the same backend, too';
my ($line) = $s->access_log(uri => '/again/x', wait => 1);
is $line->{gw_reason}, 'busy', 'the access log has the reason';
is_deeply [ release(@$waiting) ], [ (200) x 6 ], 'those that hung end well';
is $s->get('/again/x')->status, 200, 'then the backend is free again';
ok $s->wait_log(qr/warn\].*GW00150: GET http:\S+ 6\ requests, as many as/),
    'the log says it';

# --- a restart in between, and a child that dies -----------------------------

$s->stop;
$s = server("GatewayMaxInFlight 6\n", times => 2);
($refused, $waiting) = hanging($s, 3);
$s->restart('graceful');
my ($more_refused, $more) = hanging($s, 3);
is scalar(@$more), 3, 'three more hang after a graceful restart';
is $s->get('/again/x')->status, 503, 'those of the old generation count';
is_deeply [ release(@$waiting, @$more) ], [ (200) x 6 ], 'all end well';
is $s->get('/again/x')->status, 200, 'all is free';
unlink $gate;
($refused, $waiting) = hanging($s, 6);
$s->allow_log(qr/AH00052: child pid \d+ exit signal Killed|AH1039[23]/);
my %old = map { $_ => 1 } $s->children;
kill 'KILL', keys %old;
$s->wait_for(sub { !grep { $old{$_} } $s->children }, 8);
release();
$_->response, $_->close for @$waiting;
ok $s->wait_for(sub { $s->get('/again/x')->status == 200 }, 3),
    'children that are killed hold nothing';
$s->stop;

# --- given values ------------------------------------------------------------

for (['GatewayMaxInFlight 2', 2], ['GatewayMaxInFlight 50%', 4],
    ['GatewayMaxInFlight 1%', 1]) {
    my ($directive, $max) = @$_;
    $s = server("$directive\n");
    ($refused, $waiting) = hanging($s, $max + 1);
    is scalar @$waiting, $max, $directive;
    is scalar @$refused, 1, 'and no more';
    others($s);
    release(@$waiting, @$refused);
    $s->stop;
}

$s = server("GatewayMaxInFlight Off\n");
($refused, $waiting) = hanging($s, 8);
is scalar @$waiting, 8, 'GatewayMaxInFlight Off: all threads';
release(@$waiting);
$s->stop;

# --- a virtual host of its own -----------------------------------------------

$s = server(<<'EOC', ports => ['FRONT2']);
GatewayMaxInFlight 1
Listen 127.0.0.1:@FRONT2@
<VirtualHost 127.0.0.1:@FRONT2@>
    GatewayMaxInFlight 3
</VirtualHost>
EOC
($refused, $waiting) = hanging($s, 2);
is scalar @$waiting, 1, 'one at the main server';
my $c = ask($s, '/again/x', port => $s->port('FRONT2'));
$r = $c->response;
is $r->status, 200, 'a virtual host with a larger number';
release(@$waiting, @$refused);
done_testing;
