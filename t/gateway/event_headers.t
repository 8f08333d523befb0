# mod_headers on an adopted connection: onsuccess, always and early, set, add,
# append, merge, edit, echo, unset, with expressions and the environment; for
# answers of backends, the gateway's own errors and static files; and what
# RequestHeader makes of a request.
use Gateway::Test;
use Gateway::Both;

my $b = Gateway::Backend->http({
    '/ok'    => [ 200, [ 'X-Twice' => 'a', 'X-Twice' => 'b',
        'Set-Cookie' => 'k=v; Path=/', 'X-Drop' => 'x' ], 'ok' ],
    '/gone'  => [ 410, [ 'X-Drop' => 'x' ], 'gone' ],
    '/same'  => [ 304, [ ETag => '"e"' ], '' ],
    '/parts' => [ 200, [], [ 'par', 'ts' ] ],
    '/junk'  => sub { $_[0]{conn}->send("junk\r\n\r\n"); 'close' },
});
my $both = Gateway::Both->new(modules => [qw(headers setenvif)],
    vars => { B => $b, CLOSED => Gateway::Test->closed_port },
    docs => { 'a.txt' => 'static' }, config => <<'EOC');
GatewayPass /app    http://@B@
GatewayPass /closed http://127.0.0.1:@CLOSED@
SetEnvIf X-Mark (.+) mark=$1
Header set X-Success "yes"
Header always set X-Always "%{GATEWAY_STATUS}e %{mark}e"
Header always add X-Always two
Header append X-Twice c
Header merge X-Merge m
Header edit Set-Cookie ^(.*)$ "$1; Secure"
Header unset X-Drop
Header echo ^X-Echo
Header set X-Mark "expr=%{HTTP:X-Mark}" env=mark
Header set X-Status "expr=%{REQUEST_STATUS} %{resp:X-Drop}"
Header always set X-Early soon early
RequestHeader set X-To-Backend soon early
RequestHeader set X-Set "one"
RequestHeader append X-List two
RequestHeader edit X-Edit a b
RequestHeader unset X-Secret
RequestHeader set X-If "yes" "expr=%{REQUEST_METHOD} == 'POST'"
EOC
$both->expect_log(qr/\[gateway:error\]/);
$both->allow_log(qr/GW00150/);

my @SENT = ('Host: front.example', 'X-Echo-Me: hi', 'X-Edit: banana',
    'X-Secret: s', 'X-List: one');
for my $target (qw(/app/ok /app/gone /app/same /app/parts /app/junk /closed/x
    /app/echo /a.txt /none.txt)) {
    for my $method (qw(GET HEAD POST)) {
        for my $mark ([], ['X-Mark: m']) {
            my $name = "$method $target @$mark";
            $both->same($name, sub {
                my ($s) = @_;
                $b->clear;
                my $r = $s->request($method, $target, [ @SENT, @$mark ],
                    $method eq 'POST' ? 'b' : undef);
                my $plain = plain($s, $r);
                if ($target =~ /app/ && $target !~ /junk/) {
                    my ($asked) = $b->requests;
                    $plain->{asked} = [ sort map { scrub($s,
                        "$_->[0]: $_->[1]") } @{ $asked->headers } ];
                }
                delete $plain->{body} if $target eq '/app/echo';
                return $plain;
            });
        }
    }
}

# That they are the same is not enough: they are what was asked for.
$both->each(sub {
    my ($s, $name) = @_;
    $b->clear;
    my $r = $s->request('POST', '/app/ok', [ @SENT, 'X-Mark: m' ], 'b');
    is $r->header('x-success'), 'yes', "$name: onsuccess";
    is_deeply [ $r->all('x-always') ], [ '(null) m', 'two' ], "$name: always";
    is join(',', $r->all('x-twice')) =~ s/, /,/gr, 'a,c,b', "$name: append";
    is $r->header('set-cookie'), 'k=v; Path=/app; Secure', "$name: edit";
    is $r->header('x-drop'), undef, "$name: unset";
    is $r->header('x-echo-me'), 'hi', "$name: echo";
    is $r->header('x-mark'), 'm', "$name: env=";
    is $r->header('x-early'), 'soon', "$name: early";
    my ($asked) = $b->requests;
    is $asked->header('x-to-backend'), 'soon', "$name: RequestHeader early";
    is $asked->header('x-edit'), 'bbnana', "$name: RequestHeader edit";
    is $asked->header('x-secret'), undef, "$name: RequestHeader unset";
    is $asked->header('x-if'), 'yes', "$name: RequestHeader expr";
    $r = $s->get('/closed/x', @SENT);
    is $r->header('x-success'), undef, "$name: no onsuccess with an error";
    is [ $r->all('x-always') ]->[1], 'two', "$name: always with an error";
});

# What one request has set does not show in the next.
$both->same('nothing is left over', sub {
    my ($s) = @_;
    my $c = $s->client;
    my @got;
    for my $mark ('X-Mark: first', 'X-Other: second') {
        $c->get('/app/ok', $mark);
        my $r = $c->response;
        push @got, [ map { $r->header($_) // '-' } qw(x-always x-mark) ];
    }
    $c->close;
    return \@got;
}, [ [ '(null) first', 'first' ], [ '(null) (null)', '-' ] ]);

done_testing;
