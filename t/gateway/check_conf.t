# What is wrong with the configuration of health checks is said at its line;
# without mod_watchdog there are none, and a line says so.
use Gateway::Test;

Gateway::Test->need(mpm => 'event');    # read the same way under each MPM

# A member with these parameters.
sub member { return "GatewayMember balancer://app http://b.example $_[0]\n" }

sub refused {
    my ($config, $why, $what) = @_;
    my ($ok, $said) = Gateway::Test->configtest(config => $config);
    ok !$ok, $what // $config =~ s/.*b\.example |\n.*//grs;
    like $said, $why, '... and why';
    like $said, qr/test\.conf:/, '... and where';
    return;
}

my %bad = (
    'hcmethod=POST' => qr/hcmethod= must be none, TCP, .* not 'POST'/,
    'hcmethod=CPING' => qr/CPING is not built yet: .*AJP/,
    'hcmethod=' => qr/hcmethod=/,
    'hcmethod=TCP hcinterval=99ms' => qr/hcinterval= must be 100ms at least/,
    'hcmethod=TCP hcinterval=0' => qr/hcinterval=/,
    'hcmethod=TCP hcinterval=fast' => qr/hcinterval=/,
    'hcmethod=TCP hctimeout=0' => qr/hctimeout=/,
    'hcmethod=TCP hcpasses=-1' => qr/hcpasses=/,
    'hcmethod=TCP hcfails=x' => qr/hcfails=/,
    'hcmethod=GET hcuri=health' => qr/hcuri= must be a path .* 'health'/,
    'hcmethod=GET "hcuri=/a b"' => qr/hcuri= must be a path/,
    'hcmethod=GET hcuri=/a#b' => qr/hcuri= must be a path/,
    'hcmethod=GET hchost=a/b' => qr/hchost= must be a host name/,
    'hcmethod=GET hcheader=X' => qr/hcheader= must be a header field/,
    'hcmethod=GET "hcheader=X y: z"' => qr/hcheader= must be a header field/,
    'hcmethod=GET hcheader=Host:x' =>
        qr/hcheader= cannot set Host: use hchost=/,
    'hcmethod=GET hcheader=Content-Length:5' =>
        qr/hcheader= cannot set Content-Length/,
    'hcmethod=TCP hcport=0' => qr/hcport=/,
    'hcmethod=TCP hcport=65536' => qr/hcport=/,
    'hcmethod=GET hcstatus=2xx' => qr/hcstatus= must be a list .* '2xx'/,
    'hcmethod=GET hcexpr=none' => qr/there is no GatewayHCExpr none/,
    'hctemplate=none' => qr/there is no GatewayHCTemplate none/,
    'hcinterval=5' => qr/no effect without hcmethod= or hctemplate=/,
    'status=+C' => qr/status=\+C waits for a health check: add hcmethod=/,
);
refused(member($_), $bad{$_}) for sort keys %bad;
refused("GatewayHCExpr ok {true}\n"
    . member('hcmethod=GET hcstatus=200 hcexpr=ok'),
    qr/hcstatus= and hcexpr= contradict each other/, 'two judges');
refused("GatewayHCExpr ok {%{REQUEST_STATUS} =~}\n", qr/no valid expression/,
    'half an expression');
refused("GatewayHCExpr ok {true}\nGatewayHCExpr ok {true}\n",
    qr/GatewayHCExpr ok is there already/, 'a name twice');
refused("GatewayHCTemplate t hcmethod=TCP\nGatewayHCTemplate t hcfails=2\n",
    qr/GatewayHCTemplate t is there already/, 'a template twice');
refused("GatewayHCTemplate t lbset=1\n", qr/'lbset=1' is no parameter of/,
    'a template with something else');
refused("GatewayHCTPsize -1\n", qr/GatewayHCTPsize/, 'less than no thread');

# Without mod_watchdog: a module takes away what it offers, for where it is
# compiled in.
my @without = (modules => ['t_nowatchdog']);
my ($ok, $said) = Gateway::Test->configtest(@without,
    config => member('hcmethod=none'));
ok $ok, 'nobody needs mod_watchdog without checks' or diag $said;
($ok, $said) = Gateway::Test->configtest(@without,
    config => "GatewayPass /x balancer://app\n" . member('hcmethod=TCP'));
ok !$ok, 'checks do';
my @lines = grep { /GW\d{5}/ } split /\n/, $said;
is scalar @lines, 1, '... one line';
like $lines[0], qr{GW01300:\ Configuration\ error\ at\ \S+test\.conf:2\b.*
    \ need\ mod_watchdog:\ load\ it\ \(LoadModule\ watchdog_module}x,
    '... that says what to do';
($ok, $said) = Gateway::Test->configtest(@without,
    config => "GatewayMember balancer://b dns://b.example\n");
ok !$ok, 'members that follow DNS do';
like $said, qr/GW01400: .*test\.conf:1: .* need mod_watchdog: load it/,
    '... and a line says so';
done_testing;
