# Transfer-Encoding: chunked alone is understood. With a Content-Length
# beside it the length is dropped and the connection not used again; any
# other coding is a 502, or read to the close and framed anew.
use Gateway::Test;
use Gateway::Hostile;

my $h = Gateway::Hostile->new('coding');
my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);
$h->run($s);

done_testing;
