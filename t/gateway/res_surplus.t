# Bytes behind a complete response are dropped and end the connection,
# also when they come late.
use Gateway::Test;
use Gateway::Hostile;

my $h = Gateway::Hostile->new('surplus');
my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n");
$h->run($s);

done_testing;
