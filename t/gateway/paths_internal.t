# Files of this server that lead to a routed path: a RewriteRule in .htaccess,
# an Action, an SSI page that asks a backend in its turn (see also
# req_redirect.t and req_subrequest.t).
use Gateway::Test;

my $b = Gateway::Backend->http({
    '/b/part' => [ 200, [ 'Content-Type' => 'text/plain' ], 'a part' ],
});
my $s = Gateway::Test->server(lane => qr{\Ablocking \(subrequest},
    modules => [qw(include mime rewrite actions)], vars => { B => $b },
    docs => {
        'page.shtml' => '[<!--#include virtual="/app/part?x=1" -->]',
        'rw/.htaccess' => "RewriteEngine On\nRewriteRule ^(.*)\$ "
            . "/app/rewritten/\$1\n",
        'rw/x' => 'a file', 'x.act' => 'a file',
    }, config => <<'EOC');
<Directory "@DOCROOT@">
    Options Includes FollowSymLinks
    AllowOverride All
</Directory>
AddOutputFilter INCLUDES .shtml
AddHandler act .act
Action act /app/action
GatewayPass /app http://@B@/b
EOC

is $s->get('/rw/x?y')->json->{target}, '/b/rewritten/x?y', '.htaccess';
is $s->get('/rw/%C3%A9')->json->{target}, '/b/rewritten/%C3%A9',
    '... with a letter that is encoded';
is $s->get('/x.act')->json->{target}, '/b/action/x.act', 'Action';

is $s->get('/page.shtml')->body, '[a part]', 'SSI';
$b->clear;
is $s->post('/page.shtml', 'field=1', 'X-Mine: 1')->body, '[a part]',
    '... of a POST';
my ($part) = $b->requests;
is $part->target, '/b/part?x=1', '... asks for its part';
is $part->header('x-mine'), 1, '... with the client\'s fields';
is $part->body, '', '... but without the body';

done_testing;
