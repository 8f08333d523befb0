# Sessions stay with their member: by cookie, by parameter of the URL, by the
# gateway's own cookie; redirect, nofailover, and what the logs are told.
use Gateway::Test;
use Gateway::Admin;

sub member {
    my ($name) = @_;
    return Gateway::Backend->http(sub {
        return [ 200, [ 'X-Member' => $name ], 'ok' ];
    });
}

my %b = map { $_ => member($_) } qw(A B C);
my %url = map { $_ => 'http://' . $b{$_}->hostport } keys %b;
my $members = <<'EOC';
    GatewayMember http://@A@ route=a redirect=c
    GatewayMember http://@B@ route=b
    GatewayMember http://@C@ route=c
EOC
my $s = Gateway::Test->server(children => 1, vars => \%b,
    modules => [ @{ Gateway::Admin::modules() }, 'headers' ],
    config => Gateway::Admin::config() . <<"EOC");
GatewayPass /app balancer://app
<Gateway balancer://app stickysession=SID|sid slowstart=0>
$members</Gateway>
GatewayPass /only balancer://only
<Gateway balancer://only stickysession=SID nofailover=on>
$members</Gateway>
GatewayPass /sep balancer://sep
<Gateway balancer://sep stickysession=SID stickysessionsep=! \\
        scolonpathdelim=on>
$members</Gateway>
GatewayPass /whole balancer://whole
<Gateway balancer://whole stickysession=SID stickysessionsep=Off>
$members</Gateway>
GatewayPass /own balancer://own
<Gateway balancer://own sticky=cookie>
$members</Gateway>
GatewayPass /named balancer://named sticky=cookie:WHERE
<Gateway balancer://named>
$members</Gateway>
GatewayPass /recipe balancer://recipe stickysession=ROUTEID
<Gateway balancer://recipe>
$members</Gateway>
<Location /recipe>
    Header add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" \\
        env=BALANCER_ROUTE_CHANGED
</Location>
LogFormat "%U %{BALANCER_SESSION_STICKY}e %{BALANCER_SESSION_ROUTE}e \\
%{BALANCER_WORKER_ROUTE}e %{BALANCER_ROUTE_CHANGED}e" items
CustomLog "\@ROOT\@/logs/items.log" items
EOC
my $admin = Gateway::Admin->new($s);
$s->allow_log(qr/AH00161/);

sub ask {
    my ($path, @fields) = @_;
    my %got;
    for (1 .. 6) {
        my $r = $s->get($path, @fields);
        $got{ $r->status == 200 ? $r->header('x-member') : $r->status }++;
    }
    return join ' ', sort keys %got;
}

sub item {
    my ($path) = @_;
    my $line;
    $s->wait_for(sub {
        open my $fh, '<', $s->root . '/logs/items.log' or return 0;
        ($line) = reverse grep { /^\Q$path\E / } <$fh>;
        return defined $line;
    });
    return $line =~ s/\s+$//r;
}

# --- the application's session -----------------------------------------------

is ask('/app/1'), 'A B C', 'without a session';
is ask('/app/1', "Cookie: SID=abc.$_"), uc $_, "cookie of $_"
    for qw(a b c);
is ask('/app/1', 'Cookie: x=1; SID=s.b; SIDE=s.a'), 'B', 'among others';
is ask('/app/1?sid=q.c'), 'C', 'parameter in the query';
is ask('/app/1?x=1&sid=q.c&y=2'), 'C';
is ask('/app/1;sid=q.b'), 'B', 'parameter in the path';
is ask('/app/1;sid=q.b', 'Cookie: SID=abc.a'), 'B', 'it wins over a cookie';
is ask('/app/1', 'Cookie: sid=abc.a'), 'A B C', 'names have a case';
is ask('/app/1', 'Cookie: SID=abc.unknown'), 'A B C', 'a route of nobody';
is ask('/app/1', 'Cookie: SID=abc'), 'A B C', 'no route at all';
is ask('/sep/1', 'Cookie: SID=a.b!c'), 'C', 'another separator';
is ask('/sep/1;SID=a!b;other=c'), 'B', 'a semicolon ends the parameter';
is ask('/whole/1', 'Cookie: SID=b'), 'B', 'the whole value';

ask('/app/2', 'Cookie: SID=abc.b');
is item('/app/2'), '/app/2 SID b b -', 'what logs see of a session';
ask('/app/3');
like item('/app/3'), qr{^/app/3 - - [abc] 1$}, '... of none';
ask('/app/4', 'Cookie: SID=abc.zz');
like item('/app/4'), qr{^/app/4 SID zz [abc] 1$}, '... that has no member';

# --- the member is away ------------------------------------------------------

$admin->set($_ => $url{A}, 'status=+S') for qw(app only);
is ask('/app/5', 'Cookie: SID=abc.a'), 'C', 'redirect takes over';
is item('/app/5'), '/app/5 SID a c 1', 'and is told';
$admin->set(app => $url{C}, 'status=+S');
is ask('/app/5', 'Cookie: SID=abc.a'), 'B', 'else any other';
is ask('/only/1', 'Cookie: SID=abc.a'), 'C', 'nofailover: redirect';
$admin->set(only => $url{C}, 'status=+S');
is ask('/only/1', 'Cookie: SID=abc.a'), 503, 'nofailover: nobody else';
$s->expect_log(qr/no member of balancer:\/\/only may be used/, [1, 9]);
is ask('/only/1', 'Cookie: SID=abc.b'), 'B', '... only for its sessions';
is ask('/only/1'), 'B', '... and not without one';
$admin->set($_ => $url{A}, 'status=-S+N'), $admin->set($_ => $url{C},
    'status=-S') for qw(app only);
is ask('/app/1', 'Cookie: SID=abc.a'), 'A', 'a draining member has sessions';
is ask('/app/1'), 'B C', '... and nothing else';

# --- the gateway's own cookie ------------------------------------------------

sub cookie {
    my ($r) = @_;
    my ($set) = grep { /^(?:gateway-own|WHERE)=/ } $r->all('set-cookie');
    return $set // '';
}

my %value;
for (1 .. 9) {
    my $r = $s->get('/own/x');
    my $set = cookie($r);
    like $set, qr{^gateway-own=[\w-]{22}; Path=/; HttpOnly; SameSite=Lax$}i,
        'its form' if $_ == 1;
    $set =~ /=([^;]*)/;
    $value{ $r->header('x-member') }{$1} = 1;
}
is_deeply [ map { scalar keys %{ $value{$_} } } qw(A B C) ], [ 1, 1, 1 ],
    'one value for each member';
my %own = map { $_ => keys %{ $value{$_} } } keys %value;
is ask('/own/x', "Cookie: a=b; gateway-own=$own{$_}"), $_, "sticks to $_"
    for sort keys %own;
my $r = $s->get('/own/x', "Cookie: gateway-own=$own{A}");
is cookie($r), '', 'a client that has it gets no other';
$r = $s->get('/own/x', 'Cookie: gateway-own=' . $own{A} =~ tr/a-y/b-z/r);
isnt cookie($r), '', 'a made-up one is replaced';
$r = $s->get('/named/x', "Cookie: WHERE=$own{A}");
isnt cookie($r), '', "another balancer's is, too";
like cookie($r), qr/^WHERE=/, 'the name that is wished';
ask('/own/log', "Cookie: gateway-own=$own{B}");
is item('/own/log'), '/own/log gateway-own - b -', 'what logs see';

$admin->set(own => $url{A}, 'status=+D');
$r = $s->get('/own/x', "Cookie: gateway-own=$own{A}");
isnt $r->header('x-member'), 'A', 'A is away';
like cookie($r), qr/=\Q$own{ $r->header('x-member') }\E;/,
    'the cookie goes on to the new member';
$admin->set(own => $url{A}, 'status=-D');

$s->restart('graceful');
is ask('/own/x', "Cookie: gateway-own=$own{B}"), 'B', 'over restarts';
$s->stop;
$s->start;
is ask('/own/x', "Cookie: gateway-own=$own{B}"), 'B', 'and stops';
my $file = $s->root . '/run/gateway-sticky.key';
is +(stat $file)[2] & 0777, 0600, 'nobody may read the key';

# --- the recipe of mod_proxy's manual ----------------------------------------

$r = $s->get('/recipe/x');
my ($set) = $r->all('set-cookie');
my $who = lc $r->header('x-member');
is $set, "ROUTEID=.$who; path=/", 'a cookie for a new client';
$r = $s->get('/recipe/x', "Cookie: ROUTEID=.$who");
is_deeply [ lc $r->header('x-member'), $r->all('set-cookie') ], [$who],
    'that is kept';

done_testing;
