#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The guest's side of benches/ipvs.sh.
. "$HERE/dist/guest/prepare"
services=${SERVICES:-2277}
servers=${SERVERS:-37205}
work=/run/bench
mkdir -p "$work"

# configure WEIGHT: a weight of the first server, all others have 1. Nothing is checked: the table alone is timed.
configure() {
  awk -v services=$services -v servers=$servers -v weight="$1" 'BEGIN {
    for (s = 0; s < services; s++) {
      printf "virtual_server 10.%d.%d.1 80 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n", 100 + int(s / 250), s % 250
      last = int((s + 1) * servers / services)
      for (r = int(s * servers / services); r < last; r++)
        printf " real_server 172.%d.%d.%d 80 {\n  weight %d\n }\n", 16 + int(r / 62500), int(r / 250) % 250, r % 250 + 1, r ? 1 : weight
      print "}"
    }
  }' >"$work/bench.conf"
}
entries() { grep -c '^  ->.*:' /proc/net/ip_vs; }
# The first two lines of the kernel's list are its head, of which one looks like an entry.
full() { [ "$(entries)" -ge "$servers" ]; }
weight_of_first() { ipvsadm -Ln -t 10.100.0.1:80 2>/dev/null | awk '$2 == "172.16.0.1:80" { print $4 }'; }
now() { echo "$EPOCHREALTIME"; }
# cpu NAME: seconds of CPU that all processes of this name took.
cpu() {
  for stat in /proc/[0-9]*/stat; do
    sed 's/^[0-9]* (.*) //' "$stat" 2>/dev/null | awk -v name="$1" '{ print $12 + $13 }' | sed "s|^|$stat |"
  done | while read -r stat ticks; do
    tr '\0' ' ' <"${stat%/stat}/cmdline" 2>/dev/null | grep -q "$1" && echo "$ticks"
  done | awk '{ sum += $1 } END { printf "%.2f\n", sum / 100 }'
}
wait_until() { # wait_until SECONDS COMMAND...
  local tries=$(($1 * 10))
  shift
  for _ in $(seq "$tries"); do
    "$@" && return
    sleep 0.1
  done
  echo "  (never came: $*)"
}
is_gone() { ! grep -q '^TCP' /proc/net/ip_vs 2>/dev/null; }
has_weight() { [ "$(weight_of_first)" = "$1" ]; }
note() { # note WHAT WALL CPU
  printf '%-34s %8.2f s wall %8.2f s CPU\n' "$1" "$2" "$3"
  echo "$1|$2|$3" >>"$work/$who"
}
less() { awk -v a="$1" -v b="$2" 'BEGIN { print a - b }'; }

# measure WHO PROGRAM ARGUMENTS...
measure() {
  who=$1
  shift
  rm -f "$work/$who"
  echo "== $who"
  configure 1
  local began spent
  began=$(now)
  "$@" -n -l -G -C -f "$work/bench.conf" -p "$work/p" -c "$work/c" -r "$work/r" >"$work/$who.log" 2>&1 &
  local pid=$!
  wait_until 180 full
  note "from empty to the whole table" "$(less "$(now)" "$began")" "$(cpu "$work/bench.conf")"
  sleep 3
  spent=$(cpu "$work/bench.conf")
  kill -HUP "$pid"
  sleep 8
  note "a reload without a change" 0 "$(less "$(cpu "$work/bench.conf")" "$spent")"
  configure 7
  spent=$(cpu "$work/bench.conf")
  began=$(now)
  kill -HUP "$pid"
  wait_until 120 has_weight 7
  note "a reload that changes one weight" "$(less "$(now)" "$began")" "$(less "$(cpu "$work/bench.conf")" "$spent")"
  sleep 2
  began=$(now)
  kill -TERM "$pid"
  wait_until 120 is_gone
  note "from the stop to the empty table" "$(less "$(now)" "$began")" 0
  wait "$pid" 2>/dev/null
  is_gone || { echo "  $(entries) entries were left behind"; ipvsadm -C; }
}

modprobe -d /run/modules ip_vs ip_vs_rr 2>/dev/null
modprobe -d /run/modules ip_vs_rr 2>/dev/null
[ -x "$THEIRS" ] && measure keepalived "$THEIRS"
measure steadfast "$OURS"
if [ -s "$work/keepalived" ]; then
  echo "== how many times quicker ours is (wall, CPU)"
  paste -d '|' "$work/keepalived" "$work/steadfast" | awk -F '|' '
    function times(theirs, ours) { return ours > 0 ? sprintf("%6.1f", theirs / ours) : "     -" }
    { printf "%-34s %s %s\n", $1, times($2, $5), times($3, $6) }'
fi
leave 0
