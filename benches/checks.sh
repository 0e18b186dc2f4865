#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What checks cost beside Debian's keepalived, in namespaces of this machine: 1,000 and 10,000 servers checked each second
# over TCP and HTTP, memory of checkers at rest, how soon a server that falls ill is missed, and whether a live one is
# missed while all processors are busy.
#
# benches/checks.sh [quick]
#
# It never fails because of a figure. Everything it starts lives in namespaces that end with it.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
[ "$(id -u)" = 0 ] || { echo "namespaces and keepalived want root" >&2; exit 1; }
for tool in cc keepalived ip nft setpriv nsenter; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; dist/need build bench installs it" >&2; exit 1; }
done
# keepalived checks nothing where the kernel has no load balancer: then it gets one that takes everything and does nothing.
if [ ! -e /proc/net/ip_vs ] && ! modprobe -n -q ip_vs 2>/dev/null; then
  mkdir -p target
  cc -shared -fPIC -O2 -o target/stand-in.so benches/checks/stand-in.c
  export STAND_IN=$here/target/stand-in.so
fi
exec cargo bench -q --locked --bench checks -- peers "$@"
