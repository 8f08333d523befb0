# Static files and CGI on an adopted connection: the same answers (ranges,
# conditions, listings, directories, methods, uploads to a script), large files
# to slow clients in flat memory; a script that takes its time holds up no
# other connection; between requests of ours, in both orders.
use Gateway::Test;
use Gateway::Both;
use Time::HiRes qw(time);

my $b = Gateway::Backend->http({ '*' => sub { [ 200, [], 'routed '
    . $_[0]->method ] } });
my $both = Gateway::Both->new(
    on => { lane => qr/\Ablocking \(helpers busy\)/ },
    modules => [qw(cgid dir alias mime autoindex
    status authn_core)], ssl => 1, vars => { B => $b }, docs => {
        'a.txt' => join('', 'a' .. 'z'), 'd/index.html' => 'index',
        'list/x.txt' => 'x', 'big.bin' => join('', map { pack 'N', $_ }
            1 .. 5_000_000), 'slow.cgi' => <<'EOS', 'echo.cgi' => <<'EOS' },
#!/bin/sh
sleep 1
printf 'Content-Type: text/plain\r\n\r\nslow'
EOS
#!/bin/sh
printf 'Content-Type: text/plain\r\nStatus: 202 Taken\r\n\r\n'
echo "$REQUEST_METHOD $QUERY_STRING $CONTENT_LENGTH"
cat
EOS
    config => <<'EOC', ssl_config => "GatewayPass /app http://\@B\@\n");
ScriptSock @ROOT@/run/cgid.sock
<Directory "@DOCROOT@">
    Options ExecCGI Indexes
    <Files *.cgi>
        SetHandler cgi-script
    </Files>
</Directory>
DirectoryIndex index.html
Redirect /old http://elsewhere.example/new
GatewayPass /app http://@B@
GatewayHelpers 4
EOC
for my $s ($both->off, $both->on) {
    chmod 0755, $s->docroot . "/$_" for qw(slow.cgi echo.cgi);
}
$both->expect_log(qr/AH10244|AH00135/);
$both->on->expect_lane(qr/\Ahelper \(handler\)\z/);

my @CASES = (
    [ GET => '/a.txt' ], [ HEAD => '/a.txt' ], [ POST => '/a.txt', 'body' ],
    [ OPTIONS => '/a.txt' ], [ GET => '/a.txt', undef, 'Range: bytes=3-5' ],
    [ GET => '/a.txt', undef, 'Range: bytes=0-1,4-5,8-8' ],
    [ GET => '/a.txt', undef, 'Range: bytes=99-' ],
    [ GET => '/a.txt', undef, 'If-Modified-Since: '
        . 'Thu, 01 Jan 2099 00:00:00 GMT' ],
    [ GET => '/a.txt', undef, 'If-Match: "none"' ],
    [ GET => '/a.txt', undef, 'If-None-Match: *' ],
    [ GET => '/d/' ], [ GET => '/d' ], [ GET => '/none' ],
    [ GET => '/old/x' ], [ GET => '/list/' ], [ GET => '/a.txt/path' ],
    [ GET => '/echo.cgi?q' ], [ HEAD => '/echo.cgi?q' ],
    [ POST => '/echo.cgi?q', 'a body of the script' ],
    [ POST => '/echo.cgi', 'x' x 200_000 ],
    [ PUT => '/echo.cgi', 'put' ], [ DELETE => '/a.txt' ],
    [ TRACE => '/a.txt' ], [ GET => '/../../etc/passwd' ],
    [ GET => '/%2e%2e/x' ], [ GET => '/a%2Ftxt' ], [ BREW => '/a.txt' ],
);
# see paths_hooks.t: an APR with pool debugging ends an index
@CASES = grep { $_->[1] ne '/d/' } @CASES if Gateway::Setup::pool_debug();
for my $tls (0, 1) {
    for my $case (@CASES) {
        my ($method, $target, $body, @lines) = @$case;
        $both->same("$method $target @lines" . ($tls ? ' TLS' : ''), sub {
            my ($s) = @_;
            my $plain = plain($s, $s->request($method, $target, \@lines,
                $body, tls => $tls));
            # whether a script's end is seen with its first bytes is chance;
            # boundaries, dates and times are of their own
            my $chance = $target =~ /cgi/ || "@lines" =~ /-.*,/;
            delete $plain->{framing} if $chance;
            $plain->{headers} = [ grep { !$chance
                || !/\A(?:Content-Length|Transfer-Encoding):/ } map {
                s/boundary=\S+/boundary=/r } @{ $plain->{headers} } ];
            $plain->{body} =~ s/^--[0-9a-f]+(-*)\r$/--B$1\r/mg;
            $plain->{body} =~ s/\d{4}-\d\d-\d\d \d\d:\d\d/DATE/g;
            return $plain;
        });
        $both->same('... and ours behind it', sub {
            my $r = $_[0]->request('GET', '/app/x', [], undef, tls => $tls);
            return $r->status . ' ' . $r->body;
        }, '200 routed GET');
    }
}

# A chunked upload to a script.
$both->same('a chunked upload', sub {
    my ($s) = @_;
    my $c = $s->client;
    $c->get('/app/x')->response;
    $c->send("POST /echo.cgi HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
        . "\r\n\r\n", "3\r\nabc\r\n");
    $c->pause(0.1);
    $c->send("2\r\nde\r\n0\r\n\r\n");
    my $r = $c->response(method => 'POST');
    $c->get('/app/x');
    my @got = ($r->status, $r->body =~ /(abcde)/, $c->response->status);
    $c->close;
    return \@got;
});
# A slow upload to a script, byte by byte, and an expected one.
$both->same('a slow upload', sub {
    my ($s) = @_;
    my $c = $s->client;
    $c->get('/app/x')->response;
    $c->send("POST /echo.cgi HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n"
        . "Expect: 100-continue\r\n\r\n");
    my @got = $c->response(one => 1)->status;
    $c->send_slowly('b' x 40, 3, 0.02);
    my $r = $c->response(method => 'POST');
    push @got, $r->status, $r->body;
    $c->close;
    return \@got;
});

# Twice as many slow scripts as there are helpers, or a client that takes a
# large file slowly: nobody else waits.
{
    my $s = $both->on;
    my @slow = map { $s->client(timeout => 10) } 1 .. 3;
    my @large = map { $s->client(rcvbuf => 8192) } 1 .. 4;
    # all are adopted before the helpers have anything to do
    $_->get('/app/x')->response for @slow, @large;
    $_->get('/slow.cgi') for @slow;
    $_->get('/big.bin') for @large;
    Gateway::Process::pause(0.1);
    my $worst = 0;
    for (1 .. 40) {
        my $began = time;
        my $r = $s->get('/app/other');
        my $took = time - $began;
        $worst = $took if $took > $worst;
        fail 'another request' if $r->body ne 'routed GET';
    }
    cmp_ok $worst, '<', 0.4 * Gateway::Setup::patience(),
        'slow scripts and readers hold up nobody';
    is_deeply [ map { $_->response->body } @slow ], [ ('slow') x 3 ],
        'the scripts have answered';
    my $memory = $s->memory;
    for my $c (@large) {
        my ($size, $sum) = (0, 0);
        my $r = $c->response(sink => sub { $size += length $_[0];
            $sum += unpack '%32C*', $_[0] });
        is $size, 20_000_000, 'a large file comes whole';
        $c->get('/app/x');
        is $c->response->status, 200, '... and the connection goes on';
        $c->close;
    }
    cmp_ok $s->memory - $memory, '<', 20_000
        * (Gateway::Setup::sanitized() ? 5 : 1), '... in flat memory';
    $_->close for @slow;
}

done_testing;
