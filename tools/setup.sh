#!/bin/sh
# Installs the Debian packages that are missing for the purposes named.
#
#     tools/setup.sh build test
#     tools/setup.sh -n build test     only tell
#
# Nothing happens when nothing is missing. No service is started or left
# enabled by it, and nothing but Debian's archive is asked for packages.
set -eu
cd "$(dirname "$0")/.."

tell=
if [ "${1-}" = -n ]; then
    tell=yes
    shift
fi
[ $# -gt 0 ] || set -- build test

PATH=$PATH:/usr/sbin:/sbin

say() {
    echo "setup: $*" >&2
}

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null)" = 'ii ' ]
}

# in the package lists, with a version to install
available() {
    apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'
}

# The number of clang's version: the compiler's own, else the one that the
# package "clang" would bring.
clang_version() {
    v=$(clang -dumpversion 2>/dev/null | sed 's/\..*//')
    [ -n "$v" ] || v=$(apt-cache depends clang 2>/dev/null \
        | sed -n 's/^ *Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
    echo "$v"
}

wanted() {
    for purpose; do
        sed -n "s/^$purpose  *//p" tools/packages.txt
    done | tr ' ' '\n' | sort -u
}

# The packages to install for a list of wanted ones.
missing() {
    for want; do
        case $want in
        *@CLANG@*)
            want=${want%%@*}$(clang_version)${want##*@}
            ;;
        esac
        found= first=
        for p in $(echo "$want" | tr '|' ' '); do
            if installed "$p"; then
                found=yes
            elif [ -z "$first" ] && available "$p"; then
                first=$p
            fi
        done
        [ -n "$found" ] || echo "${first:-${want%%|*}}"
    done
}

# Without dpkg all that can be said is what would be needed.
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null
then
    say "this is no Debian system; please see to these yourself:"
    # shellcheck disable=SC2046
    say $(wanted "$@")
    command -v "${APXS:-apxs}" >/dev/null || {
        say "apxs was not found: install httpd's development files"
        exit 1
    }
    exit 0
fi

# shellcheck disable=SC2046
need=$(missing $(wanted "$@"))
[ -n "$need" ] || exit 0
need=$(echo "$need" | tr '\n' ' ')
need=${need% }

if [ -n "$tell" ]; then
    echo "$need"
    exit 0
fi

if [ "$(id -u)" != 0 ]; then
    say "packages are missing; please run this as root, then try again:"
    say "    apt-get update &&" \
        "apt-get install --no-install-recommends $need"
    say "or, to have no service started by them: sudo tools/setup.sh $*"
    exit 1
fi

# --- as root -----------------------------------------------------------------

export DEBIAN_FRONTEND=noninteractive
POLICY=/usr/sbin/policy-rc.d
OURS=
HAD_PERL=

# A package must not start its service: policy-rc.d says so to all of them
# for as long as this runs. One that is already there is somebody's decision.
hold_services() {
    [ ! -e "$POLICY" ] || return 0
    OURS=yes
    printf '#!/bin/sh\n# until mod_gateway is set up\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
}

release_services() {
    [ -z "$OURS" ] || rm -f "$POLICY"
    OURS=
}

packages() {
    dpkg-query -W -f='${Package}\n' | sort -u
}

# Nor may one come up when the machine next starts, or mod_perl be switched on
# in a web server that is already here.
disable_new() {
    for p in $(packages | comm -13 "$before" -); do
        for file in $(dpkg -L "$p" 2>/dev/null); do
            case $file in
            */systemd/system/*@.service)
                ;;
            */systemd/system/*.service)
                deb-systemd-helper disable "${file##*/}" >/dev/null 2>&1 || :
                ;;
            /etc/init.d/*)
                update-rc.d "${file##*/}" disable >/dev/null 2>&1 || :
                ;;
            esac
        done
    done
    if [ -z "$HAD_PERL" ] && [ -e /etc/apache2/mods-enabled/perl.load ]; then
        a2dismod -q perl >/dev/null 2>&1 || :
    fi
}

install_all() {
    # shellcheck disable=SC2086
    apt-get install -y -q --no-install-recommends \
        -o Dpkg::Options::=--force-confold \
        -o DPkg::Lock::Timeout=300 $need </dev/null
}

[ ! -e /etc/apache2/mods-enabled/perl.load ] || HAD_PERL=yes
log=$(mktemp)
before=$(mktemp)
trap 'release_services; rm -f "$log" "$before"' EXIT
trap 'exit 1' HUP INT TERM
packages >"$before"
hold_services
say "installing $need"
if ! install_all >"$log" 2>&1; then
    # no package lists yet, or too old ones
    apt-get update -q -o DPkg::Lock::Timeout=300 >"$log" 2>&1 || {
        cat "$log" >&2
        say "apt-get update failed"
        exit 1
    }
    # a list of packages can name others now
    # shellcheck disable=SC2046
    need=$(missing $(wanted "$@") | tr '\n' ' ')
    install_all >"$log" 2>&1 || {
        cat "$log" >&2
        say "apt-get install failed for: $need"
        exit 1
    }
fi
disable_new

# shellcheck disable=SC2046
left=$(missing $(wanted "$@") | tr '\n' ' ')
if [ -n "$left" ]; then
    say "still missing: $left"
    exit 1
fi
