# Connections to backends are used again: the last one first, no longer than
# ttl and what the backend's Keep-Alive says less a second; never with
# disablereuse. The access log tells.
use Gateway::Test;
use Time::HiRes qw(sleep);

sub backend {
    my (@fields) = @_;
    return Gateway::Backend->http(sub {
        [ 200, [ 'X-Conn' => $_[0]{conn}->number, @fields ], 'ok' ];
    });
}
my %b = (
    PLAIN => backend(), OFF => backend(), ON => backend(), TTL => backend(),
    TWO   => backend('Keep-Alive' => 'timeout=2, max=50'),
    LONG  => backend('Keep-Alive' => 'timeout=600'),
    ODD   => backend('Keep-Alive' => 'timeout=x, max=, timeout'),
    LAST  => backend('Keep-Alive' => 'timeout=5, max=0'),
);
my $s = Gateway::Test->server(children => 1, vars => \%b, config => <<'EOC');
GatewayPass /plain http://@PLAIN@
GatewayPass /off   http://@OFF@   disablereuse=on
GatewayPass /on    http://@ON@    enablereuse=off
GatewayPass /ttl   http://@TTL@   ttl=1
GatewayPass /two   http://@TWO@
GatewayPass /long  http://@LONG@
GatewayPass /odd   http://@ODD@
GatewayPass /last  http://@LAST@
EOC
$s->allow_log(qr/AH00161/);

sub conns {
    my ($path, $n) = @_;
    return map { $s->get("/$path")->header('x-conn') } 1 .. $n;
}

is_deeply [ conns('plain', 40) ], [ (1) x 40 ], '40 requests, 1 connection';
# two threads may write their lines in either order
my ($first, $second) = sort { $a->{gw_reused} <=> $b->{gw_reused} }
    $s->access_log(wait => 40);
is_deeply [ @$first{qw(gw_reused gw_attempts gw_status)} ], [ 0, 1, 200 ],
    'the log of the first request';
is_deeply [ @$second{qw(gw_reused gw_attempts gw_status)} ], [ 1, 1, 200 ],
    'and of the second';
is $first->{gw_addr}, $b{PLAIN}->hostport, 'the address';
is $second->{gw_addr}, $b{PLAIN}->hostport, 'also where it is used again';

is_deeply [ conns('off', 3) ], [ 1, 2, 3 ], 'disablereuse=on';
is_deeply [ conns('on', 3) ], [ 1, 2, 3 ], 'enablereuse=off';
ok $b{OFF}->wait(sub { 3 == grep { $_->{what} =~ /\A(?:end|close)\z/ }
    $b{OFF}->events }, 1), 'and each is closed';

is_deeply [ conns('ttl', 2) ], [ 1, 1 ], 'ttl=1: used at once';
is_deeply [ conns('two', 2) ], [ 1, 1 ], 'the backend gives it 2 s: used';
is_deeply [ conns('long', 2) ], [ 1, 1 ], '600 s: used';
is_deeply [ conns('odd', 2) ], [ 1, 1 ], 'a time that is none: used';
sleep 1.15;
is_deeply [ conns('ttl', 1) ], [ 2 ], 'ttl=1: not after a second';
is_deeply [ conns('two', 1) ], [ 2 ],
    'not in the last second that the backend gives it';
is_deeply [ conns('long', 1) ], [ 1 ], '600 s: still used';
is_deeply [ conns('plain', 1) ], [ 1 ], 'nothing said: still used';

# A TLS backend, too: one handshake.
my $t = Gateway::Backend->http(undef, tls => 'server');
my $s2 = Gateway::Test->server(children => 1, vars => { B => $t },
    config => <<'EOC');
GatewaySSLCACertificateFile "@CA@"
GatewayPass /app https://@B@ verifyname=localhost
EOC
$s2->allow_log(qr/AH00161/);
is $s2->get('/app/x')->json->{conn}, 1, 'over TLS' for 1 .. 3;
is scalar(() = $t->events(what => 'tls')), 1, 'one handshake';

# A UNIX socket.
my $u = Gateway::Backend->http(undef, unix => 1);
my $s3 = Gateway::Test->server(children => 1, vars => { B => $u },
    config => "GatewayPass /app \@B_URL\@\n");
$s3->allow_log(qr/AH00161/);
is $s3->get('/app/x')->json->{conn}, 1, 'over a UNIX socket' for 1 .. 3;

done_testing;
