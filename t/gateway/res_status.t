# Status lines of backends: only HTTP/1.0 or HTTP/1.1, a space and three
# digits are a response. Anything else is a 502 of which nothing is passed on,
# asked for once; there is no HTTP/0.9.
use Gateway::Test;
use Gateway::Hostile;

my $h = Gateway::Hostile->new('status');
my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B@\n");
$s->expect_log(qr/GW00150/);
$h->run($s);

done_testing;
