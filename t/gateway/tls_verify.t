# Certificates of backends, by default: which are accepted, and for which the
# client gets a 502, nothing is sent, no second attempt is made, and the log
# says whose certificate it is, what is wrong and what would change it.
use Gateway::Test;

# rule => [certificate, host of the URL, words of the reason or '' for good,
# keys of the rule]
my @cases = (
    [ server     => 'localhost', '' ],
    [ server     => '127.0.0.1', '' ],
    [ server     => 'localhost', '', 'verifyname=backend.test' ],
    [ server     => 'localhost', '', 'verifyname=BACKEND.Test' ],
    [ server     => 'localhost', '', 'verifyname=::1' ],
    [ server     => 'localhost', '', 'verifyname=a.wild.test' ],
    [ chain      => 'localhost', '' ],
    [ other      => 'localhost', '', 'verifyname=other.test' ],
    [ other      => '127.0.0.1', '', 'verifyname=other.test' ],
    [ server     => 'localhost', 'mismatch', 'verifyname=wild.test' ],
    [ server     => 'localhost', 'mismatch', 'verifyname=a.b.wild.test' ],
    [ server     => 'localhost', 'mismatch', 'verifyname=xlocalhost' ],
    [ server     => 'localhost', 'mismatch', 'verifyname=127.0.0.2' ],
    [ server     => 'localhost', 'mismatch', 'sni=x.test verifyname=x.test' ],
    [ other      => 'localhost', 'mismatch' ],
    [ other      => '127.0.0.1', 'mismatch' ],
    [ cnonly     => 'localhost', 'mismatch' ],
    [ cnother    => 'localhost', 'mismatch' ],
    [ expired    => 'localhost', 'expired' ],
    [ notyet     => 'localhost', 'not yet valid' ],
    [ wrongeku   => 'localhost', 'purpose' ],
    [ nochain    => 'localhost', 'local issuer' ],
    [ unknown    => 'localhost', 'local issuer' ],
    [ selfsigned => 'localhost', 'self[- ]signed' ],
);

my (%backend, %vars, $config);
my $n = 0;
for my $case (@cases) {
    my ($name, $host, undef, $keys) = @$case;
    $backend{$name} ||= Gateway::Backend->http({ '*' => [ 200, [], $name ] },
        tls => $name);
    $n++;
    $config .= "GatewayPass /$n https://$host:" . $backend{$name}->port . '/ '
        . ($keys // '') . "\n";
}

my $s = Gateway::Test->server(
    config => "GatewaySSLCACertificateFile \@CA\@\n$config");

$n = 0;
for my $case (@cases) {
    my ($name, $host, $reason, $keys) = @$case;
    my $b = $backend{$name}->clear;
    my $what = "$name, $host" . ($keys ? ", $keys" : '');
    $n++;
    if (!$reason) {
        is $s->get("/$n")->body, $name, $what;
        next;
    }
    my $r = $s->request('POST', "/$n", [], 'secret');
    is $r->status, 502, "$what: refused";
    is $b->connections, 1, '  once';
    $b->wait_event(what => 'tls');
    is $b->received, '', '  nothing was sent';
    like $r->header('proxy-status'), qr/error=tls_certificate_error/,
        '  Proxy-Status says so';
    unlike $r->body, qr/CN|$reason/i, '  the client is told no details';
}

my @refused = grep { $_->[2] } @cases;
my @lines = map { $_->{gw_reason} } grep { $_->{status} == 502 }
    $s->access_log(wait => scalar @cases);
is scalar @lines, scalar @refused, 'as many in the access log';
is scalar(grep { $_ eq '-' } @lines), 0, 'each with a reason';
is scalar(grep { $_->{status} == 200 && $_->{gw_tls} !~ /\ATLSv1\.[23]/ }
    $s->access_log), 0, 'GATEWAY_TLS has the version of the good ones';

# A line for each refusal, with subject, reason and directive.
for my $case (@refused) {
    my ($name, undef, $reason) = @$case;
    my $cn = $name eq 'other' ? 'other\.test' : 'localhost';
    my $remedy = $reason eq 'mismatch' ? 'verifyname=' : 'GatewaySSL\w+';
    my @parts = (':error\]', $reason, "subject CN=$cn\\b", $remedy);
    my $all = join '', map { "(?=.*$_)" } @parts;
    $s->expect_log(qr/^$all/);
}
done_testing;
