# Host and the authority of the target: malformed ones are refused, and none
# of them, nor anything else that a client sends, chooses the backend: a
# canary that is named in every way must never see a connection.
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $canary = Gateway::Backend->http({ '*' => [ 200, [], 'canary' ] });
my $socket = Gateway::Backend->http({ '*' => [ 200, [], 'canary' ] },
    unix => 1);
my $s = Gateway::Test->server(modules => ['rewrite'],
    ports => [qw(ROOT_PORT MATCH)], vars => { B => $p->backend },
    config => <<'EOC');
GatewayPass /app http://@B@
Listen 127.0.0.1:@ROOT_PORT@
<VirtualHost *:@ROOT_PORT@>
    GatewayPass / http://@B@/
</VirtualHost>
Listen 127.0.0.1:@MATCH@
<VirtualHost *:@MATCH@>
    GatewayPassMatch "^/(.*)$" "http://@B@/$1"
</VirtualHost>
EOC
$s->expect_log(qr/AH10244/);
$p->front($s);
my $evil = $canary->hostport;

# --- Host --------------------------------------------------------------

my $get = 'GET /app/x HTTP/1.1';
$p->refused('no Host', "$get\r\nX-A: b\r\n\r\n");
$p->refused('two Hosts', $p->head($get, 'Host: a', 'Host: b'));
$p->refused("Host: $_->[0]", "$get\r\nHost: $_->[1]\r\n\r\n") for
    [ 'slash', 'a/b' ], [ 'space', 'a b' ], [ 'at', 'u@a' ], [ 'NUL', "a\0b" ],
    [ 'query', 'a?b' ], [ 'fragment', 'a#b' ], [ 'backslash', 'a\\b' ],
    [ 'port that is none', 'a:b' ], [ 'port too large', 'a:65536' ],
    [ 'two ports', 'a:80:81' ], [ 'open bracket', '[::1' ],
    [ 'CR', "a\rb" ];
$p->clean("Host: $_->[0]", "$get\r\nHost: $_->[1]\r\n\r\n") for
    [ 'empty', '' ], [ 'the same twice', "a\r\nHost: a" ],
    [ 'comma', 'a, b' ], [ '8-bit', "\xc3\xa9" ], [ 'percent', 'a%2fb' ],
    [ 'empty port', 'a:' ], [ 'IPv6 with zone', '[fe80::1%25eth0]' ],
    [ 'quote', 'a"b' ], [ 'angle brackets', 'a<b>' ], [ 'dot', '.' ],
    [ 'dots', 'a..b' ], [ 'list of a URL', "http://$evil" ],
    [ 'the canary', $evil ];
my $req = $p->forwarded('HTTP/1.0 needs no Host',
    "GET /app/x HTTP/1.0\r\n\r\n");
is $req && $req->header('host'), $p->backend->hostport, 'the backend gets one';

# --- targets that name a host ------------------------------------------

my @fronts = ([ '/app', {} ],
    map { [ '', { client => { port => $s->port($_) } } ] }
    qw(ROOT_PORT MATCH));
for my $front (@fronts) {
    my ($at, $opt) = @$front;
    for my $target ("\@$evil/x", ":$evil/x", "//$evil/x", "//\@$evil/x",
        "$at\@$evil/x", "$at:\@$evil/x", "$at//$evil/x", "$at/\@$evil/x",
        "$at/http://$evil/x", "$at/..//$evil/x", "$at/\\\\$evil/x",
        "$at/%2f%2f$evil/x", "$at/.$evil/x", "$at.$evil/x",
        "$at/x?http://$evil/",
        "http:$evil/x", "http:///$evil/x", "https://$evil/x",
        "gateway:http://$evil/x", "proxy:http://$evil/x", "ftp://$evil/x") {
        $p->clean("target $target", $p->head("GET $target HTTP/1.1"), %$opt);
    }
    my $path = "$at/x";
    my $seen = $p->clean("absolute, another host",
        $p->head("GET http://$evil$path HTTP/1.1", "Host: $evil"), %$opt);
    $seen = $p->clean('absolute, Host differs',
        $p->head("GET http://one.example$path HTTP/1.1", 'Host: two.example'),
        %$opt);
    is $_->header('x-forwarded-host'), 'one.example', 'the authority wins'
        for @{ $seen->{requests} };
    $req = $p->forwarded('absolute, of this server',
        $p->head("GET http://front.example$path?q HTTP/1.1"), %$opt,
        target => '/x?q');
    $p->clean('absolute with a user',
        $p->head("GET http://u:p\@front.example$path HTTP/1.1"), %$opt);
    $p->clean('absolute without a path',
        $p->head('GET http://front.example HTTP/1.1'), %$opt);
}

# --- unix: -------------------------------------------------------------

my $unix = 'unix:' . $socket->socket;
for my $front (@fronts) {
    my ($at, $opt) = @$front;
    for my $target ("$at/x?$unix|http://$evil/", "$at/$unix|http://$evil/",
        "$at?$unix|http://x/", "$unix|http://x/", "$at/x?unix:"
        . 'A' x 5000 . "|http://$evil/", "$at/|http://$evil/",
        "$at/x?$unix%7Chttp://$evil/", "$at/$unix%7Chttp://$evil/") {
        my $name = length $target > 200 ? substr($target, 0, 40) : $target;
        $p->clean("target $name", $p->head("GET $target HTTP/1.1"), %$opt);
    }
}
$p->clean('in fields', $p->head($get, "X-Forwarded-Host: $unix|http://$evil/",
    "Content-Type: proxy:$unix|http://$evil/", "Location: http://$evil/"));

is $canary->connections, 0, 'nobody ever came to the canary';
is $socket->connections, 0, 'nor to that on the UNIX socket';

$p->finish;
done_testing;
