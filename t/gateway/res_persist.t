# How long a backend connection lives: Connection: close in any spelling,
# HTTP/1.0, and ends behind a response.
use Gateway::Test;
use Gateway::Hostile;

my $h = Gateway::Hostile->new('persist');
my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n");
$h->run($s);

done_testing;
