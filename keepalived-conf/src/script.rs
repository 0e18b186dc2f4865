// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands the configuration names: the words to run and as whom.
//!
//! Reading a script only takes its line apart. Whose account it runs under, where its program is and whether it may be
//! run are settled when the whole configuration is known, by [`settle::Settler`].

pub mod settle;
mod way;
pub mod words;

use crate::diagnostic::{Class, Code, Diagnostic, Severity};
use crate::span::{Place, Span};
use crate::value::Args;

use words::Fault;

pub const UNMATCHED_QUOTE: Code = Code::new("KC110", "a quote is not closed");
pub const LONE_BACKSLASH: Code = Code::new("KC111", "nothing follows the last backslash");
pub const NOT_TEXT: Code = Code::new("KC112", "the escapes do not spell text");
pub const EMPTY_COMMAND: Code = Code::new("KC113", "a command without a program");
pub const ESCAPED_QUOTE: Code = Code::new("KC114", "an escaped quote does not group words");
pub const SURPLUS_WORDS: Code = Code::new("KC115", "words after a command");
pub const NOT_ONE_VALUE: Code = Code::new("KC116", "not exactly one regular expression");

/// A command as written, split into its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Script {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// After resolving: the account it runs under; none is the daemon's own.
    pub user: Option<String>,
    pub group: Option<String>,
    /// The group was written with a leading `:`, or it is the rule for all: the user's supplementary groups are given
    /// too.
    pub supplementary: bool,
    /// After resolving: the file to execute. It may differ from the first argument, which the program sees as its
    /// name: found in PATH, links followed.
    pub program: String,
    /// After resolving: the file is no binary and has no `#!` line, so the shell runs it.
    pub shell: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub place: Place,
}

impl AsMut<Script> for Script {
    fn as_mut(&mut self) -> &mut Script {
        self
    }
}

impl Script {
    pub fn span(&self) -> Span {
        self.place.0
    }

    /// The file whose opening is the whole test: `</dev/tcp/...` and the like run no program.
    pub fn opens(&self) -> Option<&str> {
        self.argv.first()?.strip_prefix('<').filter(|path| path.starts_with('/'))
    }

    /// Sets the account from a keyword of its own, such as `user`.
    pub fn run_as(&mut self, account: RunAs) {
        self.user = Some(account.user);
        self.group = account.group;
        self.supplementary = account.supplementary;
    }
}

/// `USER [[:]GROUP]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RunAs {
    pub user: String,
    pub group: Option<String>,
    /// Written with a leading `:`: the user's supplementary groups are given too.
    pub supplementary: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub place: Place,
}

impl RunAs {
    pub fn span(&self) -> Span {
        self.place.0
    }

    fn new(user: String, group: Option<&str>, span: Span) -> RunAs {
        let supplementary = group.is_some_and(|group| group.starts_with(':'));
        let group = group.map(|group| group.strip_prefix(':').unwrap_or(group)).filter(|group| !group.is_empty());
        RunAs { user, group: group.map(str::to_owned), supplementary, place: Place(span) }
    }
}

impl Args<'_, '_> {
    /// `SCRIPT [USER [[:]GROUP]]`.
    pub fn script(&mut self) -> Option<Script> {
        let (mut script, tail) = self.command_line()?;
        let mut tail = tail.into_iter();
        if let Some((user, span)) = tail.next() {
            let group = tail.next();
            let span = group.as_ref().map_or(span, |(_, last)| span.to(*last));
            script.run_as(RunAs::new(user, group.as_ref().map(|(group, _)| group.as_str()), span));
        }
        self.surplus(tail, "put a command with arguments in quotes: \"PROGRAM ARGUMENTS\"");
        Some(script)
    }

    /// A script whose account is set by a keyword of its own; further words are ignored.
    pub fn command(&mut self) -> Option<Script> {
        let (script, tail) = self.command_line()?;
        self.surplus(tail.into_iter(), "put the command with its arguments in quotes; the account goes to `user`");
        Some(script)
    }

    /// `USER [[:]GROUP]`.
    pub fn run_as(&mut self) -> Option<RunAs> {
        let user = self.word()?;
        let group = self.next_word();
        let span = group.map_or(user.span, |group| user.span.to(group.span));
        Some(RunAs::new(user.text.to_owned(), group.map(|group| group.text), span))
    }

    /// A regular expression: one pass over the line, with the escapes of commands.
    pub fn regex(&mut self) -> Option<String> {
        let statement = self.statement();
        let values = match words::arguments(statement.raw()) {
            Ok(values) if values.len() > 1 => values,
            Ok(_) => {
                self.word();
                return None;
            }
            Err(fault) => {
                let _ = self.rest();
                self.fault(fault, statement.span());
                return None;
            }
        };
        let _ = self.rest();
        let mut values = values.into_iter().skip(1);
        let (Some(value), None) = (values.next(), values.next()) else {
            let finding = self
                .rejection(NOT_ONE_VALUE, Class::General)
                .at(statement.span(), "expected one word")
                .hint("put an expression with blanks in quotes");
            self.push(finding);
            return None;
        };
        Some(value)
    }

    /// The command and the words after it with their places.
    fn command_line(&mut self) -> Option<(Script, Vec<(String, Span)>)> {
        let statement = self.statement();
        let start = statement.span().start;
        let place = |from: usize, to: usize| Span::new(start + from as u32, start + to as u32);
        let pieces = match words::line(statement.raw()) {
            Ok(pieces) => pieces,
            Err(fault) => {
                let _ = self.rest();
                let at = fault.offset().map_or(statement.span(), |at| place(at, at + 1));
                self.fault(fault, at);
                return None;
            }
        };
        let mut pieces = pieces.into_iter().skip(1);
        let Some(command) = pieces.next() else {
            self.word();
            return None;
        };
        let _ = self.rest();
        let span = place(command.start, command.end);
        let argv = match words::arguments(&command.text) {
            Ok(argv) => argv,
            Err(fault) => {
                self.fault(fault, span);
                return None;
            }
        };
        if argv.first().is_none_or(String::is_empty) {
            let finding = self.rejection(EMPTY_COMMAND, Class::Logged).at(span, "no program is named here");
            self.push(finding.note("left out"));
            return None;
        }
        if command.text.contains("\\\"") {
            let finding = Diagnostic::lint(ESCAPED_QUOTE, format!("`{}`: `\\\"` is a character here", self.keyword))
                .severity(Severity::Note)
                .at(span, "does not keep the words between together")
                .hint("use '...' for an argument with blanks; keepalived before 2.3 read this differently");
            self.push(finding);
        }
        let tail = pieces.map(|piece| (piece.text, place(piece.start, piece.end))).collect();
        Some((Script { argv, place: Place(span), ..Script::default() }, tail))
    }

    fn surplus(&mut self, words: impl Iterator<Item = (String, Span)>, hint: &str) {
        let span = words.map(|(_, span)| span).reduce(Span::to);
        if let Some(span) = span {
            let finding = Diagnostic::lint(SURPLUS_WORDS, format!("`{}` does not use these words", self.keyword))
                .at(span, "ignored");
            self.push(finding.hint(hint));
        }
    }

    fn fault(&mut self, fault: Fault, at: Span) {
        let (finding, label) = match fault {
            Fault::Unmatched('"', _) if self.lone_quote_reported() => return,
            Fault::Unmatched(quote, _) => {
                (self.rejection(UNMATCHED_QUOTE, Class::UnmatchedQuote), format!("the closing {quote} is missing"))
            }
            Fault::LoneBackslash(_) => {
                (self.rejection(LONE_BACKSLASH, Class::Logged), "write \\\\ for a backslash".to_owned())
            }
            Fault::NotText => (self.rejection(NOT_TEXT, Class::Logged), "a NUL, or bytes that are no UTF-8".to_owned()),
        };
        self.push(finding.at(at, label).note("left out"));
    }

    /// Whoever took the line apart has said that a quote stands alone on it.
    fn lone_quote_reported(&self) -> bool {
        let statement = self.statement();
        let place = statement.span();
        let within = |finding: &Diagnostic| {
            finding.labels.first().is_some_and(|label| (place.start..=place.end).contains(&label.span.start))
        };
        statement.unclosed()
            && self
                .cx
                .diagnostics
                .iter()
                .any(|finding| finding.code == crate::syntax::UNCLOSED_QUOTE && within(finding))
    }
}

#[cfg(test)]
mod tests;
