#!/bin/sh
# Installs the two modules where apxs says. On Debian it also writes the .load
# files that a2enmod reads.
#
#     tools/install.sh     BUILD=, APXS=, DESTDIR=
#
# DESTDIR stages everything below another root, for packages and tests.
set -eu
cd "$(dirname "$0")/.."

APXS=${APXS:-$(command -v apxs || command -v apxs2)}
BUILD=${BUILD:-build}
DESTDIR=${DESTDIR-}
libexecdir=$($APXS -q LIBEXECDIR)
available=$($APXS -q SYSCONFDIR)/mods-available

# load_file NAME [MODULES]: what a2enmod NAME enables, along with MODULES
load_file() {
    [ -z "${2-}" ] || echo "# Depends: $2"
    echo "LoadModule ${1}_module $libexecdir/mod_$1.so"
}

# install_one NAME [MODULES]
install_one() {
    [ -f "$BUILD/mod_$1.so" ] || return 0
    mkdir -p "$DESTDIR$libexecdir"
    # from its own folder: apxs keeps the path it is given
    (cd "$BUILD" && "$APXS" -S LIBEXECDIR="$DESTDIR$libexecdir" \
        -i -n "$1" "mod_$1.so" >/dev/null)
    echo "installed $DESTDIR$libexecdir/mod_$1.so"
    [ -d "$available" ] || return 0
    mkdir -p "$DESTDIR$available"
    load_file "$@" >"$DESTDIR$available/$1.load.new"
    mv -f "$DESTDIR$available/$1.load.new" "$DESTDIR$available/$1.load"
    echo "installed $DESTDIR$available/$1.load"
}

install_one gateway authz_core
install_one gateway_balancer "gateway slotmem_shm"

if [ -d "$available" ]; then
    echo "now: a2enmod gateway, for clusters also a2enmod gateway_balancer;" \
        "then restart apache2"
else
    echo "now add to httpd.conf:"
    load_file gateway
    echo "# for clusters, and they need mod_slotmem_shm:"
    load_file gateway_balancer
fi
