#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Breaks one rule at a time in a scratch copy and demands that a test fails; docs/mutants.md says what the rules are.
#
#   make mutants                  every mutant, until the first stage that catches it
#   make mutants ONLY=priority    mutants with this text in their names
#   make mutants ALL=1            every stage for every mutant
#   make mutants SEEDS=1000       how many worlds the simulator plays
set -eu -o pipefail

cd "$(dirname "$0")/../.."
ONLY=${ONLY:-}
ALL=${ALL:-}
SEEDS=${SEEDS:-300}
tree=$PWD/target/mutants
patches=$PWD/tests/mutants
log=$tree.log
# The copy stands at one place, so what is built is kept from one mutant and one run to the next. Never in the folder of
# the ordinary build: cargo takes the two for the same package, and a mutant would be left behind as the real thing.
export CARGO_TARGET_DIR=$PWD/target/mutants-built

# Copied with new times: a file that was broken by the last mutant of the run before must count as changed.
rm -rf "$tree"
mkdir -p "$tree"
git ls-files -co --exclude-standard -z | while IFS= read -r -d '' file; do
  if [ -f "$file" ]; then printf '%s\0' "$file"; fi
done | xargs -0 cp --parents -t "$tree"
cd "$tree"
# A repository of its own, or `git apply` would look for the files in the one around it.
git init -q .

pure=(cargo test --locked --no-default-features --features model)
stage() {
  case $1 in
    unit) "${pure[@]}" --lib -- proto:: ;;
    model) "${pure[@]}" --lib -- sim::model:: ;;
    simulator) SEED_START=1 SEEDS=$SEEDS "${pure[@]}" --test sim -- worlds ;;
    daemon) cargo test --locked --lib -- worker::drive:: ;;
  esac
}

# A mutant that does not compile proves nothing.
compiles() {
  case $1 in
    unit | model) "${pure[@]}" --lib --no-run ;;
    simulator) "${pure[@]}" --test sim --no-run ;;
    daemon) cargo test --locked --lib --no-run ;;
  esac
}

# The stages that can see what a patch changes.
stages_of() {
  if grep -q '^+++ b/src/worker/' "$1"; then echo daemon; else echo unit model simulator; fi
}

first_failure() {
  local name
  name=$(grep -m1 -oP '^test \K.*(?= \.\.\. FAILED)' "$log" || true)
  echo "${name:-a test that did not end}"
}

stages_needed=$(for patch in "$patches"/*"$ONLY"*.patch; do stages_of "$patch"; done | tr ' ' '\n' | sort -u)
for at in $stages_needed; do
  echo "without a mutant: $at"
  if ! stage "$at" > "$log" 2>&1; then
    tail -n 40 "$log"
    echo "error: the tests of stage $at fail without any mutant, so nothing can be told; see $log"
    exit 1
  fi
done

survivors=0
table=""
for patch in "$patches"/*"$ONLY"*.patch; do
  name=$(basename "$patch" .patch)
  git apply "$patch"
  caught=""
  for at in $(stages_of "$patch"); do
    if ! compiles "$at" > "$log" 2>&1; then
      tail -n 40 "$log"
      echo "error: $name does not compile"
      exit 1
    fi
    if ! stage "$at" > "$log" 2>&1; then
      caught="$caught${caught:+; }$at: $(first_failure)"
      if [ -z "$ALL" ]; then break; fi
    fi
  done
  git apply -R "$patch"
  if [ -z "$caught" ]; then
    survivors=$((survivors + 1))
    caught="SURVIVES"
  fi
  line=$(printf '%-28s %s' "$name" "$caught")
  echo "$line"
  table="$table$line"$'\n'
done

printf '\n%s' "$table"
if [ "$survivors" -gt 0 ]; then
  echo "error: $survivors mutants survive: add the test that notices them"
  exit 1
fi
