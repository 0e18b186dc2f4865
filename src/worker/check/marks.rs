// SPDX-License-Identifier: MIT OR Apache-2.0
//! `nftables_ipvs`: a packet filter gives packets to groups of addresses the marks by which they are balanced.
//!
//! The kernel is asked on a thread beside the loop. What it refuses is tried again, and what somebody else removed is made
//! anew: whoever reloads a firewall often empties all tables first.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::kernel::beside::{self, Beside};
use crate::kernel::clock;
use crate::kernel::nft::marks::{Entry, Marker, Marks};
use crate::observe::log::Log;
use crate::plan::lvs as plan;

/// How long until it is looked again whether the tables are there, or tried again to make them.
const LOOK: Duration = Duration::from_secs(5);

/// What a thread is to do, with what it found out.
#[derive(Debug)]
enum Errand {
    /// Take these out of the kernel and put those in.
    Change(Option<Marks>, Option<Marks>),
    Look(Marks),
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Whole,
    Gone,
    Failed(String),
}

#[derive(Debug)]
pub(super) struct Marking {
    log: Log,
    /// Where the packet filter is, if not in our own network namespace.
    namespace: Option<PathBuf>,
    wanted: Option<Marks>,
    /// In the kernel, as far as we know.
    told: Option<Marks>,
    running: Option<(Errand, Beside<Outcome>)>,
    outcome: Option<Outcome>,
    at: u64,
    /// What was said about a refusal, so that it is said once.
    complaint: Option<String>,
}

impl Marking {
    pub(super) fn new(namespace: Option<PathBuf>, log: Log) -> Marking {
        Marking { log, namespace, wanted: None, told: None, running: None, outcome: None, at: 0, complaint: None }
    }

    /// These marks from now on.
    pub(super) fn turn_to(&mut self, marks: Option<&plan::Marks>) {
        self.wanted = marks.map(|marks| {
            let (entries, doubled) = disjoint(&marks.elements);
            for element in doubled {
                self.log.warning(format_args!(
                    "packets to {}-{} port {} keep the mark of the group that names them first",
                    element.first, element.last, element.port
                ));
            }
            Marks { table: marks.table.clone(), priority: marks.priority, counters: marks.counters, entries }
        });
        self.at = 0;
    }

    /// Waits until there is something to do. Dropping the future loses nothing.
    pub(super) async fn wait(&mut self) {
        if self.outcome.is_some() {
            return;
        }
        if let Some((_, task)) = &mut self.running {
            self.outcome = Some(task.await.unwrap_or_else(|error| Outcome::Failed(error.to_string())));
            return;
        }
        if self.wanted == self.told && self.told.is_none() {
            return std::future::pending().await;
        }
        tokio::time::sleep(Duration::from_nanos(self.at.saturating_sub(clock::now()))).await;
    }

    /// Hears what came of the last errand, and starts the next.
    pub(super) fn turn(&mut self) {
        if let Some(outcome) = self.outcome.take()
            && let Some((errand, _)) = self.running.take()
        {
            self.hear(errand, outcome);
        }
        if self.running.is_some() || clock::now() < self.at {
            return;
        }
        let errand = match (&self.told, &self.wanted) {
            (None, None) => return,
            (told, wanted) if told != wanted => Errand::Change(told.clone(), wanted.clone()),
            (Some(told), _) => Errand::Look(told.clone()),
            (None, Some(wanted)) => Errand::Change(None, Some(wanted.clone())),
        };
        let namespace = self.namespace.clone();
        let (does, says) = (errand.copy(), errand);
        let task = beside::run(move || does.run(namespace));
        self.running = Some((says, task));
    }

    fn hear(&mut self, errand: Errand, outcome: Outcome) {
        let pause = u64::try_from(LOOK.as_nanos()).unwrap_or(u64::MAX);
        self.at = clock::now().saturating_add(pause);
        match (errand, outcome) {
            (Errand::Change(_, wanted), Outcome::Done) => {
                // Another configuration may have come meanwhile.
                if wanted != self.wanted {
                    self.at = 0;
                }
                self.told = wanted;
                if self.complaint.take().is_some() {
                    self.log.notice("packets to groups get their marks again");
                }
            }
            (Errand::Look(looked), Outcome::Gone) => {
                self.log.warning(format_args!(
                    "the table {} of the packet filter was removed by somebody else: it is made anew",
                    looked.table
                ));
                (self.told, self.at) = (None, 0);
            }
            (_, Outcome::Failed(why)) => {
                if self.complaint.as_ref() != Some(&why) {
                    self.log.error(format_args!("packets to groups get no marks: {why}; it is tried again"));
                    self.complaint = Some(why);
                }
            }
            (Errand::Look(_), Outcome::Whole | Outcome::Done)
            | (Errand::Change(..), Outcome::Whole | Outcome::Gone) => {}
        }
    }

    /// Leaves no marks behind, unless everything is to stay.
    pub(super) async fn end(&mut self, stays: bool) {
        if let Some((errand, task)) = self.running.take() {
            let outcome = match self.outcome.take() {
                Some(outcome) => outcome,
                None => task.await.unwrap_or_else(|error| Outcome::Failed(error.to_string())),
            };
            self.hear(errand, outcome);
        }
        if let Some(told) = self.told.take().filter(|_| !stays) {
            let namespace = self.namespace.clone();
            let gone = Errand::Change(Some(told), None);
            match beside::run(move || gone.run(namespace)).await {
                Ok(Outcome::Failed(why)) => self.log.warning(format_args!("marks of packets stay behind: {why}")),
                Err(error) => self.log.warning(format_args!("marks of packets stay behind: {error}")),
                Ok(Outcome::Done | Outcome::Whole | Outcome::Gone) => {}
            }
        }
    }
}

impl Errand {
    fn copy(&self) -> Errand {
        match self {
            Errand::Change(from, to) => Errand::Change(from.clone(), to.clone()),
            Errand::Look(marks) => Errand::Look(marks.clone()),
        }
    }

    fn run(self, namespace: Option<PathBuf>) -> Outcome {
        let failed = |error: io::Error| Outcome::Failed(error.to_string());
        let mut marker = match Marker::open(namespace.as_deref()) {
            Ok(marker) => marker,
            Err(error) => return failed(error),
        };
        match self {
            Errand::Change(from, to) => {
                let table = to.as_ref().map(|to| to.table.clone());
                let leaving = from.filter(|from| table.as_ref() != Some(&from.table));
                let leaving = leaving.map(|from| Marks { entries: Vec::new(), ..from });
                for marks in leaving.iter().chain(&to) {
                    if let Err(refused) = marker.set(marks) {
                        return Outcome::Failed(refused.to_string());
                    }
                }
                Outcome::Done
            }
            Errand::Look(marks) => match marker.is_whole(&marks) {
                Ok(true) => Outcome::Whole,
                Ok(false) => Outcome::Gone,
                Err(error) => failed(error),
            },
        }
    }
}

/// A port, and how far addresses go, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Area {
    addresses: (u128, u128),
    ports: (u16, u16),
}

impl Area {
    fn of(element: &plan::Mark) -> Area {
        let number = |address| match address {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        };
        // A group without a port balances every port.
        let ports = if element.port == 0 { (0, u16::MAX) } else { (element.port, element.port) };
        Area { addresses: (number(element.first), number(element.last)), ports }
    }

    fn meets(&self, other: &Area) -> bool {
        self.addresses.0 <= other.addresses.1
            && other.addresses.0 <= self.addresses.1
            && self.ports.0 <= other.ports.1
            && other.ports.0 <= self.ports.1
    }

    /// What of this one the other does not cover.
    fn without(self, other: &Area) -> Vec<Area> {
        if !self.meets(other) {
            return vec![self];
        }
        let mut rest = Vec::new();
        let ((first, last), (low, high)) = (self.addresses, self.ports);
        if first < other.addresses.0 {
            rest.push(Area { addresses: (first, other.addresses.0 - 1), ..self });
        }
        if last > other.addresses.1 {
            rest.push(Area { addresses: (other.addresses.1 + 1, last), ..self });
        }
        let addresses = (first.max(other.addresses.0), last.min(other.addresses.1));
        if low < other.ports.0 {
            rest.push(Area { addresses, ports: (low, other.ports.0 - 1) });
        }
        if high > other.ports.1 {
            rest.push(Area { addresses, ports: (other.ports.1 + 1, high) });
        }
        rest
    }
}

/// Of elements that meet, the first keeps what they have in common. Those that lost something to another mark come back
/// beside.
fn disjoint(elements: &[plan::Mark]) -> (Vec<Entry>, Vec<&plan::Mark>) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut taken: Vec<(u8, bool, Area, u32)> = Vec::new();
    let mut doubled = Vec::new();
    for element in elements {
        let (protocol, is_v6) = (element.protocol.number(), element.first.is_ipv6());
        let mut pieces = vec![Area::of(element)];
        for (_, _, area, mark) in taken.iter().filter(|(other, v6, ..)| (*other, *v6) == (protocol, is_v6)) {
            if pieces.iter().any(|piece| piece.meets(area)) {
                pieces = pieces.into_iter().flat_map(|piece| piece.without(area)).collect();
                if *mark != element.mark && doubled.last() != Some(&element) {
                    doubled.push(element);
                }
            }
        }
        for piece in pieces {
            let address = |number: u128| {
                if is_v6 {
                    IpAddr::V6(number.into())
                } else {
                    IpAddr::V4(u32::try_from(number).unwrap_or(u32::MAX).into())
                }
            };
            let (first, last) = (address(piece.addresses.0), address(piece.addresses.1));
            entries.push(Entry { protocol, first, last, ports: piece.ports, mark: element.mark });
            taken.push((protocol, is_v6, piece, element.mark));
        }
    }
    (entries, doubled)
}

#[cfg(test)]
mod tests;
