# Tunnels through balancers, UNIX sockets and ws:// URLs; what they count for:
# max=, GatewayMaxInFlight, the sessions of the gateway's own cookie.
use Gateway::Test;
use Gateway::Tunnel;
use Gateway::Setup ();

my $script = sub {
    my ($name) = @_;
    return sub {
        my ($c) = @_;
        while (my $req = $c->read_request) {
            if (!$req->header('upgrade')) {
                $c->respond(200, [], $name);
                next;
            }
            $c->send(switching($req, 'X-Member' => $name));
            echo($c);
            return $c->close;
        }
    };
};
my %b = map { $_ => Gateway::Backend->new(script => $script->($_)) } qw(A B N);
my $late = Gateway::Backend->new(script => $script->('late'));
my $unix = Gateway::Backend->new(unix => 1, script => $script->('unix'));
my $s = Gateway::Test->server(
    vars => { %b, LATE => $late, U => $unix->socket,
        DOWN => Gateway::Test->closed_port },
    children => Gateway::Setup::mpm() eq 'prefork' ? 8 : 1, threads => 8,
    config => <<'EOC');
GatewayPass /app balancer://app
<Gateway balancer://app sticky=cookie>
    GatewayMember ws://@A@/ctx
    GatewayMember http://@B@/ctx
</Gateway>
GatewayPass /move balancer://move
<Gateway balancer://move>
    GatewayMember http://127.0.0.1:@DOWN@ loadfactor=100
    GatewayMember ws://@B@
</Gateway>
GatewayPass /back balancer://back
<Gateway balancer://back fails=1>
    GatewayMember http://@LATE@ retry=1
    GatewayMember http://@B@ status=+H
</Gateway>
GatewayPass /none balancer://none
<Gateway balancer://none>
    GatewayMember http://@N@ upgrade=NONE
</Gateway>
GatewayPass /section http://@N@/section
GatewayPass /unix  unix:@U@|ws://localhost/
GatewayPass /max   http://@A@/max max=1 queue=0
<Gateway http://@N@/section>
    GatewaySet upgrade=foo tunneltimeout=10s
</Gateway>
EOC

sub asks {
    my ($path, @lines) = @_;
    my $c = $s->client;
    $c->send(ask($path, @lines));
    return ($c, $c->response(method => 'GET', head_only => 1));
}

sub works {
    my ($c, $name) = @_;
    $c->send('there');
    return is $c->read_n(5), 'there', "$name and back";
}

# --- members -------------------------------------------------------------

my ($c, $r) = asks('/app/x');
is $r->status, 101, 'through a balancer';
works($c, 'there');
my $member = $r->header('x-member');
my ($cookie) = ($r->header('set-cookie') // '') =~ /\A([^;]+)/;
ok $cookie, 'with its cookie';
my ($req) = $b{$member}->requests;
is $req->{target}, '/ctx/x', 'below the path of the member';
for (1 .. 4) {
    my ($d, $again) = asks('/app/x', "Cookie: $cookie");
    is $again->header('x-member'), $member, 'the session stays';
    is $again->header('set-cookie'), undef, 'nothing new to say';
    $d->close;
}
is $s->get('/app/x', "Cookie: $cookie")->body, $member,
    'plain requests go there, too, whatever the scheme says';
$c->close;

for (1 .. 3) {
    ($c, $r) = asks('/move/x');
    is $r->status, 101, 'a member that is down: another one';
    works($c, 'there');
    $c->close;
}
$s->allow_log(qr/GW01020/);

# A trial that becomes a tunnel has told what it is to tell.
$late->stop;
($c, $r) = asks('/back/x');
is $r->header('x-member'), 'B', 'the standby while the member is down';
$c->close;
$late->start;
$c->pause(1.2);
($c, $r) = asks('/back/x');
is $r->header('x-member'), 'late', 'the trial of the member is a tunnel';
for (1 .. 3) {
    my ($d, $again) = asks('/back/x');
    is $again->header('x-member'), 'late', 'others need not wait for its end';
    $d->close;
}
works($c, 'there');
$c->close;
$s->allow_log(qr/GW01021/);

($c, $r) = asks('/none/x');
is $r->status, 200, 'a member with upgrade=NONE';
is +($b{N}->requests)[0]->header('upgrade'), undef, 'is not asked';
$b{N}->clear;
$c = $s->client;
$c->send(offer('/section/x', 'websocket, foo'));
is $c->response(method => 'GET', head_only => 1)->status, 101, 'a section';
is +($b{N}->requests)[0]->header('upgrade'), 'foo', 'that allows another';
works($c, 'there');
$c->close;

($c, $r) = asks('/unix/x');
is $r->status, 101, 'a UNIX socket';
works($c, 'there');
$c->close;

# --- limits --------------------------------------------------------------

($c, $r) = asks('/max/x');
is $r->status, 101, 'max=1: one tunnel';
is $s->get('/max/y')->status, 503, 'and nothing else meanwhile';
$c->shutdown;
$c->read_eof;
ok $s->wait_for(sub { $s->get('/max/y')->status == 200 }), 'until it ended';
$s->allow_log(qr/GW00150.*\[busy\]/);

# A tunnel counts as long as it holds a thread.
SKIP: {
    skip 'a loop needs no threads', 3 if $s->driver ne 'blocking'
        && Gateway::Setup::mpm() eq 'event';
    $s = Gateway::Test->server(vars => \%b, children => 4, config =>
        "GatewayMaxInFlight 2\nGatewayPass /few http://\@N\@/few\n");
    $s->allow_log(qr/GW00150.*\[busy\]/);
    my ($one) = asks('/few/x');
    my ($two) = asks('/few/x');
    is $s->get('/few/y')->status, 503, 'two tunnels, as many as allowed';
    works($one, 'the first, there');
    $two->shutdown;
    $two->read_eof;
    ok $s->wait_for(sub { $s->get('/few/y')->status == 200 }),
        'until one ended';
}
done_testing;
