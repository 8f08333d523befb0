# X-Forwarded-*: the gateway says who the client is, and what the client said
# about that itself is dropped, under any spelling; GatewayAddHeaders Off
# drops without adding. The Proxy field, which CGI programs take for
# HTTP_PROXY, is dropped.
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $s = Gateway::Test->server(vars => { B => $p->backend }, ssl => 1,
    ipv6 => 1, ssl_config => "GatewayPass /app http://\@B\@\n",
    config => <<'EOC');
GatewayPass /app http://@B@
GatewayPass /off http://@B@
GatewayPass /keep http://@B@
<Location /off>
    GatewayAddHeaders Off
</Location>
<Location /keep>
    GatewayPreserveHost On
</Location>
EOC
$p->front($s);

my $server = 'localhost';
my @suffixes = qw(For Host Server Proto Port);

sub sent {
    my ($name, $target, @lines) = @_;
    return $p->forwarded($name, $p->head("GET $target HTTP/1.1", @lines));
}

sub forwarded_fields {
    my ($req) = @_;
    return { map { $_->[0] => $_->[1] }
        grep { $_->[0] =~ /forwarded/i } @{ $req->headers } };
}

my %plain = ('X-Forwarded-For' => '127.0.0.1',
    'X-Forwarded-Host' => 'front.example', 'X-Forwarded-Server' => $server,
    'X-Forwarded-Proto' => 'http', 'X-Forwarded-Port' => $s->port);

my $req = sent('plain', '/app/x');
is_deeply forwarded_fields($req), \%plain, 'the five fields';
is $req->header('host'), $p->backend->hostport, 'Host is the backend';

# --- what the client says ----------------------------------------------

my @spoofed = map { ("X-Forwarded-$_: 6.6.6.6", "x-forwarded-$_: 7.7.7.7") }
    @suffixes;
$req = sent('spoofed, two lines each', '/app/x', @spoofed);
is_deeply forwarded_fields($req), \%plain, 'only what the gateway says';
unlike $req->raw_head, qr/6\.6\.6\.6|7\.7\.7\.7/, 'nothing of the client';

my @twins = map { ("X_Forwarded_$_: 6.6.6.6", "X-Forwarded_$_: 6.6.6.6",
    "X_FORWARDED-$_: 6.6.6.6") } @suffixes;
$req = sent('spoofed, with underscores', '/app/x', @twins);
unlike $req->raw_head, qr/6\.6\.6\.6/, 'dropped too';

for my $suffix (@suffixes) {
    $req = sent("X_Forwarded_$suffix alone", '/off/x',
        "X_Forwarded_$suffix: 6.6.6.6");
    unlike $req->raw_head, qr/6\.6\.6\.6/, 'dropped where none is added too';
}

$req = sent('RFC 7239', '/app/x', 'Forwarded: for=6.6.6.6;proto=https',
    'X-Real-IP: 1.2.3.4');
is $req->header('forwarded'), undef, 'Forwarded of the client is dropped';

$req = sent('Host with a port', '/app/x', 'Host: front.example:8042');
is $req->header('x-forwarded-host'), 'front.example:8042', 'is kept whole';

# --- GatewayAddHeaders Off ---------------------------------------------

$req = sent('GatewayAddHeaders Off', '/off/x');
is_deeply forwarded_fields($req), {}, 'adds nothing';
$req = sent('GatewayAddHeaders Off, spoofed', '/off/x', @spoofed, @twins);
is_deeply forwarded_fields($req), {}, 'and drops what the client sent';

# --- GatewayPreserveHost -----------------------------------------------

$req = sent('GatewayPreserveHost', '/keep/x', 'Host: front.example:8042');
is $req->header('host'), 'front.example:8042', 'the Host of the client';
is $req->header('x-forwarded-host'), 'front.example:8042', 'in both';

# --- other fronts ------------------------------------------------------

my $r = $s->get_tls('/app/x');
my %tls = map { @$_ } grep { $_->[0] =~ /forwarded/i }
    @{ $r->json->{headers} };
is $tls{'X-Forwarded-Proto'}, 'https', 'over TLS';
is $tls{'X-Forwarded-Port'}, $s->ssl_port, 'with its port';

$req = $p->forwarded('over IPv6', $p->head('GET /app/x HTTP/1.1',
    'Host: [::1]:' . $s->port), client => { host => '::1' });
is $req->header('x-forwarded-for'), '::1', 'an IPv6 address';
is $req->header('x-forwarded-host'), '[::1]:' . $s->port, 'in brackets';

$req = $p->forwarded('HTTP/1.0 without Host', "GET /app/x HTTP/1.0\r\n\r\n");
is $req->header('x-forwarded-for'), '127.0.0.1', 'the client is told';
ok !defined $req->header('x-forwarded-host')
    || $req->header('x-forwarded-host') =~ /\Alocalhost/,
    'and no name is made up';

# --- Proxy -------------------------------------------------------------

$req = sent('Proxy', '/app/x', 'Proxy: http://evil.example/',
    'proxy: http://evil.example/');
is $req->header('proxy'), undef, 'is dropped';

$p->finish;
done_testing;
