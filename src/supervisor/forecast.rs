// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a reload would do, said before it does it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use keepalived_conf::Config;
use keepalived_conf::blocks::global::webhook::Webhook;

use crate::plan::lvs::LvsPlan;
use crate::plan::vrrp::VrrpPlan;
use crate::proto::health;
use crate::proto::vrrp::{Changes, InstanceId, Params};

/// Lines that are told; of more, only the number.
const LINES_MAX: usize = 200;

/// What living by `next` instead of `before` changes, and whom it disturbs. Nothing where nothing changes.
pub(super) fn lines(before: &Config, next: &Config) -> Vec<String> {
    let mut lines = vrrp(before, next);
    lines.extend(lvs(before, next));
    lines.extend(outside(before, next));
    if let Some(more @ 1..) = lines.len().checked_sub(LINES_MAX) {
        lines.truncate(LINES_MAX);
        lines.push(format!("and {more} more changes"));
    }
    lines
}

/// Who is answered and told elsewhere. Addresses of webhooks are shown by their hosts.
fn outside(before: &Config, next: &Config) -> Vec<String> {
    let (old, new) = (&before.global.ours, &next.global.ours);
    let mut lines = Vec::new();
    let mut tell = |what: &str, now: Vec<&str>| {
        let now = if now.is_empty() { "nowhere".to_owned() } else { now.join(", ") };
        lines.push(format!("{what}: {now}"));
    };
    if old.status_listen != new.status_listen {
        tell("page and metrics are served elsewhere", new.status_listen.iter().map(String::as_str).collect());
    }
    if old.webhooks != new.webhooks {
        tell("events are posted elsewhere", new.webhooks.iter().map(Webhook::place).collect());
    }
    if old.control_group != new.control_group {
        tell("others may use the control socket, besides root", new.control_group.as_deref().into_iter().collect());
    }
    lines
}

fn vrrp(before: &Config, next: &Config) -> Vec<String> {
    let old = VrrpPlan::compile(before, None);
    let new = VrrpPlan::compile(next, Some(&old));
    let mut lines = Vec::new();
    let name = |id: &InstanceId| {
        new.instances.get(id).or_else(|| old.instances.get(id)).cloned().unwrap_or_else(|| id.0.to_string())
    };
    for (id, params) in &old.setup.instances {
        match new.setup.instances.get(id) {
            Some(now) if now == params => {}
            Some(now) if is_another(params, now) => lines.push(format!(
                "{}: begins anew, because its VRID, interface, family or group address changes: where it is master it \
                 leaves with priority 0 and another router takes over",
                name(id)
            )),
            Some(now) => lines.push(format!("{}: {}", name(id), differences(params, now).join("; "))),
            None => lines.push(format!(
                "{}: is removed: where it is master it leaves with priority 0, and its addresses go",
                name(id)
            )),
        }
    }
    for (id, params) in &new.setup.instances {
        if !old.setup.instances.contains_key(id) {
            lines.push(format!("{}: is added, with {}", name(id), addresses(&all_addresses(params))));
        }
    }
    let Changes { globals, tracks, groups, .. } = Changes::between(&old.setup, &new.setup);
    for (what, count) in [("tracked objects", tracks.len()), ("sync groups", groups.len())] {
        if count > 0 {
            lines.push(format!("{count} {what} change, come or go"));
        }
    }
    if globals.is_some() {
        lines.push("settings for all instances change".to_owned());
    }
    lines
}

/// It cannot go on as what it is.
fn is_another(old: &Params, new: &Params) -> bool {
    let group = |params: &Params| match params.reach {
        crate::proto::vrrp::Reach::Multicast { group } => Some(group),
        crate::proto::vrrp::Reach::Unicast { .. } => None,
    };
    (old.vrid, old.family, old.port) != (new.vrid, new.family, new.port) || group(old) != group(new)
}

fn all_addresses(params: &Params) -> BTreeSet<IpAddr> {
    params.holdings.every_address().map(|held| held.ip).collect()
}

fn addresses(all: &BTreeSet<IpAddr>) -> String {
    match all.len() {
        0 => "no addresses".to_owned(),
        1..=5 => all.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", "),
        many => format!("{many} addresses"),
    }
}

fn differences(old: &Params, new: &Params) -> Vec<String> {
    let mut told = Vec::new();
    if old.priority != new.priority {
        let word = if new.priority < old.priority { "; as master it gives way to a better router" } else { "" };
        told.push(format!("priority {} -> {}{word}", old.priority, new.priority));
    }
    if old.interval != new.interval {
        told.push(format!(
            "adverts every {} s instead of {} s: change all routers together",
            new.interval.as_secs_f64(),
            old.interval.as_secs_f64()
        ));
    }
    if old.version != new.version {
        told.push("another version of the protocol: change all routers together".to_owned());
    }
    if old.auth != new.auth {
        told.push("another authentication: change all routers together".to_owned());
    }
    let (before, now) = (all_addresses(old), all_addresses(new));
    let (come, go): (BTreeSet<_>, BTreeSet<_>) =
        (now.difference(&before).copied().collect(), before.difference(&now).copied().collect());
    if !come.is_empty() {
        told.push(format!("adds {}", addresses(&come)));
    }
    if !go.is_empty() {
        told.push(format!("removes {}", addresses(&go)));
    }
    if told.is_empty() {
        told.push("settings change; it keeps its state".to_owned());
    }
    told
}

fn lvs(before: &Config, next: &Config) -> Vec<String> {
    let old = LvsPlan::compile(before, None);
    let new = LvsPlan::compile(next, Some(&old));
    let mut lines = Vec::new();
    for (id, service) in &old.services {
        if !new.services.contains_key(id) {
            lines.push(format!("virtual server {}: is removed, and its connections end", service.name));
        }
    }
    for (id, service) in &new.services {
        if !old.services.contains_key(id) {
            lines.push(format!("virtual server {}: is added", service.name));
        }
    }
    let of = |plan: &LvsPlan, id: &health::ServerId| {
        let service = plan.setup.servers.get(id).and_then(|server| plan.services.get(&server.service));
        service.map(|service| service.name.clone()).unwrap_or_default()
    };
    for (id, server) in &old.servers {
        match (old.setup.servers.get(id), new.setup.servers.get(id)) {
            (Some(was), Some(is)) if was.weight != is.weight => lines.push(format!(
                "real server {} of {}: weight {} -> {}",
                server.name,
                of(&new, id),
                was.weight,
                is.weight
            )),
            (Some(was), Some(is)) if was != is => {
                lines.push(format!("real server {} of {}: settings change", server.name, of(&new, id)));
            }
            (_, None) => lines.push(format!("real server {} of {}: is removed", server.name, of(&old, id))),
            (_, Some(_)) => {}
        }
    }
    for (id, server) in &new.servers {
        if !old.servers.contains_key(id) {
            lines.push(format!("real server {} of {}: is added", server.name, of(&new, id)));
        }
    }
    let checks = health::Changes::between(&old.setup, &new.setup).checkers.len();
    if checks > 0 {
        lines
            .push(format!("{checks} checks change, come or go; a server keeps its state until a check says otherwise"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        keepalived_conf::load_str(&keepalived_conf::source::MemoryHost::new(), text, true).config
    }

    fn instance(name: &str, vrid: u8, priority: u8, address: &str) -> String {
        format!(
            "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n priority {priority}\n \
             virtual_ipaddress {{\n {address}\n }}\n}}\n"
        )
    }

    fn server(port: u16, weight: u32) -> String {
        format!(
            "virtual_server 192.0.2.9 80 {{\n protocol TCP\n lvs_sched rr\n lvs_method NAT\n real_server 10.0.0.1 {port} {{\n \
             weight {weight}\n TCP_CHECK {{\n }}\n }}\n}}\n"
        )
    }

    #[test]
    fn the_same_configuration_changes_nothing() {
        let text = instance("A", 1, 100, "192.0.2.1") + &server(80, 1);
        assert_eq!(lines(&config(&text), &config(&text)), Vec::<String>::new());
    }

    #[test]
    fn whoever_is_disturbed_is_named_with_why() {
        let before = instance("A", 1, 100, "192.0.2.1") + &instance("B", 2, 100, "192.0.2.2") + &server(80, 1);
        let after = instance("A", 1, 90, "192.0.2.3") + &instance("C", 3, 100, "192.0.2.4") + &server(80, 5);
        let told = lines(&config(&before), &config(&after)).join("\n");
        for part in [
            "A: priority 100 -> 90; as master it gives way to a better router; adds 192.0.2.3; removes 192.0.2.1",
            "B: is removed",
            "C: is added, with 192.0.2.4",
            "real server [10.0.0.1]:tcp:80 of [192.0.2.9]:tcp:80: weight 1 -> 5",
        ] {
            assert!(told.contains(part), "{part}\n{told}");
        }
        let told = lines(&config(&instance("A", 1, 100, "192.0.2.1")), &config(&instance("A", 7, 100, "192.0.2.1")));
        assert!(told.iter().any(|line| line.starts_with("A: begins anew")), "{told:?}");
        let told = lines(&config(&server(80, 1)), &config(&server(81, 1))).join("\n");
        assert!(told.contains("[10.0.0.1]:tcp:80 of [192.0.2.9]:tcp:80: is removed"), "{told}");
    }
}
