//! Tracked objects: what is read from them, and what that means for an instance.

use std::time::Duration;

/// One tracked object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TrackParams {
    Script {
        rise: u32,
        fall: u32,
        init_fail: bool,
    },
    File,
    Process {
        quorum: u32,
        quorum_max: Option<u32>,
        /// How long the quorum must be back before it counts (`fork_delay`), or be lost (`terminate_delay`).
        up_delay: Duration,
        down_delay: Duration,
    },
    /// `interface_up_down_delays`.
    Interface {
        up_delay: Duration,
        down_delay: Duration,
    },
    Bfd,
    /// An address that must be on its interface (`track_src_ip`).
    Address,
    /// A route that must exist.
    Route,
}

/// What was seen when the object was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Interface, BFD session, address, route: there or not. A script: succeeded or not.
    Up(bool),
    /// The number in a file.
    Value(i64),
    /// How many such processes run.
    Count(u32),
}
