# NTLM and Negotiate authenticate a connection, not a request: such a backend
# connection must never serve another client, and be closed with its own.
use Gateway::Test;

my %says = (
    '/ntlm'   => [ 401, [ 'WWW-Authenticate' => 'NTLM' ], 'no' ],
    '/token'  => [ 401, [ 'WWW-Authenticate' => 'NTLM TlRMTVNTUAAC' ],
        'no' ],
    '/nego'   => [ 401, [ 'WWW-Authenticate' => 'Negotiate' ], 'no' ],
    '/second' => [ 401, [ 'WWW-Authenticate' => 'Basic realm="a, b"',
        'WWW-Authenticate' => 'negotiate' ], 'no' ],
    '/list'   => [ 401, [ 'WWW-Authenticate' =>
        'Basic realm="a, NTLM", ntlm' ], 'no' ],
    '/done'   => [ 200, [ 'WWW-Authenticate' => 'Negotiate oRQwEqA=' ],
        'yes' ],
    '/basic'  => [ 401, [ 'WWW-Authenticate' => 'Basic realm="NTLM"' ],
        'no' ],
    '/digest' => [ 401, [ 'WWW-Authenticate' =>
        'Digest realm="Negotiate, a", nonce="b"' ], 'no' ],
    '/free'   => [ 200, [], 'yes' ],
);
my $b = Gateway::Backend->http(sub {
    my $req = shift;
    my ($status, $fields, $body) = @{ $says{ $req->{path} } };
    return [ $status, [ @$fields, 'X-Conn' => $req->{conn}->number ], $body ];
});
my $prefork = Gateway::Setup::mpm() eq 'prefork';
my $s = Gateway::Test->server(vars => { B => $b }, children => 1 + $prefork,
    config => "GatewayPass /app http://\@B\@\n");
$s->allow_log(qr/AH00161/);

# Client one asks, client two asks while one is still there.
sub shared {
    my ($path, @fields) = @_;
    my ($one, $two) = ($s->client, $s->client);
    my $r = $one->get("/app$path", @fields)->response;
    my $conn = $r->header('x-conn');
    my @fresh = map { $two->get('/app/free')->response->header('x-conn') }
        1 .. 3;
    $one->close;
    return ($r, $conn, scalar grep { $_ == $conn } @fresh);
}

for my $path (qw(/ntlm /token /nego /second /list /done)) {
    my ($r, $conn, $shared) = shared($path);
    is $r->status, $says{$path}[0], "$path: the challenge is passed on";
    ok !$shared, 'the connection is not shared';
    ok $b->wait_event(what => 'end', conn => $conn, within => 1),
        'and closed with the client';
}
for my $scheme ('NTLM TlRM', 'Negotiate YII=', 'negotiate YII=',
    'ntlm TlRM') {
    my ($r, $conn, $shared) = shared('/free', "Authorization: $scheme");
    is $r->status, 200, "Authorization: $scheme";
    ok !$shared, 'the connection is not shared';
    ok $b->wait_event(what => 'end', conn => $conn, within => 1),
        'and closed with the client';
}

# What is no such challenge must not cost a connection.
SKIP: {
    skip 'children of prefork share nothing', 1
        if $prefork;
    for my $path (qw(/basic /digest)) {
        my ($r, $conn, $shared) = shared($path);
        ok $shared, "$path: an ordinary connection";
    }
    my ($r, $conn, $shared) = shared('/free', 'Authorization: Basic TlRM');
    ok $shared, 'Basic is ordinary';
}

done_testing;
