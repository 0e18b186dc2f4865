#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What checks cost the daemon that makes them, beside Debian's keepalived in the same guest (User Mode Linux): CPU of one
# TCP check and of one HTTP check, and memory of one checker that rests.
#
# benches/checks.sh
#
# It never fails because of a figure.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
cargo build -q --release --locked
GUEST_MEMORY=${GUEST_MEMORY:-1024M} exec dist/guest/boot "$here/benches/checks-guest.sh" \
  "OURS=${OURS:-$here/target/release/steadfast}" "THEIRS=${KEEPALIVED:-/usr/sbin/keepalived}" "HERE=$here"
