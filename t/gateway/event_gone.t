# A client that leaves while the backend thinks is noticed within 0.3 s on an
# adopted connection, and the backend's connection is closed: FIN, RST, half
# closed, TLS, with and without its close_notify; on the first and on a later
# request; with more requests in the pipe; in the middle of an upload; a
# hundred at once. GatewayIgnoreClientAbort lets the request go on.
use Gateway::Test;
use Gateway::Both;
use Gateway::Herd;
use Time::HiRes qw(time);

my $LIMIT = 0.3 * Gateway::Setup::patience();
my $b = Gateway::Backend->new(brief => 1, timeout => 4, script => sub {
    my $c = shift;
    while (my $req = $c->read_head) {
        return $c->read_eof(4) if $req->target =~ /think/;
        if ($req->target =~ /half/) {
            $c->send("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nsome");
            return $c->read_eof(4);
        }
        $req->read_body($c);
        $c->pause(0.6) if $req->target =~ /late/;
        $c->record_request($req);
        $c->respond(200, [], 'fast');
    }
});
my $h = Gateway::Herd->new;
my $both = Gateway::Both->new(ssl => 1, vars => { B => $b, H => $h },
    config => <<'EOC', ssl_config => "GatewayPass /app http://\@B\@\n");
GatewayPass /app  http://@B@
GatewayPass /herd http://@H@
GatewayPass /on   http://@B@
<Location /on>
    GatewayIgnoreClientAbort On
</Location>
EOC
$both->allow_log(qr/GW00150.*\[client-gone\]/);

my $n = 0;
sub conn_of {
    my ($target) = @_;
    my $head;
    $b->wait(sub { ($head) = grep { $_->{target} eq $target }
        $b->events(what => 'head') }, 3);
    return $head ? $head->{conn} : 0;
}

for my $tls (0, 1) {
    for my $how (qw(close reset shutdown close_dirty)) {
        next if !$tls && $how eq 'close_dirty';
        for my $case ([ 'think', 0 ], [ 'think', 1 ], [ 'think', 0, 'pipe' ],
            [ 'half', 1 ], [ 'think', 1, 'upload' ]) {
            my ($what, $before, $more) = @$case;
            $more //= '';
            my $name = join ' ', $how, $what, "after $before", $more,
                $tls ? 'TLS' : ();
            $both->each(sub {
                my ($s, $which) = @_;
                my $c = $s->client(tls => $tls);
                $c->get('/app/fast')->response if $before;
                my $target = "/$what?" . ++$n;
                if ($more eq 'upload') {
                    $c->request('POST', "/app$target", ['Content-Length: 99']);
                    $c->send('part');
                }
                else {
                    $c->get("/app$target");
                }
                $c->get('/app/never') if $more eq 'pipe';
                my $conn = conn_of($target)
                    or return fail "$which: $name: not asked";
                $c->read_until('some') if $what eq 'half';
                my $left = time;
                $c->$how;
                my $end = $b->wait_event(what => 'end', conn => $conn,
                    within => 3);
                my $took = $end ? $end->{time} - $left : 99;
                cmp_ok $took, '<', $which eq 'on' ? $LIMIT
                    : 0.6 * Gateway::Setup::patience(), "$which: $name";
            });
        }
    }
}
is scalar(grep { $_->{target} =~ /never/ } $b->events(what => 'head')), 0,
    'what was in the pipe is not asked';

# A hundred at once, and the server goes on.
{
    my $s = $both->on;
    my @c = Gateway::Herd->clients($s, 100);
    $_->get('/herd/x?hold') for @c;
    ok $h->wait(100), 'a hundred requests wait';
    is $h->now_open, 100, '... on as many connections';
    my $left = time;
    $_->close for @c;
    ok $h->wait_for(sub { !$h->now_open }, 3), 'all are closed';
    cmp_ok $h->left - $left, '<', 2 * $LIMIT, '... in time';
    is $s->get('/app/fast')->status, 200, 'others are served';
    my @lines = grep { $_->{uri} eq '/herd/x' } $s->access_log(wait => 100);
    is_deeply [ map { "$_->{status} $_->{conn} $_->{gw_reason}" } @lines ],
        [ ('499 X client-gone') x 100 ], 'each is in the log';
}

# Where nobody minds, the request goes on to its end, and so does its backend's
# connection.
$both->each(sub {
    my ($s, $name) = @_;
    for my $how (qw(close reset shutdown)) {
        my $c = $s->client;
        $c->get('/on/fast')->response;
        my $target = '/late?' . ++$n;
        $c->get("/on$target");
        my $conn = conn_of($target);
        $c->$how;
        ok $b->wait(sub { grep { $_->{target} eq $target }
            $b->events(what => 'request') }, 3), "$name: $how: it goes on";
        $c->read_eof(2) if $how eq 'shutdown';
        my $r = $s->get('/on/fast');
        is $r->body, 'fast', '... and the next';
        is scalar(my @ends = $b->events(what => 'end', conn => $conn)), 0,
            '... connection to the backend stays';
    }
});

done_testing;
