# Members that are added, removed, stopped while the server runs: they are
# checked like the first member of their scheme, as long as they are there and
# not stopped; who is shown as failed, is.
use Gateway::Test;
use Gateway::Admin ();

my %health = map { $_ => Gateway::Test->scratch . "/$_" } qw(A B C);
sub member {
    my ($name) = @_;
    return Gateway::Backend->http(sub {
        my $req = shift;
        return [ 200, [], $name ] if $req->target ne '/health';
        return [ -e $health{$name} ? 503 : 200, [], '' ];
    });
}

sub sick {
    my ($name, $on) = @_;
    return unlink $health{$name} if !$on;
    open my $fh, '>', $health{$name} or die "$name: $!";
    close $fh or die "$name: $!";
    return;
}

my %b = map { $_ => member($_) } qw(A B C);
my $s = Gateway::Test->server(vars => \%b, children => 2,
    modules => Gateway::Admin::modules(),
    config => Gateway::Admin::config() . <<'EOC');
<Gateway balancer://app>
    GatewayMember http://@A@ hcmethod=GET hcuri=/health hcinterval=150ms
    GatewaySet slowstart=0
</Gateway>
GatewayPass /app balancer://app
EOC
my $admin = Gateway::Admin->new($s);

sub checks { return scalar(() = grep { $_->target eq '/health' }
    $_[0]->requests) }

sub used {
    my %used;
    $used{ $s->get('/app/x')->body }++ for 1 .. 12;
    return join ' ', sort keys %used;
}

ok $b{A}->wait(sub { checks($b{A}) >= 2 }), 'the first is checked';
is checks($b{B}), 0, 'others are not yet members';
is $admin->add(app => $b{B}->url), 'done', 'B is added';
ok $b{B}->wait(sub { checks($b{B}) >= 3 }), '... and checked';
sick(B => 1);
ok $s->wait_log(qr{member \Q${\ $b{B}->url}\E: .*\[CHECK FAILED\]$}),
    '... until it fails';
is used(), 'A', '... then it is not used';
like $admin->member($b{B}->url)->{status}, qr/C/, '... as one can see';
sick(B => 0);
ok $s->wait_log(qr{member \Q${\ $b{B}->url}\E: .*\[IN USE\]$}), '... back';
is used(), 'A B', '... used';

is $admin->set(app => $b{B}->url, 'status=+S'), 'done', 'B is stopped';
select undef, undef, undef, 0.3;
$b{B}->clear;
$b{A}->clear;
$b{A}->wait(sub { checks($b{A}) >= 5 });
is checks($b{B}), 0, '... and not checked';
is $admin->set(app => $b{B}->url, 'status=-S'), 'done', '... started';
ok $b{B}->wait(sub { checks($b{B}) >= 2 }), '... and checked';

is $admin->set(app => $b{B}->url, 'status=+N'), 'done', 'B drains';
is $admin->remove(app => $b{B}->url), 'done', '... and is removed';
select undef, undef, undef, 0.5;
$_->clear for $b{A}, $b{B};
$b{A}->wait(sub { checks($b{A}) >= 5 });
is checks($b{B}), 0, '... and not checked any more';
is $admin->add(app => $b{C}->url), 'done', 'C is added in its place';
ok $b{C}->wait(sub { checks($b{C}) >= 2 }), '... and checked';
is used(), 'A C', '... used';
is scalar($s->log->grep(qr/GW01301/)), 2, 'nothing else happened';
$s->allow_log(qr/GW01[01]\d\d/);
done_testing;
