#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A machine whose kernel balances: there the demonstration lives in namespaces. It is interrupted twice, and after each time
# nothing of it may be left. dist/guest/boot boots this with ROOT, PROGRAM and PATIENCE.
. "$ROOT/dist/guest/prepare"
modprobe -d /run/modules -a veth bridge ip_vs ip_vs_rr || leave 1
networks() { readlink /proc/[0-9]*/ns/net | sort -u | wc -l; }
interrupted_after() { # interrupted_after WORDS
  : >/run/said
  env --default-signal=INT "$ROOT/dist/demo/run" "$PROGRAM" >/run/said 2>&1 &
  local demo=$! left
  for _ in $(seq "${PATIENCE}0"); do
    grep -q "$1" /run/said && break
    sleep 0.1
  done
  [ "$1" = "of their own" ] || [ "$(networks)" = 1 ] || echo "it was laid"
  kill -INT "$demo"
  wait "$demo"
  echo "after '$1' it ended with $?"
  for _ in $(seq "${PATIENCE}0"); do
    # Processes of the lab, networks beside that of the machine, and virtual servers in it.
    left="$(pgrep -c -f "$PROGRAM|demo/lab") $(networks) $(tail -n +4 /proc/net/ip_vs | wc -l)"
    [ "$left" = "0 1 0" ] && break
    sleep 0.1
  done
  echo "left: $left"
}
interrupted_after "of their own"
interrupted_after "web server 1 is killed"
head -n 1 /run/said
grep -q '^nf_tables ' /proc/modules || echo "no packet filter was loaded"
leave 0
