// SPDX-License-Identifier: MIT OR Apache-2.0
//! What goes into the engine and what comes out of it.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use super::changes::Changes;
use super::params::Holdings;
use super::stand::Stand;
use super::types::{DetailId, Family, GroupId, InstanceId, LinkId, PortId, Ticket, TrackId, WallTime};
use crate::proto::track::Reading;

pub use super::wire::Refusal;

/// One input. Links and sources of a port may be told before the port's first instance exists: an instance leaves
/// Init once the link and the source of its port are known and no tracked script is still to report.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Input {
    /// A datagram of protocol 112 or 51 as the socket gave it.
    #[cfg_attr(feature = "daemon", serde(skip))]
    Received(Datagram),
    /// The interface behind a port (and its base, for a VMAC) is usable or not.
    Link(PortId, Link),
    /// The address adverts of this family leave a port with, when the instance names none; `None`: there is none.
    Source(PortId, Family, Option<IpAddr>),
    /// A tracked object was looked at.
    Track(TrackId, Reading),
    /// The kernel's answer to the `Hold` of this ticket.
    Settled(Ticket, Outcome),
    /// Somebody else removed what the instance holds.
    Lost(InstanceId, Item),
    /// The operator wants the addresses announced once more.
    Announce(InstanceId),
    /// The operator wants an instance to stand otherwise in the election, or as the configuration says.
    Stand(InstanceId, Option<Stand>),
    /// The operator wants every statistic to begin at zero again. Decisions do not depend on it.
    CountAnew,
    /// The wall clock at the start of this turn. Needed while [`Engine::wants_clock`](super::Engine::wants_clock),
    /// and before every `Reconfigure`, which may bring the first instance that signs.
    Clock(WallTime),
    /// The driver noticed that this turn comes this much later than its deadline, or that the node was suspended for
    /// this long, whichever is more. The first input of its turn.
    Woke { late_by: Duration },
    /// The wanted configuration changed. The first one builds everything.
    Reconfigure(Changes),
    /// Leave every instance. Over when [`Engine::is_finished`](super::Engine::is_finished).
    Stop,
}

/// A received datagram. Everything in it came from the network and is believed only after `accept`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Datagram {
    pub port: PortId,
    pub raw: Raw,
    /// It was longer than the buffer, so these are not all of its bytes.
    pub truncated: bool,
    /// When it was read.
    pub wall: WallTime,
}

/// What a raw socket of each family delivers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Raw {
    /// From the IP header on.
    V4(Vec<u8>),
    /// The payload, and what the control messages said; the hop limit when the kernel told it.
    V6 { source: Ipv6Addr, destination: Ipv6Addr, hop_limit: Option<u8>, payload: Vec<u8> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Link {
    Up,
    Down,
    /// The interface does not exist (any more), or its sockets cannot be had: nothing can be sent or received.
    Gone,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Outcome {
    /// Everything wanted is in place, or everything unwanted is gone.
    Ok,
    /// The first so many addresses (VIPs, then excluded ones, in order) are in place; a final answer follows.
    Progress { addresses: usize },
    /// Final: the kernel refused these; everything else is in place.
    Refused(Vec<Item>),
}

/// One thing an instance holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Item {
    Address(IpAddr),
    Route(DetailId),
    Rule(DetailId),
    /// The filter of `no_accept`.
    Filter,
}

/// One effect. Effects are carried out in list order per instance: an instance's `Announce` never before its `Hold`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    Send(Transmission),
    /// What the instance wants to hold from now on, as a whole. The sink adds what is missing before it removes
    /// what is no longer wanted, and answers with `Settled`. An empty set releases everything.
    Hold(Ticket, InstanceId, Arc<Holdings>),
    Announce(InstanceId, Announcements),
    Report(Event),
}

/// One advert, as many copies as it has destinations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transmission {
    pub instance: InstanceId,
    pub port: PortId,
    /// The priority it carries.
    pub priority: u8,
    pub source: IpAddr,
    /// Shared: what does not change from advert to advert is made once.
    pub packets: Arc<[Packet]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Packet {
    pub destination: IpAddr,
    /// TTL or hop limit to send with.
    pub hop_limit: u8,
    /// IPv4: from the IP header on, its checksum left to the kernel. IPv6: the payload, checksum filled in.
    pub bytes: Vec<u8>,
}

/// Gratuitous ARP for IPv4 addresses, unsolicited neighbour adverts for IPv6 ones. How fast they may leave is the
/// sink's to know; how many is said here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Announcements {
    pub why: AnnounceWhy,
    /// Each round sends one frame per address, in order; rounds follow each other at once.
    pub rounds: u32,
    pub addresses: Vec<Announced>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Announced {
    pub ip: IpAddr,
    /// The interface that holds it; `None` is the interface of the instance's port.
    pub link: Option<LinkId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnnounceWhy {
    /// The holdings are in place after entering Master (or after an address was added or restored).
    Entered,
    /// The second block, `garp_master_delay` later.
    Delayed,
    /// `garp_master_refresh`.
    Refresh,
    /// Another master of lower priority was heard, or fell silent again.
    OtherMaster,
    /// The second block after that, `garp_lower_prio_delay` later.
    OtherMasterDelayed,
    /// `garp_extra_if`.
    Extra,
    /// Our own source address, after a unicast instance left Fault.
    OwnSource,
    /// The operator asked.
    Asked,
}

/// Something happened that an operator, a notification or a counter may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// An instance entered a state. `notify` is false where keepalived stays silent: the instance has told a state
    /// before and now enters the one its sync group is in already.
    Entered {
        instance: InstanceId,
        from: Phase,
        to: Phase,
        cause: Cause,
        priority: u8,
        notify: bool,
    },
    GroupEntered {
        group: GroupId,
        to: Phase,
    },
    /// The effective priority moved; `phase` says whether as Master.
    PriorityChanged {
        instance: InstanceId,
        from: u8,
        to: u8,
        phase: Phase,
    },
    /// A tracked object changed its mind.
    Tracked {
        track: TrackId,
        up: bool,
    },
    /// A fault reason came or went.
    FaultRaised {
        instance: InstanceId,
        fault: Fault,
    },
    FaultCleared {
        instance: InstanceId,
        fault: Fault,
    },
    /// A datagram was refused; told once per reason until the peer changes, counted always.
    Refused {
        instance: InstanceId,
        refusal: Refusal,
        source: IpAddr,
    },
    /// A v3 peer advertises another interval.
    IntervalDiffers {
        instance: InstanceId,
        source: IpAddr,
        ours: Duration,
        theirs: Duration,
    },
    /// An advert was used although it lists other addresses than ours.
    AddressesDiffer {
        instance: InstanceId,
        source: IpAddr,
    },
    /// The peer's signature clock is off by more than half the window.
    ClockSkew {
        instance: InstanceId,
        source: IpAddr,
        skew: Duration,
    },
    /// The master we follow is another one than before.
    MasterChanged {
        instance: InstanceId,
        master: IpAddr,
        priority: u8,
    },
    /// Backup hears a master of lower priority and will not wait for it.
    Preempting {
        instance: InstanceId,
        master: IpAddr,
        priority: u8,
    },
    PreemptDelayStarted {
        instance: InstanceId,
        until: Duration,
    },
    /// As Master we heard another master that ranks below us: we stay, answer and announce again.
    OtherMaster {
        instance: InstanceId,
        source: IpAddr,
        priority: u8,
    },
    /// That other master has been silent for a whole master-down interval: the segment has one master again.
    OtherMasterGone {
        instance: InstanceId,
        source: IpAddr,
    },
    /// Somebody sends with our own source address and our priority.
    AddressClash {
        instance: InstanceId,
        source: IpAddr,
    },
    /// A host with this link address says that it has an address the instance holds. The driver hears that and tells
    /// it; no decision depends on it.
    AddressClaimed {
        instance: InstanceId,
        address: IpAddr,
        mac: [u8; 6],
    },
    /// Two routers claim to own the addresses (priority 255).
    TwoOwners {
        instance: InstanceId,
        source: IpAddr,
        yielding: bool,
    },
    /// Priority 0 was sent although the addresses are still held: until the successor's first advert, at most `limit`.
    HandingOver {
        instance: InstanceId,
        limit: Duration,
    },
    /// The handover is over: the successor was heard, or nobody took over in time.
    HandedOver {
        instance: InstanceId,
        successor: Option<IpAddr>,
    },
    /// The kernel refused some holdings.
    HoldingsRefused {
        instance: InstanceId,
        items: Vec<Item>,
    },
    HoldingLost {
        instance: InstanceId,
        item: Item,
        restored: bool,
    },
    /// The node slept, or was starved, for this long.
    Slept {
        late_by: Duration,
    },
    Retuned {
        instance: InstanceId,
    },
    /// The operator's word counts for the instance, or does no longer.
    Stands {
        instance: InstanceId,
        stand: Option<Stand>,
    },
    Removed {
        instance: InstanceId,
        from: Phase,
    },
    GroupRemoved {
        group: GroupId,
    },
    Stopped {
        instance: InstanceId,
        from: Phase,
    },
    GroupStopped {
        group: GroupId,
    },
    /// Nothing is left to do after `Stop`.
    Finished,
}

/// The name of a state, without what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Phase {
    Init,
    Backup,
    Master,
    Fault,
}

/// Why an instance moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The instance started.
    Start,
    /// It owns the addresses.
    Owner,
    /// No advert for a master-down interval.
    MasterDown,
    /// The master said it leaves.
    PriorityZero,
    /// The master ranks below us.
    Preempt,
    /// A better master was heard.
    HigherPriority(IpAddr),
    /// The sync group moved.
    Group,
    /// Too long asleep (`timer_expired_backup`).
    TimerExpired,
    Fault(Fault),
    Recovered,
    /// A holding was removed by somebody else.
    HoldingLost,
    /// The operator wants it.
    Operator,
}

/// One reason not to take part. An instance is in Fault while it has any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Fault {
    /// The configuration cannot work (duplicate VRID, unicast without peers under `unicast_fault_no_peer`, ...).
    Configuration,
    LinkDown,
    LinkGone,
    NoSource,
    Track(TrackId),
    /// The kernel refused every address.
    Unheld,
}
