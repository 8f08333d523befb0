package Gateway::Kept;

=head1 NAME

Gateway::Kept - the connections that get, post and request use again

=head1 DESCRIPTION

With the drivers "event" and "auto" a L<Gateway::Server> sends the requests of
its short forms over one connection, one in clear text and one over TLS, so
that they come to a connection that a loop has adopted. A new one is opened
when the server has closed it or said that it would, after a restart, after
C<< $s->hang_up >>, after two idle seconds (the server's KeepAliveTimeout must
not end it while a request is under way), and in another process.

A request that goes out on a connection that is still open and gets no answer
is a failure like any other: nothing is sent twice.

C<< keep => 0 >> (server option), C<< fresh => 1 >> (of C<request>) and any
other option of the client than tls ask for a connection of the request's own,
closed after it.

=cut

use strict;
use warnings;
use Time::HiRes qw(time);
use Gateway::Process ();
use Gateway::Setup ();

my $IDLE = 2;       # seconds
my %ALL;            # of this process, to be let go of in its children

sub new {
    my ($class, $server) = @_;
    my $self = bless { server => $server, open => {} }, $class;
    $ALL{$self} = $self;
    return $self;
}

# The connection of that kind ("clear" or "tls") on which the next request
# goes.
sub connection {
    my ($self, $kind) = @_;
    my $have = $self->{open}{$kind};
    return $have->{client} if $have && $self->_usable($have);
    $self->drop($kind);
    my $client = $self->{server}->client(tls => $kind eq 'tls');
    $self->{open}{$kind} = { client => $client, last => time };
    return $client;
}

sub _usable {
    my ($self, $have) = @_;
    return time - $have->{last} < $IDLE && $have->{client}->sock
        && $have->{client}->quiet(0);
}

# What is left of it after this response.
sub after {
    my ($self, $kind, $method, $r) = @_;
    my $have = $self->{open}{$kind} or return;
    $have->{last} = time;
    my $left = $have->{client}->buffered;
    $self->{server}->problem('bytes behind a response: '
        . substr $left, 0, 200) if length $left && $r->complete;
    $self->drop($kind) unless _stays($method, $r) && $left eq '';
    return;
}

sub _stays {
    my ($method, $r) = @_;
    return 0 if !$r->status || !$r->complete || $r->framing eq 'close'
        || $r->status == 101 || $method eq 'CONNECT' || @{ $r->problems };
    my $said = join ',', $r->all('connection');
    return $said !~ /\bclose\b/i
        && ($r->version eq '1.1' || $said =~ /\bkeep-alive\b/i);
}

sub drop {
    my ($self, $kind) = @_;
    my $have = delete $self->{open}{$kind} or return;
    $have->{client}->close if $have->{client}->sock;
    return;
}

sub drop_all {
    my ($self) = @_;
    $self->drop($_) for keys %{ $self->{open} };
    return;
}

# In a child of the test: its copies must not keep the connections open, and
# nothing may be said on them.
sub forget {
    for my $self (values %ALL) {
        $_->{client}->abandon for values %{ $self->{open} };
        $self->{open} = {};
    }
    return;
}
push @Gateway::Process::IN_CHILD, \&forget;

1;
