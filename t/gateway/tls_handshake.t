# Handshakes that fail: a peer that speaks no TLS, hangs, closes or resets. Any
# of them is 502, or 504 at connectiontimeout; nothing of the request is sent,
# and the client hears of it at once.
use Gateway::Test;
use Time::HiRes qw(time);

my $slow = Gateway::Setup::patience();
my $ms = 500 * $slow;

my %script = (
    plain  => sub { my $c = shift; $c->fill(2);
        $c->send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") },
    ssh    => sub { my $c = shift; $c->send("SSH-2.0-OpenSSH_9\r\n");
        $c->read_eof(2) },
    close  => sub { shift->close },
    hello  => sub { my $c = shift; $c->fill(2); $c->close },
    reset  => sub { my $c = shift; $c->fill(2); $c->reset },
    alert  => sub { my $c = shift; $c->fill(2);
        $c->send("\x15\x03\x03\x00\x02\x02\x28") },
    hang   => sub { shift->silent(20) },
    half   => sub { my $c = shift; $c->fill(2); $c->send("\x16\x03\x03\x40");
        $c->silent(20) },
    drip   => sub { my $c = shift; $c->fill(2);
        $c->send_slowly("\x16\x03\x03\x40\x00" . "\x02" x 2000, 1, 0.05) },
);
my %b = map { $_ => Gateway::Backend->new(script => $script{$_}) }
    keys %script;
my $good = Gateway::Backend->http({ '*' => [ 200, [], 'hi' ] },
    tls => 'server');

my $s = Gateway::Test->server(vars => { G => $good->port },
    config => join '', "GatewaySSLCACertificateFile \@CA\@\n",
    "GatewayPass /good https://localhost:\@G\@/\n",
    map { "GatewayPass /$_ https://127.0.0.1:" . $b{$_}->port
        . "/ connectiontimeout=${ms}ms timeout=@{[ 5 * $slow ]}\n" }
        sort keys %b);

for my $name (sort keys %b) {
    my $late = $name =~ /hang|half|drip/;
    my $began = time;
    my $r = $s->request('POST', "/$name", [], 'secret');
    my $took = time - $began;
    is $r->status, $late ? 504 : 502, "$name: status";
    is_deeply $r->problems, [], '  a whole answer';
    $late ? cmp_ok($took, '>=', 0.4 * $slow, '  not before its time')
        : cmp_ok($took, '<', 0.45 * $slow, '  at once');
    cmp_ok $took, '<', 1.5 * $slow, '  not after it' if $late;
    $b{$name}->wait_event(what => 'end', within => 0.5);
    is $b{$name}->connections, 1, '  one attempt';
    unlike $b{$name}->received, qr/POST|secret|HTTP/, '  nothing was sent';
}
is $s->get('/good')->status, 200, 'the others are not affected';

# What the log says, and what the environment.
my %why = (
    plain => qr/not seem to speak TLS|http:/,
    ssh   => qr/not seem to speak TLS|http:/,
    close => qr/closed|reset|Broken pipe/,
    hello => qr/closed/, reset => qr/reset/i,
    alert => qr/alert handshake failure/i,
    hang => qr/$ms ms/, half => qr/$ms ms/, drip => qr/$ms ms/,
);
for my $name (keys %why) {
    my $port = $b{$name}->port;
    $s->expect_log(qr/:error\].*127\.0\.0\.1:$port.*$why{$name}/, 1);
}
my %reason = map { $_->{uri} => $_->{gw_reason} }
    $s->access_log(wait => 1 + keys %b);
is $reason{"/$_"}, $why{$_} =~ /$ms/ ? 'tls-timeout' : 'tls',
    "GATEWAY_REASON of $_" for sort keys %b;
done_testing;
