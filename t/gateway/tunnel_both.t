# Much at once, both ways, over TCP and TLS on either side: one way that is
# stopped does not stop the other, every byte arrives in order, memory is flat.
use Gateway::Test;
use Gateway::Tunnel;
use Gateway::Setup ();
use Digest::SHA ();

my $MIB = 12;
# a sanitizer keeps what was freed
my $FLAT = Gateway::Setup::sanitized() ? 320 * 1024 : 6 * 1024;
my $BLOCK = join '', map { pack 'N', $_ * 2654435761 % 2**32 } 1 .. 16384;
my $SUM = Digest::SHA::sha1_hex($BLOCK x ($MIB * 16));

# Sends all of it and reads until the end, whichever is possible; then says
# what it read, and ends its side.
sub duplex {
    my ($c) = @_;
    my $sock = $c->sock;
    my $sha = Digest::SHA->new(1);
    my ($left, $at) = ($MIB * 1048576, 0);
    $sha->add($c->take(length $c->{in}));
    my $open = 1;
    while ($open || $left) {
        my $moved = 0;
        if ($left) {
            my $n = $sock->syswrite($BLOCK, length($BLOCK) - $at, $at) || 0;
            $at = ($at + $n) % length $BLOCK;
            $left -= $n;
            $moved += $n;
        }
        if ($open) {
            my $n = $sock->sysread(my $bytes, 65536);
            $sha->add($bytes) if $n;
            $open = 0 if defined $n && !$n;
            $moved += $n || 0;
        }
        select undef, undef, undef, 0.002 unless $moved;
    }
    return $sha->hexdigest;
}

my @b = map {
    Gateway::Backend->new(brief => 1, timeout => 30,
        ($_ ? (tls => 'server') : ()), script => sub {
            my ($c) = @_;
            my $req = $c->read_request or return;
            $c->send(switching($req));
            return echo($c) if $req->{path} =~ /echo/;
            my $sum = duplex($c);
            $c->send($sum);
            $c->close;
        })
} 0, 1;
my $ca = Gateway::CA::file('ca.crt');
my $rules = <<"EOC";
<Gateway https://localhost>
    GatewaySSLCACertificateFile $ca
</Gateway>
GatewayPass /tcp ws://127.0.0.1:@{[ $b[0]->port ]}
GatewayPass /tls wss://localhost:@{[ $b[1]->port ]}
EOC
my $s = Gateway::Test->server(children => 2, ssl => 1,
    config => $rules =~ s/localhost>/localhost:@{[ $b[1]->port ]}>/r,
    ssl_config => $rules =~ s/localhost>/localhost:@{[ $b[1]->port ]}>/r);
$s->allow_log(qr/AH00161/);

sub warm_up {
    for my $path (qw(tcp tls)) {
        for my $tls (0, 1) {
            my $c = tunnel($s, "/$path/warm", tls => $tls, timeout => 30);
            $c->fill;
            $c->close;
        }
    }
}
warm_up() for 1, 2;
my $before = $s->memory;

for my $path (qw(tcp tls)) {
    for my $tls (0, 1) {
        my $name = ($tls ? 'TLS' : 'TCP') . " in, $path out";
        my $c = tunnel($s, "/$path/both", tls => $tls, rcvbuf => 16384,
            timeout => 30) or next;
        # all of it without a look at what comes
        for (1 .. $MIB * 16) {
            $c->send($BLOCK) or last;
        }
        pass "$name: all was sent while nothing was read";
        SKIP: {
            skip 'valgrind keeps more of what was freed than was sent', 1
                if Gateway::Setup::valgrind();
            cmp_ok $s->memory - $before, '<', $FLAT, 'in flat memory';
        }
        my $sha = Digest::SHA->new(1);
        my $left = $MIB * 1048576;
        while ($left && (length $c->{in} || $c->fill)) {
            my $bytes = $c->take($left);
            $sha->add($bytes);
            $left -= length $bytes;
        }
        is $left, 0, 'what came meanwhile is all there';
        is $sha->hexdigest, $SUM, 'byte by byte';
        if (!$tls) {
            $c->shutdown;
            is $c->read_eof, $SUM, 'and the backend got the same';
            is $c->eof_state, 'eof', 'a clean end';
        }
        $c->close;
    }
}

# --- many small ones -----------------------------------------------------

for my $tls (0, 1) {
    my $c = tunnel($s, '/tcp/echo', tls => $tls) or next;
    my $talk = sub {
        for (1 .. $_[0]) {
            $c->send('x' x 100);
            $c->read_n(100) or return;
        }
        return 1;
    };
    $talk->(500);
    my $first = $s->memory;
    ok $talk->(15_000), 'small messages' . ($tls ? ' over TLS' : '');
    # valgrind keeps 20 MB of what was freed before it gives any back
    cmp_ok $s->memory - $first, '<', Gateway::Setup::sanitized() ? $FLAT
        : Gateway::Setup::valgrind() ? 24 * 1024 : 1024,
        'each leaves nothing behind';
    $c->close;
}
done_testing;
