# Without GatewayEventLoops the children of a fresh start have one loop per
# processor between them, rounded up, wherever StartServers is written.
use Gateway::Test;

Gateway::Test->need(mpm => ['event'], driver => ['event']);

chomp(my $cores = `getconf _NPROCESSORS_ONLN`);
my $b = Gateway::Backend->http(sub { [ 200, [], 'b' ] });

# All loops, when all children have begun.
sub loops {
    my ($want, $children, $more) = @_;
    my $s = Gateway::Test->server(driver => 'auto', lane => qr/./,
        modules => ['status'], vars => { B => $b }, children => $children,
        mpm_config => $more // '', config => <<'EOC');
<Location /server-status>
    SetHandler server-status
</Location>
GatewayPass /app http://@B@
EOC
    my $loops = 0;
    $s->wait_for(sub {
        ($loops) = $s->get('/server-status?auto')->body
            =~ /^GatewayLoops: (\d+)/m;
        return $loops == $want;
    });
    $s->stop;
    return $loops;
}

sub share {
    my ($children) = @_;
    my $n = int(($cores + $children - 1) / $children);
    return $n > 8 ? 8 : $n;
}

for ([ 1, 'one child' ], [ 2, 'two share the processors' ]) {
    my ($children, $name) = @$_;
    my $want = $children * share($children);
    is loops($want, $children), $want, $name;
}
my $more = "StartServers 2\n<IfModule mpm_event_module>\nStartServers 1\n"
    . "</IfModule>\n";
is loops(share(1), 1, $more), share(1), 'the last, in <IfModule>';
is loops(6, 2, "GatewayEventLoops 3\n"), 6, 'a number is a number';

done_testing;
