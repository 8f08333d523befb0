# GatewayPass in Location: registered for the section's path and lost by no
# merging of sections; the directives of every matching section count for the
# routed request; contexts where it cannot work are refused.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $s = Gateway::Test->server(vars => { B => $b }, modules => ['headers'],
    config => <<'EOC');
<Location /bitbucket>
    GatewayPass        http://@B@
    GatewayPassReverse http://@B@
</Location>
<Location /bitbucket/sub>
    RequestHeader set X-Sub 1
    Header set X-Sub 1
</Location>
<Location />
    RequestHeader set X-All 1
</Location>
<LocationMatch "^/bitbucket/.*\.html$">
    RequestHeader set X-Html 1
</LocationMatch>
<Location /later>
    RequestHeader set X-Later 1
</Location>
<Location /later>
    GatewayPass http://@B@/later
</Location>
<Location /outer>
    GatewayPass http://@B@/outer
    <If "%{QUERY_STRING} == 'if'">
        RequestHeader set X-If 1
    </If>
</Location>
<Location /outer/inner>
    GatewayPass http://@B@/inner
</Location>
<Location /slash/>
    GatewayPass http://@B@/slash/
</Location>
EOC

sub seen {
    my ($path) = @_;
    my $r = $s->get($path);
    return "$path: " . $r->status if $r->status != 200;
    my $seen = $r->json;
    my @x = sort map { lc $_->[0] } grep { $_->[0] =~ /\Ax-(?!forwarded)/i }
        @{ $seen->{headers} };
    return join ' ', $seen->{target}, @x;
}

is seen('/bitbucket'), '/ x-all', 'the path itself';
is seen('/bitbucket/x'), '/x x-all', 'below';
is seen('/bitbucket/sub/x'), '/sub/x x-all x-sub',
    'a section below it, without a rule, takes nothing away';
is seen('/bitbucket/sub/x.html'), '/sub/x.html x-all x-html x-sub',
    'patterns too';
is seen('/later/x'), '/later/x x-all x-later', 'two sections for one path';
is seen('/outer/x'), '/outer/x x-all', 'If that is false';
is seen('/outer/x?if'), '/outer/x?if x-all x-if', 'If that is true';
is seen('/outer/inner/x'), '/inner/x x-all', 'the inner section';
is seen('/slash/x'), '/slash/x x-all', 'with a slash at its end';
is $s->get('/slash')->status, 404, '... not without';
is $s->get('/bitbucketx')->status, 404, 'whole segments';
is $s->get('/bitbucket/sub/x')->header('x-sub'), 1, 'responses as well';

my @bad = (
    ["<Location /x>\n<If true>\nGatewayPass http://b\n</If>\n</Location>", 3,
        'not allowed in <If>'],
    ["<Directory />\nGatewayPass http://b\n</Directory>", 2, ''],
    ["<Files x>\nGatewayPass http://b\n</Files>", 2, ''],
    ["<Location /x>\nGatewayPass /x http://b\n</Location>", 2, ''],
    ["<Location /x>\nGatewayPass http://b\nGatewayPass http://c\n"
        . '</Location>', 3, ''],
    ["<Location /x>\n<Limit GET>\nGatewayPass http://b\n</Limit>\n"
        . '</Location>', 3, ''],
);
if (Gateway::Setup::mpm() eq 'event') {     # the same under every MPM
    for (@bad) {
        my ($config, $line, $text) = @$_;
        my ($ok, $said) = Gateway::Test->configtest(config => "$config\n");
        ok !$ok, $config =~ s/\n/ /gr;
        like $said, qr/line $line of \S+test\.conf:.*?\Q$text\E/s,
            "... line $line";
    }
}

done_testing;
