// SPDX-License-Identifier: MIT OR Apache-2.0
//! Schedulers, their flags, and the protocols they balance.

use std::fmt;

use super::codes::{PROTOCOL, SCHEDULER};
use crate::diagnostic::Class;
use crate::value::{Args, one_of};

/// How the next real server is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Scheduler {
    Rr,
    Wrr,
    Lc,
    #[default]
    Wlc,
    Lblc,
    Sh,
    Mh,
    Dh,
    Fo,
    Ovf,
    Lblcr,
    Sed,
    Nq,
    Twos,
}

/// The names of the schedulers, in the order of [`Scheduler`].
pub(crate) const SCHEDULERS: &[&str] =
    &["rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos"];

impl Scheduler {
    pub const ALL: [Scheduler; 14] = [
        Scheduler::Rr,
        Scheduler::Wrr,
        Scheduler::Lc,
        Scheduler::Wlc,
        Scheduler::Lblc,
        Scheduler::Sh,
        Scheduler::Mh,
        Scheduler::Dh,
        Scheduler::Fo,
        Scheduler::Ovf,
        Scheduler::Lblcr,
        Scheduler::Sed,
        Scheduler::Nq,
        Scheduler::Twos,
    ];

    /// The kernel's name.
    pub fn name(self) -> &'static str {
        SCHEDULERS.get(self as usize).copied().unwrap_or("wlc")
    }

    /// Whether it chooses by a hash of the client, and so knows the port and fallback flags.
    pub fn hashes_source(self) -> bool {
        matches!(self, Scheduler::Sh | Scheduler::Mh)
    }

    /// Whether it looks at weights at all.
    pub fn weighs(self) -> bool {
        !matches!(self, Scheduler::Rr | Scheduler::Lc)
    }
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Flags of a service. After resolving only those are left that the scheduler knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Flags {
    /// One-packet scheduling.
    pub ops: bool,
    pub flag_1: bool,
    pub flag_2: bool,
    pub flag_3: bool,
    pub sh_port: bool,
    pub sh_fallback: bool,
    pub mh_port: bool,
    pub mh_fallback: bool,
}

impl Flags {
    /// The bits the kernel knows, without persistence.
    pub fn bits(self) -> u32 {
        let bit = |set: bool, bit: u32| if set { bit } else { 0 };
        bit(self.ops, 0x04)
            | bit(self.flag_1 || self.sh_fallback || self.mh_fallback, 0x08)
            | bit(self.flag_2 || self.sh_port || self.mh_port, 0x10)
            | bit(self.flag_3, 0x20)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Sctp => "SCTP",
        }
    }
}

/// Reads `lvs_sched`.
pub(crate) fn scheduler(args: &mut Args<'_, '_>) -> Option<Scheduler> {
    let word = args.word()?;
    let found = Scheduler::ALL.into_iter().find(|scheduler| scheduler.name() == word.text);
    if found.is_none() {
        let mut finding =
            args.rejection(SCHEDULER, Class::General).at(word.span, format!("expected {}", one_of(SCHEDULERS)));
        if let Some(near) = crate::schema::nearest(word.text, SCHEDULERS.iter().copied()) {
            finding = finding.hint(format!("did you mean `{near}`?"));
        }
        args.push(finding);
    }
    found
}

/// Reads `protocol`, in any letter case.
pub(crate) fn protocol(args: &mut Args<'_, '_>) -> Option<Protocol> {
    let word = args.word()?;
    let found = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp]
        .into_iter()
        .find(|protocol| protocol.name().eq_ignore_ascii_case(word.text));
    if found.is_none() {
        args.reject(PROTOCOL, Class::General, word.span, "expected TCP, UDP or SCTP");
    }
    found
}
