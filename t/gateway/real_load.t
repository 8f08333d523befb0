# Two thousand requests from several clients at once to a real server that ends
# connections as it likes: no error, and everyone gets what he asked for.
use Gateway::Test;
use Gateway::Nginx;
Gateway::Test->need(command => 'nginx');

my $nginx = Gateway::Nginx->new(
    docs   => { 'file' => 'x' x 20_000 },
    http   => 'keepalive_requests 37;',
    config => 'location /nonce { return 200 "$arg_n"; }');
my $prefork = Gateway::Setup::mpm() eq 'prefork';
my $s = Gateway::Test->server(children => $prefork ? 24 : 1, threads => 24,
    mpm_config => $prefork ? 'StartServers 24' : undef,
    vars => { N => $nginx }, config => <<'EOC');
MaxKeepAliveRequests 0
GatewayPass / http://@N@
EOC

my ($clients, $each) = (8, 150);
my $dir = Gateway::Test->scratch;
my @pids = map {
    my $n = $_;
    Gateway::Process::spawn(sub {
        my $c = $s->client;
        my @wrong;
        for my $i (1 .. $each) {
            my $r = $c->get("/nonce?n=c${n}r$i")->response;
            push @wrong, "c${n}r$i: " . ($r->status || $r->why) . ' '
                . $r->body if ($r->status || 0) != 200
                || $r->body ne "c${n}r$i";
        }
        open my $fh, '>', "$dir/client.$n" or die "client: $!";
        print {$fh} map { "$_\n" } @wrong, 'end';
        close $fh or die "client: $!";
    });
} 1 .. $clients;
waitpid $_, 0 for @pids;
my @said;
for my $n (1 .. $clients) {
    open my $fh, '<', "$dir/client.$n" or next;
    push @said, <$fh>;
}
is_deeply \@said, [ ("end\n") x $clients ], 'everyone got his own';

SKIP: {
    my $wrk = Gateway::Client::run('wrk', '-v');
    skip 'wrk is not installed', 3 unless $wrk->{out} =~ /^wrk /;
    my $ran = Gateway::Client::run('wrk', '-t', 2, '-c', 16, '-d', '1s',
        $s->url('/file'));
    my ($count) = $ran->{out} =~ /(\d+) requests in/;
    cmp_ok $count, '>', 800 / Gateway::Setup::patience(),
        'under load (' . ($count // 0) . ' requests)';
    unlike $ran->{out}, qr/Socket errors|Non-2xx/, 'no error'
        or diag $ran->{out};
    my @log = $s->access_log;
    is scalar(grep { $_->{status} ne '200' && $_->{conn} ne 'X' } @log), 0,
        'nor one in the log';
}
my @log = $s->access_log(wait => $clients * $each);
my $fresh = grep { $_->{gw_reused} eq '0' } @log;
cmp_ok $fresh, '<', @log / 10, 'connections are kept';
cmp_ok $fresh, '>=', @log / 38, 'and opened anew when the backend ends them';
is scalar(grep { $_->{gw_attempts} ne '1' } @log), 0,
    'an announced end costs no second attempt';
done_testing;
