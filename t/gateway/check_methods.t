# What a member sees of a health check: method, version, path, Host, fields;
# what passes and what does not. Each balancer has one member, which fails its
# checks from the start (status=+C): who passes gets requests.
use Gateway::Test;

my @names = qw(TCP HEAD GET OPT HEADX GETX OPTX BASE QUERY PORT TLS TLSTCP);
my %tls = (TLS => 'server', TLSTCP => 'server');
my %b = map { $_ => Gateway::Backend->http({ '/health/bad' => [ 503, [], '' ],
    '*' => sub { [ 200, [ 'X-From' => 1 ], 'fine' ] } },
    $tls{$_} ? (tls => $tls{$_}) : ()) } @names;
my $side = Gateway::Backend->http({});
my %check = (
    TCP   => 'hcmethod=TCP',
    HEAD  => 'hcmethod=HEAD',
    GET   => 'hcmethod=get hcuri=/health',
    OPT   => 'hcmethod=OPTIONS',
    HEADX => 'hcmethod=HEAD11 hcuri=/health/ hchost=www.front.example:8080',
    GETX  => 'hcmethod=GET11 hcuri=/health hchost=www.front.example'
        . ' "hcheader=X-Check: a b" hcheader=X-Check:c'
        . ' "hcheader=user-agent: me"',
    OPTX  => 'hcmethod=OPTIONS11 hcuri=/',
    BASE  => 'hcmethod=HEAD hcuri=/health',
    QUERY => 'hcmethod=GET11 hcuri=?x=1&y',
    PORT  => 'hcmethod=GET11 hcport=@SIDE_PORT@',
    TLS   => 'hcmethod=GET11 hchost=other.example',
    TLSTCP => 'hcmethod=TCP',
);
my %path = (BASE => '/base/', QUERY => '/base');
my $config = "GatewaySSLCACertificateFile \@CA\@\n" . join '', map {
    my $url = $tls{$_} ? "https://localhost:\@${_}_PORT\@" : "http://\@$_\@";
    "<Gateway balancer://\L$_\E>\n"
    . "GatewayMember $url" . ($path{$_} // '') . " status=+C $check{$_}\n"
    . "</Gateway>\nGatewayPass /\L$_\E balancer://\L$_\E\n" } @names;
my $s = Gateway::Test->server(vars => { %b, SIDE => $side },
    config => $config);

# Checks of TLSTCP and TCP leave no request: a request says that they passed.
sub passes {
    my ($name) = @_;
    return $s->wait_for(sub { $s->get("/\L$name\E/page")->status == 200 }, 8);
}
ok passes($_), "$_: passes" for @names;
$s->allow_log(qr/\[gateway:error\]/);       # requests before the first check

my %seen = map {
    my $from = $_ eq 'PORT' ? $side : $b{$_};
    $_ => [ grep { $_->target !~ m{/page} } $from->requests ]
} @names;
my %first = map { $_ => $seen{$_}[0] } @names;

sub line {
    my ($name) = @_;
    my $r = $first{$name} or return 'no request';
    return join ' ', $r->method, $r->target, $r->version;
}
is line('HEAD'), 'HEAD / 1.0', 'HEAD: the front page in HTTP/1.0';
is line('GET'), 'GET /health 1.0', 'GET: with hcuri';
is line('OPT'), 'OPTIONS / 1.0', 'OPTIONS';
is line('HEADX'), 'HEAD /health/ 1.1', 'HEAD11: HTTP/1.1';
is line('GETX'), 'GET /health 1.1', 'GET11';
is line('OPTX'), 'OPTIONS / 1.1', 'OPTIONS11';
is line('BASE'), 'HEAD /base/health 1.0', 'hcuri is below the member\'s path';
is line('QUERY'), 'GET /base?x=1&y 1.1', 'a query alone';
is line('PORT'), 'GET / 1.1', 'hcport: another port is asked';
is line('TLS'), 'GET / 1.1', 'over TLS';
is scalar @{ $seen{TCP} }, 0, 'TCP: no request at all';
is scalar @{ $seen{TLSTCP} }, 0, 'TCP of https: neither';

my %host = map { $_ => $first{$_} && $first{$_}->header('host') } @names;
is $host{HEAD}, $b{HEAD}->hostport, 'Host: the member, in HTTP/1.0 too';
is $host{GETX}, 'www.front.example', 'Host: of hchost';
is $host{HEADX}, 'www.front.example:8080', '... with a port';
is $host{PORT}, $b{PORT}->hostport, 'Host: as requests have, with hcport';
is $host{TLS}, 'other.example', 'Host: of TLS, which is verified by the URL';

is_deeply [ $first{GETX}->all('x-check') ], [ 'a b', 'c' ],
    'hcheader: several fields';
is_deeply [ $first{GETX}->all('user-agent') ], ['me'],
    'hcheader: User-Agent instead of the usual one';
is $first{GET}->header('user-agent'), 'mod_gateway (health check)',
    'who asks';
for my $name (grep { $first{$_} } @names) {
    is_deeply $first{$name}->problems, [], "$name: a correct request";
    is $first{$name}->body, '', '... without a body';
    is $first{$name}->header('connection'), 'close', '... on its own';
    is_deeply [ grep { $first{$name}->header($_) } 'x-forwarded-for', 'via' ],
        [], '... of nobody else';
}
is scalar(grep { $_->header('user-agent') =~ /health check/ }
    map { @{ $seen{$_} } } 'PORT'), scalar @{ $seen{PORT} },
    'the other port gets nothing but checks';
ok !(grep { ($_->header('user-agent') // '') =~ /health check/ }
    $b{PORT}->requests), 'the member\'s own port gets no check';
like $s->wait_log(qr{GW01301: balancer://getx member}) // '',
    qr{:notice\].*\[CHECK\ FAILED\]\ --\ GET\ /health:\ status\ 200
    \ \(1\ passed\ in\ a\ row\)\ -->\ \[IN\ USE\]}x, 'what changed is logged';
done_testing;
