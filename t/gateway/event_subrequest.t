# Subrequests to routed URLs (mod_include's virtual) and internal redirects on
# an adopted connection: in a static page, in an answer of a backend, two in
# one page, of slow and failing backends; the page, the log and what follows on
# the connection are as without adoption.
use Gateway::Test;
use Gateway::Both;

my @HTML = ('Content-Type' => 'text/html');
my $b = Gateway::Backend->http({
    '/part' => sub { [ 200, [], '[' . $_[0]->method . ' part '
        . ($_[0]{query} // '') . ']' ] },
    '/slow' => sub { Gateway::Process::pause(0.2); [ 200, [], '[slow]' ] },
    '/lots' => [ 200, [], 'x' x 300_000 ],
    '/fail' => [ 500, [], 'failed' ],
    '/page' => [ 200, [@HTML], 'a <!--#include virtual="/app/part?in"--> z' ],
    '/nest' => [ 200, [@HTML], '(<!--#include virtual="/inc/page"-->)' ],
});
my $both = Gateway::Both->new(lane => qr{\Ablocking \(filter includes\)},
    modules => [qw(include dir rewrite mime)],
    vars => { B => $b, CLOSED => Gateway::Test->closed_port }, docs => {
        'one.shtml'  => 'a <!--#include virtual="/app/part?1"--> z',
        'two.shtml'  => '<!--#include virtual="/app/slow"-->'
            . '<!--#include virtual="/app/part?2"-->',
        'lots.shtml' => 'a <!--#include virtual="/app/lots"--> z',
        'fail.shtml' => 'a <!--#include virtual="/app/fail"--> z',
        'none.shtml' => 'a <!--#include virtual="/closed/x"--> z',
        'file.shtml' => 'a <!--#include virtual="/plain.txt"--> z',
        'plain.txt'  => 'plain', 'dir/index.shtml' =>
            'index <!--#include virtual="/app/part?3"-->',
    }, config => <<'EOC');
GatewayPass /app    http://@B@
GatewayPass /inc    http://@B@
GatewayPass /closed http://127.0.0.1:@CLOSED@
<Directory "@DOCROOT@">
    Options +Includes
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    DirectoryIndex index.shtml
</Directory>
<Location /inc>
    Options +Includes
    SetOutputFilter INCLUDES
</Location>
RewriteEngine On
RewriteRule ^/short$ /app/part?short [PT]
FallbackResource disabled
EOC
$both->expect_log(qr/\[gateway:error\]/);
$both->expect_log(qr/unable to include|AH0\d+.*include/);
$both->allow_log(qr/GW00150/);

my @TARGETS = ('/one.shtml', '/two.shtml', '/lots.shtml', '/fail.shtml',
    '/none.shtml', '/file.shtml', '/dir/', '/inc/page', '/inc/nest',
    '/short', '/app/part?direct');
# see paths_hooks.t: an APR with pool debugging ends an index
my $NO_INDEX = Gateway::Setup::pool_debug() ? 1 : 0;
@TARGETS = grep { $_ ne '/dir/' } @TARGETS if $NO_INDEX;
for my $method (qw(GET HEAD POST)) {
    for my $target (@TARGETS) {
        $both->same("$method $target", sub {
            my ($s) = @_;
            my $plain = plain($s, $s->request($method, $target, [],
                $method eq 'POST' ? 'body' : undef));
            # known or not: a matter of when the end is seen
            delete $plain->{framing};
            $plain->{headers} = [ grep { !/\A(?:Content-Length
                |Transfer-Encoding|Accept-Ranges):/x }
                @{ $plain->{headers} } ];
            return $plain;
        });
    }
}
$both->each(sub {
    my ($s, $name) = @_;
    is $s->get('/one.shtml')->body, 'a [GET part 1] z', "$name: one";
    is $s->get('/two.shtml')->body, '[slow][GET part 2]', "$name: two";
    is length $s->get('/lots.shtml')->body, 300_004, "$name: lots";
    is $s->get('/inc/page')->body, 'a [GET part in] z', "$name: of a backend";
    is $s->get('/inc/nest')->body, '(a [GET part in] z)', "$name: nested";
    is $s->get('/dir/')->body, 'index [GET part 3]', "$name: an index"
        unless $NO_INDEX;
});

# All at once on one connection, each answer where it belongs.
$both->same('pipelined', sub {
    my ($s) = @_;
    my $c = $s->client;
    my @targets = qw(/two.shtml /app/part?a /one.shtml /inc/nest /file.shtml
        /app/part?b);
    $c->send(join '', map { "GET $_ HTTP/1.1\r\nHost: a\r\n\r\n" } @targets);
    my @got = map { $c->response->body } @targets;
    $c->close;
    return \@got;
}, [ '[slow][GET part 2]', '[GET part a]', 'a [GET part 1] z',
    '(a [GET part in] z)', 'a plain z', '[GET part b]' ]);

# One line in the log per request of the client.
$both->same('the log', sub {
    my ($s) = @_;
    my $n = 3 * @TARGETS + 6 + 6 - $NO_INDEX;
    my @lines = $s->access_log(wait => $n);
    is scalar @lines, $n, 'one line each';
    return [ map { "$_->{request} $_->{status} $_->{bytes}" } @lines ];
});

done_testing;
