#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Times programming the kernel's load balancer, beside Debian's keepalived in the same guest (User Mode Linux): 2,277 virtual
# servers with 37,205 real servers from an empty table, a reload without a change, one server changed, and the stop.
#
# [SERVICES=N SERVERS=N] benches/ipvs.sh
#
# Prints seconds of wall time and of CPU of all processes of each daemon, and how many times quicker ours is. It never
# fails because of a figure.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
cargo build -q --release --locked
GUEST_MEMORY=${GUEST_MEMORY:-1024M} exec dist/guest/boot "$here/benches/ipvs-guest.sh" \
  "OURS=${OURS:-$here/target/release/steadfast}" "THEIRS=${KEEPALIVED:-/usr/sbin/keepalived}" "HERE=$here" \
  "SERVICES=${SERVICES:-2277}" "SERVERS=${SERVERS:-37205}"
