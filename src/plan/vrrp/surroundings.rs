// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the worker does around the virtual routers: settings of the kernel, room in queues, files.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keepalived_conf::Config;
use keepalived_conf::blocks::global::buffers::Buffer;
use keepalived_conf::blocks::global::vrrp::RxBuffers;
use keepalived_conf::blocks::vrrp::instance::VrrpInstance;
use keepalived_conf::blocks::vrrp::links::LinkbeatMethod;

use super::Port;
use crate::proto::vrrp::{Family, PortId};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Interfaces on which an address takes the place of a removed one of its network instead of going with it.
    pub promote_secondaries: BTreeSet<String>,
    /// `disable_local_igmp`: memberships of link-local groups are not reported.
    pub no_group_reports: bool,
    /// `log_unknown_vrids`.
    pub tells_unknown_vrids: bool,
    /// Nobody becomes master before the machine has run for so long.
    pub after_boot: Duration,
    /// Room for what the kernel tells of the network, and of processes.
    pub network_notices: Option<Room>,
    pub process_notices: Option<Room>,
    /// Interfaces that are asked for their state.
    pub polled: BTreeMap<String, Option<LinkbeatMethod>>,
    /// Tracked files that get a value at start.
    pub first_values: Vec<FirstValue>,
    /// Room for adverts that wait to be read.
    pub queues: BTreeMap<PortId, Queue>,
}

/// A receive buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub octets: u32,
    /// It may exceed the system's limit.
    pub force: bool,
}

/// The room for adverts of all instances of a port: so many octets and so many MTUs of its interface. None of both leaves
/// the system's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    pub octets: u64,
    pub mtus: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstValue {
    pub path: String,
    pub value: i32,
    /// Also when the file is there.
    pub overwrite: bool,
}

impl Surroundings {
    pub(super) fn of(config: &Config) -> Surroundings {
        let global = &config.global;
        let room = |buffer: &Buffer| {
            let octets = (*buffer.bytes).filter(|_| buffer.bytes.given())?;
            Some(Room { octets, force: buffer.force })
        };
        let promoted = config.vrrp.instances.iter().filter(|instance| instance.promote_secondaries);
        let files = config.tracking.files.iter();
        Surroundings {
            promote_secondaries: promoted
                .filter_map(|instance| Some(instance.interface.as_ref()?.text.clone()))
                .collect(),
            no_group_reports: global.vrrp.disable_local_igmp,
            tells_unknown_vrids: global.vrrp.log_unknown_vrids,
            after_boot: global.vrrp.delay_after_boot,
            network_notices: room(&global.buffers.vrrp_monitor),
            process_notices: room(&global.buffers.process_events),
            polled: polled(config),
            first_values: files
                .filter_map(|file| {
                    let init = file.init?;
                    Some(FirstValue { path: file.path.clone(), value: init.value, overwrite: init.overwrite })
                })
                .collect(),
            queues: BTreeMap::new(),
        }
    }

    /// Adds what one instance wants to the queue of its port.
    pub(super) fn make_room(&mut self, config: &Config, instance: &VrrpInstance, (id, port): (PortId, &Port)) {
        let times = u64::from(*config.global.vrrp.rx_multiplier);
        let (octets, mtus) = match (instance.kernel_rx_buf_size, config.global.vrrp.rx_buffers) {
            (Some(octets), _) => (octets.into(), 0),
            (None, RxBuffers::System) => return,
            (None, RxBuffers::Mtu) => (0, times),
            (None, RxBuffers::Advert) => (times * advert_size(instance, port), 0),
            (None, RxBuffers::Bytes(octets)) => (octets.into(), 0),
        };
        let queue = self.queues.entry(id).or_default();
        queue.octets = queue.octets.saturating_add(octets);
        queue.mtus = queue.mtus.saturating_add(mtus);
    }
}

/// All interfaces of instances, or those that are named.
fn polled(config: &Config) -> BTreeMap<String, Option<LinkbeatMethod>> {
    let of_instances = config.vrrp.instances.iter().filter_map(|instance| {
        let polls = config.global.top.linkbeat_polling || instance.linkbeat_use_polling;
        Some((instance.interface.as_ref().filter(|_| polls)?.text.clone(), None))
    });
    let named = config.vrrp.linkbeat_interfaces.iter().map(|link| (link.interface.text.clone(), link.method));
    of_instances.chain(named).collect()
}

/// How long an advert of the instance is, with everything a raw socket delivers of it.
fn advert_size(instance: &VrrpInstance, port: &Port) -> u64 {
    let (header, address) = match port.family {
        Family::V4 => (20, 4),
        Family::V6 => (40, 16),
    };
    let authentication = 8 + if port.authenticated { 24 } else { 28 };
    header + 8 + address * instance.virtual_ipaddress.len() as u64 + authentication
}

#[cfg(test)]
mod tests {
    use crate::plan::vrrp::VrrpPlan;
    use crate::plan::vrrp::surroundings::Queue;

    fn queue(globals: &str, more: &str) -> Vec<Queue> {
        let instance = |name: &str, vrid: u8| {
            format!("vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n {more}\n}}\n")
        };
        let text = format!("global_defs {{\n {globals}\n}}\n{}{}", instance("A", 1), instance("B", 2));
        let host = keepalived_conf::source::MemoryHost::new();
        let plan = VrrpPlan::compile(&keepalived_conf::load_str(&host, &text, true).config, None);
        assert_eq!(plan.ports.len(), 1, "both share a port");
        plan.around.queues.into_values().collect()
    }

    #[test]
    fn instances_that_share_a_port_add_up_their_room() {
        assert_eq!(queue("", ""), []);
        assert_eq!(queue("", "kernel_rx_buf_size 1000"), [Queue { octets: 2000, mtus: 0 }]);
        assert_eq!(queue("vrrp_rx_bufs_policy MTU", ""), [Queue { octets: 0, mtus: 6 }]);
        assert_eq!(queue("vrrp_rx_bufs_policy 500\n vrrp_rx_bufs_multiplier 2", ""), [Queue { octets: 1000, mtus: 0 }]);
    }
}
