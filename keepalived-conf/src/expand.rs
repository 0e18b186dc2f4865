// SPDX-License-Identifier: MIT OR Apache-2.0
//! The line pass: files in, one text out, in which every line is a line of plain statements.
//!
//! What is done to a line, in this order: remarks go; a definition of several lines that is being read takes it; a
//! leading `@id` decides whether it counts; `$NAME=value` is remembered; `~SEQ` and `~LST` write it several times;
//! references to definitions are written out, and remarks that this brought go too; `include` reads other files; what
//! is left is added to the text. After a brace in the middle of a line the rest counts as a line of its own.
//!
//! Lines that nothing of this touches are copied in one piece, and a file of only such lines is not even copied.
//! Whatever the input, the work is bounded: files, lines, nesting, repetitions and the length of the text have limits,
//! and a limit that is reached is a finding.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Class, Diagnostic, Diagnostics, Severity};
use crate::map::{DefinitionId, FrameId, SourceMap, Why};
use crate::source::{Host, MemoryHost};

mod checks;
pub mod codes;
mod files;
mod line;
mod output;
mod parameter;
mod repeat;
mod scan;

pub use checks::Checks;
pub use repeat::REPETITIONS_MAX;

use line::{BLANKS, Line, Marks};
use output::Output;
use parameter::{Parameter, Pending, Substituted};
use scan::{line_inside, plain_lines};

/// The longest line that is read, in bytes. keepalived stops at [`UPSTREAM_LINE_MAX`].
pub const LINE_BYTES_MAX: usize = 65_536;

/// The longest line keepalived reads, in bytes without the line end.
pub const UPSTREAM_LINE_MAX: usize = 1022;

/// The longest expanded text, in bytes.
pub const TEXT_BYTES_MAX: usize = 128 << 20;

/// The bytes read from files altogether, a file that is included twice counted twice.
pub const SOURCE_BYTES_MAX: usize = 256 << 20;

/// How deep includes, repetitions and definitions may stand in one another.
pub const NESTING_MAX: u32 = 32;

/// The bytes of all lines rewritten for definitions and repetitions, each use of a definition counted as 256 more.
pub const REWRITTEN_BYTES_MAX: usize = 512 << 20;

/// How a configuration is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What `@id` lines compare with; the host's name up to its first dot when there is none.
    pub config_id: Option<String>,
    /// Include failures that are serious from the start.
    pub checks: Checks,
}

/// The text in which everything is written out, and where it came from.
#[derive(Debug, Default)]
pub struct Expanded {
    text: Arc<String>,
    pub map: SourceMap,
}

impl Expanded {
    /// A text in which nothing is left to write out, as one process hands it to another.
    pub fn ready(name: &str, text: String) -> Expanded {
        let text = Arc::new(text);
        Expanded { map: SourceMap::verbatim(name, Arc::clone(&text)), text }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn shared_text(&self) -> Arc<String> {
        Arc::clone(&self.text)
    }
}

/// Reads a configuration. `path` may be a pattern.
pub fn load(host: &dyn Host, path: &Path, options: &Options) -> (Expanded, Diagnostics) {
    let mut expander = Expander::new(host, options);
    expander.main_files(path);
    expander.end()
}

/// Reads a configuration that is at hand, on a host without files.
pub fn load_str(name: &str, text: &str) -> (Expanded, Diagnostics) {
    load_text(&MemoryHost::new(), name, text.as_bytes(), &Options::default())
}

/// Reads a configuration that is at hand. Its includes are looked for from the host's current directory.
pub fn load_text(host: &dyn Host, name: &str, text: &[u8], options: &Options) -> (Expanded, Diagnostics) {
    load_bytes(host, name, text.to_vec(), options)
}

/// The same for bytes that are given away, which spares a copy.
pub fn load_bytes(host: &dyn Host, name: &str, bytes: Vec<u8>, options: &Options) -> (Expanded, Diagnostics) {
    let mut expander = Expander::new(host, options);
    expander.main_text(name, bytes);
    expander.end()
}

struct Expander<'host> {
    host: &'host dyn Host,
    config_id: String,
    parameters: BTreeMap<String, Parameter>,
    pending: Option<Pending>,
    checks: Checks,
    globals: checks::Globals,
    /// Where the file being read is.
    directory: PathBuf,
    files: files::Files,
    out: Output,
    findings: Diagnostics,
    random: u64,
    depth: u32,
    repetitions_left: u64,
    rewritten_left: usize,
    /// Limits that are told once.
    told_too_many: bool,
    told_rewritten: bool,
    full: bool,
    /// Files in which a NUL byte or bytes outside UTF-8 were told of already.
    told_bytes: BTreeSet<(FrameId, &'static str)>,
}

impl<'host> Expander<'host> {
    fn new(host: &'host dyn Host, options: &Options) -> Expander<'host> {
        let node_name = || host.hostname().split('.').next().unwrap_or("").to_owned();
        Expander {
            host,
            config_id: options.config_id.clone().unwrap_or_else(node_name),
            parameters: BTreeMap::new(),
            pending: None,
            checks: options.checks,
            globals: checks::Globals::default(),
            directory: host.current_dir(),
            files: files::Files::default(),
            out: Output::default(),
            findings: Diagnostics::new(),
            random: host.seed(),
            depth: 0,
            repetitions_left: REPETITIONS_MAX,
            rewritten_left: REWRITTEN_BYTES_MAX,
            told_too_many: false,
            told_rewritten: false,
            full: false,
            told_bytes: BTreeSet::new(),
        }
    }

    fn end(self) -> (Expanded, Diagnostics) {
        let (text, map) = self.out.finish();
        (Expanded { text, map }, self.findings)
    }

    /// All lines of a file.
    fn lines(&mut self, text: &Arc<String>, lossy: bool, frame: FrameId) {
        let mut at = 0;
        while at < text.len() && !self.full {
            let plain_end = if self.pending.is_none() { plain_lines(text.as_bytes(), at, lossy) } else { at };
            if plain_end > at {
                if self.out.len() + (plain_end - at) > TEXT_BYTES_MAX {
                    return self.report_full(&Line::verbatim("", narrow(at), frame));
                }
                self.out.push_lines(text, at..plain_end, frame);
                at = plain_end;
                continue;
            }
            let rest = text.get(at..).unwrap_or("");
            let end = rest.find('\n').unwrap_or(rest.len());
            self.raw_line(rest.get(..end).unwrap_or(""), narrow(at), lossy, frame);
            at += end + 1;
        }
        if self.pending.is_some() {
            self.finish_definition();
        }
    }

    /// A line as it stands in a file.
    fn raw_line(&mut self, text: &str, offset: u32, lossy: bool, frame: FrameId) {
        if text.contains('\0') {
            if self.told_bytes.insert((frame, "NUL")) {
                let error = Diagnostic::error(codes::NUL_BYTE, "the line holds a NUL byte, so it is dropped")
                    .note("further lines of this file with NUL bytes are dropped without a word");
                let line = Line::verbatim(text, offset, frame);
                self.report_at(&line, 0..text.len(), error, "");
            }
            return;
        }
        if text.len() > LINE_BYTES_MAX {
            let error = Diagnostic::error(
                codes::LONG_LINE,
                format!("the line has {} bytes and is dropped; at most {LINE_BYTES_MAX} are read", text.len()),
            );
            let line = Line::verbatim("", offset, frame);
            return self.report_at(&line, 0..1, error, "");
        }
        let marks = Marks::of(text);
        let body = text.get(..marks.comment.unwrap_or(text.len())).unwrap_or("");
        let mut line = Line::verbatim(body, offset, frame);
        if self.pending.is_some() {
            let bare = text.strip_suffix('\r').unwrap_or(text);
            if bare.trim_matches(BLANKS).is_empty() {
                if !bare.is_empty() {
                    let warning = Diagnostic::lint(
                        codes::BLANK_ENDS_DEFINITION,
                        "a line of blanks is taken for the empty line that ends a definition",
                    );
                    self.report_at(&line, 0..text.len(), warning, "");
                }
                return self.finish_definition();
            }
        }
        line.trim();
        if line.text().is_empty() {
            return;
        }
        if line.text().ends_with('\\') {
            self.glue_backslash(&mut line);
        }
        if lossy
            && let Some(at) = line.text().find('\u{FFFD}')
            && self.told_bytes.insert((frame, "UTF-8"))
        {
            let warning = Diagnostic::lint(codes::NOT_UTF8, "the line has bytes that are not UTF-8")
                .hint("save the file as UTF-8")
                .note("each such byte is read as U+FFFD, here and further down in this file");
            self.report_at(&line, at..at + '\u{FFFD}'.len_utf8(), warning, "");
        }
        if text.len() > UPSTREAM_LINE_MAX {
            let warning = Diagnostic::error(
                codes::LONG_LINE,
                format!("keepalived drops a line of more than {UPSTREAM_LINE_MAX} bytes; this one has {}", text.len()),
            )
            .severity(Severity::Warning)
            .hint("split the line, or use a definition of several lines");
            self.report_at(&line, 0..line.text().len(), warning, "read nevertheless");
        }
        self.line(line);
    }

    /// A backslash at the end of a line loses the blanks before it. Only a definition goes on behind it; anywhere else
    /// it becomes a part of the last word.
    fn glue_backslash(&mut self, line: &mut Line) {
        let end = line.text().len() - 1;
        if self.pending.is_none() && parameter::definition(line.text()).is_none() && !line.text().starts_with('@') {
            let warning = Diagnostic::lint(
                codes::BACKSLASH_AT_END,
                "a backslash at the end of a line continues nothing but a definition",
            )
            .hint("put everything on one line, or into a definition `$NAME=` of several lines");
            self.report_at(line, end..end + 1, warning, "read as a part of the last word");
        }
        let kept = line.text().get(..end).unwrap_or("").trim_end_matches(BLANKS).len();
        if kept > 0 && kept < end {
            let origin = line.origin(end);
            line.replace(kept..end, "", origin);
        }
    }

    /// A line without remarks, from a file, a repetition or a definition.
    fn line(&mut self, mut line: Line) {
        line.trim();
        if self.pending.is_some() {
            return self.continue_definition(line);
        }
        if let Some(rest) = line.text().strip_prefix('@') {
            let id = rest.split(BLANKS).next().unwrap_or("");
            let counts = match id.strip_prefix('^') {
                Some(other) => other != self.config_id,
                None => id == self.config_id,
            };
            let end = 1 + id.len();
            if !counts {
                return;
            }
            line.cut_front(end);
            line.trim();
        }
        if line.text().is_empty() {
            return;
        }
        if let Some((name, value_at)) = parameter::definition(line.text()) {
            let name = name.to_owned();
            return self.define(name, line, value_at);
        }
        if line.text().starts_with("~SEQ") || line.text().starts_with("~LST") {
            return self.repeat(line);
        }
        if let Some(at) = line_inside(line.text()) {
            let place = line.clone();
            line.truncate(at);
            self.written_out(line, 0);
            let mut rest = place.clone();
            rest.cut_front(at);
            self.nested(&place, |expander| expander.line(rest));
            return;
        }
        self.written_out(line, 0);
    }

    /// A line that is no directive; references from `from` on are still to be written out.
    fn written_out(&mut self, mut line: Line, from: usize) {
        let before = line.text().len();
        match self.substitute(&mut line, from) {
            Substituted::Done => {
                if before <= UPSTREAM_LINE_MAX && line.text().len() > UPSTREAM_LINE_MAX {
                    let warning = Diagnostic::lint(
                        codes::LONG_LINE,
                        format!("written out, the line is longer than the {UPSTREAM_LINE_MAX} bytes keepalived takes"),
                    )
                    .class(Class::Logged)
                    .note("keepalived stops at the definition with which it becomes too long");
                    self.report_at(&line, 0..line.text().len(), warning, "written out nevertheless");
                }
                self.add(line);
            }
            Substituted::Stopped => self.add(line),
            // keepalived up to 2.3 reads such a line as its author meant it; later ones take it for a keyword.
            Substituted::Directive => {
                let place = line.clone();
                self.nested(&place, |expander| expander.line(line));
            }
            Substituted::Lines { at, id, lines } => self.several_lines(line, at, id, &lines),
        }
    }

    /// A line that ends in a definition of several lines: what stands before goes before the first of them.
    fn several_lines(&mut self, mut line: Line, at: usize, id: DefinitionId, lines: &[Line]) {
        let origin = line.origin(at);
        let place = line.clone();
        line.truncate(at);
        let file = lines.first().map_or(origin.frame, Line::frame);
        let file = self.out.map.frame_file(file);
        let frame = self.out.map.add_frame(Why::Lines(id), file, Some(origin.frame), origin.offset);
        if lines.is_empty() {
            return self.add(line);
        }
        for (index, next) in lines.iter().enumerate() {
            let Some(left) = self.repetitions_left.checked_sub(1) else {
                return self.report_too_many(&place);
            };
            self.repetitions_left = left;
            if !self.spend(&place, at, next.text().len()) {
                return;
            }
            let next = next.reframed(frame);
            let done = if index == 0 && !line.text().trim_matches(BLANKS).is_empty() {
                line.append(&next);
                let joined = line.clone();
                self.nested(&place, |expander| expander.written_out(joined, at))
            } else {
                self.nested(&place, |expander| expander.line(next))
            };
            if !done {
                return;
            }
        }
    }

    /// A line in which nothing is left to write out: an include, or text.
    fn add(&mut self, mut line: Line) {
        line.finish();
        let text = line.text();
        if text.is_empty() {
            return;
        }
        if let Some((word, pattern)) = text.split_once(BLANKS)
            && let Some(extra) = Checks::of_directive(word)
        {
            let pattern = pattern.trim_matches(BLANKS).to_owned();
            let start = text.len() - pattern.len();
            return self.include(&line, start..text.len(), &pattern, extra);
        }
        if self.out.len() + text.len() + 1 > TEXT_BYTES_MAX {
            return self.report_full(&line);
        }
        let checks = text.contains("include_check");
        self.out.push_line(&line);
        if checks {
            self.checks = self.globals.follow(self.out.text(), self.checks);
        }
    }

    /// Goes one level deeper; false when that is too deep.
    fn nested(&mut self, line: &Line, step: impl FnOnce(&mut Self)) -> bool {
        if self.full {
            return false;
        }
        if self.depth >= NESTING_MAX {
            let mut error = Diagnostic::error(
                codes::NESTED_TOO_DEEP,
                format!("includes, definitions and repetitions stand more than {NESTING_MAX} deep in one another"),
            );
            for step in self.out.map.chain(line.frame()).into_iter().take(4) {
                error = error.note(step.to_string());
            }
            self.report_at(line, 0..line.text().len(), error, "dropped");
            return false;
        }
        self.depth += 1;
        step(self);
        self.depth -= 1;
        true
    }

    /// Counts bytes rewritten; false when there were too many.
    fn spend(&mut self, line: &Line, at: usize, bytes: usize) -> bool {
        if let Some(left) = self.rewritten_left.checked_sub(bytes) {
            self.rewritten_left = left;
            return true;
        }
        if !std::mem::replace(&mut self.told_rewritten, true) {
            let error =
                Diagnostic::error(codes::TOO_MUCH, "writing out definitions and repetitions takes too much work");
            self.report_at(line, at..line.text().len(), error, "nothing is written out from here on");
        }
        false
    }

    fn report_full(&mut self, line: &Line) {
        if !std::mem::replace(&mut self.full, true) {
            let message = format!("written out, the configuration is longer than {TEXT_BYTES_MAX} bytes");
            self.report_at(line, 0..line.text().len(), Diagnostic::error(codes::TOO_MUCH, message), "stopped here");
        }
    }

    /// Adds a finding about a part of a line that may never reach the text.
    fn report_at(&mut self, line: &Line, range: Range<usize>, finding: Diagnostic, label: &str) {
        if self.findings.is_full() {
            return self.findings.push(finding);
        }
        let (origin, length) = line.place(range);
        let near = self.out.end();
        let span = self.out.map.aside(origin, length, near);
        self.findings.push(finding.at(span, label));
    }
}

fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
