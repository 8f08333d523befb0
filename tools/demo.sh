#!/bin/sh
# A running gateway to look at: an httpd with mod_gateway.so that forwards
# /app to a backend, which is a second httpd of the demo's own, or BACKEND,
# and /cluster to two members, one of which is killed and comes back.
#
#     tools/demo.sh start     BUILD=, PORT=, BACKEND=, APXS=
#     tools/demo.sh stop [-q]
#
# Everything lives in one folder and ends with "stop"; no system service and
# no system configuration is touched.
set -eu
umask 022
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

BUILD=${BUILD:-build}
PORT=${PORT:-8080}
BACKEND=${BACKEND-}
HOME_DIR=$BUILD/demo
STOP="make -f Makefile.apxs demo-stop"

die() {
    echo "demo: $*" >&2
    exit 1
}

# --- stopping ----------------------------------------------------------------

# Ends the httpd of a pid file, and only that: the process must run with the
# configuration that lies beside the file.
stop_one() {
    [ -s "$1.pid" ] || return 0
    pid=$(cat "$1.pid")
    if ! tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null \
        | grep -qF -- "$1.conf"; then
        rm -f "$1.pid"
        return 0
    fi
    kill -TERM "$pid"
    i=0
    while [ -d "/proc/$pid" ] && [ $i -lt 100 ]; do
        sleep 0.1
        i=$((i + 1))
    done
    [ ! -d "/proc/$pid" ] || kill -KILL "$pid"
    rm -f "$1.pid"
    stopped="${stopped-} ${1##*/}"
}

stop_all() {
    stopped=
    [ -s "$HOME_DIR/where" ] || return 0
    run=$(cat "$HOME_DIR/where")
    stop_one "$run/gateway"
    stop_one "$run/backend"
    stop_one "$run/member1"
    stop_one "$run/member2"
}

# The folder of an earlier run, where it had to lie outside the tree.
forget() {
    [ -s "$HOME_DIR/where" ] || return 0
    case $(cat "$HOME_DIR/where") in
    */mod_gateway-demo.??????)
        rm -rf "$(cat "$HOME_DIR/where")"
        ;;
    esac
    rm -f "$HOME_DIR/where"
}

case ${1-} in
stop)
    stop_all
    [ "${2-}" != -q ] || forget
    [ "${2-}" = -q ] || echo "demo: stopped${stopped:-, nothing was running}"
    exit 0
    ;;
start)
    ;;
*)
    die "usage: tools/demo.sh start | stop"
    ;;
esac

# --- what is there -----------------------------------------------------------

APXS=${APXS:-$(command -v apxs || command -v apxs2)} || die "no apxs"
MODULES=$($APXS -q LIBEXECDIR)
HTTPD=$($APXS -q sbindir)/$($APXS -q progname)
MIME=/etc/mime.types
SO=$(pwd)/$BUILD
case $BUILD in
/*)
    SO=$BUILD
    ;;
esac
[ -x "$HTTPD" ] || die "no httpd at $HTTPD"
for so in gateway gateway_balancer; do
    [ -f "$SO/mod_$so.so" ] || die "$SO/mod_$so.so is not built"
done

case $PORT in
*[!0-9]* | '' | ??????*)
    die "PORT=$PORT is no port number"
    ;;
esac
case $BACKEND in
'' | http://?* | https://?* | unix:/?*\|http://?*)
    ;;
*)
    die "BACKEND=$BACKEND must be http://host:port or https://host:port"
    ;;
esac
case $BACKEND in
*[!-a-zA-Z0-9:/._~\|%\[\]@]*)
    die "BACKEND=$BACKEND holds a character that no such URL has"
    ;;
esac
BACKEND=${BACKEND%/}

# Prints a port that can be listened on: the one asked for, or any for 0.
bindable() {
    perl -MIO::Socket::INET -e '
        my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
            LocalPort => $ARGV[0], Listen => 1, ReuseAddr => 1)
            or do { print STDERR "$!\n"; exit 1 };
        print $s->sockport, "\n";' "$1"
}

# The port may be that of the demo that runs already and now makes room.
bindable "$PORT" >/dev/null 2>&1 || stop_all
why=$(bindable "$PORT" 2>&1 >/dev/null) || die "port $PORT cannot be used:" \
    "$why. Choose another: make -f Makefile.apxs demo PORT=8081"
stop_all
forget

# --- a place to run ----------------------------------------------------------

# As root, httpd serves as another user, who must be able to read the pages.
USER_LINES=
server_user() {
    for u in www-data apache nobody; do
        if id "$u" >/dev/null 2>&1; then
            echo "$u"
            return
        fi
    done
    die "there is no user www-data or nobody that httpd could run as"
}

mkdir -p "$HOME_DIR"
RUN=$(cd "$HOME_DIR" && pwd)
if [ "$(id -u)" = 0 ]; then
    user=$(server_user)
    group=$(id -gn "$user")
    USER_LINES="User $user
Group $group"
    if ! setpriv --reuid="$user" --regid="$group" --clear-groups \
        test -x "$RUN" 2>/dev/null; then
        RUN=$(mktemp -d "${TMPDIR:-/tmp}/mod_gateway-demo.XXXXXX")
        chmod 755 "$RUN"
    fi
fi
echo "$RUN" >"$HOME_DIR/where"
rm -rf "$RUN/front" "$RUN/backend" "$RUN/cgi" "$RUN/member1" "$RUN/member2"
rm -f "$RUN"/*.log
cp -R tools/demo/front tools/demo/backend tools/demo/cgi "$RUN"
for m in member1 member2; do
    cp -R tools/demo/member "$RUN/$m"
    echo "$m" >"$RUN/$m/name.txt"
done
[ -f "$MIME" ] || {
    MIME=$RUN/mime.types
    echo "text/html html" >"$MIME"
}

# --- configurations ----------------------------------------------------------

load() {
    for m; do
        [ ! -f "$MODULES/mod_$m.so" ] || cat <<END
<IfModule !${m}_module>
    LoadModule ${m}_module $MODULES/mod_$m.so
</IfModule>
END
    done
}

common() {
    cat <<END
# $2, written by tools/demo.sh
ServerRoot $RUN
DefaultRuntimeDir $RUN
ServerName 127.0.0.1:$3
Listen 127.0.0.1:$3
PidFile $RUN/$1.pid
ErrorLog $RUN/$1.error.log
TypesConfig $MIME
$USER_LINES
<Directory />
    Require all denied
</Directory>
END
}

backend_conf() {
    load mpm_event unixd authz_core dir mime alias cgid
    common backend "the demo's backend" "$BACKEND_PORT"
    cat <<END
ScriptSock $RUN/cgid.sock
DocumentRoot $RUN/backend
<Directory $RUN/backend>
    Require all granted
</Directory>
ScriptAliasMatch ^/(clock|headers|login|old)\$ $RUN/cgi/\$1
<Directory $RUN/cgi>
    Require all granted
</Directory>
END
}

# member_conf NAME PORT
member_conf() {
    load mpm_event unixd authz_core dir mime
    common "$1" "a member of the demo's cluster" "$2"
    cat <<END
DocumentRoot $RUN/$1
<Directory $RUN/$1>
    Require all granted
</Directory>
END
}

gateway_conf() {
    load mpm_event unixd log_config authz_core dir mime slotmem_shm
    cat <<END
LoadModule gateway_module          $SO/mod_gateway.so
LoadModule gateway_balancer_module $SO/mod_gateway_balancer.so
END
    common gateway "the demo's gateway" "$PORT"
    cat <<END
LogFormat "%h \\"%r\\" %>s %{GATEWAY_ADDR}e attempt %{GATEWAY_ATTEMPTS}e\
 %{GATEWAY_MS}e ms reused %{GATEWAY_REUSED}e %{GATEWAY_REASON}e" gateway
CustomLog $RUN/gateway.access.log gateway
DocumentRoot $RUN/front
<Directory $RUN/front>
    Require all granted
</Directory>

<Location /app>
    GatewayPass        "$BACKEND"
    GatewayPassReverse "$BACKEND"
</Location>

<Location /cluster>
    GatewayPass balancer://demo
</Location>
<Gateway balancer://demo>
    GatewayMember $MEMBER1
    GatewayMember $MEMBER2
    # so that a demo need not wait: who comes back has its share soon
    GatewaySet slowstart=2
</Gateway>

# nothing listens there
<Location /down>
    GatewayPass http://127.0.0.1:$DOWN_PORT
</Location>
END
}

# --- starting ----------------------------------------------------------------

start_one() {
    if ! "$HTTPD" -f "$RUN/$1.conf" -k start >"$RUN/$1.start.log" 2>&1; then
        cat "$RUN/$1.start.log" >&2
        tail -n 5 "$RUN/$1.error.log" 2>/dev/null >&2 || :
        stop_all
        die "the $1 did not start"
    fi
    i=0
    until [ -s "$RUN/$1.pid" ] \
        && curl -s -o "$RUN/ready" --max-time 2 "http://127.0.0.1:$2/"; do
        i=$((i + 1))
        if [ $i -gt 100 ]; then
            tail -n 5 "$RUN/$1.error.log" >&2
            stop_all
            die "the $1 started but does not answer at port $2"
        fi
        sleep 0.1
    done
}

LOADER=
interrupted() {
    [ -z "$LOADER" ] || kill "$LOADER" 2>/dev/null || :
    stop_all
    die "interrupted"
}
trap interrupted HUP INT TERM

OWN=
DOWN_PORT=$(bindable 0)
if [ -z "$BACKEND" ]; then
    OWN=yes
    BACKEND_PORT=$(bindable 0)
    BACKEND=http://127.0.0.1:$BACKEND_PORT
    backend_conf >"$RUN/backend.conf"
    start_one backend "$BACKEND_PORT"
fi
MEMBER1_PORT=$(bindable 0)
member_conf member1 "$MEMBER1_PORT" >"$RUN/member1.conf"
start_one member1 "$MEMBER1_PORT"
MEMBER2_PORT=$(bindable 0)
member_conf member2 "$MEMBER2_PORT" >"$RUN/member2.conf"
start_one member2 "$MEMBER2_PORT"
MEMBER1=http://127.0.0.1:$MEMBER1_PORT
MEMBER2=http://127.0.0.1:$MEMBER2_PORT
gateway_conf >"$RUN/gateway.conf"
start_one gateway "$PORT"

# --- showing -----------------------------------------------------------------

FRONT=http://127.0.0.1:$PORT
failed=0

title() {
    printf '\n%s\n' "$1"
}

shown() {
    printf '   %s\n' "$@"
}

verdict() {
    if [ "$1" = 0 ]; then
        shown "=> ok: $2"
    else
        shown "=> FAILED: $2"
        failed=$((failed + 1))
    fi
}

# ask NAME URL: the response's head and body into $RUN/NAME.{head,body}
ask() {
    : >"$RUN/$1.head"
    : >"$RUN/$1.body"
    curl -s --max-time 15 -D "$RUN/$1.head" -o "$RUN/$1.body" "$2" || :
    tr -d '\r' <"$RUN/$1.head" >"$RUN/$1.head.txt"
}

status() {
    sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' "$RUN/$1.head.txt"
}

field() {
    grep -i "^$2:" "$RUN/$1.head.txt" | head -n 1
}

last_error() {
    grep -o 'GW[0-9]\{5\}: .*' "$RUN/gateway.error.log" | tail -n 1
}

try_page() {
    title "A page from the backend"
    shown "\$ curl $FRONT/app/"
    ask page "$FRONT/app/"
    shown "$(status page) $(sed -n 's,.*<title>\(.*\)</title>.*,\1,p' \
        "$RUN/page.body" | head -n 1)"
    ok=0
    [ "$(status page)" = 200 ] || ok=1
    grep -q 'Hello from the backend' "$RUN/page.body" || ok=1
    verdict $ok "the gateway fetched it from $BACKEND"
}

# pair NAME: what backend and gateway say to one request, side by side
pair() {
    shown "\$ curl -i $FRONT/app/$1"
    ask direct "$BACKEND/$1"
    ask through "$FRONT/app/$1"
    shown "backend: $(field direct "$2")"
    shown "gateway: $(field through "$2")"
}

try_redirect() {
    title "A redirect to the backend's own address"
    pair old Location
    ok=0
    [ "$(field through Location)" = "Location: $FRONT/app/new.html" ] || ok=1
    verdict $ok "the client stays at the gateway"
}

try_cookie() {
    title "A cookie for the backend's path /"
    pair login Set-Cookie
    ok=0
    field through Set-Cookie | grep -qE 'Path=/app/?(;|$)' || ok=1
    verdict $ok "it will come back to this application only"
}

try_headers() {
    title "What the backend is told about the client"
    shown "\$ curl $FRONT/app/headers"
    ask headers "$FRONT/app/headers"
    sed 's/^/   /' "$RUN/headers.body"
    ok=0
    for want in 'FOR: 127.0.0.1' 'PROTO: http' "PORT: $PORT" \
        "HOST: 127.0.0.1:$PORT"; do
        grep -q "^X-FORWARDED-$want" "$RUN/headers.body" || ok=1
    done
    verdict $ok "client address, host, scheme and port of the front"
}

try_stream() {
    title "Server-sent events, one each half second"
    shown "\$ curl -N $FRONT/app/clock"
    ok=0
    curl -sN --max-time 15 "$FRONT/app/clock" | perl -MTime::HiRes=time -e '
        my ($first, $last, $n) = (0, 0, 0);
        while (<STDIN>) {
            /^data: (\S+)/ or next;
            my $now = time;
            $first ||= $now;
            $last = $now;
            ++$n;
            printf "   data: %s  (%.1f s after the first)\n", $1,
                $now - $first;
        }
        exit !($n == 3 && $last - $first > 0.6);' || ok=1
    verdict $ok "each arrived when it was sent; no directive needed"
}

try_down() {
    title "A backend that is down"
    shown "\$ curl -i $FRONT/down/"
    ask down "$FRONT/down/"
    shown "$(head -n 1 "$RUN/down.head.txt")"
    shown "error log: $(last_error)"
    ok=0
    [ "$(status down)" = 503 ] && [ -n "$(last_error)" ] || ok=1
    verdict $ok "the client has an answer, the log has the reason"
}

# who N: asks the cluster N times, one "STATUS MEMBER" a line
who() {
    n=$1
    while [ "$n" -gt 0 ]; do
        curl -s --max-time 15 -o "$RUN/name.body" -w '%{http_code} ' \
            "$FRONT/cluster/name.txt" || :
        head -n 1 "$RUN/name.body"
        n=$((n - 1))
    done
}

# answers FILE TEXT: in how many lines of FILE the text is
answers() {
    grep -cF -- "$2" "$1" || :
}

tally() {
    shown "$(wc -l <"$1") requests: $(answers "$1" '200 member1') by member1,\
 $(answers "$1" '200 member2') by member2, $(grep -vc '^200 member' "$1" || :)\
 failed"
}

try_cluster() {
    title "A cluster of two"
    shown "\$ curl $FRONT/cluster/name.txt     (20 times)"
    who 20 >"$RUN/spread"
    tally "$RUN/spread"
    ok=0
    for m in member1 member2; do
        [ "$(answers "$RUN/spread" "200 $m")" -ge 6 ] || ok=1
    done
    [ "$(answers "$RUN/spread" '200 member')" = 20 ] || ok=1
    verdict $ok "both have their share"
}

# A member is killed with all of its processes, without a chance to say so,
# while requests come.
try_kill() {
    title "One of the two is killed while requests come"
    pid=$(cat "$RUN/member2.pid")
    shown "\$ kill -9 -$pid     (all processes of member2)"
    : >"$RUN/killed"
    who 120 >"$RUN/killed" &
    LOADER=$!
    i=0
    while [ "$(wc -l <"$RUN/killed")" -lt 30 ] && [ $i -lt 100 ]; do
        sleep 0.1
        i=$((i + 1))
    done
    kill -KILL "-$pid"
    rm -f "$RUN/member2.pid"
    wait "$LOADER" || :
    LOADER=
    tally "$RUN/killed"
    shown "error log: $(last_error)"
    ok=0
    [ "$(answers "$RUN/killed" '200 member')" = 120 ] || ok=1
    [ "$(tail -n 20 "$RUN/killed" | grep -c '200 member1')" = 20 ] || ok=1
    verdict $ok "no client noticed: its requests went to the other one"
}

try_back() {
    title "It comes back"
    shown "\$ $HTTPD -f $RUN/member2.conf"
    start_one member2 "$MEMBER2_PORT"
    who 1 >"$RUN/back"
    i=0
    while [ "$(tail -n 10 "$RUN/back" | answers - '200 member2')" -lt 4 ] \
        && [ $i -lt 80 ]; do
        sleep 0.1
        who 2 >>"$RUN/back"
        i=$((i + 1))
    done
    tally "$RUN/back"
    ok=0
    [ $i -lt 80 ] || ok=1
    [ "$(grep -vc '^200 member' "$RUN/back" || :)" = 0 ] || ok=1
    verdict $ok "a single request tried it, then its share grew to half"
}

try_yours() {
    title "Your backend, through the gateway"
    shown "\$ curl -i $FRONT/app/"
    ask yours "$FRONT/app/"
    sed '/^$/d; s/^/   /' "$RUN/yours.head.txt" | head -n 12
    ok=0
    case $(status yours) in
    '' | 502 | 503 | 504)
        ok=1
        shown "error log: $(last_error)"
        ;;
    esac
    verdict $ok "$BACKEND answers at $FRONT/app/"
}

cat <<END

mod_gateway is running.

   gateway  $FRONT/     $("$HTTPD" -v | sed -n '1s/.*: //p')
   backend  $BACKEND${OWN:+     a second httpd, started for this}

   <Location /app>
       GatewayPass        $BACKEND
       GatewayPassReverse $BACKEND
   </Location>
   <Location /cluster>
       GatewayPass        balancer://demo
   </Location>
   <Gateway balancer://demo>
       GatewayMember      $MEMBER1
       GatewayMember      $MEMBER2
   </Gateway>
END

if [ -n "$OWN" ]; then
    try_page
    try_redirect
    try_cookie
    try_headers
    try_stream
else
    try_yours
fi
try_cluster
try_kill
try_back
try_down

cat <<END

What next:
   open         $FRONT/app/ and $FRONT/cluster/
   kill one     kill -9 -\$(cat $RUN/member2.pid); rm $RUN/member2.pid
   start it     $HTTPD -f $RUN/member2.conf
   your own     make -f Makefile.apxs demo BACKEND=http://host:port
   edit         $RUN/gateway.conf, then
                $HTTPD -f $RUN/gateway.conf -k graceful
   watch        tail -f $RUN/gateway.access.log $RUN/gateway.error.log
   stop         $STOP
END
if [ $failed -gt 0 ]; then
    die "$failed of the requests above did not go as they should;" \
        "the demo is still running: $STOP"
fi
