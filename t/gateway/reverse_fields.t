# The other fields that a GatewayPass maps by itself: Content-Location, URI,
# Refresh and Link (each reference of the list), and Location of every status;
# no other field and no body.
use Gateway::Test;
use MIME::Base64 ();

my $b = Gateway::Backend->http(sub {
    my ($req) = @_;
    my @fields = split /\n/,
        MIME::Base64::decode_base64($req->header('x-fields'));
    return [ $req->header('x-status') || 200,
        [ map { split /: ?/, $_, 2 } @fields ], "http://b/portal/x\n" ];
});
my $p = $b->port;
my $s = Gateway::Test->server(vars => { B => $b },
    config => "GatewayPass /app http://\@B\@/portal\n");
my $front = 'http://localhost:' . $s->port;
my $back = "http://127.0.0.1:$p/portal";

sub answer {
    my ($fields, @more) = @_;
    return $s->get('/app/x', 'Host: localhost:' . $s->port, 'X-Fields: '
        . MIME::Base64::encode_base64($fields, ''), @more);
}

for (
    ['Content-Location', "$back/x", "$front/app/x"],
    ['Content-Location', '/portal/x', '/app/x'],
    ['Content-Location', 'x', 'x'],
    ['URI', "$back/x", "$front/app/x"],
    ['Destination', "$back/x", "$front/app/x"],
    ['Refresh', "5; url=$back/x", "5; url=$front/app/x"],
    ['Refresh', "0;URL='$back/x?a=b'", "0;URL='$front/app/x?a=b'"],
    ['Refresh', qq{3; url="/portal/x"}, qq{3; url="/app/x"}],
    ['Refresh', '5', '5'],
    ['Refresh', '5; url=http://else.example/portal',
        '5; url=http://else.example/portal'],
    ['Link', "<$back/x>; rel=next", "<$front/app/x>; rel=next"],
    ['Link', "<$back/a>; rel=prev, <$back/b>; rel=\"next\"",
        "<$front/app/a>; rel=prev, <$front/app/b>; rel=\"next\""],
    ['Link', qq{</portal/s.css>; rel=preload; title="a, <b>; c"},
        qq{</app/s.css>; rel=preload; title="a, <b>; c"}],
    ['Link', '<http://else.example/>; rel=x', '<http://else.example/>; rel=x'],
    ['Link', '<', '<'], ['Link', 'nonsense', 'nonsense'],
    # none of ours
    ['X-Location', "$back/x", "$back/x"],
    ['Origin', $back, $back],
    ['Access-Control-Allow-Origin', "http://127.0.0.1:$p",
        "http://127.0.0.1:$p"],
) {
    my ($name, $value, $want) = @$_;
    my $r = answer("$name: $value");
    is $r->header($name), $want, "$name: $value";
    is $r->body, "http://b/portal/x\n", '... and the body as it is';
}

my $r = answer("Link: <$back/a>; rel=a\nLink: <$back/b>; rel=b");
is_deeply [ map { split /,\s*/ } $r->all('link') ],
    [ "<$front/app/a>; rel=a", "<$front/app/b>; rel=b" ], 'two Link fields';

for my $status (201, 301, 302, 303, 307, 308, 404) {
    my $r = answer("Location: $back/made", "X-Status: $status");
    is $r->status, $status, "status $status";
    is $r->header('location'), "$front/app/made", '... Location is mapped';
}

# early hints, too
my $hints = Gateway::Backend->new(script => sub {
    my $c = shift;
    $c->read_request;
    $c->send("HTTP/1.1 103 Early Hints\r\n"
        . "Link: </portal/s.css>; rel=preload\r\n\r\n"
        . "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    $c->silent;
});
$s = Gateway::Test->server(vars => { B => $hints },
    config => "GatewayPass /app http://\@B\@/portal\n");
$r = $s->get('/app/x');
is_deeply [ map { $_->header('link') } @{ $r->interim } ],
    ['</app/s.css>; rel=preload'], 'Link of a 103';

done_testing;
