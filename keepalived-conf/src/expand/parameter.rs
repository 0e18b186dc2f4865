// SPDX-License-Identifier: MIT OR Apache-2.0
//! `$NAME=` definitions and their use.

use std::ops::Range;
use std::sync::Arc;

use super::line::{BLANKS, Line};
use super::{Expander, LINE_BYTES_MAX, NESTING_MAX, codes};
use crate::diagnostic::{Class, Diagnostic};
use crate::map::{DefinitionId, FrameId, Origin, Why};

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(Arc<str>),
    Lines(Arc<Vec<Line>>),
}

#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) id: DefinitionId,
    pub(super) value: Value,
}

/// A definition of several lines that is still being read.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) name: String,
    pub(super) id: DefinitionId,
    pub(super) lines: Vec<Line>,
}

/// What became of the references on a line.
#[derive(Debug)]
pub(super) enum Substituted {
    Done,
    /// A limit is reached, and told; the line is used as it stands by then.
    Stopped,
    /// The line has turned into a condition, definition or repetition.
    Directive,
    /// From `at` on the line is a reference to these lines.
    Lines {
        at: usize,
        id: DefinitionId,
        lines: Arc<Vec<Line>>,
    },
}

/// Whether text that was put at `at` makes the line a condition, definition or repetition.
fn is_directive(text: &str, at: usize) -> bool {
    let start = text.len() - text.trim_start_matches(BLANKS).len();
    let Some(head) = text.get(start..) else { return false };
    match definition(head) {
        Some((name, _)) => at <= start + 1 + name.len(),
        None => at <= start && (head.starts_with('@') || head.starts_with("~SEQ") || head.starts_with("~LST")),
    }
}

/// What going over a line once did.
enum Once {
    Changed,
    Same,
    /// A limit is reached.
    Stopped,
    Directive,
    Lines {
        at: usize,
        id: DefinitionId,
        lines: Arc<Vec<Line>>,
    },
}

/// What one use of a definition counts besides the bytes it moves.
const SUBSTITUTION_COST: usize = 256;

/// `$NAME=` at the start: the name, and where the value begins.
pub(super) fn definition(text: &str) -> Option<(&str, usize)> {
    let rest = text.strip_prefix('$')?;
    let length = identifier(rest);
    let (name, after) = rest.split_at_checked(length)?;
    let value = after.strip_prefix('=')?;
    (length > 0).then(|| (name, text.len() - value.trim_start_matches(BLANKS).len()))
}

/// How many bytes of a name the text starts with.
fn identifier(text: &str) -> usize {
    if !text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        return 0;
    }
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
}

/// `$NAME` or `${NAME words}` in a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference<'line> {
    pub(super) range: Range<usize>,
    pub(super) name: &'line str,
    pub(super) arguments: &'line str,
    pub(super) braced: bool,
}

/// The reference that starts at the `$` at `at`, if it is one.
pub(super) fn reference(text: &str, at: usize) -> Option<Reference<'_>> {
    let rest = text.get(at + 1..)?;
    if let Some(inner) = rest.strip_prefix('{') {
        let length = identifier(inner);
        let (name, after) = inner.split_at_checked(length)?;
        let arguments = after.get(..after.find('}')?)?;
        let shaped = arguments.is_empty()
            || arguments.starts_with([' ', '\t'])
                && !arguments.ends_with([' ', '\t'])
                && arguments.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ' ' | '\t'));
        let end = at + 3 + length + arguments.len();
        return (length > 0 && shaped).then_some(Reference { range: at..end, name, arguments, braced: true });
    }
    let length = identifier(rest);
    let (name, after) = rest.split_at_checked(length)?;
    let ends = after.is_empty() || after.starts_with(BLANKS) || after.starts_with([',', ')']);
    (length > 0 && ends).then_some(Reference { range: at..at + 1 + length, name, arguments: "", braced: false })
}

impl Expander<'_> {
    /// `$NAME=value`; a value that ends in a backslash goes on on the next line.
    pub(super) fn define(&mut self, name: String, mut line: Line, value_at: usize) {
        let origin = line.origin(0);
        let file = self.out.map.frame_file(origin.frame);
        let id = self.out.map.add_definition(&name, file, origin.offset);
        line.cut_front(value_at);
        if line.text().ends_with('\\') {
            self.pending = Some(Pending { name, id, lines: Vec::new() });
            self.continue_definition(line);
        } else {
            let value = Value::Text(line.text().into());
            self.parameters.insert(name, Parameter { id, value });
        }
    }

    /// Adds a line to the definition that is being read.
    pub(super) fn continue_definition(&mut self, mut line: Line) {
        let Some(pending) = &mut self.pending else { return };
        let more = line.text().ends_with('\\');
        if more {
            line.truncate(line.text().len() - 1);
            line.trim();
        }
        if !line.text().is_empty() {
            pending.lines.push(line);
        }
        if !more {
            self.finish_definition();
        }
    }

    pub(super) fn finish_definition(&mut self) {
        if let Some(pending) = self.pending.take() {
            let value = Value::Lines(Arc::new(pending.lines));
            self.parameters.insert(pending.name, Parameter { id: pending.id, value });
        }
    }

    /// Writes out the references from `from` on. What they bring is looked at again, and the line as a whole until
    /// nothing changes, as keepalived does: a value may use other definitions, and a name may be put together.
    pub(super) fn substitute(&mut self, line: &mut Line, from: usize) -> Substituted {
        if !line.from(from).contains('$') {
            return Substituted::Done;
        }
        for _ in 0..NESTING_MAX {
            match self.substitute_once(line, from) {
                Once::Changed => {}
                Once::Same => {
                    return self.left_over(line, from);
                }
                Once::Stopped => return Substituted::Stopped,
                Once::Directive => return Substituted::Directive,
                Once::Lines { at, id, lines } => return Substituted::Lines { at, id, lines },
            }
        }
        let at = from..line.text().len();
        self.report_deep(line, at);
        Substituted::Stopped
    }

    /// Goes over the line once. References that stay as they are get no remark yet.
    fn substitute_once(&mut self, line: &mut Line, from: usize) -> Once {
        let mut at = from;
        let mut once = Once::Same;
        while let Some(found) = line.from(at).find('$') {
            at += found;
            let Some(reference) = reference(line.text(), at) else {
                at += 1;
                continue;
            };
            let range = reference.range.clone();
            let (name, arguments) = (reference.name.to_owned(), reference.arguments.to_owned());
            let (origin, replaced) = line.place(range.clone());
            match self.parameters.get(&name).filter(|_| arguments.is_empty()).cloned() {
                None => {
                    let Some(text) = self.predefined(line, &range, &name, &arguments) else {
                        at = range.end;
                        continue;
                    };
                    if !self.put(line, range, &text, Origin { replaced, ..origin }) {
                        return Once::Stopped;
                    }
                    at += text.len();
                    once = Once::Changed;
                }
                Some(parameter) if self.may_not_nest(origin.frame, parameter.id) => at = range.end,
                Some(Parameter { id, value: Value::Text(text) }) => {
                    let frame = self.parameter_frame(id, origin);
                    if !self.put(line, range, &text, Origin { frame, replaced, ..origin }) {
                        return Once::Stopped;
                    }
                    if from == 0 && is_directive(line.text(), at) {
                        return Once::Directive;
                    }
                    once = Once::Changed;
                }
                Some(Parameter { id, value: Value::Lines(lines) }) => {
                    if line.from(range.end).trim_end_matches(BLANKS).is_empty() {
                        return Once::Lines { at, id, lines };
                    }
                    at = range.end;
                }
            }
        }
        once
    }

    /// Says why the references that are still there were left.
    fn left_over(&mut self, line: &Line, from: usize) -> Substituted {
        let mut at = from;
        let mut quotes = Quotes::default();
        while let Some(found) = line.from(at).find('$') {
            at += found;
            let Some(Reference { range, name, arguments, braced }) = reference(line.text(), at) else {
                at += 1;
                continue;
            };
            let inside = quotes.before(line.text(), at);
            let parameter = self.parameters.get(name).map(|parameter| (parameter.id, &parameter.value));
            // keepalived cuts a line apart at the braces of a reference that it leaves.
            let class = if braced && !inside { Class::UnexpectedOpen } else { Class::Logged };
            match parameter {
                Some((id, _)) if arguments.is_empty() && self.may_not_nest(line.origin(at).frame, id) => {
                    if self.out.map.comes_from(line.origin(at).frame, id) {
                        self.report_loop(line, range.clone(), name);
                    } else {
                        self.report_deep(line, range.clone());
                    }
                }
                Some((_, Value::Lines(_))) if arguments.is_empty() => {
                    let message = format!("`${name}` has several lines and must be the last thing on its line");
                    let error = Diagnostic::error(codes::LINES_INSIDE_LINE, message).class(class);
                    self.report_at(line, range.clone(), error, "left as it is");
                }
                // Commands have shell variables in quotes.
                _ if !braced || inside => {}
                Some(_) => {
                    let error = Diagnostic::error(codes::UNDEFINED, format!("`${name}` takes no arguments"));
                    self.report_at(line, range.clone(), error.class(class), "left as it is");
                }
                None => {
                    let error = Diagnostic::error(codes::UNDEFINED, format!("`${{{name}}}` is not defined here"))
                        .class(class)
                        .hint("a definition `$NAME=value` must stand above its first use");
                    self.report_at(line, range.clone(), error, "left as it is");
                }
            }
            at = range.end;
        }
        Substituted::Done
    }

    fn may_not_nest(&self, frame: FrameId, id: DefinitionId) -> bool {
        self.out.map.depth(frame) > 2 * NESTING_MAX || self.out.map.comes_from(frame, id)
    }

    fn parameter_frame(&mut self, id: DefinitionId, origin: Origin) -> FrameId {
        let file = self.out.map.frame_file(origin.frame);
        self.out.map.add_frame(Why::Parameter(id), file, Some(origin.frame), origin.offset)
    }

    /// Puts text in the place of a reference; false when a limit forbids it.
    fn put(&mut self, line: &mut Line, range: Range<usize>, text: &str, origin: Origin) -> bool {
        let length = line.text().len() - range.len() + text.len();
        if length > LINE_BYTES_MAX {
            let error = Diagnostic::error(
                codes::TOO_MUCH,
                format!("with this definition the line becomes longer than {LINE_BYTES_MAX} bytes"),
            )
            .class(Class::Logged);
            self.report_at(line, range, error, "not written out");
            return false;
        }
        if !self.spend(line, range.start, length + SUBSTITUTION_COST) {
            return false;
        }
        line.replace(range, text, origin);
        true
    }

    fn report_loop(&mut self, line: &Line, range: Range<usize>, name: &str) {
        let mut error =
            Diagnostic::error(codes::DEFINITION_LOOP, format!("the definition of `${name}` contains itself"));
        for step in self.out.map.chain(line.origin(range.start).frame) {
            error = error.note(step.to_string());
        }
        self.report_at(line, range, error, "not written out");
    }

    fn report_deep(&mut self, line: &Line, range: Range<usize>) {
        let error = Diagnostic::error(codes::NESTED_TOO_DEEP, "definitions use one another too deeply")
            .note(format!("at most {NESTING_MAX} definitions may use one another in a row"));
        self.report_at(line, range, error, "not written out");
    }

    /// The value of a parameter that is always there.
    fn predefined(&mut self, line: &Line, range: &Range<usize>, name: &str, arguments: &str) -> Option<String> {
        let words: Vec<&str> = arguments.split_ascii_whitespace().collect();
        match (name, words.as_slice()) {
            ("_PWD", []) => Some(self.directory.display().to_string()),
            ("_INSTANCE", []) => Some(self.config_id.clone()),
            ("_HASH", []) => Some("#".to_owned()),
            ("_BANG", []) => Some("!".to_owned()),
            // A value is a piece of one line.
            ("_ENV", [name]) => Some(self.host.env(name).unwrap_or_default().replace(['\n', '\r', '\0'], " ")),
            ("_RANDOM", bounds) => {
                let (low, high) = match bounds {
                    [] => (0, 32_767),
                    [low] => (low.parse().ok()?, 32_767),
                    [low, high] => (low.parse::<u64>().ok()?, high.parse().ok()?),
                    _ => return None,
                };
                if low > high {
                    let message =
                        format!("the smallest number {low} is above the largest {high}, so it is always {low}");
                    self.report_at(line, range.clone(), Diagnostic::error(codes::BAD_RANDOM, message), "");
                }
                Some(self.random_between(low, high.max(low)).to_string())
            }
            _ => None,
        }
    }

    /// A number of the range, each as likely as any other as nearly as 64 bits allow.
    fn random_between(&mut self, low: u64, high: u64) -> u64 {
        let width = u128::from(high - low) + 1;
        let offset = (u128::from(self.next_random()) * width) >> 64;
        low.saturating_add(u64::try_from(offset).unwrap_or(0))
    }

    /// Splitmix64, from the host's seed.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// Whether a place is inside double quotes, found by going over the line once.
#[derive(Debug, Default)]
struct Quotes {
    seen: usize,
    inside: bool,
}

impl Quotes {
    fn before(&mut self, text: &str, at: usize) -> bool {
        let quotes = text.as_bytes().get(self.seen..at).unwrap_or(&[]).iter().filter(|byte| **byte == b'"').count();
        self.inside ^= quotes % 2 == 1;
        self.seen = self.seen.max(at);
        self.inside
    }
}
