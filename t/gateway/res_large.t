# Large bodies come whole, in every framing: 8 MiB, in odd pieces, and 20,000
# chunks of one byte.
use Gateway::Test;
use Digest::MD5;

my $block = join '', map { pack 'N', $_ * 2654435761 % 2**32 } 1 .. 16384;
my $MIB8 = 128;                         # blocks of 64 KiB
my $OK = "HTTP/1.1 200 OK\r\n";

sub blocks {
    my ($c, $end) = @_;
    for my $n (1 .. $MIB8) {
        substr $block, 0, 4, pack 'N', $n;
        $c->send($block) or return;
    }
}

# The same bytes in chunks of 1, 8, 27, ... bytes.
sub odd_chunks {
    my ($c) = @_;
    my ($size, $text) = (0, '');
    for my $n (1 .. $MIB8) {
        substr $block, 0, 4, pack 'N', $n;
        my $at = 0;
        while ($at < length $block) {
            $size = ($size * 7 + 13) % 20_011 + 1;
            my $piece = substr $block, $at, $size;
            $at += length $piece;
            $text .= sprintf "%x\r\n%s\r\n", length $piece, $piece;
        }
        $c->send($text) or return;
        $text = '';
    }
    $c->send("0\r\n\r\n");
}

my %does = (
    '/length' => sub {
        $_[0]->send($OK . 'Content-Length: ' . 65536 * $MIB8 . "\r\n\r\n");
        blocks($_[0]);
    },
    '/close' => sub { $_[0]->send("$OK\r\n"); blocks($_[0]) },
    '/chunked' => sub {
        $_[0]->send("${OK}Transfer-Encoding: chunked\r\n\r\n");
        odd_chunks($_[0]);
    },
    '/small' => sub {
        $_[0]->send("${OK}Transfer-Encoding: chunked\r\n\r\n"
            . join('', map { sprintf "1\r\n%c\r\n", 97 + $_ % 26 }
                1 .. 20_000) . "0\r\n\r\n");
    },
);
my $b = Gateway::Backend->new(brief => 1, script => sub {
    my $c = shift;
    my $req = $c->read_request;
    $does{ $req->{path} }->($c);
});
my $s = Gateway::Test->server(ssl => 1, vars => { B => $b },
    config => "GatewayPass /app http://\@B\@\n",
    ssl_config => "GatewayPass /app http://\@B\@\n");

my $want = Digest::MD5->new;
for my $n (1 .. $MIB8) {
    substr $block, 0, 4, pack 'N', $n;
    $want->add($block);
}
$want = $want->hexdigest;

for my $path (qw(/length /close /chunked)) {
    for my $tls (0, 1) {
        my $md5 = Digest::MD5->new;
        my $r = $s->client(tls => $tls)->get("/app$path")->response(
            sink => sub { $md5->add($_[0]) });
        is_deeply [ $r->status, $r->complete, $r->size, $r->problems ],
            [ 200, 1, 65536 * $MIB8, [] ], "$path" . ($tls && ', TLS');
        is $md5->hexdigest, $want, 'byte for byte';
    }
}
my $r = $s->get('/app/small');
is $r->body, join('', map { chr(97 + $_ % 26) } 1 .. 20_000),
    '20,000 chunks of one byte';

done_testing;
