// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of the worker as a snapshot: the engine's numbers with the names and moments people know.

use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;

use crate::kernel::clock;
use crate::observe::snapshot::{
    self, Address, Group, Instance, Link, Master, Next, Standing, State, Term, Track, Use, Vrrp,
};
use crate::plan::vrrp::{Told, TrackSource, VrrpPlan};
use crate::proto::track::{Contribution, Reading};
use crate::proto::vrrp::{
    Engine, Family, HeldAddress, InstanceId, Pending, Phase, Shown, StandCourse, TrackId, Version,
};

use super::interfaces::Interfaces;
use super::report::Names;
use super::{Order, Worker};
use crate::watch::Busy;

/// What the snapshot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    State,
    /// With every interface of the machine.
    Everything,
}

/// How everything stands; nothing from a loop that has ended.
pub(super) async fn ask(orders: &Sender<Order>, busy: &Busy, wanted: Wanted) -> Option<Box<Vrrp>> {
    let (to, answer) = oneshot::channel();
    orders.send(Order::Show((wanted, to))).await.ok()?;
    let mut seen = answer.await.ok()?;
    for track in &mut seen.tracks {
        track.busy = track.kind == "script" && busy.borrow().contains(&track.name);
    }
    Some(seen)
}

impl Worker<'_> {
    pub(super) fn show(&self, engine: &Engine, wanted: Wanted) -> Vrrp {
        let instances = self.plan.instances.keys().filter_map(|id| self.instance(engine, *id));
        let links = match wanted {
            Wanted::State => Vec::new(),
            Wanted::Everything => links(&self.interfaces),
        };
        Vrrp {
            taken: clock::wall().as_secs_f64(),
            started: self.chronicle.started(),
            instances: instances.collect(),
            groups: self.groups(engine),
            tracks: self.plan.tracks.keys().filter_map(|id| self.track(engine, *id)).collect(),
            late: self.chronicle.late(),
            unsent: self.ports.unsent,
            // Whoever hands it on knows.
            lost: 0,
            links,
        }
    }

    fn instance(&self, engine: &Engine, id: InstanceId) -> Option<Instance> {
        let shown = engine.show(id)?;
        let names = Names(&self.plan);
        let port = self.plan.ports.get(&shown.params.port);
        let over = port.and_then(|port| port.over.as_ref());
        let configured = port.and_then(|port| port.interface.clone());
        let group = self.plan.setup.groups.iter().find(|(_, group)| group.members.contains(&id));
        let next = shown.next.map(|next| Next {
            what: next.why.to_owned(),
            in_seconds: seconds(next.at.as_nanos().saturating_sub(clock::now())),
        });
        let interface = over.map(|over| over.name.clone()).or_else(|| configured.clone());
        let (spent, entered) = self.chronicle.times(id);
        let (rivals, claims) = self.rivals.of(id);
        let (peers, peers_forgotten) = self.peers.of(id, &shown.params.reach);
        Some(Instance {
            number: id.0,
            stand: shown.stand.map(|(stand, until)| Standing {
                course: match stand.course {
                    StandCourse::Take => "take".to_owned(),
                    StandCourse::Release => "release".to_owned(),
                    StandCourse::Base(priority) => format!("priority {priority}"),
                },
                ends_in: until.map(|until| seconds(until.as_nanos().saturating_sub(clock::now()))),
            }),
            name: names.instance(id),
            group: group.and_then(|(id, _)| self.plan.groups.get(id).cloned()),
            base: over.and(configured),
            vrid: shown.params.vrid,
            version: match shown.params.version {
                Version::V2 => 2,
                Version::V3 => 3,
            },
            family: match shown.params.family {
                Family::V4 => 4,
                Family::V6 => 6,
            },
            state: state(shown.phase),
            wants: state(shown.wants),
            since: self.chronicle.since(id),
            base_priority: shown.params.priority,
            priority: shown.priority,
            terms: self.terms(engine, &shown),
            faults: shown.faults.iter().map(|fault| names.fault(*fault)).collect(),
            waits_for: shown.waits_for.iter().map(|pending| waits_for(*pending, names)).collect(),
            master: shown.followed.map(|(address, priority)| Master { address: address.to_string(), priority }),
            other_master: shown.other_master.map(|address| address.to_string()),
            source: shown.source.map(|address| address.to_string()),
            advert_interval: shown.interval.as_secs_f64(),
            master_interval: shown.master_interval.as_secs_f64(),
            master_down_time: shown.master_down_time.as_secs_f64(),
            next,
            in_place: shown.in_place,
            handing_over: shown.handing_over,
            addresses: self.addresses(&shown, interface.as_deref()),
            rivals,
            claims,
            peers,
            peers_forgotten,
            counters: shown.counters.into(),
            spent,
            entered,
            available: self.chronicle.available(id),
            garp_delay: shown.params.announce.delay.as_secs_f64(),
            history: self.chronicle.history(id),
            interface,
        })
    }

    fn terms(&self, engine: &Engine, shown: &Shown<'_>) -> Vec<Term> {
        let terms = shown.terms.iter().map(|term| Term {
            track: Names(&self.plan).track(term.used.track),
            kind: kind(&self.plan, term.used.track).to_owned(),
            weight: term.used.weight,
            reverse: term.used.reverse,
            adds: match term.comes_to {
                Contribution::Priority(adds) => Some(adds),
                Contribution::Fault | Contribution::Pending => None,
            },
            up: engine.track(term.used.track),
        });
        terms.collect()
    }

    fn addresses(&self, shown: &Shown<'_>, home: Option<&str>) -> Vec<Address> {
        let holdings = &shown.params.holdings;
        let address = |held: &HeldAddress, excluded| Address {
            address: held.ip.to_string(),
            prefix: held.prefix,
            interface: match held.link {
                Some(link) => self.plan.links.get(&link).cloned(),
                None => home.map(str::to_owned),
            },
            excluded,
        };
        let listed = holdings.addresses.iter().map(|held| address(held, false));
        listed.chain(holdings.excluded.iter().map(|held| address(held, true))).collect()
    }

    fn groups(&self, engine: &Engine) -> Vec<Group> {
        let names = Names(&self.plan);
        let groups = self.plan.setup.groups.iter().map(|(id, group)| Group {
            name: names.group(*id),
            state: engine.group(*id).map(state).unwrap_or_default(),
            members: group.members.iter().map(|member| names.instance(*member)).collect(),
        });
        groups.collect()
    }

    fn track(&self, engine: &Engine, id: TrackId) -> Option<Track> {
        let shown = engine.show_track(id)?;
        let uses = shown.used_by.iter().map(|(instance, used)| Use {
            instance: Names(&self.plan).instance(*instance),
            weight: used.weight,
            reverse: used.reverse,
        });
        Some(Track {
            name: Names(&self.plan).track(id),
            kind: kind(&self.plan, id).to_owned(),
            up: shown.track.is_up(),
            result: shown.track.result(),
            value: shown.track.value(),
            running: match self.last_readings.get(&id) {
                Some(Reading::Count { running, .. }) => Some(*running),
                Some(Reading::Up(_) | Reading::Value(_)) | None => None,
            },
            busy: false,
            waiting: shown.track.due().is_some(),
            used_by: uses.collect(),
        })
    }
}

pub(super) fn state(phase: Phase) -> State {
    match phase {
        Phase::Init => State::Init,
        Phase::Backup => State::Backup,
        Phase::Master => State::Master,
        Phase::Fault => State::Fault,
    }
}

fn waits_for(pending: Pending, names: Names<'_>) -> String {
    match pending {
        Pending::Link => "whether its interface is there".to_owned(),
        Pending::Source => "an address to send from".to_owned(),
        Pending::Track(track) => format!("the first result of {}", names.track(track)),
    }
}

pub(super) fn kind(plan: &VrrpPlan, id: TrackId) -> &'static str {
    match (plan.tracks.get(&id).map(|track| &track.source), plan.told.get(&id)) {
        (Some(TrackSource::Interface(_)), _) => "interface",
        (Some(TrackSource::Address(..)), _) => "address",
        (Some(TrackSource::Told) | None, Some(Told::Script { .. })) => "script",
        (Some(TrackSource::Told) | None, Some(Told::File { .. })) => "file",
        (Some(TrackSource::Told) | None, Some(Told::Process(_))) => "process",
        (Some(TrackSource::Told) | None, Some(Told::Bfd)) => "BFD session",
        (Some(TrackSource::Told) | None, None) => "track",
    }
}

fn links(interfaces: &Interfaces) -> Vec<Link> {
    let links = interfaces.links().map(|link| Link {
        index: link.index,
        name: link.name.clone(),
        up: link.is_up(),
        mac: link.mac.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":"),
        mtu: link.mtu,
        addresses: interfaces.addresses(link.index).map(|address| address.address.to_string()).collect(),
    });
    links.collect()
}

fn seconds(nanos: u64) -> f64 {
    std::time::Duration::from_nanos(nanos).as_secs_f64()
}

/// Somebody waits for a snapshot.
pub type Asked = (Wanted, tokio::sync::oneshot::Sender<Box<snapshot::Vrrp>>);
