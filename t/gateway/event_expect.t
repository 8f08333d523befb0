# Expect: 100-continue on an adopted connection: 100 before the body is read,
# none when the body is there already, none with a refusal; the final answer
# without the body; first, second and pipelined; by length and chunked; over
# TLS; an expectation nobody knows; HTTP/1.0.
use Gateway::Test;
use Gateway::Both;

my $b = Gateway::Backend->http({
    '/early' => sub { $_[0]{conn}->send("HTTP/1.1 403 No\r\n"
        . "Content-Length: 2\r\nConnection: close\r\n\r\nno"); 'close' },
    '*' => sub { [ 200, [], $_[0]->size . ' '
        . ($_[0]->header('expect') // '-') ] },
});
my $lazy = Gateway::Backend->new(script => sub {
    my $c = shift;
    while (my $req = $c->read_head) {
        $c->record_request($req);
        if ($req->target =~ /refuse/) {
            return $c->respond(417, [ Connection => 'close' ], 'refused');
        }
        $c->send("HTTP/1.1 102 Processing\r\n\r\n") if $req->target =~ /102/;
        $c->send("HTTP/1.1 100 Continue\r\n\r\n");
        $req->read_body($c);
        $c->respond(200, [], 'size ' . $req->size);
    }
});
my $both = Gateway::Both->new(modules => [qw(authz_host)], ssl => 1,
    vars => { B => $b, L => $lazy }, config => <<'EOC', ssl_config => <<'EOS');
GatewayPass /app  http://@B@
GatewayPass /lazy http://@L@
<Location /app/never>
    Require all denied
</Location>
<Location /app/small>
    LimitRequestBody 5
</Location>
EOC
GatewayPass /app http://@B@
EOS
$both->expect_log(qr/AH01630/);
$both->allow_log(qr/AH0\d+|GW\d+/);

my %BODY = (length => [ 'Content-Length: 10', '0123456789' ],
    chunked => [ 'Transfer-Encoding: chunked',
        "a\r\n0123456789\r\n0\r\n\r\n" ]);
sub head {
    my ($target, $kind, @lines) = @_;
    return join '', map { "$_\r\n" } "POST $target HTTP/1.1", 'Host: a',
        $BODY{$kind}[0], 'Expect: 100-continue', @lines, '';
}

# What comes before the body was sent, and after it.
sub wait_then_send {
    my ($s, $tls, $target, $kind, $first) = @_;
    my $c = $s->client(tls => $tls);
    $c->get('/app/first')->response if $first;
    $c->send(head($target, $kind));
    my $r = $c->response(method => 'POST', one => 1);
    my @got = ($r->status, $r->status == 100 ? () : $r->body);
    if ($r->status == 100) {
        is_deeply $r->headers, [], 'nothing else in it';
        $c->pause(0.1);
        $c->send($BODY{$kind}[1]);
        $r = $c->response(method => 'POST');
        push @got, map({ $_->status } @{ $r->interim }), $r->status, $r->body;
        $c->get('/app/next');
        push @got, $c->response->status;
    }
    else {
        # after a refusal without a body the connection may only be closed
        $c->send($BODY{$kind}[1]);
        push @got, $c->read_eof(3) // 'open';
    }
    $c->close;
    return \@got;
}
for my $tls (0, 1) {
    for my $first (0, 1) {
        for my $kind (qw(length chunked)) {
            my $name = join ' ', $kind, $first ? 'second' : 'first',
                $tls ? 'TLS' : ();
            $both->same("$name: 100, then the answer", sub {
                return wait_then_send($_[0], $tls, '/app/x', $kind, $first);
            }, [ 100, 200, '10 100-continue', 200 ]);
        }
    }
}
for my $kind (qw(length chunked)) {
    for my $target (qw(/app/never /app/small /app/early /lazy/refuse
        /lazy/102)) {
        next if $target =~ /small/ && $kind eq 'chunked';
        $both->same("$kind: $target", sub {
            my ($s) = @_;
            my $got = wait_then_send($s, 0, $target, $kind, 1);
            s/<.*//s for grep { defined } @$got;
            return $got;
        });
    }
    # The body is there already: whether a 100 is sent is the server's choice,
    # and has to be the same one.
    $both->same("$kind: all at once", sub {
        my ($s) = @_;
        my $c = $s->client;
        $c->send(head('/app/x', $kind) . $BODY{$kind}[1]);
        my $r = $c->response(method => 'POST');
        my @got = ($r->status, $r->body);
        $c->get('/app/next');
        push @got, $c->response->status;
        $c->close;
        return \@got;
    }, [ 200, '10 100-continue', 200 ]);
}

# A request behind a body that was expected, in one write with it.
$both->same('pipelined behind it', sub {
    my ($s) = @_;
    my $c = $s->client;
    $c->send("GET /app/1 HTTP/1.1\r\nHost: a\r\n\r\n"
        . head('/app/x', 'length'));
    my @got = ($c->response->status, $c->response(one => 1)->status);
    $c->send($BODY{length}[1] . "GET /app/2 HTTP/1.1\r\nHost: a\r\n\r\n");
    push @got, $c->response(method => 'POST')->status, $c->response->status;
    $c->close;
    return \@got;
}, [ 200, 100, 200, 200 ]);

for my $case ([ 'unknown', 'Expect: tea' ],
    [ 'in capitals', 'Expect: 100-Continue' ]) {
    my ($name, $line) = @$case;
    $both->same($name, sub {
        my ($s) = @_;
        my $c = $s->client;
        $c->request('POST', '/app/x', [$line], '0123456789');
        my $r = $c->response;
        $c->close;
        return [ $r->status, $r->status == 200 ? $r->body : '' ];
    });
}
$both->same('HTTP/1.0', sub {
    my ($s) = @_;
    my $c = $s->client;
    $c->send("POST /app/x HTTP/1.0\r\nExpect: 100-continue\r\n"
        . "Content-Length: 10\r\n\r\n");
    my $quiet = $c->quiet(0.3);
    $c->send('0123456789');
    my $r = $c->response(method => 'POST');
    $c->close;
    return [ $quiet, $r->status, scalar @{ $r->interim } ];
});

done_testing;
