// SPDX-License-Identifier: MIT OR Apache-2.0
//! The small values everything else in load balancing is said with.

use std::time::Duration;

/// A check of a real server. The plan numbers them and keeps the number over a reload; a number is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckerId(pub u32);

/// A real server of one virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u32);

/// A virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u32);

/// Services of the kernel that always have the same content: the address or mark of a virtual server, or those
/// entries of a group that packets come to with one port. Several virtual servers may stand behind one front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrontId(pub u32);

/// Names one `Balance`; its `Settled` brings it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Names one order of the operator, as the one who hands it in likes; the answer brings it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order(pub u64);

/// The largest weight the kernel takes.
pub const WEIGHT_MAX: u32 = i32::MAX as u32;

/// What a good result says about the weight of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// The server is to have this weight.
    Exactly(u32),
    /// Added to the weight of the server.
    Plus(i32),
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    Good(Option<Weight>),
    Bad,
    /// We could not look, for want of something of our own (descriptors, memory, a resolver): it counts neither way and
    /// is tried again.
    NotChecked,
}

/// When and how a checker is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timing {
    pub delay_loop: Duration,
    /// Further attempts before a failure counts.
    pub retry: u32,
    pub delay_before_retry: Duration,
    /// The longest wait before the first check, beyond the first second.
    pub warmup: Duration,
    pub manner: Manner,
}

/// What the kinds of checkers differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Manner {
    /// One answer says it all; waits count from the end of a check.
    Plain,
    /// Waits count from the beginning of a check (MISC_CHECK).
    FromStart,
    /// The further attempts are made before every failure, the first one and while down included (SMTP_CHECK).
    Stubborn,
    /// So many pages are asked for, one after the other (HTTP_GET, SSL_GET). `fast`: without a wait in between at the
    /// start and on recovery.
    Pages { count: u16, fast: bool },
}
