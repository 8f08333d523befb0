# A header section is bounded in bytes of a line, of a field, of all, and
# in fields: what is beyond is a 502 at once, what is large but within is
# passed on whole.
use Gateway::Test;
use Gateway::Hostile;

my $h = Gateway::Hostile->new('limit');
my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);
$h->run($s);

done_testing;
