// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an instance follows and what it holds, in numbers.

use std::collections::BTreeSet;

use keepalived_conf::Config;
use keepalived_conf::blocks::vrrp::entry::address::Address;
use keepalived_conf::blocks::vrrp::entry::track::{Kind, Track as Use};
use keepalived_conf::blocks::vrrp::instance::VrrpInstance;
use keepalived_conf::blocks::vrrp::{Route, Rule, TrackGroup};
use keepalived_conf::span::Name;

use super::instance::family_of;
use super::{Detail, Told, TrackSource, Tracked, VrrpPlan, details};
use crate::proto::track::TrackParams;
use crate::proto::vrrp::{DetailId, HeldAddress, HeldDetail, Holdings, LinkId, TrackId, TrackUse};

impl VrrpPlan {
    fn track(&mut self, kind: &'static str, name: &str, params: TrackParams, source: TrackSource) -> TrackId {
        let id = self.numbers.track(kind, name);
        self.setup.tracks.insert(id, params);
        self.tracks.insert(id, Tracked { name: name.to_owned(), source });
        id
    }

    fn link(&mut self, name: &str) -> LinkId {
        let id = self.numbers.link(name);
        self.links.insert(id, name.to_owned());
        id
    }

    fn detail(&mut self, detail: Detail) -> DetailId {
        let id = self.numbers.detail(&detail);
        self.details.insert(id, detail);
        id
    }

    pub(super) fn tracks_of(&mut self, config: &Config, instance: &VrrpInstance) -> Vec<TrackUse> {
        let mut uses = Vec::new();
        for (kind, track) in instance.tracks.iter() {
            if let Some((params, source, told)) = described(config, kind, track) {
                let id = self.track(kind.noun(), &track.name, params, source);
                if let Some(told) = told {
                    self.told.insert(id, told);
                }
                uses.push(TrackUse { track: id, weight: i32::from(*track.weight), reverse: *track.reverse });
            }
        }
        self.implied_interfaces(config, instance, &mut uses);
        if let (true, Some(ip), Some(interface)) = (instance.track_src_ip, instance.source, &instance.interface) {
            let source = TrackSource::Address(interface.text.clone(), ip);
            let id = self.track("address", &format!("{ip}%{}", interface.text), TrackParams::Address, source);
            uses.push(TrackUse { track: id, weight: 0, reverse: false });
        }
        uses
    }

    /// The interfaces of tracked addresses, routes and rules on other interfaces than the instance's own are followed
    /// without being asked: without them the instance cannot do its work.
    fn implied_interfaces(&mut self, config: &Config, instance: &VrrpInstance, uses: &mut Vec<TrackUse>) {
        let own = instance.interface.as_ref().map(|name| name.text.as_str());
        let of_addresses =
            instance.addresses().filter(|address| address.tracked).filter_map(|address| address.dev.as_ref());
        let of_routes = instance.virtual_routes.iter().filter(|route| route.tracked).flat_map(interfaces_of_route);
        let of_rules = instance.virtual_rules.iter().filter(|rule| rule.tracked).flat_map(interfaces_of_rule);
        let implied = of_addresses.chain(of_routes).chain(of_rules).chain(of_statics(config, instance));
        for dev in implied.map(|dev| dev.text.as_str()) {
            if Some(dev) == own || instance.tracks.interfaces.iter().any(|track| &*track.name == dev) {
                continue;
            }
            let params = TrackParams::Interface { up_delay: Default::default(), down_delay: Default::default() };
            let id = self.track(Kind::Interface.noun(), dev, params, TrackSource::Interface(dev.to_owned()));
            let implied = TrackUse { track: id, weight: 0, reverse: false };
            if !uses.contains(&implied) {
                uses.push(implied);
            }
        }
    }

    pub(super) fn holdings_of(&mut self, config: &Config, instance: &VrrpInstance) -> Holdings {
        let mut held = |list: &[Address]| {
            let each = list.iter().map(|one| {
                let link = self.link_of(config, instance, one);
                self.held(one, link)
            });
            each.collect()
        };
        let (addresses, excluded) = (held(&instance.virtual_ipaddress), held(&instance.virtual_ipaddress_excluded));
        let routes = self.held_routes(&instance.virtual_routes);
        let rules = self.held_rules(&instance.virtual_rules);
        Holdings { addresses, excluded, routes, rules, filter: !*instance.accept && !instance.is_owner() }
    }

    pub(super) fn statics_of(&mut self, config: &Config) -> Holdings {
        let addresses = config.vrrp.static_ipaddress.iter().map(|one| {
            let link = one.dev.as_ref().map(|dev| self.link(&dev.text));
            self.held(one, link)
        });
        let addresses = addresses.collect();
        let routes = self.held_routes(&config.vrrp.static_routes);
        let rules = self.held_rules(&config.vrrp.static_rules);
        Holdings { addresses, routes, rules, ..Holdings::default() }
    }

    fn held_routes(&mut self, routes: &[Route]) -> Vec<HeldDetail> {
        let mut held = Vec::new();
        for route in routes {
            let detail = self.detail(Detail::Route(Box::new(details::route(route))));
            held.push(HeldDetail { detail, tracked: route.tracked });
        }
        held
    }

    fn held_rules(&mut self, rules: &[Rule]) -> Vec<HeldDetail> {
        let mut held = Vec::new();
        for rule in rules {
            let detail = self.detail(Detail::Rule(Box::new(details::rule(rule))));
            held.push(HeldDetail { detail, tracked: rule.tracked });
        }
        held
    }

    /// The interface an address is held on; `None` is the one of the instance's port.
    fn link_of(&mut self, config: &Config, instance: &VrrpInstance, address: &Address) -> Option<LinkId> {
        let own = instance.interface.as_ref().map(|name| name.text.as_str());
        let on = address.dev.as_ref().map(|dev| dev.text.as_str()).or(own)?;
        let family = family_of(address.family());
        let is_own = Some(on) == own;
        let is_of_router = is_own && family == family_of(*instance.family);
        // `use_vmac_addr` leaves alone what stands on the instance's own interface.
        let has_vmac = address.use_vmac && !(is_of_router && instance.vmac.is_some());
        if has_vmac || (instance.use_vmac_addr && !is_of_router) {
            return self.address_vmac(config, instance, on, family).map(|name| self.link(&name));
        }
        // A virtual MAC belongs to one family: an address of the other one stays on the interface beneath.
        let stays_beneath = is_own && !is_of_router && instance.vmac.is_some();
        (!is_own || stays_beneath).then(|| self.link(on))
    }

    fn held(&mut self, address: &Address, link: Option<LinkId>) -> HeldAddress {
        HeldAddress {
            ip: address.ip,
            prefix: address.bits,
            link,
            detail: details::address(address).map(|detail| self.detail(Detail::Address(detail))),
            tracked: address.tracked,
        }
    }
}

fn interfaces_of_route(route: &Route) -> impl Iterator<Item = &Name> {
    route.dev.iter().chain(route.nexthops.iter().filter_map(|hop| hop.dev.as_ref()))
}

fn interfaces_of_rule(rule: &Rule) -> impl Iterator<Item = &Name> {
    rule.iif.iter().chain(&rule.oif)
}

/// The interfaces of static entries whose track group the instance is in.
fn of_statics<'c>(config: &'c Config, instance: &VrrpInstance) -> impl Iterator<Item = &'c Name> {
    let vrrp = &config.vrrp;
    let is_member = |group: &&TrackGroup| group.group.iter().any(|member| member.text == instance.name);
    let groups: BTreeSet<&str> = vrrp.track_groups.iter().filter(is_member).map(|group| group.name.as_str()).collect();
    let mut names = Vec::new();
    let concerns = |name: &Option<Name>| name.as_ref().is_some_and(|name| groups.contains(name.text.as_str()));
    for address in vrrp.static_ipaddress.iter().filter(|address| concerns(&address.track_group)) {
        names.extend(&address.dev);
    }
    for route in vrrp.static_routes.iter().filter(|route| concerns(&route.track_group)) {
        names.extend(interfaces_of_route(route));
    }
    for rule in vrrp.static_rules.iter().filter(|rule| concerns(&rule.track_group)) {
        names.extend(interfaces_of_rule(rule));
    }
    names.into_iter()
}

/// What stands behind an entry of a track list. A name that means nothing was reported when the configuration was
/// read.
fn described(config: &Config, kind: Kind, track: &Use) -> Option<(TrackParams, TrackSource, Option<Told>)> {
    let tracking = &config.tracking;
    let name = track.name.text.as_str();
    let told = |params, told| Some((params, TrackSource::Told, Some(told)));
    match kind {
        Kind::Interface => {
            let delays = config.vrrp.interface_up_down_delays.iter().find(|delay| delay.interface.text == name);
            let params = TrackParams::Interface {
                up_delay: delays.map(|delay| delay.up).unwrap_or_default(),
                down_delay: delays.map(|delay| delay.down).unwrap_or_default(),
            };
            Some((params, TrackSource::Interface(name.to_owned()), None))
        }
        Kind::Script => {
            let script = tracking.script(name)?;
            let params = TrackParams::Script { rise: script.rise, fall: script.fall, init_fail: script.init_fail };
            let command = script.command.clone()?;
            told(params, Told::Script { command, interval: *script.interval, timeout: *script.timeout })
        }
        Kind::File => {
            let file = tracking.file(name)?;
            told(TrackParams::File, Told::File { path: file.path.clone() })
        }
        Kind::Process => {
            let process = tracking.process(name)?;
            let params = TrackParams::Process {
                quorum: process.quorum,
                quorum_max: process.quorum_max,
                up_delay: process.fork_delay,
                down_delay: process.terminate_delay,
            };
            told(params, Told::Process(Box::new(process.clone())))
        }
        Kind::Bfd => {
            tracking.bfd(name)?;
            told(TrackParams::Bfd, Told::Bfd)
        }
    }
}
