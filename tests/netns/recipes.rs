// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recipes of the manual do what they say: their files, as they stand in docs/examples/recipes, on two nodes.
//!
//! Those that balance are played in tests/uml/recipes.rs.

use std::fs;
use std::path::{Path, PathBuf};

use crate::journal::Reading;
use crate::node::{Daemon, Node, Program};
use crate::topology::{Lab, Segment};

const VIP: &str = "192.0.2.100";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/recipes")
}

fn text(recipe: &str, node: &str) -> String {
    let file = folder().join(recipe).join(format!("{node}.conf"));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

struct Pair {
    lab: Lab,
    lan: Segment,
    recipe: &'static str,
    a: Node,
    b: Node,
}

impl Pair {
    fn new(recipe: &'static str) -> Option<Pair> {
        let mut lab = Lab::new(recipe)?;
        let lan = lab.segment("lan");
        let a = lab.node_on(&lan, "a", &["192.0.2.1/24", "2001:db8::1/64"]);
        let b = lab.node_on(&lan, "b", &["192.0.2.2/24", "2001:db8::2/64"]);
        Some(Pair { lab, lan, recipe, a, b })
    }

    /// Scripts stand in /run, which is a node's own.
    fn start(&self, node: &Node) -> Daemon {
        let text =
            text(self.recipe, node.name()).replace("/usr/local/sbin/", "/run/").replace("/etc/keepalived/", "/run/");
        node.start(Program::Steadfast, &text)
    }

    /// Both; whoever leads says so before the other starts.
    fn start_both(&self) -> (Daemon, Daemon) {
        let a = self.start(&self.a);
        self.until("a is master", |seen| seen.said("a", "Entering MASTER STATE"));
        let b = self.start(&self.b);
        self.until("b is backup", |seen| seen.said("b", "Entering BACKUP STATE"));
        (a, b)
    }

    #[track_caller]
    fn until(&self, promise: &str, holds: impl Fn(&Reading) -> bool) -> Reading {
        self.lab.journal.until(promise, holds)
    }

    #[track_caller]
    fn moves_to(&self, node: &str, address: &str) {
        self.until(&format!("{node} alone has {address}"), |seen| seen.holds_alone(node, address));
    }
}

/// Writes a file on a node, whole or not at all.
fn write(node: &Node, file: &str, mode: &str, text: &str) {
    let line = format!(
        "mkdir -p $(dirname {file}) && printf '%s\\n' '{text}' > {file}.new && chmod {mode} {file}.new && mv {file}.new {file}"
    );
    let status = node.namespace().command("sh").args(["-c", &line]).status().expect("sh runs");
    assert!(status.success(), "{file} is written");
}

#[test]
fn the_address_of_a_database_follows_the_primary() {
    let Some(pair) = Pair::new("database") else { return };
    write(&pair.a, "/run/database/role", "644", "standby");
    write(&pair.b, "/run/database/role", "644", "primary");
    let _a = pair.start(&pair.a);
    let _b = pair.start(&pair.b);
    pair.moves_to("b", VIP);
    write(&pair.b, "/run/database/role", "644", "standby");
    pair.until("nobody is primary", |seen| seen.holders(VIP).is_empty());
    write(&pair.a, "/run/database/role", "644", "primary");
    pair.moves_to("a", VIP);
}

#[test]
fn an_active_pair_shares_two_addresses_and_each_stands_in() {
    let Some(pair) = Pair::new("active-active") else { return };
    let _a = pair.start(&pair.a);
    let b = pair.start(&pair.b);
    pair.moves_to("a", "192.0.2.101");
    pair.moves_to("b", "192.0.2.102");
    assert!(b.stop().success());
    pair.moves_to("a", "192.0.2.102");
    let _b = pair.start(&pair.b);
    pair.moves_to("b", "192.0.2.102");
}

#[test]
fn both_families_move_as_one() {
    let Some(pair) = Pair::new("both-families") else { return };
    let (_a, _b) = pair.start_both();
    for address in [VIP, "2001:db8::100", "fe80::100"] {
        pair.moves_to("a", address);
    }
    pair.lab.unplug(&pair.a, &pair.lan);
    for address in [VIP, "2001:db8::100", "fe80::100"] {
        pair.moves_to("b", address);
    }
}

#[test]
fn a_cloud_sees_no_multicast_and_is_told_of_each_move() {
    let Some(pair) = Pair::new("cloud") else { return };
    for node in [&pair.a, &pair.b] {
        write(node, "/run/take-address", "755", "#!/bin/sh\necho taken >> /run/told");
    }
    let (a, _b) = pair.start_both();
    pair.moves_to("a", VIP);
    a.kill();
    pair.a.crash();
    pair.lab.cut(&pair.a, &pair.lan);
    let seen = pair.until("b is master", |seen| seen.said("b", "Entering MASTER STATE"));
    let multicast = seen.frames().any(|frame| frame.advert().is_some() && frame.to_string().contains("224.0.0.18"));
    assert!(!multicast, "adverts go to the peer alone\n{seen}");
    let told = || fs::read_to_string(pair.b.namespace().path("root/run/told")).is_ok_and(|text| text == "taken\n");
    pair.until("the cloud is told", |_| told());
}

#[test]
fn the_virtual_mac_moves_with_the_address() {
    let Some(pair) = Pair::new("vmac") else { return };
    let (a, _b) = pair.start_both();
    let mac = |node: &Node| node.run("ip -o link show vrrp.51").contains("00:00:5e:00:01:33");
    pair.moves_to("a", VIP);
    assert!(mac(&pair.a) && mac(&pair.b), "both have it, and one uses it");
    assert!(a.stop().success());
    pair.moves_to("b", VIP);
    assert!(pair.b.run("ip -o addr show dev vrrp.51").contains(VIP));
}

#[test]
fn a_router_of_the_platform_moves_whole() {
    let Some(mut lab) = Lab::new("neutron") else { return };
    let (ha, inside, outside) = (lab.segment("ha"), lab.segment("inside"), lab.segment("outside"));
    let mut nodes = Vec::new();
    for (number, name) in ["a", "b"].into_iter().enumerate() {
        let mut node = lab.node(name);
        lab.connect(&mut node, &ha, &[&format!("169.254.192.{}/18", number + 1)]);
        lab.connect(&mut node, &inside, &[]);
        lab.connect(&mut node, &outside, &[]);
        for (own, platform) in [("eth0", "ha-0c6ab4c0"), ("eth1", "qr-e3a2b4c1"), ("eth2", "qg-5d8f7a90")] {
            node.run(&format!("ip link set {own} down"));
            node.run(&format!("ip link set {own} name {platform}"));
            node.run(&format!("ip link set {platform} up"));
        }
        nodes.push(node);
    }
    let whole = |node: &Node| {
        let addresses = ["169.254.0.1", "10.0.0.1", VIP].iter().all(|address| node.has(address));
        addresses && node.run("ip route show default").contains("via 192.0.2.254 dev qg-5d8f7a90")
    };
    let first = nodes[0].start(Program::Steadfast, &text("neutron", "a"));
    lab.journal.until("a has all of it", |seen| seen.holds_alone("a", VIP));
    lab.journal.until("a has the route", |_| whole(&nodes[0]));
    let _second = nodes[1].start(Program::Steadfast, &text("neutron", "b"));
    lab.journal.until("b waits", |seen| seen.said("b", "Entering BACKUP STATE"));
    assert!(first.stop().success());
    lab.journal.until("b has all of it", |seen| seen.holds_alone("b", VIP));
    lab.journal.until("b has the route", |_| whole(&nodes[1]));
    let left: Vec<_> = ["169.254.0.1", "10.0.0.1", VIP].into_iter().filter(|address| nodes[0].has(address)).collect();
    assert!(left.is_empty(), "a keeps {left:?}");
}

#[test]
fn the_address_of_a_control_plane_leaves_a_node_whose_server_fails() {
    let Some(pair) = Pair::new("kubernetes") else { return };
    for node in [&pair.a, &pair.b] {
        write(node, "/run/check_apiserver.sh", "755", "#!/bin/sh\n[ -e /run/healthy ]");
        write(node, "/run/healthy", "644", "yes");
    }
    let (_a, _b) = pair.start_both();
    pair.moves_to("a", VIP);
    pair.a.namespace().command("rm").arg("/run/healthy").status().expect("rm runs");
    pair.moves_to("b", VIP);
    write(&pair.a, "/run/healthy", "644", "yes");
    pair.moves_to("a", VIP);
}

#[test]
fn a_number_in_a_file_takes_a_director_out_of_service() {
    let Some(pair) = Pair::new("maintenance") else { return };
    for node in [&pair.a, &pair.b] {
        // The folder must be there before the daemon; the files are the daemon's to make.
        node.namespace().command("mkdir").arg("/run/maintenance").status().expect("mkdir runs");
    }
    let (_a, _b) = pair.start_both();
    pair.moves_to("a", VIP);
    write(&pair.a, "/run/maintenance/director", "644", "-100");
    pair.moves_to("b", VIP);
    write(&pair.a, "/run/maintenance/director", "644", "0");
    pair.moves_to("a", VIP);
}

#[test]
fn on_a_slow_link_three_lost_adverts_move_nothing() {
    let Some(pair) = Pair::new("slow-link") else { return };
    let (a, _b) = pair.start_both();
    pair.moves_to("a", VIP);
    // The ports stay; b hears nothing while a sends three, which are heard by the lab.
    pair.lab.deafen(&pair.b, &pair.lan);
    pair.lab.journal.beats(4, |frame| frame.is_advert("192.0.2.1", 150));
    pair.lab.undeafen(&pair.b, &pair.lan);
    let seen = pair.lab.journal.beats(1, |frame| frame.is_advert("192.0.2.1", 150));
    assert!(!seen.said("b", "Entering MASTER STATE"), "{seen}");
    a.kill();
    pair.a.crash();
    pair.lab.cut(&pair.a, &pair.lan);
    pair.until("b takes over in the end", |seen| seen.said("b", "Entering MASTER STATE"));
}

#[test]
fn the_manual_names_every_recipe() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes.md")).expect("the page");
    let recipes: Vec<String> = fs::read_dir(folder())
        .expect("the recipes")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(recipes.len(), 10);
    for recipe in recipes {
        assert!(page.contains(&format!("(examples/recipes/{recipe}/a.conf)")), "{recipe} is not in docs/recipes.md");
    }
}
