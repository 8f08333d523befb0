# What "install" puts where apxs says, staged below another root: the modules,
# and on Debian .load files with which a2enmod gets all that they need.
use Gateway::Test;

my $apxs = Gateway::Setup::apxs();
plan(skip_all => 'apxs is not installed') unless $apxs;
my $root = Gateway::Test->scratch . '/installed';
my $build = Gateway::Setup::build();
local @ENV{qw(BUILD DESTDIR APXS)} = ($build, $root, $apxs);
my $ran = Gateway::Client::run(Gateway::Setup::root() . '/tools/install.sh');
is $ran->{exit}, 0, 'installs' or diag $ran->{err};
my ($lib, $etc) = map { my $dir = `$apxs -q $_`; chomp $dir; $dir }
    qw(LIBEXECDIR SYSCONFDIR);

sub slurp {
    open my $fh, '<:raw', $_[0] or return '';
    local $/;
    return scalar <$fh>;
}

my $load = '';
for my $name ('gateway', 'gateway_balancer') {
    next unless -f "$build/mod_$name.so";
    my $file = "$root$lib/mod_$name.so";
    ok slurp($file) eq slurp("$build/mod_$name.so"), "$name: the module";
    is sprintf('%04o', (stat $file)[2] & 07777 & ~0111), '0644',
        '  which everybody may read';
    my $text = slurp("$root$etc/mods-available/$name.load");
    if (-d "$etc/mods-available") {
        like $text, qr{^LoadModule ${name}_module \Q$lib\E/mod_$name\.so$}m,
            '  its .load file';
        like $text, qr/\A# Depends: \w/, '    begins with what it needs';
    }
    my ($needs) = $text =~ /\A# Depends: (.*)/;
    for my $needed (grep { !/\Agateway\z/ } split ' ', $needs // '') {
        my $line = eval { Gateway::Setup::load_module($needed) };
        ok defined $line, "  $needed is there";
        $load .= $line // '' if $needed !~ /\Aauthz_core\z/;
    }
    $load .= "LoadModule ${name}_module $file\n";
    like $ran->{out}, -d "$etc/mods-available" ? qr/^now: a2enmod .*\b$name\b/m
        : qr/^ *LoadModule ${name}_module /m, '  and how to enable it';
}

my $b = Gateway::Backend->http({ '*' => [ 200, [], 'hi' ] });
my $s = Gateway::Test->server(gateway => 0, vars => { B => $b },
    config => "${load}GatewayPass / http://\@B\@\n");
is $s->get('/')->body, 'hi', 'with them the main job is done';
done_testing;
