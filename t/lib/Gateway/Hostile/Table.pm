package Gateway::Hostile::Table;

=head1 NAME

Gateway::Hostile::Table - what bad, odd and good backends answer

=head1 DESCRIPTION

Groups of cases: [ name, bytes, what must come of it, options ]. The bytes
carry C<EVIL> where nothing of them may reach a client. What must come of it,
the first of several being the best:

  bad     502, nothing of the response passed on, the connection closed
  cut     502, or a response whose end is visibly missing; closed
  ok      passed on whole: see status, body, fields
  raw     read up to the close: the body as it came

Options: body (default "hello"), status (200), fields ({name => value}: what
the client must find; undef: absent), reuse (1: the connection must serve the
next request, 0: it must not; for "ok" only), end (close, reset, shutdown:
what the backend does behind the bytes), method (GET), pieces ([bytes, pause,
bytes ...] instead of bytes).

The numbers in comments are those of the requirements in the threat model.

=cut

use strict;
use warnings;

our %CASES;

my $OK   = "HTTP/1.1 200 OK\r\n";
my $FIVE = "Content-Length: 5\r\n\r\nhello";
my $EVIL = "Content-Length: 4\r\n\r\nEVIL";
my $CH   = "${OK}Transfer-Encoding: chunked\r\n\r\n";
my $HEY  = "5\r\nhello\r\n0\r\n\r\n";

sub _bad  { return map { [ "$_" => "$_\r\n$EVIL", 'bad' ] } @_ }
sub _line { return map { [ shift @$_, "$OK$_->[0]\r\n$FIVE", @$_[1 .. $#$_] ] }
    @_ }

# --- status lines (44-47, 58) -------------------------------------------

$CASES{status} = [
    _bad('EVIL', '200 OK', 'HTTP/1.1', 'HTTP/1.1 ', 'HTTP/1.1 20',
        'HTTP/1.1 20 OK', 'HTTP/1.1 2000 OK', 'HTTP/1.1 2x0 OK',
        'HTTP/1.1 -20 OK', 'HTTP/1.1 +20 OK', 'HTTP/1.1  200 OK',
        'HTTP/1.1 200OK', 'HTTP/1.1200 OK', 'HTTP/1.1 000 OK',
        'HTTP/1.1 099 OK', 'HTTP/2.0 200 OK', 'HTTP/2 200', 'HTTP/0.9 200 OK',
        'HTTP/1.2 200 OK', 'HTTP/1.x 200 OK', 'HTTP/1.10 200 OK',
        'HTTP/11.1 200 OK', 'HTTP/1. 200 OK',
        'HTTP/1 200 OK', 'http/1.1 200 OK', 'HTTPS/1.1 200 OK',
        'HTTP/1.1/1.1 200 OK', ' HTTP/1.1 200 OK', 'ICY 200 OK',
        'GET / HTTP/1.1', 'RTSP/1.0 200 OK', '220 mail ready'),
    [ 'tab for the space' => "HTTP/1.1\t200 OK\r\n$EVIL", 'bad' ],
    [ 'binary'         => "\x00\x01\x02\xff\xfe\r\n$EVIL", 'bad' ],
    [ 'a TLS record'   => "\x15\x03\x01\x00\x02\x02\x46", 'bad',
        end => 'close' ],
    [ 'HTML alone' => "<html>EVIL</html>\r\n", 'bad', end => 'close' ],
    [ 'NUL behind the version' => "HTTP/1.1\0 200 OK\r\n$EVIL", 'bad' ],
    [ 'CR in the reason' =>
        "HTTP/1.1 200 O\rX-Evil: EVIL\r\n$FIVE", 'bad|ok' ],
    [ 'NUL in the reason'  => "HTTP/1.1 200 O\0EVIL\r\n$FIVE", 'bad|ok' ],
    [ 'control in the reason' => "HTTP/1.1 200 \x08EVIL\r\n$FIVE", 'bad|ok' ],
    [ 'no reason'          => "HTTP/1.1 200\r\n$FIVE", 'ok', reuse => 1 ],
    [ 'empty reason'       => "HTTP/1.1 200 \r\n$FIVE", 'ok', reuse => 1 ],
    [ 'reason of 8-bit text' => "HTTP/1.1 200 gr\xfc\xdf\r\n$FIVE", 'ok' ],
    [ 'unknown status' => "HTTP/1.1 299 Odd\r\n$FIVE", 'ok', status => 299,
        reuse => 1 ],
    [ 'status 599' => "HTTP/1.1 599 Odd\r\n$FIVE", 'ok', status => 599 ],
    [ 'one empty line first' => "\r\n$OK$FIVE", 'ok|bad' ],
    [ 'many empty lines'   => "\r\n" x 200 . "$OK$EVIL", 'bad' ],
    [ 'long reason' => 'HTTP/1.1 200 ' . 'x' x 7000 . "\r\n$FIVE", 'ok' ],
    [ 'reason beyond the limit' => 'HTTP/1.1 200 ' . 'x' x 9000
        . "\r\n$EVIL", 'bad' ],
    [ 'endless status line' => 'HTTP/1.1 200 ' . 'x' x 40_000, 'bad' ],
    [ 'endless junk'       => 'EVIL' x 10_000, 'bad' ],
    [ 'cut in the version' => 'HTTP/1.', 'bad', end => 'close' ],
    [ 'cut in the status'  => 'HTTP/1.1 20', 'bad', end => 'close' ],
    [ 'cut in the reason'  => 'HTTP/1.1 200 O', 'bad', end => 'close' ],
    [ 'reset in the status line' => 'HTTP/1.1 20', 'bad', end => 'reset' ],
];

# --- header fields (48-52, 58, 59) --------------------------------------

$CASES{header} = [
    (map { _line([ "bare CR in $_" => "$_: a\rX-Evil: EVIL", 'bad' ]),
           _line([ "NUL in $_" => "$_: a\0EVIL", 'bad' ]) }
        qw(X-A Content-Type Location Set-Cookie)),
    (map { _line([ sprintf('control %02x in a value', $_)
        => 'X-A: a' . chr($_) . 'EVIL', 'bad' ]) } 1, 8, 11, 27, 127),
    _line([ 'bare CR ends the line' => "X-A: a\r", 'bad' ],
        [ 'tab in a value' => "X-A: a\tb", 'ok',
            fields => { 'x-a' => "a\tb" } ],
        [ '8-bit value' => "X-A: gr\xfc\xdf", 'ok',
            fields => { 'x-a' => "gr\xfc\xdf" } ],
        [ 'empty value' => 'X-A:', 'ok', fields => { 'x-a' => '' } ],
        [ 'no space behind the colon' => 'X-A:a', 'ok',
            fields => { 'x-a' => 'a' } ],
        [ 'folded line' => "X-A: one\r\n two", 'ok|bad',
            fields => { 'x-a' => 'one two' } ],
        [ 'line folded with tabs' => "X-A: one\r\n\t\ttwo\r\n three",
            'ok|bad', fields => { 'x-a' => 'one two three' } ],
        [ 'folded Content-Type' => "Content-Type: text/plain;\r\n a=b",
            'ok|bad', fields => { 'content-type' => 'text/plain; a=b' } ],
        [ 'folded, with a field in it' =>
            "X-A: one\r\n X-B: two", 'ok|bad', fields => { 'x-b' => undef } ],
        [ 'space before the colon' => 'X-A : a', 'ok|bad',
            fields => { 'x-a' => 'a' } ],
        [ 'tab before the colon' => "X-A\t: a", 'ok|bad',
            fields => { 'x-a' => 'a' } ],
        [ 'no colon'            => 'EVIL', 'bad' ],
        [ 'empty name'          => ': EVIL', 'bad' ],
        [ 'space in a name'     => 'X A: EVIL', 'bad' ],
        [ 'parenthesis in a name' => 'X(A: EVIL', 'bad' ],
        [ '8-bit name'          => "X-\x85: EVIL", 'bad' ],
        [ 'control in a name'   => "X\x01: EVIL", 'bad' ],
        [ 'NUL in a name'       => "X\0: EVIL", 'bad' ],
        [ 'quotes in a name'    => 'X"A": EVIL', 'bad' ],
        [ 'a second status line' => 'HTTP/1.1 200 EVIL', 'bad' ]),
    [ 'fold behind the status line' => "$OK X-Evil: EVIL\r\n$FIVE", 'bad' ],
    [ 'folded Content-Length' => "${OK}Content-Length:\r\n 5\r\n\r\nhello",
        'ok|bad' ],
    [ 'a fold that looks empty' => "${OK}X-A: a\r\n \r\n$FIVE", 'ok|bad',
        fields => { 'x-a' => 'a' } ],
    [ 'Content-Length, space, colon' =>
        "${OK}Content-Length : 5\r\n\r\nhello", 'ok|bad' ],
    [ 'Transfer-Encoding, space, colon' =>
        "${OK}Transfer-Encoding : chunked\r\n\r\n$HEY", 'ok|bad' ],
    [ 'bare LF line ends' => "HTTP/1.1 200 OK\nX-A: a\nContent-Length: 5\n\n"
        . 'hello', 'ok|bad', fields => { 'x-a' => 'a' } ],
    [ 'LF and CRLF mixed' => "${OK}X-A: a\nContent-Length: 5\r\n\nhello",
        'ok|bad', fields => { 'x-a' => 'a' } ],
    [ 'CR CR LF' => "${OK}X-A: a\r\r\n$FIVE", 'bad|ok' ],
    [ 'cut in a name'  => "${OK}X-Evil", 'bad', end => 'close' ],
    [ 'cut in a value' => "${OK}X-Evil: EVIL", 'bad', end => 'close' ],
    [ 'cut behind a line' => "${OK}X-Evil: EVIL\r\n", 'bad',
        end => 'close' ],
    [ 'cut in the empty line' => "${OK}Content-Length: 0\r\n\r", 'bad',
        end => 'close' ],
    [ 'reset in a value' => "${OK}X-Evil: EVIL", 'bad', end => 'reset' ],
    [ 'reset between lines' => "${OK}X-Evil: EVIL\r\n", 'bad',
        end => 'reset' ],
];

$CASES{limit} = [
    [ '7 KiB and 80 small fields' => $OK . 'X-Big: ' . 'b' x 7168 . "\r\n"
        . join('', map { "X-F$_: $_\r\n" } 1 .. 80) . $FIVE, 'ok',
        fields => { 'x-big' => 'b' x 7168, 'x-f80' => '80' }, reuse => 1 ],
    [ '195 fields' => $OK . join('', map { "X-F$_: $_\r\n" } 1 .. 195)
        . $FIVE, 'ok', fields => { 'x-f195' => 195 } ],
    [ '300 fields' => $OK . "X-Evil: EVIL\r\n" x 300 . $EVIL, 'bad' ],
    [ 'a field of 17 KiB' => $OK . 'X-Evil: ' . 'EVIL' x 4352
        . "\r\n$EVIL", 'bad' ],
    [ 'a name of 17 KiB' => $OK . 'X' x 17_408 . ": EVIL\r\n$EVIL", 'bad' ],
    [ 'a header section of 80 KiB' => $OK
        . ('X-Evil: ' . 'EVIL' x 1000 . "\r\n") x 20 . $EVIL, 'bad' ],
    [ 'a field folded for ever' => "${OK}X-Evil: EVIL\r\n"
        . " EVIL\r\n" x 20_000, 'bad' ],
    [ 'fields for ever' => $OK . "X-Evil: EVIL\r\n" x 50_000, 'bad' ],
    [ 'a value for ever' => "${OK}X-Evil: " . 'EVIL' x 100_000, 'bad' ],
];

# --- Content-Length (53-55) ---------------------------------------------

sub _length { return map { [ "Content-Length: '$_'"
    => "${OK}Content-Length: $_\r\n\r\nEVIL!", 'bad' ] } @_ }

$CASES{length} = [
    _length('abc', '-1', '-5', '+5', '0x5', '5z', '5 4', '', '5;x', "5\x0b",
        '5.0', '5e0', '5_0', '"5"', '18446744073709551616',
        '18446744073709551621', '9223372036854775808',
        '99999999999999999999999999', '5, 6', '5, x', '5, -5', 'five'),
    [ 'two different lines' =>
        "${OK}Content-Length: 4\r\nContent-Length: 5\r\n\r\nEVIL!", 'bad' ],
    [ 'different lines, the longer first' =>
        "${OK}Content-Length: 5\r\nContent-Length: 4\r\n\r\nEVIL!", 'bad' ],
    [ 'one good, one junk' =>
        "${OK}Content-Length: 5\r\nContent-Length: x\r\n\r\nEVIL!", 'bad' ],
    [ 'two equal lines' =>
        "${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 'ok',
        fields => { 'content-length' => 5 }, reuse => 1 ],
    [ 'an equal list' => "${OK}Content-Length: 5, 5\r\n\r\nhello", 'ok',
        fields => { 'content-length' => 5 }, reuse => 1 ],
    [ 'zeros in front' => "${OK}Content-Length: 0005\r\n\r\nhello", 'ok',
        fields => { 'content-length' => 5 }, reuse => 1 ],
    [ 'spaces around' => "${OK}Content-Length: \t 5 \t\r\n\r\nhello", 'ok',
        fields => { 'content-length' => 5 }, reuse => 1 ],
    [ 'none at all' => "${OK}Content-Length: 0\r\n\r\n", 'ok', body => '',
        fields => { 'content-length' => 0 }, reuse => 1 ],
    [ 'upper case' => "${OK}CONTENT-LENGTH: 5\r\n\r\nhello", 'ok',
        reuse => 1 ],
    [ 'in pieces' => '', 'ok', reuse => 1, pieces =>
        [ $OK, 0.01, "Content-Length: 5\r\n\r\nhe", 0.01, 'llo' ] ],
];

# --- Transfer-Encoding (56, 57) -----------------------------------------

sub _coding {
    my ($value, @want) = @_;
    return [ "Transfer-Encoding: $value" =>
        "${OK}Transfer-Encoding: $value\r\n\r\n$HEY", @want ];
}

$CASES{coding} = [
    _coding('chunked', 'ok', reuse => 1),
    _coding('Chunked', 'ok', reuse => 1),
    _coding("\t chunked \t", 'ok', reuse => 1),
    [ 'with a length behind it' => "${OK}Transfer-Encoding: chunked\r\n"
        . "Content-Length: 3\r\n\r\n$HEY", 'ok|bad', reuse => 0,
        fields => { 'content-length' => undef } ],
    [ 'with a length before it' => "${OK}Content-Length: 3\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n$HEY", 'ok|bad', reuse => 0 ],
    [ 'with a bad length' => "${OK}Content-Length: x\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n$HEY", 'ok|bad', reuse => 0 ],
    (map { _coding($_, 'bad|raw', body => $HEY, end => 'close') }
        'chunked, chunked', 'foo', 'identity', 'xchunked', "\x0bchunked",
        'chunked, identity', 'identity, chunked', 'gzip, chunked', 'gzip',
        'chunked;a=b', 'chunked chunked', '"chunked"', "chunked\x80"),
    [ 'two lines' => "${OK}Transfer-Encoding: chunked\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n$HEY", 'bad|raw',
        body => $HEY, end => 'close' ],
    [ 'two lines, one unknown' => "${OK}Transfer-Encoding: foo\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n$HEY", 'bad|raw',
        body => $HEY, end => 'close' ],
    [ 'unknown, with a length' => "${OK}Transfer-Encoding: xchunked\r\n"
        . "Content-Length: 4\r\n\r\nEVIL", 'bad' ],
    [ 'in HTTP/1.0' => "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n"
        . "Connection: keep-alive\r\n\r\n$HEY", 'bad|raw', body => $HEY,
        end => 'close' ],
];

# --- chunks (61, 64, 65) ------------------------------------------------

sub _chunk { return map { my $c = $_; $c =~ s/([^ -~])/sprintf '<%02x>',
    ord $1/ge; ( [ "'$c' first" => "$CH$_", 'cut' ],
    [ "'$c' behind another" => "${CH}3\r\nabc\r\n$_", 'cut' ] ) } @_ }

$CASES{chunk} = [
    _chunk(map { "$_\r\nhello\r\n0\r\n\r\n" } 'xyz', '0x5', '-5', '+5', '',
        ' 5', '5zz', '5 5', '5_', '0x', '18446744073709551621',
        '10000000000000005', 'FFFFFFFFFFFFFFFF', '8000000000000000',
        '5,5', "5\x0b", "5\0"),
    _chunk("5\r\nhelloX\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n",
        "5\r\nhelloX\n0\r\n\r\n", "5\r\nhello\rX0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n",
        "5\r\r\nhello\r\n0\r\n\r\n", "5;a=b\nhello\r\n0\r\n\r\n",
        "5;a=\0\r\nhello\r\n0\r\n\r\n", "5;a=b\rc\r\nhello\r\n0\r\n\r\n"),
    [ 'extension' => "${CH}5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n", 'ok',
        reuse => 1 ],
    [ 'zeros in front' => "${CH}00005\r\nhello\r\n0000\r\n\r\n", 'ok',
        reuse => 1 ],
    [ 'upper case' => "${CH}A\r\nhellohello\r\n0\r\n\r\n", 'ok', reuse => 1,
        body => 'hellohello' ],
    [ 'lower case' => "${CH}a\r\nhellohello\r\n0\r\n\r\n", 'ok', reuse => 1,
        body => 'hellohello' ],
    [ 'empty' => "${CH}0\r\n\r\n", 'ok', reuse => 1, body => '' ],
    [ 'trailers' => "${CH}5\r\nhello\r\n0\r\nX-Evil: EVIL\r\n"
        . "Content-Length: 3\r\nSet-Cookie: EVIL\r\n"
        . "Transfer-Encoding: EVIL\r\n\r\n", 'ok', reuse => 1,
        fields => { 'x-evil' => undef, 'set-cookie' => undef } ],
    [ 'announced trailer' => "${OK}Trailer: X-Sum\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
        . "X-Sum: EVIL\r\n\r\n", 'ok', reuse => 1 ],
    [ 'a bad trailer' => "${CH}5\r\nhello\r\n0\r\nEVIL\r\n\r\n",
        'cut|ok' ],
    [ 'bare CR in a trailer' => "${CH}5\r\nhello\r\n0\r\nX: \rEVIL\r\n\r\n",
        'cut|ok' ],
    [ 'small extensions' => "${CH}5;" . 'x' x 4000
        . "\r\nhello\r\n0\r\n\r\n", 'ok' ],
    [ 'extension of 20 KiB' => "${CH}3\r\nabc\r\n5;" . 'x' x 20_480
        . "\r\nhello\r\n0\r\n\r\n", 'cut' ],
    [ 'endless size line' => "${CH}3\r\nabc\r\n" . '0' x 100_000, 'cut' ],
    [ 'trailers of 70 KiB' => "${CH}5\r\nhello\r\n0\r\n"
        . ('X-Evil: ' . 'EVIL' x 1750 . "\r\n") x 10 . "\r\n", 'cut' ],
    [ 'endless trailer' => "${CH}5\r\nhello\r\n0\r\nX-Evil: "
        . 'EVIL' x 50_000, 'cut' ],
    [ '200 one-byte chunks' => $CH . "1\r\nx\r\n" x 200 . "0\r\n\r\n", 'ok',
        body => 'x' x 200, reuse => 1 ],
];

# --- responses that end too early (62, 63) -------------------------------

sub _ends {
    my ($name, $bytes, @want) = @_;
    return map { [ "$name, then $_" => $bytes, @want, end => $_ ] }
        qw(close reset);
}

$CASES{short} = [
    _ends('a length, no body' => "${OK}Content-Length: 9\r\n\r\n", 'cut'),
    _ends('half of the length' => "${OK}Content-Length: 9\r\n\r\nhello",
        'cut'),
    _ends('before the first chunk' => $CH, 'cut'),
    _ends('in a size line'    => "${CH}5\r\nhello\r\n1", 'cut'),
    _ends('inside a size line end' => "${CH}5\r\nhello\r\n5\r", 'cut'),
    _ends('inside a chunk'    => "${CH}9\r\nhello", 'cut'),
    _ends('behind chunk data' => "${CH}5\r\nhello", 'cut'),
    _ends('between chunks'    => "${CH}5\r\nhello\r\n", 'cut'),
    _ends('behind the last chunk' => "${CH}5\r\nhello\r\n0\r\n", 'cut'),
    _ends('inside the last line end' => "${CH}5\r\nhello\r\n0\r\n\r", 'cut'),
    _ends('in a trailer' => "${CH}5\r\nhello\r\n0\r\nX-A: b\r\n", 'cut'),
    [ 'no framing, then reset' => "$OK\r\nhello", 'cut', end => 'reset',
        late => 1 ],
    [ 'no framing, then close' => "$OK\r\nhello", 'ok', end => 'close',
        reuse => 0 ],
    [ 'no framing, half closed' => "$OK\r\nhello", 'ok', end => 'shutdown',
        reuse => 0 ],
    [ 'no framing, no body'     => "$OK\r\n", 'ok', body => '',
        end => 'close', reuse => 0 ],
];

# Over TLS a FIN without close_notify may come from anyone.
$CASES{dirty} = [
    [ 'no framing, close_notify' => "$OK\r\nhello", 'ok', end => 'close',
        reuse => 0 ],
    [ 'no framing, FIN alone' => "$OK\r\nhello", 'cut',
        end => 'close_dirty' ],
    [ 'half of the length, FIN alone' => "${OK}Content-Length: 9\r\n\r\nhello",
        'cut', end => 'close_dirty' ],
    [ 'inside a chunk, FIN alone' => "${CH}9\r\nhello", 'cut',
        end => 'close_dirty' ],
    [ 'a whole length, FIN alone' => "$OK$FIVE", 'ok', end => 'close_dirty',
        reuse => 0, wait => 0.03 ],
    [ 'all chunks, FIN alone' => "$CH$HEY", 'ok', end => 'close_dirty',
        reuse => 0, wait => 0.03 ],
    [ 'FIN alone in the head' => "${OK}X-Evil: EVIL\r\n", 'bad',
        end => 'close_dirty' ],
];

# --- no body whatever the fields say; bytes too many (68, 72) ------------

$CASES{nobody} = [
    [ 'HEAD with a length' => "${OK}Content-Length: 5\r\n\r\n", 'ok',
        method => 'HEAD', body => '', reuse => 1,
        fields => { 'content-length' => 5 } ],
    [ 'HEAD, chunked' => $CH, 'ok', method => 'HEAD', body => '',
        reuse => 1 ],
    [ 'HEAD without a framing' => "$OK\r\n", 'ok', method => 'HEAD',
        body => '', reuse => 1 ],
    [ 'HEAD with a body' => "${OK}Content-Length: 5\r\n\r\nEVIL!", 'ok',
        method => 'HEAD', body => '', reuse => 0 ],
    [ 'HEAD with chunks' => "${CH}4\r\nEVIL\r\n0\r\n\r\n", 'ok',
        method => 'HEAD', body => '', reuse => 0 ],
    [ '204' => "HTTP/1.1 204 Nothing\r\n\r\n", 'ok', status => 204,
        body => '', reuse => 1 ],
    [ '204 with a length' => "HTTP/1.1 204 Nothing\r\n"
        . "Content-Length: 5\r\n\r\n", 'ok', status => 204, body => '',
        fields => { 'content-length' => undef } ],
    [ '204, chunked' => "HTTP/1.1 204 Nothing\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n", 'ok', status => 204,
        body => '', fields => { 'transfer-encoding' => undef } ],
    [ '204 with a body' => "HTTP/1.1 204 Nothing\r\nContent-Length: 4\r\n\r\n"
        . 'EVIL', 'ok', status => 204, body => '', reuse => 0 ],
    [ '304 with a length' => "HTTP/1.1 304 Same\r\nETag: \"a\"\r\n"
        . "Content-Length: 5\r\n\r\n", 'ok', status => 304, body => '',
        reuse => 1, fields => { etag => '"a"' } ],
    [ '304, chunked' => "HTTP/1.1 304 Same\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n", 'ok', status => 304,
        body => '', reuse => 1 ],
    [ '304 with a body' => "HTTP/1.1 304 Same\r\nContent-Length: 4\r\n\r\n"
        . 'EVIL', 'ok', status => 304, body => '', reuse => 0 ],
];

my $SECOND = "${OK}X-Evil: EVIL\r\n$EVIL";

$CASES{surplus} = [
    [ 'a whole response' => "$OK$FIVE$SECOND", 'ok', reuse => 0 ],
    [ 'one byte'         => "$OK${FIVE}x", 'ok', reuse => 0 ],
    [ 'an empty line'    => "$OK$FIVE\r\n", 'ok' ],
    [ 'behind the last chunk' => "$CH$HEY$SECOND", 'ok', reuse => 0 ],
    [ 'behind no body'  => "${OK}Content-Length: 0\r\n\r\n$SECOND", 'ok',
        body => '', reuse => 0 ],
    [ 'behind 204' => "HTTP/1.1 204 No\r\n\r\n$SECOND", 'ok', status => 204,
        body => '', reuse => 0 ],
    [ 'behind HEAD' => "${OK}Content-Length: 5\r\n\r\n$SECOND", 'ok',
        method => 'HEAD', body => '', reuse => 0 ],
    [ 'a megabyte' => $OK . $FIVE . 'EVIL' x 262_144, 'ok', reuse => 0 ],
    [ 'a moment later' => '', 'ok', reuse => 0, wait => 0.1,
        pieces => [ "$OK$FIVE", 0.02, $SECOND ] ],
    [ 'a late 408' => '', 'ok', reuse => 0, wait => 0.1, end => 'close',
        pieces => [ "$OK$FIVE", 0.02, "HTTP/1.1 408 EVIL\r\n"
            . "Connection: close\r\nContent-Length: 0\r\n\r\n" ] ],
];

# --- interim responses (69-71) ------------------------------------------

my $H103 = "HTTP/1.1 103 Early\r\nLink: </a>; rel=preload\r\n\r\n";

$CASES{interim} = [
    [ '100 unasked'  => "HTTP/1.1 100 Continue\r\n\r\n$OK$FIVE", 'ok',
        reuse => 1 ],
    [ '100 without a reason' => "HTTP/1.1 100\r\n\r\n$OK$FIVE", 'ok',
        reuse => 1 ],
    [ '102'          => "HTTP/1.1 102 Processing\r\n\r\n$OK$FIVE", 'ok',
        reuse => 1 ],
    [ '103'          => "$H103$OK$FIVE", 'ok', reuse => 1 ],
    [ '199 with a field' => "HTTP/1.1 199 Odd\r\nX-A: b\r\n\r\n$OK$FIVE",
        'ok', reuse => 1 ],
    [ '50 of them'   => $H103 x 50 . "$OK$FIVE", 'ok', reuse => 1 ],
    [ 'with a length' => "HTTP/1.1 103 Early\r\nContent-Length: 5\r\n\r\n"
        . "$OK$FIVE", 'ok' ],
    [ 'with chunked' => "HTTP/1.1 103 Early\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n$OK$FIVE", 'ok' ],
    [ 'in pieces'    => '', 'ok', reuse => 1, pieces => [ "HTTP/1.1 10", 0.01,
        "3 Early\r\n\r", 0.01, "\nHTTP/1.1 2", 0.01, "00 OK\r\n$FIVE" ] ],
    [ 'a CR in a value' => "HTTP/1.1 103 Early\r\nX-Evil: \rEVIL\r\n\r\n"
        . "$OK$EVIL", 'bad' ],
    [ 'a NUL in a value' => "HTTP/1.1 103 Early\r\nX-Evil: \0EVIL\r\n\r\n"
        . "$OK$EVIL", 'bad' ],
    [ 'a bad name'   => "HTTP/1.1 103 Early\r\nX Evil: EVIL\r\n\r\n"
        . "$OK$EVIL", 'bad' ],
    [ 'a control in the reason' => "HTTP/1.1 103 Ea\rEVIL\r\n\r\n$OK$FIVE",
        'bad|ok' ],
    [ '101 that nobody asked for' => "HTTP/1.1 101 EVIL\r\n"
        . "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nEVIL", 'bad' ],
    [ 'then the end' => $H103, 'cut', end => 'close' ],
    [ 'then a reset' => $H103, 'cut', end => 'reset' ],
    [ 'then junk'    => "${H103}EVIL\r\n\r\n", 'bad' ],
    [ '100, then the end' => "HTTP/1.1 100 Continue\r\n\r\n", 'bad',
        end => 'close' ],
    [ 'a flood'      => $H103 x 400 . "$OK$EVIL", 'bad' ],
    [ 'one of 80 KiB' => "HTTP/1.1 103 Early\r\n"
        . ('X-Evil: ' . 'EVIL' x 1000 . "\r\n") x 20 . "\r\n$OK$EVIL", 'bad' ],
];

# --- how long a connection lives (74) ------------------------------------

sub _persist {
    my ($want, $version, $value) = @_;
    my $line = defined $value ? "Connection: $value\r\n" : '';
    return [ "HTTP/$version" . (defined $value ? " and '$value'" : ''),
        "HTTP/$version 200 OK\r\n$line$FIVE", 'ok', reuse => $want ];
}

$CASES{persist} = [
    _persist(1, '1.1'), _persist(1, '1.1', 'keep-alive'),
    _persist(1, '1.1', 'x-other'),
    (map { _persist(0, '1.1', $_) } 'close', 'Close', 'CLOSE',
        'x-other, close', 'close,x-other', " close ,\tx-other",
        'keep-alive, close', ',close'),
    _persist(0, '1.0'), _persist(0, '1.0', 'x-other'),
    _persist(0, '1.0', 'close'), _persist(0, '1.0', 'keep-alive, close'),
    _persist(1, '1.0', 'keep-alive'), _persist(1, '1.0', 'Keep-Alive'),
    [ 'close on a second line' => "${OK}Connection: x-other\r\n"
        . "Connection: close\r\n$FIVE", 'ok', reuse => 0 ],
    [ 'closed behind the response' => "$OK$FIVE", 'ok', reuse => 0,
        end => 'close', wait => 0.03 ],
    [ 'reset behind the response' => "$OK$FIVE", 'ok', reuse => 0,
        end => 'reset', late => 1, wait => 0.03 ],
    [ 'half closed behind the response' => "$OK$FIVE", 'ok', reuse => 0,
        end => 'shutdown', wait => 0.03 ],
];

1;
