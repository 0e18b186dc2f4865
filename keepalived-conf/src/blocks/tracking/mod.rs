//! What priorities and weights may follow: scripts, files, processes, BFD sessions.

pub mod track_file;

use super::Config;
use crate::schema::{Again, Keyword, Shape, kw};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Tracking {
    pub files: Vec<track_file::TrackFile>,
}

/// The rows this part adds to the top level.
pub(super) fn rows() -> Vec<Keyword<Config>> {
    vec![
        kw("track_file")
            .must(Shape::Word("NAME"))
            .doc("File whose numeric content instances and real servers can track.")
            .since("2.1.0")
            .again(Again::Adds)
            .block(&track_file::BLOCK, track_file::open, track_file::close),
    ]
}
