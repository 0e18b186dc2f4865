//! VRRP: the engine, its wire formats and its timing.

pub mod auth;
mod changes;
mod counters;
mod io;
mod params;
pub mod timing;
mod types;
pub mod wire;

pub use changes::{Change, Changes, Setup};
pub use counters::{Counters, Strays};
pub use io::{
    AnnounceWhy, Announced, Announcements, Cause, Datagram, Effect, Event, Fault, Input, Item, Link, Outcome, Packet,
    Phase, Raw, Refusal, Transmission,
};
pub use params::{
    AnnounceParams, Auth, Checksum, Globals, GroupParams, HeldAddress, HeldDetail, Holdings, OWNER_PRIORITY,
    OldUnicast, OnLoss, OtherAddresses, Params, Peer, PortParams, Preempt, Reach, TrackUse,
};
pub use types::{DetailId, Family, GroupId, InstanceId, LinkId, PortId, Ticket, TrackId, Version, WallTime};

use super::{Deadline, Instant, Machine};

/// All virtual routers of one worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Engine {
    seed: u64,
}

impl Engine {
    /// An engine without instances; the first `Input::Reconfigure` brings them. The seed feeds the few places that
    /// spread work in time.
    pub fn new(seed: u64) -> Engine {
        Engine { seed }
    }

    /// Whether the driver should hand in `Input::Clock` at the start of each turn: some instance signs with the time.
    pub fn wants_clock(&self) -> bool {
        false
    }

    /// After `Stop`: nothing is held and nothing is awaited any more.
    pub fn is_finished(&self) -> bool {
        false
    }

    pub fn phase(&self, _instance: InstanceId) -> Option<Phase> {
        None
    }

    pub fn counters(&self, _instance: InstanceId) -> Option<&Counters> {
        None
    }
}

impl Machine for Engine {
    type Input = Input;
    type Effect = Effect;

    fn handle(&mut self, _now: Instant, _input: Input, _out: &mut Vec<Effect>) {}

    fn expire(&mut self, _now: Instant, _out: &mut Vec<Effect>) {}

    fn deadline(&self) -> Option<Deadline> {
        None
    }
}
