// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the configuration to the plan.
//!
//! A plan can be made after another one: names that were there before keep their numbers, so that a reload is the
//! difference of two plans and what did not change is not touched.

use std::sync::Arc;

use keepalived_conf::Config;
use keepalived_conf::blocks::vrrp::instance::{Ipvlan, IpvlanMode as WrittenMode, Vmac, VrrpInstance};

use super::instance;
use super::surroundings::Surroundings;
use super::{FilterPlan, Gaps, Hears, IpvlanMode, Over, OverKind, Port, Spacing, SpacingGroup, VrrpPlan};
use crate::proto::vrrp::{Auth, Family, Globals, GroupParams, InstanceId, PortParams};

/// The network of the addresses a virtual router's own MAC address starts with (RFC 9568 section 7.3).
const VMAC_PREFIX: [u8; 4] = [0x00, 0x00, 0x5e, 0x00];

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
        for instance in &config.vrrp.instances {
            plan.add_instance(config, instance);
        }
        for group in &config.vrrp.sync_groups {
            let members: Vec<InstanceId> =
                group.group.iter().filter_map(|name| plan.numbers.known_instance(&name.text)).collect();
            let id = plan.numbers.group(&group.name);
            plan.setup.groups.insert(id, GroupParams { members });
            plan.groups.insert(id, group.name.clone());
        }
        plan
    }

    fn add_instance(&mut self, config: &Config, instance: &VrrpInstance) {
        let id = self.numbers.instance(&instance.name);
        self.instances.insert(id, instance.name.clone());
        let auth = match instance::auth_of(instance) {
            Ok(auth) => auth,
            Err(problem) => {
                self.troubles.push(format!("({}) {problem}; the instance stays in FAULT", instance.name));
                Auth::None
            }
        };
        let port = self.named(config, instance, port_of(config, instance, &auth));
        let port_id = self.numbers.port(&port);
        let watched = port.over.as_ref().map(|over| over.name.as_str()).or(port.interface.as_deref());
        let delays = watched
            .and_then(|name| config.vrrp.interface_up_down_delays.iter().find(|delay| &*delay.interface == name))
            .map(|delay| PortParams { down_delay: delay.down, up_delay: delay.up })
            .unwrap_or_default();
        self.setup.ports.insert(port_id, delays);
        self.around.make_room(config, instance, (port_id, &port));
        self.ports.insert(port_id, port);
        let tracks = self.tracks_of(config, instance);
        let holdings = Arc::new(self.holdings_of(instance));
        let params = instance::params(self, config, instance, port_id, auth, tracks, holdings);
        self.setup.instances.insert(id, params);
    }
}

impl VrrpPlan {
    /// Gives a virtual interface without a name the first one that no other virtual interface has.
    fn named(&self, config: &Config, instance: &VrrpInstance, mut port: Port) -> Port {
        let (vrid, family) = (instance.virtual_router_id.unwrap_or(0), port.family);
        let is_free = |name: &str, port: &Port| {
            self.ports.values().all(|other| {
                let same = other.family == port.family
                    && other.interface == port.interface
                    && other.over.as_ref().map(|over| over.kind) == port.over.as_ref().map(|over| over.kind);
                same || other.over.as_ref().is_none_or(|over| over.name != name)
            })
        };
        if port.over.as_ref().is_some_and(|over| over.name.is_empty()) {
            let free = candidates(&config.global.vrrp.vmac_prefix, family, vrid).find(|name| is_free(name, &port));
            if let (Some(over), Some(name)) = (&mut port.over, free) {
                over.name = name;
            }
        }
        port
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

/// An interface with the virtual router's own MAC address, or the one that is configured.
fn vmac_over(instance: &VrrpInstance, vmac: &Vmac, family: Family, vrid: u8) -> Over {
    let [a, b, c, d] = VMAC_PREFIX;
    let fifth = match family {
        Family::V4 => 1,
        Family::V6 => 2,
    };
    let octets = vmac.mac.as_ref().map_or([a, b, c, d, fifth, vrid], |mac| {
        let [a, b, c, d, e, f] = mac.octets;
        [a, b, c, d, e, if mac.ends_in_vrid { vrid } else { f }]
    });
    Over {
        name: vmac.name.as_ref().map(|name| name.text.clone()).unwrap_or_default(),
        kind: OverKind::Vmac(octets),
        transmit_base: instance.vmac_xmit_base,
        group: vmac.group,
        ipv6: speaks_ipv6(instance),
        link_local: None,
    }
}

fn ipvlan_over(instance: &VrrpInstance, ipvlan: &Ipvlan) -> Over {
    let mode = match ipvlan.mode {
        WrittenMode::Bridge => IpvlanMode::Bridge,
        WrittenMode::Private => IpvlanMode::Private,
        WrittenMode::Vepa => IpvlanMode::Vepa,
    };
    Over {
        name: ipvlan.name.as_ref().map(|name| name.text.clone()).unwrap_or_default(),
        kind: OverKind::Ipvlan { mode, address: ipvlan.address },
        transmit_base: instance.vmac_xmit_base,
        group: ipvlan.group,
        ipv6: speaks_ipv6(instance),
        link_local: None,
    }
}

/// The names a virtual interface without one may get, best first: the prefix, a dot and the virtual router id; when that
/// is taken, a number after the prefix, 6 first for IPv6.
fn candidates(prefix: &str, family: Family, vrid: u8) -> impl Iterator<Item = String> {
    let numbers: Vec<u8> = match family {
        Family::V4 => (1..=u8::MAX).collect(),
        Family::V6 => std::iter::once(6).chain((1..=u8::MAX).filter(|number| *number != 6)).collect(),
    };
    let prefix = prefix.to_owned();
    std::iter::once(format!("{prefix}.{vrid}"))
        .chain(numbers.into_iter().map(move |number| format!("{prefix}{number}.{vrid}")))
}

fn speaks_ipv6(instance: &VrrpInstance) -> bool {
    instance::family_of(*instance.family) == Family::V6
        || instance.addresses().any(|address| address.ip.is_ipv6() && address.dev.is_none())
}
