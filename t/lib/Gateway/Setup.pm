package Gateway::Setup;

=head1 NAME

Gateway::Setup - where things are: tree, build, httpd, modules, scratch folder

=head1 DESCRIPTION

Everything that the other classes of the harness must agree on. t/run sets
the environment; a test that is run alone (C<perl -It/lib t/gateway/x.t>) gets
the same answers from the defaults.

  GATEWAY_MPM        event (default), worker or prefork
  GATEWAY_BUILD      folder that holds mod_gateway.so, default build
  GATEWAY_DRIVER     blocking (default), event or auto: see driver()
  GATEWAY_VALGRIND   1: httpd runs under valgrind
  GATEWAY_LOGLEVEL   LogLevel of every server, default "info"
  GATEWAY_BARE       1: do without mod_gateway.so (work on the harness itself)
  GATEWAY_TIMEOUT    seconds that one test file may take, default 120
  GATEWAY_KEEP       1: one line about where logs are, at the end
  APACHE_TEST_HTTPD, APACHE_TEST_APXS   the server's programs

=cut

use strict;
use warnings;
use Cwd ();
use File::Basename ();
use File::Path ();
use File::Spec ();

my $ROOT = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../../..');
my %CACHE;

sub root     { return $ROOT }
sub valgrind { return $ENV{GATEWAY_VALGRIND} ? 1 : 0 }

# Everything is slower under valgrind or a sanitizer: waits are multiplied.
sub patience { return valgrind() ? 6 : sanitized() ? 3 : 1 }

sub mpm {
    my $mpm = $ENV{GATEWAY_MPM} || 'event';
    $mpm =~ /\A(?:event|worker|prefork)\z/
        or die "GATEWAY_MPM=$mpm: event, worker or prefork is needed\n";
    return $mpm;
}

# What drives requests: "blocking", a thread each; "event", the loops of a
# child, from the first request of a connection on; "auto", as in a server that
# says nothing about it. Other MPMs know the first one only.
sub driver {
    my $driver = $ENV{GATEWAY_DRIVER} || 'blocking';
    $driver =~ /\A(?:blocking|event|auto)\z/
        or die "GATEWAY_DRIVER=$driver: blocking, event or auto is needed\n";
    die "the $driver driver needs the event MPM\n"
        if $driver ne 'blocking' && mpm() ne 'event';
    return $driver;
}

sub build {
    my $build = $ENV{GATEWAY_BUILD} || 'build';
    return File::Spec->rel2abs($build, $ROOT);
}

sub httpd {
    return $CACHE{httpd} ||= do {
        my ($found) = grep { defined && -x } $ENV{APACHE_TEST_HTTPD},
            _from_apxs(), '/usr/sbin/apache2', '/usr/sbin/httpd';
        $found or die "httpd is not installed: set APACHE_TEST_HTTPD\n";
        $found;
    };
}

sub apxs {
    return $CACHE{apxs} ||= do {
        my ($found) = grep { defined && -x } $ENV{APACHE_TEST_APXS},
            '/usr/bin/apxs', '/usr/bin/apxs2', '/usr/sbin/apxs';
        $found || '';
    };
}

sub _apxs_q {
    my $apxs = apxs() or return;
    my $out = `$apxs -q @_ 2>/dev/null`;
    chomp $out;
    return $out;
}

sub _from_apxs {
    my ($dir, $name) = (_apxs_q('sbindir'), _apxs_q('progname'));
    return $dir && $name ? "$dir/$name" : undef;
}

sub libexecdir {
    return $CACHE{libexecdir} ||= do {
        my ($found) = grep { defined && -d } $ENV{GATEWAY_LIBEXECDIR},
            '/usr/lib/apache2/modules', _apxs_q('LIBEXECDIR');
        $found or die "httpd's modules are not found: set"
            . " GATEWAY_LIBEXECDIR\n";
        $found;
    };
}

# Modules compiled into the server need (and allow) no LoadModule.
sub builtin {
    my ($name) = @_;
    $CACHE{builtin} ||= do {
        my $list = $ENV{GATEWAY_BUILTIN} || do {
            my $httpd = httpd();
            join ' ', `$httpd -l` =~ /^\s+mod_(\w+)\.c$/mg;
        };
        +{ map { $_ => 1 } split ' ', $list };
    };
    return $CACHE{builtin}{$name};
}

# What t/run puts into the environment once, so that no test asks apxs.
sub export_env {
    $ENV{APACHE_TEST_HTTPD}  = httpd();
    $ENV{APACHE_TEST_APXS}   = apxs();
    $ENV{GATEWAY_LIBEXECDIR} = libexecdir();
    builtin('so');
    $ENV{GATEWAY_BUILTIN} = join ' ', sort keys %{ $CACHE{builtin} };
    return;
}

# The LoadModule line for "headers", "mod_headers" or "gateway"; empty for a
# module that the server has built in.
sub load_module {
    my ($name) = @_;
    $name =~ s/\Amod_//;
    return '' if builtin($name);
    my @dirs = (build(), libexecdir());
    for my $dir (@dirs) {
        next unless -f "$dir/mod_$name.so";
        return qq{LoadModule ${name}_module "$dir/mod_$name.so"\n};
    }
    die "mod_$name.so is neither in @dirs nor built into httpd\n";
}

# Does the module that is tested tell by which lane it served a request?
sub knows_lanes {
    return $CACHE{lanes} //= do {
        open my $fh, '<:raw', build() . '/mod_gateway.so' or return 0;
        local $/;
        index(<$fh>, 'GATEWAY_LANE') >= 0 ? 1 : 0;
    };
}

sub user {
    return if $> != 0;
    my ($user) = grep { defined getpwnam $_ } qw(www-data apache nobody);
    return $user;
}

# t/gateway/010_x.t has its scratch files in build/t/event/gateway/010_x.
sub scratch {
    my ($script) = @_;
    my $file = File::Spec->rel2abs($script || $0, $ROOT);
    my $name = File::Spec->abs2rel($file, "$ROOT/t");
    $name = File::Basename::basename($file) if $name =~ /\A\.\./;
    $name =~ s/\.t\z//;
    $name =~ s/[^\w.\/-]/_/g;
    my $run = mpm() . (driver() eq 'blocking' ? '' : '-' . driver());
    return base() . "/$run/$name";
}

# build/t, or a folder of the system's scratch space where the server's user
# could not enter the tree (a clone in root's home, say).
sub base {
    return $CACHE{base} ||= do {
        my $base = build() . '/t';
        if (user() && !_enterable($base)) {
            my $id = unpack '%32C*', $base;
            $base = File::Spec->tmpdir . "/gateway-tests-$id";
        }
        $base;
    };
}

sub _enterable {
    my ($path) = @_;
    my $dir = '';
    for my $part (grep { length } split m{/}, $path) {
        $dir .= "/$part";
        my @st = stat $dir or return 1;
        return 0 unless $st[2] & 01;
    }
    return 1;
}

# An empty folder that every user may enter.
sub fresh_dir {
    my ($dir) = @_;
    my $base = base();
    $dir =~ m{\A\Q$base\E/.} or die "$dir is outside $base\n";
    File::Path::remove_tree($dir) if -e $dir;
    make_dir($dir);
    return $dir;
}

sub make_dir {
    my ($dir, $mode) = @_;
    my $mask = umask 022;
    File::Path::make_path($dir);
    umask $mask;
    chmod $mode, $dir if defined $mode;
    return $dir;
}

# The run-time libraries that must be loaded first when the module was built
# with sanitizers, because httpd itself was not.
sub preload {
    return @{ $CACHE{preload} ||= [ _find_preload() ] };
}

sub sanitized { return scalar preload() }

# Does what was freed stay for a while? A sanitizer and valgrind keep it (and
# tables, or translated code, of their own), so that a bound on memory must be
# wider by tens of megabytes.
sub hoards { return sanitized() || valgrind() }

# Is the server's APR the one of tools/apr-debug.sh? It ends a process that
# joins tables of pools which are not each other's ancestors, as httpd's own
# ap_internal_fast_redirect() does.
sub pool_debug {
    return grep { m{/apr-debug/lib/?\z} } split /:/,
        $ENV{LD_LIBRARY_PATH} // '';
}

sub _find_preload {
    return split /:/, $ENV{GATEWAY_PRELOAD} if $ENV{GATEWAY_PRELOAD};
    my $so = build() . '/mod_gateway.so';
    return unless -f $so;
    my @found;
    for my $lib (`readelf -d '$so' 2>/dev/null`
        =~ /NEEDED.*\[(lib(?:[atu]bsan|asan|tsan|clang_rt\.\w+)[^\]]*)\]/g) {
        for my $cc (qw(gcc clang)) {
            chomp(my $path = `$cc -print-file-name=$lib 2>/dev/null` || '');
            next unless $path =~ m{\A/} && -e $path;
            push @found, $path;
            last;
        }
    }
    return @found;
}

1;
