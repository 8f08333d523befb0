package Gateway::CA;

=head1 NAME

Gateway::CA - certificates of the tests

=head1 SYNOPSIS

  Gateway::CA::file('ca.crt')         # made on first use, then kept
  Gateway::CA::pair('expired')        # (certificate file, key file)

=head1 CERTIFICATES

All in build/t/ca as NAME.crt and NAME.key. Signed by ca.crt:

  server      DNS localhost, backend.test, *.wild.test; IP 127.0.0.1, ::1
  other       DNS other.test only
  expired     as server, ended in 2020
  notyet      as server, begins in 2090
  wrongeku    as server, for clients only
  cnonly      CN localhost, no subjectAltName
  cnother     CN localhost, but DNS other.test
  chain       as server, by an intermediate CA; the file has both
  nochain     the same without the intermediate
  client      CN client.test, for clients
and
  unknown     as server, signed by a CA that nobody trusts (unknown-ca.crt)
  selfsigned  as server, by itself

ca.d is the same CA as a hashed folder, crl.pem revokes "revoked".

=cut

use strict;
use warnings;
use Fcntl qw(LOCK_EX);
use Gateway::Setup ();

my $VERSION = 4;      # raise to have the files made anew
my $DIR;

my $SAN = 'DNS:localhost,DNS:backend.test,DNS:*.wild.test,'
    . 'IP:127.0.0.1,IP:::1';

my @LEAVES = (
    { name => 'server', san => $SAN },
    { name => 'other', cn => 'other.test', san => 'DNS:other.test' },
    { name => 'expired', san => $SAN,
        dates => [ '20190101000000Z', '20200101000000Z' ] },
    { name => 'notyet', san => $SAN,
        dates => [ '20900101000000Z', '20910101000000Z' ] },
    { name => 'wrongeku', san => $SAN, eku => 'clientAuth' },
    { name => 'cnonly' },
    { name => 'cnother', san => 'DNS:other.test' },
    { name => 'revoked', san => $SAN },
    { name => 'client', cn => 'client.test', eku => 'clientAuth' },
    { name => 'unknown', san => $SAN, ca => 'unknown-ca' },
    { name => 'nochain', san => $SAN, ca => 'sub-ca' },
);

sub dir  { ensure(); return $DIR }
sub file { return dir() . "/$_[0]" }
sub pair { return (file("$_[0].crt"), file("$_[0].key")) }

# Makes the files unless they are there. Safe when tests run in parallel.
sub ensure {
    return if $DIR;
    my $base = Gateway::Setup::make_dir(Gateway::Setup::base());
    my $dir = "$base/ca";
    open my $lock, '>>', "$base/ca.lock" or die "$base/ca.lock: $!";
    flock $lock, LOCK_EX or die "flock: $!";
    if (!_fresh($dir)) {
        Gateway::Setup::fresh_dir($dir);
        _make_all($dir);
        _write("$dir/version", "$VERSION\n");
    }
    $DIR = $dir;
    return;
}

sub _fresh {
    my ($dir) = @_;
    open my $fh, '<', "$dir/version" or return 0;
    return -M $fh < 300 && <$fh> == $VERSION;
}

sub _make_all {
    my ($dir) = @_;
    Gateway::Setup::make_dir("$dir/issued");
    _write("$dir/index.txt", '');
    _write("$dir/index.txt.attr", "unique_subject = no\n");
    _write("$dir/crlnumber", "01\n");
    _write("$dir/ca.cnf", _ca_config($dir));
    _root($dir, 'ca');
    _root($dir, 'unknown-ca');
    _leaf($dir, { name => 'sub-ca', cn => 'Gateway Test Sub CA', is_ca => 1 });
    _leaf($dir, $_) for @LEAVES;
    _openssl($dir, 'req', '-x509', '-new', '-key', 'server.key', '-days',
        '3650', '-subj', '/CN=localhost', '-addext', "subjectAltName=$SAN",
        '-out', 'selfsigned.crt');
    _copy("$dir/server.key", "$dir/selfsigned.key");
    _copy("$dir/nochain.key", "$dir/chain.key");
    _copy("$dir/nochain.crt", "$dir/chain.crt");
    _copy("$dir/sub-ca.crt", "$dir/chain.crt", '>>');
    _copy("$dir/client.crt", "$dir/client.pem");
    _copy("$dir/client.key", "$dir/client.pem", '>>');
    _openssl($dir, 'ca', '-config', 'ca.cnf', '-revoke', 'revoked.crt');
    _openssl($dir, 'ca', '-config', 'ca.cnf', '-gencrl', '-crldays', '3650',
        '-out', 'crl.pem');
    Gateway::Setup::make_dir("$dir/ca.d");
    _copy("$dir/ca.crt", "$dir/ca.d/ca.pem");
    _openssl($dir, 'rehash', 'ca.d');
    chmod 0644, glob "$dir/*.key $dir/*.pem $dir/*.crt";
    return;
}

sub _ca_config {
    my ($dir) = @_;
    return <<"EOC";
[ca]
default_ca = test
[test]
dir = $dir
database = $dir/index.txt
new_certs_dir = $dir/issued
crlnumber = $dir/crlnumber
certificate = $dir/ca.crt
private_key = $dir/ca.key
rand_serial = yes
default_md = sha256
default_days = 3650
default_crl_days = 3650
policy = any
copy_extensions = none
unique_subject = no
[any]
commonName = supplied
EOC
}

sub _root {
    my ($dir, $name) = @_;
    _key($dir, $name);
    _openssl($dir, 'req', '-x509', '-new', '-key', "$name.key", '-days',
        '3650', '-subj', "/CN=Gateway Test CA ($name)", '-out', "$name.crt",
        '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
    return;
}

sub _key {
    my ($dir, $name) = @_;
    _openssl($dir, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout',
        '-out', "$name.key");
    return;
}

sub _leaf {
    my ($dir, $leaf) = @_;
    my ($name, $ca) = ($leaf->{name}, $leaf->{ca} || 'ca');
    my $cn = $leaf->{cn} || 'localhost';
    _key($dir, $name);
    _openssl($dir, 'req', '-new', '-key', "$name.key", '-subj', "/CN=$cn",
        '-out', "$name.csr");
    _write("$dir/$name.ext", _extensions($leaf));
    my @dates = $leaf->{dates}
        ? ('-startdate', $leaf->{dates}[0], '-enddate', $leaf->{dates}[1])
        : ('-startdate', '20200101000000Z', '-days', 3650);
    _openssl($dir, 'ca', '-batch', '-notext', '-config', 'ca.cnf',
        '-cert', "$ca.crt", '-keyfile', "$ca.key", '-in', "$name.csr",
        '-extfile', "$name.ext", '-out', "$name.crt", @dates);
    unlink "$dir/$name.csr", "$dir/$name.ext";
    return;
}

sub _extensions {
    my ($leaf) = @_;
    return "basicConstraints=critical,CA:TRUE\n"
        . "keyUsage=critical,keyCertSign,cRLSign\n" if $leaf->{is_ca};
    my $text = "basicConstraints=CA:FALSE\nextendedKeyUsage="
        . ($leaf->{eku} || 'serverAuth') . "\n";
    $text .= "subjectAltName=$leaf->{san}\n" if $leaf->{san};
    return $text;
}

sub _openssl {
    my ($dir, @args) = @_;
    my $pid = fork;
    defined $pid or die "fork: $!";
    if (!$pid) {
        require POSIX;
        chdir $dir or POSIX::_exit(126);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$dir/openssl.log";
        open STDERR, '>&', \*STDOUT;
        $ENV{OPENSSL_CONF} = '/dev/null' if $args[0] eq 'ca';
        { no warnings 'exec'; exec 'openssl', @args; }
        POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return if $? == 0;
    open my $fh, '<', "$dir/openssl.log";
    local $/;
    die "openssl @args: ", <$fh> // '';
}

sub _write {
    my ($file, $text) = @_;
    open my $fh, '>', $file or die "$file: $!";
    print {$fh} $text;
    close $fh or die "$file: $!";
    return;
}

sub _copy {
    my ($from, $to, $mode) = @_;
    open my $in, '<', $from or die "$from: $!";
    open my $out, $mode || '>', $to or die "$to: $!";
    print {$out} <$in>;
    close $out or die "$to: $!";
    return;
}

1;
