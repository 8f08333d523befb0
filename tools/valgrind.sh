#!/bin/bash
# Runs the unit tests and the suite under valgrind, on the build in
# build/debug, with an APR that has pool debugging where it can be built.
# MPMS= and TESTS= choose; by default the worker MPM, where both the threads
# and the blocking driver are at work.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

BUILD=$PWD/build/debug
REPORTS=$BUILD/reports
APXS=${APXS:-apxs}
HTTPD=$("$APXS" -q sbindir)/$("$APXS" -q progname)
SUPPRESS=$PWD/tools/valgrind.supp
failed=()

rm -rf "$REPORTS"
mkdir -p "$REPORTS"
chmod 1777 "$REPORTS"    # httpd's children write there as another user

LIB=$(tools/apr-debug.sh) || LIB=

echo "== unit tests, valgrind"
shopt -s nullglob
programs=("$BUILD"/unit/*_test)
[ ${#programs[@]} -eq 0 ] || LD_LIBRARY_PATH=$LIB prove -j"$(nproc)" -e \
    "valgrind -q --error-exitcode=99 --suppressions=$SUPPRESS
    --leak-check=full --errors-for-leak-kinds=definite" \
    "${programs[@]}" || failed+=(unit)

cat >"$BUILD/httpd" <<END
#!/bin/sh
${LIB:+export LD_LIBRARY_PATH="$LIB"}
case " \$* " in
*" -t "* | *" -V "* | *" -v "* | *" -l "* | *" -L "* | *" -D DUMP_"*)
    exec "$HTTPD" "\$@"
    ;;
esac
exec valgrind -q --leak-check=no --suppressions="$SUPPRESS" \\
    --log-file="$REPORTS/%p" "$HTTPD" "\$@"
END
chmod +x "$BUILD/httpd"

for mpm in ${MPMS:-worker}; do
    echo "== suite, $mpm MPM, valgrind"
    # shellcheck disable=SC2086
    BUILD=$BUILD GATEWAY_HTTPD=$BUILD/httpd GATEWAY_SLOW=20 \
        t/run --mpm "$mpm" ${TESTS-} || failed+=("$mpm")
done

# -q: a report that is not empty is a finding
for report in "$REPORTS"/*; do
    [ -s "$report" ] || continue
    echo "valgrind: $report" >&2
    head -n 60 "$report" >&2
    failed+=(report)
done

if [ ${#failed[@]} -gt 0 ]; then
    echo "valgrind: failed: ${failed[*]}" >&2
    exit 1
fi
echo "valgrind: no finding"
