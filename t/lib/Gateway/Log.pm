package Gateway::Log;

=head1 NAME

Gateway::Log - the error log of a server, and its audit

=head1 DESCRIPTION

After each test file every line of level warn or above, every line that tells
of a crashed child and every report of a sanitizer or of valgrind must have
been declared by the test, and every declared line must have appeared:

  $s->expect_log(qr/GW00042/);          # at least once
  $s->expect_log(qr/GW00042/, 2);       # exactly twice
  $s->expect_log(qr/GW00042/, [1, 3]);  # once to three times
  $s->allow_log(qr/reset by peer/);     # any number, also none

A declaration covers lines of any level, so it can also ask for an info line.
Reports of sanitizers and valgrind and memory errors cannot be declared.

=cut

use strict;
use warnings;

my %SEVERE = map { $_ => 1 } qw(warn error crit alert emerg);
my $CRASH = qr/exit signal|AH0005[0-2]|seg(?:mentation )?fault|core dump/i;
my $REPORT = qr/AddressSanitizer|UndefinedBehaviorSanitizer|ThreadSanitizer
    |LeakSanitizer|runtime\ error:|double\ free|corrupted|stack\ smashing
    |malloc\(\)|free\(\):|buffer\ overflow\ detected|Assertion.*failed/xi;

sub new {
    my ($class, $file, $start, $reports) = @_;
    return bless { file => $file, start => $start, reports => $reports,
        declared => [] }, $class;
}

sub expect {
    my ($self, $re, $count) = @_;
    my ($min, $max) = ref $count ? @$count
        : defined $count ? ($count, $count) : (1, undef);
    push @{ $self->{declared} },
        { re => ref $re ? $re : qr/\Q$re\E/, min => $min, max => $max,
          at => join ':', (caller 1)[1, 2] };
    return;
}

sub allow {
    my ($self, $re) = @_;
    push @{ $self->{declared} },
        { re => ref $re ? $re : qr/\Q$re\E/, min => 0, at => '' };
    return;
}

sub _read {
    my ($file) = @_;
    open my $fh, '<:raw', $file or return;
    return map { chomp; $_ } <$fh>;
}

sub lines { return _read($_[0]{file}) }
sub grep  { my ($self, $re) = @_; return grep { /$re/ } $self->lines }
sub count { my ($self, $re) = @_; return scalar(() = $self->grep($re)) }

sub tail {
    my ($self, $n) = @_;
    my @lines = $self->lines;
    splice @lines, 0, @lines - $n if @lines > $n;
    return join "\n", @lines;
}

sub all_text {
    my ($self) = @_;
    return join "\n", _read($self->{start}), $self->lines;
}

# The level of a line, or "none" for text that bypassed the log.
sub level {
    my ($line) = @_;
    return $line =~ /\A\[[^\]]+\] \[[^\]:]*:(\w+)\] \[pid / ? $1 : 'none';
}

sub _suspicious {
    my ($line) = @_;
    return 0 if $line =~ /\A\s*\z/;
    my $level = level($line);
    return 1 if $level eq 'none' || $SEVERE{$level};
    return $line =~ $CRASH || $line =~ $REPORT;
}

# What is wrong, as sentences; nothing when all is well.
sub audit {
    my ($self) = @_;
    my @found = (_read($self->{start}), $self->lines);
    my (@wrong, @undeclared);
    my @declared = @{ $self->{declared} };
    $_->{seen} = 0 for @declared;
    for my $line (@found) {
        my @by = grep { $line =~ $_->{re} } @declared;
        $_->{seen}++ for @by;
        next if !_suspicious($line) || @by && $line !~ $REPORT;
        push @undeclared, $line;
    }
    push @wrong, 'the error log has what the test did not declare (with'
        . ' $s->expect_log(qr/.../), if it belongs to the test):'
        . join '', map { "\n    $_" } _first(20, @undeclared)
        if @undeclared;
    for my $d (@declared) {
        next if $d->{seen} >= $d->{min}
            && (!defined $d->{max} || $d->{seen} <= $d->{max});
        push @wrong, "expect_log($d->{re}) of $d->{at} was seen $d->{seen}"
            . " times, not $d->{min}"
            . (!defined $d->{max} ? ' or more'
                : $d->{max} != $d->{min} ? " to $d->{max}" : '');
    }
    return (@wrong, $self->_reports);
}

sub _first {
    my ($n, @lines) = @_;
    my $more = @lines - $n;
    return @lines if $more <= 0;
    return (@lines[0 .. $n - 1], "... and $more more");
}

# Files that a sanitizer or valgrind has written.
sub _reports {
    my ($self) = @_;
    my @wrong;
    for my $file (glob "$self->{reports}/*") {
        if ($file =~ /\.core\.\d+\z/) {
            push @wrong, "crashed, see $file";
            next;
        }
        my @lines = _read($file) or next;
        push @wrong, "report in $file:\n" . join "\n",
            map { "    $_" } _first(40, @lines);
    }
    return @wrong;
}

1;
