# Names of /etc/hosts, and a change of that file or of resolv.conf while the
# server runs: both are noticed without a restart.
use Gateway::Test;
use Gateway::DNS;
Gateway::Test->need(names => 1);

my $port = Gateway::Process::take_port();
my %b = map {
    my $host = $_;
    $host => Gateway::Backend->http({ '*' => [ 200, [], $host ] },
        host => $host, port => $port)
} '127.0.0.2', '127.0.0.3';

my $dns = Gateway::DNS->new('app.test' => { A => ['127.0.0.3'] });
my $other = Gateway::DNS->new('moved.test' => { A => ['127.0.0.3'] },
    'app.test' => { A => ['127.0.0.3'] });
my $s = Gateway::Test->server(etc => $dns->etc(
        hosts => "127.0.0.1 localhost\n127.0.0.2 File.test alias.test\n"),
    config => join '', map {
        "GatewayPass /$_ http://$_.test:$port/ disablereuse=on\n"
    } qw(file alias app late moved));
$s->expect_log(qr/:error\].*(?:late|moved)\.test/);

sub rewrite {
    my ($name, $text) = @_;
    open my $fh, '>', $s->root . "/etc/$name" or die "$name: $!";
    print {$fh} $text;
    close $fh or die "$name: $!";
    return;
}

is $s->get('/file')->body, '127.0.0.2', 'a name of the file';
is $s->get('/alias')->body, '127.0.0.2', 'an alias in it';
is $s->get('/app')->body, '127.0.0.3', 'a name of DNS';
is $s->get('/late')->status, 502, 'a name of neither';
is scalar(grep { /^(?:file|alias)/i } $dns->queries), 0,
    'DNS is not asked for the names of the file';

rewrite('hosts', "127.0.0.1 localhost\n127.0.0.3 file.test\n"
    . "127.0.0.2 late.test app.test\n");
ok $s->wait_for(sub { $s->get('/file')->body eq '127.0.0.3' }, 8),
    'the file has another address';
ok $s->wait_for(sub { $s->get('/late')->status == 200 }, 8),
    'it has a new name';
ok $s->wait_for(sub { $s->get('/app')->body eq '127.0.0.2' }, 8),
    'it goes before DNS';

is $s->get('/moved')->status, 502, 'unknown to this name server';
rewrite('resolv.conf', 'nameserver ' . $other->address
    . "\noptions timeout:1 attempts:1\n");
ok $s->wait_for(sub { $s->get('/moved')->status == 200 }, 8),
    'another name server is asked';
done_testing;
