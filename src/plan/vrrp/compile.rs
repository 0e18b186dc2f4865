// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the configuration to the plan.
//!
//! A plan can be made after another one: names that were there before keep their numbers, so that a reload is the
//! difference of two plans and what did not change is not touched.

use std::sync::Arc;

use keepalived_conf::Config;
use keepalived_conf::blocks::vrrp::instance::VrrpInstance;

use super::instance;
use super::surroundings::Surroundings;
use super::virtuals::{ipvlan_over, vmac_over};
use super::{FilterPlan, Gaps, Hears, Port, Spacing, SpacingGroup, VrrpPlan};
use crate::proto::vrrp::{Auth, Globals, GroupParams, InstanceId, PortId, PortParams};

impl VrrpPlan {
    /// Makes a plan of a resolved configuration. Names that `before` knows keep their numbers.
    pub fn compile(config: &Config, before: Option<&VrrpPlan>) -> VrrpPlan {
        let numbers = before.map(|before| before.numbers.clone()).unwrap_or_default();
        let mut plan = VrrpPlan { numbers, ..VrrpPlan::default() };
        plan.setup.globals = Globals { startup_delay: config.global.vrrp.startup_delay };
        let lease = config.global.ours.vip_lease.map(|lease| u32::try_from(lease.as_secs()).unwrap_or(u32::MAX));
        plan.lease = lease.filter(|seconds| *seconds > 0);
        let filter = &config.global.filter;
        plan.filter = FilterPlan {
            table: filter.table.to_string(),
            priority: *filter.chain_priority,
            counters: filter.counters,
            by_index: filter.by_ifindex,
        };
        plan.spacing = spacing_of(config);
        plan.around = Surroundings::of(config);
        plan.statics = plan.statics_of(config);
        // An address may share the virtual MAC of an instance that comes later.
        let instances = &config.vrrp.instances;
        let ports: Vec<PortId> = instances.iter().map(|instance| plan.add_port(config, instance)).collect();
        for (instance, port) in instances.iter().zip(ports) {
            plan.add_instance(config, instance, port);
        }
        for group in &config.vrrp.sync_groups {
            let members: Vec<InstanceId> =
                group.group.iter().filter_map(|name| plan.numbers.known_instance(&name.text)).collect();
            let id = plan.numbers.group(&group.name);
            plan.setup.groups.insert(id, GroupParams { members });
            plan.groups.insert(id, group.name.clone());
        }
        plan.part_strangers();
        plan
    }

    fn add_port(&mut self, config: &Config, instance: &VrrpInstance) -> PortId {
        let auth = instance::auth_of(instance).unwrap_or(Auth::None);
        let port = self.named(config, instance, port_of(config, instance, &auth));
        let id = self.numbers.port(&port);
        let watched = port.over.as_ref().map(|over| over.name.as_str()).or(port.interface.as_deref());
        let delays = watched
            .and_then(|name| config.vrrp.interface_up_down_delays.iter().find(|delay| &*delay.interface == name))
            .map(|delay| PortParams { down_delay: delay.down, up_delay: delay.up })
            .unwrap_or_default();
        self.setup.ports.insert(id, delays);
        self.around.make_room(config, instance, (id, &port));
        self.ports.insert(id, port);
        id
    }

    fn add_instance(&mut self, config: &Config, instance: &VrrpInstance, port: PortId) {
        let id = self.numbers.instance(&instance.name);
        self.instances.insert(id, instance.name.clone());
        let auth = match instance::auth_of(instance) {
            Ok(auth) => auth,
            Err(problem) => {
                self.troubles.push(format!("({}) {problem}; the instance stays in FAULT", instance.name));
                Auth::None
            }
        };
        let tracks = self.tracks_of(config, instance);
        let holdings = Arc::new(self.holdings_of(config, instance));
        let params = instance::params(self, config, instance, port, auth, tracks, holdings);
        self.setup.instances.insert(id, params);
    }
}

fn spacing_of(config: &Config) -> Spacing {
    let garp = &config.global.garp;
    let groups = config.vrrp.garp_groups.iter().map(|group| SpacingGroup {
        gaps: Gaps { arp: *group.garp_interval, advert: *group.gna_interval },
        interfaces: group.interfaces.iter().map(|name| name.text.clone()).collect(),
    });
    Spacing { everywhere: Gaps { arp: *garp.garp_interval, advert: *garp.gna_interval }, groups: groups.collect() }
}

fn port_of(config: &Config, instance: &VrrpInstance, auth: &Auth) -> Port {
    let family = instance::family_of(*instance.family);
    let vrid = instance.virtual_router_id.unwrap_or(0);
    let over = match (&instance.interface, &instance.vmac, &instance.ipvlan) {
        (None, _, _) | (Some(_), None, None) => None,
        (Some(_), Some(vmac), _) => Some(vmac_over(instance, vmac, family, vrid)),
        (Some(_), None, Some(ipvlan)) => Some(ipvlan_over(instance, ipvlan)),
    };
    let hears = if instance.unicast.in_use() {
        Hears::Address(instance.source)
    } else {
        Hears::Group(instance::group_address(config, instance))
    };
    Port {
        family,
        authenticated: auth.uses_header(),
        interface: instance.interface.as_ref().map(|name| name.text.clone()),
        vrf: instance.vrf.as_ref().map(|name| name.text.clone()),
        over,
        hears,
    }
}
