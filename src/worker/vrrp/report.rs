// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events in words. States and the causes of changes read as keepalived's log does, because people and programs watch for
//! those lines; everything it does not say is in words of our own.

use std::net::IpAddr;

use crate::channel::Happened;
use crate::kernel::{Mac, clock};
use crate::observe::log::Level;
use crate::plan::vrrp::VrrpPlan;
use crate::proto::vrrp::{Cause, Event, Fault, GroupId, InstanceId, Item, Phase, Refusal, Stand, StandCourse, TrackId};

/// What the log says of an event: nothing, one line, or the cause and the state it led to.
pub(super) fn lines(event: &Event, plan: &VrrpPlan) -> Vec<(Level, String)> {
    let names = Names(plan);
    if let Some((instance, level, text)) = about_instance(event, names) {
        let name = names.instance(instance);
        return text.into_iter().map(|text| (level, format!("({name}) {text}"))).collect();
    }
    let line = match event {
        Event::GroupEntered { group, to } => {
            (Level::Notice, format!("VRRP_Group({}) Syncing instances to {} state", names.group(*group), word(*to)))
        }
        Event::GroupRemoved { group } => (Level::Info, format!("VRRP_Group({}) removed", names.group(*group))),
        Event::GroupStopped { group } => (Level::Debug, format!("VRRP_Group({}) stopped", names.group(*group))),
        Event::Tracked { track, up } => {
            (Level::Info, format!("{} is {}", names.track(*track), if *up { "up" } else { "down" }))
        }
        Event::Slept { late_by } => {
            (Level::Warning, format!("this node slept or was starved for {:.1} s", late_by.as_secs_f64()))
        }
        Event::Finished => (Level::Debug, "nothing is held any more".to_owned()),
        // The rest is about an instance.
        _ => return Vec::new(),
    };
    vec![line]
}

/// The same for those who ask later.
pub(super) fn happened(event: &Event, plan: &VrrpPlan) -> Vec<Happened> {
    let worth = said(event, plan).into_iter().filter(|(level, _)| *level >= Level::Info);
    worth.map(|(_, happened)| happened).collect()
}

/// Each line with what it is about. Of the lines on a change of state the last one says the state and why, so that one
/// line says all of it. Numbers only tell those of one worker apart.
pub(super) fn said(event: &Event, plan: &VrrpPlan) -> Vec<(Level, Happened)> {
    let names = Names(plan);
    let about = match event {
        Event::GroupEntered { group, .. } => Some(names.group(*group)),
        _ => about_instance(event, names).map(|(instance, ..)| names.instance(instance)),
    };
    let at_ms = u64::try_from(clock::wall().as_millis()).unwrap_or(u64::MAX);
    let told = lines(event, plan).into_iter().map(|(level, text)| {
        (level, Happened { at_ms, about: about.clone(), level: level.word().to_owned(), text, ..Happened::default() })
    });
    let mut told: Vec<(Level, Happened)> = told.collect();
    match (event, told.last_mut()) {
        (Event::Entered { to, cause, priority, .. }, Some((_, last))) => {
            last.state = Some(word(*to).to_owned());
            last.why = Some(reason(*cause, plan));
            last.priority = Some(*priority);
        }
        (Event::GroupEntered { to, .. }, Some((_, last))) => last.state = Some(word(*to).to_owned()),
        _ => {}
    }
    told
}

/// The instance, the level, and what is said of it.
fn about_instance(event: &Event, names: Names<'_>) -> Option<(InstanceId, Level, Vec<String>)> {
    let one = |instance: &InstanceId, level, text: String| Some((*instance, level, vec![text]));
    match event {
        Event::Entered { instance, from, to, cause, priority, notify: _ } => {
            let mut texts: Vec<String> = because(*cause, *priority, names).into_iter().collect();
            let start = if *from == Phase::Init && *to == Phase::Backup { " (init)" } else { "" };
            texts.push(format!("Entering {} STATE{start}", word(*to)));
            Some((*instance, Level::Notice, texts))
        }
        Event::PriorityChanged { instance, from, to, phase: _ } => {
            one(instance, Level::Notice, format!("Changing effective priority from {from} to {to}"))
        }
        Event::FaultRaised { instance, fault } => {
            one(instance, Level::Notice, format!("fault: {}", names.fault(*fault)))
        }
        Event::FaultCleared { instance, fault } => {
            one(instance, Level::Notice, format!("fault over: {}", names.fault(*fault)))
        }
        Event::Refused { instance, refusal, source } => {
            one(instance, Level::Info, format!("advert from {source} refused: {}", why(*refusal)))
        }
        Event::IntervalDiffers { instance, source, ours, theirs } => one(
            instance,
            Level::Info,
            format!(
                "advert interval of {source} is {} ms, ours {} ms: following theirs while it is master",
                theirs.as_millis(),
                ours.as_millis()
            ),
        ),
        Event::AddressesDiffer { instance, source } => {
            one(instance, Level::Warning, format!("{source} advertises other addresses than are configured here"))
        }
        Event::ClockSkew { instance, source, skew } => one(
            instance,
            Level::Warning,
            format!("the clock of {source} is off by {:.1} s; keyed adverts need clocks in step", skew.as_secs_f64()),
        ),
        Event::MasterChanged { instance, master, priority } => {
            one(instance, Level::Info, format!("master is {master} with priority {priority}"))
        }
        Event::Preempting { instance, master, priority } => one(
            instance,
            Level::Info,
            format!("received lower priority ({priority}) advert from {master} - discarding"),
        ),
        Event::PreemptDelayStarted { instance, until } => {
            one(instance, Level::Info, format!("start preempt delay ({:.1} s)", until.as_secs_f64()))
        }
        Event::OtherMaster { instance, source, priority } => one(
            instance,
            Level::Warning,
            format!("Received advert from {source} with lower priority {priority}, forcing new election"),
        ),
        Event::OtherMasterGone { instance, source } => {
            one(instance, Level::Info, format!("the other master {source} is silent now"))
        }
        Event::AddressClash { instance, source } => {
            one(instance, Level::Error, format!("another router sends from our own address {source}"))
        }
        Event::AddressClaimed { instance, address, mac } => one(
            instance,
            Level::Warning,
            format!("{address} is answered for by {} too: two hosts have it, take it from the other one", Mac(*mac)),
        ),
        Event::TwoOwners { instance, source, yielding } => {
            let course = if *yielding { "yielding" } else { "staying master unless it persists" };
            one(instance, Level::Error, format!("{source} owns the addresses (priority 255) as we do: {course}"))
        }
        Event::HandingOver { instance, limit } => one(
            instance,
            Level::Notice,
            format!("handing over: addresses stay until a successor is heard, at most {} ms", limit.as_millis()),
        ),
        Event::HandedOver { instance, successor } => one(instance, Level::Notice, handed_over(*successor)),
        Event::HoldingsRefused { instance, items } => {
            let items: Vec<String> = items.iter().map(|item| names.item(*item)).collect();
            one(instance, Level::Error, format!("the kernel refused {}", items.join(", ")))
        }
        Event::HoldingLost { instance, item, restored } => {
            let course = if *restored { "putting it back" } else { "giving up being master" };
            one(instance, Level::Warning, format!("somebody removed {}: {course}", names.item(*item)))
        }
        Event::Stands { instance, stand } => one(instance, Level::Notice, stands(*stand)),
        Event::Retuned { instance } => one(instance, Level::Info, "settings changed".to_owned()),
        Event::Removed { instance, .. } => one(instance, Level::Notice, "removed".to_owned()),
        Event::Stopped { instance, .. } => one(instance, Level::Info, "stopped".to_owned()),
        Event::GroupEntered { .. }
        | Event::GroupRemoved { .. }
        | Event::GroupStopped { .. }
        | Event::Tracked { .. }
        | Event::Slept { .. }
        | Event::Finished => None,
    }
}

/// Why an instance moved, in a few words that stand alone.
pub(super) fn reason(cause: Cause, plan: &VrrpPlan) -> String {
    match cause {
        Cause::Start => "it started".to_owned(),
        Cause::Owner => "it owns the addresses".to_owned(),
        Cause::MasterDown => "no advert came for the whole master down time".to_owned(),
        Cause::PriorityZero => "the master said that it leaves".to_owned(),
        Cause::Preempt => "the master has a lower priority".to_owned(),
        Cause::HigherPriority(source) => format!("{source} has a higher priority"),
        Cause::Group => "its sync group moved".to_owned(),
        Cause::TimerExpired => "asleep too long to still be master".to_owned(),
        Cause::Fault(fault) => Names(plan).fault(fault),
        Cause::Recovered => "no fault is left".to_owned(),
        Cause::HoldingLost => "somebody removed what it holds".to_owned(),
        Cause::Operator => "the operator wanted it".to_owned(),
    }
}

fn stands(stand: Option<Stand>) -> String {
    let Some(stand) = stand else { return "stands as the configuration says".to_owned() };
    let course = match stand.course {
        StandCourse::Take => "the operator wants it to be master".to_owned(),
        StandCourse::Release => "the operator wants it to give way".to_owned(),
        StandCourse::Base(priority) => format!("the operator wants a base priority of {priority}"),
    };
    match stand.lasts {
        Some(lasts) => format!("{course}, for {} s", lasts.as_secs()),
        None => course,
    }
}

/// What led to a state, where there is more to say than the state itself.
fn because(cause: Cause, priority: u8, names: Names<'_>) -> Option<String> {
    match cause {
        Cause::MasterDown | Cause::Preempt => Some("Receive advertisement timeout".to_owned()),
        Cause::PriorityZero => Some("Backup received priority 0 advertisement".to_owned()),
        Cause::HigherPriority(source) => {
            Some(format!("Master received advert from {source} with higher priority, ours {priority}"))
        }
        Cause::Fault(fault) => Some(format!("cannot take part: {}", names.fault(fault))),
        Cause::TimerExpired => Some("asleep too long to still be master".to_owned()),
        Cause::HoldingLost => Some("standing again after a holding was removed".to_owned()),
        Cause::Operator => Some("taking over because the operator wants it".to_owned()),
        Cause::Start | Cause::Owner | Cause::Group | Cause::Recovered => None,
    }
}

fn handed_over(successor: Option<IpAddr>) -> String {
    match successor {
        Some(successor) => format!("handed over to {successor}"),
        None => "nobody took over in time: addresses removed".to_owned(),
    }
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Init => "INIT",
        Phase::Backup => "BACKUP",
        Phase::Master => "MASTER",
        Phase::Fault => "FAULT",
    }
}

/// The test that failed, as the rest of "advert refused: ...".
fn why(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::TooShort => "it ends inside a header",
        Refusal::IpHeader => "its IP header is none",
        Refusal::UnknownVrid => "no such virtual router here",
        Refusal::IpLength => "its IP header promises more than came",
        Refusal::HmacUnknownPeer => "signed by a sender that is not one of the unicast peers",
        Refusal::Vrid => "virtual router 0 does not exist",
        Refusal::Truncated => "longer than a datagram can be",
        Refusal::Protocol => "authentication header on one side only",
        Refusal::Length => "its length does not fit its address count",
        Refusal::HopLimit => "its TTL or hop limit is not 255, so it came through a router",
        Refusal::Version => "another version of VRRP",
        Refusal::HmacMissing => "not signed",
        Refusal::HmacMalformed => "malformed signature",
        Refusal::HmacStale => "signed too long ago, or clocks differ",
        Refusal::HmacUnknownKey => "signed with a key that is not configured",
        Refusal::HmacInvalid => "its signature is wrong",
        Refusal::HmacReplay => "a repeated advert",
        Refusal::AuthTypeInvalid => "unknown authentication type",
        Refusal::AuthTypeMismatch => "another authentication type",
        Refusal::Password => "wrong password",
        Refusal::AhNextHeader => "no VRRP behind its authentication header",
        Refusal::AhIcv => "its authentication header is wrong",
        Refusal::AhSpi => "its security parameter index is not its address",
        Refusal::AhReplay => "a repeated authentication header",
        Refusal::Interval => "another advert interval; version 2 needs equal ones",
        Refusal::Type => "not an advert",
        Refusal::Checksum => "wrong checksum",
        Refusal::Destination => "multicast on one side and unicast on the other",
        Refusal::OwnerIgnores => "we own the addresses",
        Refusal::UnknownPeer => "not one of the unicast peers",
        Refusal::PeerHopLimit => "TTL or hop limit outside what is set for this peer",
        Refusal::AddressList => "another address list",
        Refusal::Reflected => "our own advert came back",
    }
}

/// Numbers as the operator knows them.
#[derive(Clone, Copy)]
pub(super) struct Names<'a>(pub(super) &'a VrrpPlan);

impl Names<'_> {
    pub(super) fn instance(self, id: InstanceId) -> String {
        self.0.instances.get(&id).cloned().unwrap_or_else(|| format!("instance {}", id.0))
    }

    pub(super) fn group(self, id: GroupId) -> String {
        self.0.groups.get(&id).cloned().unwrap_or_else(|| format!("group {}", id.0))
    }

    pub(super) fn track(self, id: TrackId) -> String {
        self.0.tracks.get(&id).map_or_else(|| format!("track {}", id.0), |track| track.name.clone())
    }

    fn item(self, item: Item) -> String {
        match item {
            Item::Address(ip) => ip.to_string(),
            Item::Route(_) => "a virtual route".to_owned(),
            Item::Rule(_) => "a virtual rule".to_owned(),
            Item::Filter => "the packet filter".to_owned(),
        }
    }

    pub(super) fn fault(self, fault: Fault) -> String {
        match fault {
            Fault::Configuration => "the configuration cannot work".to_owned(),
            Fault::LinkDown => "its interface is down".to_owned(),
            Fault::LinkGone => "its interface does not exist".to_owned(),
            Fault::NoSource => "its interface has no address to send from".to_owned(),
            Fault::Track(track) => format!("{} is down", self.track(track)),
            Fault::Unheld => "the kernel refused every address".to_owned(),
        }
    }
}
