# A backend that pauses: what came so far reaches the client at once, in any
# framing, for any kind of client, compressed or not. Server-sent events and
# long polls need no directive.
use Gateway::Test;
use Time::HiRes 'time';

my $h2 = Gateway::Setup::mpm() ne 'prefork';
my $WAIT = 2 * Gateway::Setup::patience();
my $dir = Gateway::Test->scratch;

# The backend goes on when the client has seen the piece: it touches a file.
sub go {
    my ($name) = @_;
    open my $fh, '>', "$dir/go-$name" or die "$!";
    close $fh;
}
sub wait_go {
    my ($name) = @_;
    my $end = time + 2 * $WAIT;
    select undef, undef, undef, 0.005 until -e "$dir/go-$name" || time > $end;
}

my %framing = (
    chunked => [ "Transfer-Encoding: chunked\r\n",
        sub { sprintf "%x\r\n%s\r\n", length $_[0], $_[0] }, "0\r\n\r\n" ],
    length => [ "Content-Length: 22\r\n", sub { $_[0] }, '' ],
    close  => [ '', sub { $_[0] }, '' ],
);
my $b = Gateway::Backend->new(script => sub {
    my $c = shift;
    my $req = $c->read_request or return;
    my ($type, $framing, $name) = $req->{path} =~ m{/(\w+)/(\w+)/(\w+)};
    my ($field, $wrap, $end) = @{ $framing{$framing} };
    wait_go("$name-begin") if $type eq 'poll';
    $c->send("HTTP/1.1 200 OK\r\nContent-Type: text/"
        . ($type eq 'sse' ? 'event-stream' : 'plain') . "\r\n$field\r\n");
    wait_go("$name-head");
    for my $n (1, 2) {
        $c->send($wrap->("data: $n...\n"));
        wait_go("$name-$n");
    }
    $c->send($end) if length $end;
});
my $s = Gateway::Test->server(ssl => 1, h2 => $h2,
    modules => [qw(deflate filter)], vars => { B => $b }, config => <<'EOC',
GatewayPass /app http://@B@
GatewayPass /gz  http://@B@
<Location /gz>
    SetOutputFilter DEFLATE
</Location>
EOC
    ssl_config => "GatewayPass /app http://\@B\@\n");

my $n = 0;
sub stream {
    my ($title, $type, $framing, $request, %opt) = @_;
    my $name = 'n' . ++$n;
    my $c = $s->client(tls => $opt{tls});
    $c->send(sprintf $request, "/app/$type/$framing/$name");
    if ($type eq 'poll') {
        ok $c->quiet(0.05), "$title: nothing yet";
        go("$name-begin");
    }
    ok defined $c->read_until("\r\n\r\n", $WAIT), "$title: the head";
    go("$name-head");
    for my $piece (1, 2) {
        ok defined $c->read_until(qr/data: $piece\.\.\.\n/, $WAIT),
            "piece $piece";
        go("$name-$piece");
    }
    my $rest = $c->read_eof($WAIT);
    like $rest, $opt{end} || qr/\A\z/, 'the end' if defined $rest;
    ok defined $rest, 'and the close';
    return;
}

my $NEW = "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
my $OLD = "GET %s HTTP/1.0\r\n\r\n";
my $LAST = qr/\A\r\n0\r\n\r\n\z/;
stream('events, chunked', 'sse', 'chunked', $NEW, end => $LAST);
stream('events, close', 'sse', 'close', $NEW, end => $LAST);
stream('text, chunked', 'text', 'chunked', $NEW, end => $LAST);
stream('text, length', 'text', 'length', $NEW);
stream('events, HTTP/1.0', 'sse', 'chunked', $OLD);
stream('text, TLS', 'text', 'chunked', $NEW, tls => 1, end => $LAST);
stream('text, length, TLS', 'text', 'length', $NEW, tls => 1);
stream('long poll', 'poll', 'length', $NEW);
stream('long poll, TLS', 'poll', 'chunked', $NEW, tls => 1, end => $LAST);

# Compressed: every piece can be decompressed when it comes.
{
    require Compress::Raw::Zlib;
    my ($inflate) = Compress::Raw::Zlib::Inflate->new(
        -WindowBits => Compress::Raw::Zlib::WANT_GZIP());
    my $c = $s->client;
    $c->send("GET /gz/sse/close/gz HTTP/1.0\r\n"
        . "Accept-Encoding: gzip\r\n\r\n");
    go('gz-head');
    like $c->read_until("\r\n\r\n", $WAIT) // '',
        qr/^Content-Encoding: gzip\r/m, 'compressed';
    my $text = '';
    for my $piece (1, 2) {
        my $end = time + $WAIT;
        until ($text =~ /data: $piece\.\.\.\n/ || time > $end) {
            length $c->buffered || $c->fill($WAIT) or last;
            my $in = $c->take(65536);
            my $out;
            $inflate->inflate($in, $out);
            $text .= $out;
        }
        like $text, qr/data: $piece\.\.\.\n/, "piece $piece";
        go("gz-$piece");
    }
    $c->close;
}

# HTTP/2: what curl prints while the stream is open.
SKIP: {
    skip 'no HTTP/2 with prefork', 2 unless $h2;
    my $pid = open my $out, '-|', 'curl', '-sN', '--noproxy', '*', '--http2',
        '--cacert', Gateway::CA::file('ca.crt'), '--max-time', 10,
        $s->url('/app/sse/chunked/h2', 'https');
    go('h2-head');
    for my $piece (1, 2) {
        my $bits = '';
        vec($bits, fileno $out, 1) = 1;
        my $line = select($bits, undef, undef, $WAIT) ? <$out> : 'nothing';
        is $line, "data: $piece...\n", "HTTP/2: piece $piece";
        go("h2-$piece");
    }
    close $out;
}
$s->allow_log(qr/GW00150/);

done_testing;
