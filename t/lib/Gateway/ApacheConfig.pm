package Gateway::ApacheConfig;

=head1 NAME

Gateway::ApacheConfig - an Apache::TestConfig per server, without discovery

=head1 DESCRIPTION

Apache::TestConfig keeps one port per process and reads the machine's httpd
configuration. This subclass takes everything from the L<Gateway::Server>, and
makes Apache::Test::config() return that of the newest server, so that
Apache::TestRequest (GET, POST_BODY, ...), need_module and friends work:

  use Gateway::Test;
  use Apache::TestRequest;        # GET '/x'
  Apache::TestRequest::scheme('https');

=cut

use strict;
use warnings;

# Apache::Test's own switches must not come from outside. Apache::TestMM is for
# Makefile.PL; it brings in Apache::TestSmoke, which looks for core files
# below the current folder at the end of every test.
BEGIN {
    delete @ENV{qw(APACHE_TEST_PORT APACHE_TEST_HTTP11)};
    $INC{'Apache/TestMM.pm'} ||= 'left out';
}

use Apache::TestConfig ();
use Apache::TestServer ();
use Apache::Test ();
use parent -norequire, 'Apache::TestConfig';
use Gateway::CA ();
use Gateway::Setup ();

our $CURRENT;

sub for_server {
    my ($class, $server) = @_;
    my $root = $server->root;
    my $ssl = $server->ports->{SSLPORT};
    my $self = $class->SUPER::new({
        top_dir => Gateway::Setup::root(), t_dir => $root,
        serverroot => $root, documentroot => $server->docroot,
        t_conf => "$root/conf", t_logs => "$root/logs",
        t_conf_file => "$root/conf/httpd.conf",
        t_pid_file => $server->pid_file, sslca => "$root/ca",
        httpd => Gateway::Setup::httpd(), apxs => Gateway::Setup::apxs(),
        port => $server->port, servername => 'localhost',
        remote_addr => '127.0.0.1', scheme => 'http', sslproto => 'all',
        ssl_module_name => 'mod_ssl', _port => $server->port,
    });
    $self->{server}  = $server;
    $self->{mpm}     = Gateway::Setup::mpm();
    $self->{modules} = { map { ("mod_$_.c" => 1) }
        'so', 'http', 'authz_core', @{ $server->opt->{modules} || [] } };
    $self->{vhosts}{mod_ssl} = { port => $ssl, name => "localhost:$ssl",
        hostport => "localhost:$ssl" } if $ssl;
    return $CURRENT = $self;
}

# Apache::TestConfig keeps one port for all objects.
sub select_first_port { return $_[0]{vars}{_port} }
sub new_test_server   { return { } }
sub httpd_config      { return $_[0] }

{
    no warnings 'redefine';
    *Apache::Test::config = sub {
        return $CURRENT || die "no server has been started yet\n";
    };
    *Apache::Test::basic_config = \&Apache::Test::config;
}

1;
