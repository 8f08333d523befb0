package Gateway::Client;

=head1 NAME

Gateway::Client - a raw HTTP client that reads strictly; and curl

=head1 SYNOPSIS

  my $c = Gateway::Client->new(port => $s->port);        # or host, unix
  my $c = Gateway::Client->new(port => $s->ssl_port, tls => 1);
  $c->send("GET / HTTP/1.1\r\n", "Host: a\r\n\r\n");
  my $r = $c->response;                     # a Gateway::Message
  $c->get('/x', 'X-A: 1');  my $r = $c->response;   # pipelining is allowed
  my $r = Gateway::Client->new(...)->get('/x')->response;

  my $h = Gateway::Client::curl($url, @arguments);
  # {exit, status, version, headers, body, stderr}
  my $h = Gateway::Client::run('nghttp', '-v', $url);   # {exit, out, err}

=head1 CONSTRUCTOR

host (default 127.0.0.1), port, unix (path), timeout (5 s), from (own
address), rcvbuf (bytes; for a client that reads slowly); tls => 1 with sni, ca
(file; default: the test CA), verify => 0, cert and key (client certificate),
alpn => [...], tls_version. Returns undef and sets $Gateway::Client::ERROR
when there is no connection.

=head1 METHODS

Those of L<Gateway::Wire>, and:

=over

=item request($method, $target, [header lines], $body)

Sends one request. Header lines are "Name: value" without line end; Host is
added unless given; a body adds Content-Length unless a framing field is
given. Returns the client.

=item get, head, post: short forms of it

=item response(method => 'HEAD', timeout => 1, one => 1, head_only => 1,
sink => sub)

Reads one response with the interim ones before it (one: returns the next
response, interim or not; sink: see L<Gateway::Message>). method defaults to
that of the oldest request that has had no answer yet.

=back

=cut

use strict;
use warnings;
use parent 'Gateway::Wire';
use File::Temp ();
use IO::Socket::IP ();
use IO::Socket::UNIX ();
use POSIX ();
use Socket qw(SOCK_STREAM SOL_SOCKET SO_RCVBUF);
use Gateway::CA ();
use Gateway::Message ();
use Gateway::Setup ();

our $ERROR = '';

sub new {
    my ($class, %opt) = @_;
    my $self = bless { asked => [] }, $class;
    my $seconds = ($opt{timeout} || 5) * Gateway::Setup::patience();
    my $sock = _connect(\%opt, $seconds) or return;
    $sock = _start_tls($sock, \%opt, $seconds) or return if $opt{tls};
    my $port = $opt{port} // 0;
    $self->{authority} = $opt{authority}
        // ($opt{unix} ? 'localhost' : _bracket($opt{host} || '127.0.0.1')
            . ":$port");
    return $self->init($sock, timeout => $opt{timeout});
}

sub _bracket { return $_[0] =~ /:/ ? "[$_[0]]" : $_[0] }

sub _connect {
    my ($opt, $seconds) = @_;
    my $sock = $opt->{unix}
        ? IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $opt->{unix})
        : IO::Socket::IP->new(
            PeerHost => $opt->{host} || '127.0.0.1',
            PeerPort => $opt->{port}, Timeout => $seconds,
            Type => SOCK_STREAM,
            $opt->{from} ? (LocalHost => $opt->{from}) : (),
            $opt->{rcvbuf} ? (Sockopts =>
                [ [ SOL_SOCKET, SO_RCVBUF, pack 'i', $opt->{rcvbuf} ] ]) : (),
        );
    $ERROR = "connect: $!" unless $sock;
    return $sock;
}

sub _start_tls {
    my ($sock, $opt, $seconds) = @_;
    require IO::Socket::SSL;
    my $verify = $opt->{verify} // 1;
    my $tls = IO::Socket::SSL->start_SSL($sock,
        Timeout         => $seconds,
        SSL_ca_file     => $opt->{ca} || Gateway::CA::file('ca.crt'),
        SSL_verify_mode => $verify ? 1 : 0,
        SSL_verifycn_name   => $opt->{sni} || 'localhost',
        SSL_verifycn_scheme => $verify ? 'http' : 'none',
        SSL_hostname    => $opt->{sni} // 'localhost',
        $opt->{cert} ? (SSL_cert_file => $opt->{cert},
            SSL_key_file => $opt->{key} || $opt->{cert}) : (),
        $opt->{alpn} ? (SSL_alpn_protocols => $opt->{alpn}) : (),
        $opt->{tls_version} ? (SSL_version => $opt->{tls_version}) : (),
    );
    $ERROR = "TLS: $IO::Socket::SSL::SSL_ERROR" unless $tls;
    return $tls;
}

sub request {
    my ($self, $method, $target, $lines, $body) = @_;
    my @lines = @{ $lines || [] };
    unshift @lines, "Host: $self->{authority}"
        unless grep { /\Ahost\s*:/i } @lines;
    push @lines, 'Content-Length: ' . length $body
        if defined $body
        && !grep { /\A(?:content-length|transfer-encoding)\s*:/i } @lines;
    push @{ $self->{asked} }, $method;
    $self->send(join('', map { "$_\r\n" } "$method $target HTTP/1.1",
        @lines, '') . ($body // ''));
    return $self;
}

sub get  { my ($s, $t, @h) = @_; return $s->request('GET', $t, \@h) }
sub head { my ($s, $t, @h) = @_; return $s->request('HEAD', $t, \@h) }

sub post {
    my ($self, $target, $body, @lines) = @_;
    return $self->request('POST', $target, \@lines, $body);
}

sub response {
    my ($self, %opt) = @_;
    my $method = $self->{asked}[0];
    my $r = Gateway::Message->read_response($self,
        method => $method || 'GET', %opt);
    shift @{ $self->{asked} } if ($r->status || 0) >= 200;
    return $r;
}

# --- curl --------------------------------------------------------------

# Runs curl against a URL and returns what it saw. The body is kept in memory
# (give -o in the arguments to avoid that).
sub curl {
    my ($url, @args) = @_;
    my $dir = File::Temp->newdir('gateway-curl-XXXXXX', TMPDIR => 1);
    my $limit = 20 * Gateway::Setup::patience();
    my @cmd = ('curl', '-sS', '-D', "$dir/head", '-o', "$dir/body",
        '--noproxy', '*', '-w', '%{http_version} %{http_code}',
        '--max-time', $limit, '--cacert', Gateway::CA::file('ca.crt'),
        @args, $url);
    my $ran = run(@cmd);
    my ($version, $status) = $ran->{out} =~ /(\S+) (\d+)\s*\z/;
    return {
        exit => $ran->{exit}, version => $version, status => $status || 0,
        body => _slurp("$dir/body"), stderr => $ran->{err},
        headers => _curl_headers(_slurp("$dir/head")),
    };
}

# Any other program: {exit, out, err}.
sub run {
    my (@cmd) = @_;
    my $err = File::Temp->new('gateway-err-XXXXXX', TMPDIR => 1);
    my $pid = open my $out, '-|';
    defined $pid or die "fork: $!";
    if (!$pid) {
        delete $ENV{$_} for grep { /_proxy\z/i } keys %ENV;
        open STDERR, '>', "$err";
        { no warnings 'exec'; exec { $cmd[0] } @cmd; }
        POSIX::_exit(127);
    }
    my $said = do { local $/; <$out> } // '';
    close $out;
    return { exit => $? >> 8, out => $said, err => _slurp("$err") };
}

# The fields of the last header section: [[name, value], ...].
sub _curl_headers {
    my ($text) = @_;
    my @sections = split /\r?\n\r?\n/, $text;
    my (undef, @lines) = split /\r?\n/, $sections[-1] // '';
    return [ map { [ split /:\s*/, $_, 2 ] } @lines ];
}

sub _slurp {
    my ($file) = @_;
    open my $fh, '<:raw', $file or return '';
    local $/;
    return scalar(<$fh>) // '';
}

1;
