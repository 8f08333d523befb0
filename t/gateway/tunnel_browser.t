# A page in a real browser (headless Chromium) that talks WebSocket through the
# gateway: from a page over HTTP/1.1, over TLS, and over HTTP/2 (RFC 8441).
use Gateway::Test;
use Gateway::Setup ();
use Gateway::WebSocket;
use JSON::PP ();

Gateway::Test->need(mpm => [qw(event worker)], command => 'chromium');
my ($language) = Gateway::WebSocket::languages();
plan skip_all => 'neither python3-websockets nor node-ws is installed'
    if !$language;

my $page = <<'EOC';
<!doctype html><title>t</title><script>
const said = { flood: 0 };
const url = location.origin.replace('http', 'ws') + '/chat/room';
const socket = new WebSocket(url, ['chat']);
const block = new Uint8Array(500000).map((_, i) => i * 7919 % 251);
let step = 0;
function end() {
    fetch('/report/', { method: 'POST', body: JSON.stringify(said) });
}
socket.binaryType = 'arraybuffer';
socket.onopen = () => {
    said.protocol = socket.protocol;
    said.extensions = socket.extensions;
    socket.send('h\u00e4llo');
};
socket.onmessage = (event) => {
    const data = event.data;
    switch (step++) {
    case 0:
        said.echo = data === 'h\u00e4llo';
        socket.send(block);
        break;
    case 1:
        said.binary = new Uint8Array(data).every((b, i) => b === block[i])
            && data.byteLength === block.length;
        socket.send('ping');
        break;
    case 2:
        said.pong = data;
        socket.send('flood 500');
        break;
    default:
        said.flood += data.length;
        if (said.flood === 500000) {
            socket.send('close 4001 enough');
        }
    }
};
socket.onerror = () => { said.error = 'error'; };
socket.onclose = (event) => {
    said.code = event.code;
    said.reason = event.reason;
    end();
};
</script>
EOC

my $b = Gateway::Backend->http({ '/report/' => [ 200, [], 'thanks' ],
    '/page' => [ 200, [ 'Content-Type' => 'text/html' ], $page ] });
my $w = Gateway::WebSocket->server($language);
my $conf = <<'EOC';
GatewayPass /report http://@B@/report
GatewayPass /page   http://@B@/page
GatewayPass /chat   http://@W@
EOC

sub browse {
    my ($url) = @_;
    $b->clear;
    my $dir = Gateway::Setup::fresh_dir(Gateway::Test::scratch() . '/browser');
    my $browser = Gateway::Process->run(log => "$dir/log", cmd => [
        'chromium', '--headless', '--no-sandbox', '--disable-gpu',
        '--disable-dev-shm-usage', '--no-first-run',
        '--disable-background-networking', '--disable-sync',
        '--ignore-certificate-errors', "--user-data-dir=$dir/data",
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost',
        '--remote-debugging-port=0', $url ]);
    my ($report) = $b->wait_event(what => 'request', target => '/report/',
        within => 40);
    $browser->stop(signal => 'TERM');
    return {} if !$report;
    return JSON::PP::decode_json($report->{body});
}

for my $how ([ 'HTTP/1.1', 0, 0, 'HTTP/1.1' ], [ 'TLS', 1, 0, 'HTTP/1.1' ],
    [ 'HTTP/2', 1, 1, 'HTTP/2.0' ]) {
    my ($name, $tls, $h2, $version) = @$how;
    my $s = Gateway::Test->server(vars => { B => $b, W => $w }, ssl => 1,
        h2 => $h2, config => $conf,
        ssl_config => ($h2 ? "H2WebSockets On\n" : '') . $conf);
    my $said = browse(($tls ? 'https://localhost:' . $s->ssl_port
        : 'http://localhost:' . $s->port) . '/page');
    is $said->{error}, undef, "$name: no error";
    is $said->{protocol}, 'chat', 'the subprotocol';
    like $said->{extensions}, qr/permessage-deflate/, 'compression';
    ok $said->{echo}, 'text there and back';
    ok $said->{binary}, '500 KB there and back';
    is $said->{pong}, 'pong', 'a ping';
    is $said->{flood}, 500_000, '500 messages';
    is $said->{code}, 4001, 'the code at the close';
    is $said->{reason}, 'enough', 'and the reason';
    my ($line) = grep { $_->{uri} eq '/chat/room' } $s->access_log(wait => 3);
    is $line->{status}, 101, 'logged';
    like $line->{request}, qr/ \Q$version\E\z/, "came over $version";
    $s->stop;
}
done_testing;
