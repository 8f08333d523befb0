# The two filters of a connection that a loop owns (gw_front_in, gw_front_out),
# in a real httpd: mod_t_front owns the connections as the event engine does,
# and logs as an error every call that waited and everything that core would
# have waited for; the harness sees those.
use Gateway::Test;
use Digest::MD5 qw(md5_hex);
use Gateway::Process ();
use IO::Select ();

Gateway::Test->need(mpm => 'event');

# The client sends these pauses where core would block: longer than what
# mod_t_front calls slow (1 s).
my $PAUSE = 1.3;

sub server {
    my ($more) = @_;
    return Gateway::Test->server(gateway => 0, driver => 'blocking',
        ssl => 1, keep => 0, modules => ['t_front'], threads => 16,
        docs => { 'file.txt' => join '', map { "line $_\n" } 1 .. 60_000 },
        config => <<"EOC");
KeepAliveTimeout 5
$more
<LocationMatch "^/(sum|big|pipe|tunnel)">
    SetHandler t-front
</LocationMatch>
EOC
}

my $s   = server('TFrontSpy On');
my $own = server('');       # no spy between: core right below
my $TLS;

sub client { return $s->client($TLS ? (tls => 1) : (), timeout => 10, @_) }

sub name { return ($TLS ? 'TLS: ' : 'plain: ') . $_[0] }

# What /sum says of a body, and that the connection is good for another
# request.
sub is_sum {
    my ($c, $body, $name, $trailer) = @_;
    my $r = $c->response(method => 'POST');
    is $r->status, 200, name("$name: answered");
    my $want = sprintf 'len=%d md5=%s', length $body, md5_hex($body);
    like $r->body, qr/^\Q$want\E /, name("$name: all of the body");
    like $r->body, qr/ trailer=\Q$trailer\E$/, name("$name: the trailer")
        if defined $trailer;
    my $next = $c->get('/sum')->response;
    is $next->status, 200, name("$name: and the next request");
    return $r;
}

sub chunked {
    my ($body, $size) = @_;
    my $text = '';
    for (my $at = 0; $at < length $body; $at += $size) {
        my $piece = substr $body, $at, $size;
        $text .= sprintf "%x\r\n%s\r\n", length $piece, $piece;
    }
    return $text;
}

sub lines {
    my ($n) = @_;
    return join '', map { sprintf "%07d\n", $_ % 10_000_000 } 0 .. $n;
}

my $POST = "POST /sum HTTP/1.1\r\nHost: a\r\n";
my $CHUNKED = "${POST}Transfer-Encoding: chunked\r\n\r\n";
my $BODY = join '', map { "$_," } 1 .. 50_000;      # 288,894 bytes

sub heads {
    my $c = client();
    my $head = "GET /sum HTTP/1.1\r\nHost: a\r\n\r\n";
    $c->send_slowly($head, 1, 0.002);
    is $c->response->status, 200, name('a head byte by byte');
    $c->send("\r\n\r\n", $head);
    is $c->response->status, 200, name('empty lines in front');
    $c->send(substr $head, 0, 25);
    $c->pause($PAUSE);
    $c->send(substr $head, 25);
    is $c->response->status, 200, name('a pause inside a head');
    $c->send($head . $head . $head);
    is_deeply [ map { $c->response->status } 1 .. 3 ], [ 200, 200, 200 ],
        name('three at once');
    $c->send($head . substr $head, 0, 10);
    is $c->response->status, 200, name('one and a half');
    $c->pause(0.2);
    $c->send(substr $head, 10);
    is $c->response->status, 200, name('... and the rest');
    my @fields = map { "X-$_: " . 'v' x 7000 . "\r\n" } 1 .. 10;
    $c->send("GET /sum HTTP/1.1\r\nHost: a\r\n", @fields[0 .. 4], "\r\n");
    is $c->response->status, 200, name('a head of 35 KB');
    $c->send("GET /sum HTTP/1.1\r\nHost: a\r\n", @fields, "\r\n");
    is $c->response->status, 200, name('a head of 70 KB');
    $c->send($head);
    is $c->response->status, 200, name('... and the next');
    $c->send('GET /', 'x' x 9000, " HTTP/1.1\r\nHost: a\r\n\r\n");
    is $c->response->status, 414, name('LimitRequestLine');
    $c->close;
    ok $s->wait_log(qr/t-front: a long head/), name('of 70 KB, by a helper');

    if (!$TLS) {    # mod_ssl wants a Host
        $c = client();
        $c->send("GET /sum\r\n");
        like $c->read_eof, qr/\Alen=0 /, name('HTTP/0.9');
    }
    $c = client();
    $c->send("GET / HTTP/1.1\nHost: a\n\n");
    is $c->response->status, 400, name('bare LFs');
    $c = client();
    $c->send("\r\n" x 11);
    is $c->response->status, 400, name('eleven empty lines');
    $c = client();
    $c->send(substr $head, 0, 10);
    $c->shutdown;
    $c->read_eof;
    is $c->why, 'eof', name('an end inside a head');
    return;
}

sub bodies {
    my $c = client();
    my $length = length $BODY;
    $c->send("${POST}Content-Length: $length\r\n\r\n");
    $c->send_slowly($BODY, 40_000, 0.01);
    is_sum($c, $BODY, 'a body with a length');
    $c->send("${POST}Content-Length: 20\r\n\r\n0123456789");
    $c->pause($PAUSE);
    $c->send('0123456789');
    like is_sum($c, '01234567890123456789', 'a pause inside it')->body,
        qr/ again=[1-9]/, name('was waited for');
    $c->send($CHUNKED, chunked($BODY, 9999), "0\r\n\r\n");
    is_sum($c, $BODY, 'a chunked body');
    $c->send($CHUNKED);
    $c->send_slowly(chunked('hello world', 3) . "0\r\nX-T: v\r\n\r\n", 1,
        0.002);
    is_sum($c, 'hello world', 'chunked, byte by byte', 'v');
    return;
}

# Where core would sit and wait.
sub trailers {
    my @stops = ([ '0', "\r\n\r\n", '-' ], [ "0\r", "\n\r\n", '-' ],
        [ "0\r\n", "\r\n", '-' ], [ "0\r\n\r", "\n", '-' ],
        [ "0\r\nX-", "T: v\r\n\r\n", 'v' ],
        [ "0\r\nX-T: v\r\n", "\r\n", 'v' ],
        [ "0;ext=1\r\nX-T: v\r\n\r", "\n", 'v' ]);
    my @c = map { client() } @stops;
    $c[$_]->send($CHUNKED, chunked('hello', 5), $stops[$_][0])
        for 0 .. $#stops;
    $c[0]->pause($PAUSE);
    $c[$_]->send($stops[$_][1]) for 0 .. $#stops;
    for my $i (0 .. $#stops) {
        (my $shown = $stops[$i][0]) =~ s/([\r\n])/$1 eq "\r" ? '\r' : '\n'/ge;
        is_sum($c[$i], 'hello', "a pause behind $shown", $stops[$i][2]);
    }
    my $c = client();
    $c->send($CHUNKED, "5\r\nhello\r\n0\r\n\r\nGET /sum HTTP/1.1\r\n",
        "Host: a\r\n\r\n");
    is_deeply [ map { $c->response->status } 1, 2 ], [ 200, 200 ],
        name('the next request right behind the last chunk');
    $c->send($CHUNKED, "5\r\nhello\r\n0\r\n");
    $c->shutdown;
    is $c->response(method => 'POST')->status, 400,
        name('an end inside the trailers');
    for my $junk ("x\r\n", "5\r\nhelloX", "0x\r\n", "8000000000000000\r\n",
        '0;' . 'x' x 70_000) {
        my $c = client();
        $c->send($CHUNKED, $junk);
        my $r = $c->response(method => 'POST');
        like $r->status, qr/\A4(?:00|13)\z/,
            name('refused: ' . substr $junk =~ s/\s+//gr, 0, 20);
        $c->read_eof;
        isnt $c->why, 'timeout', name('... and closed');
    }
    return;
}

# A driver that begins on a helper and goes on in a loop.
sub there_and_back {
    for my $framing ('length', 'chunked') {
        my $c = client();
        my $text = $framing eq 'length' ? $BODY
            : chunked($BODY, 700) . "0\r\nX-T: v\r\n\r\n";
        my $head = $framing eq 'length'
            ? "${POST}Content-Length: @{[ length $BODY ]}\r\n\r\n" : $CHUNKED;
        $head =~ s{/sum}{/sum?helper};
        $c->send($head);
        $c->send_slowly($text, 30_011, 0.01);
        is_sum($c, $BODY, "a body with $framing, helper and loop");
    }
    return;
}

sub responses {
    my $want = substr lines(1_310_720), 0, 10_000_000;
    my $md5  = md5_hex($want);
    for my $how ('', '&flush', '&all', '&hold', '&pass&hold') {
        my $c = client(rcvbuf => 16_384, timeout => 20);
        my $sum = Digest::MD5->new;
        my $n = 0;
        $c->get("/big?10000000$how");
        $c->pause(0.3);
        my $r = $c->response(sink => sub {
            $sum->add($_[0]);
            $c->pause(0.01) if !($n++ % 40);
        });
        is $r->status, 200, name("10 MB$how");
        is $sum->hexdigest, $md5, name("10 MB$how, every byte");
        is $c->get('/sum')->response->status, 200, name('... the next');
    }
    my $c = client();
    $c->get("/big?$_&hold") for 10, 20, 5000;
    is_deeply [ map { length $c->response->body } 1 .. 3 ], [ 10, 20, 5000 ],
        name('three small ones at once');
    my $file = $c->get('/file.txt')->response;
    is md5_hex($file->body), md5_hex(join '', map { "line $_\n" } 1 .. 60_000),
        name('a file');
    is $c->get('/index.html')->response->body, "It works.\n",
        name('a small file');
    is $c->get('/none')->response->status, 404, name('an error page');
    return;
}

sub gone {
    my $c = client(rcvbuf => 8192);
    $c->get('/big?10000000&hold');
    $c->pause(0.2);
    $c->reset;
    ok $s->wait_log(qr/t-front: end of the connection: (?:aborted|gone)/),
        name('a client that goes');
    return if $TLS;     # mod_ssl would read the bucket
    $c = client();
    $c->get('/pipe');
    is $c->read_eof, '', name('a bucket without a length');
    return;
}

sub tunnel {
    my $c = client();
    $c->send("GET /tunnel HTTP/1.1\r\nHost: a\r\nUpgrade: t\r\n",
        "Connection: Upgrade\r\n\r\nearly");
    is $c->response(one => 1, head_only => 1)->status, 101,
        name('a tunnel');
    is $c->read_n(5), 'early', name('bytes that came with the head');
    $c->pause(0.2);
    $c->send("0\r\n");
    is $c->read_n(3), "0\r\n", name('not held back');
    my $much = substr $BODY, 0, 200_000;
    $c->send($much);
    is md5_hex($c->read_n(200_000) // ''), md5_hex($much), name('many bytes');
    $c->shutdown;
    $c->read_eof;
    is $c->why, 'eof', name('its end');
    return;
}

# The end of a stream is seen with the last bytes, not at a timeout.
sub ends {
    my ($at) = @_;
    for my $how ('close', 'reset') {
        my $seen = () = $at->{log}->grep(qr/end of the connection/);
        my $c = $at->client($TLS ? (tls => 1) : ());
        $c->get('/sum')->response;
        $c->$how;
        ok $at->wait_for(sub {
            $seen < (() = $at->{log}->grep(qr/end of the connection/));
        }, 2), name("$how between requests is noticed");
    }
    my $c = $at->client($TLS ? (tls => 1) : (), timeout => 3);
    $c->send("GET /sum HTTP/1.1\r\nHost: a\r\n\r\n");
    $c->shutdown;
    is $c->response->status, 200, name('a request and an end at once');
    $c->read_eof;
    is $c->why, 'eof', name('... answered and closed');
    return;
}

# TCP segments that cut TLS records anywhere.
sub cut_records {
    my @sizes = (1, 3, 5, 20, 40);
    my $port = $s->ssl_port;
    my $relay = Gateway::Backend->new(script => sub {
        my ($c) = @_;
        my $up = Gateway::Client->new(port => $port) or die "no server\n";
        my $n = 0;
        while (1) {
            IO::Select->new($c->sock, $up->sock)->can_read(5) or last;
            if (IO::Select->new($c->sock)->can_read(0)) {
                $c->fill(0) or last;
                while (length $c->buffered) {
                    $up->send($c->take($sizes[ $n++ % @sizes ])) or last;
                    $up->pause(0.001) if $n < 400;
                }
            }
            if (IO::Select->new($up->sock)->can_read(0)) {
                $up->fill(0) or last;
                $c->send($up->take(length $up->buffered)) or last;
            }
        }
        $c->close;
    }, may_fail => 1);
    my $c = Gateway::Client->new(port => $relay->port, tls => 1,
        timeout => 20) or die $Gateway::Client::ERROR;
    is $c->get('/sum')->response->status, 200, 'cut records: a head';
    my $body = substr $BODY, 0, 30_000;
    $c->send("${POST}Content-Length: 30000\r\n\r\n", $body);
    is_sum($c, $body, 'cut records: a body');
    $c->send($CHUNKED, chunked($body, 1000), "0\r\nX-T: v\r\n");
    $c->pause($PAUSE);
    $c->send("\r\n");
    is_sum($c, $body, 'cut records: a chunked body', 'v');
    $c->close;
    return;
}

# A bucket of core's is 8 KB, whatever is in it: 4 heads that come byte by
# byte, as they are, would be 80 MB.
sub crumbs {
    my @c = map { client() } 1 .. 4;
    my $line = 'X: ' . 'a' x 500 . "\r\n";
    my $before = $s->memory;
    for my $byte (split //, "GET /sum HTTP/1.1\r\nHost: a\r\n" . $line x 5) {
        $_->send($byte) for @c;
        Gateway::Process::pause(0.0002);    # each byte is a read
    }
    Gateway::Process::pause(0.1);
    note name('grown by ' . ($s->memory - $before) . ' KB');
    cmp_ok $s->memory - $before, '<', 16_000 * Gateway::Setup::patience(),
        name('crumbs of heads take little memory');
    $_->send("\r\n") for @c;
    is_deeply [ map { $_->response->status } @c ], [ (200) x 4 ],
        name('and become requests');
    return;
}

for my $tls (0, 1) {
    $TLS = $tls;
    heads();
    crumbs() if !Gateway::Setup::sanitized();
    bodies();
    trailers();
    there_and_back();
    responses();
    tunnel();
    gone();
    ends($s);
    ends($own);
}
cut_records();
ok $s->wait_log(qr/t-front: an end was held back/), 'ends were held back';
ok $s->wait_log(qr/t-front: the pipe: 1, aborted 1/),
    'a bucket without a length was refused';
$s->expect_log(qr/GW02020/);
done_testing;
