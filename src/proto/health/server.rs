// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real servers and virtual servers: what is known of them, and what follows from it.

use super::params::{ServerParams, ServiceParams};
use super::types::{CheckerId, FrontId, WEIGHT_MAX, Weight};
use crate::proto::Instant;

/// A real server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Server {
    pub(super) params: ServerParams,
    pub(super) checkers: Vec<CheckerId>,
    /// None of its checkers has failed.
    pub(super) up: bool,
    /// While it is up.
    pub(super) weight: u32,
    pub(super) wish: Option<Wish>,
}

/// What an operator wants of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wish {
    pub weight: u32,
    /// Weight 0 so that it can be taken away, and not a weight like others.
    pub drain: bool,
    pub until: Option<Instant>,
}

impl Server {
    pub(super) fn new(params: ServerParams) -> Server {
        let weight = params.weight;
        Server { params, checkers: Vec::new(), up: false, weight, wish: None }
    }

    /// The weight in force: the configured one and what checkers add, or what an operator wants.
    pub(super) fn weight_with(&self, said: impl Iterator<Item = Weight>) -> u32 {
        if let Some(wish) = self.wish {
            return wish.weight;
        }
        let own = i64::from(self.params.weight);
        let added = said.map(|weight| match weight {
            Weight::Exactly(weight) => i64::from(weight) - own,
            Weight::Plus(more) => i64::from(more),
        });
        let total = added.fold(own, i64::saturating_add);
        u32::try_from(total.clamp(0, i64::from(WEIGHT_MAX))).unwrap_or(WEIGHT_MAX)
    }
}

/// A virtual server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Service {
    pub(super) params: ServiceParams,
    pub(super) fronts: Vec<FrontId>,
    /// It has its quorum.
    pub(super) up: bool,
    /// Whether that was told, or the contrary.
    pub(super) told: Option<bool>,
    /// The sorry server serves.
    pub(super) sorry: bool,
    pub(super) suspended: bool,
}

/// The weights of a virtual server's real servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// Of those in service.
    pub(super) in_service: u64,
    /// As configured, of all.
    pub(super) configured: u64,
}

impl Service {
    pub(super) fn new(params: ServiceParams) -> Service {
        Service { params, fronts: Vec::new(), up: false, told: None, sorry: false, suspended: false }
    }

    /// Looks at the quorum. A service that has none gains it at `quorum + hysteresis`, or when every server has its
    /// configured weight; it loses it below `quorum - hysteresis`, and always with the last server.
    pub(super) fn judge(&mut self, sum: Sum) -> bool {
        let (quorum, hysteresis) = (u64::from(self.params.quorum), u64::from(self.params.hysteresis));
        let weight = sum.in_service;
        let before = self.up;
        self.up = if before {
            weight > 0 && weight >= quorum.saturating_sub(hysteresis)
        } else {
            weight > 0 && weight >= (quorum + hysteresis).min(sum.configured.max(quorum))
        };
        before != self.up
    }
}
