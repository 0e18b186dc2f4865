// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who else has our addresses: while an instance holds some, others on their segments that say the same are told,
//! counted and shown. Who is to keep an address is for an operator to decide, so nothing else follows from it.
//!
//! A router that has just handed an address over may still speak for it, so nobody is believed for a moment. A successor
//! says so in an advert before it speaks for the address, and who is heard in one turn is judged in the next, when that
//! advert was read.
//!
//! The segment is asked too, because a host that has an address need not say so by itself. Where adverts go to single
//! peers the network may be a cloud's, which answers for every address: nobody is asked there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use super::apply::Place;
use super::interfaces::Interfaces;
use crate::kernel::clock;
use crate::kernel::raw::Interface;
use crate::kernel::raw::claims::{Claim, Listener, Probe};
use crate::kernel::raw::frame::Announcer;
use crate::kernel::ready::Ready;
use crate::kernel::rtnl::Link;
use crate::kernel::{Family, Mac};
use crate::observe::log::Log;
use crate::observe::snapshot;
use crate::plan::vrrp::Hears;
use crate::proto::vrrp::{Event, Holdings, InstanceId};

/// After an instance got addresses nobody else is believed for so long.
const SETTLING: Duration = Duration::from_secs(1);
/// Questions that leave at once, and how long it is until more do.
const ASKED_AT_ONCE: usize = 64;
const ASK_PAUSE: Duration = Duration::from_millis(50);
/// Questions that wait. More addresses than that are not asked for.
const QUESTIONS_MAX: usize = 4096;
/// The same rival of the same address is told once in so long.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// Rivals of one instance that are remembered.
const RIVALS_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct Rivals {
    ready: Ready,
    /// Somebody has spoken since we listened. Nothing hangs on hearing it in the same turn, so no turn asks for it.
    has_spoken: bool,
    /// Heard in this turn, to be judged in the next.
    heard: Vec<(u32, Claim)>,
    announcer: Announcer,
    listeners: BTreeMap<(u32, Family), Ear>,
    held: BTreeMap<InstanceId, Held>,
    questions: VecDeque<Probe>,
    ask_at: u64,
    /// When the next instance may ask. Remembered, since it is looked at each turn.
    settled_at: Option<u64>,
    /// What is held changed since listeners were looked at.
    stale: bool,
}

#[derive(Debug)]
struct Ear {
    listener: Listener,
    of: BTreeSet<IpAddr>,
    token: u64,
}

/// What an instance holds, and who else does.
#[derive(Debug, Default)]
struct Held {
    addresses: BTreeMap<IpAddr, u32>,
    /// Before this nobody else is believed.
    settled_at: u64,
    /// Its segments may be asked.
    asks: bool,
    asked: bool,
    rivals: BTreeMap<IpAddr, Rival>,
    /// Claims so far. It outlives the mastership in which they were heard.
    claims: u64,
}

#[derive(Debug)]
struct Rival {
    who: String,
    told_at: u64,
    /// Last heard of, on the wall clock.
    heard: f64,
}

impl Rivals {
    /// Needs a tokio runtime with I/O enabled.
    pub(super) fn new() -> io::Result<Rivals> {
        Ok(Rivals {
            ready: Ready::new()?,
            has_spoken: false,
            heard: Vec::new(),
            announcer: Announcer::open()?,
            listeners: BTreeMap::new(),
            held: BTreeMap::new(),
            questions: VecDeque::new(),
            ask_at: 0,
            settled_at: None,
            stale: false,
        })
    }

    /// An instance holds these from now on.
    pub(super) fn holds(&mut self, instance: InstanceId, holdings: &Holdings, place: Place<'_>, name: &str, log: &Log) {
        let now = clock::now();
        let addresses: BTreeMap<IpAddr, u32> =
            holdings.every_address().filter_map(|held| Some((held.ip, place.interface(held)?))).collect();
        let held = self.held.entry(instance).or_default();
        if held.addresses == addresses {
            return;
        }
        let before = std::mem::take(&mut held.addresses);
        held.rivals.retain(|address, _| addresses.contains_key(address));
        let port = place.plan.setup.instances.get(&instance).and_then(|params| place.plan.ports.get(&params.port));
        held.asks = port.is_some_and(|port| matches!(port.hears, Hears::Group(_)));
        (held.settled_at, held.asked) = (clock::after(now, SETTLING), addresses.is_empty());
        for (address, on) in addresses.iter().filter(|(address, _)| !before.contains_key(*address)) {
            let elsewhere =
                place.interfaces.links().find(|link| link.index != *on && place.interfaces.has(link.index, *address));
            let Some(link) = elsewhere else { continue };
            log.warning(format_args!(
                "({name}) {address} is on {} of this node already, where it was not put by this instance: it stays there",
                link.name
            ));
            held.note(*address, &format!("{} of this node", link.name), now);
        }
        held.addresses = addresses;
        self.stale = true;
        // One that is too early is looked at in vain.
        self.settled_at = self.settled_at.into_iter().chain((!held.asked).then_some(held.settled_at)).min();
    }

    fn look_when_to_ask(&mut self) {
        self.settled_at = self.held.values().filter(|held| !held.asked).map(|held| held.settled_at).min();
    }

    /// Listens where something is held, for what is held there.
    fn listen(&mut self, interfaces: &Interfaces, log: &Log) {
        let mut wanted: BTreeMap<(u32, Family), BTreeSet<IpAddr>> = BTreeMap::new();
        for (address, interface) in self.held.values().flat_map(|held| &held.addresses) {
            wanted.entry((*interface, Family::of(*address))).or_default().insert(*address);
        }
        self.listeners.retain(|place, _| wanted.contains_key(place));
        for (place, of) in wanted {
            match self.listeners.get_mut(&place) {
                Some(ear) if ear.of == of => {}
                // One that cannot be told another filter hears of what it heard of before.
                Some(ear) => ear.of = if ear.listener.hear_of(&of).is_ok() { of } else { continue },
                None => {
                    let Some(link) = interfaces.link(place.0).filter(|link| speaks(link)) else { continue };
                    match self.open(place, link, of) {
                        Ok(ear) => drop(self.listeners.insert(place, ear)),
                        Err(error) => log.info(format_args!(
                            "{}: who else has an address there cannot be heard: {error}",
                            link.name
                        )),
                    }
                }
            }
        }
    }

    fn open(&self, (index, family): (u32, Family), link: &Link, of: BTreeSet<IpAddr>) -> io::Result<Ear> {
        let listener = Listener::open(family, &Interface { index, name: link.name.clone() }, &of)?;
        let token = u64::from(index) * 2 + u64::from(family == Family::V6);
        self.ready.add(&listener, token)?;
        Ok(Ear { listener, of, token })
    }

    pub(super) async fn wait(&mut self) -> io::Result<()> {
        self.ready.wait().await?;
        self.has_spoken = true;
        Ok(())
    }

    /// How long until somebody is to be asked.
    pub(super) fn rest(&self) -> Option<Duration> {
        let waiting = (!self.questions.is_empty()).then_some(self.ask_at);
        let at_once = (self.stale || !self.heard.is_empty()).then_some(0);
        let next = [self.settled_at, waiting, at_once].into_iter().flatten().min()?;
        Some(Duration::from_nanos(next.saturating_sub(clock::now())))
    }

    /// Listens for what is held by now, and asks whom it is time to ask.
    pub(super) fn ask(&mut self, interfaces: &Interfaces, log: &Log) {
        if std::mem::take(&mut self.stale) {
            self.listen(interfaces, log);
        }
        let now = clock::now();
        if self.settled_at.is_some_and(|settled| settled <= now) {
            self.question(interfaces, now);
        }
        if self.questions.is_empty() || now < self.ask_at {
            return;
        }
        for probe in self.questions.drain(..self.questions.len().min(ASKED_AT_ONCE)) {
            if let Err(error) = self.announcer.ask(&probe) {
                log.debug(format_args!("who else has {} was not asked: {error}", probe.address));
            }
        }
        self.ask_at = clock::after(now, ASK_PAUSE);
    }

    /// Every address of who has settled becomes a question.
    fn question(&mut self, interfaces: &Interfaces, now: u64) {
        for held in self.held.values_mut().filter(|held| !held.asked && held.settled_at <= now) {
            held.asked = true;
            let questions = held.addresses.iter().filter(|_| held.asks).filter_map(|(address, index)| {
                let link = interfaces.link(*index).filter(|link| speaks(link))?;
                let broadcast = link.broadcast.as_slice().try_into().map_or(Mac::BROADCAST, Mac);
                Some(Probe { interface: *index, mac: link.ethernet()?, broadcast, address: *address })
            });
            let room = QUESTIONS_MAX.saturating_sub(self.questions.len());
            self.questions.extend(questions.take(room));
        }
        self.look_when_to_ask();
    }

    /// What was heard in the turn before, as events that are worth telling; hears what was said since.
    pub(super) fn hear(&mut self, interfaces: &Interfaces) -> io::Result<Vec<Event>> {
        let now = clock::now();
        let mut events = Vec::new();
        for (interface, claim) in self.heard.drain(..) {
            for (instance, held) in &mut self.held {
                if held.addresses.get(&claim.address) == Some(&interface)
                    && now >= held.settled_at
                    && held.note(claim.address, &claim.mac.to_string(), now)
                {
                    let (address, mac) = (claim.address, claim.mac.0);
                    events.push(Event::AddressClaimed { instance: *instance, address, mac });
                }
            }
        }
        if std::mem::take(&mut self.has_spoken) {
            self.take_claims(interfaces)?;
        }
        Ok(events)
    }

    fn take_claims(&mut self, interfaces: &Interfaces) -> io::Result<()> {
        let mut tokens = Vec::new();
        self.ready.take(&mut tokens)?;
        for ((interface, _), ear) in self.listeners.iter().filter(|(_, ear)| tokens.contains(&ear.token)) {
            // The error is that of an interface that went away; its notice says the rest.
            let _ = ear.listener.take(|claim| self.heard.push((*interface, claim)));
        }
        // Our own voice, from another interface on the same segment or through a loop in it.
        let is_ours = |claim: &Claim| interfaces.links().any(|link| link.ethernet() == Some(claim.mac));
        self.heard.retain(|(_, claim)| !is_ours(claim));
        Ok(())
    }

    /// Only these instances from now on.
    pub(super) fn retain(&mut self, is_there: impl Fn(InstanceId) -> bool) {
        self.held.retain(|instance, _| is_there(*instance));
        self.look_when_to_ask();
    }

    /// Who else has addresses of an instance, and how often that was heard.
    pub(super) fn of(&self, instance: InstanceId) -> (Vec<snapshot::Rival>, u64) {
        let Some(held) = self.held.get(&instance) else { return (Vec::new(), 0) };
        let rivals = held.rivals.iter().map(|(address, rival)| snapshot::Rival {
            address: address.to_string(),
            who: rival.who.clone(),
            heard: rival.heard,
        });
        (rivals.collect(), held.claims)
    }
}

impl Held {
    /// Counts a claim; says whether it is worth telling.
    fn note(&mut self, address: IpAddr, who: &str, now: u64) -> bool {
        self.claims += 1;
        let heard = clock::wall().as_secs_f64();
        if let Some(known) = self.rivals.get_mut(&address) {
            known.heard = heard;
            let is_news = now >= clock::after(known.told_at, TELL_EVERY);
            if is_news {
                (known.told_at, known.who) = (now, who.to_owned());
            }
            return is_news;
        }
        if self.rivals.len() >= RIVALS_MAX {
            return false;
        }
        self.rivals.insert(address, Rival { who: who.to_owned(), told_at: now, heard });
        true
    }
}

/// Whether addresses are asked for on such an interface.
fn speaks(link: &Link) -> bool {
    link.has_arp() && link.ethernet().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn address(last: u16) -> IpAddr {
        let [high, low] = last.to_be_bytes();
        std::net::Ipv4Addr::new(10, 0, high, low).into()
    }

    #[test]
    fn a_rival_is_counted_each_time_and_told_once_a_minute() {
        let mut held = Held::default();
        let told: Vec<bool> = [0, 1, 59, 60, 61].map(|second| held.note(address(1), "a", second * SECOND)).into();
        assert_eq!(told, [true, false, false, true, false]);
        assert_eq!(held.claims, 5);
    }

    #[test]
    fn so_many_rivals_are_remembered_and_no_more() {
        let mut held = Held::default();
        let told = (0..300).filter(|last| held.note(address(*last), "a", 0)).count();
        assert_eq!((told, held.rivals.len(), held.claims), (RIVALS_MAX, RIVALS_MAX, 300));
    }
}
