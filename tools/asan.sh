#!/bin/bash
# Runs the unit tests and the suite on the ASan+UBSan build in build/asan,
# with an APR that has pool debugging where it can be built. MPMS=, DRIVERS=
# and TESTS= choose.
#
# httpd is the stock one; the harness preloads the sanitizer's runtime into it
# and collects the reports.
set -u
shopt -s nullglob
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

BUILD=$PWD/build/asan
RUNTIME=$(gcc -print-file-name=libasan.so)
failed=()

LIB=$(tools/apr-debug.sh) || LIB=

if [ -z "$LIB" ]; then
    echo "asan: no APR with pool debugging; a use of memory whose pool is" \
        "gone will go unseen" >&2
else
    export LD_LIBRARY_PATH=$LIB
    tools/planted.sh "$BUILD" 'AddressSanitizer: heap-use-after-free' \
        env LD_PRELOAD="$(readlink -f "$RUNTIME")" \
        ASAN_OPTIONS=detect_leaks=0 || exit 1
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
