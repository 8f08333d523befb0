# RequestReadTimeout where a helper thread serves an adopted connection: hooks
# or filters that may wait, scripts, heads too long for a loop. Who is slow is
# answered as without adoption, and holds no helper longer than that.
use Gateway::Test;
use Gateway::Both;
use Time::HiRes qw(time);

my $slack = Gateway::Setup::patience();
my $b = Gateway::Backend->http({ '*' => sub { [ 200, [], $_[0]->size ] },
    '/junk' => sub {
        my $conn = $_[0]{conn};
        $conn->pause(1.5);
        $conn->send("junk\r\n\r\n");
        return 'close';
    } }, timeout => 6);
my $both = Gateway::Both->new(modules => [qw(reqtimeout cgid substitute)],
    ports => ['LATE'], threads => 64,
    docs => { 'page.txt' => 'a page', 'read.cgi' => <<'EOS' },
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
cat >/dev/null 2>&1
EOS
    on => { vars => { B => $b, LANE => 'Helper' } },
    off => { vars => { B => $b, LANE => 'Off' } }, config => <<'EOC');
ScriptSock @ROOT@/run/cgid.sock
<Directory "@DOCROOT@">
    Options ExecCGI
    <Files *.cgi>
        SetHandler cgi-script
    </Files>
</Directory>
LimitRequestFieldSize 200000
LimitRequestLine 200000
GatewayHelpers 40
RequestReadTimeout header=10 body=10
Listen 127.0.0.1:@LATE@
<VirtualHost *:@LATE@>
    RequestReadTimeout header=1 body=1,MinRate=1000
    LimitRequestFieldSize 200000
    LimitRequestLine 200000
    GatewayPass /app http://@B@
    GatewayPass /help http://@B@
    GatewayPass /filter http://@B@
    <Location /help>
        GatewayEvent @LANE@
    </Location>
    GatewayPass /error http://@B@/junk
    <Location /error>
        ErrorDocument 502 /page.txt
    </Location>
    <Location /filter>
        SetOutputFilter SUBSTITUTE
    </Location>
</VirtualHost>
EOC
for my $s ($both->off, $both->on) {
    chmod 0755, $s->docroot . '/read.cgi';
}
$both->allow_log(qr/GW\d+|AH0\d+/);
$both->on->expect_lane(
    qr{\Ahelper \((?:handler|long head|GatewayEvent Helper)});
$both->on->expect_lane(qr/\Ablocking \(filter SUBSTITUTE\)\z/i);

sub post { return "POST $_[0] HTTP/1.1\r\nHost: a\r\n"
    . "Content-Length: 3000\r\n\r\n" }
my $long = "GET /app/x HTTP/1.1\r\nHost: a\r\nX: " . 'x' x 100_000;

# name, [seconds, bytes]..., { status, after }
my @CASES = map {
    my $path = $_;
    ([ "$path: half a body", [ 0, post($path) . 'half' ],
        { status => 408, after => 1 } ],
    [ "$path: no body", [ 0, post($path) ], { status => 408, after => 1 } ],
    [ "$path: a body in time", [ 0, post($path) ], [ 0.5, 'b' x 3000 ],
        { status => 200 } ],
    [ "$path: above the rate", [ 0, post($path) ], (map { [ 0.2 * $_,
        'b' x 300 ] } 1 .. 10), { status => 200 } ],
    [ "$path: below the rate", [ 0, post($path) ], (map { [ 0.2 * $_,
        'b' x 20 ] } 1 .. 12), { status => 408, after => 1 } ])
} qw(/read.cgi /help/x /filter/x);
push @CASES, [ 'a long head that stops', [ 0, $long ],
        { status => 408, after => 1 } ],
    [ 'a long head in time', [ 0, $long ], [ 0.5, "\r\n\r\n" ],
        { status => 200 } ];

# All at the same time.
my @running;

# What is due is sent, what has come is noted; while others connect, too.
sub go_on {
    for my $run (grep { !$_->{took} } @running) {
        my $now = time - $run->{began};
        while (@{ $run->{steps} } && $run->{steps}[0][0] <= $now) {
            $run->{c}->send(shift(@{ $run->{steps} })->[1]);
        }
        $run->{c}->fill(0);
        $run->{took} = $now if length $run->{c}->buffered
            || $run->{c}->eof_state;
    }
    return;
}

for my $before (0, 1) {
    for my $case (@CASES) {
        my ($name, @steps) = @$case;
        my $want = pop @steps;
        $both->each(sub {
            my ($s, $which) = @_;
            my $c = $s->client(port => $s->port('LATE'), timeout => 8);
            $c->get('/app/before')->response if $before;
            push @running, { c => $c, began => time, steps => [@steps],
                name => "$which: $name" . ($before ? ', second' : ''),
                want => $want };
            go_on();
        });
    }
}
my $until = time + 4 * $slack;
while (time < $until && grep { !$_->{took} } @running) {
    go_on();
    Gateway::Process::pause(0.01);
}
for my $run (@running) {
    my ($name, $want) = @$run{qw(name want)};
    # the blocking driver looks only when something happens
    next if $name =~ /\Aoff: .* (?:half a|no) body/ && $name !~ /cgi/
        && !$run->{took};
    is $run->{c}->response(timeout => 0.5)->status, $want->{status},
        "$name: the status";
    if (defined $want->{after}) {
        cmp_ok $run->{took} // 99, '>', $want->{after} - 0.15,
            "$name: not early";
        cmp_ok $run->{took} // 99, '<', ($want->{after} + 1.3) * $slack,
            "$name: not late";
        $run->{c}->read_eof(4);
        is $run->{c}->eof_state, 'eof', "$name: then the end";
    }
    $run->{c}->close;
}

# Not limited: what follows a body that was read in time, whoever reads it.
$both->each(sub {
    my ($s, $which) = @_;
    for my $path (qw(/read.cgi /help/x /filter/x)) {
        my $c = $s->client(port => $s->port('LATE'));
        for my $pause (1.2, 0) {
            $c->send(post($path) . 'b' x 3000);
            is $c->response->status, 200, "$which $path: a body";
            Gateway::Process::pause($pause);
        }
        $c->close;
    }
});

# Nor what comes after it: the backend takes longer, a helper makes the page.
$both->same('an error document, late', sub {
    my ($s) = @_;
    my $c = $s->client(port => $s->port('LATE'));
    my @got;
    for my $path (qw(/app/x /error /error /app/x)) {
        $c->send("POST $path HTTP/1.1\r\nHost: a\r\n"
            . "Content-Length: 3\r\n\r\n");
        Gateway::Process::pause(0.1);
        $c->send('abc');
        my $r = $c->response;
        push @got, $r->status . ' ' . $r->body;
    }
    $c->close;
    return \@got;
}, [ '200 3', '502 a page', '502 a page', '200 3' ]);

done_testing;
