// SPDX-License-Identifier: MIT OR Apache-2.0
//! The VRRP worker: the engine, what it hears, and who carries out what it wants.
//!
//! `role` is its process: it connects the loop with the supervisor and with everything that is told or watched.
//!
//! Tasks: the loop of `drive` around `Worker`, which owns sockets, monitor and tables; and the thread of the netlink
//! writer, which owns its own socket. The loop may be dropped at any await: nothing is lost that the kernel does not keep
//! for the next reader, except answers of the writer that were received and not yet handed on, which `answered` keeps.

mod announce;
mod answers;
mod apply;
mod beats;
mod bequest;
mod chronicle;
mod convert;
mod dumps;
mod filter;
mod heart;
mod interfaces;
mod losses;
mod meaning;
mod notices;
mod pace;
mod peers;
mod ports;
mod report;
mod rivals;
pub mod role;
pub mod show;
mod statics;
mod strangers;
mod turns;
mod vmac;
mod watches;
mod wishes;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::SockProtocol;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

use crate::channel::Deposit;
use crate::kernel::netlink::{Done, Writer};
use crate::kernel::rtnl::monitor::Interest;
use crate::kernel::rtnl::{Asker, Monitor};
use crate::kernel::{clock, files};
use crate::observe::log::Log;
use crate::observe::recording::Recording;
use crate::plan::vrrp::{Detail, TrackSource, VrrpPlan};
use crate::proto::track::Reading;
use crate::proto::vrrp::{
    Changes, Effect, Engine, Event, Input, InstanceId, Phase, Recorder, Stand, TrackId, Transmission,
};
use crate::worker::drive;
use crate::worker::process;
use crate::worker::standing::Habits;
use announce::Announcing;
use apply::{Holder, Part, Place};
use beats::Beats;
use bequest::Bequest;
use chronicle::Chronicle;
use filter::Filtering;
use heart::{Heart, PATIENCE_MOST};
use interfaces::Interfaces;
use peers::Peers;
use ports::Ports;
use rivals::Rivals;
use statics::Statics;
use strangers::Strangers;
use vmac::Virtuals;

/// A lease is renewed so often within its time: two renewals may be late before an address is lost.
const RENEWALS_PER_LEASE: u64 = 3;

/// What the worker is told from outside.
#[derive(Debug)]
pub enum Order {
    /// Do this from now on.
    Reload(Box<VrrpPlan>),
    /// Announce an instance's addresses once more.
    Announce(InstanceId),
    /// Say how everything stands after this turn.
    Show(show::Asked),
    /// Hand over what the flight recorder kept.
    Record(oneshot::Sender<Option<Box<Recording>>>),
    /// Every statistic begins at zero again.
    CountAnew,
    /// The operator wants an instance to stand otherwise, or as the configuration says.
    Stand(InstanceId, Option<Stand>),
    /// Leave every instance, and end.
    Stop,
}

/// What the worker is connected to.
pub struct Outside<'a> {
    pub log: Log,
    pub orders: Receiver<Order>,
    /// Of tracked objects that are watched elsewhere.
    pub readings: Receiver<(TrackId, Reading)>,
    pub habits: Habits,
    /// Is told every event, in order.
    pub told: &'a mut dyn FnMut(&Event, &VrrpPlan),
    /// Is told what must be undone should we die; each deposit before the deed.
    pub will: &'a mut dyn FnMut(Deposit),
    /// Is told that the loop goes round, and how long it may seem not to.
    pub alive: &'a mut dyn FnMut(Duration),
    /// Is told that a turn came so much too late.
    pub late: &'a mut dyn FnMut(Duration),
}

impl fmt::Debug for Outside<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outside { log, orders, readings, habits, told: _, will: _, alive: _, late: _ } = self;
        let mut outside = out.debug_struct("Outside");
        outside.field("log", log).field("orders", orders).field("readings", readings).field("habits", habits).finish()
    }
}

/// Runs virtual routers until told to stop. Needs a tokio runtime with I/O and time enabled.
pub async fn run(plan: VrrpPlan, outside: Outside<'_>) -> io::Result<()> {
    let mut engine = Engine::new(clock::now());
    let mut worker = Worker::start(plan, outside)?;
    let driven = drive::drive(&mut engine, &mut worker).await;
    // What follows has no loop that could say so.
    (worker.outside.alive)(PATIENCE_MOST);
    worker.end().await;
    driven
}

struct Worker<'a> {
    plan: VrrpPlan,
    /// All addresses that may move between routers.
    virtual_addresses: BTreeSet<IpAddr>,
    outside: Outside<'a>,
    asker: Asker,
    monitor: Monitor,
    interest: Interest,
    interfaces: Interfaces,
    virtuals: Virtuals,
    ports: Ports,
    holder: Holder,
    statics: Statics,
    strangers: Strangers,
    rivals: Rivals,
    peers: Peers,
    beats: Beats,
    filtering: Filtering,
    writer: Writer<Part>,
    answers: Receiver<Done<Part>>,
    announcing: Announcing,
    bequest: Bequest,
    heart: Heart,
    told_tracks: BTreeMap<TrackId, bool>,
    last_readings: BTreeMap<TrackId, Reading>,
    chronicle: Chronicle,
    recorder: Recorder,
    /// Who waits for a snapshot. No more than orders fit into a turn.
    asked: Vec<show::Asked>,
    /// Whose farewell may read otherwise after this turn.
    parting: BTreeSet<InstanceId>,
    /// Adverts of this turn that are still to leave.
    unsaid: Vec<Transmission>,
    /// Inputs that are ready to be handed in.
    pending: VecDeque<Input>,
    answered: Option<Done<Part>>,
    ordered: Option<Order>,
    read: Option<(TrackId, Reading)>,
    /// When leases are renewed next, on the clock of deadlines.
    renew_at: Option<u64>,
    /// Ports may look different now.
    stale: bool,
    /// Something we hold may have gone without our hearing of it.
    unsure: bool,
    retiring: bool,
    /// Everything stays as it is and we go.
    left: bool,
}

impl<'a> Worker<'a> {
    fn start(plan: VrrpPlan, outside: Outside<'a>) -> io::Result<Worker<'a>> {
        // Listening comes before the first look, so that no change falls between the two.
        let interest = interest(&plan);
        let monitor = Monitor::start(interest)?;
        let mut asker = Asker::open()?;
        let interfaces = Interfaces::read(&mut asker)?;
        let (writer, answers) = Writer::start(SockProtocol::NetlinkRoute, "vrrp-netlink")?;
        let mut worker = Worker {
            virtual_addresses: virtual_addresses(&plan),
            plan: VrrpPlan::default(),
            outside,
            asker,
            monitor,
            interest,
            interfaces,
            virtuals: Virtuals::new()?,
            ports: Ports::new()?,
            holder: Holder::default(),
            statics: Statics::default(),
            strangers: Strangers::default(),
            rivals: Rivals::new().map_err(no_packet_socket)?,
            peers: Peers::default(),
            beats: Beats::default(),
            filtering: Filtering::default(),
            writer,
            answers,
            announcing: Announcing::new().map_err(no_packet_socket)?,
            bequest: Bequest::default(),
            heart: Heart::new(),
            told_tracks: BTreeMap::new(),
            last_readings: BTreeMap::new(),
            chronicle: Chronicle::new(),
            recorder: Recorder::default(),
            asked: Vec::new(),
            parting: BTreeSet::new(),
            unsaid: Vec::new(),
            pending: VecDeque::new(),
            answered: None,
            ordered: None,
            read: None,
            renew_at: None,
            stale: true,
            unsure: false,
            retiring: false,
            left: false,
        };
        worker.write_first_values(&plan);
        worker.adopt(plan)?;
        worker.clear_leftovers()?;
        Ok(worker)
    }

    /// Another plan from now on; the engine hears of the difference.
    fn adopt(&mut self, plan: VrrpPlan) -> io::Result<()> {
        let interest = interest(&plan);
        if interest != self.interest {
            self.monitor = Monitor::start(interest)?;
            self.interest = interest;
            self.interfaces = self.interfaces.read_again(&mut self.asker)?;
        }
        let changes = Changes::between(&self.plan.setup, &plan.setup);
        if plan.lease != self.plan.lease {
            self.holder.set_lease(plan.lease);
            // What is there already gets its time now.
            self.renew_at = Some(clock::now());
        }
        if plan.statics != self.plan.statics {
            self.statics.want(plan.statics.clone(), clock::now());
        }
        self.last_readings.retain(|track, _| plan.tracks.contains_key(track));
        self.virtual_addresses = virtual_addresses(&plan);
        self.announcing.follow(&plan.spacing);
        self.plan = plan;
        self.ports.plan(&self.plan);
        self.strangers.follow(&self.plan);
        self.rivals.retain(|instance| self.plan.setup.instances.contains_key(&instance));
        self.peers.retain(|instance| self.plan.setup.instances.contains_key(&instance));
        self.interfaces.ask_only(|name| self.plan.around.polled.contains_key(name));
        self.heart.follow(&self.plan.setup);
        self.pending.push_back(Input::Reconfigure(changes));
        self.stale = true;
        self.retiring = true;
        Ok(())
    }

    /// What a former life left behind would be a second master's: it goes before the first turn.
    fn clear_leftovers(&mut self) -> io::Result<()> {
        let mut requests = Vec::new();
        // What is static belongs there, now as then.
        let details = self.plan.details.iter().filter(|(id, _)| !statics::names(&self.plan.statics, **id));
        for (_, detail) in details {
            match detail {
                Detail::Address(_) => {}
                Detail::Route(route) => {
                    requests.extend(convert::route(route, &self.interfaces).map(|route| route.remove()));
                }
                Detail::Rule(rule) => requests.push(convert::rule(rule).remove()),
            }
        }
        for (instance, params) in &self.plan.setup.instances {
            let place = self.place(*instance);
            for held in params.holdings.every_address() {
                let Some(interface) = place.interface(held) else { continue };
                let left = self.interfaces.addresses(interface).filter(|address| address.address == held.ip);
                requests.extend(left.map(|address| address.remove()));
            }
        }
        // What cannot be removed shows again when it is added.
        let _ = self.asker.request(&requests);
        // Now that no address is there any more that it kept quiet.
        filter::clear(&self.plan);
        self.ensure_virtuals();
        self.interfaces = self.interfaces.read_again(&mut self.asker)?;
        Ok(())
    }

    fn place(&self, instance: InstanceId) -> Place<'_> {
        Place::of(instance, &self.plan, &self.interfaces, &self.ports)
    }

    /// Tracked files that are to have a value before anybody looks.
    fn write_first_values(&self, plan: &VrrpPlan) {
        for first in &plan.around.first_values {
            let path = std::path::Path::new(&first.path);
            if !first.overwrite && files::exists(path) {
                continue;
            }
            if let Err(error) = files::replace(path, format!("{}\n", first.value).as_bytes(), 0o644) {
                self.outside.log.warning(format_args!("the tracked file {} cannot be written: {error}", first.path));
            }
        }
    }

    /// Virtual interfaces, and what the packet filter has to know of them first.
    fn ensure_virtuals(&mut self) {
        let (plan, log, filtering) = (&self.plan, &self.outside.log, &mut self.filtering);
        self.virtuals.ensure(plan, &self.interfaces, log, |vmacs| filtering.keep_vmacs(&plan.filter, vmacs, log));
    }

    /// Looks at ports and tracks again, and says what the engine should know.
    fn refresh(&mut self) {
        self.stale = false;
        self.virtuals.settle_around(&self.plan.around, &self.interfaces);
        self.ensure_virtuals();
        let told = self.ports.refresh(&self.interfaces, &self.virtual_addresses, &self.outside.log);
        self.pending.extend(told);
        self.bequest.forget_adverts();
        for (id, track) in &self.plan.tracks {
            let up = match &track.source {
                TrackSource::Interface(name) => self.interfaces.named(name).is_some_and(|link| link.is_up()),
                TrackSource::Address(name, ip) => {
                    self.interfaces.named(name).is_some_and(|link| self.interfaces.has(link.index, *ip))
                }
                TrackSource::Told => continue,
            };
            if self.told_tracks.insert(*id, up) != Some(up) {
                self.pending.push_back(Input::Track(*id, Reading::Up(up)));
            }
        }
    }

    fn obey(&mut self, order: Order) -> io::Result<()> {
        match order {
            Order::Reload(plan) => self.adopt(*plan)?,
            Order::Announce(instance) => self.pending.push_back(Input::Announce(instance)),
            Order::Show(asked) => self.asked.push(asked),
            Order::Record(to) => {
                let kept = self.recorder.kept().map(|kept| Box::new(Recording::new(kept, &self.plan)));
                // Whoever asked may have lost patience.
                let _ = to.send(kept);
            }
            Order::CountAnew => self.pending.push_back(Input::CountAnew),
            Order::Stand(instance, stand) => self.pending.push_back(Input::Stand(instance, stand)),
            Order::Stop if self.outside.habits.leaves_everything => self.left = true,
            Order::Stop => self.pending.push_back(Input::Stop),
        }
        Ok(())
    }

    /// How long until something is due that the engine knows nothing of.
    fn rest(&self) -> Option<Duration> {
        let now = clock::now();
        let renewal = self.renew_at.map(|at| Duration::from_nanos(at.saturating_sub(now)));
        let others = [
            self.statics.rest(now),
            self.announcing.rest(),
            self.rivals.rest(),
            self.beats.rest(&self.plan.around.polled, now),
        ];
        renewal.into_iter().chain(others.into_iter().flatten()).min()
    }

    /// Adverts that are due together leave together, before anything that comes after them is done.
    fn say(&mut self) {
        if self.unsaid.is_empty() {
            return;
        }
        let new = self.unsaid.iter().filter(|transmission| !self.bequest.says_the_same(transmission));
        self.parting.extend(new.map(|transmission| transmission.instance));
        self.ports.send(&mut self.unsaid, &self.outside.log);
    }

    fn carry_out(&mut self, engine: &Engine, effect: Effect) {
        match effect {
            Effect::Send(transmission) => self.unsaid.push(transmission),
            Effect::Hold(ticket, instance, wanted) => {
                // The kernel works while we see to the rest.
                self.want(ticket, instance, Arc::clone(&wanted));
                self.announcing.holds(instance, &wanted);
                self.look_out(instance, &wanted);
                self.parting.insert(instance);
            }
            Effect::Announce(instance, announcements) => {
                let port = self.plan.setup.instances.get(&instance).map(|params| params.port);
                let home = port.and_then(|port| self.ports.home(port, &self.interfaces));
                let base = port.and_then(|port| self.ports.base(port, &self.interfaces));
                let here = (&self.plan, &self.interfaces);
                self.announcing.announce((instance, &announcements), (home, base), here, &self.outside.log);
            }
            Effect::Report(event) => {
                for (level, said) in report::said(&event, &self.plan) {
                    self.outside.log.write_about(level, &said.text, process::facts(&said));
                }
                self.chronicle.note(&event, &self.plan, engine);
                (self.outside.told)(&event, &self.plan);
            }
        }
    }

    /// Says that the loop goes round, when it is time to.
    fn beat(&mut self) {
        if let Some(patience) = self.heart.beat(clock::now()) {
            (self.outside.alive)(patience);
        }
    }

    /// Nothing is undone and nobody on the network is told; whoever is told what happens here is.
    fn tell_that_we_left(&mut self, engine: &Engine) {
        let groups: Vec<_> = self.plan.setup.groups.keys().copied().collect();
        let stopped = engine
            .instances()
            .map(|instance| Event::Stopped { instance, from: engine.phase(instance).unwrap_or(Phase::Init) })
            .chain(groups.into_iter().map(|group| Event::GroupStopped { group }));
        for event in stopped {
            self.carry_out(engine, Effect::Report(event));
        }
    }

    /// The writer finishes what it was given; then what was made for the instances goes.
    async fn end(mut self) {
        self.release_statics();
        drop(self.writer);
        while self.answers.recv().await.is_some() {}
        if !self.left {
            self.virtuals.end();
            self.filtering.end().await;
        }
    }
}

fn no_packet_socket(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("no packet socket to announce addresses with: {error}"))
}

fn virtual_addresses(plan: &VrrpPlan) -> BTreeSet<IpAddr> {
    let holdings = plan.setup.instances.values().map(|params| &params.holdings);
    holdings.flat_map(|holdings| holdings.every_address().map(|held| held.ip)).collect()
}

/// Routes and rules are watched only when some are held: a router's own table may change thousands of times a second.
fn interest(plan: &VrrpPlan) -> Interest {
    let any = |wanted: fn(&Detail) -> bool| plan.details.values().any(wanted);
    Interest {
        routes: any(|detail| matches!(detail, Detail::Route(_))),
        rules: any(|detail| matches!(detail, Detail::Rule(_))),
        room: plan.around.network_notices.map(convert::room),
    }
}
