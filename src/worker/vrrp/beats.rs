// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces whose driver does not tell of its carrier are asked for it, once a second.

use std::collections::BTreeMap;
use std::time::Duration;

use keepalived_conf::blocks::vrrp::links::LinkbeatMethod;

use crate::kernel::clock;
use crate::kernel::linkbeat::{self, Method};

const EVERY: Duration = Duration::from_secs(1);

type Asked = BTreeMap<String, Option<LinkbeatMethod>>;

#[derive(Debug, Default)]
pub(super) struct Beats {
    /// When they are asked next, on the clock of deadlines.
    next: u64,
}

impl Beats {
    /// How long until somebody is to be asked.
    pub(super) fn rest(&self, asked: &Asked, now: u64) -> Option<Duration> {
        (!asked.is_empty()).then(|| Duration::from_nanos(self.next.saturating_sub(now)))
    }

    /// What those say that were asked, when it is time to. One that cannot be asked says nothing.
    pub(super) fn ask(&mut self, asked: &Asked, now: u64) -> Vec<(String, bool)> {
        if asked.is_empty() || now < self.next {
            return Vec::new();
        }
        self.next = clock::after(now, EVERY);
        let method = |method: &LinkbeatMethod| match method {
            LinkbeatMethod::Mii => Method::Mii,
            LinkbeatMethod::Ethtool => Method::Ethtool,
            LinkbeatMethod::Ioctl => Method::Flags,
        };
        asked
            .iter()
            .filter_map(|(name, how)| Some((name.clone(), linkbeat::has_carrier(name, how.as_ref().map(method)).ok()?)))
            .collect()
    }
}
