# Idle connections are looked at while nobody asks for them: one that the
# backend has closed or written to, or whose time is over, is closed within
# some two seconds, and so costs neither side a descriptor.
use Gateway::Test;
use Time::HiRes 'time';

my $OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
my %does = (
    fin  => sub { $_[0]->shutdown },
    byte => sub { $_[0]->send('x') },
    late => sub { $_[0]->send("HTTP/1.1 408 Late\r\n\r\n") },
    ttl  => sub { },
    told => sub { },
    stay => sub { },
);
my %fields = (told => "Keep-Alive: timeout=2\r\n");
my %b = map {
    my $name = $_;
    ($name => Gateway::Backend->new(script => sub {
        my $c = shift;
        while (my $req = $c->read_request) {
            my $answer = $OK;
            $answer =~ s/\r\n/"\r\n" . ($fields{$name} || '')/e;
            $c->send($answer);
            $c->pause(0.02);
            $does{$name}->($c);
        }
    }));
} keys %does;
my $s = Gateway::Test->server(children => 1,
    vars => { map { uc $_ => $b{$_} } keys %b },
    config => join '', map { "GatewayPass /$_ http://\@\U$_\E\@"
        . ($_ eq 'ttl' ? ' ttl=1' : '') . "\n" } sort keys %b);
$s->allow_log(qr/AH00161/);

my %start;
for my $name (sort keys %b) {
    $start{$name} = time;
    is $s->get("/$name/x")->status, 200, "$name: served";
}
for my $name (grep { $_ ne 'stay' } sort keys %b) {
    my $end = $b{$name}->wait_event(what => 'end', within => 4);
    my $took = $end ? $end->{time} - $start{$name} : 99;
    ok $took < 3.2 * Gateway::Setup::patience(), "$name: closed"
        or diag "$took s";
}
is scalar(() = $b{stay}->events(what => 'end')), 0, 'a good one stays open';
$s->get('/stay/x');
is $b{stay}->connections, 1, 'and is used';

done_testing;
