#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A large table of the kernel's load balancer, beside Debian's keepalived in the same guest (User Mode Linux), by turns: 2,277
# virtual servers with 37,205 real servers, each with a check. Test, start, reloads without a change and with one, what goes
# over netlink then, memory over many reloads, and what a stop leaves behind.
#
# [SERVICES=N SERVERS=N] benches/ipvs.sh [quick]
#
# It never fails because of a figure, and ends within eight minutes, a quick one within two.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
for tool in linux.uml keepalived ipvsadm ip modprobe python3 setpriv; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || { echo "$tool is missing; dist/need build bench guest installs it" >&2; exit 1; }
done
cargo build -q --release --locked
quick=
[ "${1:-}" = quick ] && quick=yes
GUEST_MEMORY=${GUEST_MEMORY:-1024M} exec dist/guest/boot "$here/benches/ipvs/guest" \
  "OURS=${OURS:-$here/target/release/steadfast}" "THEIRS=${KEEPALIVED:-/usr/sbin/keepalived}" "HERE=$here" \
  "SERVICES=${SERVICES:-2277}" "SERVERS=${SERVERS:-37205}" "QUICK=$quick"
