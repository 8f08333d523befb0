package Gateway::Admin;

=head1 NAME

Gateway::Admin - looks at and changes the balancers of a running server

=head1 SYNOPSIS

  my $s = Gateway::Test->server(modules => Gateway::Admin::modules(),
      config => Gateway::Admin::config() . <<'EOC', ...);
  my $admin = Gateway::Admin->new($s);
  my $m = $admin->member('http://...');    # { url, status, elected, ... }
  my $b = $admin->balancer('app');         # { places, waiting, ... }
  is $admin->set(app => $url, 'status=+N'), 'done';
  $admin->add(app => $url, 'loadfactor=2');  $admin->remove(app => $url);

It speaks to mod_t_admin (t/modules), at /t-admin; new($s, 'NAME') on another
port of the server.

=cut

use strict;
use warnings;

sub modules { return ['t_admin'] }

sub config {
    return <<'EOC';
GatewayPass /t-admin !
<Location /t-admin>
    SetHandler t-admin
</Location>
EOC
}

sub new {
    my ($class, $server, $port) = @_;
    return bless { server => $server, port => $port }, $class;
}

sub _get {
    my ($self, $query) = @_;
    my $s = $self->{server};
    my $c = $s->client(port => $s->port($self->{port} || 'PORT'));
    return $c->get("/t-admin?$query", 'Connection: close')->response->body;
}

sub list {
    my ($self) = @_;
    my $text = $self->_get('list');
    return map { { /(\w+)=(\S*)/g } } split /\n/, $text;
}

# By URL; of the balancer of that name, if one is given.
sub member {
    my ($self, $url, $balancer) = @_;
    my ($m) = grep { ($_->{url} // '') eq $url
        && (!defined $balancer || $_->{member} eq $balancer) } $self->list;
    return $m;
}

sub balancer {
    my ($self, $name) = @_;
    my ($b) = grep { ($_->{balancer} // '') eq $name } $self->list;
    return $b;
}

sub set    { return shift->_do('set', @_) }
sub add    { return shift->_do('add', @_) }
sub remove { return shift->_do('remove', @_) }

sub _do {
    my ($self, @words) = @_;
    s/([^\w.:=\/-])/sprintf '%%%02x', ord $1/ge for @words;
    my $said = $self->_get(join '&', @words);
    chomp $said;
    return $said;
}

1;
