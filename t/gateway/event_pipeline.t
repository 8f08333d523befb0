# Pipelining on an adopted connection: ten requests in one write, one and a
# half per write, cut anywhere, mixed with static files, CGI, errors and
# bodies; slow ones first: every answer in its order, whole, nothing twice,
# nothing asked of the backend before its turn; over TLS, too.
use Gateway::Test;
use Gateway::Both;

my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    Gateway::Process::pause(0.15) if $req->target =~ /slow/;
    my $body = $req->target . '+' . $req->body;
    return [ 404, [], $body ] if $req->target =~ /missing/;
    return [ 200, [], [ split /(?<=.{7})/, $body ] ]
        if $req->target =~ /parts/;
    return [ 200, [], $body . 'x' x 200_000 ] if $req->target =~ /large/;
    return [ 200, [], $body ];
} });
my $both = Gateway::Both->new(modules => ['cgid'], ssl => 1,
    vars => { B => $b }, docs => { 'a.txt' => "static\n",
        'big.txt' => 's' x 300_000, 'x.cgi' => <<'EOS' },
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\ncgi %s %s' "$REQUEST_METHOD" \
    "$(head -c "${CONTENT_LENGTH:-0}")"
EOS
    config => <<'EOC', ssl_config => "GatewayPass /app http://\@B\@\n");
ScriptSock @ROOT@/run/cgid.sock
<Directory "@DOCROOT@">
    Options ExecCGI
    <Files *.cgi>
        SetHandler cgi-script
    </Files>
</Directory>
GatewayPass /app http://@B@
EOC
chmod 0755, $_->docroot . '/x.cgi' for $both->off, $both->on;

sub request {
    my ($n, $kind) = @_;
    my %line = (get => [ GET => "/app/$n" ], slow => [ GET => "/app/slow$n" ],
        parts => [ GET => "/app/parts$n" ], large => [ GET => "/app/large$n" ],
        missing => [ GET => "/app/missing$n" ], static => [ GET => '/a.txt' ],
        big => [ GET => '/big.txt' ], cgi => [ GET => '/x.cgi' ],
        none => [ GET => '/none.txt' ],
        post => [ POST => "/app/$n", "body $n" ],
        cgipost => [ POST => '/x.cgi', "form$n" ],
        chunked => [ POST => "/app/$n", sprintf "%x\r\nchunk%s\r\n0\r\n\r\n",
            length "chunk$n", $n ]);
    my ($method, $target, $body) = @{ $line{$kind} };
    return join "\r\n", "$method $target HTTP/1.1", 'Host: a',
        !defined $body ? () : $kind eq 'chunked' ? 'Transfer-Encoding: chunked'
            : 'Content-Length: ' . length $body, '', $body // '';
}
sub answer {
    my ($n, $kind) = @_;
    return { get => "200 /$n+", slow => "200 /slow$n+",
        parts => "200 /parts$n+", large => "200 /large$n+" . 'x' x 200_000,
        missing => "404 /missing$n+", post => "200 /$n+body $n",
        chunked => "200 /$n+chunk$n", static => "200 static\n",
        big => '200 ' . 's' x 300_000, cgi => '200 cgi GET ',
        cgipost => "200 cgi POST form$n", none => '404' }->{$kind};
}

# Sends the pieces, reads as many answers; what is wrong with them.
sub wrong {
    my ($s, $tls, $pause, $kinds, @pieces) = @_;
    $b->clear;
    my $c = $s->client(tls => $tls, timeout => 10);
    my (@wrong, $i);
    for my $piece (@pieces) {
        $c->send($piece);
        $c->pause($pause) if $pause;
    }
    for my $kind (@$kinds) {
        my $want = answer(++$i, $kind);
        my $r = $c->response;
        my $got = $r->status . ($kind eq 'none' ? '' : ' ' . $r->body);
        push @wrong, "$i $kind: " . substr $got, 0, 50 if $got ne $want;
        push @wrong, @{ $r->problems };
        last if !$r->status;
    }
    push @wrong, 'more bytes' unless $c->quiet(0.05);
    $c->close;
    my @asked = map { $_->target } $b->requests;
    my @want = map { answer($_, $kinds->[ $_ - 1 ]) =~ m{(/\w+)\+} ? $1 : () }
        1 .. @$kinds;
    push @wrong, "backend: @asked" if "@asked" ne "@want";
    return \@wrong;
}

my %SERIES = (
    'ten alike'  => [ ('get') x 10 ],
    'slow first' => [ qw(slow get get slow get) ],
    'bodies'     => [ qw(post get chunked post chunked get) ],
    'mixed'      => [ qw(get static cgi post none parts cgipost get missing
        static get chunked) ],
    'large'      => [ qw(large get big static large parts get) ],
);
for my $tls (0, 1) {
    for my $name (sort keys %SERIES) {
        my $kinds = $SERIES{$name};
        my $n = 0;
        my @requests = map { request(++$n, $_) } @$kinds;
        my $all = join '', @requests;
        my %cuts = (
            'one write' => [ 0, $all ],
            'one each' => [ 0.002, @requests ],
            'one and a half each' => [ 0.01, do {
                my $rest = $all;
                my @p;
                my $size = int(1.5 * length($all) / @requests);
                push @p, substr $rest, 0, $size, '' while length $rest;
                @p } ],
            '37 bytes each' => [ 0.0005, $all =~ /.{1,37}/gs ],
        );
        for my $cut (sort keys %cuts) {
            next if $tls && $cut eq 'one each';
            $both->same("$name, $cut" . ($tls ? ', TLS' : ''), sub {
                return wrong($_[0], $tls, $cuts{$cut}[0], $kinds,
                    @{ $cuts{$cut} }[ 1 .. $#{ $cuts{$cut} } ]);
            }, []);
        }
    }
}

# The end in the middle of a pipeline: after Connection: close, or an
# unreadable request, nothing more is asked or answered.
for my $end ([ 'close', "GET /app/2 HTTP/1.1\r\nHost: a\r\n"
    . "Connection: close\r\n\r\n", 200 ], [ 'unreadable',
    "GET /app/2 HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400 ]) {
    $both->same("the end: $end->[0]", sub {
        my ($s) = @_;
        $b->clear;
        my $c = $s->client;
        $c->send(request(1, 'get') . $end->[1] . request(3, 'get') x 3);
        my @got = map { $c->response->status } 1, 2;
        push @got, $c->read_eof // 'open', map { $_->target } $b->requests;
        $c->close;
        return \@got;
    }, [ 200, $end->[2], '', '/1', $end->[2] == 200 ? '/2' : () ]);
}

# One that arrives while another, read with the one before, still waits for its
# turn: its event has come and gone by then.
for my $tls (0, 1) {
    for my $first (qw(slow static)) {
        $both->same("a late third behind $first" . ($tls ? ', TLS' : ''), sub {
            my ($s) = @_;
            my $c = $s->client(tls => $tls, timeout => 2);
            my @got;
            for my $n (1 .. 3) {
                $c->send(request(1, 'slow') . request(2, $first));
                $c->pause(0.05);
                $c->send(request(3, 'get'));
                push @got, map { $c->response->status } 1 .. 3;
            }
            $c->close;
            return \@got;
        }, [ (200) x 9 ]);
    }
}

# The same behind a body that was read long before.
for my $body ("Content-Length: 4\r\n\r\nbody", "Transfer-Encoding: chunked"
    . "\r\n\r\n4\r\nbody\r\n0\r\n\r\n") {
    $both->same('a late one behind ' . substr($body, 0, 8), sub {
        my ($s) = @_;
        my $c = $s->client(timeout => 2);
        my @got;
        for my $n (1 .. 3) {
            $c->send("POST /app/slow HTTP/1.1\r\nHost: a\r\n$body");
            $c->pause(0.05);
            $c->send(request(2, 'get'));
            push @got, map { $c->response->status } 1, 2;
        }
        $c->close;
        return \@got;
    }, [ (200) x 6 ]);
}

# Many connections at once, each its own answers.
$both->each(sub {
    my ($s, $name) = @_;
    my @c = map { $s->client } 1 .. 12;
    for my $i (0 .. $#c) {
        $c[$i]->send(join '', map { "GET /app/c${i}n$_ HTTP/1.1\r\n"
            . "Host: a\r\n\r\n" } 1 .. 10);
    }
    my @wrong;
    for my $i (0 .. $#c) {
        for my $n (1 .. 10) {
            my $r = $c[$i]->response;
            push @wrong, "$i $n: " . $r->status . $r->body
                if $r->body ne "/c${i}n$n+";
        }
        $c[$i]->close;
    }
    is_deeply \@wrong, [], "$name: twelve connections, ten each";
});

done_testing;
