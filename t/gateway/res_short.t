# Responses that end too early: the client can always see it, and a body
# without framing is complete only at a clean close.
use Gateway::Test;
use Gateway::Hostile;

my $h = Gateway::Hostile->new('short');
my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);
$h->run($s);

done_testing;
