package Gateway::Wire;

=head1 NAME

Gateway::Wire - one connection as bytes, with deadlines, for both peers

=head1 DESCRIPTION

Base of L<Gateway::Client> and of the connections of L<Gateway::Backend>.
Works over TCP, UNIX sockets and IO::Socket::SSL alike. Nothing here waits
longer than C<timeout> seconds (default 5, more under valgrind).

  $w->send($bytes, ...);               # each piece is one write, no delay
  $w->send_slowly($bytes, $n, $secs);  # $n bytes at a time
  $w->pause($secs);
  $w->fill                             # one read into the buffer
  $w->read_line, read_n($n), read_until($str_or_regex), read_eof
  $w->eof_state                        # '', 'eof', 'reset', 'truncated'
  $w->reset                            # RST
  $w->shutdown                         # FIN, still reading
  $w->close                            # with close_notify under TLS
  $w->close_dirty                      # FIN without close_notify
  $w->quiet($secs)                     # true if nothing arrives

The readers return undef at the end of the stream or of the time;
C<< $w->why >> then tells which: "timeout", "eof", "reset" or, under TLS,
"truncated" (end of stream without close_notify).

=cut

use strict;
use warnings;
use Errno qw(EAGAIN EINTR EWOULDBLOCK ECONNRESET EPIPE);
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);
use Gateway::Process ();
use Gateway::Setup ();

sub init {
    my ($self, $sock, %opt) = @_;
    $self->{sock}    = $sock;
    $self->{in}      = '';
    $self->{why}     = '';
    $self->{ended}   = '';
    $self->{timeout} = ($opt{timeout} || 5) * Gateway::Setup::patience();
    $sock->blocking(0);
    eval { setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1 };
    return $self;
}

sub sock      { return $_[0]{sock} }
sub why       { return $_[0]{why} }
sub eof_state { return $_[0]{ended} }
sub buffered  { return $_[0]{in} }
sub is_tls    { return ref $_[0]{sock} eq 'IO::Socket::SSL' }

sub timeout {
    my ($self, $seconds) = @_;
    $self->{timeout} = $seconds if defined $seconds;
    return $self->{timeout};
}

# Called with every piece of bytes that came or went; for recording.
sub note { return }

sub pause {
    my ($self, $seconds) = @_;
    Gateway::Process::pause($seconds);
    return $self;
}

# --- writing -----------------------------------------------------------

sub send {
    my ($self, @pieces) = @_;
    for my $piece (@pieces) {
        $self->_write($piece) or return 0;
    }
    return 1;
}

sub send_slowly {
    my ($self, $bytes, $size, $seconds) = @_;
    my $at = 0;
    while ($at < length $bytes) {
        $self->_write(substr $bytes, $at, $size) or return 0;
        $at += $size;
        $self->pause($seconds) if $at < length $bytes;
    }
    return 1;
}

sub _write {
    my ($self, $bytes) = @_;
    my $sock = $self->{sock} or return $self->_stop('closed');
    my $deadline = time + $self->{timeout};
    my $at = 0;
    while ($at < length $bytes) {
        my $left = length($bytes) - $at;
        my $n = $self->is_tls ? $sock->syswrite($bytes, $left, $at)
            : syswrite $sock, $bytes, $left, $at;
        if ($n) {
            $self->note('out', substr $bytes, $at, $n);
            $at += $n;
            $deadline = time + $self->{timeout};
            next;
        }
        next if !$self->is_tls && $! == EINTR;
        return $self->_stop($! == ECONNRESET || $! == EPIPE ? 'reset'
            : "write: $!") unless $self->_again;
        Gateway::Process::wait_io($sock, $self->_wants('w'),
            $deadline - time) or return $self->_stop('timeout');
    }
    return 1;
}

sub _again {
    my ($self) = @_;
    return $IO::Socket::SSL::SSL_ERROR
        && ($IO::Socket::SSL::SSL_ERROR == IO::Socket::SSL::SSL_WANT_READ()
        || $IO::Socket::SSL::SSL_ERROR == IO::Socket::SSL::SSL_WANT_WRITE())
        if $self->is_tls;
    return $! == EAGAIN || $! == EWOULDBLOCK;
}

sub _wants {
    my ($self, $default) = @_;
    return $default unless $self->is_tls;
    return $IO::Socket::SSL::SSL_ERROR == IO::Socket::SSL::SSL_WANT_READ()
        ? 'r' : 'w';
}

sub _stop {
    my ($self, $why) = @_;
    $self->{why} = $why;
    return;
}

# --- reading -----------------------------------------------------------

# One read. Returns the number of bytes added, or undef (see why).
sub fill {
    my ($self, $seconds) = @_;
    return $self->_stop($self->{ended}) if $self->{ended};
    my $sock = $self->{sock} or return $self->_stop('closed');
    my $deadline = time + ($seconds // $self->{timeout});
    while (1) {
        my $bytes = '';
        my $n = $self->is_tls ? $sock->sysread($bytes, 65536)
            : sysread $sock, $bytes, 65536;
        if ($n) {
            $self->{in} .= $bytes;
            $self->note('in', $bytes);
            return $n;
        }
        return $self->_end($self->_clean_end ? 'eof' : 'truncated')
            if defined $n;
        next if !$self->is_tls && $! == EINTR;
        if (!$self->_again) {
            return $self->_end('reset') if $! == ECONNRESET || $! == EPIPE;
            return $self->_end($self->is_tls ? 'truncated' : "read: $!");
        }
        my $left = $deadline - time;
        return $self->_stop('timeout') if $left <= 0;
        Gateway::Process::wait_io($sock, $self->_wants('r'), $left)
            or return $self->_stop('timeout');
    }
}

sub _end {
    my ($self, $how) = @_;
    $self->{ended} = $how;
    $self->note('end', $how);
    return $self->_stop($how);
}

sub _clean_end {
    my ($self) = @_;
    return 1 unless $self->is_tls;
    my $ssl = $self->{sock}->_get_ssl_object or return 0;
    return Net::SSLeay::get_shutdown($ssl)
        & Net::SSLeay::RECEIVED_SHUTDOWN();
}

sub read_until {
    my ($self, $what, $seconds) = @_;
    my $re = ref $what ? $what : qr/\Q$what\E/;
    my $deadline = time + ($seconds // $self->{timeout});
    while (1) {
        return substr $self->{in}, 0, $+[0], '' if $self->{in} =~ $re;
        my $left = $deadline - time;
        $self->fill($left > 0 ? $left : 0) or return;
    }
}

sub read_line { return $_[0]->read_until(qr/\n/) }

sub read_n {
    my ($self, $n) = @_;
    while (length $self->{in} < $n) {
        $self->fill or return;
    }
    return substr $self->{in}, 0, $n, '';
}

# Everything up to the end of the stream; undef at a timeout (the bytes stay
# in the buffer). why() tells a clean end from a reset.
sub read_eof {
    my ($self, $seconds) = @_;
    my $deadline = time + ($seconds // $self->{timeout});
    1 while time < $deadline && $self->fill($deadline - time);
    return $self->_stop('timeout') unless $self->{ended};
    $self->{why} = $self->{ended};
    my $all = $self->{in};
    $self->{in} = '';
    return $all;
}

# Up to n bytes of the buffer, without reading.
sub take {
    my ($self, $n) = @_;
    return substr $self->{in}, 0, $n, '';
}

# True when nothing arrives for the time: no byte and no end of stream.
sub quiet {
    my ($self, $seconds) = @_;
    return 0 if length $self->{in} || $self->{ended};
    return !defined $self->fill($seconds) && $self->{why} eq 'timeout';
}

# The bytes of a message head up to and with its empty line, as they came.
sub read_head_bytes {
    my ($self, $seconds) = @_;
    return $self->read_until(qr/\A(?:\r?\n)*.*?\n\r?\n/s, $seconds);
}

# --- ends --------------------------------------------------------------

sub shutdown {
    my ($self) = @_;
    my $sock = $self->{sock} or return;
    if ($self->is_tls) {
        my $ssl = $sock->_get_ssl_object;
        Net::SSLeay::shutdown($ssl) if $ssl;
    }
    CORE::shutdown $sock, 1;
    $self->note('shut', '');
    return $self;
}

sub reset {
    my ($self) = @_;
    my $sock = delete $self->{sock} or return;
    setsockopt $sock, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    $self->note('rst', '');
    _drop($sock);
    return;
}

sub close {
    my ($self) = @_;
    my $sock = delete $self->{sock} or return;
    $self->note('close', '');
    $sock->close;
    return;
}

sub close_dirty {
    my ($self) = @_;
    my $sock = delete $self->{sock} or return;
    $self->note('close', 'dirty');
    CORE::shutdown $sock, 1;
    _drop($sock);
    return;
}

# Our copy of a connection of another process goes; nothing is said on it.
sub abandon {
    my ($self) = @_;
    my $sock = delete $self->{sock} or return;
    _drop($sock);
    return;
}

sub _drop {
    my ($sock) = @_;
    return $sock->close(SSL_no_shutdown => 1, SSL_ctx_free => 1)
        if ref $sock eq 'IO::Socket::SSL';
    return CORE::close $sock;
}

1;
