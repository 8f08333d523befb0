# Rules and virtual hosts: a virtual host has the main server's rules too, its
# own come first and replace those for the same path, "!" excludes an inherited
# one, and its rules are its own.
use Gateway::Test;

my $b = Gateway::Backend->http({});
my $s = Gateway::Test->server(vars => { B => $b }, ports => ['OTHER'],
    ssl => 1, ssl_config => "GatewayPass /tls http://\@B\@/tls\n",
    docs => { 'excluded/f' => 'file' }, config => <<'EOC');
Listen 127.0.0.1:@OTHER@
GatewayPass /main     http://@B@/main
GatewayPass /both     http://@B@/both-main
GatewayPass /excluded http://@B@/excluded
<Location /section>
    GatewayPass http://@B@/section-main
</Location>
GatewayPassMatch ^/pattern http://@B@/pattern-main
GatewayPass /deep http://@B@/deep-main

<VirtualHost *:@PORT@>
    ServerName localhost
</VirtualHost>
<VirtualHost *:@PORT@>
    ServerName one.example.com
    GatewayPass /own      http://@B@/own-one
    GatewayPass /both     http://@B@/both-one
    GatewayPass /excluded !
    GatewayPass /deep/er  http://@B@/deeper-one
    <Location /section>
        GatewayPass http://@B@/section-one
    </Location>
</VirtualHost>
<VirtualHost *:@OTHER@>
    ServerName two.example.com
    GatewayPass /own      http://@B@/own-two
    GatewayPassMatch ^/pattern http://@B@/pattern-two
</VirtualHost>
EOC

sub asked {
    my ($path, $host, %opt) = @_;
    my $r = $s->request('GET', $path, ["Host: $host"], undef, %opt);
    return $r->status if $r->status != 200;
    return $r->body eq 'file' ? 'file' : $r->json->{target};
}

my @want = (
    # path, no virtual host's own rules, one.example.com, two.example.com
    ['/main/f',     '/main/f', '/main/f', '/main/f'],
    ['/own/f',      404, '/own-one/f', '/own-two/f'],
    ['/both/f',     '/both-main/f', '/both-one/f', '/both-main/f'],
    ['/excluded/f', '/excluded/f', 'file', '/excluded/f'],
    ['/section/f',  '/section-main/f', '/section-one/f', '/section-main/f'],
    ['/pattern/f',  '/pattern-main/pattern/f', '/pattern-main/pattern/f',
        '/pattern-two/pattern/f'],
    ['/deep/er/f',  '/deep-main/er/f', '/deeper-one/f', '/deep-main/er/f'],
);
for (@want) {
    my ($path, $main, $one, $two) = @$_;
    is asked($path, 'localhost'), $main, "$path in the main server";
    is asked($path, 'one.example.com'), $one, '... one.example.com';
    is asked($path, 'two.example.com', port => $s->port('OTHER')), $two,
        '... two.example.com';
}
is asked('/tls/f', 'localhost', tls => 1), '/tls/f', 'over TLS';
is asked('/main/f', 'localhost', tls => 1), '/main/f', '... inherited';
is asked('/tls/f', 'localhost'), 404, '... and not in clear text';

done_testing;
