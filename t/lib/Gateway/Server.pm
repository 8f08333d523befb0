package Gateway::Server;

=head1 NAME

Gateway::Server - one httpd of one test, with its own configuration

=head1 SYNOPSIS

  my $s = Gateway::Test->server(
      modules => [qw(headers alias)],
      vars    => { BACKEND => $b },
      config  => <<'EOC');
  GatewayPass /app http://@BACKEND@
  EOC

  my $r = $s->get('/app/x', 'X-A: 1');       # strict; see Gateway::Kept
  my $c = $s->client;                        # Gateway::Client, stays open
  my $h = $s->curl('/app', '--http2');       # see Gateway::Client::curl
  my ($line) = $s->access_log(wait => 1);    # {status, gw_addr, ...}
  $s->expect_log(qr/GW00042/);

=head1 DESCRIPTION

A subclass of Apache::TestServer on an Apache::TestConfig of its own (so
Apache::TestRequest's GET and friends talk to the newest server), but with a
start that takes a tenth of a second, in the foreground of a process group of
its own. Nothing is inherited from the machine's configuration: loaded are the
chosen MPM, authz_core, mod_gateway (and mod_gateway_balancer where it is
built) and what the test names.

=head1 OPTIONS

=over

=item modules => [names]

=item config => text

Directives at server level, in conf/test.conf, line 1 being the first line: an
error message says C<test.conf:3>.

=item vars => { NAME => value or Gateway::Backend ... }

C<@NAME@> in config is replaced by the value, by host:port (unix:/path) for an
object with a C<hostport>, C<@NAME_URL@> by its url and C<@NAME_PORT@> by its
port. Always there: @PORT@ @SSLPORT@ @ROOT@ (ServerRoot) @DOCROOT@ @CA@ (file)
@CERTS@ (folder) @DRIVER@ @MPM@. An unknown one is an error.

=item ports => [names]

Free ports, reserved for the test, as C<@NAME@> and C<< $s->port('NAME') >>;
for further Listen lines in config.

=item ssl => 1 or certificate name; ssl_config => text

A TLS virtual host on C<< $s->ssl_port >>. h2 => 1 loads mod_http2 and offers
h2 (over TLS) and h2c. ipv6 => 1 listens on ::1 too.

=item docs => { 'path' => text }

Files of the DocumentRoot, which has an index.html otherwise.

=item etc => { 'hosts' => text, 'resolv.conf' => text ... }

Files that the server sees instead of the machine's, in a mount name space of
its own (root only: C<< Gateway::Test->need(names => 1) >>). They are in
@ROOT@/etc and may be written to while it runs. See L<Gateway::DNS>.

=item children => n, threads => n, mpm_config => text

Default: one child with 16 threads (prefork: up to 16 children; children => 1
gives one). loglevel => text adds to LogLevel. gateway => 0: without our
modules. timeout => seconds (the Timeout directive, 10).

=item driver => blocking, event or auto; lane => regex; keep => 0

Another driver than the run's (event MPM only); lanes that are allowed
(L<Gateway::Lane>); no connection is used twice by get, post and request
(L<Gateway::Kept>).

=back

=cut

use strict;
use warnings;
use parent -norequire, 'Apache::TestServer';
use Time::HiRes qw(time);
use Gateway::ApacheConfig ();
use Gateway::CA ();
use Gateway::Client ();
use Gateway::Config ();
use Gateway::Kept ();
use Gateway::Lane ();
use Gateway::Log ();
use Gateway::Process ();
use Gateway::Setup ();

our @ALL;           # of this test file, for the audit
my $COUNT = 0;

sub create {
    my ($class, %opt) = @_;
    $COUNT++;
    my $root = Gateway::Test::scratch() . "/httpd$COUNT";
    my $self = bless {
        opt => \%opt, root => $root, number => $COUNT, problems => [],
        ports => { PORT => Gateway::Process::take_port() },
        mark => "GATEWAY_INSTANCE=$$.$COUNT." . int time,
    }, $class;
    $self->{ports}{SSLPORT} = Gateway::Process::take_port() if $opt{ssl};
    $self->{ports}{$_} = Gateway::Process::take_port()
        for @{ $opt{ports} || [] };
    $self->{log} = Gateway::Log->new("$root/logs/error.log",
        "$root/logs/start.log", "$root/san");
    $self->{kept} = Gateway::Kept->new($self);
    $self->{lanes} = Gateway::Lane->new($self);
    # prefork says so when all of the few children that a test asked for are
    # busy at a look around: a matter of moments
    $self->{log}->allow(qr/AH00161/)
        if $opt{children} && Gateway::Setup::mpm() eq 'prefork';
    # a child that valgrind starts has no idle thread yet when the worker MPM
    # looks around, after a second
    $self->{log}->allow(qr/\[mpm_worker:error\].*AH0028[68]/)
        if Gateway::Setup::valgrind();
    $self->_prepare;
    return $self;
}

sub _prepare {
    my ($self) = @_;
    my $root = Gateway::Setup::fresh_dir($self->{root});
    Gateway::Setup::make_dir("$root/$_") for qw(conf logs run htdocs);
    Gateway::Setup::make_dir("$root/$_", 01777) for qw(san core);
    Gateway::CA::ensure() if $self->{opt}{ssl};
    Gateway::Config->new($self)->write;
    $self->{config} = Gateway::ApacheConfig->for_server($self);
    @$self{qw(name mpm rev revminor version port_counter)} = (
        'localhost:' . $self->port, Gateway::Setup::mpm(), 2, 4,
        'Apache/2.4', $self->port);
    return;
}

sub root     { return $_[0]{root} }
sub docroot  { return "$_[0]{root}/htdocs" }
sub opt      { return $_[0]{opt} }
sub ssl_port { return $_[0]->port('SSLPORT') }
sub driver   { return $_[0]{opt}{driver} || Gateway::Setup::driver() }
sub ports    { return $_[0]{ports} }
sub log      { return $_[0]{log} }
sub pid_file { return "$_[0]{root}/run/httpd.pid" }

sub port {
    my ($self, $name) = @_;
    return $self->{ports}{ $name || 'PORT' }
        // die "no port '$name': see 'ports' and 'ssl'\n";
}

sub url {
    my ($self, $path, $scheme) = @_;
    $scheme ||= 'http';
    my $port = $scheme eq 'https' ? $self->ssl_port : $self->port;
    return "$scheme://localhost:$port" . ($path // '');
}

# The MPM that must be found running; the module of that name is loaded.
sub mpm_module { return 'mpm_' . Gateway::Setup::mpm() }

# --- start and stop ----------------------------------------------------

sub start {
    my ($self) = @_;
    my ($ok, $why) = $self->try_start;
    return $self if $ok;
    die "httpd did not start: $why\n";
}

# Returns (1) or (0, all that httpd said).
sub try_start {
    my ($self) = @_;
    return 1 if $self->{process};
    unlink $self->pid_file;
    $self->{process} = Gateway::Process->run(
        cmd => [ $self->command('-D', 'FOREGROUND') ],
        env => $self->environment, mark => $self->{mark}, core => 1,
        log => "$self->{root}/logs/start.log");
    push @ALL, $self unless grep { $_ == $self } @ALL;
    my $deadline = time + 20 * Gateway::Setup::patience();
    until ($self->_is_up) {
        if ($self->{process}->alive && time < $deadline) {
            select undef, undef, undef, 0.01;
            next;
        }
        my $said = $self->{log}->all_text;
        my $late = $self->{process}->alive ? "not within the time\n" : '';
        $self->{process}->stop(signal => 'KILL', grace => 0);
        delete $self->{process};
        $self->{failed_start} = 1;
        return (0, $late . $said);
    }
    $self->_check_mpm;
    return 1;
}

sub _is_up {
    my ($self) = @_;
    return -s $self->pid_file
        && $self->{log}->count(qr/resuming normal operations/) > 0;
}

# The line that says so comes from the MPM that runs.
sub _check_mpm {
    my ($self) = @_;
    my $want = 'mpm_' . Gateway::Setup::mpm();
    my ($line) = $self->{log}->grep(qr/resuming normal operations/);
    my ($have) = $line =~ /\[(mpm_\w+):/;
    $self->problem("wrong MPM: $want is wanted, " . ($have // 'none')
        . ' is running') if !defined $have || $have ne $want;
    return;
}

sub command {
    my ($self, @more) = @_;
    my @cmd = (Gateway::Setup::httpd(), '-d', $self->{root}, '-f',
        "$self->{root}/conf/httpd.conf", @more);
    unshift @cmd, $self->_valgrind if Gateway::Setup::valgrind();
    unshift @cmd, $self->_own_etc if $self->{opt}{etc};
    return @cmd;
}

# A mount name space in which the test's files lie over those of /etc.
sub _own_etc {
    my ($self) = @_;
    my $mounts = join ' && ', map {
        "mount --bind '$self->{root}/etc/$_' '/etc/$_'"
    } sort keys %{ $self->{opt}{etc} };
    return ('unshare', '--mount', '/bin/sh', '-c',
        qq{$mounts && exec "\$@"}, 'sh');
}

sub _valgrind {
    my ($self) = @_;
    my $t = Gateway::Setup::root() . '/t/conf';
    return ('valgrind', '-q', '--trace-children=no', '--num-callers=30',
        '--leak-check=no', '--error-limit=no',
        "--suppressions=$t/valgrind.supp",
        "--log-file=$self->{root}/san/valgrind.%p");
}

sub environment {
    my ($self) = @_;
    my ($name, $value) = split /=/, $self->{mark}, 2;
    my %env = ($name => $value, LC_ALL => 'C');
    my @preload = Gateway::Setup::preload();
    return \%env unless @preload;
    my $log = "log_path=$self->{root}/san/report";
    $env{LD_PRELOAD} = join ':', @preload;
    $env{ASAN_OPTIONS} = join ':', 'detect_leaks=0', 'detect_odr_violation=0',
        $log, $ENV{ASAN_OPTIONS} // ();
    $env{UBSAN_OPTIONS} = join ':', 'print_stacktrace=1', $log,
        $ENV{UBSAN_OPTIONS} // ();
    return \%env;
}

# Ends the server and looks whether anything of it is left.
sub stop {
    my ($self) = @_;
    my $process = delete $self->{process} or return $self;
    my $died = !$process->alive;
    $self->_settle($process);
    my @forced = $process->stop(timeout => 20 * Gateway::Setup::patience());
    my $status = $process->status // 0;
    $self->problem('httpd was gone before it was stopped'
        . ($status & 127 ? ': signal ' . ($status & 127) : ''))
        if $died && !$self->{may_die};
    $self->problem('httpd ended with signal ' . ($status & 127))
        if !$died && $status & 127 && !@forced;
    $self->problem("a process was left behind and had to be killed: $_")
        for @forced;
    $self->hang_up;
    $self->_check_ports;
    return $self;
}

# A child of the event MPM that is told to end while a worker is still busy
# with the end of a connection takes the pollset away from under it: an error
# line (AH03092) or a crash of httpd's own making. So wait, for a moment, until
# the threads have nothing to do.
sub _settle {
    my ($self, $process) = @_;
    my @children = Gateway::Process::children_of($process->pid);
    my $calm = 0;
    for (1 .. 50 * Gateway::Setup::patience()) {
        $calm = Gateway::Process::all_asleep(@children) ? $calm + 1 : 0;
        last if $calm >= 3;
        select undef, undef, undef, 0.005;
    }
    return;
}

sub _check_ports {
    my ($self) = @_;
    my $listening = Gateway::Process::listening();
    for my $name (sort keys %{ $self->{ports} }) {
        my $port = $self->{ports}{$name};
        $self->problem("port $name ($port) is still listened to after stop")
            if $listening->{$port};
    }
    return;
}

# restart('graceful') or restart(): waits until the new generation serves.
sub restart {
    my ($self, $how) = @_;
    my $before = $self->{log}->count(qr/resuming normal operations/);
    my $process = $self->{process} or die "restart: not started\n";
    my $graceful = ($how // '') eq 'graceful';
    $self->hang_up;
    $self->_settle($process) unless $graceful;
    kill $graceful ? 'USR1' : 'HUP', $process->pid;
    $self->wait_for(sub {
        !$process->alive || $self->{log}->count(
            qr/resuming normal operations/) > $before;
    }, 15) or die "httpd did not restart\n";
    $process->alive or die "httpd ended at restart:\n"
        . $self->{log}->tail(5);
    return $self;
}

# Replaces the test's configuration (for a restart).
sub reconfigure {
    my ($self, %opt) = @_;
    $self->{opt} = { %{ $self->{opt} }, %opt };
    Gateway::Config->new($self)->write;
    return $self;
}

# (true or false, what httpd -t said)
sub check {
    my ($self) = @_;
    my $log = "$self->{root}/logs/start.log";
    my $p = Gateway::Process->run(cmd => [ $self->command('-t') ],
        env => $self->environment, log => $log);
    $p->wait_end(20 * Gateway::Setup::patience()) or $p->stop;
    return ($p->status == 0 ? 1 : 0, $self->{log}->all_text);
}

sub wait_for {
    my ($self, $code, $seconds) = @_;
    my $deadline = time + ($seconds // 5) * Gateway::Setup::patience();
    while (1) {
        return 1 if $code->();
        return 0 if time > $deadline;
        select undef, undef, undef, 0.01;
    }
}

sub problem {
    my ($self, $text) = @_;
    push @{ $self->{problems} }, $text;
    return;
}

# --- processes ---------------------------------------------------------

sub pid { return $_[0]{process} ? $_[0]{process}->pid : 0 }

# Ids of the processes that serve requests.
sub children {
    my ($self) = @_;
    my @found = $self->{process}
        ? Gateway::Process::children_of($self->{process}->pid) : ();
    return @found;
}

# { pid => [what each descriptor is] }
sub descriptors {
    my ($self) = @_;
    my %found;
    for my $pid ($self->children) {
        opendir my $dir, "/proc/$pid/fd" or next;
        $found{$pid} = [ map { readlink("/proc/$pid/fd/$_") // () }
            grep { /\A\d+\z/ } readdir $dir ];
    }
    return \%found;
}

# Waits, for a moment, until no thread of a child has anything to do.
sub settle { return $_[0]->_settle($_[0]{process}) }

# Remembers how many descriptors the children have when nothing goes on: call
# it after a first request.
sub mark_idle {
    my ($self) = @_;
    $self->hang_up;
    $self->settle;
    my $now = $self->descriptors;
    my ($most) = sort { $b <=> $a } map { scalar @$_ } values %$now;
    $self->{idle} = $most;
    return $self;
}

# True when every child is back at that number within the time (and a slack,
# e.g. of pooled connections that may stay). Otherwise writes what is left.
sub idle_check {
    my ($self, %opt) = @_;
    my $limit = ($self->{idle} // die "idle_check needs mark_idle first\n")
        + ($opt{slack} || 0);
    $self->hang_up;
    my $now;
    return 1 if $self->wait_for(sub {
        $now = $self->descriptors;
        !grep { @$_ > $limit } values %$now;
    }, $opt{within});
    for my $pid (sort keys %$now) {
        my %kinds;
        $kinds{ s/\[?\d+\]?\z//r }++ for @{ $now->{$pid} };
        Test::More::diag("child $pid has ", scalar @{ $now->{$pid} },
            " descriptors, $limit are allowed: ",
            join ', ', map { "$kinds{$_} $_" } sort keys %kinds);
    }
    return 0;
}

# Resident memory of the children in KiB.
sub memory {
    my ($self) = @_;
    my $sum = 0;
    for my $pid ($self->children) {
        open my $fh, '<', "/proc/$pid/status" or next;
        /^VmRSS:\s+(\d+)/ and $sum += $1 while <$fh>;
    }
    return $sum;
}

# --- requests ----------------------------------------------------------

sub client {
    my ($self, %opt) = @_;
    $opt{port} //= $opt{tls} ? $self->ssl_port : $self->port;
    my $client = Gateway::Client->new(%opt)
        or die "no connection to httpd: $Gateway::Client::ERROR\n";
    return $client;
}

sub request {
    my ($self, $method, $target, $lines, $body, %opt) = @_;
    return $self->_request_kept($method, $target, $lines, $body,
        $opt{tls} ? 'tls' : 'clear') if $self->_keeps(%opt);
    delete $opt{fresh};
    my @lines = ('Connection: close', @{ $lines || [] });
    my $c = $self->client(%opt);
    my $r = $c->request($method, $target, \@lines, $body)->response;
    $c->close;
    return $r;
}

# See Gateway::Kept.
sub _keeps {
    my ($self, %opt) = @_;
    my $keep = $self->{opt}{keep} // $ENV{GATEWAY_KEPT}
        // ($self->driver ne 'blocking');
    return $keep && !grep { $_ ne 'tls' } keys %opt;
}

sub _request_kept {
    my ($self, $method, $target, $lines, $body, $kind) = @_;
    my $c = $self->{kept}->connection($kind);
    my $r = $c->request($method, $target, $lines, $body)->response;
    $self->{kept}->after($kind, $method, $r);
    return $r;
}

# Closes the connections that the short forms have kept.
sub hang_up {
    my ($self) = @_;
    $self->{kept}->drop_all;
    return $self;
}

sub get {
    my ($self, $target, @lines) = @_;
    return $self->request('GET', $target, \@lines);
}

sub get_tls {
    my ($self, $target, @lines) = @_;
    return $self->request('GET', $target, \@lines, undef, tls => 1);
}

sub post {
    my ($self, $target, $body, @lines) = @_;
    return $self->request('POST', $target, \@lines, $body);
}

# Sends these bytes on a new connection and returns the response to them.
sub raw {
    my ($self, $bytes, %opt) = @_;
    my $c = $self->client(%opt);
    $c->send($bytes);
    return $c->response(method => 'GET', %opt);
}

# curl of a path, in clear text, or over TLS: $s->curl('/x', tls => 1, '-v').
sub curl {
    my ($self, $path, @args) = @_;
    my $scheme = 'http';
    if (@args >= 2 && $args[0] eq 'tls') {
        shift @args;
        $scheme = 'https' if shift @args;
    }
    return Gateway::Client::curl($self->url($path, $scheme), @args);
}

# --- logs --------------------------------------------------------------

sub error_log_lines { return $_[0]{log}->lines }
sub expect_log      { my $s = shift; return $s->{log}->expect(@_) }
sub allow_log       { my $s = shift; return $s->{log}->allow(@_) }
sub expect_lane     { my $s = shift; return $s->{lanes}->expect(@_) }

# Waits for a line and returns it; undef at the end of the time.
sub wait_log {
    my ($self, $re, $seconds) = @_;
    my $line;
    $self->wait_for(sub { ($line) = $self->{log}->grep($re); defined $line },
        $seconds);
    return $line;
}

# Every request that was logged, as a hash by the names of LogFormat (see
# Gateway::Config); with uri => path (or a regex) only those of that path.
# wait => n waits until there are n.
sub access_log {
    my ($self, %opt) = @_;
    my @found;
    $self->wait_for(sub {
        @found = grep { _is_of($_, $opt{uri}) } $self->_read_access_log;
        @found >= ($opt{wait} || 0);
    }, $opt{within});
    return @found;
}

sub _is_of {
    my ($line, $uri) = @_;
    return !defined $uri || (ref $uri ? $line->{uri} =~ $uri
        : $line->{uri} eq $uri);
}

sub _read_access_log {
    my ($self) = @_;
    open my $fh, '<', "$self->{root}/logs/access.log" or return;
    my @found;
    while (my $line = <$fh>) {
        last unless chomp $line;
        push @found, { map { split /=/, $_, 2 } split /\t/, $line };
    }
    return @found;
}

# Everything that a test file must not leave behind it.
sub audit {
    my ($self) = @_;
    $self->stop;
    return (@{ $self->{problems} },
        $self->{failed_start} ? () : $self->{log}->audit,
        $self->{lanes}->audit,
        $self->_backtraces);
}

# Where a child crashed, if it left a core and gdb is there.
sub _backtraces {
    my ($self) = @_;
    my @found;
    for my $core (glob "$self->{root}/core/core*") {
        my $httpd = Gateway::Setup::httpd();
        my $trace = `gdb -nx -batch -ex bt '$httpd' '$core' 2>/dev/null` // '';
        my @frames = grep { /^#/ } split /\n/, $trace;
        push @found, join "\n    ", "crashed, see $core:",
            @frames > 25 ? @frames[0 .. 24] : @frames;
    }
    return @found;
}

1;
