# Set-Cookie as a GatewayPass maps it by itself: Path under the backend's path
# (the tail kept), Domain of the backend's host; attributes, order, case and
# odd cookies stay as they are; each Set-Cookie stays a field of its own.
use Gateway::Test;
use MIME::Base64 ();

my $b = Gateway::Backend->http(sub {
    my ($req) = @_;
    my @cookies = split /\n/,
        MIME::Base64::decode_base64($req->header('x-cookies'));
    return [ 200, [ map { ('Set-Cookie' => $_) } @cookies ], 'ok' ];
});
my $p = $b->port;
my $s = Gateway::Test->server(vars => { P => $p }, config => <<'EOC');
GatewayPass /app   http://localhost:@P@/portal
GatewayPass /root  http://localhost:@P@
GatewayPass /slash/ http://localhost:@P@/s/
GatewayPass /off   http://localhost:@P@/portal reverse=off
GatewayPass /same  http://localhost:@P@/same
EOC

sub cookies {
    my ($path, $cookies, $host) = @_;
    my $r = $s->get($path, 'Host: ' . ($host // 'www.front.example'),
        'X-Cookies: ' . MIME::Base64::encode_base64($cookies, ''));
    is_deeply $r->problems, [], 'nothing to object to' if @{ $r->problems };
    return $r->all('set-cookie');
}

my $front = 'www.front.example';
for (
    ['/app/x', 'a=1; Path=/portal', 'a=1; Path=/app'],
    ['/app/x', 'a=1; Path=/portal/', 'a=1; Path=/app/'],
    ['/app/x', 'a=1; Path=/portal/sub/x', 'a=1; Path=/app/sub/x'],
    ['/app/x', 'a=1; path=/portal; HttpOnly; SameSite=Lax',
        'a=1; path=/app; HttpOnly; SameSite=Lax'],
    ['/app/x', 'a=1;Path=/portal;Secure', 'a=1;Path=/app;Secure'],
    ['/app/x', 'a=1; Path=/portalx', 'a=1; Path=/portalx'],
    ['/app/x', 'a=1; Path=/other', 'a=1; Path=/other'],
    ['/app/x', 'a=1; Path=/app', 'a=1; Path=/app'],
    ['/app/x', 'a=1', 'a=1'],
    ['/app/x', 'a=/portal; Path=/portal', 'a=/portal; Path=/app'],
    ['/root/x', 'a=1; Path=/x', 'a=1; Path=/root/x'],
    ['/root/x', 'a=1; Path=/root/x', 'a=1; Path=/root/x'],
    ['/slash/x', 'a=1; Path=/s/y', 'a=1; Path=/slash/y'],
    ['/same/x', 'a=1; Path=/same/', 'a=1; Path=/same/'],
    ['/off/x', 'a=1; Path=/portal; Domain=localhost',
        'a=1; Path=/portal; Domain=localhost'],
    ['/app/x', 'a=1; Domain=localhost', "a=1; Domain=$front"],
    ['/app/x', 'a=1; Path=/portal; Domain=LOCALHOST; Secure',
        "a=1; Path=/app; Domain=$front; Secure"],
    ['/app/x', 'a=1; Domain=.localhost', "a=1; Domain=$front"],
    ['/app/x', 'a=1; Domain=elsewhere.example',
        'a=1; Domain=elsewhere.example'],
    ['/app/x', 'a=1; Domain=front.example', 'a=1; Domain=front.example'],
    ['/app/x', 'a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Path=/portal',
        'a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Path=/app'],
    # odd ones
    ['/app/x', ';;;;=;path=;domain=', ';;;;=;path=;domain='],
    ['/app/x', 'a="x; Path=/portal"', undef],
    ['/app/x', 'Path=/portal', 'Path=/portal'],
    ['/app/x', 'a=1; Path', 'a=1; Path'],
    ['/app/x', 'a=' . 'x' x 3000 . '; Path=/portal',
        'a=' . 'x' x 3000 . '; Path=/app'],
    ['/app/x', 'a=1; Path=' . '/y' x 1500, 'a=1; Path=' . '/y' x 1500],
) {
    my ($path, $cookie, $want) = @$_;
    my @got = cookies($path, $cookie);
    is scalar(@got), 1, 'one cookie';
    is $got[0], $want, substr "$path $cookie", 0, 70 if defined $want;
}

# a cookie for the whole backend must reach all of the front's path
my ($got) = cookies('/root/x', 'a=1; Path=/');
like $got, qr{^a=1; Path=/root$},
    'Path=/ of the backend is the whole of /root';

is_deeply [ cookies('/app/x', "a=1; Path=/portal\nb=2\nc=3; Path=/portal/c") ],
    [ 'a=1; Path=/app', 'b=2', 'c=3; Path=/app/c' ],
    'each on its own, in order';
is_deeply [ cookies('/app/x', 'a=1; Domain=localhost; Path=/portal',
    '127.0.0.1:' . $s->port) ], [ 'a=1; Path=/app' ],
    'an IP address is no Domain';
is_deeply [ cookies('/app/x', 'a=1; Domain=localhost', "$front:8080") ],
    [ "a=1; Domain=$front" ], 'nor is a port';

done_testing;
