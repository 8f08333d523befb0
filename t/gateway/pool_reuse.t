# Connections to backends are kept and used again, last in, first out, by all
# rules of one origin; disablereuse=on closes them.
use Gateway::Test;

# Echoes; /slow/N answers after N hundredths of a second.
my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    my ($wait) = $req->target =~ m{/slow/(\d+)};
    $req->{conn}->pause($wait / 100) if $wait;
    return;
} });
my $s = Gateway::Test->server(children => 1, vars => { B => $b,
    P => $b->port }, config => <<'EOC');
GatewayPass /a      http://@B@
GatewayPass /b      http://@B@/other timeout=7 ttl=9
GatewayPass /name   http://localhost:@P@
GatewayPass /once   http://@B@ disablereuse=on
GatewayPass /never  http://@B@ enablereuse=off
GatewayPass /again  http://@B@ enablereuse=on
EOC

sub conn { return $_[0]->json->{conn} }

my @used = map { conn($s->get('/a/x')) } 1 .. 40;
is_deeply [ grep { $_ != $used[0] } @used ], [], 'forty on one connection';
my @log = $s->access_log(wait => 40);
# threads write their lines in any order
is_deeply [ sort map { $_->{gw_reused} } @log ], [ 0, (1) x 39 ],
    'GATEWAY_REUSED';
is scalar(grep { $_->{gw_attempts} ne '1' } @log), 0, 'GATEWAY_ATTEMPTS';

is conn($s->get('/b/x')), $used[0], 'shared by rules of one origin';
is conn($s->get('/again/x')), $used[0], 'whatever their keys';
isnt conn($s->get('/name/x')), $used[0], 'a name is not its address';

my @once = map { conn($s->get('/once/x')), conn($s->get('/never/x')) } 1, 2;
my %seen;
$seen{$_}++ for $used[0], @once;
is keys %seen, 5, 'disablereuse=on and enablereuse=off: always a new one';
ok $b->wait_event(what => 'close', conn => $_, within => 1),
    '  which is closed' for @once[0, 1];
is conn($s->get('/a/x')), $used[0], '  the other one stays';

# POST, HEAD and bodies without an end do not matter.
is conn($s->post('/a/x', 'data')), $used[0], 'POST';
is $s->request('HEAD', '/a/x')->status, 200, 'HEAD';
is conn($s->get('/a/x')), $used[0], 'and on';

SKIP: {
    skip 'one request at a time', 3 if Gateway::Setup::mpm() eq 'prefork';
    my @clients = map { $s->client->get("/a/slow/$_", 'Connection: close') }
        15, 45, 30;
    my @at = map { conn($_->response) } @clients;
    my %different = map { $_ => 1 } @at;
    is keys %different, 3, 'three at once: three connections';
    my @then = map { conn($s->get('/a/x')) } 1 .. 5;
    is_deeply \@then, [ ($at[1]) x 5 ], 'the last that came back is used';
    is $b->connections, 1 + 1 + 4 + 2, 'and none was opened in vain';
}
done_testing;
