package Gateway::Tunnel;

=head1 NAME

Gateway::Tunnel - both ends of an upgrade: what a client asks, what a backend
answers

=head1 SYNOPSIS

  use Gateway::Tunnel;

  my $b = Gateway::Backend->new(script => sub {
      my ($c) = @_;
      my $req = $c->read_head or return;
      $c->send(switching($req), 'first bytes');
      echo($c);                            # until the client ends its side
  });
  my $c = tunnel($s, '/app/ws');           # a Gateway::Client behind the 101
  $c->send('abc');  $c->read_n(3);

=head1 FUNCTIONS

=over

=item ask($path, @lines)

The bytes of a request for a WebSocket, more header lines behind.

=item offer($path, $protocol, @lines)

The bytes of a request for another protocol.

=item switching($req, Name => $value, ...)

The bytes of the 101 that is right for a request; a field that is given
replaces one of that name (undef: leaves it out).

=item echo($conn)

Sends back what comes, until the end of the stream; then ends the own side.

=item tunnel($server, $path, %options of the client)

Asks, expects a 101, and gives the client; the test fails and gives undef
otherwise.

=item accept_for($key)

Sec-WebSocket-Accept.

=back

=cut

use strict;
use warnings;
use Digest::SHA qw(sha1_base64);
use Exporter qw(import);
use Test::More ();

our @EXPORT = qw(ask offer switching echo tunnel accept_for $KEY);

# RFC 6455 1.3
our $KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

sub offer {
    my ($path, $protocol, @lines) = @_;
    return join "\r\n", "GET $path HTTP/1.1", 'Host: front.example',
        'Connection: Upgrade', "Upgrade: $protocol", @lines, '', '';
}

sub ask {
    my ($path, @lines) = @_;
    return offer($path, 'websocket', "Sec-WebSocket-Key: $KEY",
        'Sec-WebSocket-Version: 13', @lines);
}

sub accept_for {
    my ($key) = @_;
    return sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
}

sub switching {
    my ($req, %fields) = @_;
    my $key = $req->header('sec-websocket-key');
    my %all = (
        Upgrade => $req->header('upgrade'), Connection => 'Upgrade',
        defined $key ? ('Sec-WebSocket-Accept' => accept_for($key)) : (),
        %fields,
    );
    return join "\r\n", 'HTTP/1.1 101 Switching Protocols',
        (map { "$_: $all{$_}" } grep { defined $all{$_} } sort keys %all),
        '', '';
}

sub echo {
    my ($c) = @_;
    while (length $c->{in} || $c->fill) {
        $c->send($c->take(length $c->{in})) if length $c->{in};
    }
    $c->shutdown;
    return;
}

sub tunnel {
    my ($s, $path, %opt) = @_;
    my $port = $opt{tls} ? $s->ssl_port : $s->port;
    my $c = $opt{tls} ? Gateway::Client->new(port => $port, %opt)
        : $s->client(%opt);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $c->send(ask($path, @{ $opt{lines} || [] }));
    my $r = $c->response(method => 'GET', head_only => 1);
    return $c if Test::More::is($r->status, 101, "$path: a tunnel");
    return;
}

1;
