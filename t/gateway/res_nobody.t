# HEAD, 204 and 304 have no body whatever the header fields say; what comes
# all the same reaches nobody.
use Gateway::Test;
use Gateway::Hostile;

my $h = Gateway::Hostile->new('nobody');
my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n");
$h->run($s);

done_testing;
