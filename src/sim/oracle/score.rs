// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a run comes to: time without a master, time with two, time a client was not served, and how often the
//! masters changed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::proto::Instant;
use crate::sim::layout::{Layout, Router};

/// A time that comes in stretches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    pub longest: Duration,
    pub total: Duration,
    pub times: u64,
    since: Option<Instant>,
}

impl Measure {
    fn set(&mut self, now: Instant, on: bool) {
        match (self.since, on) {
            (None, true) => self.since = Some(now),
            (Some(since), false) => {
                self.since = None;
                let lasted = now.since(since);
                if !lasted.is_zero() {
                    self.longest = self.longest.max(lasted);
                    self.total += lasted;
                    self.times += 1;
                }
            }
            (None, false) | (Some(_), true) => {}
        }
    }
}

/// The measures of one virtual router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterScore {
    pub name: String,
    /// Without a master, from the first one on.
    pub gap: Measure,
    /// With more than one.
    pub overlap: Measure,
    /// The worst client and address, from the first answer on.
    pub outage: Measure,
    /// How often the set of masters changed.
    pub changes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    pub routers: Vec<RouterScore>,
}

impl Score {
    /// The worst virtual router by one measure.
    pub fn worst(&self, of: impl Fn(&RouterScore) -> Measure) -> Duration {
        self.routers.iter().map(|router| of(router).longest).max().unwrap_or_default()
    }

    pub fn changes(&self) -> u64 {
        self.routers.iter().map(|router| router.changes).sum()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Meters {
    routers: Vec<RouterScore>,
    begun: Vec<bool>,
    clients: BTreeMap<(usize, usize, IpAddr), Measure>,
}

impl Meters {
    pub(super) fn new(_layout: &Layout, routers: &[Router]) -> Meters {
        let score = |router: &Router| RouterScore { name: router.name.clone(), ..RouterScore::default() };
        Meters {
            routers: routers.iter().map(score).collect(),
            begun: vec![false; routers.len()],
            clients: BTreeMap::new(),
        }
    }

    pub(super) fn name(&self, router: usize) -> &str {
        self.routers.get(router).map_or("?", |router| router.name.as_str())
    }

    pub(super) fn masters(&mut self, now: Instant, router: usize, masters: usize) {
        let (Some(score), Some(begun)) = (self.routers.get_mut(router), self.begun.get_mut(router)) else { return };
        *begun |= masters > 0;
        score.changes += 1;
        score.gap.set(now, *begun && masters == 0);
        score.overlap.set(now, masters > 1);
    }

    pub(super) fn client(&mut self, now: Instant, key: (usize, usize, IpAddr), served: bool) {
        match self.clients.get_mut(&key) {
            Some(measure) => measure.set(now, !served),
            None if served => {
                self.clients.insert(key, Measure::default());
            }
            None => {}
        }
    }

    pub(super) fn finish(&mut self, end: Instant) -> Score {
        for score in &mut self.routers {
            score.gap.set(end, false);
            score.overlap.set(end, false);
        }
        for ((_, router, _), measure) in &mut self.clients {
            measure.set(end, false);
            if let Some(score) = self.routers.get_mut(*router)
                && measure.longest >= score.outage.longest
            {
                score.outage = *measure;
            }
        }
        Score { routers: self.routers.clone() }
    }
}
