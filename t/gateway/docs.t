# docs/directives.md against the module: every directive and parameter is
# described, and no other; contexts are as described; every example is a valid
# configuration; every name that is said not to be built yet says so itself.
use Gateway::Test;
use Gateway::Setup ();

# configurations are read the same way under every MPM
Gateway::Test->need(mpm => ['event']);

my $root = Gateway::Setup::root();
my $docs = slurp("$root/docs/directives.md");
my ($built, $later) = split /^## Names that are not built yet\n/m, $docs;
my ($directives, $parameters) = split /^## Parameters\n/m, $built;
($parameters, my ($of_members, $of_balancers)) =
    split /^## Parameters of \w+\n/m, $parameters;

sub slurp {
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}

# { name => text of its part }, in lower case
sub parts {
    my ($text) = @_;
    my (undef, @parts) = split /^### (.*)\n/m, $text;
    my %parts = @parts;
    s/^## .*//ms for values %parts;     # a part ends at the next chapter too
    return \%parts;
}

sub unescape {
    my ($text) = @_;
    $text =~ s/&lt;/</g;
    $text =~ s/&gt;/>/g;
    $text =~ s/\\\|/|/g;
    return $text;
}

# { name => what to do instead } of the table of a part
sub table {
    my ($text) = @_;
    return { map { /^\| `(.*?)` \| (.*) \|$/ ? ($1, unescape($2)) : () }
        split /\n/, $text };
}

my %directive = %{ parts($directives) };
my %parameter = %{ parts($parameters) };
my %member    = %{ parts($of_members) };
my %balancer  = %{ parts($of_balancers) };
my $not = parts($later);
my %not_directive = %{ table($not->{Directives}) };
my %not_parameter = %{ table($not->{'Parameters of rules and sections'}) };
my %not_scheme    = %{ table($not->{Schemes}) };

# --- the names ---------------------------------------------------------------

# What mod_info says: { name => help } of the command tables.
sub command_table {
    my $server = Gateway::Test->server(modules => ['info'],
        config => "<Location /info>\nSetHandler server-info\n</Location>\n");
    my %table;
    for my $module (qw(mod_gateway.c mod_gateway_balancer.c)) {
        my (undef, $listed) = split /Module Directives:/,
            $server->get("/info?$module")->body;
        $table{ unescape($1) } = $2
            while ($listed // '') =~ m{<tt>(\S+) - <i>(.*?)</i></tt>}g;
    }
    return %table;
}

my %command = command_table();
cmp_ok scalar keys %command, '>', 50, 'mod_info lists the directives';
my %is_later = map { $_ => scalar($command{$_} =~ /not built yet/) }
    keys %command;
is_deeply [ sort keys %directive ], [ sort grep { !$is_later{$_} }
    keys %is_later ], 'every directive is described, and no other';
is_deeply [ sort keys %not_directive ], [ sort grep { $is_later{$_} }
    keys %is_later ], 'every name that is not built yet is listed';

my (undef, $unknown) = Gateway::Test->configtest(config =>
    "GatewayPass /x http://b nosuchkey=1\n");
my ($list) = $unknown =~ /is no parameter: there are (.*)/;
is_deeply [ sort keys %parameter ], [ sort split /, /, $list // '' ],
    'every parameter is described, and no other';

(undef, $unknown) = Gateway::Test->configtest(config =>
    "GatewayMember balancer://b http://b nosuchkey=1\n");
($list) = $unknown =~ /is no parameter of a member: there are (.*), and/;
is_deeply [ sort keys %member ], [ sort split /, /, $list // '' ],
    'every parameter of members is described, and no other';
(undef, $unknown) = Gateway::Test->configtest(config =>
    "GatewaySet balancer://b nosuchkey=1\n");
($list) = $unknown =~ /is no parameter of a balancer: there are (.*)/;
is_deeply [ sort keys %balancer, 'retry=', 'slowstart=' ],
    [ sort split /, /, $list // '' ],
    'every parameter of balancers is described, and no other';

# --- what each part must have ------------------------------------------------

my @described = map { my $of = $_; map { [ $_, $of->{$_} ] } sort keys %$of }
    \(%directive, %parameter, %member, %balancer);
for (@described) {
    my ($name, $text) = @$_;
    my @want = ('Syntax', 'Default', $directive{$name} ? 'Context' : ());
    my @missing = grep { $text !~ /^- $_: \S/m } @want;
    is "@missing", '', "$name has @want";
    my (@example) = $text =~ /^```apache\n(.*?)^```/msg;
    my $bare = $name =~ s/[<>=]//gr;
    ok scalar(grep { /\b\Q$bare\E\b/ } @example), '... and an example';
    for my $example (@example) {
        my ($ok, $said) = Gateway::Test->configtest(config => $example,
            modules => ['authz_host'], ssl => 1);
        ok $ok, '... that httpd accepts' or diag "$example$said";
    }
}

# --- contexts ----------------------------------------------------------------

my %open = (
    server => [ '', '' ],
    Location => [ '<Location "/x">', '</Location>' ],
    LocationMatch => [ '<LocationMatch "^/x">', '</LocationMatch>' ],
    Gateway => [ '<Gateway "https://b">', '</Gateway>' ],
    If => [ "<Location /x>\n<If \"true\">", "</If>\n</Location>" ],
    Directory => [ '<Directory "/">', '</Directory>' ],
    Files => [ '<Files "x">', '</Files>' ],
);
my $url = 'http://b';
my %use = (
    GatewayPass => [ "/x $url", $url ],
    GatewayPassMatch => [ "^/x $url", $url ],
    GatewayPassReverse => [ "/x $url", $url, "/x $url" ],
    GatewayPreserveHost => ['On'],
    GatewayAddHeaders => ['Off'],
    GatewayUnsafePath => ['allow'],
    GatewayTimeout => ['5'],
    GatewayMaxInFlight => ['50%'],
    GatewayIgnoreClientAbort => ['On'],
    GatewayEvent => ['Helper'],
    GatewayEventLoops => ['auto'],
    GatewayHelpers => ['8'],
    GatewayPassOrder => ['file'],
    GatewaySet => [ 'https://b ttl=5', 'ttl=5' ],
    GatewaySSLVerify => ['require'],
    GatewaySSLCACertificateFile => ['@CA@'],
    GatewaySSLCACertificatePath => ['@CERTS@'],
    '<Gateway>' => [''],
    GatewayMember => [ 'balancer://b http://m', 'http://m' ],
    GatewayBalancerGrowth => ['5'],
    GatewayBalancerPersist => ['On'],
    GatewayBalancerInherit => ['Off'],
    GatewayHCExpr => ['ok {true}'],
    GatewayHCTemplate => ['x hcmethod=TCP'],
    GatewayHCTPsize => ['5'],
);

# The line that uses a directive: its arguments at server level, in a section
# with a path, in one with a pattern.
sub usage {
    my ($name, $where) = @_;
    return "<Gateway https://c>\n</Gateway>" if $name eq '<Gateway>';
    my @args = @{ $use{$name} };
    my $at = $where eq 'server' ? 0 : $where eq 'LocationMatch' ? 2 : 1;
    return "$name " . $args[ $at < @args ? $at : $#args ];
}

for my $name (sort keys %directive) {
    my ($contexts) = $directive{$name} =~ /^- Context: (.*)/m;
    my %allowed = map { $_ => 1 } split /, /, $contexts // '';
    my @wrong;
    for my $where (sort keys %open) {
        my ($before, $after) = @{ $open{$where} };
        $before =~ s{https://b}{balancer://b} if $name eq 'GatewayMember';
        my $rule = $name eq 'GatewaySet' ? 'GatewayPass / https://b' : '';
        my ($ok, $said) = Gateway::Test->configtest(ssl => 1,
            config => join "\n", $before, usage($name, $where), $after,
            $rule, '');
        push @wrong, "$where: $said" if !$ok != !$allowed{$where};
        push @wrong, "$where: $said" if !$ok && $said
            !~ /is not allowed in|needs a pattern/;
    }
    is "@wrong", '', "$name: contexts as described";
}

# --- names that are not built yet --------------------------------------------

sub refused {
    my ($config, $name, $instead) = @_;
    my ($ok, $said) = Gateway::Test->configtest(config => $config);
    like $said, qr{line\ 1\ of\ \S+test\.conf:\n
        \Q$name is not built yet: $instead\E$}mx, "$name: as the page says";
    return;
}

for my $name (sort keys %not_directive) {
    my $line = $name =~ /^<(.*)>/ ? "<$1 x>\n</$1>\n" : "$name on\n";
    refused($line, $name, $not_directive{$name});
}
refused("GatewayPass /x http://b ${_}1\n", $_, $not_parameter{$_})
    for sort keys %not_parameter;
refused("GatewayPass /x ${_}b\n", $_, $not_scheme{$_})
    for sort keys %not_scheme;
# what a single backend has no use for says where it belongs
sub is_elsewhere {
    my ($key, $where) = @_;
    return if $parameter{$key};
    my ($ok, $said) = Gateway::Test->configtest(
        config => "GatewayPass /x http://b ${key}1\n");
    like $said, qr{line\ 1\ of\ \S+test\.conf:\n\Q$key $where\E}x,
        "$key belongs elsewhere";
    return;
}
is_elsewhere($_, 'is a parameter of GatewayMember') for sort keys %member;
is_elsewhere($_, 'is a parameter of balancers')
    for sort grep { !$member{$_} } keys %balancer;
my $keys_c = slurp("$root/gateway/conf/gw_keys.c");
my ($keys_later) = $keys_c =~ /^\} keys_later\[\] = \{\n(.*?)^\};/ms;
is_deeply [ sort keys %not_parameter ],
    [ sort map { "$_=" } $keys_later =~ /\{ "(\w+)",/g ],
    'every parameter that is not built yet is listed';
my ($schemes) = slurp("$root/gateway/conf/gw_target.c")
    =~ /^\} schemes_later\[\] = \{\n(.*?)^\};/ms;
is_deeply [ sort keys %not_scheme ],
    [ sort map { "$_://" } $schemes =~ /\{ "(\w+)",/g ],
    'every scheme that is not built yet is listed';

done_testing;
