# A request that is sent again has its whole body, whether it came with a
# length or in chunks; one whose body is no longer in hand is a 502.
use Gateway::Test;
use Digest::MD5 'md5_hex';

# The first connection reads a warm-up, then as much of a request as its
# query says, and dies.
sub first {
    my $c = shift;
    my $req = $c->read_request or return;
    $c->respond(200, [], 'warm');
    $req = $c->read_head or return;
    my ($read) = ($req->{query} // '') =~ /\Aread=(\w+)/;
    $req->read_body($c, sub { }) if $read eq 'all';
    $c->fill if $read eq 'some' && !length $c->buffered;
    $c->pause(0.02);
    $c->reset;
}

sub second {
    my $c = shift;
    while (my $req = $c->read_request) {
        $c->respond(200, [ 'X-Framing' => $req->framing ],
            $req->complete ? md5_hex($req->body) : 'incomplete');
    }
}

my $pattern = join '', map { chr 32 + $_ % 95 } 1 .. 20_000;
sub body_of { return substr $pattern x (1 + $_[0] / length $pattern), 0,
    $_[0] }

my @cases = (
    [ 'short', 10, 'all', 'length' ],
    [ 'short, chunked', 10, 'all', 'chunked' ],
    [ 'nothing', 0, 'all', 'length' ],
    [ 'not read', 10_000, 'none', 'length' ],
    [ 'half read', 30_000, 'some', 'length' ],
    [ '30 KB in chunks', 30_000, 'some', 'chunked' ],
    [ 'with Expect', 1000, 'none', 'length',
        fields => [ 'Expect: 100-continue' ] ],
    [ 'late', 1000, 'none', 'length', pause => 0.1 ],
    [ '4 MB', 4_000_000, 'some', 'length', may_fail => 1 ],
    [ '4 MB in chunks', 4_000_000, 'some', 'chunked', may_fail => 1 ],
);
my @b = map { Gateway::Backend->new(scripts => [ \&first, \&second ]) }
    @cases;
my $s = Gateway::Test->server(children => 1,
    vars => { map { ("B$_" => $b[$_]) } 0 .. $#b },
    config => join '', map { "GatewayPass /app$_ http://\@B$_\@\n" }
        0 .. $#b);
$s->allow_log(qr/AH00161/);
$s->allow_log(qr/GW00150.*\[reset\]/);

sub send_body {
    my ($n, $body) = @_;
    my (undef, $size, $read, $framing, %opt) = @{ $cases[$n] };
    my $wire = $framing eq 'length' ? $body : join '', (map {
        sprintf "%x\r\n%s\r\n", length $_, $_ } $body =~ /.{1,3001}/gs),
        "0\r\n\r\n";
    my $c = $s->client;
    $c->request('PUT', "/app$n/x?read=$read", [ 'Connection: close',
        $framing eq 'length' ? "Content-Length: $size"
        : 'Transfer-Encoding: chunked', @{ $opt{fields} || [] } ]);
    $c->pause($opt{pause}) if $opt{pause};
    $c->send($wire);
    return $c->response;
}

for my $n (0 .. $#cases) {
    my ($name, $size, undef, undef, %opt) = @{ $cases[$n] };
    is $s->get("/app$n/warm")->body, 'warm', "$name: warm";
    my $body = body_of($size);
    my $r = send_body($n, $body);
    if ($opt{may_fail} && $r->status == 502) {
        pass "$name: given up";
        ok !(grep { $_->target =~ /^\/x/ && $_->complete } $b[$n]->requests),
            'and not sent in part';
        next;
    }
    is $r->status, 200, "$name: repeated" or diag $r->as_string;
    is $r->body, md5_hex($body), 'with the whole body';
}

done_testing;
