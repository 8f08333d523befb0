# Authentication by httpd before a routed request: mod_auth_basic in Location
# and in a Gateway section, REMOTE_USER for the backend by mod_headers' expr
# and in the access log, Authorization passed on as it is; a request without
# credentials never reaches the backend.
use Gateway::Test;
use MIME::Base64 ();

my $b = Gateway::Backend->http({});
my $s = Gateway::Test->server(
    modules => [qw(authn_core authn_file authz_user auth_basic headers)],
    vars => { B => $b },
    docs => { '../users' => "ann:{SHA}" . sha('secret') . "\n" },
    config => <<'EOC');
<Location /loc>
    AuthType Basic
    AuthName "here"
    AuthBasicProvider file
    AuthUserFile "@ROOT@/users"
    Require valid-user
    GatewayPass http://@B@/loc
    RequestHeader set X-User "expr=%{REMOTE_USER}"
    RequestHeader unset Authorization "expr=-n req('X-Drop')"
</Location>
GatewayPass /sec http://@B@/sec
<Gateway "http://@B@/sec">
    AuthType Basic
    AuthName "there"
    AuthBasicProvider file
    AuthUserFile "@ROOT@/users"
    Require user ann
</Gateway>
EOC

sub sha {
    require Digest::SHA;
    return MIME::Base64::encode_base64(Digest::SHA::sha1($_[0]), '');
}

my $good = 'Authorization: Basic '
    . MIME::Base64::encode_base64('ann:secret', '');
my $bad = 'Authorization: Basic '
    . MIME::Base64::encode_base64('ann:wrong', '');

for my $path ('/loc/x', '/sec/x') {
    $b->clear;
    my $r = $s->get($path);
    is $r->status, 401, "$path without credentials";
    like $r->header('www-authenticate'), qr/^Basic realm="t?here"/, '... asks';
    is $s->get($path, $bad)->status, 401, '... with wrong ones';
    is $s->post($path, 'body')->status, 401, '... a POST';
    is $b->connections, 0, '... and the backend saw none';
    $r = $s->get($path, $good);
    is $r->status, 200, '... with right ones';
    my ($req) = $b->requests;
    is $req->header('authorization'), $good =~ s/^Authorization: //r,
        '... which are passed on';
}
is(($s->get('/loc/x', $good)->json->{headers} // [])
    && (grep { $_->[0] eq 'X-User' } @{ $s->get('/loc/x', $good)
        ->json->{headers} })[0][1], 'ann', 'REMOTE_USER for the backend');
$b->clear;
$s->get('/loc/x', $good, 'X-Drop: 1', 'X-User: root');
my ($req) = $b->requests;
is $req->header('authorization'), undef, 'mod_headers can drop them';
is_deeply [ $req->all('x-user') ], ['ann'], '... and what the client claims';
$s->expect_log(qr/AH01617.*Password Mismatch/, 2);

done_testing;
