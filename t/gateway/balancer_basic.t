# GatewayPass balancer://name: requests are spread over the members by weight,
# wherever the balancer's lines stand; what the logs are told.
use Gateway::Test;

sub member {
    my ($name) = @_;
    return Gateway::Backend->http(sub {
        my $req = shift;
        return [ 200, [ 'X-Member' => $name ], $req->target ];
    });
}

my %b = map { $_ => member($_) } qw(A B C);
my $s = Gateway::Test->server(children => 1, vars => \%b,
    config => <<'EOC');
GatewayPass /app balancer://one
<Gateway balancer://one>
    GatewayMember http://@A@ loadfactor=3 route=a
    GatewayMember http://@B@/sub/
</Gateway>

GatewayPass /two balancer://TWO/x
GatewayMember balancer://two http://@B@
GatewayMember balancer://two http://@C@/deep
GatewaySet balancer://Two lbmethod=bybusyness

<Location /three>
    GatewayPass balancer://one
</Location>

LogFormat "%{BALANCER_NAME}e %{BALANCER_WORKER_NAME}e \
%{BALANCER_WORKER_ROUTE}e %{GATEWAY_MEMBER}e %{BALANCER_SESSION_STICKY}e" items
CustomLog "@ROOT@/logs/items.log" items
EOC

sub slurp {
    my ($file) = @_;
    open my $fh, '<', $s->root . "/logs/$file" or return '';
    local $/;
    return scalar <$fh>;
}

my %got;
for my $n (1 .. 40) {
    my $r = $s->get("/app/$n");
    is $r->status, 200, "request $n" if $r->status != 200;
    my $who = $r->header('x-member');
    $got{$who}++;
    is $r->body, $who eq 'A' ? "/$n" : "/sub/$n", 'below the path of B'
        if $n <= 4;
}
is_deeply \%got, { A => 30, B => 10 }, 'three of four requests go to A';

%got = ();
$got{ $s->get('/two/y')->body }++ for 1 .. 40;
is join(' ', sort keys %got), '/deep/x/y /x/y', 'members and path of two';

like $s->get('/three/z')->body, qr{^(?:/sub)?/z$}, 'in <Location>';

my $items = slurp('items.log');
my %url = map { $_ => 'http://' . $b{$_}->hostport } keys %b;
like $items, qr{^balancer://one \Q$url{A}\E a \Q$url{A}\E -$}m, 'items of A';
like $items, qr{^balancer://one \Q$url{B}\E/sub/? - \Q$url{B}\E/sub/? -$}m,
    'items of B';
like $items, qr{^balancer://two \Q$url{C}\E/deep - \Q$url{C}\E/deep -$}m,
    'items of C';

done_testing;
