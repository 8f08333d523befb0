#!/bin/bash
# Runs the tests that need a server: once per MPM of MPMS=, with the event MPM
# once per driver of DRIVERS=. BUILD= is the folder of the modules, TESTS=
# names files instead of all, arguments go to t/run. All runs happen even when
# one fails; how long each took is said at the end.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

failed=()
times=()

run() { # name, arguments of t/run
    local name=$1 began=$SECONDS
    shift
    echo "== suite, $name"
    # shellcheck disable=SC2086
    t/run --build "${BUILD:-build}" "$@" ${TESTS-} || failed+=("$name")
    times+=("$name $((SECONDS - began)) s")
}

for mpm in ${MPMS:-event worker prefork}; do
    if [ "$mpm" != event ]; then
        run "$mpm MPM" --mpm "$mpm" "$@"
        continue
    fi
    for driver in ${DRIVERS:-blocking event}; do
        run "event MPM, $driver driver" --mpm event --driver "$driver" "$@"
    done
done

printf 'suite: %s\n' "${times[@]}"
if [ ${#failed[@]} -gt 0 ]; then
    printf 'suite failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
