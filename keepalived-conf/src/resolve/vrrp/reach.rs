// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interface, VMAC, unicast: what goes together and what an instance cannot do without.

use std::net::IpAddr;

use super::election::{IGNORED, NOT_STRICT};
use super::{at_keyword, broken};
use crate::blocks::vrrp::instance::{FAMILY_CLASH, Fault, VrrpInstance};
use crate::diagnostic::{Class, Code, Diagnostic, Severity};
use crate::family::Family;
use crate::value::Cx;

pub const NO_INTERFACE: Code = Code::new("KC179", "no interface");
pub const NO_PEERS: Code = Code::new("KC180", "unicast without peers");

pub(super) fn resolve(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    unicast(instance, cx);
    own_interfaces(instance, cx);
    interface(instance, cx);
}

fn unicast(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    // An empty list is a wish, too.
    instance.unicast.wanted |= instance.seen.has("unicast_peer");
    let has_peers = !instance.unicast.peers.is_empty();
    if !has_peers && instance.unicast.ttl.take().is_some() {
        let finding =
            at_keyword(instance, IGNORED, "unicast_ttl", "`unicast_ttl` means nothing without peers", "ignored");
        cx.diagnostics.push(finding);
    }
    if instance.unicast.wanted && !instance.unicast.in_use() {
        let keywords = ["unicast_peer", "unicast_src_ip", "check_unicast_src", "old_unicast_checksum", "unicast_ttl"];
        let written = keywords.into_iter().find(|keyword| instance.seen.has(keyword)).unwrap_or("unicast_peer");
        let finding = Diagnostic::warning(NO_PEERS, format!("{}: unicast without a peer", instance.name))
            .class(Class::Deprecated)
            .at(instance.seen.span_or_head(written), "multicast is used")
            .hint("list the other routers in `unicast_peer { ... }`, or write `mcast_src_ip` for a source address");
        cx.diagnostics.push(finding);
    }
    if instance.unicast.in_use() {
        if instance.mcast_dst_ip.given() {
            let finding = at_keyword(instance, IGNORED, "mcast_dst_ip", "unicast uses no multicast group", "ignored");
            cx.diagnostics.push(finding);
        }
        instance.mcast_dst_ip.correct(None);
    }
    if !instance.unicast.wanted && instance.vrf.take().is_some() {
        let finding = at_keyword(instance, IGNORED, "vrf", "`vrf` is for unicast without an interface", "ignored");
        cx.diagnostics.push(finding);
    }
}

/// VMAC and ipvlan.
fn own_interfaces(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let has_own = instance.vmac.is_some() || instance.ipvlan.is_some();
    if instance.vmac_xmit_base && !has_own {
        let message = "`vmac_xmit_base` means nothing without `use_vmac`";
        cx.diagnostics.push(at_keyword(instance, IGNORED, "vmac_xmit_base", message, "ignored"));
        instance.vmac_xmit_base = false;
    }
    if !has_own {
        return;
    }
    let keyword = if instance.vmac.is_some() { "use_vmac" } else { "use_ipvlan" };
    if instance.promote_secondaries {
        let message = format!("`{keyword}` sets `promote_secondaries` on its own interface");
        cx.diagnostics.push(at_keyword(instance, IGNORED, "promote_secondaries", &message, "ignored"));
        instance.promote_secondaries = false;
    }
    if let Some(vmac) = &mut instance.vmac
        && let Some(mac) = &mut vmac.mac
        && mac.ends_in_vrid
    {
        let [.., last] = &mut mac.octets;
        *last = instance.virtual_router_id.unwrap_or(0);
    }
    if instance.unicast.wanted {
        own_with_unicast(instance, keyword, cx);
    }
    ipvlan(instance, cx);
}

fn own_with_unicast(instance: &mut VrrpInstance, keyword: &str, cx: &mut Cx<'_>) {
    if instance.interface.is_none() {
        let message = format!("`{keyword}` wants an `interface`");
        cx.diagnostics.push(at_keyword(instance, IGNORED, keyword, &message, "ignored"));
        (instance.vmac, instance.ipvlan, instance.vmac_xmit_base) = (None, None, false);
    } else if !instance.vmac_xmit_base && instance.unicast.in_use() {
        let message = format!("unicast with `{keyword}` goes out on the interface below");
        let finding = at_keyword(instance, IGNORED, keyword, &message, "`vmac_xmit_base` is switched on")
            .severity(Severity::Warning)
            .hint("add `vmac_xmit_base`");
        cx.diagnostics.push(finding);
        instance.vmac_xmit_base = true;
    }
}

fn ipvlan(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let family = *instance.family;
    let Some(ipvlan) = &mut instance.ipvlan else { return };
    let wrong = ipvlan.address.filter(|(ip, _)| Family::of(ip) != family);
    if let Some((ip, _)) = wrong {
        ipvlan.address = None;
        let message = format!("the address {ip} of the ipvlan is not {family}");
        cx.diagnostics.push(at_keyword(instance, FAMILY_CLASH, "use_ipvlan", &message, "the address is ignored"));
    } else if let Some((ip, _)) = ipvlan.address
        && instance.source.is_none()
    {
        instance.source = Some(ip);
    }
    let has_address = instance.ipvlan.as_ref().is_some_and(|ipvlan| ipvlan.address.is_some());
    if family == Family::V4 && !has_address && instance.source.is_none() {
        let finding = at_keyword(instance, NO_INTERFACE, "use_ipvlan", "an IPv4 ipvlan wants an address", "")
            .hint("write the address with its prefix length after `use_ipvlan`");
        broken(instance, Fault::IpvlanAddress, finding, cx);
    }
}

/// An interface, or unicast from an address that needs none.
fn interface(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    if let Some(name) = &instance.interface {
        let multicast = cx.host.link(name).found().is_none_or(|link| link.multicast);
        if *instance.strict_mode && multicast && !instance.unicast.peers.is_empty() {
            let message = "strict mode knows no unicast on an interface that can multicast";
            let finding = at_keyword(instance, NOT_STRICT, "unicast_peer", message, "the instance cannot run")
                .hint("take strict mode or the peers away");
            broken(instance, Fault::StrictUnicast, finding, cx);
        }
        return;
    }
    // A named one that is not there has been reported.
    if instance.faults.contains(&Fault::InterfaceMissing) {
        return;
    }
    let head = instance.seen.head;
    let lacks = |code, what: &str| {
        Diagnostic::error(code, format!("{}: {what}", instance.name)).at(head, "the instance cannot run")
    };
    let (fault, finding) = if instance.vmac.is_some() || instance.ipvlan.is_some() {
        (Fault::VmacWithoutInterface, lacks(NO_INTERFACE, "a VMAC or ipvlan wants an interface"))
    } else if !instance.unicast.wanted {
        (Fault::NoInterface, lacks(NO_INTERFACE, "no usable interface").hint("add `interface NAME`"))
    } else {
        match instance.source {
            None => (
                Fault::NoSource,
                lacks(NO_INTERFACE, "neither an interface nor a source address")
                    .hint("add `interface NAME` or `unicast_src_ip ADDRESS`"),
            ),
            Some(IpAddr::V6(source)) if source.is_unicast_link_local() => (
                Fault::LinkLocalWithoutInterface,
                lacks(NO_INTERFACE, "a link-local source wants an interface").hint("add `interface NAME`"),
            ),
            Some(_) => return,
        }
    };
    broken(instance, fault, finding, cx);
}
