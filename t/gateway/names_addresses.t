# A backend's name with several addresses, of both families: all are tried,
# in turn, until one takes the connection; aliases are followed.
use Gateway::Test;
use Gateway::DNS;
Gateway::Test->need(names => 1);

my $deaf = Gateway::Backend->deaf;     # no SYN is answered at 127.0.0.1
my $port = $deaf->port;
my %b = map {
    my $host = $_;
    $host => Gateway::Backend->http({ '*' => [ 200, [], $host ] },
        host => $host, port => $port)
} '127.0.0.2', '::1';

my $dns = Gateway::DNS->new(
    'a.test'       => { A => ['127.0.0.2'] },
    'aaaa.test'    => { AAAA => ['::1'] },
    'alias.test'   => { CNAME => 'a.test' },
    'second.test'  => { A => [ '127.0.0.4', '127.0.0.3', '127.0.0.2' ] },
    'mixed.test'   => { A => [ '127.0.0.4', '127.0.0.3' ],
        AAAA => ['::1'] },
    'mixed4.test'  => { A => ['127.0.0.2'], AAAA => [ '::2', '::3' ] },
    'both.test'    => { A => ['127.0.0.2'], AAAA => ['::1'] },
    'deaf.test'    => { A => [ '127.0.0.1', '127.0.0.2' ] },
    'refused.test' => { A => [ '127.0.0.3', '127.0.0.4' ] },
);
my @names = qw(a aaaa alias second mixed mixed4 both deaf refused);
my $s = Gateway::Test->server(etc => $dns->etc, config => join '',
    map { "GatewayPass /$_ http://$_.test:$port/ disablereuse=on"
        . " connectiontimeout=300ms\n" } @names);

my %want = (a => '127.0.0.2', aaaa => '::1', alias => '127.0.0.2',
    second => '127.0.0.2', deaf => '127.0.0.2', mixed => '::1',
    mixed4 => '127.0.0.2');
is $s->get("/$_")->body, $want{$_}, $_ for sort keys %want;
like $s->get('/both')->body, qr/\A(?:127\.0\.0\.2|::1)\z/, 'one of both';
my $r = $s->request('POST', '/second', [], 'data');
is $r->body, '127.0.0.2', 'POST too: nothing was sent before';

$r = $s->get('/refused');
is $r->status, 503, 'no address takes the connection';
like $r->header('proxy-status'), qr/error=connection_refused/,
    'Proxy-Status says so';
my ($log) = grep { $_->{uri} eq '/refused' } $s->access_log(wait => 10);
is $log->{gw_reason}, 'refused', 'GATEWAY_REASON';
($log) = grep { $_->{uri} eq '/a' } $s->access_log;
is $log->{gw_addr}, "127.0.0.2:$port", 'GATEWAY_ADDR is the address';
($log) = grep { $_->{uri} eq '/aaaa' } $s->access_log;
is $log->{gw_addr}, "[::1]:$port", 'of either family';
($log) = grep { $_->{uri} eq '/second' } $s->access_log;
is $log->{gw_attempts}, 1, 'one attempt';
is $log->{gw_addr}, "127.0.0.2:$port", 'at the address that answered';
like $log->{gw_tries}, qr/127\.0\.0\.[34]:$port, 127\.0\.0\.2:$port\z/,
    'behind one that did not';
($log) = grep { $_->{uri} eq '/refused' } $s->access_log;
like $log->{gw_tries}, qr/\A127\.0\.0\.[34]:$port, 127\.0\.0\.[34]:$port\z/,
    'all of those that refused';
$s->expect_log(qr/:error\].*refused\.test.*\brefused/, 1);

# The name is what the backend is asked for, not the address.
my ($asked) = map { $_->header('host') } $b{'127.0.0.2'}->requests;
is $asked, "a.test:$port", 'Host has the name';

# One lookup serves many requests.
my $before = () = grep { /^refused/ } $dns->queries;
cmp_ok $before, '<=', 4, 'a lookup asks once for each family';
done_testing;
