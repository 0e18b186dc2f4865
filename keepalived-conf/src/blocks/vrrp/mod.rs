// SPDX-License-Identifier: MIT OR Apache-2.0
//! VRRP: instances, sync groups, static addresses, routes and rules.

pub mod auth_hmac;
pub mod authentication;
pub mod entry;
pub mod garp_group;
pub mod instance;
pub mod links;
mod statics;
pub mod sync_group;
pub mod track_group;

pub use entry::address::Address;
pub use entry::route::Route;
pub use entry::rule::Rule;
pub use garp_group::GarpGroup;
pub use instance::VrrpInstance;
pub use links::{Linkbeat, UpDownDelay};
pub use sync_group::SyncGroup;
pub use track_group::TrackGroup;

#[cfg(test)]
mod tests;

use super::Config;
use crate::roll::{Roll, named};
use crate::schema::{Again, Keyword, Shape, kw};
use crate::script::Script;
use crate::script::settle::Visit;

/// Everything of VRRP, in the order it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Vrrp {
    pub instances: Roll<VrrpInstance>,
    pub sync_groups: Roll<SyncGroup>,
    pub track_groups: Roll<TrackGroup>,
    pub static_ipaddress: Vec<Address>,
    pub static_routes: Vec<Route>,
    pub static_rules: Vec<Rule>,
    pub garp_groups: Vec<GarpGroup>,
    pub linkbeat_interfaces: Vec<Linkbeat>,
    pub interface_up_down_delays: Vec<UpDownDelay>,
    /// A static address without any interface, or an interface that is named here and is not there: keepalived does
    /// not start. Known after resolving.
    pub interface_missing: bool,
}

named!(VrrpInstance, SyncGroup, TrackGroup);

impl Vrrp {
    pub fn instance(&self, name: &str) -> Option<&VrrpInstance> {
        self.instances.named(name)
    }

    /// There is something to do for VRRP.
    pub fn is_used(&self) -> bool {
        !self.instances.is_empty()
            || !self.static_ipaddress.is_empty()
            || !self.static_routes.is_empty()
            || !self.static_rules.is_empty()
    }

    /// keepalived would not start with this.
    pub fn stops_keepalived(&self) -> bool {
        self.interface_missing
            || self.instances.iter().flat_map(|instance| &instance.faults).any(|fault| fault.stops_keepalived())
    }

    /// Every notification script.
    pub fn scripts(&self) -> impl Iterator<Item = &Script> {
        let of_instances = self.instances.iter().flat_map(|instance| instance.notify.scripts());
        of_instances.chain(self.sync_groups.iter().flat_map(SyncGroup::scripts))
    }

    /// Every place that holds a script.
    pub fn visit_scripts(&mut self, visit: &mut Visit<'_>) {
        for instance in &mut self.instances {
            instance.notify.visit_scripts(visit);
        }
        for group in &mut self.sync_groups {
            group.visit_scripts(visit);
        }
    }
}

/// The rows this part adds to the top level.
pub(super) fn rows() -> Vec<Keyword<Config>> {
    let mut rows = vec![
        kw("track_group")
            .arg(Shape::Word("NAME"))
            .doc("Instances that go to FAULT when a static address, route or rule that names the group is lost.")
            .since("2.0.3")
            .again(Again::Adds)
            .block(&track_group::BLOCK, track_group::open, track_group::close),
    ];
    rows.extend(statics::rows());
    rows.extend([
        kw("vrrp_sync_group")
            .arg(Shape::Word("NAME"))
            .doc("Instances that change state together.")
            .since("<2.0")
            .again(Again::Adds)
            .block(&sync_group::BLOCK, sync_group::open, sync_group::close),
        kw("garp_group")
            .doc("Spacing of gratuitous ARPs and neighbour advertisements over some interfaces.")
            .since("<2.0")
            .again(Again::Adds)
            .block(&garp_group::BLOCK, garp_group::open, garp_group::close),
        kw("vrrp_instance").arg(Shape::Word("NAME")).doc("One virtual router.").since("<2.0").again(Again::Adds).block(
            &instance::BLOCK,
            instance::open,
            instance::close,
        ),
    ]);
    rows.extend(links::rows());
    rows
}
