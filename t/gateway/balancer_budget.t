# Attempts that may have executed are repeated only as far as the budget goes,
# so that retries cannot melt a sick cluster; connections that fail are free.
use Gateway::Test;

my $bad = Gateway::Backend->http(sub { return 'close' }, keepalive => 0,
    brief => 1);
my $good = Gateway::Backend->http(sub { return [ 200, [], 'ok' ] },
    brief => 1);
my $closed = Gateway::Test->closed_port;
my $s = Gateway::Test->server(children => 2,
    vars => { BAD => $bad, GOOD => $good, CLOSED => "127.0.0.1:$closed" },
    config => <<'EOC');
<Gateway balancer://reset fails=1000>
    GatewayMember http://@BAD@
    GatewayMember http://@GOOD@ lbset=1
</Gateway>
GatewayPass /reset balancer://reset
<Gateway balancer://free fails=1000>
    GatewayMember http://@CLOSED@
    GatewayMember http://@GOOD@ lbset=1
</Gateway>
GatewayPass /free balancer://free
EOC

sub ask {
    my ($path, $n) = @_;
    my %got;
    $got{ $s->get($path)->status }++ for 1 .. $n;
    return \%got;
}

my $got = ask('/reset', 130);
is $got->{200}, 100, 'a hundred are repeated';
is $got->{502}, 30, 'the others are not';
$s->expect_log(qr/GW01031/, 30);
$s->expect_log(qr/\[gateway:error\].*502/, 30);
is_deeply ask('/free', 130), { 200 => 130 }, 'connections are free';

done_testing;
