# The harness's own client, reader and backends against each other, without a
# server between: what a test believes to see must be what was sent.
use Gateway::Test;
use Time::HiRes 'time';

# --- the reader objects to what is wrong, and only to that --------------

my $OK = "HTTP/1.1 200 OK\r\n";
my @bad = (
    [ 'bare LF'             => "HTTP/1.1 200 OK\nContent-Length: 0\n\n" ],
    [ 'bare CR in a value'  => "${OK}X: a\rb\r\nContent-Length: 0\r\n\r\n" ],
    [ 'NUL in a value'      => "${OK}X: a\0b\r\nContent-Length: 0\r\n\r\n" ],
    [ 'folded line' => "${OK}X: a\r\n b\r\nContent-Length: 0\r\n\r\n" ],
    [ 'space before colon'  => "${OK}Content-Length : 0\r\n\r\n" ],
    [ 'no colon'            => "${OK}Nothing\r\nContent-Length: 0\r\n\r\n" ],
    [ 'empty name'          => "${OK}: x\r\nContent-Length: 0\r\n\r\n" ],
    [ 'lengths differ' =>
        "${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab" ],
    [ 'list of lengths'     => "${OK}Content-Length: 1, 1\r\n\r\na" ],
    [ 'length with a sign'  => "${OK}Content-Length: +1\r\n\r\na" ],
    [ 'both framings' => "${OK}Content-Length: 5\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" ],
    [ 'another coding' => "${OK}Transfer-Encoding: gzip, chunked\r\n\r\n"
        . "0\r\n\r\n" ],
    [ 'chunk size 0x1' => "${OK}Transfer-Encoding: chunked\r\n\r\n"
        . "0x1\r\na\r\n0\r\n\r\n" ],
    [ 'chunk without CRLF' => "${OK}Transfer-Encoding: chunked\r\n\r\n"
        . "1\r\nab\r\n0\r\n\r\n" ],
    [ 'two-digit status' => "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n" ],
    [ 'junk'                 => "junk\r\n\r\n" ],
    [ '204 with a length' => "HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n" ],
    [ 'empty line first'     => "\r\n${OK}Content-Length: 0\r\n\r\n" ],
);
my @good = (
    [ 'length'   => "${OK}Content-Length: 2\r\n\r\nok", 'ok', 'length' ],
    [ 'no reason' => "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", 'ok',
        'length' ],
    [ 'chunked'  => "${OK}Transfer-Encoding: chunked\r\n\r\n"
        . "1;x=y\r\no\r\n01\r\nk\r\n0\r\nT: 1\r\n\r\n", 'ok', 'chunked' ],
    [ 'close'    => "${OK}\r\nok", 'ok', 'close' ],
    [ 'interim'  => "HTTP/1.1 103 Early\r\nLink: a\r\n\r\n"
        . "${OK}Content-Length: 2\r\n\r\nok", 'ok', 'length' ],
);
my @short = (
    [ 'short length' => "${OK}Content-Length: 9\r\n\r\nok" ],
    [ 'short chunk'  => "${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nok" ],
    [ 'no last chunk' =>
        "${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n" ],
    [ 'cut in the head' => "${OK}Content-Le" ],
);

my @texts = map { $_->[1] } @bad, @good, @short;
my $sender = Gateway::Backend->new(scripts => [ map {
    my $text = $_;
    sub { my $c = shift; $c->read_request; $c->send($text) };
} @texts ]);

sub answer {
    return Gateway::Client->new(port => $sender->port)->get('/')->response;
}

isnt @{ answer()->problems }, 0, "objects to: $_->[0]" for @bad;

for my $case (@good) {
    my ($name, undef, $body, $framing) = @$case;
    my $r = answer();
    is_deeply [ @$r{qw(body framing complete problems)} ],
        [ $body, $framing, 1, [] ], "accepts: $name";
}
for my $case (@short) {
    my $r = answer();
    ok !$r->complete, "incomplete: $case->[0]";
    is $r->why, 'eof', 'for that reason';
}

# --- ends of a connection ----------------------------------------------

sub end_of {
    my ($end, %opt) = @_;
    my $b = Gateway::Backend->new(%opt, script => sub {
        my $c = shift;
        $c->read_request;
        $c->send("${OK}\r\nabc");
        $c->pause(0.05);
        $c->$end;
    });
    my $c = Gateway::Client->new(port => $b->port,
        tls => $opt{tls} ? 1 : 0);
    my $r = $c->get('/')->response;
    is $r->body, 'abc', "$end: what came before";
    return ($r->complete, $c->eof_state);
}

is_deeply [ end_of('close') ], [ 1, 'eof' ], 'close is a clean end';
is_deeply [ end_of('shutdown') ], [ 1, 'eof' ], 'half close, too';
is_deeply [ end_of('reset') ], [ 0, 'reset' ], 'a reset is none';
is_deeply [ end_of('close', tls => 'server') ], [ 1, 'eof' ],
    'TLS: close_notify';
is_deeply [ end_of('close_dirty', tls => 'server') ], [ 0, 'truncated' ],
    'TLS: FIN alone';
is_deeply [ end_of('reset', tls => 'server') ], [ 0, 'reset' ], 'TLS: reset';

# --- certificates ------------------------------------------------------

for my $name (qw(other expired notyet wrongeku cnother unknown selfsigned
    nochain)) {
    my $b = Gateway::Backend->http(undef, tls => $name);
    ok !Gateway::Client->new(port => $b->port, tls => 1),
        "certificate $name is refused";
}
for my $name (qw(server chain)) {
    my $b = Gateway::Backend->http(undef, tls => $name);
    my $c = Gateway::Client->new(port => $b->port, tls => 1);
    is $c && $c->get('/')->response->status, 200, "$name is accepted";
    is +($b->events(what => 'tls'))[0]{sni}, 'localhost', 'SNI is recorded';
}

# --- the HTTP backend --------------------------------------------------

my $b = Gateway::Backend->http({
    '/pieces' => sub { [ 200, [], [ 'a', 'bc' ] ] },
    '/close'  => sub { 'close' },
});
my $c = Gateway::Client->new(port => $b->port);
$c->post('/echo?q', 'body', 'X-One: 1', 'x-one: 2');
$c->get('/pieces');
$c->head('/echo');
my $r = $c->response;
like $r->body, qr/"target":"\/echo\?q"/, 'echo';
my ($seen) = $b->requests;
is_deeply [ $seen->all('x-one') ], [ 1, 2 ], 'repeated fields in order';
is $seen->body, 'body', 'the body';
$r = $c->response;
is_deeply $r->chunks, [ 1, 2 ], 'pieces become chunks';
$r = $c->response;
is_deeply [ $r->status, $r->framing ], [ 200, 'none' ], 'HEAD';
is $b->connections, 1, 'all on one connection';
is $c->get('/close')->response->why, 'eof', 'closes without an answer';

my ($first) = $b->events(what => 'in', conn => 1);
like $first->{bytes}, qr{\APOST /echo\?q HTTP/1\.1\r\n}, 'bytes recorded';
is $b->clear->connections, 0, 'cleared';

$b->stop;
ok !Gateway::Client->new(port => $b->port), 'stopped: refused';
$b->start;
is +Gateway::Client->new(port => $b->port)->get('/')->response->status, 200,
    'serves again';

my $u = Gateway::Backend->http(undef, unix => 1);
is +Gateway::Client->new(unix => $u->socket)->get('/')->response->status, 200,
    'UNIX socket';

my $large = Gateway::Backend->http({ '/large' => sub {
    my $req = shift;
    return [ 200, [], sub { $_[0]->('x' x 100_000) for 1 .. 50 } ];
} }, brief => 1);
my $got = 0;
$c = Gateway::Client->new(port => $large->port, rcvbuf => 8192);
$r = $c->get('/large')->response(sink => sub { $got += length $_[0] });
is_deeply [ $r->size, $got, $r->body, $r->complete ],
    [ 5_000_000, 5_000_000, '', 1 ], 'a large body that is not kept';
is $c->post('/echo', 'y' x 1_000_000)->response->json->{body_length},
    1_000_000, 'an upload that is only counted';
is length $large->received, 0, 'indeed';

my $deaf = Gateway::Backend->deaf;
my $start = time;
ok !Gateway::Client->new(port => $deaf->port, timeout => 0.3),
    'nobody accepts, nobody refuses';
cmp_ok time - $start, '>=', 0.3, 'the connect waited';

ok !Gateway::Client->new(port => Gateway::Test->closed_port), 'closed port';

done_testing;
