// SPDX-License-Identifier: MIT OR Apache-2.0
//! What we are built from: every licence may stand beside ours, and everything comes from the one registry. `deny.toml` says
//! what is allowed; `cargo deny` looks at more (advisories, yanked versions) where it is installed.

#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The licences that `deny.toml` allows.
fn allowed() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml")).expect("deny.toml");
    let list = text.split("\nallow = [").nth(1).and_then(|rest| rest.split(']').next()).expect("the list of licences");
    list.split(',').map(|word| word.trim().trim_matches('"').to_owned()).collect()
}

/// Whether an expression of licences can be met: one side of OR, both of AND. `/` is an old OR.
fn met(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.trim().replace('/', " OR ");
    let either = outside(&expression, " OR ");
    if either.len() > 1 {
        return either.iter().any(|part| met(part, allowed));
    }
    let both = outside(&expression, " AND ");
    if both.len() > 1 {
        return both.iter().all(|part| met(part, allowed));
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => met(inner, allowed),
        None => allowed.contains(&expression),
    }
}

/// The parts between these words, as far as they stand in no parentheses.
fn outside<'a>(text: &'a str, words: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && text[at..].starts_with(words) => {
                parts.push(&text[start..at]);
                start = at + words.len();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[test]
fn an_expression_is_met_by_one_side_of_or_and_both_of_and() {
    let allowed = ["MIT".to_owned(), "Unicode-3.0".to_owned()];
    for (expression, wanted) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only/MIT", true),
        ("MIT AND GPL-3.0-only", false),
        ("(GPL-2.0-only OR MIT) AND Unicode-3.0", true),
        ("(GPL-2.0-only OR MIT) AND BSD-2-Clause", false),
        ("", false),
    ] {
        assert_eq!(met(expression, &allowed), wanted, "{expression}");
    }
}

#[test]
fn every_licence_is_allowed_and_everything_comes_from_the_registry() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let version = Command::new(&cargo).arg("-vV").output().expect("cargo runs");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let output = Command::new(&cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let used: Vec<String> =
        metadata["resolve"]["nodes"].as_array().expect("nodes").iter().map(|node| text(&node["id"])).collect();
    let allowed = allowed();
    let (mut wrong, mut sources) = (Vec::new(), BTreeSet::new());
    let packages = metadata["packages"].as_array().expect("packages");
    for package in packages.iter().filter(|package| used.contains(&text(&package["id"]))) {
        let name = format!("{} {}", text(&package["name"]), text(&package["version"]));
        if !met(&text(&package["license"]), &allowed) {
            wrong.push(format!("{name} is under `{}`", text(&package["license"])));
        }
        let source = text(&package["source"]);
        // What is ours has no source.
        if !source.is_empty() {
            if !source.starts_with("registry+") {
                wrong.push(format!("{name} comes from {source}"));
            }
            sources.insert(source);
        }
        if name.starts_with("openssl-src ") {
            wrong.push(format!("{name}: OpenSSL is the system's"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert!(used.len() > 50, "{} packages", used.len());
}
