package Gateway::Tomcat;

=head1 NAME

Gateway::Tomcat - a real Tomcat as backend

=head1 SYNOPSIS

  Gateway::Tomcat->available or plan skip_all => 'no Tomcat';
  my $t = Gateway::Tomcat->new(
      tls  => 'server',              # a certificate of Gateway::CA
      docs => { 'a.txt' => 'text' });
  my $s = Gateway::Test->server(vars => { T => $t }, ...);
  # @T@ is host:port, @T_URL@ is http(s)://host:port

=head1 DESCRIPTION

Runs from the package's classes (tomcat10-common or tomcat11-common) with a
generated CATALINA_BASE, in the foreground, in a scratch folder; no system
service is touched. Its one application, at the root, has static files that
can be written to with PUT, and a folder /private behind a login form (user
"ann", password "secret"): a session cookie and redirects with absolute URLs.

=cut

use strict;
use warnings;
use Gateway::CA ();
use Gateway::Process ();
use Gateway::Setup ();
use Time::HiRes qw(time);

my $COUNT = 0;

sub home {
    my ($home) = grep { -f "$_/bin/bootstrap.jar" }
        map { "/usr/share/tomcat$_" } 11, 10;
    return $home;
}

sub java {
    my ($java) = grep { -x } map { "$_/java" } split(/:/, $ENV{PATH}),
        '/usr/bin';
    return $java;
}

sub available { return home() && java() ? 1 : 0 }

sub new {
    my ($class, %opt) = @_;
    my $root = Gateway::Setup::fresh_dir(
        Gateway::Test::scratch() . '/tomcat' . ++$COUNT);
    my $self = bless { %opt, root => $root,
        port => Gateway::Process::take_port() }, $class;
    Gateway::Setup::make_dir("$root/$_") for qw(conf logs temp work webapps);
    $self->_write('conf/server.xml', $self->_server);
    $self->_write('conf/tomcat-users.xml', <<'EOX');
<tomcat-users>
  <user username="ann" password="secret" roles="member"/>
</tomcat-users>
EOX
    my $app = 'webapps/ROOT';
    $self->_write("$app/WEB-INF/web.xml", _application());
    my %docs = ('index.html' => "tomcat\n", 'login.html' => "log in\n",
        'private/index.html' => "private\n", %{ $opt{docs} || {} });
    $self->_write("$app/$_", $docs{$_}) for keys %docs;
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
    return;
}

sub _server {
    my ($self) = @_;
    my ($secure, $host) = ('', '');
    if ($self->{tls}) {
        my ($cert, $key) = Gateway::CA::pair($self->{tls});
        $secure = 'SSLEnabled="true" scheme="https" secure="true"';
        $host = '<SSLHostConfig><Certificate certificateFile="'
            . qq{$cert" certificateKeyFile="$key"/></SSLHostConfig>};
    }
    return <<"EOX";
<Server port="-1">
  <Service name="Catalina">
    <Connector address="127.0.0.1" port="$self->{port}" maxThreads="20"
        minSpareThreads="2" $secure>$host</Connector>
    <Engine name="Catalina" defaultHost="localhost">
      <Realm className="org.apache.catalina.realm.MemoryRealm"/>
      <Host name="localhost" appBase="webapps" autoDeploy="false"
          deployOnStartup="false">
        <Context path="" docBase="ROOT" useRelativeRedirects="false">
          <JarScanner scanClassPath="false"/>
        </Context>
        <Valve className="org.apache.catalina.valves.AccessLogValve"
            directory="logs" prefix="access" suffix=".log"
            rotatable="false" buffered="false" pattern="%r %s %{Host}i"/>
      </Host>
    </Engine>
  </Service>
</Server>
EOX
}

# Every path but the login page is served from files.
sub _application {
    return <<'EOX';
<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0"
    metadata-complete="true">
  <servlet>
    <servlet-name>default</servlet-name>
    <servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class>
    <init-param>
      <param-name>readonly</param-name><param-value>false</param-value>
    </init-param>
  </servlet>
  <servlet-mapping>
    <servlet-name>default</servlet-name><url-pattern>/</url-pattern>
  </servlet-mapping>
  <welcome-file-list>
    <welcome-file>index.html</welcome-file>
  </welcome-file-list>
  <security-constraint>
    <web-resource-collection>
      <web-resource-name>private</web-resource-name>
      <url-pattern>/private/*</url-pattern>
    </web-resource-collection>
    <auth-constraint><role-name>member</role-name></auth-constraint>
  </security-constraint>
  <login-config>
    <auth-method>FORM</auth-method>
    <form-login-config>
      <form-login-page>/login.html</form-login-page>
      <form-error-page>/login.html</form-error-page>
    </form-login-config>
  </login-config>
  <security-role><role-name>member</role-name></security-role>
</web-app>
EOX
}

sub start {
    my ($self) = @_;
    return $self if $self->{process};
    my ($root, $home) = ($self->{root}, home());
    $self->{process} = Gateway::Process->run(
        cmd => [ java(), qw(-Xshare:auto -XX:TieredStopAtLevel=1
            -XX:+UseSerialGC -Xmx96m -XX:-UsePerfData),
            '-Djava.awt.headless=true', "-Djava.io.tmpdir=$root/temp",
            '-Djava.security.egd=file:/dev/urandom',
            "-Dcatalina.home=$home", "-Dcatalina.base=$root", '-cp',
            join(':', glob "$home/bin/{bootstrap,tomcat-juli}.jar"),
            'org.apache.catalina.startup.Bootstrap', 'start' ],
        log => "$root/output.log");
    my $deadline = time + 40 * Gateway::Setup::patience();
    until ($self->_is_up) {
        if ($self->{process}->alive && time < $deadline) {
            select undef, undef, undef, 0.05;
            next;
        }
        my @said = $self->_lines('output.log');
        $self->stop;
        die "Tomcat did not start:\n", map { "$_\n" } @said;
    }
    return $self;
}

sub _is_up {
    my ($self) = @_;
    return Gateway::Process::listening()->{ $self->{port} }
        && grep { /Server startup in/ } $self->_lines('output.log');
}

sub stop {
    my ($self) = @_;
    my $process = delete $self->{process} or return $self;
    $process->stop(signal => 'TERM');
    return $self;
}

sub _lines {
    my ($self, $name) = @_;
    open my $fh, '<:raw', "$self->{root}/$name" or return;
    return map { chomp; $_ } <$fh>;
}

# One line per request: "GET /x HTTP/1.1 200 127.0.0.1:8443"
sub access_log { return $_[0]->_lines('logs/access.log') }

sub audit {
    my ($self) = @_;
    $self->stop;
    return map { "in Tomcat's log: $_" }
        grep { /\b(?:SEVERE|Exception in thread)\b/ }
        $self->_lines('output.log');
}

1;
