# Real WebSocket software at both ends: python3-websockets and node-ws, in
# clear text and over TLS, with its messages, fragments, compression, pings and
# close frames.
use Gateway::Test;
use Gateway::Setup ();
use Gateway::WebSocket;

my @languages = Gateway::WebSocket::languages();
plan skip_all => 'neither python3-websockets nor node-ws is installed'
    if !@languages;

my %server = map { uc, Gateway::WebSocket->server($_) } @languages;
my $conf = join '', map { "GatewayPass /\L$_\E http://\@$_\@\n" }
    sort keys %server;
my $s = Gateway::Test->server(vars => \%server, ssl => 1, config => $conf,
    ssl_config => $conf);
my $n = 0;

for my $server (@languages) {
    for my $client (@languages) {
        for my $scheme (qw(ws wss)) {
            my $name = "$client to $server, $scheme";
            my $port = $scheme eq 'ws' ? $s->port : $s->ssl_port;
            my $said = Gateway::WebSocket::client($client,
                "$scheme://localhost:$port/$server/chat");
            is $said->{error}, undef, "$name: no error";
            is $said->{protocol}, 'chat', 'the subprotocol';
            is scalar @{ $said->{extensions} || [] }, 1, 'compression';
            ok $said->{echo}, 'text there and back';
            ok $said->{binary}, '1 MB there and back';
            is $said->{text}, 'abc', 'fragments';
            ok $said->{ping}, 'the client pings';
            is $said->{pong}, 'pong', 'the server pings';
            is $said->{flood}, 2_000_000, '2000 messages';
            is $said->{code}, 4001, 'its code';
            is $said->{reason}, 'enough', 'and reason at the close';
            my $line = ($s->access_log(wait => ++$n))[-1];
            is $line->{status}, 101, 'logged';
            is $line->{gw_reason}, '-', 'as ended in order';
        }
    }
}
done_testing;
