// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lints of VRRP: one configuration by itself, its scripts, and nodes that are to work together.
//!
//! Two or more masters, or none, is what every one of them leads to.

mod instances;
mod nodes;
mod pair;
mod range;
mod scripts;

#[cfg(test)]
mod tests;

use crate::blocks::Config;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

pub const OWNER_BY_STATE: Code = Code::new("KL001", "MASTER without a priority owns the addresses");
pub const OWNER_TRACKS: Code = Code::new("KL002", "tracking by an owner");
pub const OUT_OF_BOUNDS: Code = Code::new("KL003", "weights beyond what a priority can be");
pub const SAME_ID_NEARBY: Code = Code::new("KL004", "one virtual router id twice on an interface");
pub const SILENT_ADDRESSES: Code = Code::new("KL005", "addresses that answer nobody");
pub const UNCHECKED_SOURCE: Code = Code::new("KL006", "unicast from anybody");
pub const PEER_IS_SELF: Code = Code::new("KL007", "a router that is its own peer");
pub const FAST_ADVERTS: Code = Code::new("KL008", "short intervals without real-time scheduling");
pub const SLOW_TAKEOVER: Code = Code::new("KL009", "a takeover that takes long");
pub const ONE_LOST_ADVERT: Code = Code::new("KL010", "one lost advert changes the master");
pub const BLIND_TO_LINK: Code = Code::new("KL011", "nobody watches the interface");
pub const NEVER_ANNOUNCED: Code = Code::new("KL012", "nothing corrects the neighbours after two masters");
pub const UNEVEN_GROUP: Code = Code::new("KL013", "members of a sync group that are elected apart");
pub const MIXED_GROUP: Code = Code::new("KL014", "members of a sync group that preempt differently");
pub const LONG_SCRIPT: Code = Code::new("KL015", "a script that may outlast its interval");
pub const SLOW_SCRIPT: Code = Code::new("KL016", "a script that notices late");
pub const SHELL_WORDS: Code = Code::new("KL017", "words for a shell that is not there");
pub const SIGNAL_WITHOUT_RIGHTS: Code = Code::new("KL018", "a signal its account may not send");
pub const FAULT_EVERYWHERE: Code = Code::new("KL019", "a check that fails on every router at once");
pub const OFF_THE_SUBNET: Code = Code::new("KL020", "an address of another network");

pub const TWO_OWNERS: Code = Code::new("KL021", "two owners of the addresses");
pub const EQUAL_PRIORITY: Code = Code::new("KL022", "two routers of one priority");
pub const DIFFERENT_VERSION: Code = Code::new("KL023", "routers of different versions");
pub const DIFFERENT_INTERVAL: Code = Code::new("KL024", "routers with different intervals");
pub const DIFFERENT_AUTHENTICATION: Code = Code::new("KL025", "routers that do not believe each other");
pub const DIFFERENT_ADDRESSES: Code = Code::new("KL026", "routers with different addresses");
pub const DIFFERENT_REACH: Code = Code::new("KL027", "routers that cannot hear each other");
pub const NOT_MUTUAL: Code = Code::new("KL028", "a peer that does not answer");
pub const MISPLACED_NOPREEMPT: Code = Code::new("KL029", "nopreempt on the wrong router");
pub const WEIGHTS_TOO_SMALL: Code = Code::new("KL030", "weights that never change the election");
pub const WEIGHTS_TURN_ROUND: Code = Code::new("KL031", "weights that always change the election");
pub const DIFFERENT_PATIENCE: Code = Code::new("KL032", "routers that wait differently long");
pub const DIFFERENT_GROUPS: Code = Code::new("KL033", "sync groups with different members");
pub const DIFFERENT_MAC: Code = Code::new("KL034", "a virtual MAC on some routers only");
pub const DIFFERENT_ROUTER: Code = Code::new("KL035", "one id for two virtual routers");
pub const ALONE: Code = Code::new("KL036", "a virtual router on one node only");

pub const WEIGHTS_UNHEEDED: Code = Code::new("KL037", "weights that nopreempt makes void");

/// Every code, for the list in the documentation.
pub const CODES: [Code; 37] = [
    OWNER_BY_STATE,
    OWNER_TRACKS,
    OUT_OF_BOUNDS,
    SAME_ID_NEARBY,
    SILENT_ADDRESSES,
    UNCHECKED_SOURCE,
    PEER_IS_SELF,
    FAST_ADVERTS,
    SLOW_TAKEOVER,
    ONE_LOST_ADVERT,
    BLIND_TO_LINK,
    NEVER_ANNOUNCED,
    UNEVEN_GROUP,
    MIXED_GROUP,
    LONG_SCRIPT,
    SLOW_SCRIPT,
    SHELL_WORDS,
    SIGNAL_WITHOUT_RIGHTS,
    FAULT_EVERYWHERE,
    OFF_THE_SUBNET,
    TWO_OWNERS,
    EQUAL_PRIORITY,
    DIFFERENT_VERSION,
    DIFFERENT_INTERVAL,
    DIFFERENT_AUTHENTICATION,
    DIFFERENT_ADDRESSES,
    DIFFERENT_REACH,
    NOT_MUTUAL,
    MISPLACED_NOPREEMPT,
    WEIGHTS_TOO_SMALL,
    WEIGHTS_TURN_ROUND,
    DIFFERENT_PATIENCE,
    DIFFERENT_GROUPS,
    DIFFERENT_MAC,
    DIFFERENT_ROUTER,
    ALONE,
    WEIGHTS_UNHEEDED,
];

pub(super) fn lint(config: &Config, findings: &mut Diagnostics) {
    for instance in &config.vrrp.instances {
        instances::lint(instance, config, findings);
    }
    instances::same_id(config, findings);
    instances::groups(config, findings);
    scripts::lint(config, findings);
}

pub(super) fn across(nodes: &[&Config]) -> Vec<(usize, Diagnostic)> {
    nodes::lint(nodes)
}
