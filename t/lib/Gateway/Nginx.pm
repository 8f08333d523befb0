package Gateway::Nginx;

=head1 NAME

Gateway::Nginx - a real nginx as backend

=head1 SYNOPSIS

  Gateway::Test->need(command => 'nginx');
  my $n = Gateway::Nginx->new(
      config => 'location /x { return 200 "x\n"; }',   # inside server {}
      docs   => { 'a.txt' => 'text' },
      tls    => 'server',              # a certificate of Gateway::CA
      http   => 'client_max_body_size 1m;');           # inside http {}
  my $s = Gateway::Test->server(vars => { N => $n }, ...);
  # @N@ is host:port, @N_URL@ is http(s)://host:port

=head1 DESCRIPTION

Runs from the package's program with a generated configuration, in the
foreground, in a scratch folder; no system service is touched. Placeholders in
config and http: @ROOT@ @PORT@. With tls also C<http2 => 1> and
C<client_ca => file> (client certificates are then demanded). error_log lines
of level error and above that are not declared by
C<< $n->expect_log(qr/.../) >> fail the test.

=cut

use strict;
use warnings;
use Gateway::CA ();
use Gateway::Process ();
use Gateway::Setup ();
use Time::HiRes qw(time);

my $COUNT = 0;

sub new {
    my ($class, %opt) = @_;
    my ($program) = grep { -x } map { "$_/nginx" }
        split(/:/, $ENV{PATH}), '/usr/sbin';
    $program or die "nginx is not installed\n";
    my $root = Gateway::Setup::fresh_dir(
        Gateway::Test::scratch() . '/nginx' . ++$COUNT);
    my $self = bless { %opt, root => $root, program => $program,
        port => Gateway::Process::take_port(), allowed => [] }, $class;
    Gateway::Setup::make_dir("$root/$_") for qw(docs tmp);
    $self->_write('nginx.conf', $self->_config);
    my $docs = { 'index.html' => "nginx\n", %{ $opt{docs} || {} } };
    $self->_write("docs/$_", $docs->{$_}) for keys %$docs;
    push @Gateway::Test::AT_END, sub { $self->audit };
    return $self->start;
}

sub port     { return $_[0]{port} }
sub root     { return $_[0]{root} }
sub hostport { return "127.0.0.1:$_[0]{port}" }
sub url      { return ($_[0]{tls} ? 'https://' : 'http://') . $_[0]->hostport }

sub _write {
    my ($self, $name, $text) = @_;
    my $file = "$self->{root}/$name";
    my ($dir) = $file =~ m{\A(.*)/};
    Gateway::Setup::make_dir($dir);
    open my $fh, '>:raw', $file or die "$file: $!";
    print {$fh} $text;
    CORE::close $fh or die "$file: $!";
    chmod 0644, $file;
    return;
}

sub _config {
    my ($self) = @_;
    my $root = $self->{root};
    my $user = Gateway::Setup::user();
    my $extra = join "\n", map { _expand($self, $_ // '') }
        $self->{http};
    my $inside = _expand($self, $self->{config} // '');
    my $temp = join "\n", map { "    ${_}_temp_path $root/tmp;" }
        qw(client_body proxy fastcgi uwsgi scgi);
    return ($user ? "user $user;\n" : '') . <<"EOC";
worker_processes 1;
pid $root/nginx.pid;
error_log $root/error.log notice;
events { worker_connections 4096; }
http {
    access_log $root/access.log;
$temp
    default_type text/plain;
    keepalive_timeout 60s;
    $extra
    server {
        listen 127.0.0.1:$self->{port}@{[ $self->_listen ]};
        server_name localhost;
        root $root/docs;
@{[ $self->_tls ]}
        $inside
    }
}
EOC
}

sub _expand {
    my ($self, $text) = @_;
    my %values = (ROOT => $self->{root}, PORT => $self->{port});
    $text =~ s/\@([A-Z]+)\@/$values{$1} \/\/ "\@$1\@"/ge;
    return $text;
}

sub _listen {
    my ($self) = @_;
    return join '', $self->{tls} ? ' ssl' : '',
        $self->{http2} ? ' http2' : '';
}

sub _tls {
    my ($self) = @_;
    return '' unless $self->{tls};
    my ($cert, $key) = Gateway::CA::pair($self->{tls});
    my $text = "        ssl_certificate $cert;\n"
        . "        ssl_certificate_key $key;\n";
    $text .= "        ssl_client_certificate $self->{client_ca};\n"
        . "        ssl_verify_client on;\n" if $self->{client_ca};
    return $text;
}

sub start {
    my ($self) = @_;
    return $self if $self->{process};
    my $root = $self->{root};
    $self->{process} = Gateway::Process->run(
        cmd => [ $self->{program}, '-p', "$root/", '-c', "$root/nginx.conf",
            '-e', "$root/error.log", '-g', 'daemon off;' ],
        log => "$root/output.log");
    my $deadline = time + 10 * Gateway::Setup::patience();
    until (Gateway::Process::listening()->{ $self->{port} }) {
        my $alive = $self->{process}->alive;
        if ($alive && time < $deadline) {
            select undef, undef, undef, 0.01;
            next;
        }
        $self->stop;
        die "nginx did not start:\n", map { "$_\n" } $self->_lines('output'),
            $self->_lines('error');
    }
    return $self;
}

sub stop {
    my ($self) = @_;
    my $process = delete $self->{process} or return $self;
    $process->stop(signal => 'TERM');
    return $self;
}

sub _lines {
    my ($self, $name) = @_;
    open my $fh, '<:raw', "$self->{root}/$name.log" or return;
    return map { chomp; $_ } <$fh>;
}

sub access_log { return $_[0]->_lines('access') }
sub error_log_lines { return $_[0]->_lines('error') }

sub expect_log {
    my ($self, $re) = @_;
    push @{ $self->{allowed} }, $re;
    return;
}

sub audit {
    my ($self) = @_;
    $self->stop;
    my @wrong;
    for my $line ($self->_lines('error'), $self->_lines('output')) {
        next unless $line =~ /\[(?:error|crit|alert|emerg)\]/;
        next if grep { $line =~ $_ } @{ $self->{allowed} };
        push @wrong, "undeclared in nginx's log: $line";
    }
    return @wrong;
}

1;
