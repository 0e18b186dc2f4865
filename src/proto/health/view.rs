// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be asked of an engine. Nothing here decides anything.

use super::Engine;
use super::checker::Counters;
use super::params::{CheckerParams, ServerParams, ServiceParams};
use super::server::Wish;
use super::types::{CheckerId, ServerId, ServiceId, Weight};

/// A real server as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerView<'e> {
    pub params: &'e ServerParams,
    pub up: bool,
    /// While it is up.
    pub weight: u32,
    pub wish: Option<Wish>,
    pub checkers: &'e [CheckerId],
}

/// A virtual server as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceView<'e> {
    pub params: &'e ServiceParams,
    /// It has its quorum.
    pub up: bool,
    /// The sorry server serves.
    pub sorry: bool,
    pub suspended: bool,
}

/// A checker as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckerView<'e> {
    pub params: &'e CheckerParams,
    pub up: bool,
    pub has_run: bool,
    /// A check is under way.
    pub running: bool,
    /// In a row.
    pub failures: u32,
    /// The page that is asked for next; the one that failed while it is down.
    pub page: u16,
    /// What it adds to the weight of its server.
    pub weight: Option<Weight>,
    pub counters: Counters,
}

impl Engine {
    /// After `Stop`: nothing is awaited any more.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The kernel has confirmed everything that is wanted.
    pub fn is_settled(&self) -> bool {
        self.fronts.is_settled()
    }

    /// How often the kernel refused something, or had no table.
    pub fn refusals(&self) -> u64 {
        self.fronts.refusals
    }

    pub fn services(&self) -> impl Iterator<Item = ServiceId> + '_ {
        self.services.keys().copied()
    }

    pub fn servers(&self) -> impl Iterator<Item = ServerId> + '_ {
        self.servers.keys().copied()
    }

    pub fn checkers(&self) -> impl Iterator<Item = CheckerId> + '_ {
        self.checkers.keys().copied()
    }

    pub fn service(&self, id: ServiceId) -> Option<ServiceView<'_>> {
        let service = self.services.get(&id)?;
        Some(ServiceView {
            params: &service.params,
            up: service.up,
            sorry: service.sorry,
            suspended: service.suspended,
        })
    }

    pub fn server(&self, id: ServerId) -> Option<ServerView<'_>> {
        let server = self.servers.get(&id)?;
        Some(ServerView {
            params: &server.params,
            up: server.up,
            weight: server.weight,
            wish: server.wish,
            checkers: &server.checkers,
        })
    }

    pub fn checker(&self, id: CheckerId) -> Option<CheckerView<'_>> {
        let checker = self.checkers.get(&id)?;
        Some(CheckerView {
            params: &checker.params,
            up: checker.up,
            has_run: checker.has_run(),
            running: checker.is_asked(),
            failures: checker.failures(),
            page: checker.page(),
            weight: checker.weight(),
            counters: checker.counters,
        })
    }
}
