#!/bin/bash
# Runs the unit tests and the suite on the ASan+UBSan build in build/asan,
# with an APR that has pool debugging where it can be built. MPMS=, DRIVERS= and
# TESTS= choose.
#
# httpd is the stock one; the harness preloads the sanitizer's runtime into it
# and collects the reports.
set -u
shopt -s nullglob
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

BUILD=$PWD/build/asan
APXS=${APXS:-apxs}
HTTPD=$("$APXS" -q sbindir)/$("$APXS" -q progname)
MODULES=$("$APXS" -q LIBEXECDIR)
RUNTIME=$(gcc -print-file-name=libasan.so)
failed=()

LIB=$(tools/apr-debug.sh) || LIB=

# A fault that is there must be found, or finding nothing means nothing.
planted() {
    make --no-print-directory -f Makefile.apxs BUILD=build/asan \
        SAN=address,undefined MAINTAINER=1 build/asan/mod_planted.so \
        || return 1
    cat >"$BUILD/planted.conf" <<END
ServerRoot $BUILD
ServerName localhost
DefaultRuntimeDir $BUILD
Listen 127.0.0.1:1
<IfModule !mpm_event_module>
    LoadModule mpm_event_module $MODULES/mod_mpm_event.so
</IfModule>
LoadModule planted_module $BUILD/mod_planted.so
PlantedUseAfterPool
END
    said=$(LD_PRELOAD=$(readlink -f "$RUNTIME") LD_LIBRARY_PATH=$LIB \
        ASAN_OPTIONS=detect_leaks=0 \
        "$HTTPD" -t -f "$BUILD/planted.conf" 2>&1) && return 1
    grep -q 'AddressSanitizer: heap-use-after-free' <<<"$said" \
        || { echo "$said" >&2; return 1; }
}

if [ -z "$LIB" ]; then
    echo "asan: no APR with pool debugging; a use of memory whose pool is" \
        "gone will go unseen" >&2
elif planted; then
    export LD_LIBRARY_PATH=$LIB
    echo "asan: the planted use after pool destruction was caught"
else
    echo "asan: the planted use after pool destruction was NOT caught" >&2
    exit 1
fi

export UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS=detect_stack_use_after_return=1

echo "== unit tests, ASan+UBSan"
programs=("$BUILD"/unit/*_test "$BUILD"/fuzz/*_fuzz)
[ ${#programs[@]} -eq 0 ] || prove -j"$(nproc)" -e '' "${programs[@]}" \
    || failed+=(unit)

BUILD=build/asan tools/suite.sh || failed+=(suite)

if [ ${#failed[@]} -gt 0 ]; then
    echo "asan: failed: ${failed[*]}" >&2
    exit 1
fi
echo "asan: no finding"
