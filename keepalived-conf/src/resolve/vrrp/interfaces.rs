// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the interfaces that are named are there, and of the right kind.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{at_keyword, broken};
use crate::blocks::Config;
use crate::blocks::global::vrrp::DynamicInterfaces;
use crate::blocks::vrrp::entry::nexthop::Nexthop;
use crate::blocks::vrrp::instance::Fault;
use crate::blocks::vrrp::{Address, Route, Rule, VrrpInstance};
use crate::diagnostic::{Class, Code, Diagnostic, Severity};
use crate::environment::Answer;
use crate::span::Name;
use crate::value::Cx;

pub const NO_SUCH_INTERFACE: Code = Code::new("KC199", "no such interface");
pub const LOOPBACK: Code = Code::new("KC200", "VRRP on a loopback interface");
pub const NOT_A_VRF: Code = Code::new("KC201", "not a VRF");
pub const TAKEN_INTERFACE: Code = Code::new("KC202", "an interface that is not free");
pub const DELAY_TOO_LONG: Code = Code::new("KC203", "a delay longer than routers wait");

/// What is known about interfaces, and what follows from one that is missing.
struct Interfaces<'c, 's> {
    cx: &'c mut Cx<'s>,
    /// They may come later.
    dynamic: bool,
    /// Interfaces that instances make themselves.
    made: BTreeSet<String>,
    missing: bool,
}

pub(super) fn resolve(config: &mut Config, cx: &mut Cx<'_>) {
    let dynamic = match config.global.vrrp.dynamic_interfaces {
        DynamicInterfaces::Off => false,
        DynamicInterfaces::On | DynamicInterfaces::AllowChanges => true,
    };
    let made = config.vrrp.instances.iter().flat_map(made_by).collect();
    let mut interfaces = Interfaces { cx, dynamic, made, missing: false };
    for instance in &mut config.vrrp.instances {
        own(instance, &mut interfaces);
        vmac(instance, interfaces.cx);
        held(instance, &mut interfaces);
    }
    for group in &mut config.vrrp.sync_groups {
        group.tracks.interfaces.retain_mut(|track| interfaces.is_there(&track.name, "track_interface"));
    }
    statics(config, &mut interfaces);
    garp_groups(config, &mut interfaces);
    let vrrp = &mut config.vrrp;
    vrrp.linkbeat_interfaces.retain(|entry| interfaces.is_known(&entry.interface, "linkbeat_interfaces"));
    vrrp.interface_up_down_delays.retain(|entry| interfaces.is_known(&entry.interface, "interface_up_down_delays"));
    vrrp.interface_missing |= interfaces.missing;
}

fn made_by(instance: &VrrpInstance) -> Vec<String> {
    let vmac = instance.vmac.as_ref().and_then(|vmac| vmac.name.as_ref());
    let ipvlan = instance.ipvlan.as_ref().and_then(|ipvlan| ipvlan.name.as_ref());
    vmac.into_iter().chain(ipvlan).map(|name| name.text.clone()).collect()
}

impl Interfaces<'_, '_> {
    fn absent(&self, name: &str) -> bool {
        !self.dynamic && !self.made.contains(name) && self.cx.host.link(name).is_absent()
    }

    /// Says that an interface is missing; keepalived does not start then.
    fn is_there(&mut self, name: &Name, what: &str) -> bool {
        if !self.dynamic && self.made.contains(&name.text) && self.cx.host.link(name).is_absent() {
            let finding = Diagnostic::warning(NO_SUCH_INTERFACE, format!("`{}` is made at start only", name.text))
                .class(Class::General)
                .at(name.span(), "used here")
                .note("keepalived does not start with this")
                .hint("set `dynamic_interfaces` in `global_defs`");
            self.cx.diagnostics.push(finding);
            return true;
        }
        if !self.absent(name) {
            return true;
        }
        self.missing = true;
        let finding = missing(name, what).note("keepalived does not start with this");
        self.cx.diagnostics.push(finding);
        false
    }

    /// Says that an interface is missing where keepalived carries on without it.
    fn is_known(&mut self, name: &Name, what: &str) -> bool {
        let absent = self.absent(name);
        if absent {
            self.cx.diagnostics.push(missing(name, what).class(Class::Fatal));
        }
        !absent
    }

    fn all_there<'n>(&mut self, names: impl IntoIterator<Item = &'n Name>, what: &str) -> bool {
        names.into_iter().all(|name| self.is_there(name, what))
    }
}

fn missing(name: &Name, what: &str) -> Diagnostic {
    Diagnostic::error(NO_SUCH_INTERFACE, format!("`{what}`: there is no interface `{}`", name.text))
        .at(name.span(), "left out")
        .hint("create it first, or set `dynamic_interfaces` in `global_defs`")
}

/// The interface an instance runs on.
fn own(instance: &mut VrrpInstance, interfaces: &mut Interfaces<'_, '_>) {
    for keyword in ["interface", "vrf"] {
        let place = if keyword == "interface" { &mut instance.interface } else { &mut instance.vrf };
        let Some(name) = place.clone() else { continue };
        if interfaces.cx.host.link(&name).found().is_some_and(|link| link.loopback) {
            *place = None;
            let message = format!("`{}` is a loopback interface: nobody else is on it", name.text);
            let finding = at_keyword(instance, LOOPBACK, keyword, &message, "ignored");
            interfaces.cx.diagnostics.push(finding);
        } else if interfaces.absent(&name) {
            let finding = missing(&name, keyword);
            interfaces.missing = true;
            broken(instance, Fault::InterfaceMissing, finding, interfaces.cx);
        }
    }
}

/// A VMAC cannot take the name of an interface that is something else.
fn vmac(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let Some(vmac) = &mut instance.vmac else { return };
    let Some(name) = &vmac.name else { return };
    if cx.host.link(name).found().is_none_or(|link| link.stacked) {
        return;
    }
    let finding = Diagnostic::error(TAKEN_INTERFACE, format!("`{}` is there and is no macvlan", name.text))
        .at(name.span(), "a name is made up");
    cx.diagnostics.push(finding);
    vmac.name = None;
}

/// What an instance holds as master, and what it tracks.
fn held(instance: &mut VrrpInstance, interfaces: &mut Interfaces<'_, '_>) {
    let of = |address: &Address, interfaces: &mut Interfaces<'_, '_>, what| interfaces.all_there(&address.dev, what);
    instance.virtual_ipaddress.retain(|address| of(address, interfaces, "virtual_ipaddress"));
    instance.virtual_ipaddress_excluded.retain(|address| of(address, interfaces, "virtual_ipaddress_excluded"));
    instance.virtual_routes.retain_mut(|route| route_ok(route, interfaces, "virtual_routes"));
    instance.virtual_rules.retain(|rule| rule_ok(rule, interfaces, "virtual_rules"));
    instance.tracks.interfaces.retain_mut(|track| interfaces.is_there(&track.name, "track_interface"));
}

fn statics(config: &mut Config, interfaces: &mut Interfaces<'_, '_>) {
    let default = &config.global.vrrp.default_interface;
    let vrrp = &mut config.vrrp;
    vrrp.static_ipaddress.retain_mut(|address| {
        if address.dev.is_some() {
            return interfaces.all_there(&address.dev, "static_ipaddress");
        }
        if interfaces.absent(default) {
            interfaces.missing = true;
            let message = format!("{} has no interface, and there is no `{}`", address.ip, **default);
            let finding = Diagnostic::error(NO_SUCH_INTERFACE, message)
                .class(Class::Fatal)
                .at(address.place.0, "left out")
                .note("keepalived does not start with this")
                .hint("add `dev NAME`, or set `default_interface` in `global_defs`");
            interfaces.cx.diagnostics.push(finding);
            return false;
        }
        address.dev = Some(Name::new(default.as_str(), address.place.0));
        true
    });
    vrrp.static_routes.retain_mut(|route| route_ok(route, interfaces, "static_routes"));
    vrrp.static_rules.retain(|rule| rule_ok(rule, interfaces, "static_rules"));
}

fn route_ok(route: &mut Route, interfaces: &mut Interfaces<'_, '_>, what: &str) -> bool {
    let of_hop = |hop: &Nexthop| hop.dev.clone();
    let names: Vec<Name> = route.dev.iter().cloned().chain(route.nexthops.iter().filter_map(of_hop)).collect();
    if !interfaces.all_there(&names, what) {
        return false;
    }
    let Some(vrf) = &route.vrf else { return true };
    match interfaces.cx.host.link(vrf).map(|link| link.vrf_table) {
        Answer::Unknown => true,
        Answer::Found(Some(table)) => {
            route.table = table;
            true
        }
        Answer::Found(None) | Answer::Absent => {
            let finding = Diagnostic::error(NOT_A_VRF, format!("`{what}`: `{}` is not a VRF", vrf.text))
                .at(vrf.span(), "the route is left out");
            interfaces.cx.diagnostics.push(finding);
            false
        }
    }
}

fn rule_ok(rule: &Rule, interfaces: &mut Interfaces<'_, '_>, what: &str) -> bool {
    interfaces.all_there(rule.iif.iter().chain(&rule.oif), what)
}

/// An interface has one spacing.
fn garp_groups(config: &mut Config, interfaces: &mut Interfaces<'_, '_>) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for group in &mut config.vrrp.garp_groups {
        group.interfaces.retain(|name| {
            if !interfaces.is_there(name, "garp_group") {
                return false;
            }
            let stacked = interfaces.cx.host.link(name).found().is_some_and(|link| link.stacked);
            let why = if stacked {
                "a macvlan or ipvlan has the spacing of the interface below"
            } else if !taken.insert(name.text.clone()) {
                "another `garp_group` has it"
            } else {
                return true;
            };
            let finding =
                Diagnostic::error(TAKEN_INTERFACE, format!("`{}`: {why}", name.text)).at(name.span(), "ignored");
            interfaces.cx.diagnostics.push(finding);
            false
        });
    }
}

/// An interface must not count as up longer than the others wait for adverts.
pub(super) fn delays(config: &mut Config, cx: &mut Cx<'_>) {
    let vrrp = &mut config.vrrp;
    for entry in &mut vrrp.interface_up_down_delays {
        let on_it = vrrp.instances.iter().filter(|instance| instance.interface.as_ref() == Some(&entry.interface));
        let Some(limit) = on_it.map(delay_limit).min() else { continue };
        if entry.down <= limit {
            continue;
        }
        let message = format!("`{}` may be down for {:?}, then others take over", entry.interface.text, limit);
        let finding = Diagnostic::lint(DELAY_TOO_LONG, message)
            .severity(Severity::Warning)
            .at(entry.interface.span(), format!("{limit:?} is used"))
            .hint("shorten the delay, or raise `down_timer_adverts` on all routers");
        cx.diagnostics.push(finding);
        entry.down = limit;
    }
}

/// Leaves time for one advert and the skew of the next router.
fn delay_limit(instance: &VrrpInstance) -> Duration {
    let interval = *instance.advert_int;
    let intervals = interval.saturating_mul(u32::from(instance.down_timer_adverts.saturating_sub(1)));
    intervals.saturating_sub(interval / 256)
}
