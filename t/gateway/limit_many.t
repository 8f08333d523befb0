# Counters for more backends than the server was started with: a restart finds
# room for many, says when there is none left, and a new start makes it.
use Gateway::Test;

# configurations are read the same way under every MPM
Gateway::Test->need(mpm => ['event']);

my $b = Gateway::Backend->http({ '*' => sub {
    my $req = shift;
    $req->{conn}->pause(0.6) if $req->{path} =~ /slow/;
    return [ 200, [], 'ok' ];
} });

sub config {
    my ($from, $to) = @_;
    return join '', "GatewayPass /app http://\@B\@ max=1 queue=0\n",
        map { "GatewayPass /n$_ http://127.0.0.1:$_ max=1\n" } $from .. $to;
}

my $s = Gateway::Test->server(vars => { B => $b }, children => 2,
    config => config(1, 0));

sub limited {
    my ($label) = @_;
    $b->clear;
    my $slow = $s->client->get('/app/slow');
    $b->wait_event(what => 'head');
    is $s->get('/app/x')->status, 503, "$label: max=1 holds";
    is $slow->response->status, 200, 'for one';
    $slow->close;
    return;
}

limited('one backend');
$s->reconfigure(config => config(1001, 1200));
$s->restart('graceful');
limited('200 more');
$s->reconfigure(config => config(2001, 2200));
$s->restart('graceful');
limited('200 others, in the place of the first');
is scalar(grep { /GW00005/ } $s->error_log_lines), 0, 'all have room';

$s->reconfigure(config => config(3001, 3600));
$s->restart('graceful');
limited('600 at once');
$s->expect_log(qr/GW00005:\ this\ configuration\ counts\ more\ backends\ .*
    :\ 178\ of\ their\ limits\ \(.*\)\ do\ not\ hold;\ stop\ and\ start/x, 1);
$s->allow_log(qr/GW00150.*\[busy\]/);
$s->stop;
$s->start;
limited('after a new start');
done_testing;
