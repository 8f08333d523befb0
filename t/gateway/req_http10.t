# Clients of HTTP/1.0: no chunks, no interim responses, keep-alive only where
# they ask for it; and a Transfer-Encoding, which HTTP/1.0 has not, is at
# most answered once (RFC 9112 section 6.1).
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new({
    '/chunks' => sub { [ 200, [], [ 'one ', 'two ', 'three' ] ] },
    '/hints'  => sub {
        $_[0]{conn}->send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        return [ 200, [], 'final' ];
    },
});
my $s = Gateway::Test->server(vars => { B => $p->backend },
    config => "GatewayPass /app http://\@B\@\n");
$p->front($s);

sub old {
    my ($line, @lines) = @_;
    return join '', map { "$_\r\n" } "$line HTTP/1.0", @lines, '';
}

# --- requests ----------------------------------------------------------

my $req = $p->forwarded('GET', old('GET /app/x'));
is $req && $req->version, '1.1', 'the backend is asked in HTTP/1.1';
$p->forwarded('POST', old('POST /app/x', 'Content-Length: 5') . 'hello',
    body => 'hello');

my $SMUGGLED = "GET /app/smug HTTP/1.1\r\nHost: a\r\n\r\n";
for my $lines ([], ['Connection: keep-alive'],
    [ 'Connection: keep-alive', 'Content-Length: 15' ]) {
    my $seen = $p->clean("Transfer-Encoding, @$lines", old('POST /app/x',
        'Transfer-Encoding: chunked', @$lines)
        . "5\r\nhello\r\n0\r\n\r\n$SMUGGLED");
    ok $seen->{closed}, 'closed behind the answer';
    is scalar @{ $seen->{responses} }, 1, 'one answer';
}

# --- responses ---------------------------------------------------------

sub answer {
    my ($bytes) = @_;
    my $c = $s->client;
    $c->send($bytes);
    return ($c->response(method => 'GET'), $c);
}

my ($r) = answer(old('GET /app/chunks'));
is $r->body, 'one two three', 'a chunked body arrives';
isnt $r->framing, 'chunked', 'without chunks';
is $r->header('transfer-encoding'), undef, 'and without a coding';
ok $r->complete, 'whole';

($r, my $c) = answer(old('GET /app/chunks', 'Connection: keep-alive'));
is $r->body, 'one two three', 'also with keep-alive';
isnt $r->framing, 'chunked', 'without chunks';
like lc($r->header('connection') // ''), qr/\A(?:close|)\z/, 'and closes'
    if $r->framing eq 'close';

($r) = answer(old('GET /app/hints'));
is_deeply $r->interim, [], 'no interim response';
is $r->body, 'final', 'the final one at once';
($r) = answer(old('POST /app/x', 'Expect: 100-continue', 'Content-Length: 5')
    . 'hello');
is_deeply $r->interim, [], 'nor a 100 that was asked for';
is $r->json->{body}, 'hello', 'the body arrives all the same';

# --- keep-alive --------------------------------------------------------

($r, $c) = answer(old('GET /app/x'));
ok defined $c->read_eof, 'closes without keep-alive';
($r, $c) = answer(old('GET /app/x', 'Connection: keep-alive'));
like $r->header('connection'), qr/keep-alive/i, 'keep-alive is granted';
$c->send(old('GET /app/again'));
$r = $c->response(method => 'GET');
is $r->json->{target}, '/again', 'and the next request answered';
ok defined $c->read_eof, 'before it closes';

$p->finish;
done_testing;
