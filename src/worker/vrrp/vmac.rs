// SPDX-License-Identifier: MIT OR Apache-2.0
//! Virtual interfaces: made before an instance needs one, with the settings that keep its MAC and its addresses apart from
//! those of the interface beneath; removed, and the settings put back, at the end.
//!
//! This is done at start, at a reload and when an interface comes back, and it waits for the kernel: nothing can be sent
//! before it is done.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};

use super::convert;
use super::interfaces::Interfaces;
use crate::kernel::Mac;
use crate::kernel::files::Setting;
use crate::kernel::netlink::{Refusal, Request};
use crate::kernel::nft::Vmac;
use crate::kernel::rtnl::address::{Lifetimes, flag};
use crate::kernel::rtnl::link::{self, Ipv4Setting, Virtual};
use crate::kernel::rtnl::{Address, Asker, Link};
use crate::observe::log::Log;
use crate::plan::vrrp::surroundings::Surroundings;
use crate::plan::vrrp::{Over, OverKind, VrrpPlan};
use crate::proto::vrrp::Family;

#[derive(Debug)]
pub(super) struct Virtuals {
    asker: Asker,
    /// What we made, by name.
    made: BTreeMap<String, Made>,
    /// Settings we changed: the value before, and ours.
    changed: BTreeMap<Setting, (i64, i64)>,
}

/// An interface we made: its index, and what the packet filter has to know of a virtual MAC.
#[derive(Debug)]
struct Made {
    index: u32,
    vmac: Option<Vmac>,
}

impl Virtuals {
    pub(super) fn new() -> io::Result<Virtuals> {
        Ok(Virtuals { asker: Asker::open()?, made: BTreeMap::new(), changed: BTreeMap::new() })
    }

    /// Makes what is wanted and missing, wherever the interface beneath exists. `tell_filter` hears of all virtual MACs
    /// before a new one is set up.
    pub(super) fn ensure(
        &mut self,
        plan: &VrrpPlan,
        interfaces: &Interfaces,
        log: &Log,
        tell_filter: impl FnOnce(BTreeMap<u32, Vmac>),
    ) {
        let refused = |over: &Over, base: &Link, error: io::Error| {
            log.error(format_args!("{}: cannot be made on {}: {error}", over.name, base.name));
        };
        let mut new = Vec::new();
        for (beneath, family, over) in plan.virtuals() {
            let Some(base) = interfaces.named(beneath) else { continue };
            if self.made.contains_key(&over.name) {
                continue;
            }
            match self.adopt_or_make(over, base, interfaces) {
                Ok(index) => {
                    let vmac = over.is_vmac().then(|| vmac(family, over, base, plan, interfaces));
                    self.made.insert(over.name.clone(), Made { index, vmac });
                    new.push((family, over, base, index));
                }
                Err(error) => refused(over, base, error),
            }
        }
        if new.is_empty() {
            return;
        }
        tell_filter(self.vmacs());
        for (family, over, base, index) in new {
            if let Err(error) = self.settle_in(family, over, base, index, interfaces) {
                refused(over, base, error);
            }
        }
    }

    /// The virtual MACs that are there, by their index.
    pub(super) fn vmacs(&self) -> BTreeMap<u32, Vmac> {
        self.made.values().filter_map(|made| Some((made.index, made.vmac.clone()?))).collect()
    }

    /// Changes what the configuration wants changed on interfaces that are there.
    pub(super) fn settle_around(&mut self, around: &Surroundings, interfaces: &Interfaces) {
        if around.no_group_reports {
            self.change(Setting::net("ipv4/igmp_link_local_mcast_reports"), 0);
        }
        for name in around.promote_secondaries.iter().filter(|name| interfaces.named(name).is_some()) {
            self.change(Setting::ipv4(name, "promote_secondaries"), 1);
        }
    }

    /// A link is gone; if it was one of ours it is made again when it can be.
    pub(super) fn gone(&mut self, index: u32) {
        self.made.retain(|_, made| made.index != index);
    }

    /// Removes those we made that are not wanted any more.
    pub(super) fn retire(&mut self, plan: &VrrpPlan) {
        let wanted = |name: &str| plan.virtuals().any(|(_, _, over)| over.name == name);
        let gone: Vec<(String, u32)> =
            self.made.iter().filter(|(name, _)| !wanted(name)).map(|(name, made)| (name.clone(), made.index)).collect();
        for (name, index) in gone {
            self.made.remove(&name);
            let _ = self.ask(&[link::remove(index)]);
        }
    }

    /// Removes everything we made and puts the settings back.
    pub(super) fn end(&mut self) {
        let all: Vec<Request> =
            std::mem::take(&mut self.made).into_values().map(|made| link::remove(made.index)).collect();
        let _ = self.ask(&all);
        for (setting, (before, ours)) in std::mem::take(&mut self.changed) {
            // Somebody who changed it since has a reason.
            if setting.read().is_ok_and(|now| now == ours) {
                let _ = setting.write(before);
            }
        }
    }

    fn ask(&mut self, requests: &[Request]) -> Result<(), Refusal> {
        self.asker.request(requests).into_iter().collect()
    }

    /// The index of the interface, which is not set up yet when it is new.
    fn adopt_or_make(&mut self, over: &Over, base: &Link, interfaces: &Interfaces) -> io::Result<u32> {
        if let Some(existing) = interfaces.named(&over.name) {
            if is_as_wanted(existing, over, base) {
                // A former life made it; from now on it is ours again.
                return Ok(existing.index);
            }
            if !matches!(existing.kind.as_deref(), Some("macvlan" | "ipvlan")) {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "another interface has that name"));
            }
            self.ask(&[link::remove(existing.index)]).map_err(io::Error::other)?;
        }
        let wanted = Virtual {
            name: over.name.clone(),
            parent: base.index,
            kind: convert::over_kind(over.kind),
            group: Some(over.group.unwrap_or(base.group)),
            master: base
                .master
                .filter(|master| interfaces.link(*master).is_some_and(|master| master.kind.as_deref() == Some("vrf"))),
        };
        self.ask(&[wanted.create()]).map_err(io::Error::other)?;
        link::index_of(&over.name)
    }

    /// Settings, and the address adverts of IPv6 leave with.
    fn settle_in(
        &mut self,
        family: Family,
        over: &Over,
        base: &Link,
        index: u32,
        interfaces: &Interfaces,
    ) -> io::Result<()> {
        let is_vmac = over.is_vmac();
        self.change_for_all(interfaces);
        if is_vmac && family == Family::V4 {
            // Only the virtual interface answers for its addresses.
            self.change(Setting::ipv4(&base.name, "arp_ignore"), 1);
            self.change(Setting::ipv4(&base.name, "arp_filter"), 1);
        }
        // Not there on a kernel without IPv6.
        let _ = Setting::ipv6(&over.name, "disable_ipv6").write(i64::from(!over.ipv6));
        let settings: &[(Ipv4Setting, u32)] = match family {
            _ if !is_vmac => &[],
            Family::V4 => &[
                (Ipv4Setting::ArpIgnore, 1),
                (Ipv4Setting::AcceptLocal, 1),
                (Ipv4Setting::RpFilter, 0),
                (Ipv4Setting::PromoteSecondaries, 1),
            ],
            Family::V6 => &[(Ipv4Setting::ArpIgnore, 1)],
        };
        let mut requests = vec![link::no_generated_address(index)];
        if !settings.is_empty() {
            requests.push(link::set_ipv4(index, settings));
        }
        requests.push(link::set_up(index, true));
        let own = match over.kind {
            OverKind::Ipvlan { address: Some((ip, prefix)), .. } => Some(Address::new(index, ip, prefix)),
            OverKind::Vmac(_) | OverKind::Ipvlan { address: None, .. } => None,
        };
        requests.extend(own.map(|own| own.add()));
        if family == Family::V6 && !over.transmit_base {
            requests.extend(link_local(over, base, interfaces).map(|ip| link_local_on(index, ip).add()));
        }
        self.ask(&requests).map_err(io::Error::other)
    }

    /// Reverse-path checks of `all` would drop what comes in by a virtual interface: they move to each interface.
    fn change_for_all(&mut self, interfaces: &Interfaces) {
        let all = Setting::ipv4("all", "rp_filter");
        let Ok(value) = all.read() else { return };
        if value == 0 {
            return;
        }
        let each = interfaces.links().map(|link| link.name.as_str()).chain(["default"]);
        for setting in each.map(|name| Setting::ipv4(name, "rp_filter")) {
            if setting.read().is_ok_and(|own| own < value) {
                self.change(setting, value);
            }
        }
        self.change(all, 0);
    }

    fn change(&mut self, setting: Setting, value: i64) {
        let Ok(before) = setting.read() else { return };
        if let Some((original, ours)) = self.changed.get(&setting) {
            // An interface that came back begins anew; anything else is somebody's wish.
            if before == *original && value == *ours {
                let _ = setting.write(value);
            }
            return;
        }
        if before != value && setting.write(value).is_ok() {
            self.changed.insert(setting, (before, value));
        }
    }
}

fn is_as_wanted(existing: &Link, over: &Over, base: &Link) -> bool {
    let kind = match over.kind {
        OverKind::Vmac(mac) => {
            existing.kind.as_deref() == Some("macvlan") && existing.is_private && existing.ethernet() == Some(Mac(mac))
        }
        OverKind::Ipvlan { .. } => existing.kind.as_deref() == Some("ipvlan"),
    };
    kind && existing.parent == Some(base.index)
}

/// What the packet filter has to know of a virtual MAC.
fn vmac(family: Family, over: &Over, base: &Link, plan: &VrrpPlan, interfaces: &Interfaces) -> Vmac {
    let is_v6 = family == Family::V6;
    let own = is_v6 && !over.transmit_base;
    Vmac {
        name: over.name.clone(),
        base: base.index,
        // Without reports there is nothing to send another way.
        ipv4: !is_v6 && !plan.around.no_group_reports,
        ipv6: is_v6 || over.ipv6,
        shared_link_local: link_local_of(base, interfaces)
            .filter(|shared| own && over.link_local.is_none_or(|wanted| wanted == *shared)),
    }
}

fn link_local_of(base: &Link, interfaces: &Interfaces) -> Option<Ipv6Addr> {
    interfaces.addresses(base.index).find_map(|address| match address.address {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Some(ip),
        IpAddr::V6(_) | IpAddr::V4(_) => None,
    })
}

/// The configured one, or the one of the interface beneath, or one made of its MAC.
fn link_local(over: &Over, base: &Link, interfaces: &Interfaces) -> Option<Ipv6Addr> {
    over.link_local.or_else(|| link_local_of(base, interfaces)).or_else(|| base.ethernet().map(from_mac))
}

/// RFC 4291, appendix A: the MAC with one bit turned and ff:fe in its middle.
fn from_mac(Mac([a, b, c, d, e, f]): Mac) -> Ipv6Addr {
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

/// Deprecated, so that only adverts use it.
fn link_local_on(index: u32, ip: Ipv6Addr) -> Address {
    let lifetimes = Lifetimes { preferred: 0, ..Lifetimes::default() };
    Address { flags: flag::NODAD, lifetimes, ..Address::new(index, ip.into(), 64) }
}

#[cfg(test)]
mod tests {
    use super::from_mac;
    use crate::kernel::Mac;

    #[test]
    fn a_link_local_address_is_made_of_the_mac() {
        assert_eq!(from_mac(Mac([0x02, 0, 0, 0, 1, 1])).to_string(), "fe80::ff:fe00:101");
    }
}
