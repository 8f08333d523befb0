# Bad configurations: each is refused by httpd -t with file, line and a
# sentence that helps. The table holds the configuration, the line that is to
# blame, and what must be said.
use Gateway::Test;

# configurations are read the same way under every MPM
Gateway::Test->need(mpm => ['event']);

my $put = 'put it at server level';

my @bad = (
    # --- paths ---
    ["GatewayPass\n", 1, 'GatewayPass needs a path and a URL (or !)'],
    ["GatewayPass /x\n", 1,
        'GatewayPass needs the URL of a backend (or !) after the path'],
    ["GatewayPass x http://b\n", 1,
        "GatewayPass needs a path that begins with '/', not 'x'"],
    ["\n\nGatewayPass ^/x http://b\n", 3,
        "not '^/x'; GatewayPassMatch takes regular expressions"],
    ["GatewayPass /a/../b http://b\n", 1, "holds a '..' segment"],
    ["GatewayPass /a/%2e/b http://b\n", 1, "holds a '.' segment"],
    ["GatewayPass /a?b http://b\n", 1, "leave out the '?' of '/a?b'"],
    ["GatewayPass /a%zz http://b\n", 1, 'a malformed escape'],
    ["GatewayPass /a%00 http://b\n", 1, 'or a control byte'],

    # --- URLs ---
    ["GatewayPass /x b:8080/y\n", 1,
        "'b:8080/y' has no scheme: did you mean http://b:8080/y?"],
    ["GatewayPass /x http:/b\n", 1, 'did you mean http://b?'],
    ["GatewayPass /x https:b\n", 1, 'did you mean https://b?'],
    ["GatewayPass /x /y\n", 1, 'it needs a scheme and a host'],
    ["GatewayPass /x http://\n", 1, "'http://' cannot be used as a URL"],
    ["GatewayPass /x http://b:0/\n", 1, 'from 1 to 65535'],
    ["GatewayPass /x http://b:99999/\n", 1, 'from 1 to 65535'],
    ["GatewayPass /x http://me:pw\@b/\n", 1, 'user names and passwords'],
    ["GatewayPass /x http://b/#y\n", 1, "'http://b/#y' cannot be used"],
    ["GatewayPass /x gopher://b\n", 1,
        'gopher:// is no scheme of a backend: use http:// or https://'],
    ["GatewayPass /x unix:/s\n", 1, "'unix:/s' needs a socket and a URL"],
    ["GatewayPass /x unix:|http://b/\n", 1, 'needs a socket and a URL'],
    ["GatewayPass /x unix:/s|b/\n", 1, 'did you mean http://b/?'],
    ['GatewayPass /x unix:/' . 'x' x 120 . "|http://b/\n", 1,
        'longer than the system allows'],
    ["GatewayPass /x ws:b\n", 1, 'did you mean http://b?'],
    ["GatewayPass /x http://b upgrade=h2c\n", 1,
        "not 'h2c': h2c is never passed on"],
    ["GatewayPass /x http://b upgrade=foo,HTTP/2.0\n", 1,
        'HTTP/2.0 is never passed on'],
    ["GatewayPass /x http://b upgrade=TLS/1.2\n", 1, 'is never passed on'],
    ["GatewayPass /x http://b upgrade=a/b/c\n", 1, "'a/b/c' is no protocol"],
    ["GatewayPass /x http://b upgrade=foo,ANY\n", 1,
        'ANY and NONE stand alone'],
    ["GatewayPass /x http://b upgrade=,\n", 1, 'it names no protocol'],
    ["GatewayPass /x http://b upgrade=\n", 1, 'upgrade= needs a value'],
    ["GatewayPass /x http://b upgrade=any tunneltimeout=0\n", 1,
        'tunneltimeout= must be a time from 1ms to 366 days'],
    ["GatewayPass /x http://b upgrade=any upgrade=foo\n", 1,
        'upgrade= is given twice'],

    # --- patterns ---
    ["GatewayPassMatch ^/x(.* http://b\n", 1,
        "'^/x(.*' is no valid regular expression"],
    ["GatewayPass ~ ^/x(.* http://b\n", 1, 'no valid regular expression'],
    ["GatewayPassMatch ^/x\n", 1, 'needs the URL of a backend'],
    ["GatewayPass /x http://b/\$1\n", 1,
        '$1 in the URL needs a pattern: use GatewayPassMatch'],
    ["GatewayPassMatch ^/(x) http://\$1/\n", 1,
        'scheme, host and port come from the configuration alone'],
    ["GatewayPassMatch ^/(x) http://b:80\$1/\n", 1,
        '$1 may only be in the path or the query'],
    ["GatewayPassMatch ^/(x) \$1://b/\n", 1,
        '$1 may only be in the path or the query'],
    ["GatewayPassMatch ^/(x) unix:/\$1|http://b/\n", 1,
        '$1 may only be in the path or the query'],
    ["GatewayPassMatch ^/(x) http://b/\$2\n", 1,
        "the URL wants \$2, but the pattern '^/(x)' has 1 group"],

    # --- keys ---
    ["GatewayPass /x http://b timout=5\n", 1,
        "'timout=5' is no parameter: did you mean timeout=? There are "
        . 'timeout=, '],
    ["GatewayPass /x http://b conectiontimeot=5\n", 1,
        'did you mean connectiontimeout=?'],
    ["GatewayPass /x http://b nonsense\n", 1,
        "'nonsense' is no parameter: there are timeout="],
    ["GatewayPass /x http://b timeout\n", 1, 'timeout= needs a value'],
    ["GatewayPass /x http://b timeout=\n", 1, 'timeout= needs a value'],
    ["GatewayPass /x http://b timeout=0\n", 1,
        "timeout= must be a time from 1ms to 366 days, such as 30 (in s)"],
    ["GatewayPass /x http://b ttl=-1\n", 1, "not '-1'"],
    ["GatewayPass /x http://b ttl=5d\n", 1, "not '5d'"],
    ["GatewayPass /x http://b ttl=99999999999999999999\n", 1, 'ttl= must be'],
    ["GatewayPass /x http://b maxperchild=many\n", 1,
        'maxperchild= must be a whole number from 0 to'],
    ["GatewayPass /x http://b retry=1.5\n", 1, 'retry= must be a whole'],
    ["GatewayPass /x http://b keepalive=yes\n", 1,
        "keepalive= must be on or off, not 'yes'"],
    ["GatewayPass /x http://b disablereuse=on enablereuse=on\n", 1,
        'contradict each other'],
    ["GatewayPass /x http://b ttl=5 ttl=6\n", 1, 'ttl= is given twice'],
    ["GatewayPass /x http://b sni=c\n", 1, 'sni= needs TLS'],
    ["GatewayPass /x http://b verifyname=c\n", 1, 'verifyname= needs TLS'],
    ["GatewayPass /x https://b sni=10.0.0.1\n", 1,
        'sni= must be a host name, not the address 10.0.0.1'],
    ["GatewayPass /x https://b verifyname=a/b\n", 1,
        "verifyname= must be a host name or an IP address, not 'a/b'"],
    ["GatewayPass /x ! ttl=5\n", 1, "'!' passes nothing on"],
    ["GatewayPass /x http://b min=5\n", 1, 'min= is not built yet'],
    ["GatewayPass /x http://b max=-1\n", 1,
        "max= must be a whole number from 0 to 2147483647, not '-1'"],
    ["GatewayPass /x http://b queuetimeout=0\n", 1,
        'queuetimeout= must be a time from 1ms'],
    ["GatewayPass /x http://b queuetimeout=1 acquire=5\n", 1,
        'acquire= is given twice, queuetimeout= being another name for it'],
    ["GatewayMaxInFlight 0\n", 1, "GatewayMaxInFlight must be a number of "
        . "requests such as 50, a part of the server's threads from 1% to "
        . "100%, or Off, not '0'"],
    map({ ["GatewayMaxInFlight $_\n", 1, "or Off, not '$_'"] }
        qw(101% 0% -1 5x % 99999999999 On)),
    ["GatewayPass /x http://b mapping=servlet\n", 1,
        'mapping= is not built yet'],
    ["GatewayPass /x http://b interpolate\n", 1,
        'interpolate is not built yet'],

    # --- where it stands ---
    ["<Location /x>\nGatewayPass\n</Location>\n", 2,
        'needs the URL of a backend (or !) in this section'],
    ["<Location /x>\nGatewayPass http://b\n\nGatewayPass http://c\n"
        . "</Location>\n", 4,
        qr/has a GatewayPass already, at \S+test\.conf:2: one of them/],
    ["<Location /x>\n<If \"true\">\nGatewayPass http://b\n</If>\n"
        . "</Location>\n", 3, "GatewayPass is not allowed in <If>: $put"],
    ["<If \"true\">\n</If>\n<Else>\nGatewayPass /x http://b\n</Else>\n", 4,
        'not allowed in <Else>'],
    ["<Directory />\nGatewayPass http://b\n</Directory>\n", 2,
        "GatewayPass is not allowed in <Directory>: $put"],
    ["<Files x>\nGatewayPass http://b\n</Files>\n", 2,
        'not allowed in <Files>'],
    ["<Location /x>\n<Limit GET>\nGatewayPass http://b\n</Limit>\n"
        . "</Location>\n", 3, 'not allowed in <Limit>'],
    ["<Gateway http://b>\nGatewayPass http://b\n</Gateway>\n", 2,
        'not allowed in <Gateway>'],
    ["<Location /x>\nGatewayPassMatch http://b\n</Location>\n", 2,
        'needs a pattern, which this <Location> is not'],
    ["<Location x>\nGatewayPass http://b\n</Location>\n", 2,
        "needs a path that begins with '/'"],
    ["<Location \"*.gif\">\nGatewayPass http://b\n</Location>\n", 2,
        "needs a path that begins with '/'"],
    ["<Location /x>\n<Gateway http://b>\n</Gateway>\n</Location>\n", 2,
        "not allowed in <Location>: $put"],
    ["<Directory />\nGatewayPreserveHost On\n</Directory>\n", 2,
        'requests that are passed on never reach files'],
    ["<Gateway https://b>\n<If \"true\">\nGatewaySSLVerify none\n</If>\n"
        . "</Gateway>\n", 3,
        'it belongs to a backend, no request can change it'],
    ["<Location /x>\nGatewaySSLVerify none\n</Location>\n", 2,
        'GatewaySSLVerify is not allowed in <Location>'],
    ["<Location /x>\nGatewayTimeout 5\n</Location>\n", 2,
        'GatewayTimeout is not allowed in <Location>'],

    # --- reverse mapping ---
    ["GatewayPassReverse http://b\n", 1,
        'GatewayPassReverse needs a path and a URL'],
    ["GatewayPassReverse x http://b\n", 1, "begins with '/', not 'x'"],
    ["GatewayPassReverse /x b\n", 1, 'did you mean http://b?'],
    ["GatewayPassReverse /x http://b interpolate\n", 1,
        'interpolate is not built yet'],
    ["GatewayPassReverse /x http://b more\n", 1, "remove 'more'"],
    ["<Location /x>\nGatewayPassReverse /x http://b\n</Location>\n", 2,
        "takes the path from the <Location> around it: leave '/x' out"],
    ["<LocationMatch ^/x>\nGatewayPassReverse http://b\n</LocationMatch>\n",
        2, 'needs a path and a URL'],

    # --- sections and GatewaySet ---
    ["<Gateway>\n</Gateway>\n", 1, '<Gateway> needs a URL'],
    ["<Gateway ~ ^http>\n</Gateway>\n", 1, 'not built yet: use wildcards'],
    ["<Gateway b>\n</Gateway>\n", 1, 'did you mean http://b?'],
    ["<Gateway http://b?x>\nGatewaySet ttl=5\n</Gateway>\n", 1,
        'need the URL of one backend'],
    ["<Gateway * ttl=5>\n</Gateway>\n", 1,
        "parameters need the URL of one backend, such as http://host:8080, "
        . "not '*'"],
    ["<Gateway https://>\nGatewaySet ttl=5\n</Gateway>\n", 1,
        "not 'https://'"],
    ["<Gateway http://b ttl=5>\nGatewaySet ttl=6\n</Gateway>\n", 2,
        'ttl= is given twice'],
    ["<Gateway http://b sni=x>\n</Gateway>\n", 1, 'sni= needs TLS'],
    ["<Gateway http://b>\nGatewaySSLVerify none\n</Gateway>\n", 1,
        'GatewaySSL* has no effect on http://b'],
    ["<Gateway http://b>\nGatewaySet http://b ttl=5\n</Gateway>\n", 2,
        'takes the URL from the <Gateway> around it'],
    ["GatewaySet\n", 1, 'needs a key=value parameter'],
    ["GatewaySet ttl=5\n", 1, 'GatewaySet needs a URL'],
    ["GatewaySet http://b\n", 1, 'needs a key=value parameter'],
    ["GatewaySet http://b nocanon\n", 1, "'nocanon' is no parameter"],
    ["GatewayPass /x http://b\nGatewaySet http://c ttl=5\n", 2,
        'GatewaySet http://c matches the URL of no GatewayPass'],
    ["GatewayPass /x http://b/y\nGatewaySet http://b/yy ttl=5\n", 2,
        'matches the URL of no GatewayPass'],
    ["GatewayPass /x http://b:81\nGatewaySet http://b ttl=5\n", 2,
        'matches the URL of no GatewayPass'],

    # --- TLS ---
    ["GatewaySSLVerify maybe\n", 1,
        "GatewaySSLVerify must be require or none, not 'maybe'"],
    ["GatewaySSLVerify optional\n", 1, 'optional is not built yet'],
    ["GatewaySSLCACertificateFile nosuch.pem\n", 1,
        qr{'\@ROOT\@/nosuch\.pem' cannot be read: No such file}],
    ["GatewaySSLCACertificateFile \@CERTS\@\n", 1, 'is not a file'],
    ["GatewaySSLCACertificatePath \@CA\@\n", 1, 'is not a folder'],
    ["GatewaySSLCACertificatePath nosuch\n", 1, 'cannot be read'],
    ["GatewayPass / https://b\nGatewaySSLCACertificateFile conf/test.conf\n",
        2, 'TLS to https://b: cannot read CA certificates'],

    # --- the others ---
    ["GatewayPassOrder first\n", 1,
        "GatewayPassOrder must be file or longest, not 'first'"],
    ["GatewayUnsafePath yes\n", 1, 'must be allow or deny'],
    ["GatewayTimeout 0\n", 1, 'GatewayTimeout must be a time'],
    ["GatewayTimeout soon\n", 1, "not 'soon'"],
    ["GatewaySSLEngine On\n", 1,
        'GatewaySSLEngine is not built yet: remove it'],
    ["<GatewayMatch ^x>\n</GatewayMatch>\n", 1,
        '<GatewayMatch> is not built yet: use <Gateway> with wildcards'],
    ["GatewayMember http://b\n", 1,
        'GatewayMember needs the balancer as its first word here'],
);

my @good = (
    "GatewayPass / http://b\n",
    "GatewayPass /x http://b:8080/y?z=1 timeout=500ms ttl=1h retry=0\n",
    "GatewayPass /x http://[::1]:8080/\nGatewaySet http://[::1]:8080 "
        . "ttl=5\n",
    "GatewayPass /x unix:app.sock|http://b/\n",
    "GatewayPass /a%20b/ http://b\nGatewayPass /y..z/... http://b\n",
    "GatewayPass /x http://b enablereuse=on disablereuse=off\n",
    "GatewayPass /x http://b disablereuse=on enablereuse=off\n",
    "GatewayPass /x http://b TIMEOUT=5 NoCanon noquery\n",
    "GatewayPass ~ ^/(x) http://b/\$1\nGatewayPassMatch ^/(y) !\n",
    "<LocationMatch ^/(x)>\nGatewayPass http://b/\$1?y=\$0\n"
        . "GatewayPassReverse / http://b\n</LocationMatch>\n",
    "<Location ~ ^/(x)>\nGatewayPassMatch http://b/\$1\n</Location>\n",
    "<Location \"/*/x\">\nGatewayPass http://b\n</Location>\n",
    "<Location />\nGatewayPass !\n</Location>\n",
    "<Gateway *>\nRequire all denied\nGatewayPreserveHost On\n</Gateway>\n",
    "<Gateway https://>\nGatewaySSLVerify none\n</Gateway>\n",
    "GatewayPass /x https://b\n<Gateway https://b sni=c verifyname=::1>\n"
        . "GatewaySet timeout=5\nGatewaySSLCACertificateFile \@CA\@\n"
        . "GatewaySSLCACertificatePath \@CERTS\@\n</Gateway>\n",
    "GatewaySet http://b ttl=5\n<VirtualHost *:\@PORT\@>\n"
        . "GatewayPass /x http://b/y\n</VirtualHost>\n",
    "<IfModule mod_gateway.c>\n<Location /x>\n<IfModule mod_gateway.c>\n"
        . "GatewayPass http://b\n</IfModule>\n</Location>\n</IfModule>\n",
);

# (accepted?, what was said) of httpd -t, and of a variable of the test
sub configtest {
    my ($config) = @_;
    return Gateway::Test->configtest(config => $config, ssl => 1,
        modules => ['authz_host']);
}

for my $case (@bad) {
    my ($config, $line, $want) = @$case;
    my $name = $config =~ s/\n(?=.)/ | /gr;
    chomp $name;
    $name = substr($name, 0, 57) . '...' if length $name > 60;
    $name =~ s/#/(hash)/g;
    my ($ok, $said) = configtest($config);
    ok !$ok, "refused: $name";
    my ($at, $what) = $said =~
        /on line (\d+) of \S+test\.conf:\n(.*)/;
    ($at, $what) = $said =~
        /GW00300: Configuration error at \S+test\.conf:(\d+): (.*)/ if !$at;
    is $at, $line, '... in line ' . $line or diag $said;
    if (ref $want) {
        my $scratch = Gateway::Test->scratch;
        $want = "$want" =~ s{\\?\@ROOT\\?\@}{$scratch/\\S+}r;
        like $what // '', qr/$want/, '... and why';
    }
    else {
        isnt index($what // '', $want), -1, '... and why'
            or diag "said: ", $what // $said, "\nwant: $want";
    }
}

for my $config (@good) {
    my $name = $config =~ s/\n(?=.)/ | /gr;
    chomp $name;
    my ($ok, $said) = configtest($config);
    ok $ok, "accepted: $name" or diag $said;
}

done_testing;
