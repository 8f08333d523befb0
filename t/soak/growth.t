# No growth: after a warm-up, 10,000 more requests of all kinds leave the
# memory and the descriptors of a child where they were.
use Gateway::Test;
use Gateway::Nginx;

Gateway::Test->need(command => 'nginx');

my ($WARM, $COUNT) = (3_000, 10_000);
# Resident memory moves by some pages whatever one does; a leak of 50 bytes
# per request is above this.
my $MOST_KIB = 480;

my $n = Gateway::Nginx->new(docs => { big => "x" x 100_000 },
    config => <<'EOC');
location /moved { return 302 http://$http_host/there; }
location /cookie { add_header Set-Cookie "a=b; Path=/"; return 200 "c\n"; }
location /nowhere { return 404 "no\n"; }
location /none { return 204; }
location /post { client_max_body_size 1m; return 200 "posted\n"; }
EOC
my $down = Gateway::Test->closed_port;
my $s = Gateway::Test->server(
    children => 1, threads => 16,
    vars => { N => $n, DOWN => $down }, config => <<'EOC');
MaxKeepAliveRequests 0
<Location /app>
    GatewayPass http://@N@
</Location>
GatewayPass /down http://127.0.0.1:@DOWN@
EOC
$s->allow_log(qr{GW\d{5}|AH00161});    # AH00161: prefork with one child

my @kinds = (
    [ 200, sub { $_[0]->get('/app/') } ],
    [ 200, sub { $_[0]->get('/app/?a=' . 'b' x 500, 'X-A: ' . 'c' x 900) } ],
    [ 302, sub { $_[0]->get('/app/moved') } ],
    [ 200, sub { $_[0]->get('/app/cookie', 'Cookie: x=y') } ],
    [ 204, sub { $_[0]->get('/app/none') } ],
    [ 200, sub { $_[0]->post('/app/post', 'p' x 3000) } ],
    [ 200, sub { $_[0]->head('/app/big') } ],
    [ 404, sub { $_[0]->get('/app/nowhere') } ],
    [ 200, sub { $_[0]->get('/app/big') } ],
    [ 503, sub { $_[0]->get('/down/x') } ],
);

# Requests over connections of 100 each; returns how many went wrong.
sub run {
    my ($count) = @_;
    my ($wrong, $client) = (0);
    for my $i (0 .. $count - 1) {
        $client = $s->client if $i % 100 == 0;
        my ($want, $send) = @{ $kinds[$i % @kinds] };
        my $r = $send->($client)->response;
        my $got = $r->status // 0;
        $client = $s->client
            if ($r->header('connection') // '') =~ /close/i;
        next if $got == $want;
        diag("request $i: status $got, not $want") if ++$wrong < 5;
        $client = $s->client;
    }
    return $wrong;
}

is run($WARM), 0, "warm-up of $WARM requests";
my ($memory, @children) = ($s->memory, $s->children);
$s->mark_idle;
is run($COUNT), 0, "$COUNT requests";
my $grown = $s->memory - $memory;
is_deeply [ $s->children ], \@children, 'the same processes serve';
cmp_ok $grown, '<', $MOST_KIB, "grown by $grown KiB from $memory";
ok $s->idle_check(slack => 1), 'no descriptor is left open';

done_testing;
