# A client that stops reading does not hold its backend for ever: after the
# Timeout of the server both are given up; nobody waits with it.
use Gateway::Test;
use Time::HiRes 'time';

my $b = Gateway::Backend->new(brief => 1, script => sub {
    my $c = shift;
    while (my $req = $c->read_request) {
        if ($req->{path} eq '/small') {
            $c->respond(200, [], 'small');
            next;
        }
        $c->send("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
        for (1 .. 1000) {
            $c->send('x' x 65536) or return;
        }
    }
});
my $s = Gateway::Test->server(ssl => 1, timeout => 1, vars => { B => $b },
    config => "GatewayPass /app http://\@B\@\n",
    ssl_config => "GatewayPass /app http://\@B\@\n");

for my $tls (0, 1) {
    my $name = $tls ? 'over TLS' : 'in clear text';
    $b->clear;
    my $c = $s->client(tls => $tls, rcvbuf => 8192);
    my $start = time;
    $c->get('/app/large');
    ok $c->fill, "$name: it begins";
    is $s->get('/app/small')->body, 'small', 'another client';
    my $large = $b->wait_event(what => 'head', target => '/large');
    my $over = $b->wait(sub { grep { $_->{what} =~ /\A(?:end|close)\z/ }
        $b->events(conn => $large->{conn}) }, 4);
    my $took = time - $start;
    ok $over && $took > 0.9 && $took < 3 * Gateway::Setup::patience(),
        'the backend is let go' or diag "$took s";
    $c->close;
}
my %line = map { $_->{uri} => $_ } $s->access_log(wait => 4);
is_deeply [ @{ $line{'/app/large'} }{qw(status gw_status conn gw_reason)} ],
    [ 499, 200, 'X', 'client-gone' ], 'the access log';
$s->allow_log(qr/client-gone/);

done_testing;
