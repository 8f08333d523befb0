# mod_rewrite and the gateway: rules of the server run before it, as with
# mod_proxy: [PT] changes the path that is routed, [R] and [F] answer, a file
# is served. What a rewrite changed is encoded once; control bytes, a %252F
# that is no longer the client's and dot segments end as 400. Per-directory
# rules in Location cannot lead a routed request elsewhere, but may refuse it.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $s = Gateway::Test->server(
    modules => [qw(rewrite alias)], vars => { B => $b },
    docs => { 'local.txt' => 'a file' }, config => <<'EOC');
RewriteEngine On
RewriteRule ^/old/(.*)$       /app/new/$1 [PT]
RewriteRule ^/oldb/(.*)$      /app/new/$1 [PT,B]
RewriteRule ^/app/away$       http://elsewhere.example/ [R=302,L]
RewriteRule ^/app/forbidden   - [F]
RewriteRule ^/app/file$       @DOCROOT@/local.txt [L]
RewriteRule ^/app/swap/(.*)$  /app/swapped/$1?added=1 [PT,QSA]
RewriteRule ^/app/q$          /app/%{QUERY_STRING} [PT,QSD]
RewriteRule ^/app/env         - [E=SEEN:yes]
RewriteRule ^/up/(.*)$        /app/sub/../$1 [PT]
GatewayPass /app http://@B@/base
<Location /app/loc>
    RewriteEngine On
    RewriteRule /loc/no - [F]
    RewriteRule . /local.txt [L]
</Location>
EOC

sub target {
    my ($path) = @_;
    my $r = $s->get($path);
    return $r->status if $r->status != 200;
    return $r->body eq 'a file' ? 'file' : $r->json->{target};
}

for (['/old/x', '/base/new/x'],
    ['/old/x?y=1', '/base/new/x?y=1'],
    ['/old/a%20b', '/base/new/a%20b'],
    ['/old/a%3Fb', 403],            # a guard of mod_rewrite's own
    ['/oldb/a%20b', '/base/new/a+b'],
    ['/old/%C3%A9', '/base/new/%C3%A9'],
    ['/app/swap/x', '/base/swapped/x?added=1'],
    ['/app/swap/x?y', '/base/swapped/x?added=1&y'],
    ['/app/env/x%2520', '/base/env/x%2520'],
    ['/app/away', 302], ['/app/forbidden', 403], ['/app/file', 'file'],
    ['/app/plain/a%2Fb', '/base/plain/a%2Fb'],
    ['/app/plain/a%252Fb', '/base/plain/a%252Fb'],
    ['/app/loc/x', '/base/loc/x'],
    ['/app/loc/no', 403]) {
    my ($path, @targets) = @$_;
    my $got = target($path);
    my ($want) = grep { $_ eq $got } @targets;
    is $got, $want // $targets[0], "$path: $targets[0]";
}

# a rewritten path goes to the backend exactly as it was checked, or not
for (['/old/a%252Fb', qr/^400$/],
    ['/old/a%0ab', qr/^(?:400|404|403)$/],
    ['/old/a%0d%0aX-Evil:1', qr/^(?:400|404|403)$/],
    ['/app/q?a%0d%0aX-Evil:%201', qr{^(?:400|403|404|/base/a%25?0d%25?0a.*)$}],
    ['/app/q?../../up', qr{^(?:400|403|404)$}],
    ['/app/q?%2e%2e/x', qr{^(?:400|403|404|/base/%252e%252e/x)$}],
    ['/app/q?a%20b%3fc', qr{^(?:400|403|404|/base/a%25?20b%25?3fc)$}],
    ['/up/x', qr{^(?:/base/x|400)$}],
) {
    my ($path, $re) = @$_;
    $b->clear;
    my $got = target($path);
    like $got, $re, "$path: $got";
    is $_->header('x-evil'), undef, '... no field of the client\'s making'
        for $b->requests;
    unlike join(' ', map { $_->target } $b->requests),
        qr{(?:^|/)\.\.?(?:/|$)}, '... and no dot segment';
}
is_deeply [ map { @{ $_->problems } } $b->requests ], [],
    'nothing to object to';
$s->allow_log(qr/AH10411|AH10410|AH10508/);    # mod_rewrite's own guards

done_testing;
