# Without GatewayEventLoops the children of a fresh start have one loop per
# processor between them, rounded up, wherever StartServers is written.
use Gateway::Test;

Gateway::Test->need(mpm => ['event'], driver => ['event']);

chomp(my $cores = `getconf _NPROCESSORS_ONLN`);
my $b = Gateway::Backend->http(sub { [ 200, [], 'b' ] });

sub loops_of_a_child {
    my ($children, $more) = @_;
    my $s = Gateway::Test->server(driver => 'auto', lane => qr/./,
        modules => ['status'], vars => { B => $b }, children => $children,
        mpm_config => $more, config => <<'EOC');
<Location /server-status>
    SetHandler server-status
</Location>
GatewayPass /app http://@B@
EOC
    my $text = '';
    $s->wait_for(sub {
        $text = $s->get('/server-status?auto')->body;
        my ($helpers) = $text =~ /^GatewayHelpers: (\d+)/m;
        return $helpers && ($text =~ /^Processes: $children$/m);
    });
    my ($loops) = $text =~ /^GatewayLoops: (\d+)/m;
    $s->stop;
    return $loops / $children;
}

sub share {
    my ($children) = @_;
    my $n = int(($cores + $children - 1) / $children);
    return $n > 8 ? 8 : $n;
}

is loops_of_a_child(1, ''), share(1), 'one child';
is loops_of_a_child(2, ''), share(2), 'two share the processors';
is loops_of_a_child(1, "StartServers 2\n<IfModule mpm_event_module>\n"
    . "StartServers 1\n</IfModule>\n"), share(1), 'the last, in <IfModule>';
is loops_of_a_child(2, "GatewayEventLoops 3\n"), 3, 'a number is a number';

done_testing;
