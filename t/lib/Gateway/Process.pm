package Gateway::Process;

=head1 NAME

Gateway::Process - child processes and ports that never outlive a test

=head1 SYNOPSIS

  my $pid  = Gateway::Process::spawn(sub { ... });   # Perl code, own group
  my $p    = Gateway::Process->run(cmd => [...], log => $file, env => {...});
  $p->alive; $p->stop; my @pids = $p->members;
  my $port = Gateway::Process::take_port();

=head1 DESCRIPTION

Every child leads a process group of its own, so that all of it can be ended
by id. Children made of Perl code hold the reading end of a "life pipe" whose
writing end only the test has: when the test goes, however it goes, they see
the end of file (C<wait_io> dies) and leave. Programs get the parent-death
signal instead.

Ports are taken from below the kernel's range for outgoing connections, so
that nobody is given one of them by chance and a closed port stays closed. A
taken port is marked, for as long as the test lives, by a socket in the
abstract UNIX name space: parallel tests and parallel runs see it.

=cut

use strict;
use warnings;
use Errno qw(EINTR);
use Fcntl qw(F_SETFD FD_CLOEXEC);
use POSIX ();
use Socket qw(:DEFAULT IPPROTO_IPV6 IPV6_V6ONLY IN6ADDR_ANY
    pack_sockaddr_in6);
use Time::HiRes qw(time);

our @IN_CHILD;      # code that a spawned child runs first

my ($LIFE_READ, $LIFE_WRITE);
my %CHILDREN;       # pid => 1, group leaders that are ours to end
my $OWNER = $$;

sub _life_pipe {
    return if $LIFE_READ;
    pipe $LIFE_READ, $LIFE_WRITE or die "pipe: $!";
    return;
}

sub life_handle { return $LIFE_READ }

# Runs the code in a child process and never returns there.
sub spawn {
    my ($code, %opt) = @_;
    _life_pipe();
    my $pid = fork;
    defined $pid or die "fork: $!";
    if ($pid) {
        setpgrp $pid, $opt{group} || $pid;
        $CHILDREN{$pid} = 1 unless $opt{group};
        return $pid;
    }
    setpgrp 0, $opt{group} || 0;
    close $LIFE_WRITE if $LIFE_WRITE;
    undef $LIFE_WRITE;
    _quiet_child($opt{log});
    my $ok = eval { $code->(); 1 };
    my $error = $@;
    if (!$ok && $error !~ /\Agateway: test is over/) {
        print STDERR $error;
        POSIX::_exit(1);
    }
    POSIX::_exit(0);
}

# The test's stdout is the harness's pipe: a child must not keep it open.
sub _quiet_child {
    my ($log) = @_;
    $SIG{$_} = 'DEFAULT' for qw(INT TERM ALRM CHLD __DIE__ __WARN__);
    $SIG{PIPE} = 'IGNORE';
    alarm 0;
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    open STDERR, '>>', $log || '/dev/null';
    STDERR->autoflush(1);
    %CHILDREN = ();
    $_->() for @IN_CHILD;
    return;
}

# Waits until a handle is ready. Returns true, or false at the deadline.
# Dies in a child whose test is gone.
sub wait_io {
    my ($fh, $what, $seconds) = @_;
    my $deadline = time + $seconds;
    while (1) {
        my $left = $deadline - time;
        $left = 0 if $left < 0;
        my ($r, $w) = ('', '');
        vec($r, fileno $fh, 1) = 1 if $fh && $what =~ /r/;
        vec($w, fileno $fh, 1) = 1 if $fh && $what =~ /w/;
        my $life = !$LIFE_WRITE && $LIFE_READ;
        vec($r, fileno $LIFE_READ, 1) = 1 if $life;
        my $n = select $r, $w, undef, $left;
        next if $n < 0 && $! == EINTR;
        die "gateway: test is over\n"
            if $life && $n > 0 && vec $r, fileno $LIFE_READ, 1;
        return 1 if $n > 0;
        return 0 if $n <= 0 && $left <= 0;
    }
}

sub pause { wait_io(undef, '', $_[0]); return }

sub run {
    my ($class, %opt) = @_;
    my $pid = fork;
    defined $pid or die "fork: $!";
    if (!$pid) {
        setpgrp 0, 0;
        $SIG{$_} = 'DEFAULT' for qw(INT TERM ALRM CHLD PIPE);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $opt{log} || '/dev/null';
        open STDERR, '>&', \*STDOUT;
        $ENV{$_} = $opt{env}{$_} for keys %{ $opt{env} || {} };
        my @cmd = @{ $opt{cmd} };
        unshift @cmd, '/bin/sh', '-c',
            'ulimit -c unlimited 2>/dev/null; exec "$@"', 'sh' if $opt{core};
        unshift @cmd, '/usr/bin/setpriv', '--pdeathsig',
            $opt{deathsig} || 'TERM' if -x '/usr/bin/setpriv';
        { no warnings 'exec'; exec { $cmd[0] } @cmd; }
        print STDERR "cannot run $cmd[0]: $!\n";
        POSIX::_exit(127);
    }
    setpgrp $pid, $pid;
    $CHILDREN{$pid} = 1;
    return bless { pid => $pid, log => $opt{log}, mark => $opt{mark} },
        $class;
}

sub pid    { return $_[0]{pid} }
sub status { return $_[0]{status} }

sub alive {
    my ($self) = @_;
    return 0 if defined $self->{status};
    my $got = waitpid $self->{pid}, POSIX::WNOHANG;
    return 1 if $got == 0;
    $self->{status} = $got == $self->{pid} ? $? : 0;
    delete $CHILDREN{ $self->{pid} };
    return 0;
}

# True when the process ended within the time.
sub wait_end {
    my ($self, $seconds) = @_;
    my $deadline = time + $seconds;
    while ($self->alive) {
        return 0 if time > $deadline;
        select undef, undef, undef, 0.01;
    }
    return 1;
}

# Asks the leader to end, then insists. Returns what had to be killed.
sub stop {
    my ($self, %opt) = @_;
    my $signal = $opt{signal} || 'TERM';
    my @forced;
    if ($self->alive) {
        kill $signal, $self->{pid};
        $self->wait_end($opt{timeout} || 10) or push @forced, $self->{pid};
    }
    my $deadline = time + ($opt{grace} || 1);
    while ($self->members && time < $deadline && !@forced) {
        select undef, undef, undef, 0.02;
    }
    for my $pid ($self->members) {
        push @forced, $pid unless grep { $_ == $pid } @forced;
        kill 'KILL', $pid;
    }
    $self->wait_end(5);
    return @forced;
}

# Ids of all processes of the group, or with our mark in their environment.
sub members {
    my ($self) = @_;
    my @found;
    for my $pid (pids()) {
        my ($state, $ppid, $group) = proc_stat($pid) or next;
        next if !defined $state || $state eq 'Z' || $pid == $$;
        push @found, $pid
            if $group == $self->{pid} || _marked($pid, $self->{mark});
    }
    return @found;
}

# All processes, our own aside, that have "NAME=value" in their environment.
sub marked {
    my ($mark) = @_;
    return grep { $_ != $$ && _marked($_, $mark) } pids();
}

sub pids {
    opendir my $dir, '/proc' or return;
    return grep { /\A\d+\z/ } readdir $dir;
}

sub proc_stat {
    my ($pid) = @_;
    open my $fh, '<', "/proc/$pid/stat" or return;
    my $line = <$fh>;
    return unless defined $line && $line =~ s/\A.*\) //s;
    return split ' ', $line;
}

sub _marked {
    my ($pid, $mark) = @_;
    return 0 unless defined $mark;
    open my $fh, '<', "/proc/$pid/environ" or return 0;
    local $/;
    my $env = <$fh>;
    return defined $env && index("\0$env", "\0$mark\0") >= 0;
}

sub children_of {
    my ($parent) = @_;
    my @found;
    for my $pid (pids()) {
        my ($state, $ppid) = proc_stat($pid) or next;
        push @found, $pid
            if defined $ppid && $ppid == $parent && $state ne 'Z';
    }
    return sort { $a <=> $b } @found;
}

# True when every thread of these processes sleeps.
sub all_asleep {
    for my $pid (@_) {
        for my $file (glob "/proc/$pid/task/*/stat") {
            open my $fh, '<', $file or next;
            my $line = <$fh> // next;
            return 0 if $line =~ /\A.*\) [RD] /s;
        }
    }
    return 1;
}

sub command_of {
    my ($pid) = @_;
    open my $fh, '<', "/proc/$pid/cmdline" or return '?';
    local $/;
    my $cmd = <$fh> // '';
    $cmd =~ tr/\0/ /;
    return $cmd =~ /\S/ ? $cmd : '?';
}

# Ends a child that spawn() made, with its whole group.
sub end_group {
    my ($pid) = @_;
    return unless delete $CHILDREN{$pid};
    kill 'TERM', -$pid;
    for (1 .. 200) {
        return if waitpid($pid, POSIX::WNOHANG) != 0;
        select undef, undef, undef, 0.01;
    }
    kill 'KILL', -$pid;
    waitpid $pid, 0;
    return;
}

sub end_all {
    return if $$ != $OWNER;
    end_group($_) for keys %CHILDREN;
    return;
}

# --- ports -------------------------------------------------------------

my %MARKS;      # port => the socket that marks it as taken
my $NEXT;

sub take_port {
    my ($low, $high) = _port_range();
    $NEXT //= $low + int rand($high - $low);
    for (1 .. $high - $low) {
        my $port = $NEXT++;
        $NEXT = $low if $NEXT > $high;
        my $mark = _mark_port($port) or next;
        next unless port_free($port);
        $MARKS{$port} = $mark;
        return $port;
    }
    die "no free port between $low and $high\n";
}

sub _port_range {
    my $low = 32768;
    if (open my $fh, '<', '/proc/sys/net/ipv4/ip_local_port_range') {
        ($low) = split ' ', scalar <$fh>;
    }
    return $low > 14_000 ? (10_240, $low - 1) : (20_000, 60_000);
}

sub _mark_port {
    my ($port) = @_;
    socket my $sock, PF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
    bind $sock, pack_sockaddr_un("\0gateway-test-port-$port") or return;
    return $sock;
}

sub port_free {
    my ($port) = @_;
    for my $try ([ PF_INET, pack_sockaddr_in($port, INADDR_ANY) ],
        [ PF_INET6, pack_sockaddr_in6($port, IN6ADDR_ANY) ]) {
        socket my $sock, $try->[0], SOCK_STREAM, 0 or next;
        setsockopt $sock, IPPROTO_IPV6, IPV6_V6ONLY, 1
            if $try->[0] == PF_INET6;
        bind $sock, $try->[1] or return 0;
    }
    return 1;
}

# Port => inode of every listening TCP socket of the machine.
sub listening {
    my %found;
    for my $file (qw(/proc/net/tcp /proc/net/tcp6)) {
        open my $fh, '<', $file or next;
        while (my $line = <$fh>) {
            my @f = split ' ', $line;
            next unless defined $f[3] && $f[3] eq '0A';
            my ($hex) = $f[1] =~ /:([0-9A-F]{4})\z/ or next;
            $found{ hex $hex } = $f[9];
        }
    }
    return \%found;
}

1;
