# Header fields of backends: no control characters, no odd names, no bare
# CR ever reach a client; folded lines, bare LF and space before a colon
# are repaired or refused; a header section that ends early is a 502.
use Gateway::Test;
use Gateway::Hostile;

my $h = Gateway::Hostile->new('header');
my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);
$h->run($s);

done_testing;
