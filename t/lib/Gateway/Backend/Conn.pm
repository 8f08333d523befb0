package Gateway::Backend::Conn;

=head1 NAME

Gateway::Backend::Conn - one connection of a scripted backend

=head1 DESCRIPTION

See L<Gateway::Backend>. Lives in the process that serves the connection;
what happens is recorded as events: open, tls, in (bytes), out (length),
request (head, body, complete), end (how: eof, reset, truncated), shut, rst,
close, error (text).

=cut

use strict;
use warnings;
use parent 'Gateway::Wire';
use Gateway::CA ();
use Gateway::Message ();

sub new {
    my ($class, $backend, $sock, $number) = @_;
    my $self = bless { backend => $backend, number => $number, data => {} },
        $class;
    $self->init($sock, timeout => $backend->{timeout});
    my $peer = $sock->can('peerport') ? eval { $sock->peerport } : undef;
    $self->_record('open', peer => $peer);
    return $self;
}

sub number  { return $_[0]{number} }
sub backend { return $_[0]{backend} }
sub data    { return $_[0]{data} }

sub _record {
    my ($self, $what, %more) = @_;
    return $self->{backend}->record($self->{number}, $what, %more);
}

sub note {
    my ($self, $what, $text) = @_;
    return $self->_record('in', length => length $text,
        $self->{backend}{brief} ? () : (bytes => $text)) if $what eq 'in';
    return $self->_record('out', length => length $text) if $what eq 'out';
    return $self->_record($what, how => $text);
}

sub read_head {
    my ($self, $seconds) = @_;
    my $req = Gateway::Message->read_request_head($self, $seconds) or return;
    bless $req, 'Gateway::Backend::Request';
    $req->{conn} = $self;
    $req->{nth}  = ++$self->{nth};
    $req->{seq}  = $self->{backend}->next_seq;
    @$req{qw(path query)} = split /\?/, $req->{target}, 2;
    $self->_record('head', target => $req->{target});
    return $req;
}

sub read_request {
    my ($self, $seconds) = @_;
    my $req = $self->read_head($seconds) or return;
    $self->read_body($req);
    return $req;
}

sub read_body {
    my ($self, $req) = @_;
    $req->read_body($self, $self->{backend}{brief} ? sub { } : undef);
    $self->record_request($req);
    return $req->body;
}

# The head, and as much of the body as has been read.
sub record_request {
    my ($self, $req) = @_;
    $self->_record('request', head => $req->raw_head,
        map { $_ => $req->{$_} } qw(method target version body size
        complete framing problems trailers chunks nth seq path query));
    return;
}

# The bytes that must come next; dies, and so fails the test, otherwise.
sub expect {
    my ($self, $what) = @_;
    my $re = ref $what ? $what : qr/\A\Q$what\E/;
    my $got = $self->read_until($re);
    return $got if defined $got;
    my $seen = substr $self->buffered, 0, 300;
    die "expected $what, but " . $self->why . " after: $seen\n";
}

sub respond {
    my ($self, $status, $fields, $body) = @_;
    my @fields = @{ $fields || [] };
    my $text = "HTTP/1.1 $status Scripted\r\n";
    my $framed = 0;
    while (my ($name, $value) = splice @fields, 0, 2) {
        $text .= "$name: $value\r\n";
        $framed ||= $name =~ /\A(?:content-length|transfer-encoding)\z/i;
    }
    $body //= '';
    $text .= 'Content-Length: ' . length($body) . "\r\n" unless $framed
        || $status =~ /\A(?:1|204|304)/;
    return $self->send("$text\r\n$body");
}

# Says nothing until the peer goes or the time is over.
sub silent {
    my ($self, $seconds) = @_;
    $self->read_eof($seconds // 60);
    return;
}

# Server side of TLS with a certificate of Gateway::CA.
sub start_tls {
    my ($self, $name) = @_;
    require IO::Socket::SSL;
    my $backend = $self->{backend};
    my ($cert, $key) = Gateway::CA::pair($name || 'server');
    $self->{sock}->blocking(1);
    my $tls = IO::Socket::SSL->start_SSL($self->{sock},
        SSL_server => 1, SSL_cert_file => $cert, SSL_key_file => $key,
        SSL_ca_file => Gateway::CA::file('ca.crt'), Timeout => 10,
        %{ $backend->{tls_options} || {} });
    if (!$tls) {
        $self->_record('tls', ok => 0,
            error => "$IO::Socket::SSL::SSL_ERROR");
        delete $self->{sock};
        return;
    }
    $self->{sock} = $tls;
    $tls->blocking(0);
    $self->_record('tls', ok => 1, %{ $self->tls_info });
    return $self;
}

sub tls_info {
    my ($self) = @_;
    return {} unless $self->is_tls;
    my $sock = $self->{sock};
    return {
        sni     => $sock->get_servername // undef,
        version => $sock->get_sslversion,
        alpn    => $sock->alpn_selected // undef,
        reused  => $sock->get_session_reused ? 1 : 0,
        client  => $sock->peer_certificate
            ? $sock->peer_certificate('cn') : undef,
    };
}

1;
