# Subrequests: a page of mod_include takes parts from backends. Each part is
# a request of its own, GET without a body, without the conditions and ranges
# that were meant for the page; a part that fails does not break the rest.
use Gateway::Test;
use Gateway::Probe;

my $b = Gateway::Backend->http({
    '/part'   => [ 200, [ 'X-Part' => 1, 'Set-Cookie' => 'part=1' ], 'PART' ],
    '/chunks' => sub { [ 200, [], [ 'CH', 'UN', 'KS' ] ] },
    '/large'  => [ 200, [], 'L' x 100_000 ],
    '/cut'    => sub {
        $_[0]{conn}->send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        return 'close';
    },
    '/gone'   => sub { 'close' },
    '/404'    => [ 404, [], 'none' ],
    '/304'    => sub { [ $_[0]->header('if-none-match') ? 304 : 200, [],
        'FRESH' ] },
    '/nested' => [ 200, [ 'Content-Type' => 'text/html' ],
        '<!--#include virtual="/app/part" -->' ],
});
my %page = (
    one    => '<!--#include virtual="/app/part" -->',
    two    => '<!--#include virtual="/app/part?a=1" -->'
        . '<!--#include virtual="/app/chunks" -->',
    large  => '<!--#include virtual="/app/large" -->',
    bad    => '<!--#include virtual="/app/gone" -->'
        . '<!--#include virtual="/app/404" -->'
        . '<!--#include virtual="/down/x" -->'
        . '<!--#include virtual="/app/part" -->',
    cut    => '<!--#include virtual="/app/cut" -->',
    fresh  => '<!--#include virtual="/app/304" -->',
    denied => '<!--#include virtual="/app/denied" -->',
    path   => '<!--#include virtual="/app/%2e%2e/part" -->'
        . '<!--#include virtual="/app/a%2fb" -->',
);
my $s = Gateway::Test->server(vars => { B => $b }, modules => ['include'],
    docs => { map { ("$_.shtml" => "<$page{$_}>") } keys %page },
    config => <<'EOC');
GatewayPass /app http://@B@
GatewayPass /down http://127.0.0.1:1
<Location /app/denied>
    Require all denied
</Location>
<Directory "@DOCROOT@">
    Options +Includes
    SetOutputFilter INCLUDES
</Directory>
EOC
$s->expect_log(qr/GW00150/);
$s->expect_log(qr/unable to include/, 4);
$s->expect_log(qr/AH01630/);

my $c = $s->client;
my $r = $c->get('/one.shtml')->response;
is $r->body, '<PART>', 'one part';
is $r->status, 200, 'of a page';
is $r->header('x-part'), undef, 'the fields of the part stay there';
my ($req) = $b->requests;
is $req->method, 'GET', 'asked with GET';
is $req->header('x-forwarded-for'), '127.0.0.1', 'for the client';
like $req->header('via'), qr/\A1\.1 /, 'in the version that it spoke';

is $c->get('/two.shtml')->response->body, '<PARTCHUNKS>', 'two parts';
is length $c->get('/large.shtml')->response->body, 100_002, 'a large part';

# What the client asked of the page is not asked of the part.
$b->clear;
$r = $c->get('/fresh.shtml', 'X-Forwarded-For: 6.6.6.6',
    'If-None-Match: "x"', 'Range: bytes=0-3',
    'If-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT')->response;
like $r->body, qr/FRESH|<FRE/, 'the part comes whole';
($req) = $b->requests;
is_deeply [ grep { /\A(?:if-.*|range)\z/ } $req->names ], [],
    'without conditions';
is $req->header('x-forwarded-for'), '127.0.0.1', 'for the client as it is';
$b->clear;
$r = $c->post('/one.shtml', 'the body of the page')->response;
is $r->body, '<PART>', 'POST to the page';
($req) = $b->requests;
is $req->framing, 'none', 'its body is not the part\'s';
is $req->method, 'GET', 'nor its method';
$r = $c->head('/one.shtml')->response;
is $r->status, 200, 'HEAD of the page';

# Failures.
$r = $c->get('/bad.shtml')->response;
is $r->status, 200, 'parts that fail';
like $r->body, qr/\A<.*PART>\z/s, 'leave the others';
$r = $c->get('/cut.shtml')->response;
ok $r->status, 'a part that is cut short: an answer';
$r = $s->get('/denied.shtml');
unlike $r->body, qr{GET|/denied}, 'a part that is denied does not come';
$b->clear;
$r = $s->get('/path.shtml');
is_deeply [ grep { $_->target !~ m{\A/a%2fb\z}i } $b->requests ], [],
    'the path of a part is checked too';

is_deeply [ map { @{ $_->problems } } $b->requests ], [],
    'the backend saw nothing odd';
is $s->get('/one.shtml')->body, '<PART>', 'and everything still works';
done_testing;
