# Requests over HTTP/2 (mod_http2), with TLS and in clear text: what reaches
# the backend is HTTP/1.1 with one framing, with and without bodies, trailers
# and Content-Length, many at a time on one connection.
use Gateway::Test;
use Gateway::Probe;
use Digest::MD5 ();
use File::Temp ();

Gateway::Test->need(mpm => [qw(event worker)], command => [qw(curl nghttp)]);

my $b = Gateway::Backend->http({
    '/sum' => sub {
        my ($req) = @_;
        my $md5 = Digest::MD5->new;
        $req->read_body($req->{conn}, sub { $md5->add(shift) });
        return [ 200, [ 'X-Framing' => $req->framing ],
            $req->size . ' ' . $md5->hexdigest ];
    },
    '/big' => [ 200, [], 'y' x 1_000_000 ],
    '/hints' => sub {
        $_[0]{conn}->send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        return [ 200, [], 'final' ];
    },
    '/hop' => [ 200, [ 'Keep-Alive' => 'timeout=5', Connection => 'X-Hop',
        'X-Hop' => 1, Upgrade => 'foo' ], 'hop' ],
    '/chunks' => sub { [ 200, [], [ 'one ', 'two' ] ] },
    '/none' => [ 204, [] ],
    '*' => sub { $_[0]->read_body($_[0]{conn}); return },
}, lazy_body => 1, brief => 1);
my $conf = <<'EOC';
GatewayMaxInFlight Off
GatewayPass /app http://@B@
GatewayPass /down http://127.0.0.1:1
<Location /app/small>
    LimitRequestBody 1000
</Location>
EOC
my $s = Gateway::Test->server(vars => { B => $b }, ssl => 1, h2 => 1,
    config => $conf, ssl_config => $conf);
$s->expect_log(qr/GW00150.*127\.0\.0\.1:1/);

my $dir = File::Temp->newdir(TMPDIR => 1);
sub file {
    my ($name, $text) = @_;
    open my $fh, '>:raw', "$dir/$name" or die "$name: $!";
    print {$fh} $text;
    close $fh or die;
    return "$dir/$name";
}
my $large = file('large', join '', map { Digest::MD5::md5($_) } 1 .. 10_000);
my $sum = sub {
    open my $fh, '<:raw', $_[0] or die;
    return (-s $fh) . ' ' . Digest::MD5->new->addfile($fh)->hexdigest;
};

sub json {
    my ($h) = @_;
    require JSON::PP;
    return eval { JSON::PP->new->latin1->decode($h->{body}) } || {};
}

sub fields { return { map { lc $_->[0] => $_->[1] } @{ $_[0]{headers} } } }

for my $tls (1, 0) {
    my $how = $tls ? 'h2' : 'h2c';
    my @h2 = $tls ? '--http2' : '--http2-prior-knowledge';
    my $ask = sub {
        my ($path, @args) = @_;
        return $s->curl($path, tls => $tls, @h2, @args);
    };

    my $h = $ask->('/app/x?q=%2f');
    is $h->{version}, '2', "$how is spoken";
    is $h->{status}, 200, "$how: GET";
    my $seen = json($h);
    is $seen->{target}, '/x?q=%2f', 'target';
    is $seen->{version}, '1.1', 'version';
    is $seen->{framing}, 'none', 'no body';
    is_deeply $seen->{problems}, [], 'nothing to object to';
    my $f = fields($seen);
    is $f->{via} =~ /\A2(?:\.0)? /, 1, 'Via says 2';
    is $f->{'x-forwarded-proto'}, $tls ? 'https' : 'http', 'Proto';
    like $f->{'x-forwarded-host'}, qr/\Alocalhost:\d+\z/, 'Host';
    is_deeply [ grep { /\A:|http2|upgrade/ } keys %$f ], [],
        'nothing of HTTP/2 in the fields';

    $h = $ask->('/app/sum', '--data-binary', "\@$large");
    is $h->{body}, $sum->($large), "$how: POST, byte for byte";
    $h = $ask->('/app/sum', '-T', $large);
    is $h->{body}, $sum->($large), "$how: PUT";
    my $h2 = $ask->('/app/sum', '-T', $large, '-H', 'Content-Length:');
    is $h2->{body}, $sum->($large), "$how: PUT without Content-Length";
    is fields($h2)->{'x-framing'}, 'chunked', 'goes out in chunks';
    $h = $ask->('/app/sum', '-X', 'POST', '-d', '');
    is $h->{body}, '0 ' . Digest::MD5::md5_hex(''), "$how: an empty body";

    $h = $ask->('/app/x', '-I');
    is $h->{status}, 200, "$how: HEAD";
    is length $ask->('/app/big')->{body}, 1_000_000, "$how: 1 MB comes back";
    is $ask->('/app/chunks')->{body}, 'one two', "$how: chunks come back";
    is $ask->('/app/none')->{status}, 204, "$how: 204";
    is $ask->('/app/hints')->{body}, 'final', "$how: behind an interim one";
    $h = $ask->('/app/hop');
    is $h->{body}, 'hop', "$how: hop-by-hop fields in the response";
    is_deeply [ grep { /\A(?:keep-alive|connection|x-hop|upgrade)\z/ }
        keys %{ fields($h) } ], [], 'do not pass';

    # curl forgets the answer when the stream is reset behind it.
    my $url = $s->url('/app/small/x', $tls ? 'https' : 'http');
    for my $args ([], ['--no-content-length']) {
        my $ran = Gateway::Client::run('nghttp', '-v', '-d', $large, @$args,
            $url);
        like $ran->{out}, qr/:status: 413/, "$how: LimitRequestBody @$args";
    }
    is $ask->('/down/x')->{status}, 503, "$how: a backend that is down";
    is $ask->('/app/x', '-X', 'TRACE')->{status}, 405, "$how: TRACE";

    # Many streams of one connection at a time.
    my @many = map { $s->url("/app/x?$_", $tls ? 'https' : 'http') } 1 .. 40;
    my $ran = Gateway::Client::run('nghttp', '--no-dep', '-v', @many);
    my $ok = () = $ran->{out} =~ /:status: 200/g;
    is $ok, 40, "$how: 40 streams at once";
}

# Trailers of a request: dropped or trailers, never fields.
my $small = file('small', 'hello');
my $ran = Gateway::Client::run('nghttp', '-d', $small, '--trailer',
    'X-Late: 1', '--trailer', 'X-Forwarded-For: 6.6.6.6',
    $s->url('/app/t', 'https'));
my $seen = json({ body => $ran->{out} });
my $f = fields($seen);
is $seen->{body}, 'hello', 'a body with trailers';
is $f->{'x-late'}, undef, 'the trailer is no field';
is $f->{'x-forwarded-for'}, '127.0.0.1', 'and changed none';
is_deeply $seen->{problems}, [], 'well-formed';

# Fields that HTTP/2 must not have, and such as imitate others.
my $h = $s->curl('/app/x', tls => 1, '--http2', '-H', 'TE: trailers',
    '-H', 'X_Forwarded_For: 6.6.6.6', '-H', 'X-Forwarded-For: 6.6.6.6',
    '-H', 'Cookie: a=b; c=d');
$f = fields(json($h));
is $f->{te}, undef, 'TE is not passed on';
is $f->{'x-forwarded-for'}, '127.0.0.1', 'the client is who it is';
is $f->{x_forwarded_for}, undef, 'under one name';
is $f->{cookie}, 'a=b; c=d', 'cookies stay together';

is_deeply [ map { $_->{request} } grep { $_->{status} eq '499' }
    $s->access_log ], [], 'who got everything did not leave early';
is_deeply [ map { @{ $_->problems } } $b->requests ], [],
    'the backend saw nothing odd';
done_testing;
