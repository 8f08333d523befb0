# mod_cache_disk in front of a routed request, quick handler on and off: a
# fresh response is not asked for again, a stale one is validated with the
# backend, private ones are not kept, and access control stays in force with
# CacheQuickHandler Off.
use Gateway::Test;

my $b = Gateway::Backend->http(sub {
    my ($req) = @_;
    my $n = $req->{seq};
    return [ 200, [ 'Cache-Control' => 'max-age=600' ], "answer $n" ]
        if $req->{path} =~ m{/fresh};
    return [ 200, [ 'Cache-Control' => 'private, max-age=600' ], "$n" ]
        if $req->{path} =~ m{/private};
    return [ 304, [ ETag => '"v1"', 'Cache-Control' => 'max-age=0' ], '' ]
        if ($req->header('if-none-match') // '') =~ /"v1"/;
    return [ 200, [ ETag => '"v1"', 'Cache-Control' => 'max-age=0' ],
        "answer $n" ];
});
for my $quick ('On', 'Off') {
    my $s = Gateway::Test->server(lane => qr{\Ablocking \(filter},
        modules => [qw(cache cache_disk)],
        vars => { B => $b, QUICK => $quick }, docs => { '../cache/x' => '' },
        config => <<'EOC');
GatewayPass /app http://@B@
CacheRoot "@ROOT@/cache"
CacheEnable disk /app
CacheQuickHandler @QUICK@
CacheHeader On
<Location /app/denied>
    Require all denied
</Location>
EOC
    my $user = Gateway::Setup::user();
    if ($user) {
        my (undef, undef, $uid, $gid) = getpwnam $user;
        chown $uid, $gid, $s->root . '/cache';
    }
    $b->clear;
    my $first = $s->get('/app/fresh');
    is $first->status, 200, "quick handler $quick";
    is $s->get('/app/fresh')->body, $first->body, 'from the cache';
    is $s->get('/app/fresh')->header('x-cache') =~ /^HIT/, 1, '... as it says';
    is scalar($b->requests), 1, '... the backend was asked once';
    isnt $s->get('/app/private')->body, $s->get('/app/private')->body,
        'private: asked again';
    $first = $s->get('/app/stale');
    my $r = $s->get('/app/stale');
    is $r->body, $first->body, 'stale: the stored body';
    is(($b->requests)[-1]->header('if-none-match'), '"v1"',
        '... after the backend was asked whether it is good');
    is $s->get('/app/denied/fresh')->status, 403, 'access control';
    $s->expect_log(qr/AH01630/, 1);
}

done_testing;
