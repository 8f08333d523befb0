# Interim responses: any bounded number before the final one, checked like
# final ones; without a final one there is a 502.
use Gateway::Test;
use Gateway::Hostile;

my $h = Gateway::Hostile->new('interim');
my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);
$h->run($s);

done_testing;
