# Twenty clients that take 10 MB slowly: every byte comes, the backend is held
# back, the server's memory stays flat however much waits, others are served at
# once; in clear text and over TLS, by length, chunked and compressed on the
# way; a client that stops for good is given up after Timeout.
use Gateway::Test;
use Gateway::Both;
use Digest::MD5 ();
use Time::HiRes qw(time);

my $SIZE = 10_000_000;
my $N = 20;
# a sanitizer keeps what was freed
my $FACTOR = Gateway::Setup::sanitized() ? 12 : 1;
srand 11;
my $BLOCK = join '', map { chr int rand 256 } 1 .. 50_000;
my $md5 = Digest::MD5::md5_hex($BLOCK x ($SIZE / 50_000));
my $b = Gateway::Backend->new(brief => 1, timeout => 30, script => sub {
    my $c = shift;
    while (my $req = $c->read_request) {
        if ($req->{path} eq '/small') {
            $c->respond(200, [], 'small');
            next;
        }
        my $chunked = $req->{path} =~ /chunked/;
        $c->send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" . ($chunked
            ? 'Transfer-Encoding: chunked' : "Content-Length: $SIZE")
            . "\r\n\r\n");
        for (1 .. $SIZE / 50_000) {
            $c->send($chunked ? "c350\r\n$BLOCK\r\n" : $BLOCK) or return;
        }
        $c->send("0\r\n\r\n") if $chunked;
    }
});
my $s = Gateway::Test->server(driver => 'event', ssl => 1, timeout => 20,
    modules => ['deflate'], vars => { B => $b }, config => <<'EOC',
GatewayPass /app http://@B@
GatewayPass /zip http://@B@
<Location /zip>
    SetOutputFilter DEFLATE
</Location>
EOC
    ssl_config => "GatewayPass /app http://\@B\@\n");
$s->allow_log(qr/GW00150/);

sub sent {
    my $sum = 0;
    $sum += $_->{length} for $b->events(what => 'out');
    return $sum;
}
# In steps, so that all are under way together; the digest of each.
sub drain {
    my (@c) = @_;
    my @sum = map { Digest::MD5->new } @c;
    my @left = map { 1 } @c;
    my @r = map { $_->response(head_only => 1) } @c;
    my @got;
    for my $i (0 .. $#c) {
        $r[$i]->read_body($c[$i], sub { $sum[$i]->add($_[0]) });
        push @got, $r[$i]->complete ? $sum[$i]->hexdigest : 'cut: '
            . $r[$i]->why;
    }
    return @got;
}

for (1 .. 3) { $s->get('/app/small'); $s->get_tls('/app/small') }
for my $case ([ '/length', 0 ], [ '/chunked', 0 ], [ '/length', 1 ]) {
    my ($path, $tls) = @$case;
    my $name = $path . ($tls ? ', TLS' : '');
    $b->clear;
    my @c = map { my $c = $s->client(rcvbuf => 16384, tls => $tls,
        timeout => 10); $c->get('/app/small')->response; $c } 1 .. $N;
    my $before = $s->memory;
    $_->get("/app$path") for @c;
    Gateway::Process::pause(0.8);
    my $sent = sent();
    my $grown = $s->memory - $before;
    cmp_ok $grown, '<', $N * ($tls ? 500 : 350) * $FACTOR,
        "$name: memory while all wait";
    Gateway::Process::pause(0.3);
    cmp_ok sent() - $sent, '<', 200_000 * $N, '... and the backend waits, too';
    my $began = time;
    is $s->get('/app/small')->body, 'small', '... others are served';
    cmp_ok time - $began, '<', 0.3 * Gateway::Setup::patience(), '... at once';
    my @got = drain(@c);
    is_deeply \@got, [ ($md5) x $N ], '... all bytes come'
        or diag explain \@got;
    cmp_ok $s->memory - $before, '<', $N * ($tls ? 500 : 350) * $FACTOR,
        '... memory behind it';
    $_->get('/app/small') for @c;
    is_deeply [ map { $_->response->body } @c ], [ ('small') x $N ],
        '... and the connections go on';
    $_->close for @c;
}

# Compressed on the way.
{
    my @c = map { $s->client(rcvbuf => 16384, timeout => 10) } 1 .. 3;
    $_->get('/zip/length', 'Accept-Encoding: gzip') for @c;
    Gateway::Process::pause(0.5);
    my @bodies = map { my $bytes = ''; my $r = $_->response(sink => sub {
        $bytes .= $_[0] }); $bytes } @c;
    $_->close for @c;
    require Compress::Zlib;
    is_deeply [ map { Digest::MD5::md5_hex(Compress::Zlib::memGunzip($_)
        // '') } @bodies ], [ ($md5) x 3 ], 'compressed: all bytes come';
}

# One that stops reading for good.
{
    $s = Gateway::Test->server(driver => 'event', timeout => 2,
        vars => { B => $b }, config => "GatewayPass /app http://\@B\@\n");
    $s->allow_log(qr/GW00150/);
    my @c = map { $s->client(rcvbuf => 16384) } 1 .. 3;
    $_->get('/app/length') for @c;
    my $began = time;
    ok $s->wait_for(sub { 3 == grep { $_->{uri} eq '/app/length'
        && $_->{bytes} < $SIZE } $s->access_log }, 9),
        'who stops reading is given up';
    cmp_ok time - $began, '>', 1.5, '... not before Timeout';
    $_->close for @c;
}

done_testing;
