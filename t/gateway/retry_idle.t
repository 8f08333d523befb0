# A pooled connection that the backend has closed, reset, half closed or
# written to is noticed before it is used: any method goes to a new one, once.
use Gateway::Test;

my $OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
my $LATE = "HTTP/1.1 408 EVIL\r\nContent-Length: 0\r\n\r\n";
my %end = (
    close    => sub { $_[0]->close },
    reset    => sub { $_[0]->reset },
    shutdown => sub { $_[0]->shutdown; $_[0]->read_eof(3) },
    byte     => sub { $_[0]->send('x'); $_[0]->read_eof(3) },
    late     => sub { $_[0]->send($LATE); $_[0]->close },
    response => sub { $_[0]->send("$OK$OK"); $_[0]->read_eof(3) },
);

sub backend {
    my ($end, %opt) = @_;
    return Gateway::Backend->new(%opt, script => sub {
        my $c = shift;
        my $req = $c->read_request or return;
        $c->send($OK);
        $c->pause(0.01);
        $end{$end}->($c);
    });
}

my %servers = map { $_ => backend($_) } keys %end;
my %tls = map { ("tls$_" => backend($_, tls => 'server')) } keys %end;
my $config = join '', (map { "GatewayPass /$_ http://\@\U$_\E\@\n" }
    sort keys %servers), (map {
    "GatewayPass /$_ https://\@\U$_\E\@ verifyname=localhost\n" }
    sort keys %tls);
my %all = (%servers, %tls);
my $s = Gateway::Test->server(children => 1,
    vars => { map { uc $_ => $all{$_} } keys %all },
    config => "GatewaySSLCACertificateFile \@CA\@\n$config");
$s->allow_log(qr/AH00161/);

is $s->get("/$_")->status, 200, "$_: first" for sort keys %all;
select undef, undef, undef, 0.05;
for my $name (sort keys %all) {
    my $r = $s->post("/$name/x", 'data');
    is_deeply [ $r->status, $r->body ], [ 200, 'ok' ], "$name: POST";
    is scalar(grep { $_->target eq '/x' } $all{$name}->requests), 1,
        'once at the backend';
    is $all{$name}->connections, 2, 'on a new connection';
}
my @lines = grep { $_->{method} eq 'POST' } $s->access_log(
    wait => 2 * keys %all);
is scalar(grep { $_->{gw_attempts} != 1 || $_->{gw_reused} } @lines), 0,
    'not by a second attempt';

done_testing;
