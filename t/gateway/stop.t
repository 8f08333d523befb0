# An ungraceful stop or restart while requests wait for a backend: the
# children end at once, and none of them crashes.
use Gateway::Test;
use Time::HiRes qw(time);

my $b = Gateway::Backend->new(timeout => 30, script => sub {
    my $c = shift;
    my $req = $c->read_request or return;
    return $c->respond(200, [ Connection => 'close' ], 'ok')
        if $req->{path} eq '/now';
    $c->silent(30);
});
my $s = Gateway::Test->server(vars => { B => $b }, timeout => 30,
    config => "GatewayPass /app http://\@B\@\n");

sub waiting {
    my $before = $b->requests;
    my @clients = map { $s->client->get('/app/wait') } 1 .. 3;
    $s->wait_for(sub { $b->requests >= $before + 3 }, 5);
    return @clients;
}

my @clients = waiting();
is scalar @clients, 3, 'three requests wait';
my $began = time;
$s->restart;
cmp_ok time - $began, '<', 5, 'a restart does not wait for them';
is $s->get('/app/now')->body, 'ok', 'and the server serves again';

@clients = waiting();
$began = time;
$s->stop;
cmp_ok time - $began, '<', 5, 'neither does a stop';

done_testing;
