# LimitRequestBody is enforced where the configuration sets it, before the
# backend is asked where the length is known, else when it is passed; where
# it is not set there is no limit.
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $s = Gateway::Test->server(vars => { B => $p->backend },
    config => <<'EOC');
GatewayPass /app http://@B@
GatewayPass /small http://@B@
GatewayPass /free http://@B@
<Location /small>
    LimitRequestBody 1000
</Location>
<Location /free>
    LimitRequestBody 0
</Location>
EOC
$p->front($s);

my %body = map { $_ => 'b' x $_ } 999, 1000, 1001, 100_000;

sub cl {
    my ($path, $body) = @_;
    return $p->head("POST $path HTTP/1.1", 'Content-Length: ' . length $body)
        . $body;
}

sub chunked {
    my ($path, @pieces) = @_;
    return $p->head("POST $path HTTP/1.1", 'Transfer-Encoding: chunked')
        . join '', map({ sprintf "%x\r\n%s\r\n", length, $_ } @pieces),
        "0\r\n\r\n";
}

sub too_large {
    my ($name, $bytes, %opt) = @_;
    my $seen = $p->refused($name, $bytes, status => 413, %opt);
    is_deeply [ grep { $_->complete } @{ $seen->{requests} } ], [],
        'nothing complete at the backend';
    return $seen;
}

for my $n (999, 1000) {
    $p->forwarded("Content-Length of $n", cl('/small/x', $body{$n}),
        body => $body{$n});
    $p->forwarded("chunks of $n", chunked('/small/x', $body{$n}),
        body => $body{$n});
}
$p->forwarded('1000 bytes in ten chunks', chunked('/small/x',
    ('b' x 100) x 10), body => $body{1000});

my $seen = too_large('Content-Length of 1001', cl('/small/x', $body{1001}));
is scalar @{ $seen->{requests} }, 0, 'the backend was not asked';
too_large('chunks of 1001', chunked('/small/x', $body{1001}));
too_large('1001 bytes in eleven chunks', chunked('/small/x',
    ('b' x 100) x 10, 'b'));
too_large('100000 bytes', cl('/small/x', $body{100_000}));
too_large('100000 bytes in chunks', chunked('/small/x',
    ('b' x 1000) x 100));

# The client hears it before it has sent anything.
my $c = $s->client;
$c->send($p->head('POST /small/x HTTP/1.1', 'Expect: 100-continue',
    'Content-Length: 5000000000'));
my $r = $c->response(method => 'POST');
is $r->status, 413, 'no 100 for what is too large';
is_deeply $r->interim, [], 'at all';

# The backend of a request that was cut is not used with half of it.
$p->forwarded('the next one', cl('/small/x', 'hello'), body => 'hello');

# --- no limit ----------------------------------------------------------

my @free = ('/app/x', '/free/x');
$p->forwarded("$_: 100000 bytes", cl($_, $body{100_000}),
    body => $body{100_000}) for @free;
for my $path (@free) {
    $c = $s->client;
    $c->send($p->head("POST $path HTTP/1.1", 'Expect: 100-continue',
        'Content-Length: 5000000000'));
    $r = $c->response(method => 'POST', one => 1, head_only => 1);
    is $r->status, 100, "$path: 5 GB would be taken";
    $c->close;
}

done_testing;
