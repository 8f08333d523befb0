# Forty clients, each with fifteen requests, good and evil mixed: every answer
# belongs to its request, nothing of a bad response is seen by anyone, and
# nobody waits.
use Gateway::Test;
use Gateway::Hostile;
use Time::HiRes 'time';

my ($PROCESSES, $CLIENTS, $REQUESTS) = (10, 4, 15);
my $h = Gateway::Hostile->new(qw(surplus length short status interim chunk));
my @evil = grep { length $_->{bytes} < 5000 && !$_->{pieces}
    && $_->{method} eq 'GET' } $h->cases;
my $s = Gateway::Test->server(
    vars => { B => $h->backend }, config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);
$s->allow_log(qr/AH00161/);

my $random = 20_251;
sub any { $random = ($random * 1103515245 + 12345) % 2**31; return
    ($random >> 8) % $_[0] }

# What is wrong with one request, or ''.
sub ask {
    my ($c, $nonce, $evil) = @_;
    my $path = $evil ? $evil->{path} : '/good';
    my $start = time;
    my $r = $c->get("/app$path?$nonce")->response;
    my $text = Gateway::Hostile::_text($r);
    return ("$path: no answer: " . $r->why) if !$r->status;
    return "$path: somebody else's: $text" if $text =~ /EVIL/;
    return "$path: not clean: @{ $r->problems }" if $r->status == 200
        && Gateway::Hostile::_unclean($r) && $r->complete;
    return "$path: took long" if time - $start > 3;
    return '' if $evil;
    return $r->status == 200 && $r->body eq "good /good?$nonce" ? ''
        : "$path: not its own: $text";
}

my @files = map { Gateway::Test->scratch . "/process$_" } 1 .. $PROCESSES;
my @pids;
for my $p (1 .. $PROCESSES) {
    push @pids, Gateway::Process::spawn(sub {
        open my $out, '>', $files[$p - 1] or die "$!";
        $random += $p * 7919;
        for my $client (1 .. $CLIENTS) {
            my $c = $s->client;
            for my $n (1 .. $REQUESTS) {
                my $evil = any(3) ? undef : $evil[any(scalar @evil)];
                print {$out} ask($c, "$p.$client.$n", $evil), "\n";
                $c = $s->client if $c->eof_state || $evil;
            }
        }
        close $out;
    });
}
waitpid $_, 0 for @pids;

my @lines;
for my $file (@files) {
    open my $in, '<', $file or next;
    push @lines, <$in>;
}
is scalar @lines, $PROCESSES * $CLIENTS * $REQUESTS, 'all were answered';
is_deeply [ grep { /\S/ } @lines ], [], 'each by its own response';
my $good = grep { $_->{path} eq '/good' } $h->backend->requests;
my $conns = $h->backend->connections;
cmp_ok $conns, '<', @lines - $good + 60, 'good ones share connections';

done_testing;
