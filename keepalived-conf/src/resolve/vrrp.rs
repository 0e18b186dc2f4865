// SPDX-License-Identifier: MIT OR Apache-2.0
//! VRRP across blocks: what instances inherit, what their settings do to each other, who belongs to whom, what clashes.

mod addresses;
mod authentication;
mod clashes;
mod election;
mod groups;
mod inherit;
mod interfaces;
mod reach;
mod statics;
mod tracks;

use crate::blocks::Config;
use crate::blocks::vrrp::instance::{Fault, VrrpInstance};
use crate::diagnostic::{Code, Diagnostic};
use crate::value::Cx;

pub use addresses::{DUPLICATE_ADDRESS, NO_ADDRESSES, NOT_LINK_LOCAL, TOO_MANY_ADDRESSES};
pub use authentication::{NO_ACTIVE_KEY, NO_AUTHENTICATION};
pub use clashes::{SAME_ADDRESS, SAME_VIRTUAL_ROUTER, SAME_VMAC_NAME};
pub use election::{IGNORED, INTERVAL_ROUNDED, NO_VIRTUAL_ROUTER_ID, NOT_STRICT};
pub use groups::{IN_TWO_GROUPS, ONE_MEMBER, UNKNOWN_INSTANCE};
pub use interfaces::{DELAY_TOO_LONG, LOOPBACK, NO_SUCH_INTERFACE, NOT_A_VRF, TAKEN_INTERFACE};
pub use reach::{NO_INTERFACE, NO_PEERS};
pub use statics::UNKNOWN_TRACK_GROUP;
pub use tracks::{DEFINED_LATER, OWN_INTERFACE, TRACKED_TWICE, UNDEFINED, WEIGHT_TAKEN};

pub(super) fn resolve(config: &mut Config, cx: &mut Cx<'_>) {
    inherit::instances(config);
    interfaces::resolve(config, cx);
    for instance in &mut config.vrrp.instances {
        election::resolve(instance, cx);
        reach::resolve(instance, cx);
        authentication::resolve(instance, cx);
        addresses::resolve(instance, cx);
    }
    groups::resolve(config, cx);
    inherit::priority_changes(config);
    tracks::resolve(config, cx);
    statics::resolve(config, cx);
    clashes::resolve(config, cx);
    interfaces::delays(config, cx);
}

/// A setting of an instance that is not used as written, at its keyword.
fn at_keyword(instance: &VrrpInstance, code: Code, keyword: &str, message: &str, then: &str) -> Diagnostic {
    let message = format!("{}: {message}", instance.name);
    Diagnostic::error(code, message).at(instance.seen.span_or_head(keyword), then)
}

/// An instance that cannot run.
fn broken(instance: &mut VrrpInstance, fault: Fault, finding: Diagnostic, cx: &mut Cx<'_>) {
    if !instance.faults.contains(&fault) {
        instance.faults.push(fault);
    }
    let consequence =
        if fault.stops_keepalived() { "keepalived does not start with this" } else { "the instance stays in FAULT" };
    cx.diagnostics.push(finding.note(consequence));
}
