# The same good and bad responses for a client of HTTP/2: status, fields and
# bodies come through, nothing of a bad one does.
use Gateway::Test;
use Gateway::Hostile;

Gateway::Test->need(mpm => [qw(event worker)]);

my $h = Gateway::Hostile->new(qw(header length coding nobody surplus interim),
    { ask => sub {
        my ($server, $case, $target) = @_;
        my $head = $case->{method} eq 'HEAD';
        my $saw = $server->curl($target, tls => 1, '--http2',
            $head ? '-I' : ());
        # with -I the fields are printed, too
        $saw->{body} =~ s/\AHTTP.*?\r\n\r\n//s if $head;
        return Gateway::Hostile::by_curl($saw);
    } });
my $s = Gateway::Test->server(ssl => 1, h2 => 1, vars => { B => $h->backend },
    config => "GatewayPass /app http://\@B\@\n",
    ssl_config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);
$h->run($s);

done_testing;
