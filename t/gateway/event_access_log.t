# The access log of an adopted connection says what it says without adoption:
# status, sizes, bytes in and out, requests on the connection, its state,
# times, client and ports, fields, notes, environment; one line per request, in
# the order of the requests; also for requests that fail, are cut or refused.
use Gateway::Test;
use Gateway::Both;
use Time::HiRes qw(time);

my $b = Gateway::Backend->http({
    '/text'  => [ 200, [ 'Content-Type' => 'text/plain', 'X-B' => 'b' ],
        'hi' ],
    '/empty' => [ 204, [], '' ],
    '/big'   => [ 200, [], 'x' x 300_000 ],
    '/parts' => [ 200, [], [ 'abc', 'defg' ] ],
    '/moved' => [ 302, [ Location => 'http://elsewhere.example/' ], '' ],
    '/error' => [ 500, [], 'broken' ],
    '/slow'  => sub { Gateway::Process::pause(0.3); [ 200, [], 'slow' ] },
    '/junk'  => sub { $_[0]{conn}->send("junk\r\n\r\n"); 'close' },
    '/cut'   => sub { $_[0]{conn}->send("HTTP/1.1 200 OK\r\n"
        . "Content-Length: 100\r\n\r\nonly this"); 'close' },
});
my $format = join '|', map { "$_=%$_" } qw(>s B b I O S X k H m U q r l u);
my $both = Gateway::Both->new(modules => [qw(logio env setenvif headers)],
    docs => { 'a.txt' => "static\n" }, ssl => 1, vars => { B => $b },
    config => <<"EOC", ssl_config => <<'EOS');
# a file that has just been made has a weak one
FileETag None
GatewayPass /app http://\@B\@
SetEnvIf X-Mark (.*) mark=\$1
LogFormat "$format|ct=%{Content-Type}o|xb=%{X-B}o|\\
xm=%{X-Mark}i|mark=%{mark}e" same
CustomLog logs/same.log same
LogFormat "c=%c h=%h a=%a A=%A p=%p lp=%{local}p cp=%{canonical}p \\
rp=%{remote}p D=%D T=%{ms}T us=%{us}T P=%P tid=%{tid}P t=%{usec}t \\
fb=%^FB %r" other
CustomLog logs/other.log other
EOC
GatewayPass /app http://@B@
EOS
$both->expect_log(qr/\[gateway:error\].*GW\d+/);
$both->expect_log(qr/AH02031/);       # TLS, but no Host
$both->allow_log(qr/GW00150/);

# The lines behind one run, without those of the run before.
my %seen;
sub new_lines {
    my ($s, $file, $n) = @_;
    my $done = $seen{$s}{$file} // 0;
    my @lines = log_lines($s, $file, $done + $n);
    $seen{$s}{$file} = @lines;
    return @lines[ $done .. $#lines ];
}
sub fields { return { map { split /=/, $_, 2 } split /\|/, $_[0] } }

# [name, what is sent, number of answers, wanted of each line]
my $GET = "HTTP/1.1\r\nHost: front.example\r\n";
my @CASES = (
    [ 'one', "GET /app/text $GET\r\n", 1, { '>s' => 200, B => 2, k => 0,
        X => '+', ct => 'text/plain', xb => 'b' } ],
    [ 'close', "GET /app/text ${GET}Connection: close\r\n\r\n", 1,
        { X => '-', k => 0 } ],
    [ 'three, pipelined', "GET /app/text?1 $GET\r\nGET /app/parts?2 $GET\r\n"
        . "GET /app/empty ${GET}X-Mark: m\r\n\r\n", 3, { q => '?1', k => 0 },
        { q => '?2', B => 7, b => 7, k => 1 },
        { '>s' => 204, B => 0, b => '-', k => 2, mark => 'm', xm => 'm' } ],
    [ 'HEAD', "HEAD /app/text $GET\r\n", 1, { m => 'HEAD', B => 0 } ],
    [ 'a body', "POST /app/echo ${GET}Content-Length: 5\r\n\r\nhello", 1,
        { m => 'POST' } ],
    [ 'a chunked body', "POST /app/text ${GET}Transfer-Encoding: chunked\r\n"
        . "\r\n3\r\nabc\r\n0\r\nT: t\r\n\r\n", 1, { m => 'POST' } ],
    [ 'large', "GET /app/big $GET\r\n", 1, { B => 300_000 } ],
    [ 'moved', "GET /app/moved $GET\r\n", 1, { '>s' => 302 } ],
    [ 'an error of the backend', "GET /app/error $GET\r\n", 1,
        { '>s' => 500, B => 6 } ],
    [ 'not HTTP', "GET /app/junk $GET\r\n", 1, { '>s' => 502 } ],
    [ 'static', "GET /a.txt $GET\r\n", 1, { '>s' => 200, B => 7 } ],
    [ 'not found', "GET /no.txt $GET\r\nGET /app/text $GET\r\n", 2,
        { '>s' => 404, k => 0 }, { '>s' => 200, k => 1 } ],
    [ 'HTTP/1.0', "GET /app/text HTTP/1.0\r\n\r\n", 1,
        { H => 'HTTP/1.0', X => '-' } ],
    [ 'bad', "GET /app/text HTTP/1.1\r\n\r\n", 1, { '>s' => 400, X => '-' } ],
);
for my $tls (0, 1) {
    for my $case (@CASES) {
        my ($name, $bytes, $answers, @want) = @$case;
        $name .= ', TLS' if $tls;
        $both->same($name, sub {
            my ($s) = @_;
            my $c = $s->client(tls => $tls);
            my ($method) = $bytes =~ /\A(\w+)/;
            $c->send($bytes);
            $c->response(method => $method) for 1 .. $answers;
            $c->close;
            my @lines = map { fields($_) }
                new_lines($s, 'same.log', $answers);
            is scalar @lines, $answers, "$name: a line each";
            for my $i (0 .. $#want) {
                is $lines[$i]{$_}, $want[$i]{$_}, "$name: %$_ of line $i"
                    for sort keys %{ $want[$i] };
            }
            # records of TLS may be cut differently
            for my $line ($tls ? @lines : ()) {
                cmp_ok delete $line->{$_}, '>', 0, "$name: %$_ counts"
                    for qw(O S);
                delete $line->{I};
            }
            # httpd looks ahead at the first byte of a request that follows,
            # and counts it for the one before
            for my $i ($s == $both->{off} && !$tls ? 0 .. $answers - 2 : ()) {
                $lines[$i]{$_}-- for qw(I S);
            }
            new_lines($s, 'other.log', $answers);
            return \@lines;
        });
    }
}

# Bytes in and out are those of the wire.
$both->same('bytes on the wire', sub {
    my ($s) = @_;
    my $c = $s->client;
    my $bytes = "POST /app/text ${GET}Content-Length: 20000\r\n\r\n"
        . 'b' x 20_000;
    $c->send($bytes);
    my $r = $c->response;
    my ($line) = new_lines($s, 'same.log', 1);
    new_lines($s, 'other.log', 1);
    my $log = fields($line);
    is $log->{I}, length $bytes, '%I';
    is $log->{O}, length($r->raw_head) + 2, '%O';
    $c->close;
    return [ @$log{qw(I O S)} ];
});

# A client that goes in the middle: X, and what was sent until then.
$both->same('gone', sub {
    my ($s) = @_;
    my $c = $s->client;
    $c->get('/app/slow');
    $b->wait(sub { $b->events(what => 'head', target => '/slow') });
    $c->reset;
    my ($line) = new_lines($s, 'same.log', 1);
    new_lines($s, 'other.log', 1);
    $b->clear;
    return { map { $_ => fields($line)->{$_} } qw(>s X B) };
}, { '>s' => 499, X => 'X', B => 0 });
$both->same('cut by the backend', sub {
    my ($s) = @_;
    my $c = $s->client;
    $c->get('/app/cut');
    my $r = $c->response;
    is $r->complete, 0, 'a visible cut';
    $c->close;
    my ($line) = new_lines($s, 'same.log', 1);
    new_lines($s, 'other.log', 1);
    return { map { $_ => fields($line)->{$_} } qw(>s X B) };
}, { '>s' => 200, X => '-', B => 9 });

# Addresses, ports and times.
$both->each(sub {
    my ($s, $name) = @_;
    my $c = $s->client;
    my ($from, $began) = ($c->sock->sockport, time);
    $c->get('/app/slow');
    $c->response;
    $c->get('/app/text');
    $c->response;
    my ($slow, $quick) = map { my $line = $_; +{ $line =~ /(\w+)=(\S+)/g } }
        new_lines($s, 'other.log', 2);
    for my $l ($slow, $quick) {
        is $l->{h}, '127.0.0.1', "$name: %h";
        is $l->{a}, '127.0.0.1', "$name: %a";
        is $l->{A}, '127.0.0.1', "$name: %A";
        is $l->{p}, $s->port, "$name: %p";
        is $l->{lp}, $s->port, "$name: %{local}p";
        is $l->{rp}, $from, "$name: %{remote}p";
        ok scalar(grep { $_ == $l->{P} } $s->children), "$name: %P";
        like $l->{tid}, qr/\A\d+\z/, "$name: %{tid}P";
        cmp_ok abs($l->{D} - $l->{us}), '<', 2000, "$name: %D and %{us}T";
    }
    cmp_ok $slow->{D}, '>=', 290_000, "$name: %D of a slow one";
    cmp_ok $slow->{D}, '<', 900_000 * Gateway::Setup::patience(),
        "$name: and no more";
    cmp_ok $slow->{T}, '>=', 290, "$name: %{ms}T";
    cmp_ok $quick->{D}, '<', 200_000 * Gateway::Setup::patience(),
        "$name: %D of a quick one";
    cmp_ok abs($slow->{t} / 1e6 - $began), '<', 0.25
        * Gateway::Setup::patience(), "$name: %t is when it came";
    cmp_ok abs($quick->{t} / 1e6 - $began - 0.3), '<', 0.25
        * Gateway::Setup::patience(), "$name: of the second one, too";
});

# An idle time between two requests belongs to none of them.
$both->each(sub {
    my ($s, $name) = @_;
    my $c = $s->client;
    $c->get('/app/text');
    $c->response;
    $c->pause(0.6);
    $c->get('/app/text');
    $c->response;
    $c->close;
    my (undef, $second) = map { my $line = $_; +{ $line =~ /(\w+)=(\S+)/g } }
        new_lines($s, 'other.log', 2);
    cmp_ok $second->{D}, '<', 400_000 * Gateway::Setup::patience(),
        "$name: %D does not count the idle time";
});

done_testing;
