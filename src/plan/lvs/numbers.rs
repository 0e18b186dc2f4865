// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers for what is in a plan. What is in the next plan too keeps its number; a number is never given again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use keepalived_conf::blocks::lvs::check::Checker;

use crate::proto::health::{CheckerId, Family, FrontId, Protocol, ServerId, ServiceId};

/// What makes a virtual server the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Head {
    Address(IpAddr, u16, Protocol),
    Fwmark(u32, Family),
    Group(String, Option<Protocol>),
}

/// What makes a front the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FrontKey {
    pub(super) services: Vec<ServiceId>,
    pub(super) port: u16,
    pub(super) marks: bool,
}

/// A check in the plan, and how often what is looked at was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Looked {
    pub(super) id: CheckerId,
    pub(super) revision: u32,
    pub(super) check: Arc<Checker>,
}

/// The numbers of one plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    services: Given<(Head, usize), ServiceId>,
    servers: Given<(ServiceId, IpAddr, u16), ServerId>,
    fronts: Given<FrontKey, FrontId>,
    marks: BTreeMap<(String, Protocol), u32>,
    checkers: BTreeMap<ServerId, Vec<Looked>>,
    next_checker: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Given<K: Ord, N> {
    known: BTreeMap<K, N>,
    next: u32,
}

impl<K: Ord, N> Default for Given<K, N> {
    fn default() -> Given<K, N> {
        Given { known: BTreeMap::new(), next: 0 }
    }
}

impl<K: Ord + Clone, N: Copy> Given<K, N> {
    /// The number `key` has in the plan before, or the next one.
    fn give(&mut self, before: Option<&Given<K, N>>, key: K, wrap: fn(u32) -> N) -> N {
        let kept = before.and_then(|before| before.known.get(&key).copied());
        let number = kept.unwrap_or_else(|| {
            self.next = self.next.saturating_add(1);
            wrap(self.next)
        });
        self.known.insert(key, number);
        number
    }
}

/// Gives numbers to a plan that is being made.
#[derive(Debug)]
pub(super) struct Numbering<'p> {
    before: Option<&'p Numbers>,
    pub(super) numbers: Numbers,
}

impl<'p> Numbering<'p> {
    pub(super) fn after(before: Option<&'p Numbers>) -> Numbering<'p> {
        let mut numbers = Numbers::default();
        if let Some(before) = before {
            numbers.services.next = before.services.next;
            numbers.servers.next = before.servers.next;
            numbers.fronts.next = before.fronts.next;
            numbers.next_checker = before.next_checker;
        }
        Numbering { before, numbers }
    }

    pub(super) fn service(&mut self, head: Head, nth: usize) -> ServiceId {
        self.numbers.services.give(self.before.map(|before| &before.services), (head, nth), ServiceId)
    }

    pub(super) fn server(&mut self, service: ServiceId, ip: IpAddr, port: u16) -> ServerId {
        self.numbers.servers.give(self.before.map(|before| &before.servers), (service, ip, port), ServerId)
    }

    pub(super) fn front(&mut self, key: FrontKey) -> FrontId {
        self.numbers.fronts.give(self.before.map(|before| &before.fronts), key, FrontId)
    }

    /// The mark of a group: the one it has, or the first from `first` on that nobody has.
    pub(super) fn mark(&mut self, group: &str, protocol: Protocol, first: u32, taken: &BTreeSet<u32>) -> u32 {
        let key = (group.to_owned(), protocol);
        if let Some(mark) = self.numbers.marks.get(&key) {
            return *mark;
        }
        let kept = self.before.and_then(|before| before.marks.get(&key).copied());
        let in_use = |numbers: &Numbers, mark: u32| numbers.marks.values().any(|used| *used == mark);
        let free = |mark: &u32| {
            !taken.contains(mark)
                && !in_use(&self.numbers, *mark)
                && !self.before.is_some_and(|before| in_use(before, *mark))
        };
        let kept = kept.filter(|mark| *mark >= first && !taken.contains(mark));
        let mark = kept.or_else(|| (first..=u32::MAX).find(free)).unwrap_or(first);
        self.numbers.marks.insert(key, mark);
        mark
    }

    /// Numbers for the checks of one server: first those that look at the same as one before, then those of the same
    /// kind as one that is left.
    pub(super) fn checkers(&mut self, server: ServerId, checks: Vec<Arc<Checker>>) -> &[Looked] {
        let mut old: Vec<Option<&Looked>> =
            self.before.and_then(|before| before.checkers.get(&server)).into_iter().flatten().map(Some).collect();
        let mut found: Vec<Option<(CheckerId, u32)>> = vec![None; checks.len()];
        for (check, found) in checks.iter().zip(&mut found) {
            *found =
                take(&mut old, |known| known.check.looks_at_the_same(check)).map(|known| (known.id, known.revision));
        }
        for (check, found) in checks.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
            let same_kind = take(&mut old, |known| known.check.keyword() == check.keyword());
            *found = same_kind.map(|known| (known.id, known.revision.wrapping_add(1)));
        }
        let mut looked = Vec::with_capacity(checks.len());
        for (check, found) in checks.into_iter().zip(found) {
            let (id, revision) = found.unwrap_or_else(|| {
                self.numbers.next_checker = self.numbers.next_checker.saturating_add(1);
                (CheckerId(self.numbers.next_checker), 0)
            });
            looked.push(Looked { id, revision, check });
        }
        let kept = self.numbers.checkers.entry(server).or_default();
        *kept = looked;
        kept
    }
}

/// The first that fits, which is not there any more then.
fn take<'l>(list: &mut [Option<&'l Looked>], fits: impl Fn(&Looked) -> bool) -> Option<&'l Looked> {
    list.iter_mut().find(|known| known.is_some_and(&fits)).and_then(Option::take)
}
