# A header section is bounded in bytes of a line, of a field, of all, and
# in fields: what is beyond is a 502 at once, what is large but within is
# passed on whole.
use Gateway::Test;
use Gateway::Hostile;

my $h = Gateway::Hostile->new('limit');
my $s = Gateway::Test->server(children => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);
$s->get('/app/warm') for 1 .. 3;
my $before = $s->memory;
$h->run($s);
my $limit = Gateway::Setup::hoards() ? 32 * 1024 : 4 * 1024;
cmp_ok $s->memory - $before, '<', $limit, 'no more memory than that (KiB)';

done_testing;
