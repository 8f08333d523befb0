package Gateway::WebSocket;

=head1 NAME

Gateway::WebSocket - real WebSocket servers and clients: python3-websockets,
node-ws

=head1 SYNOPSIS

  my $server = Gateway::WebSocket->server('python');    # or 'node'
  ... vars => { W => $server } ...
  my $said = Gateway::WebSocket::client('node', $url, %options);
  # { protocol, extensions, echo, binary, pong, code, reason, error }

The program of each is t/peers/ws_server.* and ws_client.*; a language whose
package is missing is left out of C<languages()>.

=cut

use strict;
use warnings;
use JSON::PP ();
use Time::HiRes qw(time);
use Gateway::CA ();
use Gateway::Client ();
use Gateway::Process ();
use Gateway::Setup ();

my %PROGRAM = (
    python => [ '/usr/bin/python3', 'py', '-c', 'import websockets' ],
    node   => [ 'node', 'js', '-e', 'require("ws")' ],
);
my $COUNT = 0;

# Debian's place for packages of node
$ENV{NODE_PATH} //= '/usr/share/nodejs';

sub languages {
    return grep {
        my ($program, undef, @test) = @{ $PROGRAM{$_} };
        system("$program $test[0] '$test[1]' >/dev/null 2>&1") == 0;
    } sort keys %PROGRAM;
}

sub _command {
    my ($language, $what) = @_;
    my ($program, $suffix) = @{ $PROGRAM{$language} };
    return ($program, Gateway::Setup::root() . "/t/peers/$what.$suffix");
}

sub server {
    my ($class, $language) = @_;
    my $port = Gateway::Process::take_port();
    my $log = Gateway::Test::scratch() . '/ws' . ++$COUNT . '.log';
    my $self = bless { port => $port, process => Gateway::Process->run(
        cmd => [ _command($language, 'ws_server'), $port ],
        log => $log) }, $class;
    my $deadline = time + 10 * Gateway::Setup::patience();
    until (Gateway::Process::listening()->{$port}) {
        die "the WebSocket server in $language did not start, see $log\n"
            if time > $deadline || !$self->{process}->alive;
        select undef, undef, undef, 0.02;
    }
    push @Gateway::Test::AT_END, sub { $self->stop; () };
    return $self;
}

sub port     { return $_[0]{port} }
sub hostport { return "127.0.0.1:$_[0]{port}" }
sub url      { return "http://" . $_[0]->hostport }

sub stop {
    my ($self) = @_;
    my $process = delete $self->{process} or return;
    $process->stop(signal => 'TERM');
    return;
}

sub client {
    my ($language, $url) = @_;
    my $ran = Gateway::Client::run(_command($language, 'ws_client'), $url,
        Gateway::CA::file('ca.crt'));
    return eval { JSON::PP::decode_json($ran->{out}) }
        || { error => "$ran->{out} $ran->{err}" };
}

1;
