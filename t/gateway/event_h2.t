# HTTP/2 stays with the blocking driver: over TLS (ALPN) and in clear text,
# many streams at once, bodies both ways, beside adopted HTTP/1.1 connections;
# a connection that is adopted does not switch to h2c, and says nothing of it.
use Gateway::Test;
use Gateway::Both;

Gateway::Test->need(command => [qw(curl nghttp)]);
my $b = Gateway::Backend->http({
    '/large' => [ 200, [], 'x' x 500_000 ],
    '*' => sub { [ 200, [], $_[0]->method . ' ' . $_[0]->target . ' '
        . $_[0]->size ] } });
my $both = Gateway::Both->new(ssl => 1, h2 => 1, vars => { B => $b },
    docs => { 'a.txt' => 'static' },
    config => "GatewayPass /app http://\@B\@\n",
    ssl_config => "GatewayPass /app http://\@B\@\n");
$both->on->expect_lane(qr/\Ablocking \(.*h(?:ttp\/)?2/i);
$both->on->expect_lane(qr/\Ainline\z/);

$both->same('TLS', sub {
    my $h = $_[0]->curl('/app/x', tls => 1, '--http2');
    return [ @$h{qw(exit version status body)} ];
}, [ 0, 2, 200, 'GET /x 0' ]);
$both->same('clear text, known', sub {
    my $h = $_[0]->curl('/app/x', '--http2-prior-knowledge');
    return [ @$h{qw(exit version status body)} ];
}, [ 0, 2, 200, 'GET /x 0' ]);
$both->same('a body', sub {
    my $h = $_[0]->curl('/app/x', tls => 1, '--http2', '-d', 'b' x 1000);
    return [ @$h{qw(exit version status body)} ];
}, [ 0, 2, 200, 'POST /x 1000' ]);
$both->same('a large answer', sub {
    my $h = $_[0]->curl('/app/large', tls => 1, '--http2');
    return [ @$h{qw(exit version status)}, length $h->{body} ];
}, [ 0, 2, 200, 500_000 ]);
$both->same('a file', sub {
    my $h = $_[0]->curl('/a.txt', tls => 1, '--http2');
    return [ @$h{qw(exit version status body)} ];
}, [ 0, 2, 200, 'static' ]);
$both->same('many streams', sub {
    my ($s) = @_;
    my $ran = Gateway::Client::run('nghttp', '-m', '30', $s->url('/app/x',
        'https'));
    return [ $ran->{exit}, scalar(() = $ran->{out} =~ /GET \/x 0/g) ];
}, [ 0, 30 ]);

# HTTP/1.1 to the same port.
$both->same('HTTP/1.1 over TLS', sub {
    my $h = $_[0]->curl('/app/x', tls => 1, '--http1.1');
    return [ @$h{qw(exit version status body)} ];
}, [ 0, '1.1', 200, 'GET /x 0' ]);

# h2c by upgrade: answered, as HTTP/1.1 or 2, and whole.
$both->each(sub {
    my ($s, $name) = @_;
    my $h = $s->curl('/app/x', '--http2');
    is $h->{exit}, 0, "$name: h2c by upgrade";
    is $h->{body}, 'GET /x 0', '... is answered';
});
{
    my $s = $both->on;
    my $c = $s->client;
    $c->get('/app/first')->response;
    $c->get('/app/x', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA');
    my $r = $c->response;
    is $r->status, 200, 'an adopted connection does not switch';
    is $r->body, 'GET /x 0', '... and answers';
    is $c->get('/app/y')->response->body, 'GET /y 0', '... and goes on';
    $c->close;
}

done_testing;
