package Gateway::Test;

=head1 NAME

Gateway::Test - what a test file of mod_gateway begins with

=head1 SYNOPSIS

  use Gateway::Test;              # strict, warnings, all of Test::More

  my $b = Gateway::Backend->http({ '/hello' => [ 200, [], 'hi' ] });
  my $s = Gateway::Test->server(vars => { B => $b }, config => <<'EOC');
  GatewayPass /app http://@B@
  EOC

  my $r = $s->get('/app/hello');
  is $r->status, 200;
  is $r->body, 'hi';
  done_testing;

=head1 DESCRIPTION

See t/lib/Gateway/README.md for a tour. C<done_testing> (or, where a test has
a plan or died, the end of the process) stops all servers and backends and
audits them: error logs, crashes, leftover processes and ports, failed
backend scripts. A file that leaves something undeclared fails.

=head1 CLASS METHODS

=over

=item server(%options): a started L<Gateway::Server>

=item configtest(%options): (ok, output) of httpd -t; no server is started

=item try_start(%options): (ok, output) of a start; the server is stopped
again. For what only a start can tell.

=item need(mpm => [...], command => [...], module => [...], names => 1,
driver => 'block'): skips the whole file where it cannot run

=item closed_port: a port on which nobody listens as long as the test runs

=item scratch: the folder of this test file

=back

=cut

use strict;
use warnings;
use Test::More ();
use Time::HiRes ();
use POSIX ();
use Gateway::Process ();
use Gateway::Setup ();

my $OWNER = $$;
my ($FINISHED, $SCRATCH);

sub import {
    my ($class) = @_;
    strict->import;
    warnings->import;
    my $caller = caller;
    no strict 'refs';
    no warnings qw(redefine prototype);
    *{"${caller}::$_"} = \&{"Test::More::$_"} for qw(ok is isnt like unlike
        is_deeply cmp_ok pass fail diag note explain subtest skip can_ok
        isa_ok plan BAIL_OUT);
    *{"${caller}::done_testing"} = \&done_testing;
    *{"${caller}::TODO"} = \${"${caller}::TODO"};
    return;
}

sub _start_clock {
    my $limit = ($ENV{GATEWAY_TIMEOUT} || 120) * Gateway::Setup::patience();
    $SIG{ALRM} = sub { die "this test took longer than $limit seconds\n" };
    $SIG{$_} = sub { die "stopped by a signal\n" } for qw(INT TERM HUP);
    $SIG{PIPE} = 'IGNORE';
    alarm $limit;
    return;
}
_start_clock();

# Backend and Client are there without a further use line.
require Gateway::Backend;
require Gateway::Client;
require Gateway::Server;

sub scratch {
    return $SCRATCH ||= Gateway::Setup::fresh_dir(Gateway::Setup::scratch());
}

sub server {
    my ($class, %opt) = @_;
    scratch();
    return Gateway::Server->create(%opt)->start;
}

sub configtest {
    my ($class, %opt) = @_;
    scratch();
    return Gateway::Server->create(%opt)->check;
}

sub try_start {
    my ($class, %opt) = @_;
    scratch();
    my $server = Gateway::Server->create(%opt);
    my ($ok, $said) = $server->try_start;
    $server->stop if $ok;
    return ($ok, $ok ? $server->log->all_text : $said);
}

sub closed_port { return Gateway::Process::take_port() }

sub need {
    my ($class, %need) = @_;
    my $reason = _missing(%need) or return;
    $FINISHED = 1;
    Test::More::plan(skip_all => $reason);
    return;
}

sub _list { return ref $_[0] ? @{ $_[0] } : $_[0] }

sub _missing {
    my (%need) = @_;
    my ($mpm, $driver) = (Gateway::Setup::mpm(), Gateway::Setup::driver());
    return "not with the $mpm MPM"
        if $need{mpm} && !grep { $_ eq $mpm } _list($need{mpm});
    return "not with the $driver driver"
        if $need{driver} && !grep { $_ eq $driver } _list($need{driver});
    for my $command ($need{command} ? _list($need{command}) : ()) {
        return "$command is not installed" unless grep { -x "$_/$command" }
            split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin';
    }
    return 'needs root and mount name spaces' if $need{names}
        && ($> != 0 || system('unshare --mount /bin/true 2>/dev/null') != 0);
    for my $module ($need{module} ? _list($need{module}) : ()) {
        return "mod_$module is not installed"
            unless eval { Gateway::Setup::load_module($module); 1 };
    }
    return;
}

# --- the end -----------------------------------------------------------

sub done_testing {
    my @problems = finish();
    Test::More::ok(!@problems, 'nothing undeclared was left behind');
    Test::More::diag($_) for @problems;
    return Test::More::done_testing(@_);
}

# Stops everything and returns what is wrong, once.
sub finish {
    return if $FINISHED++;
    alarm 0;
    $SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
    my @problems;
    no warnings 'once';
    for my $server (@Gateway::Server::ALL) {
        push @problems, map { "httpd$server->{number}: $_" } $server->audit;
    }
    for my $backend (@Gateway::Backend::ALL) {
        $backend->stop;
        push @problems, map { $backend->name . ": $_" } $backend->errors
            unless $backend->{may_fail};
    }
    for my $code (@Gateway::Test::AT_END) {
        push @problems, $code->();
    }
    Gateway::Process::end_all();
    my $keep = $ENV{GATEWAY_KEEP} || @problems;
    Test::More::diag("logs: $SCRATCH") if $keep && $SCRATCH;
    return @problems;
}

our @AT_END;        # code that returns what is wrong; for other backends

END {
    if ($$ == $OWNER) {
        my $status = $?;
        my $before = $FINISHED;
        my @problems = finish();
        Test::More::diag($_) for @problems;
        my $failed = @problems && !$before;
        $? = $status || ($failed ? 1 : 0);
    }
}

1;
