# Location as a GatewayPass maps it by itself: URLs of the rule's origin become
# URLs of the front, whatever their form; all else stays byte for byte. A
# mapping ends at a segment border and at the end of the host.
use Gateway::Test;

# the backend answers with the Location that the client asks for
my $b = Gateway::Backend->http(sub {
    my $want = $_[0]->header('x-say');
    return [ 302, [ Location => $want ], '' ];
});
my $p = $b->port;
my $s = Gateway::Test->server(vars => { B => $b }, config => <<'EOC');
GatewayPass /app    http://@B@/portal
GatewayPass /root   http://@B@
GatewayPass /slash/ http://@B@/s/
GatewayPass /off    http://@B@/portal reverse=off
GatewayPassMatch ^/re/(.*)$ http://@B@/r/$1
GatewayPassMatch ^/whole/   http://@B@
<Location "/sp%20ace">
    GatewayPass http://@B@/sp%20ace
</Location>
EOC
my $front = 'http://localhost:' . $s->port;

sub says {
    my ($path, $value) = @_;
    return $s->get($path, 'Host: localhost:' . $s->port, "X-Say: $value")
        ->header('location');
}

my $same = 1;
for (
    # rule, what the backend says, what the client sees
    ["http://127.0.0.1:$p/portal", "$front/app"],
    ["http://127.0.0.1:$p/portal/", "$front/app/"],
    ["http://127.0.0.1:$p/portal/x?y=1#z", "$front/app/x?y=1#z"],
    ["http://127.0.0.1:$p/portal?y", "$front/app?y"],
    ["HTTP://127.0.0.1:$p/portal/x", "$front/app/x"],
    ["https://127.0.0.1:$p/portal/x", "$front/app/x"],
    ["/portal/x", '/app/x'],
    ["/portal", '/app'],
    ["/portal/x?u=http://127.0.0.1:$p/portal",
        "/app/x?u=http://127.0.0.1:$p/portal"],
    ["//127.0.0.1:$p/portal/x", "//localhost:" . $s->port . '/app/x'],
    ["http://127.0.0.1:$p/portal/a%20b%2Fc", "$front/app/a%20b%2Fc"],
    # not the rule's
    ["http://127.0.0.1:$p/other/x", $same],
    ["http://127.0.0.1:$p/portalx", $same],
    ["http://127.0.0.1:$p", $same],
    ["http://127.0.0.1:1/portal/x", $same],
    ["http://127.0.0.1/portal/x", $same],
    ["http://127.0.0.1.evil:$p/portal/x", $same],
    ["http://127.0.0.1:${p}0/portal/x", $same],
    ["http://127.0.0.1:$p\@evil.example/portal/x", $same],
    ["http://evil.example/?http://127.0.0.1:$p/portal/x", $same],
    ["http://elsewhere.example/portal/x", $same],
    ["ftp://127.0.0.1:$p/portal/x", $same],
    ["mailto:x\@example.com", $same],
    ["/portalx", $same],
    ["/elsewhere", $same],
    # the public path, from a backend that knows it
    ["$front/app/x", $same],
    ["/app/x", $same],
    # relative references
    ["x/y", $same], ["../x", $same], ["./x", $same], ["?x", $same],
    ["#x", $same],
) {
    my ($value, $want) = @$_;
    $want = $value if $want eq $same;
    is says('/app/page', $value), $want, $value;
}

for (['/root/x', "http://127.0.0.1:$p/", "$front/root/"],
    ['/root/x', "http://127.0.0.1:$p", "$front/root"],
    ['/root/x', "http://127.0.0.1:$p/x", "$front/root/x"],
    ['/root/x', '/x', '/root/x'],
    ['/root/x', '/', '/root/'],
    ['/root/x', '/root/x', '/root/x'],
    ['/slash/x', "http://127.0.0.1:$p/s/x", "$front/slash/x"],
    ['/slash/x', '/s/x', '/slash/x'],
    ['/re/x', "http://127.0.0.1:$p/r/x", "$front/re/x"],
    ['/re/x', '/r/x', '/re/x'],
    ['/whole/x', "http://127.0.0.1:$p/whole/x", "$front/whole/x"],
    ['/sp%20ace/x', "http://127.0.0.1:$p/sp%20ace/x", "$front/sp%20ace/x"],
    ['/off/x', "http://127.0.0.1:$p/portal/x",
        "http://127.0.0.1:$p/portal/x"],
    ['/off/x', '/portal/x', '/portal/x'],
) {
    my ($path, $value, $want) = @$_;
    is says($path, $value), $want, "$path: $value";
}

# what another rule's backend says is another rule's
is says('/root/x', '/portal/y'), '/root/portal/y',
    'a path belongs to the rule that was asked';

done_testing;
