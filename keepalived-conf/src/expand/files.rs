// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opening files: the main one, and those that `include` names.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::line::Line;
use super::{Checks, Expander, SOURCE_BYTES_MAX, codes, narrow};
use crate::diagnostic::{Class, Diagnostic, Severity};
use crate::map::{FileId, FrameId, Why};
use crate::source::{self, Kind, Matches, ReadError};

/// The files read so far, and those being read.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// By their real paths. A file that is included again is not read again, so it cannot change in between.
    known: BTreeMap<PathBuf, Known>,
    open: Vec<PathBuf>,
    pub(super) read_bytes: usize,
}

#[derive(Clone, Debug)]
struct Known {
    id: FileId,
    text: Arc<String>,
    lossy: bool,
}

/// Who asked for a file.
#[derive(Clone, Copy)]
enum Asker<'a> {
    CommandLine,
    Include(&'a Line, usize),
}

impl Expander<'_> {
    /// The file or files the command line names.
    pub(super) fn main_files(&mut self, path: &Path) {
        let pattern = path.to_string_lossy();
        let matches = source::find(self.host, &self.directory, &pattern);
        let checked = self.checks != Checks::NONE;
        if matches.paths.is_empty() {
            // keepalived only counts this under -e.
            let class = if checked { Class::FileNotFound } else { Class::Logged };
            let message = format!("the configuration file {pattern} does not exist");
            self.findings.push(Diagnostic::error(codes::FILE_NOT_READ, message).class(class));
        }
        if matches.paths.len() > 1 {
            let message = format!("{pattern} matches {} files; all of them are read", matches.paths.len());
            let warning = Diagnostic::warning(codes::SEVERAL_FILES, message).class(Class::MultipleFiles);
            self.findings.push(warning);
        }
        for path in &matches.paths {
            self.open(path, Asker::CommandLine);
        }
    }

    /// A configuration that is at hand.
    pub(super) fn main_text(&mut self, name: &str, bytes: Vec<u8>) {
        let known = self.decode(name, bytes);
        let frame = self.out.map.add_frame(Why::Main, known.id, None, 0);
        self.report_mark(&known, frame);
        self.lines(&known.text, known.lossy, frame);
    }

    /// `include PATTERN`, the pattern being at `range`.
    pub(super) fn include(&mut self, line: &Line, range: Range<usize>, pattern: &str, extra: Checks) {
        let before = self.checks;
        self.checks = self.checks.with(extra);
        let matches = source::find(self.host, &self.directory, pattern);
        if self.report_missing(line, &range, pattern, &matches) {
            for path in &matches.paths {
                if !self.nested(line, |expander| expander.open(path, Asker::Include(line, range.start))) {
                    break;
                }
            }
        }
        self.checks = before;
    }

    /// Reports what a pattern did not match; false when nothing of it may be read.
    fn report_missing(&mut self, line: &Line, range: &Range<usize>, pattern: &str, matches: &Matches) -> bool {
        if matches.cut_short {
            let message = format!("`{pattern}` stands for too many names; those found first are read");
            self.report_at(line, range.clone(), Diagnostic::error(codes::TOO_MUCH, message), "");
        }
        let braces = source::has_braces(pattern);
        let (checked, message) = if let Some(first) = matches.missing.first() {
            let message = if braces && !matches.paths.is_empty() {
                format!("nothing matches `{first}`, which is one of `{pattern}`")
            } else {
                format!("nothing matches `{pattern}`")
            };
            (if braces { self.checks.brace } else { self.checks.matches }, message)
        } else if matches.paths.is_empty() && self.checks.wildcard {
            (true, format!("nothing matches `{pattern}`"))
        } else {
            // An unchecked wildcard that matches nothing is what an empty conf.d looks like.
            return true;
        };
        let finding = if checked {
            Diagnostic::error(codes::INCLUDE_MISSING, message).class(Class::IncludeCheck)
        } else {
            Diagnostic::warning(codes::INCLUDE_MISSING, message).class(Class::Logged)
        };
        let place = format!("looked for from {}", self.directory.display());
        self.report_at(line, range.clone(), finding.note(place), "");
        !(checked && braces)
    }

    fn open(&mut self, path: &Path, asker: Asker<'_>) {
        let full = self.directory.join(path);
        match self.host.kind(&full) {
            Kind::Regular { executable: false } => {}
            Kind::Regular { executable: true } => {
                return self.not_read(path, asker, "it is executable, so it is not taken for a configuration", false);
            }
            Kind::Directory => return self.not_read(path, asker, "it is a directory", false),
            Kind::Fifo | Kind::Other => return self.not_read(path, asker, "it is not a plain file", false),
            Kind::Missing => return self.not_read(path, asker, "it does not exist", false),
            Kind::Denied => {
                let reason = self.host.read(&full).err().unwrap_or(ReadError::Denied);
                return self.not_read(path, asker, &reason.to_string(), true);
            }
        }
        let real = self.host.real(&full);
        if self.files.open.contains(&real) {
            return self.report_file_loop(path, &real, asker);
        }
        let known = match self.files.known.get(&real) {
            Some(known) => known.clone(),
            None => match self.host.read(&full) {
                Ok(bytes) => {
                    let known = self.decode(&self.shown_name(&full, path), bytes);
                    self.files.known.insert(real.clone(), known.clone());
                    known
                }
                Err(reason) => {
                    let refused = matches!(reason, ReadError::Denied | ReadError::Other(_));
                    return self.not_read(path, asker, &reason.to_string(), refused);
                }
            },
        };
        self.files.read_bytes = self.files.read_bytes.saturating_add(known.text.len());
        if self.files.read_bytes > SOURCE_BYTES_MAX {
            let reason = format!("with it, more than {SOURCE_BYTES_MAX} bytes of configuration would be read");
            return self.not_read(path, asker, &reason, true);
        }
        let frame = match asker {
            Asker::CommandLine => self.out.map.add_frame(Why::Main, known.id, None, 0),
            Asker::Include(line, at) => {
                let origin = line.origin(at);
                self.out.map.add_frame(Why::Include, known.id, Some(origin.frame), origin.offset)
            }
        };
        self.report_mark(&known, frame);
        let checks = self.checks;
        let directory = self.directory.clone();
        // Only a name with a slash changes the directory that relative names are seen from.
        if let Some(parent) = full.parent()
            && path.to_string_lossy().contains('/')
        {
            self.directory = self.host.real(parent);
        }
        self.files.open.push(real);
        self.lines(&known.text, known.lossy, frame);
        self.files.open.pop();
        self.directory = directory;
        self.checks = checks;
    }

    /// A file that stays unread. `refused` says that it is there and looks right, but cannot be had.
    fn not_read(&mut self, path: &Path, asker: Asker<'_>, reason: &str, refused: bool) {
        let message = format!("cannot read {}: {reason}", path.display());
        match asker {
            Asker::CommandLine => {
                let counted = refused || self.checks != Checks::NONE;
                let class = if counted { Class::FileNotFound } else { Class::Logged };
                self.findings.push(Diagnostic::error(codes::FILE_NOT_READ, message).class(class));
            }
            Asker::Include(line, at) => {
                let (severity, class) = if self.checks.read {
                    (Severity::Error, Class::IncludeCheck)
                } else {
                    (Severity::Warning, Class::Logged)
                };
                let finding = Diagnostic::new(severity, codes::FILE_NOT_READ, class, message);
                self.report_at(line, at..line.text().len(), finding, "skipped");
            }
        }
    }

    fn report_file_loop(&mut self, path: &Path, real: &Path, asker: Asker<'_>) {
        let own = self.files.open.last().is_some_and(|last| last == real);
        let message = if own {
            format!("{} includes itself", path.display())
        } else {
            format!("{} is being read already: the files include one another", path.display())
        };
        let mut error = Diagnostic::error(codes::INCLUDE_LOOP, message);
        match asker {
            Asker::CommandLine => self.findings.push(error),
            Asker::Include(line, at) => {
                for step in self.out.map.chain(line.frame()) {
                    error = error.note(step.to_string());
                }
                self.report_at(line, at..line.text().len(), error, "not read again");
            }
        }
    }

    /// The name a file is shown by: from where reading began, when it is below that.
    fn shown_name(&self, full: &Path, path: &Path) -> String {
        let name = if path.is_absolute() { path } else { full.strip_prefix(self.host.current_dir()).unwrap_or(full) };
        name.display().to_string()
    }

    /// Bytes to text that ends in a line end. Bytes that are not UTF-8 become U+FFFD.
    fn decode(&mut self, name: &str, bytes: Vec<u8>) -> Known {
        let (mut text, lossy) = match String::from_utf8(bytes) {
            Ok(text) => (text, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        if text.starts_with(MARK) {
            // Blanks of the same length, so that offsets still hold.
            text.replace_range(..MARK.len_utf8(), "  \t");
        }
        let text = Arc::new(text);
        Known { id: self.out.map.add_file(name, Arc::clone(&text)), text, lossy }
    }

    /// Reports a byte order mark.
    fn report_mark(&mut self, known: &Known, frame: FrameId) {
        if known.text.starts_with("  \t") {
            let warning = Diagnostic::warning(codes::BYTE_ORDER_MARK, "the file starts with a byte order mark")
                .class(Class::UnknownKeyword)
                .note("keepalived takes it for a part of the first keyword, which it then does not know")
                .hint("save the file as UTF-8 without a byte order mark");
            self.report_at(&Line::verbatim("  \t", narrow(0), frame), 0..3, warning, "ignored");
        }
    }
}

/// What some editors put before UTF-8 text.
const MARK: char = '\u{FEFF}';
