# A balancer behind HTTP/2 (mod_http2), with TLS and in clear text: streams of
# one connection are spread, sessions stay, also where the client sends its
# cookies in pieces, members that fail are not noticed, limits hold.
use Gateway::Test;
use File::Temp ();

Gateway::Test->need(mpm => [qw(event worker)], command => [qw(curl nghttp)]);

# Writes down when a request to /limited is there.
sub member {
    my ($name) = @_;
    return Gateway::Backend->http({
        '/limited' => sub {
            my $conn = $_[0]{conn};
            $conn->backend->record($conn->number, 'begin');
            $conn->pause(0.05);
            $conn->backend->record($conn->number, 'finish');
            return [ 200, [ 'X-Member' => $name ], $name ];
        },
        '*' => sub { [ 200, [ 'X-Member' => $name ], $name ] },
    });
}

my %b = map { $_ => member($_) } qw(A B C D);
# resets whatever it is asked
my $bad = Gateway::Backend->new(script => sub {
    my $c = shift;
    $c->read_request;
    $c->reset;
}, may_fail => 1);
my $conf = <<'EOC';
GatewayMaxInFlight Off
GatewayPass /app balancer://app stickysession=SID
<Gateway balancer://app slowstart=0>
    GatewayMember http://@A@ route=a
    GatewayMember http://@B@ route=b
    GatewayMember http://@C@ route=c
</Gateway>
GatewayPass /own balancer://own
<Gateway balancer://own sticky=cookie slowstart=0>
    GatewayMember http://@A@
    GatewayMember http://@B@
</Gateway>
GatewayPass /sick balancer://sick
<Gateway balancer://sick slowstart=0 fails=1000>
    GatewayMember http://@BAD@
    GatewayMember http://127.0.0.1:1
    GatewayMember http://@B@
</Gateway>
GatewayPass /only balancer://only
<Gateway balancer://only slowstart=0 maxattempts=1 fails=1000>
    GatewayMember http://@BAD@
    GatewayMember http://127.0.0.1:1
</Gateway>
GatewayPass /limit balancer://limit
<Gateway balancer://limit queuetimeout=20>
    GatewayMember http://@D@ max=3
</Gateway>
EOC
my $s = Gateway::Test->server(ssl => 1, h2 => 1, children => 1,
    vars => { %b, BAD => $bad }, config => $conf, ssl_config => $conf);

my $dir = File::Temp->newdir(TMPDIR => 1);
open my $fh, '>:raw', "$dir/body" or die "body: $!";
print {$fh} 'b' x 5000;
close $fh or die "body: $!";

# Many streams of one connection. @return { status or member => how many }
sub many {
    my ($n, $path, $scheme, @args) = @_;
    my @urls = map { $s->url("$path?$_", $scheme) } 1 .. $n;
    my $out = Gateway::Client::run('nghttp', '--no-dep', '-v', @args,
        @urls)->{out};
    my %got;
    $got{$1}++ while $out =~ /x-member: (\w+)/g;
    $got{$1}++ while $out =~ /:status: ([345]\d\d)/g;
    return \%got;
}

for my $tls (1, 0) {
    my $how = $tls ? 'h2' : 'h2c';
    my $scheme = $tls ? 'https' : 'http';
    my $ask = sub {
        my ($path, @args) = @_;
        my $h = $s->curl($path, tls => $tls,
            $tls ? '--http2' : '--http2-prior-knowledge', @args);
        is $h->{version}, '2', "$how is spoken" if $path =~ /first/;
        return $h;
    };
    my $field = sub {
        my ($h, $name) = @_;
        my ($f) = grep { lc $_->[0] eq $name } @{ $h->{headers} };
        return $f ? $f->[1] : '';
    };

    # --- spread

    is $ask->('/app/first')->{status}, 200, "$how: answered";
    my $got = many(30, '/app/x', $scheme);
    is_deeply $got, { A => 10, B => 10, C => 10 },
        "$how: streams of a connection are spread";

    # --- sessions

    for my $route (qw(a b c)) {
        is $ask->('/app/x', '-H', "Cookie: SID=1.$route")->{body}, uc $route,
            "$how: the session's member";
        is_deeply many(6, '/app/x', $scheme, '-H', 'cookie: x=y', '-H',
            "cookie: SID=1.$route", '-H', 'cookie: z=1'),
            { uc $route => 6 }, "$how: cookies in pieces";
        is $ask->("/app/x;SID=1.$route")->{body}, uc $route,
            "$how: a parameter of the URL";
    }
    my $h = $ask->('/own/x');
    my ($cookie) = $field->($h, 'set-cookie') =~ /\A(gateway-own=[\w-]+)/;
    ok defined $cookie, "$how: the gateway's own cookie";
    is $field->($h, 'set-cookie') =~ /; Secure/i ? 1 : 0, $tls,
        '... secure over TLS only';
    is_deeply many(8, '/own/x', $scheme, '-H', "cookie: $cookie"),
        { $h->{body} => 8 }, '... holds all streams';

    # --- failover

    is_deeply many(30, '/sick/x', $scheme), { B => 30 },
        "$how: nobody notices members that fail";
    is $ask->('/sick/put', '-T', "$dir/body")->{body}, 'B',
        "$how: nor a PUT";
    my ($put) = grep { $_->target eq '/put' } reverse $b{B}->requests;
    is length $put->body, 5000, '... with all of its body';
    $h = $ask->('/only/x');
    like $h->{status}, qr/\A50[23]\z/, "$how: all fail";
    like $field->($h, 'proxy-status'), qr/error=connection_/, '... and why';

    # --- a POST runs once

    my %status = map { $_ => $ask->("/sick/$how$_", '-d', 'x')->{status} }
        1 .. 8;
    my %ran;
    $ran{ $_->target }++ for map { $_->requests } $bad, $b{B};
    is join(' ', map { $ran{"/$how$_"} // 0 } 1 .. 8), join(' ', (1) x 8),
        "$how: a POST reaches one member, once";
    is_deeply [ sort { $a <=> $b } keys %{ { reverse %status } } ],
        [ 200, 502 ], '... and is a 502 when that has reset it';

    # --- limits

    is_deeply many(20, '/limit/limited', $scheme), { D => 20 },
        "$how: who waits for a member is answered";
}

my ($now, $most) = (0, 0);
for (sort { $a->{time} <=> $b->{time} }
    grep { $_->{what} =~ /\A(?:begin|finish)\z/ } $b{D}->events) {
    $now += $_->{what} eq 'begin' ? 1 : -1;
    $most = $now if $now > $most;
}
$s->expect_log(qr/GW00150: POST balancer:.*\[reset\] -> answered 502/,
    [ 2, 16 ]);
$s->expect_log(qr/GW00150: GET balancer:\/\/only: .* -> answered 50[23]/, 2);
my ($line) = $s->access_log(uri => qr{^/only}, wait => 1);
like $line->{gw_tries}, qr/\A\S+, \S+\z/, 'the log has all that were tried';
ok $most > 1 && $most <= 3, "never more than max= at a time ($most)";
done_testing;
