# Large and many fields, long request lines: refused as httpd's own limits
# say, or everything arrives whole.
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $s = Gateway::Test->server(vars => { B => $p->backend },
    ports => ['WIDE'], config => <<'EOC');
GatewayPass /app http://@B@
Listen 127.0.0.1:@WIDE@
<VirtualHost *:@WIDE@>
    LimitRequestLine 100000
    LimitRequestFields 6000
    LimitRequestFieldSize 100000
</VirtualHost>
EOC
$p->front($s);
my $wide = { client => { port => $s->port('WIDE') } };

sub get { return $p->head('GET /app/x HTTP/1.1', @_) }

my $large = 'X-Large: ' . 'a' x 65536;
my @many  = map { "X-Many-$_: $_" } 1 .. 5000;
my $long  = '/app/' . 'a' x 65536;

# --- httpd's limits ----------------------------------------------------

$p->refused('a field of 64 KiB', get($large));
$p->refused('5000 fields', get(@many));
$p->refused('a target of 64 KiB', $p->head("GET $long HTTP/1.1"),
    status => 414);
my $req = $p->forwarded('a request line of 8000 bytes',
    $p->head('GET /app/' . 'a' x 7980 . ' HTTP/1.1'),
    target => '/' . 'a' x 7980);
$p->forwarded('a query of 8000 bytes',
    $p->head('GET /app/x?' . 'a' x 7970 . ' HTTP/1.1'),
    target => '/x?' . 'a' x 7970);
$req = $p->forwarded('80 fields of 300 bytes',
    get(map { "X-$_: " . $_ % 10 x 300 } 1 .. 80));
is $req->header("X-$_"), $_ % 10 x 300, "X-$_ is whole" for 1, 17, 80;
$req = $p->forwarded('a field of 8000 bytes', get('X-A: ' . 'a' x 8000));
is length $req->header('x-a'), 8000, 'is whole';

# --- wider ones --------------------------------------------------------

sub widely {
    my ($name, $bytes, $check) = @_;
    my $seen = $p->clean($name, $bytes, %$wide);
    my ($r) = @{ $seen->{requests} };
    ok !$r || $check->($r), "$name: whole where it is forwarded";
    return $r;
}

$req = widely('a field of 64 KiB, allowed', get($large),
    sub { length $_[0]->header('x-large') == 65536 });
ok $req, 'and it is forwarded';
$req = widely('5000 fields, allowed', get(@many), sub {
    my ($r) = @_;
    return 5000 == grep { $r->header("x-many-$_") eq $_ } 1 .. 5000;
});
ok $req, 'and they are forwarded';
$req = widely('a target of 64 KiB, allowed',
    $p->head("GET $long HTTP/1.1"),
    sub { $_[0]->target eq substr $long, 4 });
ok $req, 'and it is forwarded';

$p->finish;
done_testing;
