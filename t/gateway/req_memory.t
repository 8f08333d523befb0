# 64 MB of request body towards a backend that reads slowly: the client is
# held back and the server's memory stays flat, with a length and in chunks;
# and the bytes are all there.
use Gateway::Test;
use Gateway::Probe;
use Time::HiRes qw(time);

my $SIZE  = 64 * 1024 * 1024;
my $PIECE = 256 * 1024;
# KiB
my $SPARE = Gateway::Setup::hoards() ? 48 * 1024 : 0;

# Takes a nap after each of the first megabytes, then hurries.
my $b = Gateway::Backend->http(sub {
    my ($req) = @_;
    my ($seen, $naps) = (0, 0);
    $req->read_body($req->{conn}, sub {
        $seen += length $_[0];
        $req->{conn}->pause(0.05) if $seen > $naps * 1e6 && $naps++ < 16;
    });
    return [ 200, [], $req->size . ' ' . $req->complete ];
}, lazy_body => 1, brief => 1);
my $s = Gateway::Test->server(children => 1, vars => { B => $b },
    config => "GatewayPass /app http://\@B\@\n");
$s->allow_log(qr/AH00161/);     # prefork with one child is soon busy

my $block = 'm' x $PIECE;

# Returns the most memory (KiB) that was seen, and the response.
sub upload {
    my ($chunked) = @_;
    my $c = $s->client(timeout => 20);
    $c->send(Gateway::Probe->head('POST /app/x HTTP/1.1', $chunked
        ? 'Transfer-Encoding: chunked' : "Content-Length: $SIZE"));
    my $wire = $chunked ? sprintf("%x\r\n%s\r\n", $PIECE, $block) : $block;
    my $most = 0;
    for (1 .. $SIZE / $PIECE) {
        $c->send($wire) or last;
        my $now = $s->memory;
        $most = $now if $now > $most;
    }
    $c->send("0\r\n\r\n") if $chunked;
    return ($most, $c->response(method => 'POST'));
}

is $s->post('/app/warm', 'x' x 1_000_000)->body, '1000000 1', 'warm';
my $before = $s->memory;
for my $chunked (0, 1) {
    my $name = $chunked ? 'chunked' : 'Content-Length';
    my ($most, $r) = upload($chunked);
    is $r->body, "$SIZE 1", "$name: 64 MB arrive";
    cmp_ok $most - $before, '<', 2048 + $SPARE, "$name: in less than 2 MB";
}

# Eight at once, none of which gets on.
my $deaf = Gateway::Backend->new(steps => [ 'read_head', [ pause => 60 ] ],
    brief => 1);
my $t = Gateway::Test->server(children => 1, vars => { B => $deaf,
    W => $b }, config => <<'EOC');
GatewayPass /app  http://@B@
GatewayPass /warm http://@W@
EOC
$t->allow_log(qr/AH00161/);
is $t->post('/warm/x', 'x' x 1_000_000)->body, '1000000 1', 'warm';
$before = $t->memory;
my @c = map { $t->client(timeout => 0.05) } 1 .. 8;
$_->send(Gateway::Probe->head('POST /app/x HTTP/1.1',
    "Content-Length: $SIZE")) for @c;
for my $c (@c) {
    1 while $c->send($block);
}
cmp_ok $t->memory - $before, '<', 4096 + $SPARE,
    'eight uploads that nobody reads: less than 512 KB each';
$_->reset for @c;

done_testing;
