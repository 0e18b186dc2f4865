// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mails about VRRP, in keepalived's words: which change is told, and how.

use std::collections::BTreeMap;

use super::Hooks;
use crate::notify::smtp::Alert;
use crate::proto::vrrp::{GroupId, InstanceId};

/// Whose state it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    Instance(InstanceId),
    Group(GroupId),
}

/// The states that were told last.
#[derive(Debug, Default)]
pub(super) struct Mails {
    told: BTreeMap<Whose, &'static str>,
}

impl Mails {
    /// The mail about a state, if there is one. None is told twice in a row; one that is kept back is as if it had not
    /// been.
    pub(super) fn about(&mut self, whose: Whose, of: &Hooks, state: &'static str, no_faults: bool) -> Option<Alert> {
        if self.told.get(&whose) == Some(&state) || (state == "FAULT" && no_faults) {
            return None;
        }
        self.told.insert(whose, state);
        of.mails.then(|| alert(whose, &of.name, state))
    }

    pub(super) fn forget(&mut self, whose: Whose) {
        self.told.remove(&whose);
    }
}

fn alert(whose: Whose, name: &str, state: &str) -> Alert {
    let kind = match whose {
        Whose::Instance(_) => "Instance",
        Whose::Group(_) => "Group",
    };
    let tail = match state {
        "STOP" => "Stopping".to_owned(),
        "DELETED" => "Deleted".to_owned(),
        state => format!("Entering {state} state"),
    };
    let body = match (whose, state) {
        (_, "DELETED") => "=> VRRP Deleted at reload <=".to_owned(),
        (Whose::Instance(_), "MASTER") => "=> VRRP Instance is now owning VRRP VIPs <=".to_owned(),
        (Whose::Instance(_), "STOP") => "=> VRRP Instance stopping <=".to_owned(),
        (Whose::Instance(_), _) => "=> VRRP Instance is no longer owning VRRP VIPs <=".to_owned(),
        (Whose::Group(_), "STOP") => "=> All VRRP group instances are now stopping <=".to_owned(),
        (Whose::Group(_), state) => format!("=> All VRRP group instances are now in {state} state <="),
    };
    Alert { subject: format!("VRRP {kind} {name} - {tail}"), body }
}
