# LimitRequestLine, -Fields, -FieldSize and -Body on an adopted connection:
# 414, 400, 413 (431 is what httpd calls 400), at the limit and one above it;
# sent whole, in pieces, over TLS, as a second and a pipelined request; what
# happens to the connection; per virtual host and Location; and what httpd's
# own limits are without a directive.
use Gateway::Test;
use Gateway::Both;

my $b = Gateway::Backend->http({ '*' => sub {
    [ 200, [], length($_[0]->target) . ' ' . @{ $_[0]->headers } . ' '
        . $_[0]->size ] } });
my $both = Gateway::Both->new(ssl => 1, ports => ['SMALL'],
    vars => { B => $b },
    config => <<'EOC', ssl_config => <<'EOS');
GatewayPass /app http://@B@
<Location /app/body>
    LimitRequestBody 1000
</Location>
Listen 127.0.0.1:@SMALL@
<VirtualHost *:@SMALL@>
    LimitRequestLine 100
    LimitRequestFieldSize 200
    LimitRequestFields 10
    LimitRequestBody 5000
    GatewayPass /app http://@B@
    <Location /app/free>
        LimitRequestBody 0
    </Location>
</VirtualHost>
EOC
LimitRequestLine 100
LimitRequestFieldSize 200
LimitRequestFields 10
LimitRequestBody 5000
GatewayPass /app http://@B@
EOS
my $said = join '|', 'line too long', 'field size', 'number of request',
    'exceeds', 'LimitRequest', 'Requested content-length', 'limit';
$both->allow_log(qr/AH0\d+.*(?:$said)/i);
$both->allow_log(qr/AH0056[0-9]|AH01588|AH00484|AH0158[0-9]|GW\d+/);

sub line { my ($n) = @_;        # a request line of n bytes
    my $rest = $n - length 'GET /app/ HTTP/1.1';
    return 'GET /app/' . 'a' x $rest . ' HTTP/1.1' }
sub field { return 'X-F: ' . 'f' x ($_[0] - 5) }
sub head { my ($line, @fields) = @_;
    return join '', map { "$_\r\n" } $line, 'Host: a', @fields, '' }
my $small = 'GET /app/x HTTP/1.1';

my @CASES = (
    # name, port, bytes, status
    [ 'line at the limit', SMALL => head(line(98)), 200 ],
    [ 'line above', SMALL => head(line(103)), 414 ],
    [ 'line far above', SMALL => head(line(5000)), 414 ],
    [ 'field at the limit', SMALL => head($small, field(198)), 200 ],
    [ 'field above', SMALL => head($small, field(203)), 400 ],
    [ 'field far above', SMALL => head($small, field(9000)), 400 ],
    [ 'fields at the limit', SMALL => head($small, ('A: b') x 9), 200 ],
    [ 'fields above', SMALL => head($small, ('A: b') x 10), 400 ],
    [ 'fields far above', SMALL => head($small, ('A: b') x 500), 400 ],
    [ 'a folded field above', SMALL => head($small, 'X: ' . 'y' x 150,
        ' ' . 'z' x 150), 400 ],
    [ 'default: line', PORT => head(line(8188)), 200 ],
    [ 'default: line above', PORT => head(line(8195)), 414 ],
    [ 'default: line far above', PORT => head(line(70_000)), 414 ],
    [ 'default: field', PORT => head($small, field(8188)), 200 ],
    [ 'default: field above', PORT => head($small, field(8195)), 400 ],
    [ 'default: fields', PORT => head($small, ('A: b') x 99), 200 ],
    [ 'default: fields above', PORT => head($small, ('A: b') x 100), 400 ],
    [ 'default: 40 KB of fields',
        PORT => head($small, map { "X$_: " . 'f' x 4000 } 1 .. 10),
        200 ],
    [ 'default: 90 KB of fields',
        PORT => head($small, map { "X$_: " . 'f' x 4500 } 1 .. 20),
        200 ],
    [ 'default: endless fields',
        PORT => head($small, map { "X$_: " . 'f' x 4500 } 1 .. 200),
        400 ],
);
for my $case (@CASES) {
    my ($name, $port, $bytes, $status) = @$case;
    for my $how (qw(whole pieces second pipelined TLS)) {
        next if $how eq 'TLS' && $port ne 'SMALL';
        next if $how eq 'pieces' && length $bytes > 20_000;
        $both->same("$name, $how", sub {
            my ($s) = @_;
            my $c = $s->client($how eq 'TLS' ? (tls => 1)
                : (port => $s->port($port)));
            my @got;
            if ($how eq 'second') {
                $c->get('/app/first', 'Host: a');
                push @got, $c->response->status;
            }
            $how eq 'pieces' ? $c->send_slowly($bytes, 41, 0.0003)
                : $c->send(($how eq 'pipelined'
                    ? head('GET /app/first HTTP/1.1') : '') . $bytes);
            push @got, $c->response->status if $how eq 'pipelined';
            my $r = $c->response;
            push @got, $r->status;
            is $r->status, $status, "$name, $how: $status"
                unless length $bytes > 80_000 && !$r->status;
            $c->get('/app/next', 'Host: a') if $r->status == 200;
            push @got, $r->status == 200 ? $c->response->status
                : $c->read_eof // 'open';
            $c->close;
            return \@got;
        });
    }
}

# Bodies: by length, chunked, expecting, in a Location, too large for the rest.
my @BODIES = (
    [ 'length, at the limit', '/app/x', 5000, 0, 200 ],
    [ 'length, above', '/app/x', 5001, 0, 413 ],
    [ 'length, far above', '/app/x', 500_000, 0, 413 ],
    [ 'chunked, at the limit', '/app/x', 5000, 1, 200 ],
    [ 'chunked, above', '/app/x', 5001, 1, 413 ],
    [ 'chunked, far above', '/app/x', 100_000, 1, 413 ],
    [ 'a Location without', '/app/free/x', 60_000, 0, 200 ],
    [ 'a Location without, chunked', '/app/free/x', 60_000, 1, 200 ],
);
sub post {
    my ($target, $size, $chunked) = @_;
    return "POST $target HTTP/1.1\r\nHost: a\r\n" . ($chunked
        ? "Transfer-Encoding: chunked\r\n\r\n" . join('', map {
            my $n = $_ < $size ? ($size - $_ < 1000 ? $size - $_ : 1000) : 0;
            $n ? sprintf("%x\r\n%s\r\n", $n, 'b' x $n) : '' }
            map { $_ * 1000 } 0 .. int($size / 1000)) . "0\r\n\r\n"
        : "Content-Length: $size\r\n\r\n" . 'b' x $size);
}
for my $case (@BODIES) {
    my ($name, $target, $size, $chunked, $status) = @$case;
    for my $tls (0, 1) {
        $both->same("$name" . ($tls ? ', TLS' : ''), sub {
            my ($s) = @_;
            next if $tls && $target =~ /free/;
            my $c = $s->client($tls ? (tls => 1)
                : (port => $s->port('SMALL')));
            $c->get('/app/first', 'Host: a');
            my @got = $c->response->status;
            $b->clear;
            $c->send(post($target, $size, $chunked));
            my $r = $c->response;
            push @got, $r->status;
            is $r->status, $status, "$name: $status";
            push @got, scalar grep { $_->complete } $b->requests;
            $c->close;
            return \@got;
        }) unless $tls && $target =~ /free/;
    }
}
$both->same('a Location with', sub {
    my ($s) = @_;
    return [ map { $s->post('/app/body/x', 'b' x $_)->status } 1000, 1001 ];
}, [ 200, 413 ]);
$both->same('the backend sees none of it', sub {
    my ($s) = @_;
    $b->clear;
    my $r = $s->request('POST', '/app/body/x', [ 'Content-Length: 1001',
        'Expect: 100-continue' ], undef, fresh => 1);
    return [ $r->status, scalar(@{ $r->interim }),
        scalar(my @asked = $b->requests) ];
}, [ 413, 0, 0 ]);

done_testing;
