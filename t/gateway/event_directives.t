# GatewayEvent, GatewayEventLoops, GatewayHelpers, GatewayIgnoreClientAbort:
# what httpd -t takes and refuses, with a sentence that helps.
use Gateway::Test;

# configurations are read the same way under every MPM
Gateway::Test->need(mpm => ['event']);

my $location = "<Location /x>\nGatewayPass http://b\n%s\n</Location>\n";

my @good = (
    (map { "GatewayEvent $_\n" } qw(On Off Helper Always ON helper)),
    (map { sprintf $location, "GatewayEvent $_" } qw(On Off Helper Always)),
    "<LocationMatch ^/x>\nGatewayEvent Off\n</LocationMatch>\n",
    "<VirtualHost *:\@PORT\@>\nGatewayEvent Off\n"
        . "GatewayIgnoreClientAbort On\n</VirtualHost>\n",
    (map { "GatewayEventLoops $_\n" } qw(1 64 auto AUTO)),
    (map { "GatewayHelpers $_\n" } 1, 1024),
    (map { "GatewayIgnoreClientAbort $_\n" } qw(On off)),
    sprintf($location, 'GatewayIgnoreClientAbort On'),
);

my $lane = 'GatewayEvent must be On, Helper (not in an event loop itself), '
    . 'Off or Always (for tests), not ';
my $loops = 'GatewayEventLoops must be auto or a number from 1 to 64, the '
    . 'loop threads of each child process, not ';
my $helpers = 'GatewayHelpers must be a number from 1 to 1024, the helper '
    . 'threads of each child process, not ';
my $server = 'all virtual hosts share the threads; put it at server level';

my @bad = (
    [ "GatewayEvent Yes\n", 1, "${lane}'Yes'" ],
    [ "GatewayEvent\n", 1, 'GatewayEvent takes one argument' ],
    [ "GatewayEvent On Off\n", 1, 'GatewayEvent takes one argument' ],
    (map { [ "\nGatewayEventLoops $_\n", 2, "${loops}'$_'" ] }
        qw(0 65 -1 +2 2x many 99999999999999999999)),
    (map { [ "GatewayHelpers $_\n", 1, "${helpers}'$_'" ] }
        qw(0 1025 -1 auto 1.5)),
    [ "GatewayIgnoreClientAbort yes\n", 1, 'must be On or Off' ],
    (map { [ "<VirtualHost *:\@PORT\@>\n$_\n</VirtualHost>\n", 2,
        (split ' ')[0] . " is not allowed in <VirtualHost>: $server" ] }
        'GatewayEventLoops 2', 'GatewayHelpers 2'),
    (map { [ sprintf($location, $_), 3, (split ' ')[0]
        . ' is not allowed in <Location>: put it at server level' ] }
        'GatewayEventLoops 2', 'GatewayHelpers 2'),
    (map { my $in = $_; map { [ "<$in>\n$_\n</@{[ $in =~ /(\w+)/ ]}>\n", 2,
        (split ' ')[0] . " is not allowed in <@{[ $in =~ /(\w+)/ ]}>: put it "
        . 'at server level, in <VirtualHost> or <Location>' ] }
        'GatewayEvent Off', 'GatewayIgnoreClientAbort On' }
        'Directory /', 'If true', 'Files x', 'Gateway http://b')
);

for my $config (@good) {
    my ($ok, $said) = Gateway::Test->configtest(config => $config);
    ok $ok, 'accepted: ' . $config =~ s/\n/ | /gr or diag $said;
}
for my $case (@bad) {
    my ($config, $line, $want) = @$case;
    my ($ok, $said) = Gateway::Test->configtest(config => $config);
    ok !$ok, 'refused: ' . $config =~ s/\n/ | /gr;
    my ($at, $what) = $said =~ /on line (\d+) of \S+test\.conf:\n(.*)/;
    is $at, $line, "... in line $line" or diag $said;
    isnt index($what // '', $want), -1, '... and why'
        or diag 'said: ', $what // $said, "\nwant: $want";
}

done_testing;
