# Forty clients, fifteen requests each, good and evil backends mixed: everyone
# gets the answer to what he asked, a clean failure or a visible cut; nobody
# gets anything of another's, and nobody hangs. What a backend sends too much
# comes with its response: a response that arrives when the next request is on
# its way cannot be told from the answer to it.
use Gateway::Test;
use Time::HiRes qw(time);

my $EVIL = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL";
my %bad = (
    surplus => sub { my ($c, $n) = @_;
        $c->send("HTTP/1.1 200 OK\r\nContent-Length: "
            . length($n) . "\r\n\r\n$n$EVIL") },
    short   => sub { my ($c, $n) = @_;
        $c->send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n$n");
        return 'close' },
    chunk   => sub { my ($c, $n) = @_;
        $c->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            . sprintf("%x\r\n%s\r\nxyz\r\n", length $n, $n), $EVIL) },
    junk    => sub { shift->send("garbage\r\n\r\n$EVIL") },
    two     => sub { shift->send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"
        . "Content-Length: 0\r\n\r\n$EVIL") },
    reset   => sub { shift->reset; return 'close' },
    close   => sub { return 'close' },
    head    => sub { my ($c, $n) = @_;
        $c->send("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n"
            . $EVIL) },
);
my @bad = sort keys %bad;
my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    my ($kind, $nonce) = $req->target =~ m{^/(\w+)/(\w+)};
    my $conn = $req->{conn};
    return [ 200, [], "$nonce " . $req->body ] if $kind eq 'good';
    if ($kind eq 'slow') {
        $conn->pause(0.05);
        return [ 200, [], [ $nonce, ' ', $req->body ] ];
    }
    my $done = $bad{$kind}->($conn, $nonce) // '';
    $conn->silent(2) if $done ne 'close' && $conn->sock;
    return 'close';
} });
# A worker for everyone: else httpd closes idle client connections; and some
# more, since not all may be busy with one backend.
my $prefork = Gateway::Setup::mpm() eq 'prefork';
my $s = Gateway::Test->server(vars => { B => $b }, threads => 32,
    children => $prefork ? 56 : 2,
    mpm_config => $prefork ? "StartServers 56\nMinSpareServers 8" : undef,
    config => "GatewayPass / http://\@B\@\n");
$s->allow_log(qr/GW00150/);

# What is wrong with an answer, or nothing.
sub wrong {
    my ($kind, $nonce, $body, $r) = @_;
    return "no answer: " . $r->why unless $r->status;
    return "objections: @{ $r->problems }" if @{ $r->problems };
    my $whole = "$nonce $body";
    if ($kind =~ /good|slow/) {
        return $r->status == 200 && $r->complete && $r->body eq $whole
            ? () : 'status ' . $r->status . ', body ' . $r->body;
    }
    return 'bytes of an attack' if $r->body =~ /EVIL/;
    return if $r->status == 502;
    return "status " . $r->status unless $r->status =~ /\A20[04]\z/;
    return if $r->status == 204 && $r->body eq '';
    return 'not its own nonce: ' . $r->body if $r->body ne $nonce;
    return if $kind eq 'surplus' || !$r->complete;
    return 'looks complete';
}

sub client {
    my ($n) = @_;
    my ($c, @wrong);
    for my $i (1 .. 15) {
        my $kind = ($n * 7 + $i * 3) % 5 < 2
            ? $bad[ ($n + $i) % @bad ] : $i % 4 ? 'good' : 'slow';
        my $nonce = "n${n}x${i}r" . int rand 1e9;
        my $body = $i % 3 ? '' : 'b' x ($i * 500);
        $c ||= $s->client(timeout => 12);
        my @close = $i % 5 ? () : ('Connection: close');
        my $r = $c->request($body ? 'POST' : 'GET', "/$kind/$nonce",
            \@close, $body || undef)->response;
        push @wrong, map { "$kind $nonce: $_" } wrong($kind, $nonce, $body,
            $r);
        undef $c if @close || !$r->complete || $r->status != 200
            || lc($r->header('connection') // '') eq 'close';
    }
    return @wrong;
}

my $dir = Gateway::Test->scratch;
my $began = time;
my @pids = map {
    my $n = $_;
    Gateway::Process::spawn(sub {
        my @wrong = client($n);
        open my $fh, '>', "$dir/client.$n" or die "client: $!";
        print {$fh} map { "$_\n" } @wrong, 'end';
        close $fh or die "client: $!";
    });
} 1 .. 40;
waitpid $_, 0 for @pids;
my (@wrong, $ended);
for my $n (1 .. 40) {
    open my $fh, '<', "$dir/client.$n" or next;
    chomp(my @lines = <$fh>);
    $ended++ if @lines && $lines[-1] eq 'end';
    push @wrong, grep { $_ ne 'end' } @lines;
}
is $ended, 40, 'all clients came to their end';
is_deeply \@wrong, [], 'everyone has his own' or diag explain \@wrong;
cmp_ok time - $began, '<', 20 * Gateway::Setup::patience(), 'nobody hung';
my @log = $s->access_log(wait => 600);
is scalar @log, 600, 'six hundred requests';
cmp_ok scalar(grep { $_->{status} == 200 } @log), '>', 350,
    'most were good';
cmp_ok scalar(grep { $_->{gw_reused} eq '1' } @log), '>', 50,
    'connections were used again in between';
done_testing;
