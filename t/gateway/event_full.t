# A child that accepts no more (it is full) closes idle adopted connections for
# others to come in. For an instant it says so, too, when a graceful restart
# begins: nothing is closed then, what is on its way would be lost.
use Gateway::Test;
use Gateway::Both;

my $b = Gateway::Backend->http({ '*' => sub { [ 200, [], 'ok' ] } });
my $s = Gateway::Test->server(driver => 'event', modules => ['t_full'],
    vars => { B => $b }, config => <<'EOC');
GatewayPass /app http://@B@
<Location /full>
    SetHandler t-full
</Location>
EOC
# the parent believes it, too
$s->expect_log(qr/AH00484: server reached MaxRequestWorkers/, [ 0, 1 ]);
$s->expect_lane(qr/\Ahelper \(/);

sub idle {
    return map {
        my $c = $s->client;
        $c->get('/app/x')->response;
        $c;
    } 1 .. 6;
}

# No two looks in a row, 100 ms apart, fall into such an instant; many single
# ones do.
my @idle = idle();
my $asks = $s->client(timeout => 15);
is $asks->get('/full?30&150&25')->response->body, 'done';
is_deeply [ map { my $r = $_->get('/app/x')->response; $r->status
    . $r->why } @idle ], [ (200) x 6 ], 'instants close nothing';

$_->close for @idle;
@idle = idle();
$asks->get('/full?1000&1&1');
is_deeply [ map { $_->read_eof(5) } @idle ], [ ('') x 6 ],
    'a full child closes idle ones';
is $asks->response->body, 'done', '... and none that is busy';
is $s->get('/app/x')->status, 200, '... and goes on';

done_testing;
