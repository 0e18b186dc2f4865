// SPDX-License-Identifier: MIT OR Apache-2.0
//! Small configurations of our own, read by us and by keepalived's configuration test: the same exit status and the same
//! kinds of finding, unless the row says why not.
//!
//! Where keepalived is not installed only our half runs, and the test says so.

#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::print_stderr)]

mod rows;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keepalived_conf::diagnostic::{Class, Diagnostic};
use keepalived_conf::source::MemoryHost;
use keepalived_conf::{Options, expand, load};

const KEEPALIVED: &str = "/usr/sbin/keepalived";

/// Seconds after which a run counts as one that never ends.
const PATIENCE: &str = "3";

/// The bytes read of what it says.
const OUTPUT_MAX: u64 = 1 << 20;

/// What a finding is about, as far as both sides tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    UnknownKeyword,
    UnexpectedOpen,
    MissingOpen,
    UnexpectedClose,
    MissingClose,
    Quote,
    /// A file or pattern that gives nothing.
    File,
    Repetition,
    /// A word that must be there.
    Required,
    /// Anything about the value of a keyword, or about keywords together.
    Value,
}

/// How keepalived ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Status(u8),
    /// By a signal, or not at all.
    Abnormal,
}

/// What keepalived 2.2.7 gives, or what we give.
struct Says {
    end: End,
    kinds: &'static [Kind],
}

struct Row {
    name: &'static str,
    /// The first is the one named on the command line.
    files: &'static [(&'static str, &'static [u8])],
    arguments: &'static [&'static str],
    keepalived: Says,
    /// Where we are different on purpose: what we say, and why.
    ours: Option<(Says, &'static str)>,
}

#[test]
fn the_table_is_large_enough_and_names_are_unique() {
    let names: BTreeSet<&str> = rows::ROWS.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), rows::ROWS.len());
    assert!(names.len() >= 60, "only {} rows", names.len());
}

#[test]
fn we_say_what_the_table_says() {
    let mut wrong = Vec::new();
    for row in rows::ROWS {
        let expected = row.ours.as_ref().map_or(&row.keepalived, |(says, _)| says);
        let mut host = MemoryHost::new().with_hostname("node-a").directory("dir");
        for (path, bytes) in row.files {
            host = host.file(path, bytes);
        }
        let config_id = row.arguments.iter().skip_while(|word| **word != "-i").nth(1).map(|id| (*id).to_owned());
        let all_includes_checked = row.arguments.contains(&"-e");
        let options = Options { config_id, all_includes_checked, config_test: true, ..Options::default() };
        let loaded = load(&host, Path::new(main_file(row)), &options);
        let status = loaded.diagnostics.exit_status();
        let kinds: BTreeSet<Kind> = loaded.diagnostics.iter().filter_map(kind_of).collect();
        if End::Status(status) != expected.end || kinds != expected.kinds.iter().copied().collect() {
            let told: Vec<&str> = loaded.diagnostics.iter().map(|finding| finding.message.as_str()).collect();
            wrong.push(format!("{}: we end with {status} and say {kinds:?}: {told:#?}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn keepalived_says_what_the_table_says() {
    if !Path::new(KEEPALIVED).exists() {
        eprintln!("SKIPPED: {KEEPALIVED} is not installed, so nothing was compared with it");
        return;
    }
    let mut wrong = Vec::new();
    for (number, row) in rows::ROWS.iter().enumerate() {
        let directory = Scratch::new(number, row.files);
        let (end, text) = run(&directory.0, row);
        let kinds: BTreeSet<Kind> = text.lines().filter_map(kind_of_line).collect();
        let right = end == row.keepalived.end
            && (end == End::Abnormal || kinds == row.keepalived.kinds.iter().copied().collect());
        if !right {
            wrong.push(format!("{}: keepalived ends with {end:?} and says {kinds:?}:\n{text}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How keepalived ends, and what it says. No more is read than can matter: some rows make it talk without end.
fn run(directory: &Path, row: &Row) -> (End, String) {
    let mut child = Command::new("timeout")
        .args(["-s", "KILL", PATIENCE, KEEPALIVED, "-t", "-f", main_file(row)])
        .args(row.arguments)
        .current_dir(directory)
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a command that starts");
    let mut told = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(OUTPUT_MAX).read_to_end(&mut told).expect("output that can be read");
    }
    let status = child.wait().expect("a child of our own").code();
    let end = status.and_then(|status| u8::try_from(status).ok()).filter(|status| *status <= 6);
    (end.map_or(End::Abnormal, End::Status), String::from_utf8_lossy(&told).into_owned())
}

fn main_file(row: &Row) -> &'static str {
    row.files.first().map_or("none.conf", |(path, _)| *path)
}

fn kind_of(finding: &Diagnostic) -> Option<Kind> {
    let code = finding.code;
    if [expand::codes::FILE_NOT_READ, expand::codes::INCLUDE_MISSING].contains(&code) {
        return Some(Kind::File);
    }
    if code == expand::codes::BAD_REPETITION {
        return Some(Kind::Repetition);
    }
    match finding.class {
        Class::Ours | Class::Logged => None,
        Class::FileNotFound | Class::MultipleFiles | Class::IncludeCheck => Some(Kind::File),
        Class::UnknownKeyword => Some(Kind::UnknownKeyword),
        Class::UnexpectedOpen => Some(Kind::UnexpectedOpen),
        Class::MissingOpen => Some(Kind::MissingOpen),
        Class::UnexpectedClose => Some(Kind::UnexpectedClose),
        Class::MissingClose => Some(Kind::MissingClose),
        Class::UnmatchedQuote => Some(Kind::Quote),
        Class::MissingRequired => Some(Kind::Required),
        Class::BadInterface
        | Class::Fatal
        | Class::MissingParameter
        | Class::InvalidNumber
        | Class::General
        | Class::Warning
        | Class::Deprecated
        | Class::Security => Some(Kind::Value),
    }
}

/// What a line of keepalived's output is about, by the words it is known to use.
fn kind_of_line(line: &str) -> Option<Kind> {
    const MARKS: [(&str, Kind); 15] = [
        ("Unknown keyword '", Kind::UnknownKeyword),
        ("Unexpected '{'", Kind::UnexpectedOpen),
        ("Missing '{'", Kind::MissingOpen),
        ("Extra '}'", Kind::UnexpectedClose),
        ("missing '}'s", Kind::MissingClose),
        ("Unmatched quote", Kind::Quote),
        ("Unterminated quote", Kind::Quote),
        ("Config files missing", Kind::File),
        ("config files missing", Kind::File),
        ("No config files matched", Kind::File),
        ("is a directory - skipping", Kind::File),
        ("not a regular non-executable file", Kind::File),
        ("~SEQ", Kind::Repetition),
        ("~LST", Kind::Repetition),
        ("is missing a parameter", Kind::Required),
    ];
    // A surplus brace is told twice.
    if line.is_empty() || line.contains("Unknown keyword '}'") {
        return None;
    }
    Some(MARKS.iter().find(|(mark, _)| line.contains(mark)).map_or(Kind::Value, |(_, kind)| *kind))
}

/// A directory with the files of a row, gone with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(number: usize, files: &[(&str, &[u8])]) -> Scratch {
        let path = std::env::temp_dir().join(format!("keepalived-conf-oracle-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("dir")).expect("a directory below the temporary one");
        for (name, bytes) in files {
            let file = path.join(name);
            if let Some(parent) = file.parent() {
                fs::create_dir_all(parent).expect("a directory below the temporary one");
            }
            fs::write(file, bytes).expect("a file in our own directory");
        }
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
