// SPDX-License-Identifier: MIT OR Apache-2.0
//! The patches that break the protocol machine on purpose must fit the code as it is; `make mutants` applies them.

#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn patches() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/mutants")).expect("a folder of patches");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut patches: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "patch")).collect();
    patches.sort();
    patches
}

#[test]
fn every_patch_applies() {
    if Command::new("git").arg("--version").output().is_err() {
        println!("SKIPPED: whether the mutants apply was not tested, because git is not installed");
        return;
    }
    let mut rotten = Vec::new();
    for patch in patches() {
        let run = Command::new("git").current_dir(root()).arg("apply").arg("--check").arg(&patch).output();
        let run = run.expect("git runs");
        if !run.status.success() {
            rotten.push(format!("{}: {}", patch.display(), String::from_utf8_lossy(&run.stderr).trim()));
        }
    }
    assert!(rotten.is_empty(), "these patches must follow the code:\n{}", rotten.join("\n"));
}

#[test]
fn every_patch_has_a_rule_and_every_rule_a_patch() {
    let text = fs::read_to_string(root().join("docs/mutants.md")).expect("docs/mutants.md");
    let cell = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    let told: BTreeSet<String> = text.lines().filter_map(cell).collect();
    let stem = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let there: BTreeSet<String> = patches().iter().filter_map(stem).collect();
    assert_eq!(told, there, "docs/mutants.md and tests/mutants name different mutants");
    assert!(there.len() >= 10);
}
