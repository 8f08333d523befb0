package Gateway::Drill;

=head1 NAME

Gateway::Drill - real processes that fail on demand, and exact accounting

=head1 SYNOPSIS

  my $d = Gateway::Drill->new(members => [qw(a b c)]);
  my $s = Gateway::Test->server(vars => { $d->vars }, config => ...);
  $d->load(port => $s->port, path => '/x', requests => 20_000, posts => 10,
      connections => 16);
  $d->during(0.3, sub { $d->kill('b') });     # after 30 % of the requests
  my $sums = $d->finish;                      # what load printed
  is_deeply [ $d->executed_twice ], [];

=head1 DESCRIPTION

A member is the program t/drill/member: C<kill> (-9), C<start>, C<freeze>
(SIGSTOP), C<thaw>, C<mode($name, $letter)> (o well, g garbage, c closes what
it accepts, e answers 500). The load is t/drill/load. Both are built into
BUILD/drill by the Makefile. C<executed> counts POSTs by id over all members.

=cut

use strict;
use warnings;
use Gateway::Process ();
use Gateway::Setup ();
use JSON::PP ();
use Time::HiRes qw(time);

# More than the sums need with a thousand ids in them.
use constant LAST_MAX => 262_144;

sub new {
    my ($class, %opt) = @_;
    my $self = bless { members => {}, names => $opt{members},
        dir => Gateway::Setup::fresh_dir(Gateway::Test::scratch()
            . '/drill'), asked => 0, first_id => 1 }, $class;
    chmod 0777, $self->{dir};
    for my $name (@{ $opt{members} }) {
        $self->{members}{$name} = { port => Gateway::Process::take_port() };
        $self->start($name);
    }
    push @Gateway::Test::AT_END, sub { $self->stop };
    return $self;
}

sub _program {
    my ($name) = @_;
    my $build = $ENV{GATEWAY_BUILD} // 'build';
    my ($file) = grep { -x } "$build/drill/$name", "build/drill/$name";
    return $file // die "build/drill/$name is missing: run make -f"
        . " Makefile.apxs drills\n";
}

sub vars {
    my ($self) = @_;
    return map { (uc $_ => "127.0.0.1:$self->{members}{$_}{port}") }
        @{ $self->{names} };
}

sub port { return $_[0]{members}{ $_[1] }{port} }

sub start {
    my ($self, $name) = @_;
    my $m = $self->{members}{$name};
    $self->mode($name, 'o');
    $m->{process} = Gateway::Process->run(
        cmd => [ _program('member'), $m->{port}, $name, $self->{dir} ],
        log => "$self->{dir}/$name.log");
    my $deadline = time + 10 * Gateway::Setup::patience();
    until (Gateway::Process::listening()->{ $m->{port} }) {
        die "member $name did not start\n" if time > $deadline;
        select undef, undef, undef, 0.01;
    }
    return;
}

sub _signal {
    my ($self, $signal, $name) = @_;
    CORE::kill $signal, $self->{members}{$name}{process}->pid;
    return;
}

sub kill {
    my ($self, $name) = @_;
    $self->_signal('KILL', $name);
    $self->{members}{$name}{process}->wait_end(5);
    return;
}

sub freeze { $_[0]->_signal('STOP', $_[1]); return }
sub thaw   { $_[0]->_signal('CONT', $_[1]); return }

sub mode {
    my ($self, $name, $letter) = @_;
    my $file = "$self->{dir}/$name.mode";
    open my $fh, '>', "$file.new" or die "$file: $!";
    print {$fh} $letter;
    close $fh;
    rename "$file.new", $file or die "$file: $!";
    return;
}

sub load {
    my ($self, %opt) = @_;
    $self->{asked} = $opt{requests};
    $self->{out} = "$self->{dir}/load.out";
    $self->{err} = "$self->{dir}/load.err";
    unlink $self->{out}, $self->{err};
    my $line = join ' ', _program('load'), $opt{port}, $opt{path},
        $opt{connections} // 16, $opt{requests}, $opt{posts} // 0,
        $self->{first_id};
    $self->{first_id} += $opt{requests};
    $self->{load} = Gateway::Process->run(
        cmd => [ 'sh', '-c', "exec $line >$self->{out} 2>$self->{err}" ],
        log => "$self->{dir}/load.log");
    return;
}

sub _last_line {
    my ($file) = @_;
    open my $fh, '<', $file or return {};
    seek $fh, -LAST_MAX, 2;
    my ($last) = grep { /\}\n\z/ } reverse <$fh>;
    return $last ? JSON::PP::decode_json($last) : {};
}

# Requests that were begun so far.
sub progress { return _last_line($_[0]{err})->{asked} // 0 }

sub during {
    my ($self, $share, $do) = @_;
    my $deadline = time + 3600;
    while ($self->progress < $share * $self->{asked}
        && $self->{load}->alive) {
        die "the load makes no progress\n" if time > $deadline;
        select undef, undef, undef, 0.05;
    }
    $do->();
    return;
}

sub finish {
    my ($self, $seconds) = @_;
    $self->{load}->wait_end(($seconds // 120) * Gateway::Setup::patience());
    $self->{load}->stop;
    return _last_line($self->{out});
}

# How often each POST was executed.
sub executed {
    my ($self) = @_;
    my %n;
    for my $name (@{ $self->{names} }) {
        open my $fh, '<', "$self->{dir}/$name.posts" or next;
        while (my $id = <$fh>) {
            chomp $id;
            $n{$id}++;
        }
    }
    return \%n;
}

sub executed_twice {
    my ($self) = @_;
    my $n = $self->executed;
    return sort { $a <=> $b } grep { $n->{$_} > 1 } keys %$n;
}

sub stop {
    my ($self) = @_;
    for my $m (values %{ $self->{members} }) {
        my $process = delete $m->{process} or next;
        CORE::kill 'CONT', $process->pid;
        $process->stop(signal => 'KILL');
    }
    return;
}

1;
