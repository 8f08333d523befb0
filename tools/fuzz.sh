#!/bin/bash
# Runs the libFuzzer programs of $BUILD for FUZZ_SECONDS each (default 60),
# FUZZ_JOBS at once (default 1): all of them, or those named (h1, chunk, ...).
#
# Inputs that reach new code are kept in $BUILD/corpus/NAME and used again;
# an input that is a finding goes to $BUILD/findings/NAME. Once the fault is
# fixed, such an input belongs into t/fuzz/corpus/NAME, where every run of the
# unit tests replays it.
set -u
cd "$(dirname "$0")/.." || exit 1

export BUILD=${BUILD:-build/libfuzzer}
export FUZZ_SECONDS=${FUZZ_SECONDS:-60}
FUZZ_JOBS=${FUZZ_JOBS:-1}

one() {
    name=$1
    new=$BUILD/corpus/$name
    bad=$BUILD/findings/$name
    log=$BUILD/$name.log
    mkdir -p "$new" "$bad"
    seeds=t/fuzz/corpus/$name
    [ -d "$seeds" ] || seeds=
    dict=t/fuzz/$name.dict
    [ -f "$dict" ] && dict=-dict=$dict || dict=
    # a unit may need 10 s and 2 GB at most: more is a finding as well
    if "$BUILD/fuzz/${name}_fuzz" -max_total_time="$FUZZ_SECONDS" \
        -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$bad/" ${dict:+"$dict"} \
        "$new" ${seeds:+"$seeds"} >"$log" 2>&1
    then
        echo "ok - $name: $(sed -n \
            's/^stat::number_of_executed_units: *//p' "$log") runs," \
            "$(find "$new" -type f | wc -l) inputs kept"
    else
        echo "not ok - $name, see $log:"
        grep -m 1 -E 'ERROR|runtime error|SUMMARY' "$log" | sed 's/^/    /'
        find "$bad" -type f -newer "$seeds" 2>/dev/null | sed 's/^/    /'
        return 1
    fi
}
export -f one

names=("$@")
if [ $# -eq 0 ]; then
    for f in "$BUILD"/fuzz/*_fuzz; do
        [ -x "$f" ] || continue
        f=${f##*/}
        names+=("${f%_fuzz}")
    done
fi
if [ ${#names[@]} -eq 0 ]; then
    echo "fuzz: there is no target in t/fuzz" >&2
    exit 1
fi

printf '%s\n' "${names[@]}" | xargs -P "$FUZZ_JOBS" -I NAME \
    bash -c 'one NAME' || { echo "fuzz: findings" >&2; exit 1; }
echo "fuzz: ${#names[@]} targets, $FUZZ_SECONDS s each, no finding"
