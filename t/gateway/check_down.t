# A member that fails its checks gets no requests and comes back when it
# passes them, in a row, in all children, with one log line for each change:
# statuses, refused connections, an answer that does not come, a body that does
# not end, a certificate that is not believed.
use Gateway::Test;
use Time::HiRes qw(time);

my $dir = Gateway::Test->scratch;

# Answers checks as the file MEMBER.health says.
sub member {
    my ($name, %opt) = @_;
    return Gateway::Backend->http(sub {
        my $req = shift;
        return [ 200, [], $name ] if $req->target ne '/health';
        my $how = slurp("$dir/$name.health") || 200;
        if ($how eq 'hang') {
            $req->{conn}->silent(30);
            return 'close';
        }
        return 'close' if $how eq 'reset';
        $how = $req->{seq} % $1 ? 503 : 200 if $how =~ /^one of (\d)/;
        return [ 200, [ 'Content-Length' => 9 ], 'cut' ] if $how eq 'cut';
        return [ $how, [], $how ];
    }, %opt);
}

sub slurp {
    my ($file) = @_;
    open my $fh, '<', $file or return '';
    return scalar(<$fh>) // '';
}

sub set {
    my ($name, $how) = @_;
    open my $fh, '>', "$dir/$name.new" or die "$name: $!";
    print {$fh} $how;
    close $fh or die "$name: $!";
    rename "$dir/$name.new", "$dir/$name.health" or die "$name: $!";
    return;
}

my ($A, $B) = (member('A'), member('B'));
my $T = member('T', tls => 'server');
my $s = Gateway::Test->server(vars => { A => $A, B => $B, T => $T },
    children => 3, threads => 4, config => <<'EOC');
GatewayHCTemplate quick hcmethod=GET11 hcuri=/health hcinterval=100ms
<Gateway balancer://app>
    GatewayMember http://@A@ hctemplate=quick hcfails=3 hcpasses=2 \
        hctimeout=400ms
    GatewayMember http://@B@
    GatewaySet slowstart=0
</Gateway>
GatewayPass /app balancer://app
<Gateway balancer://codes>
    GatewayMember http://@B@ hctemplate=quick hcstatus=200-204,404
</Gateway>
GatewayPass /codes balancer://codes
<Gateway balancer://tls>
    GatewayMember https://localhost:@T_PORT@ hctemplate=quick
</Gateway>
GatewayPass /tls balancer://tls
EOC

# How often each line was logged so far.
sub logged {
    my ($re) = @_;
    return scalar(() = $s->log->grep($re));
}

my %changes = (down => 0, up => 0);
sub changes {
    my ($to, $why, $what) = @_;
    my $re = $to eq 'down'
        ? qr{balancer://app\ member\ \S+:\ \[IN\ USE\]\ --.*\]$}x
        : qr{balancer://app\ member\ \S+:\ \[CHECK\ FAILED\]\ --.*\]$}x;
    my $n = ++$changes{$to};
    ok $s->wait_for(sub { logged($re) >= $n }, 8), $what;
    my @lines = $s->log->grep($re);
    is scalar @lines, $n, '... one line';
    like $lines[-1] // '', $why, '... that says why';
    return;
}

# Answers of many connections, so that each child is asked.
sub shares {
    my %n;
    $n{ $s->get('/app/x')->body }++ for 1 .. 24;
    return \%n;
}

is join(' ', sort keys %{ shares() }), 'A B', 'both are used';
for my $how ([ 503, qr/GET \/health: status 503 \(3 failed in a row\)/ ],
    [ 'hang', qr/no whole answer within hctimeout=400ms/ ],
    [ 'reset', qr/closed/ ], [ 'cut', qr/end|closed|length/ ]) {
    my ($what, $why) = @$how;
    set(A => $what);
    changes(down => $why, "$what: out of use");
    is_deeply shares(), { B => 24 }, '... in all children';
    set(A => 200);
    changes(up => qr/status 200 \(2 passed in a row\)/, '... and back');
    is join(' ', sort keys %{ shares() }), 'A B', '... used again';
}

$A->stop;
changes(down => qr/refused/, 'nobody listens: out of use');
is_deeply shares(), { B => 24 }, '... no request finds that out';
$A->start;
changes(up => qr/status 200/, 'listens again: back');

# Counts are of checks in a row.
sub checks {
    my ($n) = @_;
    my $end = $A->requests + $n;
    return $A->wait(sub { $A->requests >= $end }, 8);
}
set(A => 'one of 3');
ok checks(12), 'two of three checks fail';
is logged(qr/balancer:\/\/app member \S+: \[IN USE\]/), $changes{down},
    '... never three in a row: in use';
set(A => 503);
changes(down => qr/status 503/, 'three of three: out of use');
set(A => 'one of 2');
ok checks(12), 'one of two checks passes';
is logged(qr/balancer:\/\/app member \S+: \[CHECK FAILED\]/), $changes{up},
    '... never two in a row: out of use';

# hcstatus= is the list and nothing else.
set(B => 404);
select undef, undef, undef, 0.5;
is $s->get('/codes/x')->status, 200, '404 is in hcstatus=';
set(B => 301);
like $s->wait_log(qr{balancer://codes .*\[CHECK FAILED\]$}) // '',
    qr/status 301 is not in hcstatus=/, '301 is not';
is $s->get('/codes/x')->status, 503, '... nobody is left';
set(B => 204);
ok $s->wait_log(qr{balancer://codes .*\[IN USE\]$}), '204 is';
is $s->get('/codes/x')->body, 'B', '... back';

# TLS as for requests.
like $s->wait_log(qr{balancer://tls .*\[CHECK FAILED\]$}) // '',
    qr/certificate/, 'a certificate that nobody believes';
is $s->get('/tls/x')->status, 503, '... no request meets it';
$s->expect_log(qr/\[gateway:error\].*balancer:\/\/(?:codes|tls)/, 2);
done_testing;
