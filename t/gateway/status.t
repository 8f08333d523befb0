# mod_status counts requests by lane under every MPM, in the page and in ?auto;
# where there are no loops it says so by their number.
use Gateway::Test;
use Gateway::Setup ();

my $b = Gateway::Backend->http({ '*' => [ 200, [], 'ok' ] });
my $s = Gateway::Test->server(modules => ['status'], driver => 'blocking',
    vars => { B => $b }, keep => 0, config => <<'EOC');
GatewayPass /app http://@B@
<Location /server-status>
    SetHandler server-status
</Location>
EOC

sub value {
    my ($name) = @_;
    my ($value) = $s->get('/server-status?auto')->body
        =~ /^Gateway\Q$name\E: (.*)$/m;
    return $value;
}
is value('RequestsBlocking'), 0, 'no request yet';
$s->get('/app/x') for 1 .. 7;
ok $s->wait_for(sub { value('RequestsBlocking') == 7 }, 3),
    'what a rule takes is counted, other requests are not'
    or diag value('RequestsBlocking');
is value('RequestsInline'), 0, 'nothing in a loop';
is value('ConnsAdopted'), 0, 'nothing adopted';
is value('Loops'), 0, 'no loops' if Gateway::Setup::mpm() ne 'event';
like $s->get('/server-status')->body, qr{<h2>mod_gateway</h2>.*
    7\ blocking</dt>.*<td>[1-7]</td></tr>}xs, 'the page';
unlike $s->get('/server-status?notable')->body,
    qr{mod_gateway</h2>.*<table}s, '... without a table';

done_testing;
