# Slow uploads hold no helper: with one of them (GatewayHelpers 1) thirty
# clients drip their bodies, by length and chunked, over TLS, too, while static
# files, which need the helper, and routed requests are served at once; each
# body arrives whole. Large ones to a backend that reads slowly: flat memory.
use Gateway::Test;
use Gateway::Both;
use Digest::MD5 ();
use Time::HiRes qw(time);

my $FACTOR = Gateway::Setup::sanitized() ? 8 : 1;
my $b = Gateway::Backend->http({
    '/slow' => sub {
        my $req = shift;
        Gateway::Process::pause(1.2);
        my $md5 = Digest::MD5->new;
        $req->read_body($req->{conn}, sub { $md5->add($_[0]) });
        return [ 200, [], $req->size . ' ' . $md5->hexdigest ];
    },
    '*' => sub {
        my $req = shift;
        my $body = '';
        $req->read_body($req->{conn}, sub { $body .= $_[0] });
        return [ 200, [], $req->size . ' ' . $body ];
    },
}, lazy_body => 1, brief => 1, timeout => 20);
my $s = Gateway::Test->server(driver => 'event', ssl => 1, vars => { B => $b },
    docs => { 'a.txt' => "static\n" }, lane => qr/\Ablocking \(.*helper/,
    config => "GatewayPass /app http://\@B\@\nGatewayHelpers 1\n",
    ssl_config => "GatewayPass /app http://\@B\@\n");

# Others, needing a helper or not, meanwhile.
sub others {
    my ($name) = @_;
    my $worst = 0;
    for my $target (('/a.txt', '/app/x') x 5) {
        my $c = $s->client;
        my $began = time;
        my $r = $c->get($target)->response;
        my $took = time - $began;
        $worst = $took if $took > $worst;
        fail "$name: $target" if $r->status != 200;
        $c->close;
    }
    cmp_ok $worst, '<', 0.4 * Gateway::Setup::patience(),
        "$name: others are served at once";
    return;
}

for my $tls (0, 1) {
    my $name = $tls ? 'TLS' : 'clear';
    my @up = map {
        my $n = $_;
        my $c = $s->client(tls => $tls, timeout => 10);
        $c->get('/app/first')->response if $n % 3 == 0;
        my $bytes = $n % 2 ? "Content-Length: 30\r\n\r\n" . 'b' x 30
            : "Transfer-Encoding: chunked\r\n\r\n"
            . join('', map { "6\r\nchunk$_\r\n" } 1 .. 5) . "0\r\n\r\n";
        $c->send("POST /app/up$n HTTP/1.1\r\nHost: a\r\n");
        { c => $c, bytes => $bytes, want => '30 ' . ($n % 2 ? 'b' x 30
            : join '', map { "chunk$_" } 1 .. 5) };
    } 1 .. 30;
    while (grep { length $_->{bytes} } @up) {
        for my $u (@up) {
            $u->{c}->send(substr $u->{bytes}, 0, 6, '')
                if length $u->{bytes};
        }
        Gateway::Process::pause(0.05);
        others($name) if length $up[0]{bytes} == 26;
        others($name) if length($up[0]{bytes}) == 2;
    }
    my @wrong = grep { defined } map {
        my $r = $_->{c}->response(method => 'POST');
        $_->{c}->close;
        $r->body eq $_->{want} ? undef : $r->status . ' ' . $r->body;
    } @up;
    is_deeply \@wrong, [], "$name: all bodies came whole";
}
for my $n (1, 2) {
    my $c = $s->client;
    $c->get('/app/first')->response;
    my $chunked = $n == 2;
    $c->send("POST /app/x HTTP/1.1\r\nHost: a\r\n" . ($chunked
        ? "Transfer-Encoding: chunked\r\n\r\n3\r\nabc" : "Content-Length: 5"
        . "\r\n\r\nab"));
    others($chunked ? 'half a chunk' : 'half a body');
    $c->close;
}

# Large ones: the client is held back while the backend does not read.
{
    my $size = 6_000_000;
    my $block = join '', map { pack 'N', $_ * 2654435761 % 2**32 } 1 .. 15_000;
    my $md5 = Digest::MD5::md5_hex($block x ($size / length $block));
    my $first = $s->get('/app/first');
    my $before = $s->memory;
    my @c = map { my $c = $s->client(timeout => 15);
        $c->send("POST /app/slow HTTP/1.1\r\nHost: a\r\n" . ($_ % 2
            ? "Content-Length: $size\r\n\r\n"
            : "Transfer-Encoding: chunked\r\n\r\n"));
        $c } 1 .. 10;
    my @pids = map {
        my ($c, $chunked) = ($c[ $_ - 1 ], $_ % 2 == 0);
        Gateway::Process::spawn(sub {
            $c->send($chunked ? sprintf("%x\r\n%s\r\n", length $block, $block)
                : $block) for 1 .. $size / length $block;
            $c->send("0\r\n\r\n") if $chunked;
            $c->abandon;
        });
    } 1 .. @c;
    Gateway::Process::pause(0.8);
    cmp_ok $s->memory - $before, '<', 10 * 400 * $FACTOR,
        'large bodies: memory while the backend does not read';
    others('large bodies');
    my @got = map { $_->response(method => 'POST')->body } @c;
    is_deeply \@got, [ ("$size $md5") x 10 ], '... all bytes arrive';
    waitpid $_, 0 for @pids;
    $_->close for @c;
}

done_testing;
