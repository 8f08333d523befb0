# What a backend says never chooses what this server does: no local handler,
# file or internal redirect is reached by a response; hop-by-hop fields end
# here; odd cookies and locations come through unharmed or are dropped.
use Gateway::Test;

my @odd = (';;;;=;path=;domain=', 'a=b; path=', '=', ';', 'a', 'a=b;;;; path',
    'a=b; domain=; path=/x; path=/y', 'a=' . 'x' x 3000 . '; path=/',
    'p=1; path=' . '/y' x 1500, 'a=b; PATH = /x ; Domain = .x', '; path=/');
my $b = Gateway::Backend->http({
    '/location'  => [ 200, [ Location => '/secret.html' ], 'body' ],
    '/status'    => [ 200, [ Status => '404 Nope' ], 'body' ],
    '/sendfile'  => [ 200, [ 'X-Sendfile' => '/etc/passwd',
        'X-Accel-Redirect' => '/secret.html', 'X-Reproxy-URL' => 'http://x/',
        'X-LIGHTTPD-send-file' => '/etc/passwd' ], 'body' ],
    '/type'      => [ 200, [ 'Content-Type' => 'server-parsed' ],
        '<!--#include virtual="/secret.html" -->' ],
    '/cgi'       => [ 200, [ 'Content-Type' => 'application/x-httpd-cgi' ],
        "#!/bin/sh\necho" ],
    '/map'       => [ 200, [ 'Content-Type' => 'application/x-type-map' ],
        'URI: secret' ],
    '/page.shtml' => [ 200, [ 'Content-Type' => 'text/html' ],
        '<!--#include virtual="/secret.html" -->' ],
    '/x.cgi'     => [ 200, [], 'body' ],
    '/hop'       => [ 200, [ Connection => 'X-Gone, keep-alive',
        'Keep-Alive' => 'timeout=99', 'X-Gone' => 1, 'X-Stays' => 2,
        'Proxy-Connection' => 'keep-alive', 'Proxy-Authenticate' => 'Basic',
        Upgrade => 'h2c', Trailer => 'X-Late', TE => 'x' ], 'body' ],
    '/own'       => [ 200, [ Date => 'Mon, 01 Jan 2024 00:00:00 GMT',
        Server => 'backend/1', 'Last-Modified' =>
        'Mon, 01 Jan 2024 00:00:00 GMT', ETag => '"x"', Via => '1.1 b',
        'Accept-Ranges' => 'bytes' ], 'body' ],
    '/cookies'   => [ 200, [ map { ('Set-Cookie' => $_) } 'one=1; path=/',
        'two=2; Expires=Mon, 01 Jan 2024 00:00:00 GMT', 'one=3' ], 'body' ],
    '/odd'       => sub { [ 200, [ 'Set-Cookie' =>
        $odd[ $_[0]{query} ] ], 'body' ] },
    '/redirect'  => sub {
        my ($req) = @_;
        my $to = $req->{query};
        $to =~ s/%([0-9a-f]{2})/chr hex $1/gie;
        [ 302, [ Location => $to ], '' ];
    },
});
my $s = Gateway::Test->server(vars => { B => $b }, docs => {
        'secret.html' => 'SECRET' },
    modules => [qw(include mime cgid negotiation actions)], config => <<'EOC');
ScriptSock @ROOT@/run/cgisock
GatewayPass /app http://@B@
Options +Includes +ExecCGI +MultiViews
AddHandler cgi-script .cgi
AddHandler server-parsed .shtml
AddOutputFilter INCLUDES .shtml
AddHandler type-map .var
EOC
my $c = $s->client;
sub get { return $c->get("/app$_[0]")->response }

# --- local handlers ----------------------------------------------------

for my $path (qw(/location /status /sendfile /x.cgi)) {
    my $r = get($path);
    is $r->status, 200, "$path: the status of the backend";
    is $r->body, 'body', "$path: and its body";
}
for my $path (qw(/type /cgi /map /page.shtml)) {
    my $r = get($path);
    is $r->status, 200, "$path: delivered";
    unlike $r->body, qr/SECRET/, "$path: and not interpreted";
}

# --- fields ------------------------------------------------------------

my $r = get('/hop');
is $r->header($_), undef, "$_ ends here" for qw(Keep-Alive X-Gone Upgrade
    Proxy-Connection Proxy-Authenticate Trailer TE);
is $r->header('x-stays'), 2, 'others pass';
unlike join(',', $r->all('connection')), qr/gone/i, 'Connection too';

$r = get('/own');
is $r->header($_->[0]), $_->[1], "$_->[0] of the backend" for
    [ Date => 'Mon, 01 Jan 2024 00:00:00 GMT' ], [ ETag => '"x"' ],
    [ 'Last-Modified' => 'Mon, 01 Jan 2024 00:00:00 GMT' ],
    [ 'Accept-Ranges' => 'bytes' ];
is scalar(() = $r->all($_)), 1, "one $_" for qw(Date Server ETag);

$r = get('/cookies');
is_deeply [ map { /\A(\w+=\d)/ } $r->all('set-cookie') ],
    [qw(one=1 two=2 one=3)], 'cookies apart and in order';

# --- odd cookies and locations -----------------------------------------

for my $i (0 .. $#odd) {
    $r = get("/odd?$i");
    my $name = length $odd[$i] > 50
        ? substr($odd[$i], 0, 20) . '...' : $odd[$i];
    is $r->status, 200, "cookie '$name'";
    is_deeply $r->problems, [], 'well-formed';
    is $r->body, 'body', 'with its body';
}
my $be = $b->hostport;
for my $to ("http://$be.evil/x", "http://$be\@evil/x", "http://evil/$be",
    "http://$be/..//evil", "//evil/x", "http://${be}x", '') {
    (my $query = $to) =~ s/([^\w.\/:])/sprintf '%%%02x', ord $1/ge;
    $r = get("/redirect?$query");
    is $r->status, 302, "Location: $to";
    my $said = $r->header('location') // '';
    unlike $said, qr{\Ahttps?://localhost:\d+/app/?\.?evil}, 'not ours';
    is $said, $to, 'as it came' if $to =~ /evil/ && $to !~ m{\Ahttp://$be/};
}

done_testing;
