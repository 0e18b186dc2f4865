// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a configuration is read again, and what guards it.

use super::{Global, NOT_A_DIRECTORY, only_word};
use crate::diagnostic::Class;
use crate::environment::{Answer, InodeKind};
use crate::schema::{Again, Keyword, Setting, Shape, Status, kw};
use crate::value::{Args, NOT_A_CHOICE};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Reload {
    /// A new configuration is tested first; findings go to this file.
    pub check_log: Option<String>,
    /// The file that says when to reload.
    pub time_file: Option<String>,
    /// A time without a date comes again every day.
    pub repeat: bool,
    /// Exists while a configuration is read.
    pub marker: Option<Marker>,
    /// Which includes must succeed.
    pub include_check: Setting<IncludeCheck>,
    /// Keeps copies of configuration and state around each reload.
    pub save_directory: Option<String>,
    /// Where the working copy of the configuration lives; without it in memory.
    pub work_directory: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Marker {
    /// `keepalived.reload` beside the PID files.
    Standard,
    Path(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct IncludeCheck {
    /// A file that is found can be read.
    pub read: bool,
    /// A name without wildcards is found.
    pub matches: bool,
    /// A name with wildcards is found.
    pub wildcard: bool,
    /// Every alternative in braces is found.
    pub brace: bool,
}

impl IncludeCheck {
    pub const ALL: IncludeCheck = IncludeCheck { read: true, matches: true, wildcard: true, brace: true };
}

const CHECKS: &[&str] = &["read", "match", "wildcard_match", "brace_match"];

pub(super) fn rows() -> Vec<Keyword<Global>> {
    let mut rows = triggers();
    rows.extend(guards());
    rows
}

fn triggers() -> Vec<Keyword<Global>> {
    vec![
        kw("reload_check_config")
            .opt(Shape::Word("LOGFILE"))
            .default("off; without a file /dev/null")
            .doc("Test a new configuration before a reload and write the findings to this file.")
            .note(
                "A reload with errors never changes anything here. keepalived, with this set, also refuses to start \
                 with any warning.",
            )
            .since("2.2.0")
            .set(|global, args| {
                let log = args.text();
                global.reload.check_log = Some(log.unwrap_or_else(|| "/dev/null".to_owned()));
            }),
        kw("reload_time_file")
            .arg(Shape::Word("PATH"))
            .default("none")
            .otherwise("the line is ignored")
            .doc(
                "File whose first line says when to reload: HH:MM:SS, with a date YY-MM-DD or YYYY-MM-DD before it if \
                 wanted, with Z at the end for UTC. It is removed when its time has come.",
            )
            .since("2.1.0")
            .set(|global, args| {
                if let Some(path) = only_word(args) {
                    global.reload.time_file = Some(path);
                }
            }),
        kw("reload_repeat")
            .default("off")
            .doc("Keep the time file, so that a time without a date comes again every day.")
            .since("2.1.0")
            .set(|global, _| global.reload.repeat = true),
        kw("reload_file")
            .opt(Shape::Word("PATH"))
            .default("off; without a path keepalived.reload beside the PID files")
            .doc("Make this file when reading the configuration starts, and delete it at the end.")
            .since("2.2.0")
            .set(|global, args| {
                let path = args.text();
                global.reload.marker = Some(path.map_or(Marker::Standard, Marker::Path));
            }),
    ]
}

fn guards() -> Vec<Keyword<Global>> {
    vec![
        kw("include_check")
            .opt(Shape::Syntax("[+|-]read|match|wildcard_match|brace_match ..."))
            .default("none; all with option -e or without a word")
            .otherwise("the word is skipped")
            .doc(
                "Which failures of an include are an error. The first word without sign starts afresh, with `read` \
                 besides itself; a sign adds or takes away.",
            )
            .example("include_check +match -read")
            .since("2.2.0")
            .set(include_check),
        kw("config_save_dir")
            .must(Shape::Word("DIRECTORY"))
            .default("none")
            .otherwise("nothing is kept")
            .doc("Keep copies of the configuration and the state around each reload here, to find faults.")
            .since("2.2.3")
            .set(|global, args| {
                let Some(word) = args.word() else { return };
                let path = word.text.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(word.text);
                if let Answer::Found(inode) = args.cx.host.inode(path)
                    && matches!(inode.kind, InodeKind::File | InodeKind::Other)
                {
                    args.reject(NOT_A_DIRECTORY, Class::General, word.span, "this is not a directory");
                    return;
                }
                global.reload.save_directory = Some(path.to_owned());
            }),
        kw("tmp_config_directory")
            .arg(Shape::Word("DIRECTORY"))
            .default("in memory")
            .doc("Keep the working copy of the configuration in this directory.")
            .since("2.2.0")
            .status(Status::NoEffect("the working copy is sealed memory, which nobody can change"))
            .again(Again::First)
            .set(|global, args| {
                if let Some(path) = args.text() {
                    global.reload.work_directory = Some(path);
                }
            }),
    ]
}

fn include_check(global: &mut Global, args: &mut Args<'_, '_>) {
    if !args.given() {
        global.reload.include_check.set(IncludeCheck::ALL);
        return;
    }
    let mut checks = *global.reload.include_check;
    let mut first = true;
    while let Some(word) = args.next_word() {
        let sign = word.text.chars().next().filter(|sign| matches!(sign, '+' | '-'));
        let name = if sign.is_some() { &word.text[1..] } else { word.text };
        if sign.is_none() && !first {
            args.reject(NOT_A_CHOICE, Class::General, word.span, "only the first word can stand without + or -");
            continue;
        }
        if sign.is_none() {
            checks = IncludeCheck { read: true, ..IncludeCheck::default() };
        }
        first = false;
        let on = sign != Some('-');
        match name {
            "read" => checks.read = on,
            "match" => checks.matches = on,
            "wildcard_match" => checks.wildcard = on,
            "brace_match" => checks.brace = on,
            _ => {
                if sign.is_none() {
                    checks.read = false;
                }
                let mut finding = args
                    .rejection(NOT_A_CHOICE, Class::General)
                    .at(word.span, format!("expected {}", crate::value::one_of(CHECKS)));
                if name == "readable" {
                    finding = finding.hint("write `read`");
                }
                args.push(finding);
            }
        }
    }
    global.reload.include_check.set(checks);
}
