# Access control is the same on an adopted connection: Require ip, all denied,
# expr and env, basic authentication (401, 200, 403 for a user without the
# right), for each request anew, by the path that is decoded and merged; and
# nothing that is refused reaches the backend.
use Gateway::Test;
use Gateway::Both;
use MIME::Base64 ();

my $dir = Gateway::Test->scratch;
open my $fh, '>', "$dir/users" or die $!;
# "secret" and "other", by crypt
print {$fh} "ann:", crypt('secret', 'ab'), "\nbob:", crypt('other', 'cd'),
    "\n";
close $fh or die $!;
my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    return [ 200, [], $req->target . ' ' . ($req->header('x-user') // '-') ];
} });
my $both = Gateway::Both->new(modules => [qw(authn_core authn_file authz_user
    authz_host auth_basic headers setenvif)],
    vars => { B => $b, USERS => "$dir/users" }, config => <<'EOC');
GatewayPass /app http://@B@
<Location /app/local>
    Require ip 127.0.0.1
</Location>
<Location /app/remote>
    Require ip 192.0.2.1
</Location>
<Location /app/never>
    Require all denied
</Location>
SetEnvIf X-Key "^open$" key
<Location /app/env>
    Require env key
</Location>
<Location /app/expr>
    Require expr "%{REQUEST_METHOD} == 'GET' && %{HTTP:X-Key} == 'open'"
</Location>
<Location /app/auth>
    AuthType Basic
    AuthName "the realm"
    AuthUserFile "@USERS@"
    Require valid-user
    RequestHeader set X-User expr=%{REMOTE_USER}
</Location>
<Location /app/auth/ann>
    Require user ann
</Location>
EOC
$both->expect_log(qr/AH01630|AH01797/);       # denied by server configuration
$both->expect_log(qr/AH01617/);               # password mismatch
$both->expect_log(qr/AH01618/);               # user not found
$both->expect_log(qr/AH01631/);               # authorization failure
$both->on->expect_lane(qr/\Ahelper \(auth\)\z/);

sub who { return 'Authorization: Basic '
    . MIME::Base64::encode_base64("$_[0]", '') }

my @CASES = (
    [ 'no rule', '/app/free', [], 200 ],
    [ 'Require ip, mine', '/app/local/x', [], 200 ],
    [ 'Require ip, another', '/app/remote/x', [], 403 ],
    [ 'denied to all', '/app/never/x', [], 403 ],
    [ 'an encoded letter', '/app/n%65ver/x', [], 403 ],
    [ 'a doubled slash', '/app//never/x', [], 403 ],
    [ 'a dot segment', '/app/x/../never/y', [], 403 ],
    [ 'Require env, unset', '/app/env', [], 403 ],
    [ 'Require env, set', '/app/env', ['X-Key: open'], 200 ],
    [ 'Require env, unset again', '/app/env', [], 403 ],
    [ 'Require expr, no', '/app/expr', [], 403 ],
    [ 'Require expr, yes', '/app/expr', ['X-Key: open'], 200 ],
    [ 'no credentials', '/app/auth/x', [], 401 ],
    [ 'credentials', '/app/auth/x', [ who('ann:secret') ], 200 ],
    [ 'no credentials after credentials', '/app/auth/x', [], 401 ],
    [ 'a wrong password', '/app/auth/x', [ who('ann:wrong') ], 401 ],
    [ 'nobody of that name', '/app/auth/x', [ who('eve:secret') ], 401 ],
    [ 'a user who must not', '/app/auth/ann/x', [ who('bob:other') ], 401 ],
    [ 'one who may', '/app/auth/ann/x', [ who('ann:secret') ], 200 ],
    [ 'an encoded path, no credentials', '/app/a%75th/x', [], 401 ],
    [ 'open again', '/app/free', [], 200 ],
);
for my $case (@CASES) {
    my ($name, $target, $lines, $status) = @$case;
    $b->clear;
    $both->same($name, sub {
        my ($s) = @_;
        my $r = $s->get($target, 'Host: front.example', @$lines);
        my $plain = plain($s, $r);
        is $r->status, $status, "$name: $status";
        return $plain;
    });
    is scalar(my @asked = $b->requests), $status == 200 ? 2 : 0,
        "$name: what the backend was asked";
}

# What came before the refusal has no influence on what follows, also when all
# of it comes at once.
$both->same('all in one write', sub {
    my ($s) = @_;
    my $c = $s->client;
    $c->send(join '', map { "GET $_->[0] HTTP/1.1\r\nHost: a\r\n"
        . ($_->[1] ? "$_->[1]\r\n" : '') . "\r\n" }
        [ '/app/auth/1', who('ann:secret') ], [ '/app/auth/2' ],
        [ '/app/free/3' ], [ '/app/never/4' ],
        [ '/app/auth/5', who('bob:no') ],
        [ '/app/auth/6', who('bob:other') ], [ '/app/free/7' ]);
    my @got = map { my $r = $c->response; $r->status . ($r->status == 200
        ? ' ' . $r->body : '') } 1 .. 7;
    $c->close;
    return \@got;
}, [ '200 /auth/1 ann', 401, '200 /free/3 -', 403, 401, '200 /auth/6 bob',
    '200 /free/7 -' ]);

# A POST that is refused: its body does not become a request.
$both->same('a refused body', sub {
    my ($s) = @_;
    my $c = $s->client;
    $c->post('/app/never',
        "GET /app/free/smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    my @got = $c->response->status;
    $c->get('/app/free/next');
    my $next = $c->response;
    push @got, $next->status ? $next->body : 'closed';
    $c->close;
    return \@got;
}, [ 403, '/free/next -' ]);

done_testing;
