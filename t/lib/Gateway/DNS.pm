package Gateway::DNS;

=head1 NAME

Gateway::DNS - a name server of the test's own, and a machine that asks it

=head1 SYNOPSIS

  Gateway::Test->need(names => 1);      # root, and mount name spaces
  my $dns = Gateway::DNS->new(
      'app.test' => { A => ['127.0.0.1'], ttl => 1 });
  my $s = Gateway::Test->server(etc => $dns->etc, ...);
  $dns->set('app.test' => { A => ['127.0.0.2'] });
  $dns->set('app.test' => 'NXDOMAIN');  # or SERVFAIL, REFUSED, SILENT
  my @names = $dns->queries;            # "app.test A", in order

=head1 DESCRIPTION

Answers over UDP from port 53 of a loopback address of its own. A name has
lists A and AAAA and a ttl (default 1 s), a list SRV of C<[priority, weight,
port, target]>, or CNAME => name. C<delay> in
seconds makes it slow. Names that are not set do not exist.

C<etc> gives the files that the server sees as /etc/resolv.conf, /etc/hosts
and /etc/nsswitch.conf (see the option etc of L<Gateway::Server>); the
machine's own are not touched. They may be written to while the server runs:
C<< $s->root/etc/hosts >>.

=cut

use strict;
use warnings;
use Fcntl qw(LOCK_EX);
use JSON::PP ();
use Socket;
use Gateway::Process ();
use Gateway::Setup ();

my %TYPE  = (A => 1, AAAA => 28, CNAME => 5, SRV => 33);
my %RCODE = (SERVFAIL => 2, NXDOMAIN => 3, REFUSED => 5);
my $COUNT = 0;

sub new {
    my ($class, %names) = @_;
    my $unique = Gateway::Process::take_port();
    my $self = bless { names => \%names,
        address => join('.', 127, 1 + ($unique >> 8), $unique & 255, 53),
        dir => Gateway::Setup::make_dir(
            Gateway::Test->scratch . '/dns' . ++$COUNT) }, $class;
    $self->_save;
    socket my $sock, PF_INET, SOCK_DGRAM, 0 or die "socket: $!";
    bind $sock, pack_sockaddr_in(53, inet_aton($self->{address}))
        or die "cannot bind $self->{address}:53: $!\n";
    $self->{pid} = Gateway::Process::spawn(sub { $self->_serve($sock) },
        log => "$self->{dir}/errors");
    push @Gateway::Test::AT_END, sub { $self->_errors };
    return $self;
}

sub address { return $_[0]{address} }

sub etc {
    my ($self, %more) = @_;
    return {
        'resolv.conf' =>
            "nameserver $self->{address}\noptions timeout:1 attempts:2\n",
        'hosts'         => "127.0.0.1 localhost\n::1 localhost\n",
        'nsswitch.conf' => "hosts: files dns\n",
        %more,
    };
}

sub set {
    my ($self, %names) = @_;
    $self->{names}{$_} = $names{$_} for keys %names;
    $self->_save;
    return $self;
}

sub _save {
    my ($self) = @_;
    open my $fh, '>', "$self->{dir}/names.new" or die "names: $!";
    print {$fh} JSON::PP::encode_json($self->{names});
    close $fh or die "names: $!";
    rename "$self->{dir}/names.new", "$self->{dir}/names" or die "names: $!";
    return;
}

sub queries {
    my ($self) = @_;
    open my $fh, '<', "$self->{dir}/queries" or return;
    return map { chomp; $_ } <$fh>;
}

sub _errors {
    my ($self) = @_;
    open my $fh, '<', "$self->{dir}/errors" or return;
    return map { "name server: $_" } <$fh>;
}

# --- the process that answers --------------------------------------------

sub _serve {
    my ($self, $sock) = @_;
    while (1) {
        Gateway::Process::wait_io($sock, 'r', 3600) or next;
        my $from = recv $sock, my $query, 4096, 0;
        defined $from or next;
        my ($answer, $delay) = $self->_answer($query);
        next unless defined $answer;
        Gateway::Process::pause($delay) if $delay;
        send $sock, $answer, 0, $from;
    }
    return;
}

sub _answer {
    my ($self, $query) = @_;
    return if length $query < 17;
    my ($id, $flags) = unpack 'nn', $query;
    my ($name, $at) = ('', 12);
    while (my $n = ord substr $query, $at, 1) {
        $name .= ($name eq '' ? '' : '.') . substr $query, $at + 1, $n;
        $at += 1 + $n;
    }
    my $question = substr $query, 12, $at + 5 - 12;
    my $type = unpack 'n', substr $query, $at + 1, 2;
    my ($word) = grep { $TYPE{$_} == $type } keys %TYPE;
    $self->_note(lc($name) . ' ' . ($word // $type));
    my $names = $self->_names;
    my $what = $names->{ lc $name } // 'NXDOMAIN';
    return if $what eq 'SILENT';
    my $rcode = ref $what ? 0 : $RCODE{$what} // 2;
    my @records = ref $what ? _records($names, $name, $word // '') : ();
    return (pack('n6', $id, 0x8180 | ($flags & 0x100) | $rcode, 1,
        scalar @records, 0, 0) . $question . join('', @records),
        ref $what ? $what->{delay} : 0);
}

sub _names {
    my ($self) = @_;
    open my $fh, '<', "$self->{dir}/names" or return {};
    local $/;
    return JSON::PP::decode_json(<$fh>);
}

sub _note {
    my ($self, $text) = @_;
    open my $fh, '>>', "$self->{dir}/queries" or return;
    syswrite $fh, "$text\n";
    close $fh;
    return;
}

sub _records {
    my ($names, $name, $word) = @_;
    my $what = $names->{ lc $name };
    return unless ref $what;
    my $ttl = $what->{ttl} // 1;
    return (_record($name, 'CNAME', $ttl, _packed($what->{CNAME})),
        _records($names, $what->{CNAME}, $word)) if $what->{CNAME};
    return map { my ($target, @n) = (pop @{ [@$_] }, @$_[ 0 .. 2 ]);
        _record($name, $word, $ttl, pack('n3', @n) . _packed($target)) }
        @{ $what->{SRV} || [] } if $word eq 'SRV';
    my $family = $word eq 'AAAA' ? AF_INET6 : AF_INET;
    return map { _record($name, $word, $ttl, Socket::inet_pton($family, $_)) }
        @{ $what->{$word} || [] };
}

sub _record {
    my ($name, $word, $ttl, $data) = @_;
    return _packed($name) . pack('nnNn', $TYPE{$word}, 1, $ttl, length $data)
        . $data;
}

sub _packed {
    my ($name) = @_;
    return join('', map { chr(length) . $_ } split /\./, $name) . "\0";
}

1;
