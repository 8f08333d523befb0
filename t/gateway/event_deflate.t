# mod_deflate on an adopted connection: the same bytes after decoding, the same
# fields, for small, large, streamed and incompressible bodies, HEAD, 304, no
# body, a client that does not want it, one that reads slowly; and a stream is
# flushed through it.
use Gateway::Test;
use Gateway::Both;
use Compress::Zlib ();
use Time::HiRes qw(time);

srand 7;
my %BODY = (
    '/small' => 'hello ' x 20,
    '/tiny'  => 'x',
    '/large' => join('', map { "line $_ of a large text\n" } 1 .. 60_000),
    '/noise' => join('', map { chr int rand 256 } 1 .. 200_000),
    '/empty' => '',
);
my @TEXT = ('Content-Type' => 'text/plain', ETag => '"e"');
my $b = Gateway::Backend->http({
    (map { $_ => [ 200, [@TEXT], $BODY{$_} ] } keys %BODY),
    '/parts' => [ 200, [@TEXT], [ map { "part $_ " x 100 } 1 .. 200 ] ],
    '/none'  => [ 204, [], '' ],
    '/same'  => [ 304, [ ETag => '"e"' ], '' ],
    '/done'  => [ 200, [ @TEXT, 'Content-Encoding' => 'x' ], 'already' ],
    '/image' => [ 200, [ 'Content-Type' => 'image/png' ], 'png' x 100 ],
    '/drip'  => sub { [ 200, [@TEXT], sub {
        my $write = shift;
        for (1 .. 4) {
            $write->("drip $_\n" x 50);
            Gateway::Process::pause(0.25);
        }
    } ] },
});
$BODY{'/parts'} = join '', map { "part $_ " x 100 } 1 .. 200;
my $both = Gateway::Both->new(modules => [qw(deflate filter)], ssl => 1,
    vars => { B => $b }, config => <<'EOC', ssl_config => <<'EOS');
GatewayPass /app http://@B@
GatewayPass /by  http://@B@
AddOutputFilterByType DEFLATE text/plain
<Location /by>
    SetOutputFilter DEFLATE
</Location>
EOC
GatewayPass /app http://@B@
GatewayPass /by  http://@B@
EOS

sub decoded {
    my ($r) = @_;
    return $r->body unless ($r->header('content-encoding') // '') eq 'gzip'
        && length $r->body;
    return Compress::Zlib::memGunzip($r->body) // 'not gzip';
}

# Whether a length is known depends on how much comes at a time.
sub unframed {
    my ($s, $r) = @_;
    my $plain = plain($s, $r);
    delete $plain->{framing};
    $plain->{headers} = [ grep {
        !/\A(?:Content-Length|Transfer-Encoding):/ } @{ $plain->{headers} } ];
    return $plain;
}

for my $under (qw(/app /by)) {
    for my $path (sort(keys %BODY), qw(/none /same /done /image)) {
        for my $way ([], ['Accept-Encoding: gzip'],
            ['Accept-Encoding: gzip', 'Connection: close']) {
            my $name = "$under$path @$way";
            $both->same($name, sub {
                my ($s) = @_;
                my $r = $s->get("$under$path", @$way);
                my $plain = unframed($s, $r);
                $plain->{body} = decoded($r) eq ($BODY{$path} // decoded($r))
                    ? 'as it was' : 'another';
                return $plain;
            });
        }
        $both->same("HEAD $under$path", sub {
            my ($s) = @_;
            return unframed($s, $s->request('HEAD', "$under$path",
                ['Accept-Encoding: gzip']));
        });
    }
}
$both->each(sub {
    my ($s, $name) = @_;
    for my $tls (0, 1) {
        my $r = $s->request('GET', '/app/large', ['Accept-Encoding: gzip'],
            undef, tls => $tls);
        is $r->header('content-encoding'), $tls ? undef : 'gzip',
            "$name: compressed" unless $tls;
        ok decoded($r) eq $BODY{'/large'}, "$name: tls $tls: whole";
        cmp_ok $r->size, '<', length($BODY{'/large'}) / 3,
            "$name: and smaller" unless $tls;
    }
    my $r = $s->get('/app/small', 'Accept-Encoding: gzip');
    like $r->header('etag'), qr/\A"e-gzip"\z/, "$name: ETag";
    like $r->header('vary'), qr/Accept-Encoding/i, "$name: Vary";
});

# A stream comes as it is made, also compressed.
$both->each(sub {
    my ($s, $name) = @_;
    my $c = $s->client;
    my $began = time;
    $c->get('/app/drip', 'Accept-Encoding: gzip');
    my ($first, $bytes) = (undef, '');
    my $r = $c->response(sink => sub {
        $first //= time - $began;
        $bytes .= $_[0];
    });
    cmp_ok time - $began, '>', 0.9, "$name: a slow stream";
    is Compress::Zlib::memGunzip($bytes), join('', map { "drip $_\n" x 50 }
        1 .. 4), "$name: it comes whole";
    $c->close;
});

# Who reads slowly gets it all.
$both->each(sub {
    my ($s, $name) = @_;
    my $c = $s->client(rcvbuf => 4096);
    $c->get('/app/noise', 'Accept-Encoding: gzip');
    $c->pause(0.5);
    my $bytes = '';
    my $r = $c->response(sink => sub { $bytes .= $_[0];
        $c->pause(0.01) if rand() < 0.2 });
    ok $r->complete && Compress::Zlib::memGunzip($bytes) eq $BODY{'/noise'},
        "$name: a slow reader";
    $c->close;
});

done_testing;
