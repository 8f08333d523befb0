# A backend that answers while the request body is still on its way: the
# client gets that answer soon, whether it listens while it sends or not, and
# neither connection is used for anything else afterwards.
use Gateway::Test;
use Gateway::Probe;
use Time::HiRes qw(time);

my $SIZE = 4 * 1024 * 1024;

# What the backend does once it has seen the head.
my %then = (
    'fin' => sub {
        $_[0]->respond(413, [ Connection => 'close' ], 'too large');
        $_[0]->shutdown;
        $_[0]->silent;
    },
    'fin-unread' => sub {
        $_[0]->respond(413, [ Connection => 'close' ], 'too large');
        $_[0]->shutdown;
        $_[0]->pause(1);
    },
    'rst' => sub {
        $_[0]->respond(413, [ Connection => 'close' ], 'too large');
        $_[0]->pause(0.05);
        $_[0]->reset;
    },
    'keep-alive' => sub {
        $_[0]->respond(413, [], 'too large');
        $_[0]->read_body($_[1]);
        return 'next';
    },
    'talk' => sub {
        my ($c, $req) = @_;
        $c->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        my $answer = sub {
            my $text = uc shift;
            $c->send(sprintf "%x\r\n%s\r\n", length $text, $text);
        };
        $req->read_body($c, $answer);
        $c->send("0\r\n\r\n");
        return 'next';
    },
    'keep-alive-unread' => sub {
        $_[0]->respond(413, [], 'too large');
        $_[0]->pause(1);
    },
);

my $b = Gateway::Backend->new(brief => 1, script => sub {
    my $c = shift;
    while (my $req = $c->read_head) {
        if ($req->method eq 'GET') {
            $c->record_request($req);
            $c->respond(200, [], 'next');
            next;
        }
        my ($how) = $req->{path} =~ m{/(.*)};
        $then{$how}->($c, $req) or return;
    }
});
my $s = Gateway::Test->server(vars => { B => $b },
    config => "GatewayPass /app http://\@B\@\n");
$s->allow_log(qr/GW00500/);         # a reused connection that was dying

# Sends the part of a body between two offsets.
sub upload {
    my ($c, $chunked, $from, $to) = @_;
    my $piece = 'x' x 65536;
    my $wire = $chunked ? sprintf("%x\r\n%s\r\n", length $piece, $piece)
        : $piece;
    for (my $at = $from; $at < $to; $at += length $piece) {
        $c->send($wire) or return;
    }
    $c->send("0\r\n\r\n") if $chunked && $to == $SIZE;
    return;
}

# A patient client sends half and waits for an answer, the other kind sends
# everything before it listens.
sub early {
    my ($how, $chunked, $patient) = @_;
    my $name = join ', ', $how, $chunked ? 'chunked' : 'Content-Length',
        $patient ? 'patient' : 'deaf';
    my $c = $s->client;
    my $start = time;
    $c->send(Gateway::Probe->head("POST /app/$how HTTP/1.1", $chunked
        ? 'Transfer-Encoding: chunked' : "Content-Length: $SIZE"));
    upload($c, $chunked, 0, $patient ? $SIZE / 2 : $SIZE);
    my $r = $c->response(method => 'POST');
    is $r->status, 413, "$name: the answer";
    is $r->body, 'too large', "$name: whole";
    cmp_ok time - $start, '<', 2.5, "$name: soon";
    is $s->get('/app/next')->body, 'next', "$name: the next request works";
    return $c unless $patient;

    like $r->header('connection'), qr/close/, "$name: close is announced";
    upload($c, $chunked, $SIZE / 2, $SIZE);
    $c->send(Gateway::Probe->head('GET /app/smug HTTP/1.1'));
    is $c->read_eof // '', '', "$name: nothing else on that connection";
    $c->close;
    return;
}

for my $chunked (0, 1) {
    early($_, $chunked, 1) for grep { $_ ne 'talk' } sort keys %then;
}
early('fin', 0, 0);
early('rst', 1, 0);
early('keep-alive', 0, 0);

# A request that was cut must not be what a pooled connection begins with.
$b->clear;
early('keep-alive', 0, 1);
my @conns = map { $_->{conn} } $b->events(what => 'head');
isnt $conns[0], $conns[1], 'half a request: the connection is not used again';

# Both directions at once: each piece is answered before the next is sent.
my $c = $s->client;
$c->send(Gateway::Probe->head('POST /app/talk HTTP/1.1',
    'Transfer-Encoding: chunked'));
my $r = $c->response(method => 'POST', head_only => 1);
is $r->status, 200, 'an answer to a body that has not begun';
my @said;
for my $word (qw(one two three)) {
    $c->send(sprintf "%x\r\n%s\r\n", length $word, $word);
    push @said, $c->read_until(qr/\A\r?\n?[0-9a-f]+\r\n\w+\r\n/) // $c->why;
}
$c->send("0\r\n\r\n");
is join('', @said), "3\r\nONE\r\n3\r\nTWO\r\n5\r\nTHREE\r\n",
    'word for word';
is $c->read_eof, "0\r\n\r\n", 'to the end';

is scalar(grep { $_->target =~ /smug/ } $b->requests), 0, 'nothing smuggled';
done_testing;
