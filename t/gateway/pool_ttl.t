# How long a connection may be idle: ttl= of the rule, or less when the
# backend's Keep-Alive says so. Then it is closed, not only left alone.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $k = Gateway::Backend->http({ '/' => sub {
    return [ 200, [ 'Keep-Alive' => 'timeout=2, max=50' ],
        Gateway::Backend::HTTP::echo($_[0]) ];
}, '/zero' => sub {
    return [ 200, [ 'Keep-Alive' => 'timeout=0' ],
        Gateway::Backend::HTTP::echo($_[0]) ];
}, '/odd' => sub {
    return [ 200, [ 'Keep-Alive' => 'timeout=soon, timeout=99999999999999' ],
        Gateway::Backend::HTTP::echo($_[0]) ];
} });
my $long = Gateway::Backend->http({});
my $s = Gateway::Test->server(children => 1, vars => { B => $b, K => $k,
    L => $long }, config => <<'EOC');
GatewayPass /ttl   http://@B@/ ttl=1
GatewayPass /keep  http://@K@/
GatewayPass /short http://@L@/ ttl=1
GatewayPass /long  http://@L@/ ttl=60
EOC

sub conn { return $_[0]->json->{conn} }

my $first = conn($s->get('/ttl'));
my $kept = conn($s->get('/keep'));
my $longer = conn($s->get('/long'));
is conn($s->get('/ttl')), $first, 'used again at once';
is conn($s->get('/keep')), $kept, 'in the backend\'s time';
is conn($s->get('/short')), $longer, 'in the time of both rules';
is conn($s->get('/long')), $longer, '  and again';

my $closed = $b->wait_event(what => 'end', conn => $first, within => 4);
is $closed && $closed->{how}, 'eof', 'ttl: closed by the gateway';
$closed = $k->wait_event(what => 'end', conn => $kept, within => 4);
is $closed && $closed->{how}, 'eof', 'Keep-Alive: closed by the gateway';
my ($last) = reverse $k->events(what => 'request');
# not used any more after one second, closed by the next tick, which comes
# about once a second
cmp_ok $closed->{time} - $last->{time}, '<',
    2.3 + (Gateway::Setup::patience() - 1), '  about when the backend would';

# It was idle for longer than a second: not for one rule, but for the other.
my $fresh = conn($s->get('/short'));
isnt $fresh, $longer, 'too old for a rule with a short ttl';
is scalar(grep { $_->{conn} == $longer } $long->events(what => 'end')), 0,
    '  but kept for the one with a longer';

isnt conn($s->get('/ttl')), $first, 'a new one after ttl';
my $zero = conn($s->get('/keep/zero'));
isnt conn($s->get('/keep')), $zero, 'timeout=0: not again';
my $odd = conn($s->get('/keep/odd'));
is conn($s->get('/keep')), $odd, 'nonsense is passed over';
done_testing;
