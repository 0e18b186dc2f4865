// SPDX-License-Identifier: MIT OR Apache-2.0
//! The judge: watches every step of a world and says which promise was broken.
//!
//! Two kinds of promise are watched. Those of one instance are exact and hold under any fault: a deliberately naive
//! reference follows each instance by what it was handed and says when it must move, and when it must not
//! ([`watch`]). Those of several nodes hold once the network was quiet for a bound that follows from the parameters
//! ([`quiet`]).

pub mod quiet;
pub mod score;
mod watch;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::layout::{Layout, Router, source_of};
use super::net::{Said, Station, Stations};
use super::node::NodePlan;
use crate::proto::vrrp::{Announcements, Effect, Engine, HOLD_RETRY, Input, InstanceId, Params, Phase, PortId};
use crate::proto::{Instant, Machine};
pub use quiet::check;
use score::Meters;
pub use score::{Measure, Score};
use watch::Watch;

/// How many effects one input may have, per instance of the engine and on top.
pub const EFFECTS_PER_INSTANCE: usize = 16;

/// How many turns in a row may end with a deadline that is due already.
pub const IDLE_TURNS_MAX: u32 = 4;

/// How many requests one kernel may have waiting, per instance.
pub const JOBS_PER_INSTANCE: usize = 64;

/// What is promised; docs/promises.md says it at length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// P1: in a quiet network one master, the best.
    OneMaster,
    /// P2: a master holds its addresses, nobody else does.
    Holdings,
    /// P3: a sync group moves as one.
    Group,
    /// P4: no changes in a quiet network.
    Calm,
    /// P5: a master is heard every interval.
    Heard,
    /// P6: a backup takes over in time, and a lesser master yields at once.
    TakeOver,
    /// P7: a reload that changes nothing does nothing.
    Reload,
    /// P8: work per input is bounded.
    Bounded,
    /// P9: nobody takes over while the master is heard, junk counts for nothing.
    NoTheft,
    /// P10: clients follow.
    Clients,
}

impl Promise {
    pub fn number(self) -> usize {
        self as usize + 1
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub promise: Promise,
    pub at: Instant,
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "P{} broken: {}", self.promise.number(), self.text)
    }
}

/// Clocks differ, and the successor's advert takes its time.
const OFFER_SLACK: Duration = Duration::from_millis(100);

/// What the judge knows of one node.
#[derive(Clone, Debug, Default)]
struct Seen {
    plan: NodePlan,
    /// Configurations on their way to the engine.
    coming: VecDeque<NodePlan>,
    running: bool,
    asleep: bool,
    watches: BTreeMap<InstanceId, Watch>,
    /// Whether the engine was configured, and the end of the start delay by the node's clock.
    begun: bool,
    free_at: Instant,
    /// A holding was taken away in this step, and a whole group may follow.
    bounced: bool,
    /// What the network may not be at rest with yet came or went in this turn.
    moved: bool,
    /// What was offered to a successor in this turn, and for how long.
    offered: Vec<(InstanceId, Duration)>,
    /// The kernel refused something in this turn.
    refused: bool,
    /// When everything refused so far was asked for again.
    asked_again: Instant,
    idle_turns: u32,
}

/// The turn that is going on.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    now: Instant,
    at: Station,
    local: Instant,
}

/// An input about to be handed over, and what was the case before.
#[derive(Clone, Debug)]
pub enum Handed {
    /// An advert for this instance; `accepted` counts those taken so far.
    Advert {
        instance: InstanceId,
        said: Said,
        accepted: u64,
    },
    /// Something that must not count, for any instance of the port.
    Junk {
        port: PortId,
        accepted: u64,
    },
    Reload {
        identical: bool,
    },
    Woke,
    Stop,
    Other,
}

#[derive(Clone, Debug)]
pub struct Oracle {
    violation: Option<Violation>,
    seen: Vec<Seen>,
    turn: Turn,
    /// The virtual router of each instance.
    routers: BTreeMap<(Station, InstanceId), usize>,
    members: Vec<Vec<(Station, InstanceId)>>,
    /// Since when nothing disturbed each virtual router.
    quiet_since: Vec<Instant>,
    claim_lost: Vec<Instant>,
    /// When the set of masters of each virtual router changed last.
    moved: Vec<Instant>,
    announced: Vec<Option<Instant>>,
    /// Who thought last that it is master, and who of them was awake.
    claims: Vec<Stations>,
    /// Since when each claims, or claimed last, and when each was last believed by another.
    claimed_since: BTreeMap<(usize, Station), Instant>,
    believed: BTreeMap<(usize, Station, Station), Instant>,
    masters: Vec<Vec<Station>>,
    meters: Meters,
    quiet: quiet::Progress,
}

impl Oracle {
    pub fn new(layout: &Layout, routers: &[Router]) -> Oracle {
        let seen = layout.nodes.iter().map(|plan| Seen { plan: plan.clone(), ..Seen::default() }).collect();
        let index = |(at, router): (usize, &Router)| -> Vec<((Station, InstanceId), usize)> {
            router.members.iter().map(|member| (*member, at)).collect()
        };
        Oracle {
            violation: None,
            seen,
            turn: Turn::default(),
            routers: routers.iter().enumerate().flat_map(index).collect(),
            members: routers.iter().map(|router| router.members.clone()).collect(),
            quiet_since: vec![Instant::ZERO; routers.len()],
            claim_lost: vec![Instant::ZERO; routers.len()],
            moved: vec![Instant::ZERO; routers.len()],
            announced: vec![None; routers.len()],
            claims: vec![Stations::NONE; routers.len()],
            claimed_since: BTreeMap::new(),
            believed: BTreeMap::new(),
            masters: vec![Vec::new(); routers.len()],
            meters: Meters::new(layout, routers),
            quiet: quiet::Progress::new(layout, routers),
        }
    }

    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// Notes a broken promise; the first one counts.
    pub fn break_promise(&mut self, promise: Promise, at: Instant, text: String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { promise, at, text });
        }
    }

    fn broken(&mut self, found: Option<(Promise, String)>) {
        if let Some((promise, text)) = found {
            let name = self.seen.get(usize::from(self.turn.at.0)).map_or("?", |seen| seen.plan.name.as_str());
            let text = format!("{name}: {text}");
            self.break_promise(promise, self.turn.now, text);
        }
    }

    /// Who is master of each virtual router and awake.
    pub fn masters(&self) -> &[Vec<Station>] {
        &self.masters
    }

    /// How often a quiet network was looked at.
    pub fn checks(&self) -> u64 {
        self.quiet.checks
    }

    pub fn score(&mut self, end: Instant) -> Score {
        self.meters.finish(end)
    }

    /// Whether a master knows, or need not know, that another one led clients astray: it heard of that one since it
    /// claims, or announced its own claim later.
    fn knows_of(&self, router: usize, master: Station, other: Station) -> bool {
        let since = |at| self.claimed_since.get(&(router, at)).copied().unwrap_or_default();
        let heard = self.believed.get(&(router, other, master)).copied().unwrap_or_default();
        heard.max(since(master)) >= since(other)
    }

    pub fn router_of(&self, at: Station, instance: InstanceId) -> Option<usize> {
        self.routers.get(&(at, instance)).copied()
    }

    /// Something other than plain working happened, to one virtual router or to all.
    pub fn disturb(&mut self, at: Instant, router: Option<usize>) {
        match router {
            Some(router) => {
                let scope = self.quiet.scope(router);
                for other in 0..self.quiet_since.len() {
                    if self.quiet.scope(other) == scope {
                        self.disturb_one(other, at);
                    }
                }
            }
            None => (0..self.quiet_since.len()).for_each(|router| self.disturb_one(router, at)),
        }
    }

    fn disturb_one(&mut self, router: usize, at: Instant) {
        if let Some(since) = self.quiet_since.get_mut(router) {
            *since = at.max(*since);
        }
        self.quiet.unsettle(router);
    }

    pub fn claim_lost(&mut self, at: Instant, router: Option<usize>) {
        if let Some(lost) = router.and_then(|router| self.claim_lost.get_mut(router)) {
            *lost = at.max(*lost);
        }
    }

    pub fn announced(&mut self, now: Instant, at: Station, instance: InstanceId, _what: &Announcements) {
        let router = self.router_of(at, instance);
        if let Some(last) = router.and_then(|router| self.announced.get_mut(router)) {
            *last = Some(now);
        }
    }

    pub fn client(&mut self, now: Instant, client: usize, router: usize, address: IpAddr, served: bool) {
        self.meters.client(now, (client, router, address), served);
    }

    pub fn started(&mut self, at: Station, plan: &NodePlan) {
        if let Some(seen) = self.seen.get_mut(usize::from(at.0)) {
            seen.plan = plan.clone();
            seen.coming.clear();
            seen.running = true;
            seen.asleep = false;
            seen.begun = false;
            seen.watches.clear();
        }
    }

    /// The daemon is no more. A master that dies without a farewell next to another one, before that one has heard
    /// it, leaves nobody who knows that clients went astray: they must find out themselves.
    pub fn ended(&mut self, now: Instant, at: Station) {
        let ruled: Vec<usize> =
            self.claims.iter().enumerate().filter(|(_, all)| all.holds(at)).map(|(router, _)| router).collect();
        for router in ruled {
            self.claim_lost(now, Some(router));
        }
        if let Some(seen) = self.seen.get_mut(usize::from(at.0)) {
            seen.running = false;
            seen.watches.clear();
        }
    }

    pub fn paused(&mut self, at: Station, asleep: bool) {
        if let Some(seen) = self.seen.get_mut(usize::from(at.0)) {
            seen.asleep = asleep;
        }
    }

    pub fn resumed(&mut self, at: Station) {
        self.paused(at, false);
    }

    /// A reload is on its way to an engine; it counts when it gets there.
    pub fn reconfigured(&mut self, at: Station, plan: &NodePlan) {
        if let Some(seen) = self.seen.get_mut(usize::from(at.0)) {
            seen.coming.push_back(plan.clone());
        }
    }

    pub fn turn_begins(&mut self, now: Instant, at: Station, local: Instant) {
        self.turn = Turn { now, at, local };
    }

    /// Looks at an input before the engine gets it.
    pub fn before(&self, engine: &Engine, input: &Input, said: Option<Said>) -> Handed {
        match input {
            Input::Received(datagram) => {
                let ours = said.and_then(|said| {
                    let members = self.members.get(said.router)?;
                    let (_, instance) = members.iter().find(|(station, _)| *station == self.turn.at)?;
                    Some((*instance, said))
                });
                match ours {
                    Some((instance, said)) => {
                        Handed::Advert { instance, said, accepted: accepted(engine, &[instance]) }
                    }
                    None => {
                        Handed::Junk { port: datagram.port, accepted: accepted(engine, &self.on_port(datagram.port)) }
                    }
                }
            }
            Input::Reconfigure(changes) => Handed::Reload { identical: changes.is_empty() },
            Input::Woke { .. } => Handed::Woke,
            Input::Stop => Handed::Stop,
            Input::Link(..)
            | Input::Source(..)
            | Input::Track(..)
            | Input::Settled(..)
            | Input::Lost(..)
            | Input::Announce(_)
            | Input::CountAnew
            | Input::Stand(..)
            | Input::Clock(_) => Handed::Other,
        }
    }

    fn on_port(&self, port: PortId) -> Vec<InstanceId> {
        let Some(seen) = self.seen.get(usize::from(self.turn.at.0)) else { return Vec::new() };
        let here = seen.plan.setup.instances.iter().filter(|(_, params)| params.port == port);
        here.map(|(instance, _)| *instance).collect()
    }

    /// Looks at what came of an input.
    pub fn handled(&mut self, handed: Handed, engine: &Engine, effects: &[Effect]) {
        self.limit(effects);
        let turn = self.turn;
        let found = match handed {
            Handed::Advert { instance, said, accepted: before } => {
                let taken = accepted(engine, &[instance]) > before;
                self.advert(instance, said, taken, effects)
            }
            Handed::Junk { port, accepted: before } => {
                let taken = accepted(engine, &self.on_port(port)) > before;
                let acted = effects.iter().any(|effect| !matches!(effect, Effect::Report(_)));
                self.absorb(effects);
                (taken || acted).then(|| (Promise::NoTheft, "a damaged advert was not refused".to_owned()))
            }
            Handed::Reload { .. } if self.begins() => {
                self.absorb(effects);
                None
            }
            Handed::Reload { identical: true } => {
                self.arrives();
                self.absorb(effects);
                (!effects.is_empty())
                    .then(|| (Promise::Reload, format!("a reload without a change gave {} effects", effects.len())))
            }
            Handed::Reload { identical: false } => {
                self.arrives();
                let found = self.seen.get(usize::from(turn.at.0)).and_then(|seen| watch::dropped(seen, effects));
                self.retune();
                self.absorb(effects);
                found
            }
            Handed::Woke => {
                if let Some(seen) = self.seen.get_mut(usize::from(turn.at.0)) {
                    watch::woke(seen, turn.local);
                }
                self.absorb(effects);
                None
            }
            Handed::Stop => {
                if let Some(seen) = self.seen.get_mut(usize::from(turn.at.0)) {
                    watch::stop(seen);
                }
                self.absorb(effects);
                None
            }
            Handed::Other => {
                self.absorb(effects);
                None
            }
        };
        self.broken(found);
    }

    /// An advert as its sender meant it.
    fn advert(
        &mut self,
        instance: InstanceId,
        said: Said,
        taken: bool,
        effects: &[Effect],
    ) -> Option<(Promise, String)> {
        let turn = self.turn;
        if taken {
            self.believed.insert((said.router, said.by, turn.at), turn.now);
        }
        let sender = self.seen.get(usize::from(said.by.0)).and_then(|seen| {
            let (_, id) = self.members.get(said.router)?.iter().find(|(station, _)| *station == said.by)?;
            // What a node said itself and hears again is to be refused.
            seen.plan.setup.instances.get(id).filter(|_| said.by != turn.at).cloned()
        });
        let before = self.seen.get_mut(usize::from(turn.at.0)).and_then(|seen| {
            let free_at = seen.free_at;
            let params = &seen.watches.get(&instance)?.params;
            let source = seen.plan.port(params.port).and_then(|port| source_of(params, port));
            let watch = seen.watches.get_mut(&instance)?;
            Some(watch.before_advert(
                turn.local.max(free_at),
                &said,
                sender.as_ref(),
                source,
                taken,
                turn.local >= free_at,
            ))
        });
        self.absorb(effects);
        let seen = self.seen.get(usize::from(turn.at.0))?;
        let watch = seen.watches.get(&instance)?;
        let name = seen.plan.instances.get(&instance).map_or("?", String::as_str);
        let found = watch.after_advert(&before?, &said, taken, effects, instance);
        found.map(|(promise, text)| (promise, format!("{name} {text}")))
    }

    /// Follows what the effects say, in order.
    fn absorb(&mut self, effects: &[Effect]) {
        let turn = self.turn;
        let mut found = None;
        if let Some(seen) = self.seen.get_mut(usize::from(turn.at.0)) {
            seen.bounced = false;
            for effect in effects {
                if let Some(broken) = watch::follow(seen, turn.local, effect) {
                    found.get_or_insert(broken);
                }
            }
        }
        self.broken(found);
    }

    /// Whether this is the first configuration of an engine; notes the start delay then.
    fn begins(&mut self) -> bool {
        let turn = self.turn;
        let Some(seen) = self.seen.get_mut(usize::from(turn.at.0)) else { return false };
        let first = !seen.begun;
        if first {
            seen.begun = true;
            seen.free_at = turn.local + seen.plan.setup.globals.startup_delay;
            watch::retune(seen, turn.local);
        }
        first
    }

    /// The next configuration on its way is the one in force.
    fn arrives(&mut self) {
        let turn = self.turn;
        if let Some(seen) = self.seen.get_mut(usize::from(turn.at.0))
            && let Some(plan) = seen.coming.pop_front()
        {
            seen.plan = plan;
        }
    }

    /// Takes over the parameters of a new configuration.
    fn retune(&mut self) {
        let turn = self.turn;
        let Some(seen) = self.seen.get_mut(usize::from(turn.at.0)) else { return };
        watch::retune(seen, turn.local);
    }

    pub fn expired(&mut self, effects: &[Effect]) {
        self.limit(effects);
        self.absorb(effects);
    }

    fn limit(&mut self, effects: &[Effect]) {
        let instances = self.seen.get(usize::from(self.turn.at.0)).map_or(0, |seen| seen.plan.setup.instances.len());
        let most = (instances + 1) * EFFECTS_PER_INSTANCE;
        let found = (effects.len() > most)
            .then(|| (Promise::Bounded, format!("{} effects of one input, {most} allowed", effects.len())));
        self.broken(found);
    }

    /// Looks at a node after its turn.
    pub fn turn_ends(&mut self, engine: &Engine, expired: bool) {
        let turn = self.turn;
        let Some(seen) = self.seen.get_mut(usize::from(turn.at.0)) else { return };
        let mut found = watch::turn_ends(seen, turn.local, engine, expired);
        if std::mem::take(&mut seen.refused) {
            seen.asked_again = turn.now + HOLD_RETRY * 2;
        }
        let moved = std::mem::take(&mut seen.moved);
        let offered = std::mem::take(&mut seen.offered);
        let due = expired && engine.deadline().is_some_and(|deadline| deadline.at <= turn.local);
        seen.idle_turns = if due { seen.idle_turns + 1 } else { 0 };
        if seen.idle_turns > IDLE_TURNS_MAX {
            let why = engine.deadline().map_or("", |deadline| deadline.why);
            found.get_or_insert((Promise::Bounded, format!("the deadline `{why}` stays due turn after turn")));
        }
        self.broken(found);
        if moved {
            self.disturb(turn.now, None);
        }
        for (instance, limit) in offered {
            let router = self.router_of(turn.at, instance);
            let claims = router.and_then(|router| self.claims.get(router));
            // Another master that comes within hearing meanwhile is taken for the successor, and hears nothing of us.
            if claims.is_some_and(|claims| *claims != Stations::one(turn.at)) {
                self.claim_lost(turn.now + limit + OFFER_SLACK, router);
            }
        }
    }

    /// Follows who is master where, after anything that may have changed it.
    pub fn phases_changed(&mut self, now: Instant) {
        for router in 0..self.members.len() {
            let Some(members) = self.members.get(router) else { continue };
            let is_master = |(at, instance): &&(Station, InstanceId)| {
                self.seen.get(usize::from(at.0)).is_some_and(|seen| {
                    seen.running
                        && !seen.asleep
                        && seen.watches.get(instance).is_some_and(|watch| watch.phase == Phase::Master)
                })
            };
            let masters: Vec<Station> = members.iter().filter(is_master).map(|(at, _)| *at).collect();
            let claimed = self.claiming(members);
            let before = self.claims.get(router).copied().unwrap_or(Stations::NONE);
            if before != claimed {
                if let Some(slot) = self.claims.get_mut(router) {
                    *slot = claimed;
                }
                if let Some(moved) = self.moved.get_mut(router) {
                    *moved = now;
                }
                for (at, _) in members.iter().filter(|(at, _)| claimed.holds(*at) && !before.holds(*at)) {
                    self.claimed_since.insert((router, *at), now);
                }
            }
            if self.masters.get(router) == Some(&masters) {
                continue;
            }
            self.meters.masters(now, router, masters.len());
            if self.quiet.must_stay(router) {
                self.break_promise(
                    Promise::Calm,
                    now,
                    format!("the masters of {} changed in a quiet network", self.meters.name(router)),
                );
            }
            if let Some(slot) = self.masters.get_mut(router) {
                *slot = masters;
            }
        }
    }

    /// Who thinks that it is master, awake or not.
    fn claiming(&self, members: &[(Station, InstanceId)]) -> Stations {
        let claims = |(at, instance): &&(Station, InstanceId)| {
            let watch = self.seen.get(usize::from(at.0)).and_then(|seen| seen.watches.get(instance));
            watch.is_some_and(|watch| watch.phase == Phase::Master)
        };
        members.iter().filter(claims).map(|(at, _)| *at).collect()
    }
}

fn accepted(engine: &Engine, instances: &[InstanceId]) -> u64 {
    instances.iter().filter_map(|instance| engine.counters(*instance)).map(|counters| counters.adverts_received).sum()
}

/// Whether an instance of these parameters takes over from a master of lower priority at once.
fn preempts(params: &Params) -> bool {
    matches!(params.preempt, crate::proto::vrrp::Preempt::Yes { .. }) || params.is_owner()
}
