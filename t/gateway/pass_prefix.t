# GatewayPass at server level: what a path matches, and which target the
# backend gets. The path matches whole segments; what follows it is appended
# to the path of the URL with exactly one slash where they meet, whether or
# not either of them ends in one; queries go along.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $s = Gateway::Test->server(vars => { B => $b }, config => <<'EOC');
GatewayPass /root      http://@B@
GatewayPass /rootslash http://@B@/
GatewayPass /plain     http://@B@/p
GatewayPass /urlslash  http://@B@/p/
GatewayPass /slash/    http://@B@/p
GatewayPass /both/     http://@B@/p/
GatewayPass /deep/er/  http://@B@/a/b/c
GatewayPass /query     http://@B@/q?fixed=1
GatewayPass /sp%20ace  http://@B@/s
GatewayPass "/two words" http://@B@/w
GatewayPass /runs//of  http://@B@/runs
GatewayPass /words     http://@B@/n noquery nocanon
GatewayPass /caf%C3%A9 http://@B@/coffee
EOC

my @passed = (
    # asked for, target at the backend
    ['/root', '/'],
    ['/root?a=1', '/?a=1'],
    ['/root/', '/'],
    ['/root/x', '/x'],
    ['/root/x/', '/x/'],
    ['/rootslash', '/'],
    ['/rootslash/', '/'],
    ['/rootslash/x?a=b&c', '/x?a=b&c'],
    ['/plain', '/p'],
    ['/plain?', '/p', '/p?'],
    ['/plain/', '/p/'],
    ['/plain/x', '/p/x'],
    ['/plain?x', '/p?x'],
    ['/plain/x?/../y', '/p/x?/../y'],
    ['/urlslash', '/p/'],
    ['/urlslash/', '/p/'],
    ['/urlslash/x', '/p/x'],
    ['/slash/', '/p/'],
    ['/slash/x', '/p/x'],
    ['/both/', '/p/'],
    ['/both/x/y', '/p/x/y'],
    ['/deep/er/x', '/a/b/c/x'],
    ['/query', '/q?fixed=1'],
    ['/query/x', '/q/x?fixed=1'],
    ['/query/x?y=2', '/q/x?fixed=1&y=2'],
    ['/sp%20ace/x', '/s/x'],
    ['/two%20words/x', '/w/x'],
    ['/runs/of/x', '/runs/x'],
    # noquery is about SCRIPT_FILENAME, nocanon about changed paths
    ['/words/x?y', '/n/x?y'],
    ['/words/%78', '/n/%78'],
    ['/caf%C3%A9/x', '/coffee/x'],
    ['/caf%c3%a9/x', '/coffee/x'],
    # the client's spelling of the prefix does not matter
    ['/%72oot/x', '/x'],
    ['//root//x', '/x'],
    ['/./root/x', '/x'],
    ['/y/../root/x', '/x'],
);
for (@passed) {
    my ($path, @targets) = @$_;
    my $r = $s->get($path);
    my $got = $r->status == 200 ? $r->json->{target} : $r->status;
    my ($want) = grep { $_ eq $got } @targets;
    is $got, $want // $targets[0], "$path goes to $targets[0]";
}

my @not_passed = (
    '/', '/roots', '/rootx/y', '/roo', '/slash', '/slashx', '/both', '/deep',
    '/deep/er', '/Root', '/plain.html', '/plainx', '/plain;x', '/sp',
    '/plain%2Fx',       # one segment, another one than "plain"
);
$b->clear;
for my $path (@not_passed) {
    my $r = $s->get($path);
    like $r->status, qr/\A(?:404|200|400)\z/, "$path stays here";
}
is scalar($b->requests), 0, 'the backend saw none of them';

# a rule for everything
$s = Gateway::Test->server(vars => { B => $b },
    config => "GatewayPass / http://\@B\@/all\n");
is $s->get($_->[0])->json->{target}, $_->[1], "/ takes $_->[0]"
    for ['/', '/all/'], ['/x', '/all/x'], ['/x/y?z', '/all/x/y?z'];

done_testing;
