package Gateway::Herd;

=head1 NAME

Gateway::Herd - a backend for hundreds of connections, and as many clients

=head1 SYNOPSIS

  my $h = Gateway::Herd->new;         # one process, however many connections
  my $s = Gateway::Test->server(vars => { H => $h }, ...);

  my @c = Gateway::Herd->clients($s, 500);
  $_->get('/app/wait?2') for @c;      # answered after two seconds
  $h->wait(500);                      # so many requests have come
  my $seen = Gateway::Herd->answers(10, @c);     # { 200 => 500 }
  $h->requests; $h->now_open; $h->release; $h->stop;

=head1 DESCRIPTION

The backend reads heads (and skips bodies by Content-Length), and answers 200
with the target as body, after the number in the query in seconds; with the
query "hold" when C<release> is called. C<requests> counts what came,
C<now_open> the connections that are open now; C<left> is the time (of
Time::HiRes) at which the last one was closed by its peer.

=cut

use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use IO::Socket::IP ();
use Socket qw(SOCK_STREAM);
use Time::HiRes qw(time);
use Gateway::Process ();
use Gateway::Setup ();

my $COUNT = 0;

sub new {
    my ($class, %opt) = @_;
    my $self = bless { port => Gateway::Process::take_port(), %opt }, $class;
    $self->{file} = Gateway::Setup::make_dir(Gateway::Test->scratch) . '/herd'
        . ++$COUNT;
    return $self->start;
}

sub port     { return $_[0]{port} }
sub hostport { return "127.0.0.1:$_[0]{port}" }
sub url      { return 'http://' . $_[0]->hostport }

sub start {
    my ($self) = @_;
    my $listener = IO::Socket::IP->new(Type => SOCK_STREAM, ReuseAddr => 1,
        LocalHost => '127.0.0.1', LocalPort => $self->{port}, Listen => 1024)
        or die "herd: cannot listen: $!\n";
    $self->{pid} = Gateway::Process::spawn(sub {
        $self->_serve($listener);
    }, log => "$self->{file}.errors");
    CORE::close $listener;
    return $self;
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return $self;
    Gateway::Process::end_group($pid);
    return $self;
}

sub release {
    my ($self) = @_;
    kill 'USR1', $self->{pid};
    return $self;
}

# --- the process -------------------------------------------------------

sub _serve {
    my ($self, $listener) = @_;
    my ($held, %conn) = (1);
    local $SIG{USR1} = sub { $held = 0 };
    $listener->blocking(0);
    my $life = Gateway::Process::life_handle();
    $self->{life} = $life;
    while (1) {
        my $bits = '';
        vec($bits, fileno $_, 1) = 1
            for $listener, $life, map { $_->{sock} } values %conn;
        my $n = select my $ready = $bits, undef, undef, 0.01;
        return if $n > 0 && vec $ready, fileno $life, 1;
        if ($n > 0) {
            $self->_accept($listener, \%conn)
                if vec $ready, fileno $listener, 1;
            for my $c (values %conn) {
                next unless vec $ready, fileno $c->{sock}, 1;
                next if $self->_read($c);
                delete $conn{ $c->{id} };
                $self->{last} = time;
            }
        }
        $self->_answer($_, $held) for values %conn;
        $self->_tell(scalar keys %conn);
    }
    return;
}

sub _accept {
    my ($self, $listener, $conn) = @_;
    while (my $sock = $listener->accept) {
        $sock->blocking(0);
        my $id = ++$self->{accepted};
        $conn->{$id} = { id => $id, sock => $sock, in => '', due => [] };
    }
    return;
}

sub _read {
    my ($self, $c) = @_;
    my $n = sysread $c->{sock}, $c->{in}, 65536, length $c->{in};
    return 1 if !defined $n && ($! == EAGAIN || $! == EINTR);
    return 0 unless $n;
    while ($c->{in} =~ /\A\w+ (\S+) .*?\r\n\r\n/s) {
        my ($target, $head) = ($1, $&);
        my ($length) = $head =~ /^content-length: (\d+)/mi;
        last if length $c->{in} < length($head) + ($length // 0);
        substr $c->{in}, 0, length($head) + ($length // 0), '';
        my ($wait) = $target =~ /\?(hold|[\d.]+)/;
        push @{ $c->{due} }, [ $target, ($wait // 0) eq 'hold' ? undef
            : time + ($wait // 0) ];
        $self->{came}++;
    }
    return 1;
}

sub _answer {
    my ($self, $c, $held) = @_;
    while (my $next = $c->{due}[0]) {
        my ($target, $at) = @$next;
        return if defined $at ? time < $at : $held;
        shift @{ $c->{due} };
        my $bytes = "HTTP/1.1 200 OK\r\nContent-Length: " . length($target)
            . "\r\n\r\n$target";
        syswrite $c->{sock}, $bytes;
    }
    return;
}

sub _tell {
    my ($self, $open) = @_;
    my $now = join ' ', $self->{came} // 0, $open, $self->{last} // 0;
    return if $now eq ($self->{told} // '');
    $self->{told} = $now;
    open my $fh, '>', "$self->{file}.new" or return;
    print {$fh} "$now\n";
    CORE::close $fh;
    rename "$self->{file}.new", $self->{file};
    return;
}

sub _told {
    my ($self) = @_;
    open my $fh, '<', $self->{file} or return (0, 0, 0);
    return split ' ', <$fh> // '0 0 0';
}

sub requests { return ($_[0]->_told)[0] }
sub now_open { return ($_[0]->_told)[1] }
sub left     { return ($_[0]->_told)[2] }

# True when so many requests have come within the time.
sub wait {
    my ($self, $n, $seconds) = @_;
    return $self->wait_for(sub { $self->requests >= $n }, $seconds);
}

sub wait_for {
    my ($self, $code, $seconds) = @_;
    my $deadline = time + ($seconds // 10) * Gateway::Setup::patience();
    until ($code->()) {
        return 0 if time > $deadline;
        select undef, undef, undef, 0.01;
    }
    return 1;
}

# --- clients -----------------------------------------------------------

sub clients {
    my ($class, $s, $n, %opt) = @_;
    return map { $s->client(timeout => 20, %opt) } 1 .. $n;
}

# How many answers of which status (0: none) came within the time.
sub answers {
    my ($class, $seconds, @c) = @_;
    my $deadline = time + $seconds * Gateway::Setup::patience();
    my %seen;
    for my $c (@c) {
        my $left = $deadline - time;
        my $r = $c->response(timeout => $left > 0 ? $left : 0);
        $seen{ $r->status }++;
        $seen{'not whole'}++ if $r->status && !$r->complete;
    }
    return \%seen;
}

1;
