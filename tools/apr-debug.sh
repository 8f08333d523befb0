#!/bin/sh
# Builds APR with pool debugging from Debian's source package: each pool
# allocation becomes a block of its own that is freed with its pool, so that
# AddressSanitizer and valgrind see a use after the pool is gone. Prints the
# folder of the library, for LD_LIBRARY_PATH; keeps it in build/apr-debug.
#
# The package lists for sources are its own too: nothing of the system's
# configuration changes, and an ordinary user can run it. Fails (with the
# reason) where the source cannot be had.
set -eu
cd "$(dirname "$0")/.."

mkdir -p build/apr-debug
ROOT=$(cd build/apr-debug && pwd)
LIB=$ROOT/lib
VERSION=$(dpkg-query -W -f='${Version}' libapr1t64 2>/dev/null \
    || dpkg-query -W -f='${Version}' libapr1)

die() {
    echo "apr-debug: $*" >&2
    exit 1
}

if [ -e "$LIB/libapr-1.so.0" ] && [ "$(cat "$ROOT/version")" = "$VERSION" ]
then
    echo "$LIB"
    exit 0
fi

# The system's own sources, asked for source packages instead.
source_lists() {
    mkdir -p "$ROOT/apt/parts" "$ROOT/apt/lists/partial" \
        "$ROOT/apt/cache/archives/partial"
    rm -f "$ROOT"/apt/parts/*
    n=0
    for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$f" ] || continue
        n=$((n + 1))
        sed -n 's/^deb[[:space:]]/deb-src /p' "$f" \
            >"$ROOT/apt/parts/$n.list"
    done
    for f in /etc/apt/sources.list.d/*.sources; do
        [ -f "$f" ] || continue
        n=$((n + 1))
        sed 's/^Types:.*/Types: deb-src/' "$f" >"$ROOT/apt/parts/$n.sources"
    done
}

apt_private() {
    apt-get -q \
        -o Dir::Etc::sourcelist=/dev/null \
        -o Dir::Etc::sourceparts="$ROOT/apt/parts" \
        -o Dir::State::lists="$ROOT/apt/lists" \
        -o Dir::Cache="$ROOT/apt/cache" \
        -o APT::Sandbox::User=root \
        -o APT::Get::List-Cleanup=0 \
        "$@" </dev/null
}

fetch() {
    source_lists
    apt_private update || return 1
    cd "$ROOT"
    apt_private source --download-only "apr=$VERSION" \
        || apt_private source --download-only apr
}

unpack() {
    rm -rf "$ROOT/src"
    mkdir "$ROOT/src"
    tar -xf "$(ls "$ROOT"/apr_*.orig.tar.* | grep -v '\.asc$' | tail -n 1)" \
        -C "$ROOT/src" --strip-components=1
}

build() {
    cd "$ROOT/src" || return 1
    [ -x configure ] || ./buildconf || return 1
    CFLAGS='-g -O1 -fno-omit-frame-pointer' ./configure --quiet \
        --prefix="$ROOT/inst" --enable-pool-debug=yes --disable-static \
        --with-devrandom=/dev/urandom \
        && make -s -j"$(nproc)" && make -s install
}

log=$ROOT/log
echo "apr-debug: building APR $VERSION with pool debugging" >&2
(fetch) >"$log" 2>&1 \
    || die "the source package cannot be had: $(tail -n 2 "$log")"
(unpack && build) >>"$log" 2>&1 \
    || die "APR does not build, see $log: $(tail -n 3 "$log")"
nm -D "$ROOT/inst/lib/libapr-1.so.0" | grep -q ' T apr_palloc_debug$' \
    || die "the library lacks pool debugging"
rm -rf "$LIB"
mkdir "$LIB"
cp -P "$ROOT"/inst/lib/libapr-1.so* "$LIB"
echo "$VERSION" >"$ROOT/version"
echo "$LIB"
