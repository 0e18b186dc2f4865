// SPDX-License-Identifier: MIT OR Apache-2.0
//! Between which bounds tracking moves a priority.

use crate::blocks::vrrp::VrrpInstance;
use crate::blocks::vrrp::entry::track::{Kind, Track};

/// The least and the largest priority of an instance that is no owner.
pub(super) const PRIORITY_MIN: i32 = 1;
pub(super) const PRIORITY_MAX: i32 = 254;

/// What tracking makes of a priority, before it is kept within its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// Everything tracked is well.
    pub(super) sound: i32,
    /// The worst and best that can be.
    pub(super) worst: i32,
    pub(super) best: i32,
    /// Something moves the priority.
    pub(super) moves: bool,
}

impl Range {
    /// The priority an advert carries.
    pub(super) fn advertised(priority: i32) -> i32 {
        priority.clamp(PRIORITY_MIN, PRIORITY_MAX)
    }
}

/// `None` when a file is tracked: its number may be anything.
pub(super) fn of(instance: &VrrpInstance) -> Option<Range> {
    let base = i32::from(*instance.priority);
    let mut range = Range { sound: base, worst: base, best: base, moves: false };
    if instance.is_owner() {
        return Some(range);
    }
    for (kind, track) in instance.tracks.iter().filter(|(_, track)| *track.weight != 0) {
        let (up, down) = match kind {
            Kind::File => return None,
            Kind::Interface | Kind::Script | Kind::Process | Kind::Bfd => contribution(track),
        };
        range.sound += up;
        range.worst += up.min(down);
        range.best += up.max(down);
        range.moves = true;
    }
    Some(range)
}

/// What a tracked object adds while it is well, and while it is not.
fn contribution(track: &Track) -> (i32, i32) {
    let weight = i32::from(*track.weight);
    let signed = if *track.reverse { -weight } else { weight };
    if weight > 0 { (signed, 0) } else { (0, signed) }
}
