# HTTP/0.9 and HTTP/1.0 on an adopted connection, and what is no HTTP at all:
# the same answer (or none) and the same end, in one write or byte by byte, as
# first, second or pipelined request; HttpProtocolOptions per virtual host.
use Gateway::Test;
use Gateway::Both;
use Time::HiRes qw(time);

my $b = Gateway::Backend->http({
    '/parts' => [ 200, [], [ 'par', 'ts' ] ], '/none' => [ 204, [], '' ],
    '*' => sub { [ 200, [], $_[0]->version . ' ' . $_[0]->target ] } });
my $both = Gateway::Both->new(ssl => 1, ports => [qw(STRICT LOOSE)],
    vars => { B => $b }, docs => { 'a.txt' => "static\n" },
    config => <<'EOC', ssl_config => "GatewayPass /app http://\@B\@\n");
KeepAliveTimeout 200ms
GatewayPass /app http://@B@
Listen 127.0.0.1:@STRICT@
Listen 127.0.0.1:@LOOSE@
<VirtualHost *:@STRICT@>
    HttpProtocolOptions Strict RegisteredMethods Require1.0
    GatewayPass /app http://@B@
</VirtualHost>
<VirtualHost *:@LOOSE@>
    HttpProtocolOptions Unsafe LenientMethods Allow0.9
    GatewayPass /app http://@B@
</VirtualHost>
EOC
$both->allow_log(qr/AH0\d+|GW\d+/);

my @CASES = (
    [ '0.9', "GET /app/x\r\n" ],
    [ '0.9, bare LF', "GET /app/x\n" ],
    [ '0.9, static', "GET /a.txt\r\n" ],
    [ '0.9, two', "GET /app/x\r\nGET /app/y\r\n" ],
    [ '0.9, fields', "GET /app/x\r\nHost: a\r\n\r\n" ],
    [ '0.9, POST', "POST /app/x\r\n" ],
    [ '1.0', "GET /app/x HTTP/1.0\r\n\r\n" ],
    [ '1.0, Host', "GET /app/x HTTP/1.0\r\nHost: a\r\n\r\n" ],
    [ '1.0, bare LF', "GET /app/x HTTP/1.0\nHost: a\n\n" ],
    [ '1.0, streamed', "GET /app/parts HTTP/1.0\r\n\r\n" ],
    [ '1.0, HEAD', "HEAD /app/x HTTP/1.0\r\n\r\n" ],
    [ '1.0, body', "POST /app/x HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi" ],
    [ '1.0, chunked', "POST /app/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"
        . "\r\n0\r\n\r\n" ],
    [ '1.0, keep-alive', "GET /app/x HTTP/1.0\r\nConnection: keep-alive\r\n"
        . "\r\nGET /app/y HTTP/1.0\r\n\r\n" ],
    [ '1.0, keep-alive, streamed', "GET /app/parts HTTP/1.0\r\n"
        . "Connection: keep-alive\r\n\r\n" ],
    [ '1.0, keep-alive, 204', "GET /app/none HTTP/1.0\r\n"
        . "Connection: keep-alive\r\n\r\nGET /app/y HTTP/1.0\r\n\r\n" ],
    [ '1.0, pipelined without', "GET /app/x HTTP/1.0\r\n\r\n"
        . "GET /app/y HTTP/1.0\r\n\r\n" ],
    [ '1.2', "GET /app/x HTTP/1.2\r\nHost: a\r\n\r\n" ],
    [ '2.0', "GET /app/x HTTP/2.0\r\nHost: a\r\n\r\n" ],
    [ '1.1, no Host', "GET /app/x HTTP/1.1\r\n\r\n" ],
    [ '1.1, two Hosts', "GET /app/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" ],
    [ '1.1, blank lines first', "\r\n\r\nGET /app/x HTTP/1.1\r\nHost: a\r\n"
        . "Connection: close\r\n\r\n" ],
    [ '1.1, an absolute target', "GET http://a/app/x HTTP/1.1\r\nHost: a\r\n"
        . "Connection: close\r\n\r\n" ],
    [ 'a method nobody knows', "BREW /app/x HTTP/1.1\r\nHost: a\r\n"
        . "Connection: close\r\n\r\n" ],
    [ 'a lower-case protocol', "GET /app/x http/1.1\r\nHost: a\r\n\r\n" ],
    [ 'two spaces', "GET  /app/x  HTTP/1.1\r\nHost: a\r\n\r\n" ],
    [ 'a space before a colon', "GET /app/x HTTP/1.1\r\nHost : a\r\n\r\n" ],
    [ 'a control character', "GET /app/x HTTP/1.1\r\nHost: a\r\nX: \x01\r\n"
        . "\r\n" ],
    [ 'NUL', "GET /app/x HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n" ],
    [ 'nonsense', "nonsense\r\n\r\n" ],
    [ 'one word', "GET\r\n" ],
    [ 'TLS on a clear port', "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\r\n" ],
    [ 'an HTTP/2 preface', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" ],
    [ 'half a line, then the end', "GET /app/x HT", 1 ],
    [ 'half a head, then the end', "GET /app/x HTTP/1.1\r\nHost: a\r\n", 1 ],
    [ 'nothing, then the end', '', 1 ],
    [ 'blank lines, then the end', "\r\n\r\n", 1 ],
);

# All bytes that come until the end of the stream; dates aside.
sub all_of {
    my ($s, $client, $bytes, $end, $slowly, $first) = @_;
    my $c = $s->client(%$client);
    # a client that has closed its side is gone: not before the first answer
    $c->get('/app/1')->response if $first && $end;
    $b->clear;
    $bytes = "GET /app/1 HTTP/1.1\r\nHost: a\r\n\r\n$bytes"
        if $first && !$end;
    $slowly ? $c->send_slowly($bytes, 1, 0.0005) : $c->send($bytes);
    $c->shutdown if $end;
    my $got = $c->read_eof(4) // 'open: ' . $c->buffered;
    $c->close;
    $got =~ s/^Date: .*?\r\n//mg;
    $got =~ s/^(?:Last-Modified|ETag): .*?\r\n//mg;
    return [ scrub($s, $got), $c->eof_state,
        map { $_->method . ' ' . $_->target } $b->requests ];
}
for my $port (qw(PORT STRICT LOOSE)) {
    for my $case (@CASES) {
        my ($name, $bytes, $end) = @$case;
        $both->same("$port: $name", sub {
            my ($s) = @_;
            return all_of($s, { port => $s->port($port) }, $bytes, $end);
        });
        $both->same("$port: $name, byte by byte", sub {
            my ($s) = @_;
            return all_of($s, { port => $s->port($port) }, $bytes, $end, 1);
        }) if $port eq 'PORT';
        $both->same("$port: $name, second", sub {
            my ($s) = @_;
            return all_of($s, { port => $s->port($port) }, $bytes, $end, 0, 1);
        }) if $port eq 'PORT';
        $both->same("TLS: $name", sub {
            my ($s) = @_;
            return all_of($s, { tls => 1, authority => 'localhost' }, $bytes,
                $end);
        }) if $port eq 'PORT' && $name =~ /0\.9|1\.0|then the end/;
    }
}

# An old client is not kept waiting for more of a request of one line.
$both->each(sub {
    my ($s, $name) = @_;
    my $c = $s->client;
    my $began = time;
    $c->send("GET /app/old\r\n");
    is $c->read_eof(4), '1.1 /old', "$name: HTTP/0.9";
    cmp_ok time - $began, '<', 1 * Gateway::Setup::patience(), '... at once';
    $c->close;
});

done_testing;
