# The time of a whole response head is bounded: single bytes that keep coming,
# or interim responses without end, do not hold a request for ever.
use Gateway::Test;
use Time::HiRes 'time';

my $OK = "HTTP/1.1 200 OK\r\n";
my $HINT = "HTTP/1.1 103 Early\r\nX-A: b\r\n\r\n";

sub trickle {
    my ($c, $make) = @_;
    for my $n (1 .. 100) {
        $c->send($make->($n)) or return;
        $c->pause(0.04);
    }
}
my %does = (
    '/line'   => sub { trickle($_[0], sub { substr $OK x 20, $_[0] - 1, 1 }) },
    '/field'  => sub { $_[0]->send("${OK}X-A: ");
        trickle($_[0], sub { 'x' }) },
    '/fields' => sub { $_[0]->send($OK);
        trickle($_[0], sub { "X-$_[0]: y\r\n" }) },
    '/hints'  => sub { trickle($_[0], sub { $HINT }) },
    '/hint'   => sub { $_[0]->send($HINT);
        trickle($_[0], sub { substr "${OK}X-A: b" x 20, $_[0] - 1, 1 }) },
);
my $b = Gateway::Backend->new(script => sub {
    my $c = shift;
    my $req = $c->read_request or return;
    $does{ $req->{path} }->($c);
});
my $s = Gateway::Test->server(vars => { B => $b },
    Gateway::Setup::mpm() eq 'prefork' ? (mpm_config => "StartServers 8\n")
        : (),
    config => "GatewayPass /app http://\@B\@ timeout=500ms\n");
$s->expect_log(qr/GW00150/, scalar keys %does);

my $start = time;
my %client = map { $_ => $s->client->get("/app$_", 'Connection: close') }
    keys %does;
for my $path (sort keys %does) {
    my $r = $client{$path}->response;
    my $took = time - $start;
    is $r->status, 504, "$path: 504" or diag $r->why;
    ok $took < 2 * Gateway::Setup::patience(), 'in time' or diag "$took s";
}

done_testing;
