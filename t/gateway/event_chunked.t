# Chunked uploads on an adopted connection: read without blocking whatever the
# cut; trailers; a client that stops before the final CRLF ("0\r\n"), within a
# chunk, a size line or a trailer stops nobody else; the backend gets the same
# bytes; bad framing is refused; what follows the body is the next request.
use Gateway::Test;
use Gateway::Both;
use Time::HiRes qw(time);

my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    return [ 200, [], join '|', $req->size, $req->body =~ /\A(.{0,30})/s,
        map { "$_->[0]=$_->[1]" } @{ $req->trailers } ];
} }, timeout => 15);
my $both = Gateway::Both->new(ssl => 1, timeout => 3, vars => { B => $b },
    config => "GatewayPass /app http://\@B\@\nGatewayHelpers 2\n",
    ssl_config => "GatewayPass /app http://\@B\@\n");
$both->allow_log(qr/AH0\d+|GW\d+/);

sub head { return "POST /app/$_[0] HTTP/1.1\r\nHost: a\r\n"
    . "Transfer-Encoding: chunked\r\n\r\n" }
my $next = "GET /app/next HTTP/1.1\r\nHost: a\r\n\r\n";

my %GOOD = (
    'one chunk' => "5\r\nhello\r\n0\r\n\r\n",
    'none' => "0\r\n\r\n",
    'three' => "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n",
    'extensions' => "3;a=b;c=\"d\"\r\nabc\r\n0;e\r\n\r\n",
    'leading zeros' => "0005\r\nhello\r\n000\r\n\r\n",
    'capitals' => "A\r\n0123456789\r\n0\r\n\r\n",
    'trailers' => "5\r\nhello\r\n0\r\nX-T: one\r\nX-U: two\r\n\r\n",
    'bytes like a framing' => "c\r\n\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
    'large' => join('', map { "400\r\n" . chr(65 + $_ % 26) x 1024 . "\r\n" }
        1 .. 300) . "0\r\n\r\n",
    'many small' => join('', map { "1\r\n$_\r\n" } map { $_ % 10 } 1 .. 3000)
        . "0\r\n\r\n",
);
for my $tls (0, 1) {
    for my $name (sort keys %GOOD) {
        my $body = $GOOD{$name};
        my %how = ('at once' => [ length $body ],
            'three bytes each' => [ 3, 0.0003 ],
            'byte by byte' => [ 1, 0.0005 ]);
        for my $how (sort keys %how) {
            next if length $body > 200 && $how =~ /byte/;
            $both->same("$name, $how" . ($tls ? ', TLS' : ''), sub {
                my ($s) = @_;
                my $c = $s->client(tls => $tls);
                my @got;
                for my $n (1, 2) {
                    $c->send_slowly(head($n) . $body . $next,
                        $how{$how}[0] + ($how eq 'at once'
                            ? length(head($n) . $next) : 0),
                        $how{$how}[1] // 0);
                    for (1, 2) {
                        my $r = $c->response;
                        push @got, $r->status . ' ' . $r->body;
                    }
                }
                $c->close;
                is $got[0], $got[2], 'the same twice';
                like $got[1], qr/\A200 0\|\z/, 'and the next request';
                return \@got;
            });
        }
    }
}
$both->same('large, in odd pieces', sub {
    my ($s) = @_;
    my $c = $s->client;
    $c->send_slowly(head('x') . $GOOD{large} . $next, 777, 0.0003);
    my @got = map { $c->response->body } 1, 2;
    $c->close;
    return \@got;
}, [ 300 * 1024 . '|' . 'B' x 30, '0|' ]);

my %BAD = (
    'no size' => "\r\nhello\r\n0\r\n\r\n", 'not hex' => "g\r\nhello\r\n",
    'a sign' => "-5\r\nhello\r\n0\r\n\r\n",
    'too long a size' => 'f' x 20 . "\r\nx\r\n",
    'no CRLF behind a chunk' => "5\r\nhelloX\r\n0\r\n\r\n",
    'an endless extension' => '5;' . 'x' x 20_000 . "\r\nhello\r\n0\r\n\r\n",
    'too many trailers' => "0\r\n" . "X: y\r\n" x 200 . "\r\n",
    'a trailer without a colon' => "0\r\nnonsense\r\n\r\n",
    'a long trailer' => "0\r\nX: " . 'y' x 20_000 . "\r\n\r\n",
    'an endless last chunk' => '0' x 30_000 . "\r\n\r\n",
);
for my $name (sort keys %BAD) {
    $both->same("bad: $name", sub {
        my ($s) = @_;
        $b->clear;
        my $c = $s->client;
        $c->get('/app/first')->response;
        $c->send(head('bad') . $BAD{$name} . $next);
        my $r = $c->response;
        my $rest = $c->read_eof(8) // 'open';
        $c->close;
        my @whole = grep { $_->complete && $_->target ne '/first' }
            $b->requests;
        return [ $r->status, $rest =~ /\AHTTP/ ? 'another' : '',
            map { $_->target } @whole ];
    });
}

# Who stops in the middle of a body holds nobody up: not the other connections,
# and not with as many of them as there are helpers and loops.
my %STOP = ('the final CRLF is missing' => "5\r\nhello\r\n0\r\n",
    'half a trailer' => "5\r\nhello\r\n0\r\nX-T: on",
    'half a size line' => "5\r\nhello\r\n1", 'half a chunk' => "5\r\nhe",
    'half a CRLF' => "5\r\nhello\r\n0\r\n\r", 'no body at all' => '',
    'half the last chunk' => "5\r\nhello\r\n0");
$both->each(sub {
    my ($s, $name) = @_;
    for my $tls (0, 1) {
        my $which = $name . ($tls ? ', TLS' : '');
        for my $stop (sort keys %STOP) {
            my @stopped = map {
                my $c = $s->client(tls => $tls);
                $c->get('/app/first')->response;
                $c->send(head($_) . $STOP{$stop});
                $c;
            } 1 .. 6;
            my $worst = 0;
            for (1 .. 6) {
                my $began = time;
                my $r = $s->client->get('/app/other')->response;
                my $took = time - $began;
                $worst = $took if $took > $worst;
                fail "$which, $stop: another request" if $r->status != 200;
            }
            cmp_ok $worst, '<', 0.5 * Gateway::Setup::patience(),
                "$which, $stop: others are served at once";
            my ($end) = $GOOD{trailers} =~ /\A\Q$STOP{$stop}\E(.*)\z/s;
            $end //= $stop eq 'half a size line' ? "\r\nx\r\n0\r\n\r\n" : "\n"
                x ($stop eq 'half a CRLF') || "\r\n";
            my @got = map { $_->send($end); my $r = $_->response;
                $_->close; $r->status } @stopped;
            is_deeply \@got, [ (200) x 6 ], '... and they when they go on';
        }
    }
});
# Or when they never do: the end comes by Timeout.
{
    my @all;
    $both->each(sub {
        my ($s, $name) = @_;
        for my $stop (sort keys %STOP) {
            my $c = $s->client(timeout => 15);
            $c->send(head('x') . $STOP{$stop});
            push @all, [ "$name, $stop", $c, time ];
        }
    });
    for my $one (@all) {
        my ($name, $c, $began) = @$one;
        my $r = $c->response;
        like $r->status, qr/\A(?:408|400)\z/, "$name: given up";
        $c->close;
    }
}
# Or go away.
$both->each(sub {
    my ($s, $name) = @_;
    for my $stop (sort keys %STOP) {
        my $c = $s->client;
        $c->get('/app/first')->response;
        $c->send(head('x') . $STOP{$stop});
        $c->pause(0.02);
        $stop =~ /half/ ? $c->reset : $c->close;
    }
    is $s->get('/app/after')->status, 200, "$name: all gone";
});

done_testing;
