// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where every byte of the expanded text came from.
//!
//! The expanded text is one string. A [`SourceMap`] cuts it into segments: pieces copied from a file as they stand, and
//! pieces that replaced something (`${NAME}`, `$i` of a repetition). A *frame* says how a piece got there: which file,
//! included by whom, through which definition or repetition. A whole file that needed no change is one segment.
//!
//! Findings about text that never reaches the expanded text (a dropped line, a missing include) get a span beyond its
//! end, in the range that starts at [`ASIDE`]; [`SourceMap::locate`] treats both alike.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::span::Span;

/// Spans at and above this offset point at text that is in a file but not in the expanded text.
pub const ASIDE: u32 = 1 << 31;

/// How much of a line is shown around a finding, in bytes.
pub const LINE_SHOWN_MAX: usize = 512;

/// How many steps of a chain are told.
pub const CHAIN_MAX: usize = 64;

const ROOT: u32 = u32::MAX;

/// A file that was read. Its text is shared with the expanded text when the file needed no change.
#[derive(Debug)]
struct File {
    name: String,
    text: Arc<String>,
    line_starts: OnceLock<Vec<u32>>,
}

/// A place in a file, and how reading got there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Offset in the file of the frame.
    pub(crate) offset: u32,
    /// Zero: the text stands in the file as it is. Otherwise it replaced this many bytes of the file.
    pub(crate) replaced: u32,
    pub(crate) frame: FrameId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FrameId(u32);

/// Which `$NAME=` (or variable of a repetition) is meant: every one that is read gets its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DefinitionId(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The file named on the command line.
    Main,
    /// `include`.
    Include,
    /// The lines of a multi-line definition.
    Lines(DefinitionId),
    /// `${NAME}` on a line.
    Parameter(DefinitionId),
    /// `~SEQ` and `~SEQx`, with the value.
    Number(DefinitionId, i64),
    /// `~LST`, with the number of the value.
    Item(DefinitionId, u32),
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    why: Why,
    file: FileId,
    parent: u32,
    /// Offset in the parent's file of what opened this frame.
    at: u32,
    depth: u32,
}

#[derive(Debug)]
struct Definition {
    name: Box<str>,
    file: FileId,
    offset: u32,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    start: u32,
    origin: Origin,
}

/// One step of the way to a place: `$VIPS` used here, included from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub what: String,
    pub file: String,
    pub line: u32,
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}:{}", self.what, self.file, self.line)
    }
}

/// A place as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location<'map> {
    pub file: &'map str,
    /// Counted from 1.
    pub line: u32,
    /// Counted in characters from 1.
    pub column: u32,
    /// The line, or the [`LINE_SHOWN_MAX`] bytes of it around the place.
    pub line_text: &'map str,
    /// The bytes of `line_text` that are meant; may be empty.
    pub caret: Range<usize>,
    /// How reading got here, nearest step first.
    pub chain: Vec<Step>,
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Expanded offsets to files, lines and columns.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<File>,
    frames: Vec<Frame>,
    definitions: Vec<Definition>,
    segments: Vec<Segment>,
    /// Text that is only pointed at: spans from [`ASIDE`] on, each with the length of the expanded text by then.
    asides: Vec<(Segment, u32)>,
    next_aside: u32,
}

impl SourceMap {
    /// The map of a text that is already expanded, or needs no expansion.
    pub fn verbatim(name: &str, text: Arc<String>) -> SourceMap {
        let mut map = SourceMap::default();
        let file = map.add_file(name, text);
        let frame = map.add_frame(Why::Main, file, None, 0);
        map.push(0, Origin { offset: 0, replaced: 0, frame });
        map
    }

    /// The place of the first byte of `span`, with as much of the span as lies on that line.
    pub fn locate(&self, span: Span) -> Location<'_> {
        let Some((first, reach)) = self.origin_at(span.start) else {
            return Location { file: "", line: 1, column: 1, line_text: "", caret: 0..0, chain: Vec::new() };
        };
        let start = first.offset;
        let mut end = if first.replaced > 0 { start + first.replaced } else { start + span.len().min(reach) };
        if span.len() > reach
            && let Some((last, _)) = self.origin_at(span.end - 1)
            && self.file_of(last.frame) == self.file_of(first.frame)
        {
            end = end.max(last.offset + last.replaced.max(1));
        }
        let chain = self.chain(first.frame);
        let Some(file) = self.file_of(first.frame).and_then(|id| self.files.get(id.0 as usize)) else {
            return Location { file: "", line: 1, column: 1, line_text: "", caret: 0..0, chain };
        };
        let (line, range) = file.line_at(start);
        let start = boundary_before(&file.text, (start as usize).clamp(range.start, range.end));
        let end = boundary_after(&file.text, (end as usize).clamp(start, range.end));
        let column = file.text.get(range.start..start).map_or(1, |before| before.chars().count() + 1);
        let shown = shown(&file.text, range, start..end);
        Location {
            file: &file.name,
            line,
            column: u32::try_from(column).unwrap_or(u32::MAX),
            line_text: file.text.get(shown.clone()).unwrap_or(""),
            caret: start - shown.start..end.clamp(start, shown.end) - shown.start,
            chain,
        }
    }

    /// Where a span belongs in the order of reading: its start, or for a span at or above [`ASIDE`] the length the
    /// expanded text had when it was made.
    pub fn position(&self, span: Span) -> u32 {
        if span.start < ASIDE {
            return span.start;
        }
        let after = self.asides.partition_point(|(segment, _)| segment.start <= span.start);
        after.checked_sub(1).and_then(|index| self.asides.get(index)).map_or(span.start, |(_, near)| *near)
    }

    /// The names of all files read, in order.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// Bytes held besides the texts; for tests and figures.
    pub fn overhead(&self) -> usize {
        self.segments.len() * size_of::<Segment>()
            + self.frames.len() * size_of::<Frame>()
            + self.asides.len() * size_of::<(Segment, u32)>()
            + self.definitions.len() * size_of::<Definition>()
    }

    /// The origin of one byte, and how many bytes from it on have origins that follow on from it.
    fn origin_at(&self, offset: u32) -> Option<(Origin, u32)> {
        let (segment, next) = if offset < ASIDE {
            let after = self.segments.partition_point(|segment| segment.start <= offset);
            (self.segments.get(after.checked_sub(1)?)?, self.segments.get(after).map(|next| next.start))
        } else {
            let after = self.asides.partition_point(|(segment, _)| segment.start <= offset);
            (&self.asides.get(after.checked_sub(1)?)?.0, None)
        };
        let mut origin = segment.origin;
        if origin.replaced == 0 {
            origin.offset = origin.offset.saturating_add(offset - segment.start);
        }
        Some((origin, next.map_or(u32::MAX, |next| next - offset)))
    }

    fn frame(&self, id: FrameId) -> Option<&Frame> {
        self.frames.get(id.0 as usize)
    }

    fn file_of(&self, frame: FrameId) -> Option<FileId> {
        self.frame(frame).map(|frame| frame.file)
    }

    fn line_of(&self, file: FileId, offset: u32) -> (String, u32) {
        self.files.get(file.0 as usize).map_or((String::new(), 1), |file| (file.name.clone(), file.line_at(offset).0))
    }

    /// The steps from a frame to the main file, nearest first.
    pub(crate) fn chain(&self, from: FrameId) -> Vec<Step> {
        let mut chain = Vec::new();
        let mut next = Some(from);
        while let Some(frame) = next.and_then(|id| self.frame(id))
            && chain.len() < CHAIN_MAX
        {
            let parent = (frame.parent != ROOT).then_some(FrameId(frame.parent));
            let outer = parent.and_then(|id| self.file_of(id)).unwrap_or(frame.file);
            let name = |id: DefinitionId| self.definitions.get(id.0 as usize).map_or("", |found| &found.name);
            let (what, place) = match frame.why {
                Why::Main => break,
                Why::Include => ("included from".to_owned(), (outer, frame.at)),
                Why::Lines(id) => (format!("expanded from `${}` used at", name(id)), (outer, frame.at)),
                Why::Parameter(id) => {
                    let place =
                        self.definitions.get(id.0 as usize).map_or((outer, 0), |found| (found.file, found.offset));
                    (format!("`${}` is defined at", name(id)), place)
                }
                Why::Number(id, value) => (format!("repeated with `${}` = {value} by", name(id)), (outer, frame.at)),
                Why::Item(id, number) => {
                    (format!("repeated with value {number} of `${}` by", name(id)), (outer, frame.at))
                }
            };
            let (file, line) = self.line_of(place.0, place.1);
            chain.push(Step { what, file, line });
            next = parent;
        }
        chain
    }

    /// Whether text of this frame is already the product of that definition.
    pub(crate) fn comes_from(&self, frame: FrameId, definition: DefinitionId) -> bool {
        let mut next = Some(frame);
        while let Some(frame) = next.and_then(|id| self.frame(id)) {
            match frame.why {
                Why::Parameter(id) | Why::Lines(id) if id == definition => return true,
                Why::Main | Why::Include | Why::Lines(_) | Why::Parameter(_) | Why::Number(..) | Why::Item(..) => {}
            }
            next = (frame.parent != ROOT).then_some(FrameId(frame.parent));
        }
        false
    }

    pub(crate) fn add_file(&mut self, name: &str, text: Arc<String>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(File { name: name.to_owned(), text, line_starts: OnceLock::new() });
        id
    }

    pub(crate) fn add_frame(&mut self, why: Why, file: FileId, parent: Option<FrameId>, at: u32) -> FrameId {
        let depth = parent.map_or(0, |id| self.depth(id) + 1);
        let parent = parent.map_or(ROOT, |id| id.0);
        // One line often uses one definition several times in the same place of the chain.
        if let (Some(last), Why::Parameter(id)) = (self.frames.last(), why)
            && last.why == Why::Parameter(id)
            && last.parent == parent
        {
            return FrameId(self.frame_count() - 1);
        }
        self.frames.push(Frame { why, file, parent, at, depth });
        FrameId(self.frame_count() - 1)
    }

    /// How many frames are around this one.
    pub(crate) fn depth(&self, frame: FrameId) -> u32 {
        self.frame(frame).map_or(0, |frame| frame.depth)
    }

    fn frame_count(&self) -> u32 {
        u32::try_from(self.frames.len()).unwrap_or(u32::MAX)
    }

    /// The file that offsets of this frame count in.
    pub(crate) fn frame_file(&self, frame: FrameId) -> FileId {
        self.file_of(frame).unwrap_or(FileId(0))
    }

    pub(crate) fn add_definition(&mut self, name: &str, file: FileId, offset: u32) -> DefinitionId {
        let id = DefinitionId(u32::try_from(self.definitions.len()).unwrap_or(u32::MAX));
        self.definitions.push(Definition { name: name.into(), file, offset });
        id
    }

    /// Says that the expanded text from `start` on has this origin, until the next call says otherwise.
    pub(crate) fn push(&mut self, start: u32, origin: Origin) {
        if let Some(last) = self.segments.last_mut() {
            let follows = last.origin.replaced == 0
                && origin.replaced == 0
                && last.origin.frame == origin.frame
                && last.origin.offset.saturating_add(start - last.start) == origin.offset;
            if follows {
                return;
            }
            if last.start == start {
                last.origin = origin;
                return;
            }
        }
        self.segments.push(Segment { start, origin });
    }

    /// A span for `length` bytes at `origin` that are not in the expanded text, which is `near` bytes long by now.
    pub(crate) fn aside(&mut self, origin: Origin, length: u32, near: u32) -> Span {
        let start = self.next_aside.max(ASIDE);
        let end = start.saturating_add(length.max(1));
        self.next_aside = end.saturating_add(1);
        self.asides.push((Segment { start, origin }, near));
        Span::new(start, end)
    }
}

impl File {
    /// The number of the line an offset is on, and the range of that line without its end.
    fn line_at(&self, offset: u32) -> (u32, Range<usize>) {
        let starts = self.line_starts.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX))).collect()
        });
        let after = starts.partition_point(|start| *start <= offset);
        let start = after.checked_sub(1).and_then(|index| starts.get(index)).map_or(0, |start| *start as usize);
        let end = starts.get(after).map_or(self.text.len(), |next| (*next as usize).saturating_sub(1)).max(start);
        let text = self.text.get(start..end).unwrap_or("");
        (u32::try_from(after.max(1)).unwrap_or(u32::MAX), start..start + text.trim_end_matches(['\r', '\n']).len())
    }
}

/// The part of a line that is shown: all of it, or a window around the place.
fn shown(text: &str, line: Range<usize>, place: Range<usize>) -> Range<usize> {
    if line.len() <= LINE_SHOWN_MAX {
        return line;
    }
    let start = place.start.saturating_sub(LINE_SHOWN_MAX / 4).clamp(line.start, line.end);
    let start = boundary_before(text, start).max(line.start);
    let end = boundary_before(text, (start + LINE_SHOWN_MAX).min(line.end));
    start..end.max(start)
}

/// The first place between two characters at or after `at`.
fn boundary_after(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// The last place between two characters at or before `at`.
fn boundary_before(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
