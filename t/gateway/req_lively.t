# Timeouts count from the last sign of life: neither an interim response nor
# a backend that answers before it reads ends an upload that goes on.
use Gateway::Test;
use Time::HiRes qw(sleep);

my $b = Gateway::Backend->new(timeout => 20, script => sub {
    my $c = shift;
    my $req = $c->read_head;
    if ($req->{path} eq '/blind') {
        $c->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (1 .. 8) {
            $c->send("1\r\nx\r\n");
            $c->pause(0.2);
        }
        $c->send("0\r\n\r\n");
        $c->silent(5);
        return;
    }
    $c->send($req->{path} eq '/hint'
        ? "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        : "HTTP/1.1 100 Continue\r\n\r\n");
    $req->read_body($c);
    $c->respond(200, [ Connection => 'close' ], 'ok');
});
my $s = Gateway::Test->server(vars => { B => $b },
    config => "GatewayPass /app http://\@B\@ timeout=1\n");

for my $case ([ 'continue', 100 ], [ 'hint', 103 ]) {
    my ($path, $interim) = @$case;
    my $c = $s->client;
    $c->send("POST /app/$path HTTP/1.1\r\nHost: a\r\n",
        "Expect: 100-continue\r\nContent-Length: 8\r\n\r\n");
    is $c->response(one => 1)->status, $interim, "$interim comes at once";
    for (1 .. 8) {
        sleep 0.2;
        $c->send('x');
    }
    is $c->response->status, 200, "a slow upload behind $interim";
}

my $c = $s->client(timeout => 10);
$c->send("POST /app/blind HTTP/1.1\r\nHost: a\r\n",
    "Content-Length: 50000000\r\n\r\n");
my $sender = fork // die "fork: $!";
if (!$sender) {
    my $piece = 'y' x 1_000_000;
    for (1 .. 50) {
        eval { $c->send($piece); 1 } or last;
    }
    POSIX::_exit(0);
}
my $r = $c->response;
is $r->status, 200, 'a backend that answers before it reads';
is $r->body, 'x' x 8, 'its response comes whole';
kill 'KILL', $sender;
waitpid $sender, 0;

done_testing;
