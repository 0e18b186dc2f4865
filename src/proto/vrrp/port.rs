// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the engine knows of a port: whether its link is usable, and the addresses adverts may leave with.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::io::Link;
use super::params::PortParams;
use super::types::Family;
use crate::proto::Instant;
use crate::proto::track::Level;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Port {
    params: PortParams,
    level: Level,
    gone: bool,
    sources: BTreeMap<Family, Option<IpAddr>>,
}

impl Port {
    pub(super) fn retune(&mut self, params: PortParams) {
        self.params = params;
    }

    /// `None` before the link was told.
    pub(super) fn link(&self) -> Option<Link> {
        if self.gone {
            return Some(Link::Gone);
        }
        self.level.is_up().map(|up| if up { Link::Up } else { Link::Down })
    }

    /// Takes what is told about the link; tells whether it changed, after delays. One that is gone is gone at once.
    pub(super) fn observe(&mut self, now: Instant, link: Link, down_limit: Option<Duration>) -> bool {
        let before = self.link();
        match link {
            Link::Gone => {
                self.gone = true;
                self.level = Level::default();
            }
            Link::Up | Link::Down => {
                self.gone = false;
                let down_delay = down_limit.map_or(self.params.down_delay, |limit| limit.min(self.params.down_delay));
                self.level.observe_link(now, link == Link::Up, (self.params.up_delay, down_delay));
            }
        }
        before != self.link()
    }

    /// `None` before the source was told, `Some(None)` when there is none.
    pub(super) fn source(&self, family: Family) -> Option<Option<IpAddr>> {
        self.sources.get(&family).copied()
    }

    pub(super) fn set_source(&mut self, family: Family, source: Option<IpAddr>) {
        self.sources.insert(family, source);
    }

    pub(super) fn shorten(&mut self, until: Instant) {
        self.level.shorten(until);
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.level.due()
    }

    pub(super) fn expire(&mut self, now: Instant) -> bool {
        self.level.expire(now)
    }

    pub(super) fn rebase(&mut self, by: Duration) {
        self.level.rebase(by);
    }
}
