# The end of a connection without close_notify: an attacker can make it, so a
# response that ends with the connection is cut; one that says how long it is
# needs no such proof. Such a connection is never used again.
use Gateway::Test;

my $OK = "HTTP/1.1 200 OK\r\n";
my %case = (        # [response, how the backend ends, good or cut]
    close_clean   => [ "${OK}\r\nbody", 'close', 'good' ],
    close_fin     => [ "${OK}\r\nbody", 'close_dirty', 'cut' ],
    close_reset   => [ "${OK}\r\nbody", 'reset', 'cut' ],
    '10_fin'      => [ "HTTP/1.0 200 OK\r\n\r\nbody", 'close_dirty', 'cut' ],
    '10_clean'    => [ "HTTP/1.0 200 OK\r\n\r\nbody", 'close', 'good' ],
    length_fin    => [ "${OK}Content-Length: 4\r\n\r\nbody", 'close_dirty',
        'good' ],
    length_clean  => [ "${OK}Content-Length: 4\r\n\r\nbody", 'close',
        'good' ],
    chunked_fin   => [ "${OK}Transfer-Encoding: chunked\r\n\r\n"
        . "4\r\nbody\r\n0\r\n\r\n", 'close_dirty', 'good' ],
    length_short  => [ "${OK}Content-Length: 9\r\n\r\nbody", 'close',
        'cut' ],
    chunked_short => [ "${OK}Transfer-Encoding: chunked\r\n\r\n"
        . "4\r\nbody\r\n", 'close', 'cut' ],
    none_clean    => [ '', 'close', 502 ],
    none_fin      => [ '', 'close_dirty', 502 ],
    head_fin      => [ "${OK}Content-Le", 'close_dirty', 502 ],
);
my %b = map {
    my ($bytes, $end) = @{ $case{$_} };
    $_ => Gateway::Backend->new(tls => 'server', script => sub {
        my $c = shift;
        while ($c->read_request) {
            $c->send($bytes) if length $bytes;
            $c->pause(0.02);
            $c->$end;
            return;
        }
    });
} keys %case;

my $s = Gateway::Test->server(ssl => 1, config => join '',
    "GatewaySSLCACertificateFile \@CA\@\n",
    map { "GatewayPass /$_ https://localhost:" . $b{$_}->port . "/\n" }
    sort keys %b);

my $cuts = 0;
for my $name (sort keys %case) {
    my $want = $case{$name}[2];
    for my $tls (0, 1) {
        my $what = $tls ? "$name, TLS in front" : $name;
        my $c = $s->client(tls => $tls);
        my $r = $c->get("/$name")->response;
        if ($want eq '502') {
            is $r->status, 502, $what;
            is $r->complete, 1, '  a whole answer';
            $cuts++;
            next;
        }
        is $r->status, 200, $what unless $want eq 'cut' && $r->status == 502;
        is $r->complete, $want eq 'good' ? 1 : 0, "$what: $want"
            unless $r->status == 502;
        is $r->body, 'body', '  the bytes' if $want eq 'good';
        $cuts++ if $want eq 'cut';
    }
    is $b{$name}->connections, 2, "$name: two requests, two connections";
}
$s->expect_log(qr/:error\].*\Q[$_]\E/) for qw(truncated reset);
$s->allow_log(qr/GW00150/);
is $s->log->count(qr/GW00150/), $cuts, 'a line for each';
done_testing;
