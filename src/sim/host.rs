// SPDX-License-Identifier: MIT OR Apache-2.0
//! One simulated host under the engine: a clock that is not quite right, a kernel that takes its time and sometimes
//! refuses, and the neighbour caches of the clients that use the addresses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::net::Station;
use super::random::Random;
use super::script::Manner;
use crate::proto::Instant;
use crate::proto::vrrp::{Holdings, InstanceId, Item, Outcome, Ticket};

/// A rate of one: local nanoseconds per simulated second.
const TRUE_RATE: u64 = 1_000_000_000;

/// How long a client without an answer keeps to its cache before it asks again: the reachable time is over, one delay
/// and three probes go by.
pub const CLIENT_PATIENCE: Duration = Duration::from_secs(8);

/// A clock that runs a little fast or slow and may jump ahead. It never goes back: it stands for the boot-time clock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clock {
    /// The world's time and this clock's at the last jump.
    anchor: (Instant, Instant),
    rate: u64,
}

impl Clock {
    /// A clock that shows `shows` at the world's start and gains `drift` millionths.
    pub fn new(shows: Instant, drift: i32) -> Clock {
        let rate = TRUE_RATE.saturating_add_signed(i64::from(drift) * 1_000);
        Clock { anchor: (Instant::ZERO, shows), rate }
    }

    /// What the clock shows when the world's time is `now`.
    pub fn local(&self, now: Instant) -> Instant {
        self.anchor.1 + Duration::from_nanos(scale(nanos(now.since(self.anchor.0)), self.rate, TRUE_RATE, false))
    }

    /// The first moment of the world at which the clock shows `local` or more.
    pub fn world(&self, local: Instant) -> Instant {
        self.anchor.0 + Duration::from_nanos(scale(nanos(local.since(self.anchor.1)), TRUE_RATE, self.rate, true))
    }

    /// Jumps ahead.
    pub fn leap(&mut self, now: Instant, by: Duration) {
        self.anchor = (now, self.local(now) + by);
    }
}

fn scale(value: u64, times: u64, over: u64, up: bool) -> u64 {
    let product = u128::from(value) * u128::from(times);
    let over = u128::from(over.max(1));
    let whole = if up { product.div_ceil(over) } else { product / over };
    u64::try_from(whole).unwrap_or(u64::MAX)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What a kernel was asked to do: one `Hold`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Job {
    ticket: Ticket,
    instance: InstanceId,
    wanted: Arc<Holdings>,
}

/// Addresses on the interfaces, and the requests to change them, one after the other.
#[derive(Clone, Debug)]
pub struct Kernel {
    held: BTreeMap<InstanceId, BTreeSet<IpAddr>>,
    jobs: VecDeque<Job>,
    /// When the request at the front is done, or as far as it can tell of.
    busy_until: Option<Instant>,
    /// Whether the request at the front has told how far it is.
    told: bool,
    pub manner: Manner,
    settle: (Duration, Duration),
    random: Random,
}

impl Kernel {
    pub fn new(settle: (Duration, Duration), random: Random) -> Kernel {
        let (held, jobs) = (BTreeMap::new(), VecDeque::new());
        Kernel { held, jobs, busy_until: None, told: false, manner: Manner::Well, settle, random }
    }

    /// Takes a request. Requests are answered in the order in which they came.
    pub fn ask(&mut self, now: Instant, ticket: Ticket, instance: InstanceId, wanted: Arc<Holdings>) {
        self.jobs.push_back(Job { ticket, instance, wanted });
        if self.busy_until.is_none() {
            self.begin(now);
        }
    }

    /// When the next answer is due.
    pub fn due(&self) -> Option<Instant> {
        self.busy_until
    }

    pub fn jobs(&self) -> usize {
        self.jobs.len()
    }

    /// The longest one request takes in the present manner.
    pub fn longest(&self) -> Duration {
        match self.manner {
            Manner::Well | Manner::Refuses => self.settle.1,
            Manner::Slow(by) => self.settle.1 + by,
        }
    }

    /// Carries out the request that is due, or its first part, and gives the answer.
    pub fn settle(&mut self, now: Instant) -> Option<(Ticket, InstanceId, Outcome)> {
        if self.busy_until.is_none_or(|until| until > now) {
            return None;
        }
        self.busy_until = None;
        let job = self.jobs.pop_front()?;
        let wanted: Vec<IpAddr> = job.wanted.every_address().map(|address| address.ip).collect();
        let held = self.held.entry(job.instance).or_default();
        held.retain(|address| wanted.contains(address));
        let missing: Vec<IpAddr> = wanted.iter().filter(|address| !held.contains(address)).copied().collect();
        if self.manner != Manner::Refuses && !self.told && missing.len() > 1 && self.random.one_in(2) {
            let first = wanted.len() / 2;
            held.extend(wanted.iter().take(first));
            self.jobs.push_front(job.clone());
            self.begin(now);
            self.told = true;
            return Some((job.ticket, job.instance, Outcome::Progress { addresses: first }));
        }
        // Who refuses does not refuse every address every time.
        let (refused, granted): (Vec<IpAddr>, Vec<IpAddr>) =
            missing.into_iter().partition(|_| self.manner == Manner::Refuses && !self.random.one_in(4));
        held.extend(granted);
        let outcome = match refused.is_empty() {
            true => Outcome::Ok,
            false => Outcome::Refused(refused.into_iter().map(Item::Address).collect()),
        };
        if !self.jobs.is_empty() {
            self.begin(now);
        }
        Some((job.ticket, job.instance, outcome))
    }

    fn begin(&mut self, now: Instant) {
        self.told = false;
        let slow = if let Manner::Slow(by) = self.manner { by } else { Duration::ZERO };
        self.busy_until = Some(now + slow + self.random.time(self.settle.0, self.settle.1));
    }

    /// Somebody else deletes an address. True if it was there.
    pub fn snatch(&mut self, instance: InstanceId, address: IpAddr) -> bool {
        self.held.get_mut(&instance).is_some_and(|held| held.remove(&address))
    }

    /// Removes what an earlier life of the daemon left behind.
    pub fn drop_leftovers(&mut self, instance: InstanceId) {
        self.held.remove(&instance);
    }

    /// Removes what instances left behind that nobody names any more.
    pub fn keep_only<T>(&mut self, named: &BTreeMap<InstanceId, T>) {
        self.held.retain(|instance, _| named.contains_key(instance));
    }

    /// The power is gone.
    pub fn lose_everything(&mut self) {
        self.held.clear();
        self.forget_requests();
    }

    /// Whoever asked is gone: what is not done yet is not done any more.
    pub fn forget_requests(&mut self) {
        self.jobs.clear();
        self.busy_until = None;
        self.told = false;
    }

    pub fn held(&self, instance: InstanceId) -> BTreeSet<IpAddr> {
        self.held.get(&instance).cloned().unwrap_or_default()
    }

    pub fn holds(&self, address: IpAddr) -> bool {
        self.held.values().any(|held| held.contains(&address))
    }

    pub fn holders(&self) -> impl Iterator<Item = (InstanceId, &BTreeSet<IpAddr>)> {
        self.held.iter().filter(|(_, held)| !held.is_empty()).map(|(instance, held)| (*instance, held))
    }
}

/// The neighbour cache of one client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    entries: BTreeMap<IpAddr, Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    station: Option<Station>,
    /// Since when nobody answers.
    silent_since: Option<Instant>,
}

impl Neighbours {
    /// A claim arrived: the last one counts.
    pub fn claim(&mut self, address: IpAddr, station: Station) {
        let entry = self.entries.entry(address).or_insert(Entry { station: None, silent_since: None });
        entry.station = Some(station);
    }

    pub fn who(&self, address: IpAddr) -> Option<Station> {
        self.entries.get(&address).and_then(|entry| entry.station)
    }

    /// The client tries to reach an address now. `answers` says which stations would answer; the first of them is
    /// found when the client asks. Gives whether it was served.
    pub fn reach(&mut self, now: Instant, address: IpAddr, answers: &[Station]) -> bool {
        let entry = self.entries.entry(address).or_insert(Entry { station: None, silent_since: None });
        let cached = entry.station.filter(|station| answers.contains(station));
        if cached.is_some() {
            entry.silent_since = None;
            return true;
        }
        let since = *entry.silent_since.get_or_insert(now);
        if entry.station.is_none() || now.since(since) >= CLIENT_PATIENCE {
            entry.station = answers.first().copied();
        }
        let served = entry.station.is_some_and(|station| answers.contains(&station));
        if served {
            entry.silent_since = None;
        }
        served
    }
}

#[cfg(test)]
mod tests;
