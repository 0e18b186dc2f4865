// SPDX-License-Identifier: MIT OR Apache-2.0
//! Static entries: their interfaces, their track groups, and the preferences of rules that have none.

use crate::blocks::Config;
use crate::blocks::vrrp::Rule;
use crate::blocks::vrrp::entry::rule::PREFERENCE_START;
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::family::Family;
use crate::span::Name;
use crate::value::Cx;

use super::tracks::DEFINED_LATER;

pub const UNKNOWN_TRACK_GROUP: Code = Code::new("KC195", "no such track group");

pub(super) fn resolve(config: &mut Config, cx: &mut Cx<'_>) {
    track_groups(config, cx);
    preferences(config);
}

fn track_groups(config: &mut Config, cx: &mut Cx<'_>) {
    let vrrp = &mut config.vrrp;
    let groups = &vrrp.track_groups;
    let of_addresses = vrrp.static_ipaddress.iter_mut().map(|address| &mut address.track_group);
    let of_routes = vrrp.static_routes.iter_mut().map(|route| &mut route.track_group);
    let of_rules = vrrp.static_rules.iter_mut().map(|rule| &mut rule.track_group);
    for place in of_addresses.chain(of_routes).chain(of_rules) {
        let Some(name) = place.as_ref() else { continue };
        match groups.iter().find(|group| group.name == name.text) {
            None => {
                let names = groups.iter().map(|group| group.name.as_str());
                let near = cx.diagnostics.near(name, names);
                cx.diagnostics.push(unknown(name, near));
                *place = None;
            }
            Some(group) if group.seen.head.start > name.span().start => {
                let message = format!("keepalived wants track group `{}` defined before its use", name.text);
                let finding = Diagnostic::warning(DEFINED_LATER, message)
                    .class(Class::General)
                    .at(name.span(), "used here, not by keepalived")
                    .at(group.seen.head, "defined here")
                    .hint("move the definition up");
                cx.diagnostics.push(finding);
            }
            Some(_) => {}
        }
    }
}

fn unknown(name: &Name, near: Option<&str>) -> Diagnostic {
    let finding = Diagnostic::error(UNKNOWN_TRACK_GROUP, format!("there is no track group `{}`", name.text))
        .at(name.span(), "ignored");
    match near {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None => finding,
    }
}

/// Rules without a preference get one, in the order of the file, counting down in each family.
fn preferences(config: &mut Config) {
    let of_instances = config.vrrp.instances.iter_mut().flat_map(|instance| &mut instance.virtual_rules);
    let mut rules: Vec<&mut Rule> = config.vrrp.static_rules.iter_mut().chain(of_instances).collect();
    rules.sort_by_key(|rule| rule.place.0.start);
    let (mut next4, mut next6) = (PREFERENCE_START, PREFERENCE_START);
    for rule in rules.into_iter().filter(|rule| !rule.preference.given()) {
        let next = match rule.family {
            Family::V4 => &mut next4,
            Family::V6 => &mut next6,
        };
        rule.preference.correct(*next);
        *next = next.saturating_sub(1);
    }
}
