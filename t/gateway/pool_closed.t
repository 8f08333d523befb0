# Idle connections that the backend ends: noticed within a moment and closed,
# without a request; never used again, not even for a POST, which could not be
# repeated.
use Gateway::Test;

my %end = (
    fin     => sub { shift->close },
    rst     => sub { shift->reset },
    half    => sub { my $c = shift; $c->shutdown; $c->silent(10) },
    timeout => sub { my $c = shift;
        $c->send("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
            . "Content-Length: 0\r\n\r\n"); $c->silent(10) },
    surplus => sub { my $c = shift; $c->send('x'); $c->silent(10) },
);
my %b;
for my $end (sort keys %end) {
    for my $tls (0, 1) {
        next if $tls && $end eq 'half';
        $b{ $tls ? "tls_$end" : $end } = Gateway::Backend->new(
            $tls ? (tls => 'server') : (), script => sub {
                my $c = shift;
                my $req = $c->read_request or return;
                $c->respond(200, [], $c->number);
                $c->pause(0.05);
                $end{$end}->($c);
            });
    }
}
my $s = Gateway::Test->server(children => 1, config => join '',
    "GatewaySSLCACertificateFile \@CA\@\n",
    map { "GatewayPass /$_ " . ($b{$_}{tls} ? 'https' : 'http')
        . '://localhost:' . $b{$_}->port . "/\n" } sort keys %b);

$s->get('/');
$s->mark_idle;
is $s->get("/$_")->body, 1, "$_: first" for sort keys %b;
ok $s->idle_check(within => 4, slack => 2),
    'all are closed without being asked for';
for my $name (sort keys %b) {
    ok $b{$name}->wait_event(what => 'end', conn => 1), "$name: at both ends"
        unless $name =~ /fin|rst/;
    my $r = $s->post("/$name", 'data');
    is $r->status, 200, "$name: a POST has a new connection";
    is $r->body, 2, '  the second';
}

# The same when there is no time to notice: looked at before use.
for my $name (sort keys %b) {
    select undef, undef, undef, 0.15;
    is $s->post("/$name", 'data')->body, 3, "$name: looked at before use";
}
is scalar(grep { $_->{gw_attempts} !~ /\A[-1]\z/ } $s->access_log), 0,
    'no second attempts';
done_testing;
