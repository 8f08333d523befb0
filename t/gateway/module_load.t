# The module as a file: what it exports, the order in which it is loaded, what
# it needs, and how it gets along with the .load file of a package.
use Gateway::Test;

my $build = Gateway::Setup::build();
my @modules = ('mod_gateway.so',
    -f "$build/mod_gateway_balancer.so" ? 'mod_gateway_balancer.so' : ());
my $sanitized = Gateway::Setup::sanitized();

SKIP: for my $file (@modules) {
    skip 'sanitizers export names of their own', 2 if $sanitized;
    my $nm = Gateway::Client::run('nm', '-D', '--defined-only',
        "$build/$file");
    skip 'nm is not installed', 2 if $nm->{exit};
    my @names = map { (split)[-1] } split /\n/, $nm->{out};
    my ($want) = $file =~ /\Amod_(\w+)\.so\z/;
    is_deeply [ grep { !/\A_(?:init|fini)\z/ } @names ],
        [ "${want}_module" ], "$file exports its module record alone";
    my $need = Gateway::Client::run('readelf', '-d', "$build/$file");
    unlike $need->{out}, qr/R(?:UN)?PATH|TEXTREL/,
        '  and has no paths of the build in it';
}

sub starts {
    my ($what, %opt) = @_;
    my ($ok, $said) = Gateway::Test->try_start(gateway => 0,
        config => '', %opt);
    ok $ok, $what or diag $said;
    $Gateway::Server::ALL[-1]->allow_log(qr/AH01574|AH01873/);
    return $said;
}

my $load = qq{LoadModule gateway_module "$build/mod_gateway.so"\n};
my $balancer = qq{LoadModule gateway_balancer_module}
    . qq{ "$build/mod_gateway_balancer.so"\n};
my $rule = "GatewayPass /x http://127.0.0.1:9\n";
starts('mod_gateway alone', config => $load . $rule);
starts('without a directive', config => $load);
starts('twice', config => $load . $load . $rule);

# Others before and behind it.
my @others = qw(ssl rewrite alias headers proxy proxy_http);
my @have = grep { eval { Gateway::Setup::load_module($_); 1 } }
    'socache_shmcb', @others;
my $others = join '', map { Gateway::Setup::load_module($_) } @have;
starts('before mod_ssl, mod_rewrite, mod_proxy ...',
    config => $load . $others . $rule);
starts('behind them', config => $others . $load . $rule);

if (@modules > 1) {
    my $slotmem = Gateway::Setup::load_module('slotmem_shm');
    starts('both modules', config => $slotmem . $load . $balancer . $rule);
    starts('the other way round',
        config => $slotmem . $balancer . $load . $rule);
    # the balancer has nothing to work for without mod_gateway
    my ($ok, $said) = Gateway::Test->try_start(gateway => 0,
        config => $slotmem . $balancer);
    ok $ok || $said =~ /mod_gateway\b/,
        'mod_gateway_balancer alone: starts, or says what is missing';
    unlike $said, qr/undefined symbol|exit signal/, '  in plain words';
}

# The directives are unknown without the module, not misread by another.
my ($ok, $said) = Gateway::Test->configtest(gateway => 0, config => $rule);
ok !$ok, 'without the module there are no directives';
like $said, qr/GatewayPass/, '  httpd says so';

# Both proxies in one server, each with its own rules.
SKIP: {
    skip 'mod_proxy_http is not installed', 3
        unless grep { $_ eq 'proxy_http' } @have;
    my $b = Gateway::Backend->http({ '*' => sub {
        my $req = shift;
        return [ 200, [], $req->target . ' '
            . ($req->header('x-forwarded-proto') // 'none') ];
    } });
    my $s = Gateway::Test->server(modules => [qw(proxy proxy_http rewrite)],
        vars => { B => $b }, config => <<'EOC');
ProxyPass   /old http://@B@/old
GatewayPass /new http://@B@/new
EOC
    is $s->get('/old/x')->body, '/old/x none', 'mod_proxy takes its own';
    is $s->get('/new/x')->body, '/new/x http', 'mod_gateway its own';
    $s->restart('graceful');
    is $s->get('/new/x')->body, '/new/x http', 'after a restart too';
}

# Restarts unload and load the module; nothing may be left in the old place.
my $b = Gateway::Backend->http({ '*' => [ 200, [], 'hi' ] }, tls => 'server');
my $s = Gateway::Test->server(vars => { P => $b->port }, config => <<'EOC');
GatewaySSLCACertificateFile @CA@
GatewayPass / https://localhost:@P@/
EOC
for my $n (1 .. 3) {
    is $s->get('/')->status, 200, "generation $n";
    $s->restart($n % 2 ? 'graceful' : ());
}
is $s->get('/')->status, 200, 'the last one';
done_testing;
