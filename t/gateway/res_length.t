# Content-Length: digits only, no overflow, no two values. Anything else
# is a 502; equal ones count as one and the connection is used again.
use Gateway::Test;
use Gateway::Hostile;

my $h = Gateway::Hostile->new('length');
my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);
$h->run($s);

done_testing;
