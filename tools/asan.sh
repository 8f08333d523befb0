#!/bin/bash
# Runs the unit tests and the suite on the ASan+UBSan build in build/asan,
# with an APR that has pool debugging where it can be built.
#
# httpd is the stock one: a wrapper preloads the sanitizer's runtime into it,
# and the harness starts that wrapper in place of httpd.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

BUILD=$PWD/build/asan
REPORTS=$BUILD/reports
APXS=${APXS:-apxs}
HTTPD=$("$APXS" -q sbindir)/$("$APXS" -q progname)
MODULES=$("$APXS" -q LIBEXECDIR)
RUNTIME=$("$("$APXS" -q CC)" -print-file-name=libasan.so)
failed=()

[ -e "$RUNTIME" ] || { echo "asan: no libasan.so beside gcc" >&2; exit 1; }

rm -rf "$REPORTS"
mkdir -p "$REPORTS"
chmod 1777 "$REPORTS"    # httpd's children write there as another user

LIB=$(tools/apr-debug.sh) || LIB=

# Pools of httpd outlive what leak detection expects, so it stays off there.
cat >"$BUILD/httpd" <<END
#!/bin/sh
export LD_PRELOAD="$(readlink -f "$RUNTIME")"
${LIB:+export LD_LIBRARY_PATH="$LIB"}
export ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:\\
detect_stack_use_after_return=1:log_path=$REPORTS/asan"
export UBSAN_OPTIONS="print_stacktrace=1:log_path=$REPORTS/ubsan"
exec "$HTTPD" "\$@"
END
chmod +x "$BUILD/httpd"

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
    said=$("$BUILD/httpd" -t -f "$BUILD/planted.conf" 2>&1) && return 1
    grep -qs 'AddressSanitizer: heap-use-after-free' "$REPORTS"/asan.* \
        || { echo "$said" >&2; return 1; }
    rm -f "$REPORTS"/asan.*
}

if [ -z "$LIB" ]; then
    echo "asan: no APR with pool debugging; a use of memory whose pool is" \
        "gone will go unseen" >&2
elif planted; then
    echo "asan: the planted use after pool destruction was caught"
else
    echo "asan: the planted use after pool destruction was NOT caught" >&2
    exit 1
fi

echo "== unit tests, ASan+UBSan"
shopt -s nullglob
programs=("$BUILD"/unit/*_test "$BUILD"/fuzz/*_fuzz)
[ ${#programs[@]} -eq 0 ] || LD_LIBRARY_PATH=$LIB ASAN_OPTIONS=detect_stack_use_after_return=1 \
    UBSAN_OPTIONS=print_stacktrace=1 \
    prove -j"$(nproc)" -e '' "${programs[@]}" || failed+=(unit)

for mpm in ${MPMS:-event worker prefork}; do
    echo "== suite, $mpm MPM, ASan+UBSan"
    # shellcheck disable=SC2086
    BUILD=$BUILD GATEWAY_HTTPD=$BUILD/httpd GATEWAY_SLOW=4 \
        t/run --mpm "$mpm" ${TESTS-} || failed+=("$mpm")
done

for report in "$REPORTS"/*; do
    echo "asan: $report" >&2
    head -n 60 "$report" >&2
    failed+=(report)
done

if [ ${#failed[@]} -gt 0 ]; then
    echo "asan: failed: ${failed[*]}" >&2
    exit 1
fi
echo "asan: no finding"
