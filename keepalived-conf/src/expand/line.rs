// SPDX-License-Identifier: MIT OR Apache-2.0
//! One line on its way to the expanded text, with the origin of each of its bytes.

use std::ops::Range;

use crate::map::{FrameId, Origin};

/// What the configuration language takes for blank.
pub(super) const BLANKS: [char; 6] = [' ', '\t', '\r', '\n', '\u{b}', '\u{c}'];

#[derive(Clone, Debug)]
struct Run {
    at: usize,
    origin: Origin,
}

/// Text without its line end. The runs are sorted, and the first one starts at 0.
#[derive(Clone, Debug)]
pub(super) struct Line {
    text: String,
    runs: Vec<Run>,
}

impl Line {
    /// A line as it stands in a file.
    pub(super) fn verbatim(text: &str, offset: u32, frame: FrameId) -> Line {
        Line { text: text.to_owned(), runs: vec![Run { at: 0, origin: Origin { offset, replaced: 0, frame } }] }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The bytes from `at` on; empty when there are none.
    pub(super) fn from(&self, at: usize) -> &str {
        self.text.get(at..).unwrap_or("")
    }

    /// The frame of the first byte.
    pub(super) fn frame(&self) -> FrameId {
        self.origin(0).frame
    }

    /// Where a byte comes from.
    pub(super) fn origin(&self, at: usize) -> Origin {
        let index = self.runs.partition_point(|run| run.at <= at).saturating_sub(1);
        let run = &self.runs[index];
        let mut origin = run.origin;
        if origin.replaced == 0 {
            origin.offset = origin.offset.saturating_add(narrow(at - run.at));
        }
        origin
    }

    /// The origin of a range as a whole, and its length in the file.
    pub(super) fn place(&self, range: Range<usize>) -> (Origin, u32) {
        let origin = self.origin(range.start);
        let length = if origin.replaced > 0 { origin.replaced } else { narrow(range.len()) };
        (origin, length)
    }

    /// Each piece of one origin.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (&str, Origin)> {
        self.runs.iter().enumerate().map(|(index, run)| {
            let end = self.runs.get(index + 1).map_or(self.text.len(), |next| next.at);
            (self.text.get(run.at..end).unwrap_or(""), run.origin)
        })
    }

    /// Keeps what is before `at`.
    pub(super) fn truncate(&mut self, at: usize) {
        if at < self.text.len() {
            self.text.truncate(at);
            self.runs.retain(|run| run.at < at || run.at == 0);
        }
    }

    /// Keeps what is from `at` on.
    pub(super) fn cut_front(&mut self, at: usize) {
        if at == 0 {
            return;
        }
        let first = self.origin(at.min(self.text.len()));
        self.text.drain(..at.min(self.text.len()));
        self.runs.retain(|run| run.at > at);
        for run in &mut self.runs {
            run.at -= at;
        }
        self.runs.insert(0, Run { at: 0, origin: first });
    }

    pub(super) fn trim_end(&mut self) {
        self.truncate(self.text.trim_end_matches(BLANKS).len());
    }

    pub(super) fn trim(&mut self) {
        self.trim_end();
        self.cut_front(self.text.len() - self.text.trim_start_matches(BLANKS).len());
    }

    /// Puts `text`, all of one origin, in the place of `range`.
    pub(super) fn replace(&mut self, range: Range<usize>, text: &str, origin: Origin) {
        let after = (range.end < self.text.len()).then(|| self.origin(range.end));
        let tail: Vec<Run> = self.runs.iter().filter(|run| run.at > range.end).cloned().collect();
        self.runs.retain(|run| run.at < range.start);
        if !text.is_empty() {
            self.runs.push(Run { at: range.start, origin });
        }
        let resume = range.start + text.len();
        if let Some(origin) = after {
            self.runs.push(Run { at: resume, origin });
        }
        self.runs.extend(tail.into_iter().map(|run| Run { at: run.at - range.end + resume, origin: run.origin }));
        self.text.replace_range(range, text);
        if self.runs.first().is_none_or(|run| run.at > 0) {
            self.runs.insert(0, Run { at: 0, origin });
        }
    }

    /// Adds another line's text at the end.
    pub(super) fn append(&mut self, other: &Line) {
        let base = self.text.len();
        self.runs.retain(|run| run.at < base);
        self.runs.extend(other.runs.iter().map(|run| Run { at: base + run.at, origin: run.origin }));
        self.text.push_str(&other.text);
    }

    /// The same text, got to by another way.
    pub(super) fn reframed(&self, frame: FrameId) -> Line {
        let runs = self.runs.iter().map(|run| Run { at: run.at, origin: Origin { frame, ..run.origin } }).collect();
        Line { text: self.text.clone(), runs }
    }

    /// Drops a remark that a substitution brought, and takes the backslash from `\#` and `\!`.
    pub(super) fn finish(&mut self) {
        let marks = Marks::of(&self.text);
        if let Some(at) = marks.comment {
            self.truncate(at);
        }
        if !marks.escapes.is_empty() {
            *self = self.without(&marks.escapes);
        }
        self.trim();
    }

    /// The line without these bytes, which are in order.
    fn without(&self, holes: &[usize]) -> Line {
        let mut out = Line { text: String::with_capacity(self.text.len()), runs: Vec::with_capacity(self.runs.len()) };
        let mut start = 0;
        for hole in holes.iter().copied().chain([self.text.len()]) {
            let kept = self.text.get(start..hole).unwrap_or("");
            if !kept.is_empty() {
                out.runs.push(Run { at: out.text.len(), origin: self.origin(start) });
                let inside = self.runs.partition_point(|run| run.at <= start);
                let later = self.runs.iter().skip(inside).take_while(|run| run.at < hole);
                let base = out.text.len();
                out.runs.extend(later.map(|run| Run { at: base + run.at - start, origin: run.origin }));
                out.text.push_str(kept);
            }
            start = hole + 1;
        }
        if out.runs.is_empty() {
            out.runs.push(Run { at: 0, origin: self.origin(0) });
        }
        out
    }
}

/// What the comment rules see on a line: `#` and `!` outside double quotes start a remark, a backslash hides the
/// character after it, and `\#` and `\!` outside quotes stand for the character alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) comment: Option<usize>,
    /// Backslashes to be taken away, before `comment`.
    pub(super) escapes: Vec<usize>,
}

impl Marks {
    pub(super) fn of(text: &str) -> Marks {
        let mut marks = Marks::default();
        let mut quoted = false;
        let mut bytes = text.bytes().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'\\' => {
                    if let Some((_, b'#' | b'!')) = bytes.next()
                        && !quoted
                    {
                        marks.escapes.push(at);
                    }
                }
                b'"' => quoted = !quoted,
                b'#' | b'!' if !quoted => {
                    marks.comment = Some(at);
                    break;
                }
                _ => {}
            }
        }
        marks
    }
}

fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
