# The path on its way: the client's own bytes where they decode to exactly the
# path that was checked, else one canonical form; %2F stays what it is, %252F
# is never decoded further; control bytes and malformed escapes are 400, hidden
# dot segments too unless GatewayUnsafePath allows them; nocanon; AllowEncoded-
# Slashes and MergeSlashes do not matter to a routed request's bytes.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $s = Gateway::Test->server(vars => { B => $b }, config => <<'EOC');
GatewayPass /app   http://@B@
GatewayPass /nc    http://@B@/ nocanon
<Location /loose>
    GatewayPass       http://@B@/loose
    GatewayUnsafePath allow
</Location>
<Location /loose/strict>
    GatewayUnsafePath deny
</Location>
EOC

my $all = join '', map { chr } 0x21 .. 0x7e;
$all =~ s/[#?%\/\\;"<>\[\]^`{|}]//g;
my @same = (
    $all, 'a%20b', 'a+b', '%41', '%7E', '%7e', 'a%2Fb', 'a%2fb', 'a%252Fb',
    'a%252fb', 'a%25', 'a%2525', 'a%3Fb', 'a%23b', 'a%3Bb', 'a;b=c', 'a;',
    '%C3%A9', '%c3%a9', '%FF', 'a%5Cb', 'a%26b', 'a=b&c', 'a@b:c',
    'a%22%3C%3E', '..%2Fx' x 0 . 'a', 'a..b', '...', '.a', 'a/', 'a%2F',
    '%25zz', 'a%3D', "it's", '(a)', 'a,b', 'a*b', '$a', '!a', 'x' x 4000,
);
for my $path (@same) {
    for my $rule ('app', 'nc') {
        my $r = $s->get("/$rule/$path?q=%2f..%2f&%zz");
        my $got = $r->status == 200 ? $r->json->{target} : $r->status;
        is $got, "/$path?q=%2f..%2f&%zz", "/$rule/" . substr $path, 0, 90;
    }
}

# what is no path comes in a canonical form or not at all
my @changed = (
    ['a"b', '/a%22b', 400], ['a<b>', '/a%3Cb%3E', 400],
    ['a{b}|c^`', '/a%7Bb%7D%7Cc%5E%60', 400], ['a[0]', '/a%5B0%5D', '/a[0]'],
    ["\xc3\xa9", '/%C3%A9', 400],
    ['b/../c', '/c'], ['b/./c', '/b/c'], ['b//c', '/b/c'], ['/c', '/c'],
    ['b/%2e%2e/c', '/c'], ['b/.%2E/c', '/c'], ['b/%2e/c', '/b/c'],
    ['b/../a%252Fb', 400], ['/a%252fb', 400], ['./%252F', 400],
    ['b/..', '/'], ['b/.', '/b/'], ['%2e/a%20b', '/a%20b'],
);
for (@changed) {
    my ($path, @targets) = @$_;
    my $r = $s->get("/app/$path");
    my $got = $r->status == 200 ? $r->json->{target} : $r->status;
    my ($want) = grep { $_ eq $got } @targets;
    is $got, $want // $targets[0], "/app/$path";
    $r = $s->get("/nc/$path");
    $got = $r->status == 200 ? $r->json->{target} : $r->status;
    ($want) = grep { $_ eq $got } @targets, 400;
    is $got, $want // 400, "... nocanon: $got";
}

my @bad = ('%00', 'a%00b', '%0d', 'a%0a', '%01', '%1f', '%7f', '%', '%2',
    '%zz', 'a%g0', '%2zz');
my @unsafe = ('..%2Fx', 'b/..%2f..%2fx', '%2e%2e%2fx', '..%5Cx', '..\\x',
    'b\\..\\x', '..;/x', '..;a=b/x', 'b/..;', '.;/x', '%2e%2e;x/y',
    '.%2Fx', 'b%2F..%2Fx', 'b%2f..', 'b%5c..%5cc', '..%5c', '%2e%2e%5cx');
$b->clear;
for my $path (@bad, @unsafe) {
    is $s->get("/app/$path")->status, 400, "/app/$path is refused";
}
is scalar($b->requests), 0, 'the backend saw none of them';
$s->expect_log(qr/GW\d+.*GatewayUnsafePath/);
$s->allow_log(qr/AH10244|AH00026|AH10508/);

# outside of a rule's prefix nothing of it counts
like $s->get('/..%2Fapp/x')->status, qr/^40[04]$/, 'not at the top either';

for my $path (@unsafe) {
    my $r = $s->get("/loose/$path");
    my $got = $r->status == 200 ? $r->json->{target} : $r->status;
    my $want = $path =~ s{\\}{%5C}gr;
    is $got, "/loose/$want", "/loose/$path is allowed there";
}
is $s->get("/loose/$_")->status, 400, "/loose/$_ never is" for @bad;
is $s->get("/loose/$_")->status, 400, "/loose/$_ is denied again"
    for 'strict/..%2fx', '%73trict/..%2fx', './strict/..;/x',
    '/strict/..%5cx', 'x/%2e%2e/strict/..%2fx';

# core's own switches about paths
$s = Gateway::Test->server(vars => { B => $b }, ports => ['ON', 'MERGE'],
    config => <<'EOC');
Listen 127.0.0.1:@ON@
Listen 127.0.0.1:@MERGE@
<VirtualHost *:@ON@>
    AllowEncodedSlashes On
    GatewayPass /app http://@B@
</VirtualHost>
<VirtualHost *:@MERGE@>
    AllowEncodedSlashes NoDecode
    MergeSlashes Off
    GatewayPass /app http://@B@
</VirtualHost>
EOC
for my $port ('ON', 'MERGE') {
    for (['/app/a%2Fb', '/a%2Fb'], ['/app/a%252Fb', '/a%252Fb'],
        ['/app/a%2fb/c%20d', '/a%2fb/c%20d'],
        ['/app/..%2Fb', 400]) {
        my ($path, $target) = @$_;
        my $r = $s->request('GET', $path, [], undef, port => $s->port($port));
        is $r->status == 200 ? $r->json->{target} : $r->status, $target,
            "$port: $path";
    }
}
is $s->request('GET', '/app/a//b', [], undef, port => $s->port('MERGE'))
    ->json->{target}, '/a//b', 'MergeSlashes Off: runs of slashes stay';
$s->allow_log(qr/GW\d+/);

# absolute-form: the authority is not part of the path
my $r = $s->raw("GET http://localhost/app/a%20b?c HTTP/1.1\r\n"
    . "Host: localhost\r\nConnection: close\r\n\r\n", port => $s->port('ON'));
is $r->json->{target}, '/a%20b?c', 'absolute-form';

done_testing;
