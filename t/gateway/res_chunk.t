# Chunked bodies: bad sizes, missing line ends and endless extensions or
# trailers cut the response visibly; good ones pass without extensions
# and trailers.
use Gateway::Test;
use Gateway::Hostile;

my $h = Gateway::Hostile->new('chunk');
my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);
$h->run($s);

done_testing;
