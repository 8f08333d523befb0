# A plain file, in clear text and over TLS: the harness, the server and the
# module beside each other, with no gateway directive in force.
use Gateway::Test;

my $s = Gateway::Test->server(ssl => 1, docs => { 'a.txt' => "plain\n" });

my $r = $s->get('/a.txt');
is $r->status, 200, 'in clear text';
is $r->body, "plain\n", 'the file';
is_deeply $r->problems, [], 'nothing to object to';

$r = $s->get_tls('/a.txt');
is $r->status, 200, 'over TLS';
is $r->body, "plain\n", 'the same file';

my ($first) = $s->access_log(wait => 2);
is $first->{status}, 200, 'the access log has it';
is $first->{gw_status}, '-', 'and no backend was asked';

done_testing;
