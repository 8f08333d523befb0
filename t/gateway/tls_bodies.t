# Requests over TLS to the backend, from clients over plain TCP, TLS and h2:
# bodies both ways at once, larger than any buffer, whole and byte for byte;
# and over a UNIX socket.
use Gateway::Test;
use Digest::SHA qw(sha1_hex);

my $large = join '', map { pack 'N', $_ } 1 .. 500_000;     # 2 MB
my $sum = sha1_hex($large);

# Bodies are read by the handlers, piece by piece.
my %handler = (
    '/large' => sub { return [ 200, [], [ map { substr $large, $_ * 50_000,
        50_000 } 0 .. 39 ] ] },
    '/sum'   => sub {
        my $req = shift;
        my $sha = Digest::SHA->new(1);
        $req->read_body($req->{conn}, sub { $sha->add($_[0]) });
        return [ 200, [ 'X-Size' => $req->size ], $sha->hexdigest ];
    },
    # answers while it reads, so that both directions are full
    '/both'  => sub {
        my $req = shift;
        my $conn = $req->{conn};
        $conn->send("HTTP/1.1 200 OK\r\nContent-Length: "
            . $req->header('content-length') . "\r\n\r\n");
        $req->read_body($conn, sub { $conn->send($_[0]) });
        return 'done';
    },
    '/text'  => [ 200, [], "hello\n" ],
);
my @options = (tls => 'server', brief => 1, lazy_body => 1);
my $b = Gateway::Backend->http(\%handler, @options);
my $u = Gateway::Backend->http(\%handler, @options, unix => 1);
my $h2 = Gateway::Setup::mpm() ne 'prefork';

my $s = Gateway::Test->server(ssl => 1, h2 => $h2,
    modules => [], vars => { P => $b->port, U => $u->socket },
    config => <<'EOC');
GatewaySSLCACertificateFile @CA@
GatewayPass /tcp  https://localhost:@P@
GatewayPass /unix unix:@U@|https://localhost
EOC

for my $tls (0, 1) {
    my $front = $tls ? 'TLS in front' : 'clear in front';
    for my $rule ('tcp', 'unix') {
        my $c = $s->client(tls => $tls);
        is $c->get("/$rule/text")->response->body, "hello\n",
            "$front, $rule: small";
        my $r = $c->get("/$rule/large")->response;
        ok $r->body eq $large, '  download';
        $r = $c->post("/$rule/sum", $large)->response;
        is $r->body, $sum, '  upload';
        is $r->header('x-size'), length $large, '  its size';
        $r = $c->post("/$rule/both", $large)->response;
        ok $r->body eq $large, '  there and back';
        my $chunked = join '', map {
            my $piece = substr $large, $_ * 20_000, 20_000;
            sprintf("%x\r\n%s\r\n", length $piece, $piece)
        } 0 .. 99;
        # an answer before the end of the request may end the connection
        $c = $s->client(tls => $tls);
        $r = $c->request('POST', "/$rule/sum",
            ['Transfer-Encoding: chunked'], "${chunked}0\r\n\r\n")->response;
        is $r->body, $sum, '  chunked upload';
        $c->close;
    }
}

if ($h2) {
    for my $rule ('tcp', 'unix') {
        my $h = $s->curl("/$rule/large", tls => 1, '--http2');
        is $h->{version}, '2', "h2, $rule";
        ok $h->{body} eq $large, '  download';
        my $file = Gateway::Test->scratch . '/upload';
        open my $fh, '>:raw', $file or die "$file: $!";
        print {$fh} $large;
        close $fh;
        $h = $s->curl("/$rule/sum", tls => 1, '--http2', '--data-binary',
            "\@$file");
        is $h->{body}, $sum, '  upload';
    }
}

# The connections were used again, and nothing stays open.
cmp_ok $b->connections, '<=', 6, 'connections are kept';
is scalar(grep { $_->{gw_status} ne '200' } $s->access_log), 0,
    'GATEWAY_STATUS';
is scalar(grep { $_->{gw_tls} !~ /\ATLSv1\.[23]\z/ } $s->access_log), 0,
    'GATEWAY_TLS';
done_testing;
