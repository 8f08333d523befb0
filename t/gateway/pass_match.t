# GatewayPassMatch, GatewayPass in LocationMatch and GatewayPass ~: groups fill
# path and query, percent-encoded; a URL without groups gets the whole path; a
# pattern before the winning prefix goes first, one behind it last.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $s = Gateway::Test->server(vars => { B => $b },
    docs => { 'no/f' => 'file', 'pre/no/f' => 'file' }, config => <<'EOC');
GatewayPassMatch "^/user/([0-9]+)$"      "http://@B@/show?id=$1"
GatewayPassMatch "^/group/(.*)$"         "http://@B@/g/$1"
GatewayPassMatch "^/find/(.*)$"          "http://@B@/f?what=$1&x=1"
GatewayPassMatch "^/swap/([^/]+)/(.*)$"  "http://@B@/$2/$1"
GatewayPassMatch "^/all/"                "http://@B@"
GatewayPassMatch "\.gif$"                "http://@B@/img"
GatewayPassMatch "^/zero/.*x"            "http://@B@/z?m=$0"
GatewayPassMatch "^/opt/(a)?(.*)$"       "http://@B@/o/$1-$2"
GatewayPassMatch "^/no/"                 !
GatewayPass ~    "^/tilde/(.+)$"         "http://@B@/t/$1"
GatewayPassMatch "(?i)^/case"            "http://@B@/c"

# before and behind the winning prefix
GatewayPassMatch "^/pre/no/"             !
GatewayPassMatch "^/pre/first"           "http://@B@/pattern"
GatewayPass      /pre                    "http://@B@/prefix"
GatewayPassMatch "^/pre/late"            "http://@B@/pattern"
GatewayPassMatch "^/prefixed"            "http://@B@/behind"

<LocationMatch "^/v[12]/(.*)$">
    GatewayPassMatch "http://@B@/api/$1"
</LocationMatch>
<LocationMatch "^/lm/(?<rest>.+)$">
    GatewayPass "http://@B@/named"
</LocationMatch>
<Location ~ "^/lt/(.+)$">
    GatewayPass "http://@B@/lt/$1"
</Location>
<Location "/wild/*/card">
    GatewayPass "http://@B@/w"
</Location>
EOC

my @passed = (
    ['/user/42', '/show?id=42'],
    ['/user/42?more=1', '/show?id=42&more=1'],
    ['/group/a/b', '/g/a/b'],
    ['/group/', '/g/'],
    ['/group/a?q', '/g/a?q'],
    ['/swap/a/b/c', '/b/c/a'],
    ['/all/x?y', '/all/x?y'],
    ['/some/where/a.gif', '/img/some/where/a.gif'],
    ['/zero/ax', '/z?m=/zero/ax', '/z?m=%2Fzero%2Fax'],
    ['/opt/b', '/o/-b'],
    ['/opt/ab', '/o/a-b'],
    ['/tilde/x', '/t/x'],
    ['/CASE/x', '/c/CASE/x'],
    ['/pre/first', '/pattern/pre/first'],
    ['/pre/late', '/prefix/late'],
    ['/pre/x', '/prefix/x'],
    ['/prefixed', '/behind/prefixed'],
    ['/v1/a', '/api/a'],
    ['/v2/a/b?c', '/api/a/b?c'],
    ['/lm/x', '/named/lm/x'],
    ['/lt/x', '/lt/x'],
    ['/wild/x/card', '/w/wild/x/card'],
);

# Each value is one piece of the path or of the query, whatever is in it.
push @passed, (
    ['/group/a%20b', '/g/a%20b'],
    ['/group/a%3Fb', '/g/a%3Fb'],
    ['/group/a%23b', '/g/a%23b'],
    ['/group/a%25b', '/g/a%25b'],
    ['/group/a%252fb', '/g/a%252fb'],
    ['/group/a%252Fb', '/g/a%252Fb'],
    ['/find/a%252Fb', '/f?what=a%252Fb&x=1', 400],
    ['/group/%C3%A9', '/g/%C3%A9', '/g/%c3%a9'],
    ['/find/a%26b', '/f?what=a%26b&x=1'],
    ['/find/a&x=2', '/f?what=a%26x=2&x=1', '/f?what=a%26x%3D2&x=1'],
    ['/find/a%23b', '/f?what=a%23b&x=1'],
    ['/find/a+b', '/f?what=a%2Bb&x=1'],
    ['/find/a%20b', '/f?what=a%20b&x=1'],
    ['/find/a%3Fb', '/f?what=a%3Fb&x=1', '/f?what=a?b&x=1'],
    ['/find/%25', '/f?what=%25&x=1'],
    ['/swap/@evil/x', '/x/@evil', '/x/%40evil'],
);
for (@passed) {
    my ($path, @targets) = @$_;
    my $r = $s->get($path);
    my $got = $r->status == 200 ? $r->json->{target} : $r->status;
    my ($want) = grep { $_ eq $got } @targets;
    is $got, $want // $targets[0], "$path: $targets[0]";
}

$b->clear;
is $s->get('/no/f')->body, 'file', '"!" for a pattern';
is $s->get('/pre/no/f')->body, 'file', '... that stands before a prefix';
is $s->get($_)->status, 404, "$_ stays here"
    for '/user/x', '/user/42/', '/v3/a', '/wild/card', '/x.gif.',
    '/wildx/y/card', '/wild/x/cards';

# What would end a line or a request can be in no group.
for my $bad ('%0d%0aX-Evil:%201', '%0a', '%0d', '%00', '%01', '%7f') {
    my $r = $s->get("/group/a$bad");
    my $ok = $r->status == 400 || $r->status == 404
        || $r->status == 200 && $r->json->{target} =~ /\A\/g\/a\Q$bad\E\z/i;
    ok $ok, "no $bad inside" or diag $r->status, ' ', $r->body;
}
is $_->header('x-evil'), undef, '... and no field of the client\'s making'
    for $b->requests;
is_deeply [ map { @{ $_->problems } } $b->requests ], [],
    'nothing to object to';

done_testing;
