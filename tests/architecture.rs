// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structure that must hold: which module may import which, and which names appear only where the operating system
//! is touched. The table below is the map in docs/architecture.md as data.

#![allow(clippy::disallowed_methods, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// A module may import modules of its own level's row only when named in `with`, and any module of a lower level.
struct Level {
    number: u8,
    modules: &'static [&'static str],
}

const LEVELS: &[Level] = &[
    Level { number: 6, modules: &["main", "web", "cli", "supervisor"] },
    Level { number: 5, modules: &["worker/vrrp", "worker/check", "worker/bfd", "worker/status"] },
    Level { number: 4, modules: &["watch", "notify", "worker/process", "worker/standing"] },
    Level { number: 3, modules: &["worker/drive", "dial", "channel", "observe", "render"] },
    Level { number: 2, modules: &["kernel", "sim"] },
    Level { number: 1, modules: &["plan"] },
    Level { number: 0, modules: &["proto"] },
];

/// Pairs on one level that may import one another all the same.
const ALLOWED_BESIDE: &[(&str, &str)] = &[("main", "cli"), ("main", "supervisor"), ("cli", "supervisor")];

/// Downward imports that are forbidden in spite of the levels: each reason is in docs/architecture.md.
const FORBIDDEN: &[(&str, &str)] = &[("kernel", "proto"), ("kernel", "plan"), ("sim", "kernel")];

/// Modules that must stay free of clocks, sockets, files, processes, threads and hash order.
const PURE: &[&str] = &["src/proto", "src/plan", "src/sim", "keepalived-conf/src", "genhash/src/lib.rs"];

/// Names that no pure module may hold.
const IMPURE_NAMES: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::process",
    "std::thread",
    "std::env",
    "tokio",
    "socket2",
    "nix::",
    "libc::",
    "rand::",
    "println!",
    "eprintln!",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `path`, tests left out.
fn sources(path: &Path, into: &mut Vec<PathBuf>) {
    if path.is_file() {
        into.push(path.to_owned());
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.expect("a directory that can be read").path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() && entry.file_name().is_none_or(|name| name != "tests") {
            sources(&entry, into);
        } else if entry.extension().is_some_and(|extension| extension == "rs")
            && entry.file_name().is_none_or(|name| name != "tests.rs")
        {
            into.push(entry);
        }
    }
}

/// The module of the table that a file or an import path such as `worker::vrrp::apply` belongs to.
fn module_of(path: &str) -> Option<(&'static str, u8)> {
    let path = path.replace("::", "/");
    LEVELS
        .iter()
        .flat_map(|level| level.modules.iter().map(|module| (*module, level.number)))
        .filter(|(module, _)| path == *module || path.strip_prefix(module).is_some_and(|rest| rest.starts_with('/')))
        .max_by_key(|(module, _)| module.len())
}

/// Import paths after `crate::` or `steadfast::` in a file, whether in `use` or in the middle of an expression. Groups
/// such as `use crate::{a, b::c}` are opened.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split("//").next().unwrap_or_default();
        for prefix in ["crate::", "steadfast::"] {
            for (at, _) in line.match_indices(prefix) {
                let rest = &line[at + prefix.len()..];
                match rest.strip_prefix('{') {
                    Some(group) => {
                        let all: String = text.lines().skip(number).collect::<Vec<_>>().join(" ");
                        let from = all.find(&format!("{prefix}{{")).map_or(0, |at| at + prefix.len() + 1);
                        let group = if group.contains('}') { group.to_owned() } else { all[from..].to_owned() };
                        let group = group.split(';').next().unwrap_or_default().to_owned();
                        let mut depth = 0_usize;
                        let mut name = String::new();
                        for c in group.chars() {
                            match c {
                                '{' => depth += 1,
                                '}' if depth == 0 => break,
                                '}' => depth -= 1,
                                ',' if depth == 0 => found.push((number + 1, std::mem::take(&mut name))),
                                c if depth == 0 && !c.is_whitespace() => name.push(c),
                                _ => {}
                            }
                        }
                        found.push((number + 1, name));
                    }
                    None => {
                        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
                        found.push((number + 1, rest[..end.unwrap_or(rest.len())].to_owned()));
                    }
                }
            }
        }
    }
    found.retain(|(_, path)| !path.is_empty());
    found
}

#[test]
fn imports_only_go_down() {
    let source = root().join("src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    assert!(files.len() > 3, "the sources were found");
    let mut wrong = Vec::new();
    for file in files {
        let name = file.strip_prefix(&source).expect("below src").with_extension("");
        let name = name.to_string_lossy().trim_end_matches("/mod").to_owned();
        let Some((here, level)) = module_of(&name) else {
            if name != "lib" && name != "worker" {
                wrong.push(format!("src/{name}.rs is not on the map; give it a level in tests/architecture.rs"));
            }
            continue;
        };
        for (line, path) in imports(&fs::read_to_string(&file).expect("a source file")) {
            let Some((there, target)) = module_of(&path) else { continue };
            let beside = here == there || ALLOWED_BESIDE.contains(&(here, there));
            if (target >= level && !beside) || FORBIDDEN.contains(&(here, there)) {
                wrong
                    .push(format!("src/{name}.rs:{line}: `{here}` (level {level}) imports `{there}` (level {target})"));
            }
        }
    }
    assert!(wrong.is_empty(), "imports only go down:\n{}", wrong.join("\n"));
}

#[test]
fn pure_modules_touch_nothing() {
    let mut files = Vec::new();
    for part in PURE {
        sources(&root().join(part), &mut files);
    }
    assert!(files.len() > 10, "the sources were found");
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for name in IMPURE_NAMES {
                if code.contains(name) {
                    wrong.push(format!("{}:{}: `{name}`", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "pure modules touch no clock, file, socket, process or thread:\n{}", wrong.join("\n"));
}

#[test]
fn unsafe_and_lifted_bans_stay_in_the_kernel_module() {
    let mut files = Vec::new();
    for part in ["src", "keepalived-conf/src", "genhash/src/lib.rs"] {
        sources(&root().join(part), &mut files);
    }
    let kernel = root().join("src/kernel");
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| !file.starts_with(&kernel)) {
        let text = fs::read_to_string(file).expect("a source file");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let lifted = code.contains("allow(") && (code.contains("disallowed_") || code.contains("unsafe_code"));
            if lifted || code.contains("unsafe ") {
                wrong.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "only src/kernel/ may do this:\n{}", wrong.join("\n"));
}

#[test]
fn the_configuration_crate_knows_nothing_of_the_daemon() {
    let manifest = fs::read_to_string(root().join("keepalived-conf/Cargo.toml")).expect("a manifest");
    let dependencies = manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or("");
    let names: Vec<&str> =
        dependencies.lines().filter_map(|line| line.split_once(" =")).map(|(name, _)| name).collect();
    assert_eq!(names, ["glob", "pest", "pest_derive", "serde", "zeroize"]);
}

#[test]
fn the_import_reader_sees_groups_and_paths() {
    let text = "use crate::{proto::Machine, plan::{a, b}};\nlet x = crate::kernel::clock::now();\n// use crate::cli;\n";
    let paths: Vec<String> = imports(text).into_iter().map(|(_, path)| path).collect();
    assert_eq!(paths, ["proto::Machine", "plan::", "kernel::clock::now"]);
    assert_eq!(module_of("worker::vrrp::apply"), Some(("worker/vrrp", 5)));
    assert_eq!(module_of("worker/drive"), Some(("worker/drive", 3)));
    assert_eq!(module_of("plans"), None);
}

/// Every document of the project.
fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = ["", "docs", "docs/decisions"]
        .iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.sort();
    found
}

/// What links call the headings of a document.
fn anchors(text: &str) -> impl Iterator<Item = String> + '_ {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        let folder = document.parent().expect("a folder");
        for piece in text.split("](").skip(1) {
            let target = piece.split([')', ' ']).next().unwrap_or_default();
            if target.contains("://") {
                continue;
            }
            let (file, heading) =
                target.split_once('#').map_or((target, None), |(file, heading)| (file, Some(heading)));
            let file = if file.is_empty() { document.clone() } else { folder.join(file) };
            let there = match heading {
                None => file.exists(),
                Some(heading) => {
                    fs::read_to_string(&file).is_ok_and(|text| anchors(&text).any(|anchor| anchor == heading))
                }
            };
            if !there {
                wrong.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "links without a target:\n{}", wrong.join("\n"));
}

#[test]
fn commands_named_in_documents_exist() {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("a Makefile");
    let mut wrong = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        for piece in text.split("`make ").skip(1) {
            let target = piece.split(['`', ' ', ';']).next().unwrap_or_default();
            if !makefile.contains(&format!("\n{target}:")) {
                wrong.push(format!("{}: make {target}", document.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "no such command:\n{}", wrong.join("\n"));
}

/// The line with which every source says what it may be used for.
const LICENCE: &str = "SPDX-License-Identifier: MIT OR Apache-2.0";

/// Where sources are. What building leaves in `target` is none.
const HOLD_SOURCES: &[&str] = &[".ci", "benches", "dist", "docs", "fuzz", "genhash", "keepalived-conf", "src", "tests"];

/// Rust, grammars, Python and whatever names its interpreter, with their texts.
fn every_source() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = HOLD_SOURCES.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = entry.path();
            let kind = entry.file_type().expect("a kind of file");
            if kind.is_dir() && path.file_name().is_none_or(|name| name != "target") {
                folders.push(path);
            } else if kind.is_file() {
                let by_name =
                    path.extension().is_some_and(|end| ["rs", "pest", "py", "sh"].iter().any(|one| end == *one));
                let Ok(text) = fs::read_to_string(&path) else { continue };
                if by_name || text.starts_with("#!/") {
                    found.push((path, text));
                }
            }
        }
    }
    found
}

#[test]
fn every_source_says_its_licence() {
    let sources = every_source();
    assert!(sources.len() > 600, "{} sources", sources.len());
    let mut wrong = Vec::new();
    for (path, text) in sources {
        let mut lines = text.lines().filter(|line| !line.starts_with("#!/"));
        let says = |line: &str| line.strip_prefix("// ").or(line.strip_prefix("# ")) == Some(LICENCE);
        if !lines.next().is_some_and(says) {
            wrong.push(path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "these must begin with a comment `{LICENCE}`:\n{}", wrong.join("\n"));
}
