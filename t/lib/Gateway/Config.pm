package Gateway::Config;

=head1 NAME

Gateway::Config - writes the configuration of a L<Gateway::Server>

=head1 FILES

conf/httpd.conf is the frame, conf/test.conf what the test gave (line 1 is its
line 1), conf/ssl.conf what it gave as ssl_config.

=head1 ACCESS LOG

One line per request, fields NAME=value with a tab between them:

  client request method uri status bytes in out conn ms port vhost
  gw_lane gw_addr gw_connect_ms gw_ttfb_ms gw_ms gw_status
  gw_attempts gw_tries gw_reused gw_tls gw_reason gw_tunnel_sent
  gw_tunnel_received

"-" is "not set"; conn is X (aborted), + (may be kept alive) or - (closed).

=cut

use strict;
use warnings;
use Gateway::CA ();
use Gateway::Setup ();

my @GATEWAY_ITEMS = qw(LANE ADDR CONNECT_MS TTFB_MS MS STATUS ATTEMPTS
    TRIES REUSED TLS REASON TUNNEL_SENT TUNNEL_RECEIVED);

sub new {
    my ($class, $server) = @_;
    return bless { server => $server, opt => $server->opt,
        root => $server->root }, $class;
}

sub write {
    my ($self) = @_;
    my $opt = $self->{opt};
    $self->_file('conf/test.conf', $self->expand($opt->{config} // ''));
    $self->_file('conf/ssl.conf', $self->expand($opt->{ssl_config} // ''));
    $self->_file('conf/mime.types', "text/html html\ntext/plain txt\n");
    my $docs = { 'index.html' => "It works.\n", %{ $opt->{docs} || {} } };
    $self->_file("htdocs/$_", $docs->{$_}) for sort keys %$docs;
    my $etc = $opt->{etc} || {};
    $self->_file("etc/$_", $etc->{$_}) for sort keys %$etc;
    $self->_file('conf/httpd.conf', join '', $self->_modules, $self->_core,
        $self->_mpm, $self->_log, $self->_driver,
        qq{Include "$self->{root}/conf/test.conf"\n}, $self->_ssl);
    return;
}

sub _file {
    my ($self, $name, $text) = @_;
    my $file = "$self->{root}/$name";
    my ($dir) = $file =~ m{\A(.*)/};
    Gateway::Setup::make_dir($dir) unless -d $dir;
    open my $fh, '>:raw', $file or die "$file: $!";
    print {$fh} $text;
    CORE::close $fh or die "$file: $!";
    chmod 0644, $file;
    return;
}

# --- placeholders ------------------------------------------------------

sub expand {
    my ($self, $text) = @_;
    my %values = $self->_values;
    $text =~ s{\@([A-Z][A-Z0-9_]*)\@}
        { $values{$1} // die "placeholder \@$1\@ has no value: see vars\n" }ge;
    return $text;
}

sub _values {
    my ($self) = @_;
    my $vars = $self->{opt}{vars} || {};
    my $ca = Gateway::CA::dir();
    my %values = (%{ $self->{server}->ports },
        ROOT => $self->{root}, DOCROOT => "$self->{root}/htdocs",
        CA => "$ca/ca.crt", CERTS => $ca,
        DRIVER => $self->{server}->driver,
        MPM => Gateway::Setup::mpm());
    for my $name (keys %$vars) {
        my $value = $vars->{$name};
        $values{$name} = ref $value ? $value->hostport : $value;
        next unless ref $value;
        $values{"${name}_URL"}  = $value->url;
        $values{"${name}_PORT"} = $value->port;
    }
    return %values;
}

# --- the frame ---------------------------------------------------------

sub _modules {
    my ($self) = @_;
    my $opt = $self->{opt};
    my @names = ($self->{server}->mpm_module, 'authz_core', 'unixd',
        'log_config');
    push @names, qw(socache_shmcb ssl) if $opt->{ssl};
    push @names, 'http2' if $opt->{h2};
    push @names, @{ $opt->{modules} || [] };
    if (!$self->_bare) {
        my $build = Gateway::Setup::build();
        -f "$build/mod_gateway.so"
            or die "$build/mod_gateway.so is not built yet:"
            . " make -f Makefile.apxs\n";
        push @names, 'gateway';
        push @names, qw(slotmem_shm watchdog gateway_balancer)
            if -f "$build/mod_gateway_balancer.so";
    }
    my %seen;
    return map { Gateway::Setup::load_module($_) }
        grep { s/\Amod_//; !$seen{$_}++ } @names;
}

# Without our modules?
sub _bare {
    my ($self) = @_;
    my $opt = $self->{opt};
    return defined $opt->{gateway} && !$opt->{gateway}
        || $ENV{GATEWAY_BARE};
}

sub _core {
    my ($self) = @_;
    my $opt = $self->{opt};
    my $root = $self->{root};
    my $port = $self->{server}->port;
    my $user = Gateway::Setup::user();
    my $timeout = $opt->{timeout} || 10;
    $timeout *= Gateway::Setup::patience();
    my $text = <<"EOC";
ServerRoot "$root"
ServerName localhost:$port
Listen 127.0.0.1:$port
PidFile "$root/run/httpd.pid"
DefaultRuntimeDir "$root/run"
CoreDumpDirectory "$root/core"
DocumentRoot "$root/htdocs"
Timeout $timeout
KeepAlive On
KeepAliveTimeout 5
HostnameLookups Off
UseCanonicalName Off
EnableSendfile On
EnableMMAP On
ServerSignature Off
<IfModule mod_mime.c>
    TypesConfig "$root/conf/mime.types"
</IfModule>
EOC
    # valgrind does not take up a wait for a mutex of the kind that is the
    # default (FUTEX_LOCK_PI) after a signal, as the system would
    $text .= qq{Mutex "fcntl:$root/run" mpm-accept\n}
        if Gateway::Setup::valgrind()
        && $self->{server}->mpm_module ne 'mpm_event';
    $text .= "Listen [::1]:$port\n" if $opt->{ipv6};
    $text .= "User $user\nGroup \#" . (getpwnam $user)[3] . "\n" if $user;
    $text .= 'Protocols ' . ($opt->{h2} ? 'h2c ' : '') . "http/1.1\n";
    return $text;
}

sub _mpm {
    my ($self) = @_;
    my $opt = $self->{opt};
    my $threads  = $opt->{threads}  || 16;
    my $children = $opt->{children} || 1;
    my $workers  = $threads * $children;
    my $more = $opt->{mpm_config} // '';
    my ($limit, $factor) = ($threads, '');
    if ($self->{server}->mpm_module eq 'mpm_event') {
        # places in the scoreboard for loops and helpers, and for connections
        $limit += 40;
        $factor = "AsyncRequestWorkerFactor 20\n"
            if $self->{server}->driver eq 'event';
    }
    return <<"EOC" if $self->{server}->mpm_module ne 'mpm_prefork';
StartServers $children
ServerLimit @{[ $children + 7 ]}
ThreadsPerChild $threads
ThreadLimit $limit
MaxRequestWorkers $workers
MinSpareThreads 1
MaxSpareThreads $workers
MaxConnectionsPerChild 0
GracefulShutdownTimeout 5
$factor$more
EOC
    $workers = $opt->{children} || 16;
    my $start = $workers < 3 ? $workers : 3;
    return <<"EOC";
StartServers $start
ServerLimit @{[ $workers + 16 ]}
MaxRequestWorkers $workers
MinSpareServers 1
MaxSpareServers $workers
MaxConnectionsPerChild 0
GracefulShutdownTimeout 5
$more
EOC
}

sub _log {
    my ($self) = @_;
    my $root = $self->{root};
    my @fields = ('client=%h', 'request=%r', 'method=%m', 'uri=%U',
        'status=%>s', 'bytes=%B', 'in=%I', 'out=%O', 'conn=%X', 'ms=%{ms}T',
        'port=%p', 'vhost=%v',
        map { 'gw_' . lc($_) . "=%{GATEWAY_$_}e" } @GATEWAY_ITEMS);
    @fields = grep { !/=%[IO]\z/ } @fields
        unless Gateway::Setup::builtin('logio');
    my $level = join ' ', $ENV{GATEWAY_LOGLEVEL} || 'info',
        $self->{opt}{loglevel} // ();
    my $format = join '\t', @fields;
    return <<"EOC";
ErrorLog "$root/logs/error.log"
LogLevel $level
LogFormat "$format" test
CustomLog "$root/logs/access.log" test
EOC
}

# Only the event MPM has a choice. "event" takes every connection over before
# its first request, and two loops find what one hides.
sub _driver {
    my ($self) = @_;
    return '' if $self->_bare || Gateway::Setup::mpm() ne 'event';
    my %said = (blocking =>
        "<IfDirective GatewayEvent>\nGatewayEvent Off\n</IfDirective>\n",
        auto => '', event => "GatewayEvent Always\nGatewayEventLoops 2\n");
    return $said{ $self->{server}->driver };
}

sub _ssl {
    my ($self) = @_;
    my $opt = $self->{opt};
    return '' unless $opt->{ssl};
    my $port = $self->{server}->ssl_port;
    my $name = $opt->{ssl} eq '1' ? 'server' : $opt->{ssl};
    my ($cert, $key) = Gateway::CA::pair($name);
    my $v6 = $opt->{ipv6} ? "Listen [::1]:$port\n" : '';
    my $h2 = $opt->{h2} ? 'h2 ' : '';
    return <<"EOC";
Listen 127.0.0.1:$port
${v6}SSLSessionCache "shmcb:$self->{root}/run/ssl(512000)"
<VirtualHost *:$port>
    ServerName localhost:$port
    SSLEngine On
    SSLCertificateFile "$cert"
    SSLCertificateKeyFile "$key"
    Protocols ${h2}http/1.1
    Include "$self->{root}/conf/ssl.conf"
</VirtualHost>
EOC
}

1;
