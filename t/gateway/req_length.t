# Content-Length of requests: one number, or the request is refused and its
# connection closed; never two readings of where a request ends. A body that
# is itself a request stays a body (RFC 9112 section 6.3).
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $s = Gateway::Test->server(vars => { B => $p->backend },
    config => "GatewayPass /app http://\@B\@\n");
$p->front($s);

my $SMUGGLED = "GET /app/smug HTTP/1.1\r\nHost: a\r\n\r\n";

sub post { return $p->head('POST /app/x HTTP/1.1', @_) }

# --- both framings -----------------------------------------------------

my $cl = 'Content-Length: ' . (5 + length $SMUGGLED);
my $te = 'Transfer-Encoding: chunked';
for my $order ([ $cl, $te ], [ $te, $cl ]) {
    my $seen = $p->clean("@$order", post(@$order) . "0\r\n\r\n$SMUGGLED");
    ok $seen->{closed}, 'closed behind the answer';
    is scalar @{ $seen->{responses} }, 1, 'one answer';
    ok !defined $_->header('content-length'), 'no Content-Length from there'
        for grep { $_->framing ne 'length' } @{ $seen->{requests} };
}

# --- several lengths ---------------------------------------------------

$p->refused('two lengths', post('Content-Length: 5', 'Content-Length: 6')
    . 'hello!');
$p->refused('two lengths, the larger one first',
    post('Content-Length: 6', 'Content-Length: 5') . 'hello!');
$p->refused('a list of two lengths', post('Content-Length: 5, 6') . 'hello!');
$p->clean('the same length twice', post(('Content-Length: 5') x 2) . 'hello',
    body => 'hello');
$p->clean('a list of equal lengths', post('Content-Length: 5, 5') . 'hello',
    body => 'hello');

# --- what is no length -------------------------------------------------

my %bad = (
    plus => '+5', minus => '-1', hex => '0x5', underscore => '5_0',
    'two numbers' => '5 5', overflow => '18446744073709551621',
    '2^63' => '9223372036854775808', parameter => '5;x', words => 'five',
    'vertical tab' => "5\x0b", quotes => '"5"', comma => '5,', point => '5.0',
    'no-break space' => "5\xa0", nul => "5\x000",
);
$p->refused("length: $_", post("Content-Length: $bad{$_}") . 'hello')
    for sort keys %bad;
$p->refused('length: empty', post('Content-Length:') . 'hello');
$p->refused('space before the colon', post('Content-Length : 5') . 'hello');

$p->forwarded('leading zeros', post('Content-Length: 005') . 'hello',
    body => 'hello');
$p->forwarded('spaces around it', post("Content-Length: \t 5 \t") . 'hello',
    body => 'hello');

# --- bodies that look like requests ------------------------------------

my $req = $p->forwarded('GET with a request as body', $p->head(
    'GET /app/x HTTP/1.1', 'Content-Length: ' . length $SMUGGLED) . $SMUGGLED,
    body => $SMUGGLED);
is $req && $req->framing, 'length', 'with its length';
$p->forwarded('POST with a request as body',
    post('Content-Length: ' . length $SMUGGLED) . $SMUGGLED,
    body => $SMUGGLED);

# A body without anything that says so is no body but the next request.
my $seen = $p->send($p->head('POST /app/x HTTP/1.1')
    . $p->head('GET /app/second HTTP/1.1'));
is_deeply [ map { $_->status } @{ $seen->{responses} } ], [ 200, 200 ],
    'POST without a body, and the request behind it';

# What the client said of an empty body is said again: some backends answer
# 411 to a POST without it.
$req = $p->forwarded('an empty body', post('Content-Length: 0'));
is $req && $req->header('content-length'), 0, 'its length is passed on';

$p->finish;
done_testing;
