# An output filter that fails: the client gets an error page, not silence, and
# is not taken for one that left.
use Gateway::Test;

my $line = 'z' x 3_000_000;     # longer than mod_substitute takes
my $much = "some words\n" x 2_000_000;
my @text = ('Content-Type' => 'text/plain');
my $b = Gateway::Backend->http({
    '/field' => [ 200, \@text, "hello\n" ],
    '/begin' => [ 200, \@text, "$line\n" . "more\n" x 100_000 ],
    '/end'   => [ 200, \@text, $line ],
    '/late'  => [ 200, \@text, [ "first\n" x 10_000, "$line\n",
                                 "more\n" x 100_000 ] ],
    '/much'  => [ 200, \@text, $much ],
}, brief => 1);
my $s = Gateway::Test->server(lane => qr{\Ablocking \(filter},
    vars => { B => $b },
    modules => [qw(headers substitute filter)],
    docs => { 'line.txt' => $line }, config => <<'EOC');
GatewayPass /app http://@B@
<Location /app/field>
    Header set "no token" x
</Location>
<LocationMatch "^/(app/(begin|end|late|much)|line.txt)">
    SetOutputFilter SUBSTITUTE
    Substitute s/foo/bar/n
</LocationMatch>
EOC

$s->allow_log(qr/AH\d+/);
is $s->get('/line.txt')->status, 500, 'what a file gets';

$s->expect_log(qr/GW00150: .* an output filter failed \[internal\]/, 3);
$s->expect_log(qr/GW00151: an output filter failed at the end/);
my %status = (field => 500, begin => 502, end => 500);
for my $path (sort keys %status) {
    my $c = $s->client;
    my $r = $c->get("/app/$path")->response;
    if ($path ne 'field' && $r->status == 200) {
        # the backend paused, so that the head was flushed
        ok !$r->complete, "$path: broken off";
    }
    else {
        is $r->status, $status{$path}, "$path: an answer";
        like $r->body, qr/<h1>/, "$path: with its page";
        is_deeply $r->problems, [], "$path: nothing to object to";
    }
    is $c->read_eof, '', "$path: nothing behind it";
}

my $r = $s->get('/app/late');
is $r->status, 200, 'late: the head was sent';
ok !$r->complete, 'late: the client can see that it broke off';

my @lines = $s->access_log(wait => 5);
is scalar(grep { $_->{status} == 499 } @lines), 0, 'nobody left';

# A client that leaves makes them fail, too.
for (1 .. 5) {
    my $c = $s->client(rcvbuf => 8192);
    $c->get('/app/much');
    $c->read_n(100);
    $c->reset;
}
@lines = $s->access_log(wait => 10);
is scalar(grep { $_->{status} == 499 } @lines), 5, 'five who left';

done_testing;
