# Balancers of the main server and of virtual hosts: who sees which.
use Gateway::Test;
use Gateway::Admin;

my %b = map { my $name = $_; $name => Gateway::Backend->http(sub {
    return [ 200, [ 'X-Member' => $name ], 'ok' ];
}) } qw(A B C);
my %url = map { $_ => 'http://' . $b{$_}->hostport } keys %b;

my $admin = Gateway::Admin::config();
my $s = Gateway::Test->server(children => 1, vars => \%b,
    ports => [qw(SHARED HIDDEN OFF BARE)],
    modules => Gateway::Admin::modules(), config => <<"EOC");
@{[ map { "Listen 127.0.0.1:\@$_\@\n" } qw(SHARED HIDDEN OFF BARE) ]}
$admin
GatewayPass /app balancer://app
<Gateway balancer://app slowstart=0>
    GatewayMember http://\@A\@
</Gateway>
<VirtualHost *:\@SHARED\@>
    $admin
    GatewayPass /v balancer://app
    GatewayMember balancer://own http://\@C\@
    GatewayPass /own balancer://own
</VirtualHost>
<VirtualHost *:\@HIDDEN\@>
    GatewayMember balancer://app http://\@B\@
    GatewayPass /app balancer://app
    $admin
</VirtualHost>
<VirtualHost *:\@OFF\@>
    GatewayBalancerInherit Off
    <Location /t-admin>
        SetHandler t-admin
    </Location>
</VirtualHost>
<VirtualHost *:\@BARE\@>
    ServerName bare
</VirtualHost>
EOC

sub who {
    my ($port, $path) = @_;
    my $r = $s->client(port => $s->port($port))->get($path)->response;
    return $r->status == 200 ? $r->header('x-member') : $r->status;
}

is who(PORT => '/app'), 'A', 'the main server';
is who(SHARED => '/v'), 'A', 'a virtual host sees it';
is who(SHARED => '/own'), 'C', 'and its own';
is who(HIDDEN => '/app'), 'B', 'an own one of the same name hides it';
is who(BARE => '/app'), 'A', 'without a line of its own';

my %admin = map { $_ => Gateway::Admin->new($s, $_) }
    qw(PORT SHARED HIDDEN OFF);
my %seen = map { my $port = $_; $port => join ' ', sort map {
    $_->{member} ? "$_->{member}=$_->{url}" : () } $admin{$port}->list }
    keys %admin;
is $seen{PORT}, "app=$url{A}", 'what there is at the main server';
is $seen{SHARED}, "app=$url{A} own=$url{C}", 'in a virtual host';
is $seen{HIDDEN}, "app=$url{B}", 'in one that hides it';
is $seen{OFF}, '', 'in one that does not inherit';
is $admin{OFF}->set(app => $url{A}, 'lbset=1'),
    'there is no balancer://app', 'nor can it change it';

is $admin{SHARED}->set(app => $url{A}, 'status=+D'), 'done',
    'a shared one is changed';
is who(PORT => '/app'), 503, 'for all';
is who(HIDDEN => '/app'), 'B', 'but not the other one';
$s->expect_log(qr/no member of balancer:\/\/app may be used/);

done_testing;
