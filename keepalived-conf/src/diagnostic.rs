// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the reader found: values with a severity, a stable code and spans. Words for people are made at the edge.

use crate::span::Span;
use crate::suggest::nearest;

/// How bad a finding is for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Used, but probably not what was meant.
    Warning,
    /// Not used as written.
    Error,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// How keepalived itself grades a finding, in its order: the furthest down decides the exit status of its
/// configuration test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// keepalived says nothing about this: one of our own findings.
    Ours,
    /// keepalived logs a line but does not count it.
    Logged,
    FileNotFound,
    BadInterface,
    Fatal,
    MultipleFiles,
    UnknownKeyword,
    UnexpectedOpen,
    MissingOpen,
    UnexpectedClose,
    MissingClose,
    UnmatchedQuote,
    /// A word is missing that the keyword wants; the line is ignored.
    MissingParameter,
    InvalidNumber,
    General,
    Warning,
    Deprecated,
    Security,
    /// A word is missing without which keepalived ends at once.
    MissingRequired,
    /// An include that must be there is not.
    IncludeCheck,
}

impl Class {
    /// Exit status of `keepalived -t` when this is the worst finding.
    pub fn exit_status(self) -> u8 {
        match self {
            Class::Ours | Class::Logged => 0,
            Class::FileNotFound | Class::BadInterface | Class::Fatal => 4,
            Class::MultipleFiles
            | Class::UnknownKeyword
            | Class::UnexpectedOpen
            | Class::MissingOpen
            | Class::UnexpectedClose
            | Class::MissingClose
            | Class::UnmatchedQuote
            | Class::MissingParameter
            | Class::InvalidNumber
            | Class::General
            | Class::Warning
            | Class::Deprecated => 5,
            Class::Security | Class::IncludeCheck => 6,
            Class::MissingRequired => 2,
        }
    }
}

/// A stable code and its title. Codes are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    pub id: &'static str,
    pub title: &'static str,
}

impl Code {
    pub const fn new(id: &'static str, title: &'static str) -> Code {
        Code { id, title }
    }
}

/// A place and what to say about it. The first label of a finding is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: Code,
    pub class: Class,
    pub message: String,
    pub labels: Vec<Label>,
    pub notes: Vec<String>,
    pub hints: Vec<String>,
}

impl Diagnostic {
    pub fn new(severity: Severity, code: Code, class: Class, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity,
            code,
            class,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// The usual case: not used as written, and keepalived counts it as an ordinary error.
    pub fn error(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, Class::General, message)
    }

    /// Used, but keepalived too would remark on it.
    pub fn warning(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, Class::Warning, message)
    }

    /// A finding keepalived does not have.
    pub fn lint(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, Class::Ours, message)
    }

    #[must_use]
    pub fn class(mut self, class: Class) -> Diagnostic {
        self.class = class;
        self
    }

    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Diagnostic {
        self.severity = severity;
        self
    }

    /// Where it is; the text stands beside the caret and may be empty.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Diagnostic {
        self.notes.push(note.into());
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hints.push(hint.into());
        self
    }
}

/// How many findings are kept; a broken file of a million lines must not fill the memory.
pub const FINDINGS_MAX: usize = 10_000;

/// How many findings say what was probably meant. Looking for that takes longer than all the rest.
pub const HINTED_MAX: usize = 1_000;

/// Findings in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    dropped: usize,
    worst: Option<Class>,
}

impl Diagnostics {
    pub fn new() -> Diagnostics {
        Diagnostics::default()
    }

    pub fn push(&mut self, finding: Diagnostic) {
        self.worst = self.worst.max(Some(finding.class));
        if self.is_full() {
            self.dropped += 1;
        } else {
            self.list.push(finding);
        }
    }

    /// Adds the findings of another list behind those of this one.
    pub fn append(&mut self, other: Diagnostics) {
        let worst = self.worst.max(other.worst);
        other.list.into_iter().for_each(|finding| self.push(finding));
        self.worst = worst;
        self.dropped += other.dropped;
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// True when what comes next is only counted.
    pub fn is_full(&self) -> bool {
        self.list.len() >= FINDINGS_MAX
    }

    /// Whether it is worth while to look for what was meant.
    pub fn want_hints(&self) -> bool {
        self.list.len() < HINTED_MAX
    }

    /// The word that was probably meant; see [`nearest`].
    pub fn near<'a>(&self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        if self.want_hints() { nearest(word, candidates) } else { None }
    }

    /// Findings beyond [`FINDINGS_MAX`], which were only counted.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    pub fn has_errors(&self) -> bool {
        self.worst_severity() == Some(Severity::Error)
    }

    pub fn worst_severity(&self) -> Option<Severity> {
        self.list.iter().map(|finding| finding.severity).max()
    }

    /// What `keepalived -t` would exit with after these findings.
    pub fn exit_status(&self) -> u8 {
        self.worst.map_or(0, Class::exit_status)
    }

    /// Sorts the findings; those with equal keys keep their order.
    pub fn sort_by_key<K: Ord>(&mut self, key: impl FnMut(&Diagnostic) -> K) {
        self.list.sort_by_cached_key(key);
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

#[cfg(test)]
mod tests;
