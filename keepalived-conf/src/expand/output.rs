// SPDX-License-Identifier: MIT OR Apache-2.0
//! The expanded text as it grows, together with its map.

use std::ops::Range;
use std::sync::Arc;

use super::line::Line;
use crate::map::{FrameId, Origin, SourceMap};

/// A configuration that is one file and needs no change is not copied: the text is that file's.
#[derive(Debug, Default)]
pub(super) struct Output {
    shared: Option<Arc<String>>,
    text: String,
    pub(super) map: SourceMap,
}

impl Output {
    pub(super) fn text(&self) -> &str {
        self.shared.as_deref().unwrap_or(&self.text)
    }

    pub(super) fn len(&self) -> usize {
        self.text().len()
    }

    /// The length as spans count it; the limit on the text keeps it far below their range.
    pub(super) fn end(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    /// Adds whole lines of a file as they stand.
    pub(super) fn push_lines(&mut self, file: &Arc<String>, range: Range<usize>, frame: FrameId) {
        let offset = u32::try_from(range.start).unwrap_or(u32::MAX);
        self.map.push(self.end(), Origin { offset, replaced: 0, frame });
        if self.len() == 0 && range == (0..file.len()) {
            self.shared = Some(Arc::clone(file));
            return;
        }
        let lines = file.get(range).unwrap_or("");
        self.own().push_str(lines);
    }

    /// Adds one line and its end.
    pub(super) fn push_line(&mut self, line: &Line) {
        for (piece, origin) in line.pieces() {
            if !piece.is_empty() {
                self.map.push(self.end(), origin);
                self.own().push_str(piece);
            }
        }
        self.own().push('\n');
    }

    pub(super) fn finish(mut self) -> (Arc<String>, SourceMap) {
        let text = match self.shared.take() {
            Some(shared) => shared,
            None => {
                self.text.shrink_to_fit();
                Arc::new(self.text)
            }
        };
        (text, self.map)
    }

    fn own(&mut self) -> &mut String {
        if let Some(shared) = self.shared.take() {
            self.text.clear();
            self.text.push_str(&shared);
        }
        &mut self.text
    }
}
