# What a backend says never makes this server do anything: no redirect, no
# file, no handler, no request elsewhere is chosen by its fields.
use Gateway::Test;

my $canary = Gateway::Backend->http({});
my $evil = $canary->url . '/evil';
my %fields = (
    location  => [ 200, 'Location' => '/secret.txt' ],
    refresh   => [ 200, 'Refresh' => '0; url=/secret.txt' ],
    status    => [ 200, 'Status' => '302 Moved', 'Location' => '/secret.txt' ],
    sendfile  => [ 200, 'X-Sendfile' => '/etc/passwd' ],
    accel     => [ 200, 'X-Accel-Redirect' => '/secret.txt' ],
    reproxy   => [ 200, 'X-Reproxy-URL' => $evil ],
    type      => [ 200, 'Content-Type' => "proxy:$evil" ],
    gateway   => [ 200, 'Content-Type' => "gateway:$evil" ],
    cgi       => [ 200, 'Content-Type' => 'application/x-httpd-cgi' ],
    handler   => [ 200, 'Content-Type' => 'server-status' ],
    dir       => [ 200, 'Content-Type' => 'httpd/unix-directory' ],
    map       => [ 200, 'Content-Type' => 'type-map' ],
    asis      => [ 200, 'Content-Type' => 'httpd/send-as-is' ],
    handlers  => [ 200, 'Handler' => 'server-status' ],
    upgrade   => [ 200, 'Upgrade' => 'h2c', 'Connection' => 'Upgrade' ],
    alt       => [ 305, 'Location' => $evil ],
    found     => [ 302, 'Location' => $evil ],
    proxyauth => [ 200, 'Proxy-Authenticate' => 'Basic realm="x"' ],
);
my $b = Gateway::Backend->http(sub {
    my $req = shift;
    my ($name) = $req->{path} =~ /(\w+)\z/;
    my ($status, @fields) = @{ $fields{$name} };
    return [ $status, \@fields, 'from the backend' ];
});
my $s = Gateway::Test->server(
    modules => [qw(mime dir alias negotiation actions autoindex asis status
        rewrite headers)],
    docs => { 'secret.txt' => "secret\n" },
    vars => { B => $b }, config => <<'EOC');
GatewayPass /app http://@B@
AddHandler server-status .php
EOC

for my $name (sort keys %fields) {
    my $r = $s->get("/app/$name");
    is $r->status, $fields{$name}[0], "$name: the status";
    is $r->body, 'from the backend', 'the body';
    is_deeply $r->problems, [], 'well-formed';
}
is $s->get('/app/type')->header('content-type'), "proxy:$evil",
    'a type is only a name';
is $s->get('/app/upgrade')->header('upgrade'), undef, 'Upgrade is dropped';
is $s->get('/app/proxyauth')->header('proxy-authenticate'), undef,
    'Proxy-Authenticate is dropped';
is $canary->connections, 0, 'nobody else was asked';
is scalar(() = $b->requests), 3 + keys %fields, 'the backend once each';

done_testing;
