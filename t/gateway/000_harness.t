# Tests of the tests: small test files, most of them bad on purpose, are run
# as t/run would run them; each must pass or fail for the reason named.
use Gateway::Test;
use Time::HiRes ();

my $PARALLEL = 3;
my @fixtures;

sub passes { push @fixtures, { name => $_[0], code => $_[1] }; return }

sub fails {
    my ($name, $says, $code) = @_;
    push @fixtures, { name => $name, says => $says, code => $code };
    return;
}

# --- the error log -----------------------------------------------------

my $DENIED = <<'EOC';
my $s = Gateway::Test->server(gateway => 0,
    config => "<Location /no>\nRequire all denied\n</Location>\n");
is $s->get('/no')->status, 403;
EOC

passes 'clean', <<'EOC';
my $s = Gateway::Test->server(gateway => 0);
is $s->get('/index.html')->status, 200;
EOC

fails 'undeclared', qr/did not declare.*AH01630/s, $DENIED;

passes 'declared', "$DENIED \$s->expect_log(qr/AH01630/, 1);";

fails 'absent', qr/expect_log\(.*AH99999.*seen 0 times/,
    "$DENIED \$s->expect_log(qr/AH01630/); \$s->expect_log(qr/AH99999/);";

fails 'count', qr/expect_log\(.*AH01630.*seen 1 times, not 2/,
    "$DENIED \$s->expect_log(qr/AH01630/, 2);";

passes 'allowed', "$DENIED \$s->allow_log(qr/AH01630|AH99999/);";

fails 'plan', qr/did not declare.*AH01630/s,
    "plan tests => 1; $DENIED exit 0;";

fails 'report', qr/report in .*san.*heap-use-after-free/s, <<'EOC';
my $s = Gateway::Test->server(gateway => 0);
open my $fh, '>', $s->root . '/san/report.1' or die;
print {$fh} "ERROR: AddressSanitizer: heap-use-after-free\n";
ok close $fh;
EOC

fails 'stderr', qr/did not declare.*runtime error/s, <<'EOC';
my $s = Gateway::Test->server(gateway => 0);
$s->expect_log(qr/runtime error/);
open my $fh, '>>', $s->root . '/logs/error.log' or die;
print {$fh} "x.c:1:2: runtime error: shift exponent 64 is too large\n";
ok close $fh;
EOC

# --- processes ---------------------------------------------------------

fails 'crash', qr/did not declare.*exit signal Segmentation fault/s, <<'EOC';
my $s = Gateway::Test->server(gateway => 0);
my ($child) = $s->children;
ok kill 'SEGV', $child;
ok $s->wait_log(qr/exit signal/);
EOC

fails 'parent', qr/httpd was gone before it was stopped: signal 9/, <<'EOC';
my $s = Gateway::Test->server(gateway => 0);
ok kill 'KILL', $s->pid;
Gateway::Process::pause(0.2);
EOC

fails 'listener', qr/port EXTRA \(\d+\) is still listened to/, <<'EOC';
my $s = Gateway::Test->server(gateway => 0, ports => ['EXTRA']);
my $other = Gateway::Backend->http(undef, port => $s->port('EXTRA'));
is $other->port, $s->port('EXTRA');
EOC

fails 'leftover', qr/left behind and had to be killed/, <<'EOC';
my $s = Gateway::Test->server(gateway => 0, config =>
    q{CustomLog "|/bin/sh -c 'trap : TERM HUP; while :; do sleep 1; done'" %h}
    . "\n");
is $s->get('/index.html')->status, 200;
EOC

fails 'wrong-mpm', qr/wrong MPM: mpm_\w+ is wanted, mpm_\w+ is running/,
    <<'EOC';
no warnings 'redefine';
*Gateway::Server::mpm_module = sub {
    return Gateway::Setup::mpm() eq 'event' ? 'mpm_worker' : 'mpm_event';
};
my $s = Gateway::Test->server(gateway => 0);
is $s->get('/index.html')->status, 200;
EOC

fails 'died', qr/on purpose/, <<'EOC';
my $s = Gateway::Test->server(gateway => 0);
my $b = Gateway::Backend->http();
die "on purpose\n";
EOC

fails 'killed', qr/\A(?!.*not ok)/s, <<'EOC';
my $s = Gateway::Test->server(gateway => 0);
my $b = Gateway::Backend->http();
my $c = Gateway::Client->new(port => $b->port);
kill 'KILL', $$;
EOC

fails 'too-long', qr/took longer than/, <<'EOC';
alarm 1;
my $s = Gateway::Test->server(gateway => 0);
my $b = Gateway::Backend->new(steps => ['silent']);
Gateway::Client->new(port => $b->port)->get('/')->response(timeout => 30);
EOC

passes 'descriptors', <<'EOC';
my $s = Gateway::Test->server(gateway => 0, children => 1);
is $s->get('/index.html')->status, 200;
$s->mark_idle;
my $c = $s->client;
$c->send('G');
ok $s->wait_for(sub { !$s->idle_check(within => 0) }),
    'an open connection is seen';
$c->close;
ok $s->idle_check, 'and that it is gone';
EOC

passes 'graceful', <<'EOC';
my $s = Gateway::Test->server(gateway => 0);
my ($old) = $s->children;
$s->restart('graceful');
is $s->get('/index.html')->status, 200;
ok $s->wait_for(sub { !grep { $_ == $old } $s->children }), 'old is gone';
$s->reconfigure(docs => { 'new.html' => 'new' })->restart;
is $s->get('/new.html')->body, 'new';
EOC

# --- configuration -----------------------------------------------------

passes 'configtest', <<'EOC';
my ($ok, $said) = Gateway::Test->configtest(gateway => 0,
    config => "\nNonsense On\n");
ok !$ok;
like $said, qr/line 2 of .*test\.conf.*Nonsense/s;
($ok) = Gateway::Test->configtest(gateway => 0, modules => ['headers'],
    config => "Header set X-A 1\n");
ok $ok;
my $taken = Gateway::Backend->http();
($ok, $said) = Gateway::Test->try_start(gateway => 0, vars => { B => $taken },
    config => "Listen \@B\@\n");
ok !$ok;
like $said, qr/Address already in use/;
EOC

fails 'no-start', qr/httpd did not start.*Nonsense/s,
    'Gateway::Test->server(gateway => 0, config => "Nonsense\n");';

fails 'no-value', qr/placeholder \@BACKEND\@ has no value/,
    'Gateway::Test->server(gateway => 0, config => "# \@BACKEND\@\n");';

# --- backends ----------------------------------------------------------

fails 'script', qr/backend 1: connection 1: expected PUT/, <<'EOC';
my $b = Gateway::Backend->new(timeout => 0.2, script => sub {
    $_[0]->expect('PUT ');
});
my $c = Gateway::Client->new(port => $b->port);
is $c->get('/')->response->status, 0;
EOC

# --- the machinery -----------------------------------------------------

my $run = "harness-$$." . time;
Gateway::Test->scratch;

sub start {
    my ($f) = @_;
    my $base = Gateway::Test->scratch . "/harness-$f->{name}";
    open my $fh, '>', "$base.t" or die "$base.t: $!";
    print {$fh} "use Gateway::Test;\n$f->{code}\ndone_testing;\n";
    close $fh or die;
    $f->{output} = "$base.log";
    $f->{process} = Gateway::Process->run(log => $f->{output},
        cmd => [ $^X, '-I' . Gateway::Setup::root() . '/t/lib', "$base.t" ],
        env => { GATEWAY_RUN => "$run.$f->{name}" });
    return $f;
}

sub judge {
    my ($f) = @_;
    my $status = $f->{process}->status;
    my $said = do {
        local (@ARGV, $/) = $f->{output};
        <>;
    } // '';
    my $ok = $f->{says} ? $status != 0 && $said =~ $f->{says}
        : $status == 0 && $said =~ /^1\.\.\d/m;
    ok $ok, "$f->{name} " . ($f->{says} ? 'fails for its reason' : 'passes');
    diag "status $status, expected ", $f->{says} || 'success', "\n$said"
        unless $ok;
    my $left = sub { Gateway::Process::marked(
        "GATEWAY_RUN=$run.$f->{name}") };
    for (1 .. 300) {
        last unless $left->();
        Gateway::Process::pause(0.02);
    }
    is_deeply [ map { Gateway::Process::command_of($_) } $left->() ], [],
        "$f->{name} leaves no process";
    return;
}

my @waiting = @fixtures;
my @running;
while (@waiting || @running) {
    push @running, start(shift @waiting)
        while @waiting && @running < $PARALLEL;
    my @ended = grep { !$_->{process}->alive } @running;
    @running = grep { my $f = $_; !grep { $_ == $f } @ended } @running;
    judge($_) for @ended;
    Gateway::Process::pause(0.02) unless @ended;
}

done_testing;
