# Via (RFC 9110 section 7.6.3): every request carries a pseudonym of this
# server behind what others wrote, and a request that comes back with it is
# answered 508 instead of going round, also through several virtual hosts.
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $s = Gateway::Test->server(vars => { B => $p->backend },
    ports => [qw(ONE TWO)], config => <<'EOC');
GatewayPass /app  http://@B@
GatewayPass /self http://127.0.0.1:@PORT@/self
GatewayPass /loop http://127.0.0.1:@ONE@/loop
GatewayPass /chain http://127.0.0.1:@ONE@/chain
Listen 127.0.0.1:@ONE@
<VirtualHost *:@ONE@>
    ServerName one.example
    GatewayPass /loop http://127.0.0.1:@TWO@/loop
    GatewayPass /chain http://@B@
</VirtualHost>
Listen 127.0.0.1:@TWO@
<VirtualHost *:@TWO@>
    ServerName two.example
    GatewayPass /loop http://127.0.0.1:@PORT@/loop
</VirtualHost>
EOC
$s->expect_log(qr/GW00101/);
$p->front($s);

my $other = Gateway::Test->server(vars => { S => $s->port },
    config => <<'EOC');
GatewayPass /app http://127.0.0.1:@S@/app
EOC

sub get { return $p->head('GET /app/x HTTP/1.1', @_) }

# --- what it looks like ------------------------------------------------

my $req = $p->forwarded('alone', get());
my $own = $req->header('via') // '';
like $own, qr/\A1\.1 [\w.-]+\z/, 'version and name';
my ($name) = $own =~ /\A1\.1 (\S+)/;
unlike $own, qr/localhost|Apache|\Q@{[ $s->port ]}\E/, 'which betrays nothing';

$req = $p->forwarded('behind another', get('Via: 1.0 fred, 1.1 ricky (x)',
    'Via: 2.0 lucy'));
is join(', ', $req->all('via')),
    "1.0 fred, 1.1 ricky (x), 2.0 lucy, $own", 'at the end, in order';
$req = $p->forwarded('HTTP/1.0', "GET /app/x HTTP/1.0\r\n\r\n");
is $req->header('via'), "1.0 $name", 'with the version it came in';

my $r = $s->get('/app/x');
is $r->header('via'), undef, 'responses carry none';

# --- another server is no loop -----------------------------------------

$r = $other->get('/app/x');
is $r->status, 200, 'through two servers';
my $via = join ', ', map { $_->[1] } grep { $_->[0] eq 'Via' }
    @{ $r->json->{headers} };
like $via, qr/\A1\.1 (\S+), 1\.1 \Q$name\E\z/, 'both are named';
unlike $via, qr/\Q$name\E,/, 'with different names';

# --- loops -------------------------------------------------------------

$r = $s->get($_) and is $r->status, 508, "$_ is a loop"
    for '/self/x', '/loop/x';
$r = $s->post('/loop/x', 'body');
is $r->status, 508, 'with a body too';
is scalar(grep { $_->target =~ /loop|self/ } $p->backend->requests), 0,
    'the backend was not bothered';

# A virtual host behind another one is no loop.
$r = $s->get('/chain/x');
is $r->status, 200, 'a chain of two virtual hosts';
is scalar(grep { $_->[0] eq 'Via' } @{ $r->json->{headers} }), 2,
    'each has its own name';

# --- who says so without having been here ------------------------------

for my $line ("Via: 1.1 $name", "via: 1.0 a, 1.1 \U$name\E (comment)",
    "Via: HTTP/1.1 $name") {
    my $seen = $p->send(get($line));
    is $seen->{responses}[0]->status, 508, "'$line' is taken for a loop";
    is scalar @{ $seen->{requests} }, 0, 'nothing is sent';
}
for my $line ("Via: 1.1 x$name", "Via: 1.1 ${name}x", "X-Via: 1.1 $name",
    "Via: $name fred") {
    $p->forwarded("'$line' is none", get($line));
}

$p->finish;
done_testing;
