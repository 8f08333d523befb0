#!/bin/bash
# Runs the unit tests and the suite under valgrind, on the build in
# build/debug, with an APR that has pool debugging where it can be built.
# MPMS=, DRIVERS= and TESTS= choose; by default the worker MPM.
set -u
shopt -s nullglob
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

failed=()
LIB=$(tools/apr-debug.sh) || LIB=
if [ -z "$LIB" ]; then
    echo "valgrind: no APR with pool debugging; a use of memory whose pool" \
        "is gone will go unseen" >&2
else
    export LD_LIBRARY_PATH=$LIB
    tools/planted.sh build/debug 'Invalid read of size 1' \
        valgrind -q --suppressions="$PWD/t/conf/valgrind.supp" || exit 1
fi

echo "== unit tests, valgrind"
programs=(build/debug/unit/*_test)
[ ${#programs[@]} -eq 0 ] || prove -j"$(nproc)" -e \
    "valgrind -q --error-exitcode=99 --suppressions=t/conf/valgrind.supp
    --leak-check=full --errors-for-leak-kinds=definite" \
    "${programs[@]}" || failed+=(unit)

# as many files at a time as there are processors: they are busy all the time
BUILD=build/debug MPMS=${MPMS:-worker} tools/suite.sh --valgrind \
    --jobs "$(nproc)" || failed+=(suite)

if [ ${#failed[@]} -gt 0 ]; then
    echo "valgrind: failed: ${failed[*]}" >&2
    exit 1
fi
echo "valgrind: no finding"
