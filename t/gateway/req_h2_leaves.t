# Clients of HTTP/2 that leave, while they wait or inside their body: the
# backend's connection is closed soon and never sees a complete request; other
# streams of the same server go on.
use Gateway::Test;
use File::Temp ();
use Time::HiRes qw(time);

Gateway::Test->need(mpm => [qw(event worker)], command => ['curl']);

my $p = Gateway::Setup::patience();
my $b = Gateway::Backend->http({
    '/slow' => sub { $_[0]{conn}->silent(20 * $p); 'close' },
    '/stream' => sub {
        my $c = $_[0]{conn};
        $c->send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc");
        $c->silent(20 * $p);
        return 'close';
    },
});
my $conf = "GatewayPass /app http://\@B\@\n";
my $s = Gateway::Test->server(vars => { B => $b }, ssl => 1, h2 => 1,
    config => $conf, ssl_config => $conf, timeout => 30);

my $file = File::Temp->new;
print {$file} 'x' x 400_000;
close $file;

sub ended {
    my ($conn) = @_;
    return map { $b->events(what => $_, conn => $conn) } qw(end close);
}

for my $tls (1, 0) {
    my $how = $tls ? 'h2' : 'h2c';
    my @h2 = (tls => $tls, $tls ? '--http2' : '--http2-prior-knowledge');
    is $s->curl('/app/x', @h2)->{status}, 200, "$how: served";
    for my $path ('/slow', '/stream') {
        $b->clear;
        my $start = time;
        $s->curl("/app$path", @h2, '--max-time', 0.3 * $p);
        my ($head) = $b->events(what => 'head');
        ok $head, "$how $path: asked";
        ok $b->wait(sub { ended($head->{conn}) }, 2), 'and let go';
        cmp_ok time - $start, '<', 5 * $p, 'soon';
    }
    for my $args ([], [ '-H', 'Content-Length:' ]) {
        $b->clear;
        $s->curl('/app/x', @h2, '-T', "$file", '--limit-rate', '100k',
            '--max-time', 0.5 * $p, @$args);
        my ($head) = $b->events(what => 'head');
        ok $head, "$how upload @$args: begun";
        ok $b->wait(sub { ended($head->{conn}) }, 2), 'and let go';
        is scalar(grep { $_->complete } $b->requests), 0,
            'nothing complete at the backend';
    }
    is $s->curl('/app/x', @h2)->{status}, 200, "$how: others are served";
}

done_testing;
