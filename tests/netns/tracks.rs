// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an instance tracks and what that does to it: interfaces, scripts, its own source, and what it holds. Files and
//! processes are tracked in `vrrp` and `keywords`.

use crate::journal::Reading;
use crate::node::{Daemon, Program};
use crate::site::{Pair, SECURE, Site};
use crate::topology::Lab;

const VIP: &str = "10.0.0.100";

fn instance(priority: u8, more: &str) -> String {
    format!(
        "vrrp_instance A {{\n interface eth0\n version 3\n virtual_router_id 1\n priority {priority}\n advert_int 0.2\n \
         {more}\n virtual_ipaddress {{\n {VIP}\n }}\n}}\n"
    )
}

fn pair(test: &str) -> Option<Pair> {
    Pair::with(test, &["10.0.0.1/24"], &["10.0.0.2/24"])
}

/// An uplink beside the segment of the adverts is taken from `a` and given back: it hands over and takes over.
#[track_caller]
fn an_uplink_goes_and_comes(test: &str, tracked: &str, said: &str) {
    let Some(mut lab) = Lab::new(test) else { return };
    let (lan, wan) = (lab.segment("lan"), lab.segment("wan"));
    let mut a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24"]);
    lab.connect(&mut a, &wan, &[]);
    let on_a = a.start(Program::Steadfast, &instance(150, &format!("track_interface {{\n {tracked}\n }}")));
    let on_b = b.start(Program::Steadfast, &instance(100, ""));
    lab.journal.until("a leads", |seen| seen.holds_alone("a", VIP));
    lab.unplug(&a, &wan);
    lab.journal.until("b took over, and a says why", |seen| seen.holds_alone("b", VIP) && seen.said("a", said));
    lab.plug(&a, &wan);
    lab.journal.until("a leads again", |seen| seen.holds_alone("a", VIP));
    assert!(on_a.stop().success() && on_b.stop().success());
}

#[test]
fn a_tracked_interface_that_goes_down_is_a_fault() {
    an_uplink_goes_and_comes("a_tracked_interface_that_goes_down_is_a_fault", "eth1", "Entering FAULT STATE");
}

#[test]
fn a_weighted_interface_that_goes_down_costs_its_weight() {
    let test = "a_weighted_interface_that_goes_down_costs_its_weight";
    an_uplink_goes_and_comes(test, "eth1 weight -60", "from 150 to 90");
}

/// A service on `a` ends and begins again: it hands over and takes over.
#[track_caller]
fn a_service_goes_and_comes(test: &str, weight: &str, said: &str) {
    let Some(pair) = pair(test) else { return };
    pair.a.script("check", "test -e /run/well");
    pair.a.inside("touch /run/well");
    let check = format!("vrrp_script S {{\n script /run/check\n interval 1\n rise 2\n fall 2\n {weight}\n}}\n");
    let text = format!("{SECURE}{check}{}", instance(150, "track_script {\n S\n }"));
    let on_a = pair.a.start(Program::Steadfast, &text);
    let on_b = pair.b.start(Program::Steadfast, &instance(100, ""));
    pair.until("a leads", |seen| seen.holds_alone("a", VIP));
    pair.lab.journal.deed("the service on a ends");
    pair.a.inside("rm /run/well");
    pair.until("b took over, and a says why", |seen| seen.holds_alone("b", VIP) && seen.said("a", said));
    pair.a.inside("touch /run/well");
    pair.until("a leads again", |seen| seen.holds_alone("a", VIP));
    assert!(on_a.stop().success() && on_b.stop().success());
}

#[test]
fn a_tracked_script_that_fails_is_a_fault() {
    a_service_goes_and_comes("a_tracked_script_that_fails_is_a_fault", "", "Entering FAULT STATE");
}

#[test]
fn a_weighted_script_that_fails_costs_its_weight() {
    a_service_goes_and_comes("a_weighted_script_that_fails_costs_its_weight", "weight -60", "from 150 to 90");
}

#[test]
fn an_instance_follows_the_address_it_speaks_from() {
    let Some(site) = Site::new("an_instance_follows_the_address_it_speaks_from") else { return };
    let daemon = site.a.start(Program::Steadfast, &instance(100, "mcast_src_ip 10.0.0.7\n track_src_ip"));
    site.lab.journal.until("it says what it lacks", |seen| seen.said("a", "Entering FAULT STATE"));
    site.a.operator("ip addr add 10.0.0.7/24 dev eth0");
    site.lab.journal.until("it leads", |seen| {
        seen.holds_alone("a", VIP) && seen.frames().any(|frame| frame.is_advert("10.0.0.7", 100))
    });
    site.a.operator("ip addr del 10.0.0.7/24 dev eth0");
    site.lab.journal.until("it gave up", |seen| seen.holders(VIP).is_empty());
    site.a.operator("ip addr add 10.0.0.7/24 dev eth0");
    site.lab.journal.until("it leads again", |seen| seen.holds_alone("a", VIP));
    assert!(daemon.stop().success());
}

/// Two of each kind, of which one is tracked.
const HELD: &str = "virtual_ipaddress_excluded {\n 10.0.0.101\n 10.0.0.102 no_track\n }\n \
    virtual_routes {\n 10.5.0.0/16 via 10.0.0.254 dev eth0\n 10.6.0.0/16 via 10.0.0.254 dev eth0 no_track\n }\n \
    virtual_rules {\n from 10.5.0.0/16 table 100 priority 50\n from 10.6.0.0/16 table 100 priority 60 no_track\n }";

const WHAT_IS_THERE: &str = "{ ip -o -4 addr show dev eth0; ip route; ip rule; } | \
    grep -oE '10\\.0\\.0\\.10[12]/|^10\\.[56]\\.0\\.0/16|^[56]0:' | tr '\\n' ' '";

/// `a` holds everything, somebody takes one thing away, and what comes then is read until it is as said.
#[track_caller]
fn loses(test: &str, deed: &str, is: impl Fn(&Reading) -> bool) -> Option<(Site, Daemon, Reading)> {
    let site = Site::new(test)?;
    let daemon = site.a.start(Program::Steadfast, &instance(100, HELD));
    site.lab.journal.until("it leads", |seen| seen.holds_alone("a", VIP));
    site.shows(WHAT_IS_THERE, "10.0.0.101/ 10.0.0.102/ 10.5.0.0/16 10.6.0.0/16 50: 60:");
    site.a.operator(deed);
    let seen = site.lab.journal.until("it goes on", |seen| is(&seen.since(deed)));
    Some((site, daemon, seen.since(deed)))
}

#[test]
fn a_tracked_address_route_or_rule_that_is_removed_makes_its_master_give_way() {
    let test = "a_tracked_address_route_or_rule_that_is_removed_makes_its_master_give_way";
    for deed in ["ip addr del 10.0.0.101/32 dev eth0", "ip route del 10.5.0.0/16", "ip rule del priority 50"] {
        let gives_way = |seen: &Reading| seen.frames().any(|frame| frame.is_advert("10.0.0.1", 0));
        let Some((site, _daemon, _)) = loses(test, deed, gives_way) else { return };
        // Nobody else is there, so it comes back, and has everything.
        site.lab.journal.until("it leads again", |seen| {
            seen.since(deed).said("a", "Entering MASTER STATE") && seen.holds_alone("a", VIP)
        });
        site.shows(WHAT_IS_THERE, "10.0.0.101/ 10.0.0.102/ 10.5.0.0/16 10.6.0.0/16 50: 60:");
    }
}

#[test]
fn one_that_is_not_tracked_may_be_removed() {
    let test = "one_that_is_not_tracked_may_be_removed";
    for (deed, left) in [
        ("ip addr del 10.0.0.102/32 dev eth0", "10.0.0.101/ 10.5.0.0/16 10.6.0.0/16 50: 60:"),
        ("ip route del 10.6.0.0/16", "10.0.0.101/ 10.0.0.102/ 10.5.0.0/16 50: 60:"),
        ("ip rule del priority 60", "10.0.0.101/ 10.0.0.102/ 10.5.0.0/16 10.6.0.0/16 50:"),
    ] {
        let beats = |seen: &Reading| seen.frames().filter(|frame| frame.is_advert("10.0.0.1", 100)).count() >= 5;
        let Some((site, _daemon, seen)) = loses(test, deed, beats) else { return };
        assert!(!seen.said("a", "Entering") && !seen.frames().any(|frame| frame.is_advert("10.0.0.1", 0)), "{seen}");
        assert_eq!(site.a.inside(WHAT_IS_THERE), left);
    }
}
