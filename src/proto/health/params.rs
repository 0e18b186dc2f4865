// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the configuration says, in the machine's own terms.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::table::{Key, Method, Spec, Thresholds};
use super::types::{CheckerId, FrontId, ServerId, ServiceId, Timing, Verdict};
use crate::proto::change::{Change, difference};

/// A whole wanted configuration of the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Setup {
    pub globals: Globals,
    pub services: BTreeMap<ServiceId, ServiceParams>,
    pub servers: BTreeMap<ServerId, ServerParams>,
    pub checkers: BTreeMap<CheckerId, CheckerParams>,
    pub fronts: BTreeMap<FrontId, FrontParams>,
}

/// The difference between two of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Changes {
    pub globals: Option<Globals>,
    pub services: BTreeMap<ServiceId, Change<ServiceParams>>,
    pub servers: BTreeMap<ServerId, Change<ServerParams>>,
    pub checkers: BTreeMap<CheckerId, Change<CheckerParams>>,
    pub fronts: BTreeMap<FrontId, Change<FrontParams>>,
    /// What is known of checkers that are told, so that a server that is bad already never gets in.
    pub readings: BTreeMap<CheckerId, Verdict>,
}

impl Changes {
    pub fn between(old: &Setup, new: &Setup) -> Changes {
        Changes {
            globals: (old.globals != new.globals).then(|| new.globals.clone()),
            services: difference(&old.services, &new.services),
            servers: difference(&old.servers, &new.servers),
            checkers: difference(&old.checkers, &new.checkers),
            fronts: difference(&old.fronts, &new.fronts),
            readings: BTreeMap::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        let Changes { globals, services, servers, checkers, fronts, readings } = self;
        globals.is_none()
            && services.is_empty()
            && servers.is_empty()
            && checkers.is_empty()
            && fronts.is_empty()
            && readings.is_empty()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Globals {
    /// `lvs_flush`: the table is emptied before the first entry.
    pub flush_at_start: bool,
    pub at_stop: AtStop,
    /// `rs_init_notifies`: servers that are up from the start are told of.
    pub notify_at_start: bool,
}

/// What becomes of the table at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AtStop {
    /// Our entries are taken out.
    #[default]
    Remove,
    /// `lvs_flush_on_stop VS`: our services are taken out, and servers are not told of.
    RemoveServices,
    /// `lvs_flush_on_stop`: the whole table is emptied, and servers are not told of.
    Flush,
    /// `--dont-release-ipvs`: everything stays.
    Keep,
}

/// A virtual server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceParams {
    /// In the order of the configuration.
    pub servers: Vec<ServerId>,
    pub quorum: u32,
    pub hysteresis: u32,
    pub sorry: Option<SorryParams>,
    /// `ha_suspend`: servers are checked while an address of these ranges, first and last included, is on this host.
    pub follows: Option<Arc<[(IpAddr, IpAddr)]>>,
    /// The end of the daemon is told of as if everything failed.
    pub omega: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SorryParams {
    pub address: IpAddr,
    pub port: u16,
    pub method: Method,
    /// It stays in the table with weight 0 while it is not needed.
    pub inhibit: bool,
}

/// A real server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerParams {
    pub service: ServiceId,
    pub address: IpAddr,
    /// Used with address translation; else packets keep the port they came to.
    pub port: u16,
    pub weight: u32,
    pub method: Method,
    pub thresholds: Thresholds,
    /// It stays in the table with weight 0 while it is down.
    pub inhibit: bool,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CheckerParams {
    pub server: ServerId,
    pub how: How,
    /// It counts as failed until it succeeds.
    pub alpha: bool,
    pub log_all_failures: bool,
    /// Another number means that something else is looked at from now on, so that what was found is to be proven anew.
    pub revision: u32,
}

/// Where results come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// We ask.
    Asked(Arc<Timing>),
    /// Somebody says when something changed (FILE_CHECK, BFD_CHECK).
    Told,
}

/// Services of the kernel with the same content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FrontParams {
    pub keys: Arc<[Key]>,
    pub spec: Arc<Spec>,
    /// The port packets come to, and keep without address translation; 0 for marks.
    pub port: u16,
    /// The virtual servers behind it, in the order of the configuration.
    pub services: Vec<ServiceId>,
}
