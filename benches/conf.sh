#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Times reading a large configuration: ours to a typed, resolved value, and keepalived's own configuration test, by turns.
#
# benches/conf.sh [ROUNDS]
#
# Two files are generated, 2,277 virtual servers with 37,205 real servers, checked over TCP and over HTTP. For each it
# prints the median of CPU and wall time on both sides, how many times quicker ours is with the least and the most of all
# rounds, and the memory at its peak beyond the text, for each real server. It never fails because of a figure.
set -eu

rounds=${1:-5}
keepalived=${KEEPALIVED:-/usr/sbin/keepalived}
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TIMEFORMAT='%3R %3U %3S'

cd "$here"
cargo build -q --release --locked -p keepalived-conf --example large --example bench_conf
built=${CARGO_TARGET_DIR:-target}/release/examples

# timed NAME COMMAND...: adds "wall cpu" in milliseconds to the file of that name.
timed() {
    local name=$1
    shift
    { time "$@" > "$work/out" 2>&1; } 2> "$work/time" || true
    tail -n 1 "$work/time" | awk '{ printf "%.0f %.0f\n", $1 * 1000, ($2 + $3) * 1000 }' >> "$work/$name"
}

# median FILE COLUMN
median() {
    awk -v column="$2" '{ print $column }' "$work/$1" | sort -n |
        awk '{ value[NR] = $1 } END { print NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
}

# ratios COLUMN: of the medians, and the least and most of any round.
ratios() {
    local theirs ours
    theirs=$(median theirs "$1")
    ours=$(median ours "$1")
    paste -d ' ' "$work/theirs" "$work/ours" |
        awk -v theirs="$theirs" -v ours="$ours" -v a="$1" -v b="$(($1 + 2))" '
            function quicker(theirs, ours) { return theirs / (ours > 0 ? ours : 1) }
            { ratio = quicker($a, $b); if (NR == 1 || ratio < least) least = ratio; if (ratio > most) most = ratio }
            END { printf "%.1f times (%.1f to %.1f)", quicker(theirs, ours), least, most }'
}

for kind in tcp http; do
    file=$work/$kind.conf
    "$built/large" "$kind" > "$file"
    bytes=$(stat -c %s "$file")
    rm -f "$work/ours" "$work/theirs"
    for _ in $(seq "$rounds"); do
        if [ -x "$keepalived" ]; then timed theirs "$keepalived" -t -f "$file"; fi
        timed ours "$built/bench_conf" "$file"
    done
    servers=$(awk '$1 == "real_servers" { print $2 }' "$work/out")
    peak=$(awk '$1 == "peak_kb" { print $2 * 1024 }' "$work/out")
    echo "$kind: $(wc -l < "$file") lines, $bytes bytes, $servers real servers, $rounds rounds"
    if [ -s "$work/theirs" ]; then
        echo "  keepalived -t   cpu $(median theirs 2) ms, wall $(median theirs 1) ms"
        echo "  ours            cpu $(median ours 2) ms, wall $(median ours 1) ms"
        echo "  quicker by      cpu $(ratios 2), wall $(ratios 1)"
    else
        echo "  ours            cpu $(median ours 2) ms, wall $(median ours 1) ms"
        echo "  SKIPPED: not compared, because $keepalived is not there"
    fi
    echo "  peak memory     $((peak / 1024)) kB, of which $(((peak - bytes) / servers)) bytes a real server beyond the text"
done
