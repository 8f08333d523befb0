# What the server says at its start about how much it can hold: in a notice
# where descriptors, AsyncRequestWorkerFactor or ThreadLimit are too small for
# what is configured, with the number to set; else only at level info.
use Gateway::Test;

Gateway::Test->need(mpm => 'event');
my $b = Gateway::Backend->http({ '*' => [ 200, [], 'ok' ] });
my $files = (split ' ', `sh -c 'ulimit -n'`)[0];

# The lines about it of a server of its own, as [number, level, text].
sub said {
    my ($config, %opt) = @_;
    my $s = Gateway::Test->server(driver => 'auto', keep => 0, lane => qr/./,
        vars => { B => $b }, loglevel => 'gateway:info', children => 2,
        threads => 8, config => "GatewayPass /app http://\@B\@\n$config",
        %opt);
    is $s->get('/app/x')->status, 200, 'it works';
    open my $fh, '<', $s->root . '/logs/error.log' or die $!;
    my @all = map { /\[gateway:(\w+)\].* GW(0209[3-6]): (.*)/
        ? [ $2, $1, $3 ] : () } <$fh>;
    $s->stop;
    return \@all;
}
sub notices { return grep { $_->[1] ne 'info' } @{ $_[0] } }

my $said = said('');
is scalar(notices($said)), 0, 'nothing but the limits';
is scalar(@$said), 1, '... once';
like $said->[0][2], qr/up\ to\ 2\ children\ .*up\ to\ 24\ connections.*
    ThreadsPerChild\ 8,.*Factor\ 2\ times.*\b176\ descriptors/x,
    '... of the default';

$said = said('', mpm_config => "<IfModule mpm_event_module>\n"
    . "AsyncRequestWorkerFactor 3.53\n</IfModule>\n");
like $said->[0][2], qr/up to 36 connections.*Factor 3\.5 times/,
    'a factor in sixteenths';

# More connections than descriptors.
SKIP: {
    skip 'no limit of descriptors', 5 if $files !~ /\A\d+\z/
        || $files > 50_000_000;
    my $factor = int($files / 8);
    my $needed = 2 * 8 * (1 + $factor) + 128;
    $said = said('', mpm_config => "AsyncRequestWorkerFactor $factor\n");
    my ($notice, @more) = notices($said);
    is scalar(@more), 0, 'one notice';
    is "@$notice[0, 1]", '02094 notice', '... about descriptors';
    like $notice->[2], qr/takes $needed descriptors, .* limit is $files\b/,
        '... with what is needed and what is there';
    my ($fits) = $notice->[2] =~ /set AsyncRequestWorkerFactor (\d+)\z/;
    is scalar(notices(said('',
        mpm_config => "AsyncRequestWorkerFactor $fits\n"))), 0,
        '... and the factor that it names fits';
}

# A max= that is never reached.
$said = said("GatewayPass /big http://\@B\@ max=100\n");
my ($notice, @more) = notices($said);
is scalar(@more), 0, 'one notice';
is "@$notice[0, 1]", '02095 notice', '... about max=';
like $notice->[2], qr/max=100 for .* hold 48 connections/, '... with both';
my ($fits) = $notice->[2] =~ /AsyncRequestWorkerFactor (\d+) is enough/;
is $fits, 6, '... and a factor';
is scalar(notices(said("GatewayPass /big http://\@B\@ max=100\n",
    mpm_config => "AsyncRequestWorkerFactor $fits\n"))), 0,
    '... which is enough';
is scalar(notices(said("GatewayPass /big http://\@B\@ max=48\n"))), 0,
    'a max= that is reached';

# The scoreboard.
my @more_helpers = ("GatewayHelpers 40\nGatewayEventLoops 2\n");
$said = said("@more_helpers", modules => ['status']);
($notice, @more) = notices($said);
is scalar(@more), 0, 'one notice';
is "@$notice[0, 1]", '02096 notice', '... about the scoreboard';
like $notice->[2], qr/leaves 40 places.*42 loops.*ThreadLimit 50\z/,
    '... with what to set';
is scalar(notices(said("GatewayHelpers 38\nGatewayEventLoops 2\n",
    modules => ['status']))), 0, 'as many as there are places';
is scalar(notices(said("@more_helpers"))), 0, 'nobody asks: no notice';

# Without rules, or with another engine, it is nobody's business.
my $s = Gateway::Test->server(driver => 'auto', loglevel => 'gateway:info',
    mpm_config => "AsyncRequestWorkerFactor 1000000\n");
$s->get('/');
open my $fh, '<', $s->root . '/logs/error.log' or die $!;
is scalar(grep { /GW0209[3-6]/ } <$fh>), 0, 'no rules: nothing';

done_testing;
