# The syntax of request fields: line ends, folding, control characters, names
# that are none, names that differ from others in an underscore only. What
# reaches the backend is well-formed, or nothing does.
use Gateway::Test;
use Gateway::Probe;

my $p = Gateway::Probe->new;
my $s = Gateway::Test->server(vars => { B => $p->backend },
    config => "GatewayPass /app http://\@B\@\n");
$p->front($s);

sub get { return $p->head('GET /app/x HTTP/1.1', @_) }

# --- space before the colon --------------------------------------------

$p->refused("'$_'", get($_)) for 'X-A : b', "X-A\t: b", "X-A \t : b";
$p->refused('Host : x', "GET /app/x HTTP/1.1\r\nHost : x\r\n\r\n");

# --- line ends and control characters ----------------------------------

my $lf = get('X-A: b');
$lf =~ s/\r\n/\n/g;
$p->clean('LF alone ends every line', $lf);
$p->clean('LF alone ends one line',
    "GET /app/x HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n");
$p->clean('a line of LF CR',
    "GET /app/x HTTP/1.1\r\nHost: a\n\rX-A: b\r\n\r\n");

my %control = (CR => "\r", NUL => "\0", BEL => "\a", ESC => "\e", VT => "\x0b",
    DEL => "\x7f", FF => "\x0c");
for my $name (sort keys %control) {
    $p->clean("$name in a value", get("X-A: b$control{$name}c"));
    $p->clean("$name at the end of a value", get("X-A: b$control{$name}"));
    $p->clean("$name in a name", get("X-$control{$name}A: b"));
}
$p->clean('CR and a field in a value',
    get("X-A: b\rTransfer-Encoding: chunked"));

# --- folding -----------------------------------------------------------

$p->clean('folded value', get("X-A: b\r\n c"));
$p->clean('folded with a tab', get("X-A: b\r\n\tc"));
$p->clean('folded first line',
    "GET /app/x HTTP/1.1\r\n X-A: b\r\nHost: a\r\n\r\n");
$p->clean('folded Content-Length', $p->head('POST /app/x HTTP/1.1',
    "Content-Length:\r\n 5") . 'hello', body => 'hello');
$p->clean('a line of spaces', "GET /app/x HTTP/1.1\r\nHost: a\r\n \r\n\r\n");

# --- names -------------------------------------------------------------

my %names = ('no colon' => 'nonsense', 'empty name' => ': b',
    'parenthesis' => 'X(A: b', 'space' => 'X A: b', '8-bit' => "X-\x85A: b",
    'Content-Length with an 8-bit byte' => "Content-Length\x85: 5",
    'quote' => 'X"A: b', 'slash' => 'X/A: b', 'braces' => '{X}: b',
    'line of CR' => "\rX: b");
$p->clean("name: $_", get($names{$_})) for sort keys %names;
$p->forwarded('all characters of a token', get("X!#\$%&'*+-.^`|~9: b"));

# --- underscores -------------------------------------------------------

my $req = $p->forwarded('underscore alone', get('X_Own_Field: 1'));
is $req->header('x_own_field'), 1, 'passes';

$req = $p->forwarded('twins', get('X-User: right', 'X_User: wrong',
    'X-user_name: wrong', 'X_User_Name: wrong', 'X-User-Name: right'));
is_deeply [ map { $_->[1] } grep { $_->[0] =~ /user/i } @{ $req->headers } ],
    [ 'right', 'right' ], 'the one that looks like another is dropped';

for my $name (qw(Content_Length Transfer_Encoding Content-Length_ Host
    X_Forwarded_For Connection_)) {
    my $body = $p->head('POST /app/x HTTP/1.1', 'Content-Length: 5',
        $name eq 'Host' ? 'H_ost: x' : "$name: 7") . 'hello';
    $p->forwarded("with $name", $body, body => 'hello');
}
$req = $p->forwarded('framing with underscores',
    $p->head('POST /app/x HTTP/1.1', 'Content_Length: 7',
        'Transfer_Encoding: chunked', 'Content-Length: 5') . 'hello',
    body => 'hello');
is_deeply [ grep { /_/ } $req->names ], [], 'is dropped';

$req = $p->forwarded('Content_Length without a Content-Length',
    get('Content_Length: 7', 'Transfer_Encoding: chunked', 'Ho_st: x'));
is_deeply [ grep { /^(?:content|transfer)_/ } $req->names ], [],
    'is dropped too';

$p->finish;
done_testing;
