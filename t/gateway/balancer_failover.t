# A request that a member fails moves to another one, where that is safe, and
# never runs twice where it is not: counted at the members.
use Gateway::Test;

my $BAD = 'HTTP/1.1 200 O';

# Members whose behaviour the path's first word chooses.
sub member {
    my ($name, %opt) = @_;
    return Gateway::Backend->http(sub {
        my $req = shift;
        my ($how) = $req->target =~ m{^/(\w+)};
        my $c = $req->{conn};
        if (!$opt{good}) {
            if ($how eq 'reset') { $c->reset; return 'done' }
            if ($how eq 'close') { return 'close' }
            if ($how eq 'hang')  { $c->pause(1.5); return 'close' }
            if ($how eq 'junk')  { $c->send("nonsense\r\n\r\n");
                return 'close' }
            if ($how eq 'begun') { $c->send($BAD); return 'close' }
            return [ 503, [ 'X-Member' => $name ], 'bad' ]
                if $how eq 'status';
            return [ 502, [ 'X-Member' => $name ], 'bad' ]
                if $how eq 'other';
        }
        return [ 200, [ 'X-Member' => $name ], $req->body ];
    }, keepalive => 0);
}

my %b = (BAD => member('bad'), BAD2 => member('bad2'), BAD3 => member('bad3'),
    BAD4 => member('bad4'), GOOD => member('good', good => 1));
my $closed = Gateway::Test->closed_port;
my $s = Gateway::Test->server(children => 1,
    vars => { %b, CLOSED => "127.0.0.1:$closed" }, config => <<'EOC');
# the bad one has lower sets, so that it is asked first
<Gateway balancer://one fails=1000 slowstart=0>
    GatewayMember http://@BAD@ timeout=300ms
    GatewayMember http://@GOOD@ lbset=1
</Gateway>
GatewayPass /one balancer://one

<Gateway balancer://status fails=1000 retryon=connect,tls,reset,timeout,503>
    GatewayMember http://@BAD@
    GatewayMember http://@GOOD@ lbset=1
</Gateway>
GatewayPass /status balancer://status

<Gateway balancer://none fails=1000 retryon=none>
    GatewayMember http://@BAD@
    GatewayMember http://@GOOD@ lbset=1
</Gateway>
GatewayPass /none balancer://none

<Gateway balancer://refused fails=1000>
    GatewayMember http://@CLOSED@
    GatewayMember http://@GOOD@ lbset=1
</Gateway>
GatewayPass /refused balancer://refused

<Gateway balancer://many fails=1000>
    GatewayMember http://@BAD@
    GatewayMember http://@BAD2@ lbset=1
    GatewayMember http://@BAD3@ lbset=2
    GatewayMember http://@BAD4@ lbset=3
    GatewayMember http://@GOOD@ lbset=4
</Gateway>
GatewayPass /many balancer://many
<Gateway balancer://all fails=1000 maxattempts=10>
    GatewayMember http://@BAD@
    GatewayMember http://@BAD2@ lbset=1
    GatewayMember http://@BAD3@ lbset=2
    GatewayMember http://@BAD4@ lbset=3
    GatewayMember http://@GOOD@ lbset=4
</Gateway>
GatewayPass /all balancer://all
<Gateway balancer://never fails=1000 maxattempts=0>
    GatewayMember http://@BAD@
    GatewayMember http://@GOOD@ lbset=1
</Gateway>
GatewayPass /never balancer://never

<Gateway balancer://small fails=1000 retrybuffer=100>
    GatewayMember http://@BAD@
    GatewayMember http://@GOOD@ lbset=1
</Gateway>
GatewayPass /small balancer://small

<Gateway balancer://deadline fails=1000 deadline=700ms>
    GatewayMember http://@BAD@ timeout=500ms
    GatewayMember http://@BAD2@ lbset=1 timeout=500ms
    GatewayMember http://@GOOD@ lbset=2
</Gateway>
GatewayPass /deadline balancer://deadline
EOC
$s->allow_log(qr/\[gateway:error\]/);

# How a request went: status, who answered, how often each was asked.
sub ask {
    my ($method, $path, %opt) = @_;
    $_->clear for values %b;
    my $r = $s->request($method, $path, [], $opt{body});
    my @asked = map { my $n = () = $b{$_}->requests; $n ? "$_:$n" : () }
        sort keys %b;
    return join ' ', $r->status, $r->header('x-member') // '-', @asked;
}

for my $how (qw(reset close hang)) {
    is ask(GET => "/one/$how"), '200 good BAD:1 GOOD:1', "GET, $how: moves";
    is ask(PUT => "/one/$how", body => 'x'), '200 good BAD:1 GOOD:1',
        "PUT, $how: moves";
    my $status = $how eq 'hang' ? 504 : 502;
    is ask(POST => "/one/$how", body => 'x'), "$status - BAD:1",
        "POST, $how: stays";
    is ask(PATCH => "/one/$how", body => 'x'), "$status - BAD:1",
        "PATCH, $how: stays";
}
is ask($_ => '/one/junk'), '502 - BAD:1', "$_: junk is no reason to move"
    for qw(GET PUT);
is ask(GET => '/one/begun'), '502 - BAD:1', 'nor a response that began';
is ask(GET => '/one/status'), '503 bad BAD:1', 'nor a status, as it is';

is ask($_ => '/refused/x', body => $_ eq 'POST' ? 'x' : undef),
    '200 good GOOD:1', "$_ moves when nothing was sent" for qw(GET POST);

is ask(GET => '/status/status'), '200 good BAD:1 GOOD:1', 'a status moves';
is ask(POST => '/status/status', body => 'x'), '503 bad BAD:1',
    '... no POST';
is ask(GET => '/status/other'), '502 bad BAD:1', '... none but those listed';
is ask(GET => "/none/$_"), "502 - BAD:1",
    "retryon=none: $_" for qw(reset close);

is ask(GET => '/many/reset'), '502 - BAD:1 BAD2:1 BAD3:1 BAD4:1',
    'three further members by default';
is ask(GET => '/all/reset'), '200 good BAD:1 BAD2:1 BAD3:1 BAD4:1 GOOD:1',
    'maxattempts=10: each once';
is ask(GET => '/never/reset'), '502 - BAD:1', 'maxattempts=0';

is ask(PUT => '/small/reset', body => 'x' x 100), '200 good BAD:1 GOOD:1',
    'a body that fits';
is ask(PUT => '/small/reset', body => 'x' x 101), '502 - BAD:1',
    'a body that does not';
is ask(PUT => '/refused/x', body => 'x' x 300_000), '200 good GOOD:1',
    'a body that was not begun';
{
    my $r = $s->request(PUT => '/small/reset', [], 'abc' x 30);
    is $r->body, 'abc' x 30, 'the second member gets it whole';
}
is ask(GET => '/deadline/hang'), '504 - BAD:1 BAD2:1',
    'the deadline ends it before the third';

# --- the log -----------------------------------------------------------------

my ($line) = $s->access_log(uri => '/many/reset', wait => 1);
is $line->{gw_attempts}, 4, 'attempts are counted';
is $line->{gw_tries}, join(', ', map { $b{$_}->hostport }
    qw(BAD BAD2 BAD3 BAD4)), 'and every address is named';
is $line->{gw_addr}, $b{BAD4}->hostport, 'the last of them by itself, too';

done_testing;
