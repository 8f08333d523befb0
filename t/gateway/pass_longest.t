# Which rule wins: the longest prefix, whatever the order of the lines and
# whether they stand at server level or in a Location; "!" wins at equal and
# at greater length; the first of equal rules; the rest never.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my @lines = (
    'GatewayPass / http://@B@/root',
    'GatewayPass /app http://@B@/app',
    "<Location /app/sub>\nGatewayPass http://\@B\@/sub\n</Location>",
    'GatewayPass /app/sub/deep http://@B@/deep',
    'GatewayPass /app/static !',
    "<Location /app/here>\nGatewayPass !\n</Location>",
    'GatewayPass /app/static/back http://@B@/back',
    'GatewayPass /docs/ http://@B@/docs',
);
my @want = (
    ['/x', '/root/x'], ['/', '/root/'], ['/application', '/root/application'],
    ['/app', '/app'], ['/app/x', '/app/x'], ['/app/subx', '/app/subx'],
    ['/app/sub', '/sub'], ['/app/sub/x', '/sub/x'],
    ['/app/sub/deep', '/deep'], ['/app/sub/deep/x', '/deep/x'],
    ['/app/static/f.txt', 'file'], ['/app/staticx', '/app/staticx'],
    ['/app/here/f.txt', 'file'], ['/app/static/back/x', '/back/x'],
    ['/docs', '/root/docs'], ['/docs/x', '/docs/x'],
);
my %docs = map { $_ => 'file' } qw(app/static/f.txt app/here/f.txt);

sub came_to {
    my ($s, $path) = @_;
    my $r = $s->get($path);
    return $r->body eq 'file' ? 'file' : $r->status if $r->status != 200
        || ($r->header('content-type') // '') ne 'application/json';
    return $r->json->{target};
}

for my $order ([ @lines ], [ reverse @lines ],
    [ @lines[3, 0, 6, 2, 7, 5, 1, 4] ]) {
    my $s = Gateway::Test->server(vars => { B => $b }, docs => \%docs,
        config => join "\n", @$order, '');
    is came_to($s, $_->[0]), $_->[1], "$_->[0]: $_->[1]" for @want;
}

# of equal rules the first, and "!" before all others
my $s = Gateway::Test->server(vars => { B => $b },
    docs => { 'a/f' => 'file', 'e/f' => 'file' }, config => <<'EOC');
GatewayPass /a http://@B@/one
GatewayPass /a !
GatewayPass /b http://@B@/one
GatewayPass /b http://@B@/two
<Location /c>
    GatewayPass http://@B@/one
</Location>
GatewayPass /c http://@B@/two
GatewayPass /d/ http://@B@/slash
GatewayPass /d http://@B@/none
GatewayPass /e !
<Location /e>
    GatewayPass http://@B@/one
</Location>
EOC
is came_to($s, '/a/f'), 'file', '"!" wins at equal length, though it is later';
is came_to($s, '/e/f'), 'file', '... also against a Location';
is came_to($s, '/b/f'), '/one/f', 'the first of two equal rules';
is came_to($s, '/c/f'), '/one/f', '... in a Location or not';
is came_to($s, '/d/f'), '/slash/f', 'a final slash makes a path longer';
is came_to($s, '/d'), '/none', '... but it does not take the path without';

# a rule that can never match is told at the start, those that can are not
my @notices = $s->log->grep(qr/\[gateway:notice\].*never/);
like "@notices", qr/GatewayPass \/b\b.*two|test\.conf:4\b/,
    'the rule that never wins is told';
is scalar(grep { /\/d\b/ } @notices), 0, 'the others are not';

done_testing;
