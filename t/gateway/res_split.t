# Every byte boundary of a response may be the end of a packet: the cases of
# the table, one byte at a time, have the same result as in one piece.
use Gateway::Test;
use Gateway::Hostile;

my $WORKERS = 8;
my $h = Gateway::Hostile->new(qw(status header length coding interim),
    { slow => 1 });
my @cases = grep { !$_->{pieces} && length $_->{bytes} < 150 } $h->cases;
my @chunks = grep { length $_->{bytes} < 110 }
    Gateway::Hostile::cases_of('chunk'), Gateway::Hostile::cases_of('short');
my $n = 0;
@cases = grep { $n++ % 3 == 0 } @cases, @chunks;

my $s = Gateway::Test->server(
    vars => { B => $h->backend }, config => "GatewayPass /app http://\@B\@\n");
$s->expect_log(qr/GW00150/);
$s->allow_log(qr/AH00161/);

# One process per worker, which writes down what is wrong.
my @files = map { Gateway::Test->scratch . "/worker$_" } 1 .. $WORKERS;
my @pids;
for my $w (1 .. $WORKERS) {
    push @pids, Gateway::Process::spawn(sub {
        open my $out, '>', $files[$w - 1] or die "$!";
        $h->{seq} = $w * 10_000;
        for my $i (grep { $_ % $WORKERS == $w - 1 } 0 .. $#cases) {
            my %case = %{ $cases[$i] };
            # others may take the connection first
            delete $case{reuse} if $case{reuse};
            print {$out} "$i ", join(' / ', $h->problems($s, \%case)), "\n";
        }
        close $out;
    });
}
waitpid $_, 0 for @pids;

my %found;
for my $file (@files) {
    open my $in, '<', $file or next;
    /\A(\d+) (.*)/ and $found{$1} = $2 while <$in>;
}
cmp_ok @cases, '>', 50, 'enough cases';
is $found{$_}, '', "$cases[$_]{group}: "
    . Gateway::Hostile::_printable($cases[$_]{name}) for 0 .. $#cases;

done_testing;
