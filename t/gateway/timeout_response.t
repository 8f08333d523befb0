# A backend that falls silent: a 504 before the response head, a visible cut
# behind it; at timeout=, else GatewayTimeout, else Timeout. Bytes that keep
# coming may take longer.
use Gateway::Test;
use Time::HiRes 'time';

my $OK = "HTTP/1.1 200 OK\r\n";
my $LONG = "${OK}Content-Length: 100\r\n\r\n";
my %does = (
    '/never'   => '',
    '/line'    => 'HTTP/1.1 2',
    '/head'    => "${OK}X-A: b\r\n",
    '/hint'    => "HTTP/1.1 103 Early\r\nX-A: b\r\n\r\n",
    '/length'  => "${LONG}some",
    '/nobody'  => $LONG,
    '/chunked' => "${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n",
    '/chunk'   => "${OK}Transfer-Encoding: chunked\r\n\r\nff\r\nsome",
    '/last'    => "${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n",
    '/close'   => "$OK\r\nsome",
);
my $b = Gateway::Backend->new(script => sub {
    my $c = shift;
    while (my $req = $c->read_request) {
        if ($req->{path} eq '/steady') {
            $c->send("${OK}Content-Length: 20\r\n\r\n");
            $c->send_slowly('x' x 20, 1, 0.05);
            next;
        }
        my $says = $does{ $req->{path} };
        $c->send($says) if length $says;
        $c->read_eof(5);
    }
});
my $s = Gateway::Test->server(vars => { B => $b }, timeout => 1,
    config => <<'EOC');
GatewayPass /app  http://@B@ timeout=300ms
GatewayPass /vary http://@B@
EOC

my @cut = qw(/length /nobody /chunked /chunk /last /close);
my @none = qw(/never /line /head /hint);
my (%client, %start);
my $patience = Gateway::Setup::patience();

# A few at a time wait together; prefork has no more children at once.
sub each_of {
    my ($code, @paths) = @_;
    while (my @some = splice @paths, 0, 2) {
        for my $path (@some) {
            $start{$path} = time;
            $client{$path} = $s->client->get("/app$path",
                'Connection: close');
        }
        $code->($_, $client{$_}->response) for @some;
    }
}

sub in_time {
    my ($path) = @_;
    my $took = time - $start{$path};
    ok $took > 0.28 && $took < 1.3 * $patience, 'in time' or diag "$took s";
    my $head = $b->wait_event(what => 'head', target => $path);
    ok $head && $b->wait_event(what => 'end', conn => $head->{conn}),
        'and the backend connection is closed';
}

each_of(sub {
    my ($path, $r) = @_;
    is $r->status, 504, "$path: 504";
    like $r->header('proxy-status'), qr/; error=http_response_timeout/,
        'Proxy-Status';
    is_deeply [ $r->complete, $r->problems ], [ 1, [] ], 'a whole answer';
    in_time($path);
}, @none);
each_of(sub {
    my ($path, $r) = @_;
    ok $r->status == 504 || $r->status == 200 && !$r->complete,
        "$path: cut" or diag $r->as_string;
    in_time($path);
}, @cut);
my $steady = $s->get('/app/steady');
is $steady->body, 'x' x 20, 'a slow body that keeps coming is passed on';

my %line = map { $_->{uri} => $_ } $s->access_log(wait => @none + @cut);
is_deeply { map { $_ => $line{"/app$_"}{gw_reason} } @none, @cut },
    { map { $_ => 'timeout' } @none, @cut }, 'GATEWAY_REASON';
is $line{'/app/close'}{gw_status}, 200, 'GATEWAY_STATUS of one that was cut';
is $line{'/app/never'}{gw_status}, '-', 'of one that never came';
cmp_ok $line{'/app/never'}{gw_ms}, '>=', 290, 'GATEWAY_MS';
$s->expect_log(qr/GW00150.*\[timeout\]/, @none + @cut + 1);

# Where the time comes from.
my $start = time;
is $s->get('/vary/never')->status, 504, 'no timeout=: that of the server';
my $took = time - $start;
ok $took > 0.95 && $took < 2.5 * $patience, 'Timeout' or diag $took;
my $s2 = Gateway::Test->server(vars => { B => $b }, config => <<'EOC');
GatewayTimeout 400ms
GatewayPass /vary http://@B@
EOC
$start = time;
is $s2->get('/vary/never')->status, 504, 'GatewayTimeout';
$took = time - $start;
ok $took > 0.38 && $took < 1.4 * $patience, 'before Timeout' or diag $took;
$s2->expect_log(qr/GW00150/, 1);

done_testing;
