# A passing check also ends an ejection that requests have brought about, long
# before its time, and a member that comes back begins slowly. Without
# failures of requests, checks change nothing.
use Gateway::Test;

my $dir = Gateway::Test->scratch;

# Fails requests while a file of this name is there, and checks.
sub member {
    my ($name) = @_;
    return Gateway::Backend->http(sub {
        my $req = shift;
        return [ -e "$dir/$name.down" ? 503 : 200, [], '' ]
            if $req->target eq '/health';
        return 'close' if -e "$dir/$name.breaks";
        return [ 200, [], $name ];
    });
}

sub set {
    my ($file, $on) = @_;
    if ($on) {
        open my $fh, '>', "$dir/$file" or die "$file: $!";
        close $fh or die "$file: $!";
    }
    else {
        unlink "$dir/$file" or die "$file: $!";
    }
    return;
}

my %b = map { $_ => member($_) } qw(A B);
my $s = Gateway::Test->server(vars => \%b, children => 2, config => <<'EOC');
GatewayHCTemplate health hcmethod=GET hcuri=/health hcinterval=1 hcpasses=2
<Gateway balancer://quick>
    GatewayMember http://@A@ hctemplate=health retry=300
    GatewayMember http://@B@ hctemplate=health
    GatewaySet fails=1 slowstart=0
</Gateway>
GatewayPass /quick balancer://quick
<Gateway balancer://slow>
    GatewayMember http://@A@ hctemplate=health hcinterval=200ms
    GatewayMember http://@B@
    GatewaySet slowstart=60
</Gateway>
GatewayPass /slow balancer://slow
EOC

sub shares {
    my ($path, $n) = @_;
    my %n = (A => 0, B => 0);
    $n{ $s->get($path)->body }++ for 1 .. $n;
    return \%n;
}

cmp_ok shares('/slow', 20)->{A}, '>=', 8, 'both are used from the start';

# A breaks what it is asked for, though it says that it is well.
set('A.breaks', 1);
$s->expect_log(qr{GW01020: balancer://quick: http://\S+ gets no requests}, 1);
is $s->get('/quick')->status, 200, 'requests move on' for 1 .. 4;
ok $s->wait_log(qr/GW01020/), 'A is ejected, for 5 minutes';
set('A.breaks', 0);
is shares('/quick', 10)->{A}, 0, '... it gets nothing';
like $s->wait_log(qr{balancer://quick .*\[EJECTED\] --}) // '',
    qr{GET\ /health:\ status\ 200\ \(2\ passed\ in\ a\ row\)
    \ -->\ \[IN\ USE\]$}x, 'two checks later it is back';
cmp_ok shares('/quick', 20)->{A}, '>=', 8, '... with all of its share';
is scalar($s->log->grep(qr{balancer://slow})), 0, 'it never left the others';

# Down by checks, and back.
set('A.down', 1);
ok $s->wait_log(qr{balancer://slow .*\[CHECK FAILED\]$}), 'A is down';
is shares('/slow', 20)->{A}, 0, '... not used';
set('A.down', 0);
ok $s->wait_log(qr{balancer://slow .*\[CHECK FAILED\] .*\[IN USE\]$}),
    '... back';
cmp_ok shares('/slow', 40)->{A}, '<', 10, '... slowly';
$s->allow_log(qr/GW010\d\d: balancer/);
done_testing;
