# What mod_status shows of the loops while children come and go: those that
# drain after a graceful restart still count; what a killed one had is gone,
# what it had done is not; a restart that kills everything begins anew.
use Gateway::Test;
use Gateway::Herd;

Gateway::Test->need(mpm => 'event', driver => 'event');
my $h = Gateway::Herd->new;
my $s = Gateway::Test->server(driver => 'event', modules => ['status'],
    vars => { H => $h }, ports => ['STATUS'], keep => 0, config => <<'EOC');
ExtendedStatus On
GatewayEventLoops 2
Listen 127.0.0.1:@STATUS@
<VirtualHost *:@STATUS@>
    GatewayEvent Off
    <Location /server-status>
        SetHandler server-status
    </Location>
</VirtualHost>
GatewayPass /herd http://@H@
EOC

sub status {
    my $c = $s->client(port => $s->port('STATUS'));
    my $r = $c->get('/server-status?auto', 'Connection: close')->response;
    $c->close;
    return { map { /\A(\S[^:]*): (.*)/ ? ($1 => $2) : () } split /\n/,
        $r->body };
}
sub becomes {
    my ($name, $want, $what) = @_;
    my $have;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok $s->wait_for(sub { ($have = status()->{"Gateway$name"} // '')
        eq $want }, 5), $what || "$name is $want" || diag "not $have";
}
sub held {
    my ($n) = @_;
    my @c = Gateway::Herd->clients($s, $n);
    $_->get('/herd/x?hold') for @c;
    return @c;
}

# A graceful restart: old and new children together.
my @old = held(5);
becomes('ConnsSuspended', 5);
is status()->{GatewayLoops}, 2, 'the loops of one child';
$s->restart('graceful');
my @new = held(3);
becomes('ConnsSuspended', 8, 'those of both generations');
becomes('Loops', 4);
$h->release;
is_deeply(Gateway::Herd->answers(5, @old, @new), { 200 => 8 }, 'answered');
becomes('RequestsInline', 8, 'requests of both generations');
becomes('Loops', 2, 'the old child is gone');
becomes('RequestsInline', 8, '... what it did is not');
$_->close for @old, @new;
becomes('ConnsAdopted', 0);

# A child that is killed.
@new = held(4);
becomes('RequestsInline', 12, 'served at once, they are released');
becomes('ConnsAdopted', 4);
my ($pid) = $s->children;
kill KILL => $pid;
becomes('ConnsAdopted', 0, 'its connections are gone');
becomes('RequestsInline', 12, '... what it did is not');
becomes('Loops', 2, '... another one has come');
$_->close for @new;

# A restart that is not graceful.
$s->restart;
becomes('RequestsInline', 0, 'all begins anew');
cmp_ok status()->{'Total Accesses'}, '<', 12, '... in httpd, too';
becomes('Loops', 2);

done_testing;
