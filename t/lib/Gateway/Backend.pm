package Gateway::Backend;

=head1 NAME

Gateway::Backend - a backend that does exactly what a test says

=head1 SYNOPSIS

  # bytes: the script runs once per connection, in a process of its own
  my $b = Gateway::Backend->new(script => sub {
      my $c = shift;                       # Gateway::Backend::Conn
      my $req = $c->read_request;          # a Gateway::Message
      $c->send("HTTP/1.1 200 OK\r\nContent-Le");
      $c->pause(0.1);
      $c->send("ngth: 2\r\n\r\nok");
      $c->reset;
  });

  # the same as a list of steps
  my $b = Gateway::Backend->new(steps => [
      'read_request', [ send => "HTTP/1.1 200 OK\r\n\r\n" ],
      [ pause => 0.1 ], 'reset' ]);

  # a well-behaved HTTP/1.1 server
  my $b = Gateway::Backend->http(sub {
      my $req = shift;
      return [ 200, [ 'Content-Type' => 'text/plain' ], 'hello' ];
  });
  my $b = Gateway::Backend->http({
      '/a' => [ 200, [], 'text' ],
      '/b' => sub { [ 200, [], [ 'chunk', 'chunk' ] ] },
  });                       # any other path, or undef: echo as JSON

  $b->port  $b->hostport  $b->url  $b->socket    # for the configuration
  $b->connections            # how many connections came
  $b->requests               # Gateway::Message of each, in order of arrival
  $b->received(1)            # the bytes of the first connection
  $b->events                 # [{conn, time, what, ...}]
  $b->clear                  # forget what came so far
  $b->stop; $b->start;       # the port refuses; the port serves again
  $b->stop_listening         # refuses, but connections that are open go on

  my $b = Gateway::Backend->deaf;    # a connect there never ends

=head1 CONSTRUCTOR

script => sub, steps => [...], or scripts => [sub or steps, ...]: the first
connection is served by the first one and so on, later ones by the last.

unix => 1 (a UNIX socket instead of a port), tls => 'server' (the name of a
certificate of L<Gateway::CA>), tls_options => {SSL_... => ...}, host
(127.0.0.1; '::1'), timeout (5: for every wait inside the script), backlog,
name (for messages), brief => 1 (bytes and bodies are counted, not kept: for
large ones), keepalive => 0 and max_requests => n (http only).

A script that dies (an C<expect> that was not met, for instance) fails the
test, unless C<< may_fail => 1 >>. Waiting for a connection that ends is no
failure: readers return undef.

=head1 A CONNECTION

Methods of L<Gateway::Wire>, and C<number> (1, 2, ... per backend),
C<read_head> (the head alone; then C<< $req->read_body($c) >>),
C<read_request>, C<expect($bytes or qr//)>, C<respond($status, \@fields,
$body)>, C<silent($seconds)> (reads and drops until the peer closes),
C<start_tls($name)>, C<tls_info>, C<data> (a hash that lives as long as the
connection).

=head1 HTTP HANDLERS

get the request (a Gateway::Message with C<conn>, C<nth> on its connection,
C<seq> of the backend, C<path>, C<query>) and return [status, [name, value,
...] , body]. A body is text (sent with Content-Length), a list of texts (sent
chunked) or code that is called with a writer; if the fields hold
Content-Length or Transfer-Encoding the text goes out untouched. C<'close'>
closes the connection; C<'done'> says that the handler has answered through
C<< $req->conn >>.

=cut

use strict;
use warnings;
use Errno qw(EINTR);
use Fcntl qw(LOCK_EX SEEK_SET O_RDWR O_CREAT);
use File::Temp ();
use IO::Socket::IP ();
use IO::Socket::UNIX ();
use JSON::PP ();
use POSIX ();
use Socket qw(SOCK_STREAM SOMAXCONN);
use Time::HiRes qw(time);
use Gateway::Backend::Conn ();
use Gateway::CA ();
use Gateway::Message ();
use Gateway::Process ();
use Gateway::Setup ();

our @ALL;           # of this test file, for the audit

sub new {
    my ($class, %opt) = @_;
    my $self = bless { host => '127.0.0.1', %opt }, $class;
    $self->{name} ||= 'backend ' . (@ALL + 1);
    $self->{dir} = _dir();
    $self->{socket} = $self->_socket_path if $opt{unix};
    $self->{port} ||= Gateway::Process::take_port() unless $opt{unix};
    $self->{scripts} ||= [ $opt{script} || $opt{steps} ];
    $_ = _as_code($_) for @{ $self->{scripts} };
    @$self{qw(cert key)} = Gateway::CA::pair($opt{tls}) if $opt{tls};
    push @ALL, $self;
    $self->start unless $opt{stopped};
    return $self;
}

# A port that neither answers nor refuses: the queue of a listener that never
# accepts is filled, so that further SYNs are dropped. For connect timeouts.
sub deaf {
    my ($class) = @_;
    my $self = bless { host => '127.0.0.1', name => 'deaf backend',
        port => Gateway::Process::take_port(), deaf => [] }, $class;
    my $listener = IO::Socket::IP->new(Type => SOCK_STREAM, ReuseAddr => 1,
        LocalHost => $self->{host}, LocalPort => $self->{port}, Listen => 0)
        or die "cannot listen: $!\n";
    push @{ $self->{deaf} }, $listener;
    for (1 .. 20) {
        my $sock = IO::Socket::IP->new(PeerHost => $self->{host},
            PeerPort => $self->{port}, Type => SOCK_STREAM, Blocking => 0);
        my $done = Gateway::Process::wait_io($sock, 'w', 0.1);
        push @{ $self->{deaf} }, $sock;
        return $self unless $done;
    }
    die "the queue of port $self->{port} does not fill\n";
}

# In the test's folder, where it can be looked at afterwards.
sub _dir {
    return File::Temp->newdir('gateway-XXXXXX', TMPDIR => 1)
        unless Gateway::Test->can('scratch');
    return Gateway::Setup::make_dir(
        Gateway::Test->scratch . '/backend' . (@ALL + 1));
}

# The path of a UNIX socket is limited to 107 bytes.
sub _socket_path {
    my ($self) = @_;
    my $path = "$self->{dir}/socket";
    return $path if length $path <= 100;
    $self->{short} = File::Temp->newdir('gateway-XXXXXX', TMPDIR => 1);
    chmod 0755, "$self->{short}";
    return "$self->{short}/socket";
}

sub http {
    my ($class, $handler, %opt) = @_;
    require Gateway::Backend::HTTP;
    return $class->new(%opt,
        script => Gateway::Backend::HTTP::script($handler, %opt));
}

sub _as_code {
    my ($script) = @_;
    return $script if ref $script eq 'CODE';
    my @steps = @{ $script || [ [ 'silent' ] ] };
    return sub {
        my ($conn) = @_;
        for my $step (@steps) {
            my ($name, @args) = ref $step ? @$step : $step;
            my $method = $conn->can($name) or die "no step '$name'\n";
            $conn->$method(@args);
        }
    };
}

sub port   { return $_[0]{port} }
sub socket { return $_[0]{socket} }
sub name   { return $_[0]{name} }

sub hostport {
    my ($self) = @_;
    return "unix:$self->{socket}" if $self->{socket};
    my $host = $self->{host} =~ /:/ ? "[$self->{host}]" : $self->{host};
    return "$host:$self->{port}";
}

# What GatewayPass takes: http://127.0.0.1:1234, unix:/path|http://localhost
sub url {
    my ($self) = @_;
    my $scheme = $self->{tls} ? 'https' : 'http';
    return "unix:$self->{socket}|$scheme://localhost" if $self->{socket};
    return "$scheme://" . $self->hostport;
}

# --- life --------------------------------------------------------------

sub start {
    my ($self) = @_;
    return $self if $self->{pid};
    my $listener = $self->_listen;
    $self->{pid} = Gateway::Process::spawn(sub { $self->_serve($listener) },
        log => "$self->{dir}/errors");
    CORE::close $listener;
    return $self;
}

sub _listen {
    my ($self) = @_;
    my $sock;
    if ($self->{socket}) {
        unlink $self->{socket};
        $sock = IO::Socket::UNIX->new(Type => SOCK_STREAM,
            Local => $self->{socket}, Listen => $self->{backlog} // 511);
        chmod 0777, $self->{socket} if $sock;
    }
    else {
        $sock = IO::Socket::IP->new(Type => SOCK_STREAM, ReuseAddr => 1,
            LocalHost => $self->{host}, LocalPort => $self->{port},
            Listen => $self->{backlog} // 511, V6Only => 1);
    }
    $sock or die "$self->{name}: cannot listen: $!\n";
    return $sock;
}

# Ends the listener and every connection. What was recorded stays.
sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return $self;
    Gateway::Process::end_group($pid);
    unlink $self->{socket} if $self->{socket};
    return $self;
}

# Nobody accepts any more, but connections that are open go on.
sub stop_listening {
    my ($self) = @_;
    kill 'USR1', $self->{pid} if $self->{pid};
    my $port = $self->{port};
    for (1 .. 200) {
        last if $port && !Gateway::Process::listening()->{$port};
        select undef, undef, undef, 0.01;
    }
    return $self;
}

sub _serve {
    my ($self, $listener) = @_;
    my $closing = 0;
    local $SIG{CHLD} = sub { 1 while waitpid(-1, POSIX::WNOHANG) > 0 };
    local $SIG{USR1} = sub { $closing = 1; CORE::close $listener };
    my $number = $self->_count('connections', 0);
    while (1) {
        if ($closing) {
            Gateway::Process::pause(0.2);
            next;
        }
        Gateway::Process::wait_io($listener, 'r', 0.5) or next;
        next if $closing;
        my $sock = $listener->accept or next;
        $number++;
        $self->_count('connections', 1);
        $self->_fork_conn($listener, $sock, $number);
        CORE::close $sock;
    }
    return;
}

sub _fork_conn {
    my ($self, $listener, $sock, $number) = @_;
    my $pid = fork;
    if (!defined $pid) {
        print STDERR "$self->{name}: fork: $!\n";
        return;
    }
    return if $pid;
    $SIG{$_} = 'DEFAULT' for qw(CHLD USR1);
    CORE::close $listener;
    my $ok = eval { $self->_run_script($sock, $number); 1 };
    my $error = $@;
    $self->record($number, 'error', text => $error)
        if !$ok && $error !~ /\Agateway: test is over/;
    POSIX::_exit(0);
}

sub _run_script {
    my ($self, $sock, $number) = @_;
    my $conn = Gateway::Backend::Conn->new($self, $sock, $number);
    my $scripts = $self->{scripts};
    my $script = $scripts->[ $number - 1 ] || $scripts->[-1];
    if ($self->{tls}) {
        $conn->start_tls($self->{tls}) or return;
    }
    $script->($conn);
    $conn->close if $conn->sock;
    return;
}

# --- what is written down ----------------------------------------------

sub record {
    my ($self, $number, $what, %more) = @_;
    my $line = JSON::PP->new->latin1->canonical->encode({ conn => $number,
        time => time, what => $what, %more });
    open my $fh, '>>', "$self->{dir}/events" or return;
    syswrite $fh, "$line\n";
    CORE::close $fh;
    return;
}

# Adds to a counter that all processes of the backend share.
sub _count {
    my ($self, $name, $add) = @_;
    sysopen my $fh, "$self->{dir}/$name", O_RDWR | O_CREAT or die "$name: $!";
    flock $fh, LOCK_EX or die "flock: $!";
    my $n = <$fh> // 0;
    return $n unless $add;
    sysseek $fh, 0, SEEK_SET;
    syswrite $fh, $n += $add;
    CORE::close $fh;
    return $n;
}

sub next_seq { return $_[0]->_count('requests', 1) }

sub events {
    my ($self, %only) = @_;
    $self->_read_events;
    my @events = @{ $self->{seen} || [] };
    splice @events, 0, $self->{skip} || 0;
    return grep {
        my $e = $_;
        !grep { !defined $e->{$_} || $e->{$_} ne $only{$_} } keys %only;
    } @events;
}

# Adds the lines that are new since the last time.
sub _read_events {
    my ($self) = @_;
    open my $fh, '<:raw', "$self->{dir}/events" or return;
    seek $fh, $self->{seen_bytes} || 0, SEEK_SET;
    while (my $line = <$fh>) {
        last unless $line =~ /\n\z/;
        $self->{seen_bytes} += length $line;
        push @{ $self->{seen} }, JSON::PP->new->latin1->decode($line);
    }
    return;
}

sub connections {
    my ($self) = @_;
    my @open = $self->events(what => 'open');
    return scalar @open;
}

# Every request whose head came whole, as a Gateway::Message. The body is
# what the script has read of it.
sub requests {
    my ($self) = @_;
    return map {
        my $head = Gateway::Message->parse_head($_->{head});
        bless { %$head, %$_ }, 'Gateway::Backend::Request';
    } $self->events(what => 'request');
}

# All bytes of connection n (from 1), or of all connections.
sub received {
    my ($self, $number) = @_;
    return join '', map { $_->{bytes} // '' } $self->events(what => 'in',
        defined $number ? (conn => $number) : ());
}

sub errors {
    my ($self) = @_;
    my @errors = map { "connection $_->{conn}: $_->{text}" }
        $self->events(what => 'error');
    if (open my $fh, '<', "$self->{dir}/errors") {
        push @errors, <$fh>;
    }
    return @errors;
}

sub clear {
    my ($self) = @_;
    $self->{skip} = ($self->{skip} || 0) + (() = $self->events);
    return $self;
}

# Waits until a condition on the backend holds: $b->wait(sub { ... }).
sub wait {
    my ($self, $code, $seconds) = @_;
    my $deadline = time + ($seconds || 5) * Gateway::Setup::patience();
    until ($code->($self)) {
        return 0 if time > $deadline;
        select undef, undef, undef, 0.01;
    }
    return 1;
}

# Waits for an event, e.g. wait_event(what => 'end', conn => 1).
sub wait_event {
    my ($self, %only) = @_;
    my $seconds = delete $only{within};
    my @found;
    $self->wait(sub { @found = $self->events(%only) }, $seconds);
    return $found[0];
}

package Gateway::Backend::Request;
our @ISA = ('Gateway::Message');

1;
