// SPDX-License-Identifier: MIT OR Apache-2.0
//! Virtual routers in real networks: our daemon with itself and with Debian's keepalived, in both roles. Each test is named
//! by the promise it keeps.

mod process;

use crate::capture::Frame;
use crate::journal::{PATIENCE, Reading};
use crate::node::{Daemon, Node, Program};
use crate::site::Pair;
use crate::topology::Lab;

/// The ways adverts travel, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    version: u8,
    ipv6: bool,
    unicast: bool,
    /// Adverts once a second, for tests in which a short stall of the machine must not look like a dead master.
    slow: bool,
}

const V2: Way = Way { version: 2, ipv6: false, unicast: false, slow: true };
const V3: Way = Way { version: 3, ipv6: false, unicast: false, slow: false };
const V3_IPV6: Way = Way { version: 3, ipv6: true, unicast: false, slow: false };
const V2_UNICAST: Way = Way { unicast: true, ..V2 };
const V3_SLOW: Way = Way { slow: true, ..V3 };
const V3_UNICAST: Way = Way { version: 3, ipv6: false, unicast: true, slow: false };
const V3_IPV6_UNICAST: Way = Way { version: 3, ipv6: true, unicast: true, slow: false };

impl Way {
    fn vip(self) -> &'static str {
        if self.ipv6 { "fe80::100" } else { "10.0.0.100" }
    }

    fn second_vip(self) -> &'static str {
        if self.ipv6 { "fd00::100" } else { "10.0.0.101" }
    }

    /// The address that adverts of a node leave with.
    fn source(self, node: u8) -> String {
        match (self.ipv6, self.unicast) {
            (false, _) => format!("10.0.0.{node}"),
            (true, false) => format!("fe80::ff:fe00:10{node}"),
            (true, true) => format!("fd00::{node}"),
        }
    }

    /// One virtual router with two addresses; `more` is further lines of the instance.
    fn configuration(self, node: u8, priority: u8, more: &str) -> String {
        let Way { version, unicast, slow, ipv6: _ } = self;
        let interval = if slow { "1" } else { "0.1" };
        let unicast = if unicast {
            let peer = self.source(3 - node);
            format!("unicast_src_ip {}\n unicast_peer {{\n {peer}\n }}\n", self.source(node))
        } else {
            String::new()
        };
        format!(
            "vrrp_instance VI_1 {{\n interface eth0\n version {version}\n advert_int {interval}\n virtual_router_id 51\n \
             priority {priority}\n {unicast} {more}\n virtual_ipaddress {{\n {}\n {}\n }}\n}}\n",
            self.vip(),
            self.second_vip()
        )
    }
}

impl Pair {
    fn new(test: &str) -> Option<Pair> {
        Pair::with(test, &["10.0.0.1/24", "fd00::1/64"], &["10.0.0.2/24", "fd00::2/64"])
    }

    /// Starts `a` with priority 200 and `b` with 100, and waits until `a` alone has the addresses and was heard.
    #[track_caller]
    fn elect_a(&self, way: Way, on_a: Program, on_b: Program) -> (Daemon, Daemon) {
        let b = self.b.start(on_b, &way.configuration(2, 100, ""));
        let a = self.a.start(on_a, &way.configuration(1, 200, ""));
        self.until("a is master", |seen| {
            seen.holds_alone("a", way.vip())
                && seen.holds_alone("a", way.second_vip())
                && seen.said("a", "Entering MASTER")
        });
        self.lab.journal.beats(2, |frame| frame.is_advert(&way.source(1), 200));
        (a, b)
    }
}

/// Everything the reference and we must do alike, for one way and one pair of programs.
#[track_caller]
fn election_takeover_and_return(test: &str, way: Way, on_a: Program, on_b: Program) {
    let Some(pair) = Pair::new(test) else { return };
    let (a, b) = pair.elect_a(way, on_a, on_b);
    let seen = pair.lab.journal.read();
    assert!(seen.frames().any(|frame| frame.announces(way.vip())), "the address was announced\n{seen}");
    let advert = seen.frames().filter_map(|frame| frame.advert()).find(|advert| advert.priority == 200).expect("heard");
    assert_eq!((advert.version, advert.vrid, advert.hop_limit), (way.version, 51, advert.hop_limit));
    assert_eq!(advert.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), [way.vip(), way.second_vip()]);

    // A graceful stop says goodbye, and the backup does not wait for a master-down interval.
    assert!(a.stop().success());
    pair.until("b took over", |seen| seen.holds_alone("b", way.vip()) && seen.holds_alone("b", way.second_vip()));
    pair.until("a said goodbye", |seen| seen.since("TERM").frames().any(|frame| frame.is_advert(&way.source(1), 0)));

    // Who has the higher priority comes back.
    let _a = pair.a.start(on_a, &way.configuration(1, 200, ""));
    pair.until("a is back", |seen| seen.holds_alone("a", way.vip()) && seen.holds_alone("a", way.second_vip()));

    // A crash of the whole node is noticed by silence alone.
    pair.lab.cut(&pair.a, &pair.lan);
    pair.a.crash();
    pair.until("b took over from the dead", |seen| {
        seen.since("crash").frames().any(|frame| frame.is_advert(&way.source(2), 100)) && pair.b.has(way.vip())
    });
    assert!(b.stop().success());
    assert!(!pair.b.has(way.vip()) && !pair.b.has(way.second_vip()), "nothing is left behind");
}

macro_rules! with_itself_and_keepalived {
    ($($module:ident: $way:expr;)*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn two_of_ours_elect_take_over_and_return() {
                let test = concat!(stringify!($module), "::two_of_ours_elect_take_over_and_return");
                election_takeover_and_return(test, $way, Program::Steadfast, Program::Steadfast);
            }

            #[test]
            fn we_lead_and_keepalived_follows() {
                let test = concat!(stringify!($module), "::we_lead_and_keepalived_follows");
                election_takeover_and_return(test, $way, Program::Steadfast, Program::Keepalived);
            }

            #[test]
            fn keepalived_leads_and_we_follow() {
                let test = concat!(stringify!($module), "::keepalived_leads_and_we_follow");
                election_takeover_and_return(test, $way, Program::Keepalived, Program::Steadfast);
            }
        }
    )*};
}

with_itself_and_keepalived! {
    v2: V2;
    v3: V3;
    v3_ipv6: V3_IPV6;
    v2_unicast: V2_UNICAST;
    v3_unicast: V3_UNICAST;
    v3_ipv6_unicast: V3_IPV6_UNICAST;
}

#[test]
fn a_node_that_loses_its_carrier_gives_up_and_returns_with_it() {
    let Some(pair) = Pair::new("a_node_that_loses_its_carrier_gives_up_and_returns_with_it") else { return };
    let _daemons = pair.elect_a(V3, Program::Steadfast, Program::Steadfast);
    pair.lab.unplug(&pair.a, &pair.lan);
    pair.until("b took over", |seen| seen.holds_alone("b", V3.vip()));
    let seen = pair.until("a is in fault", |seen| seen.said("a", "Entering FAULT STATE"));
    assert!(seen.said("a", "Netlink reports eth0 down"), "{seen}");
    pair.lab.plug(&pair.a, &pair.lan);
    pair.until("a is back", |seen| seen.holds_alone("a", V3.vip()));
}

#[test]
fn an_interface_that_is_taken_away_and_comes_back_is_used_again() {
    let Some(mut pair) = Pair::new("an_interface_that_is_taken_away_and_comes_back_is_used_again") else { return };
    let _daemons = pair.elect_a(V3, Program::Steadfast, Program::Keepalived);
    pair.a.operator("ip link del eth0");
    pair.until("b took over", |seen| seen.holds_alone("b", V3.vip()));
    pair.a.forget_interfaces();
    pair.lab.connect(&mut pair.a, &pair.lan, &["10.0.0.1/24"]);
    pair.until("a is back", |seen| seen.holds_alone("a", V3.vip()));
}

#[test]
fn a_master_that_is_not_heard_steps_down_as_soon_as_it_hears_the_better_one() {
    let Some(pair) = Pair::new("a_master_that_is_not_heard_steps_down_as_soon_as_it_hears_the_better_one") else {
        return;
    };
    let _daemons = pair.elect_a(V3, Program::Steadfast, Program::Steadfast);
    pair.lab.cut(&pair.a, &pair.lan);
    pair.until("both are master, each on its side", |seen| seen.holders(V3.vip()) == ["a", "b"]);
    pair.lab.heal(&pair.a, &pair.lan);
    pair.until("a alone is master, and b says why", |seen| {
        seen.holds_alone("a", V3.vip()) && seen.said("b", "with higher priority")
    });
    // Clients that learned b's MAC must hear of a again, although a never stopped being master.
    let from_a = |frame: &Frame| matches!(frame, Frame::Announcement { mac: [2, 0, 0, 0, 1, 1], .. });
    pair.until("a announces again", |seen| seen.since("heal").frames().any(from_a));
}

#[test]
fn an_address_that_somebody_removes_is_put_back_and_announced() {
    let Some(pair) = Pair::new("an_address_that_somebody_removes_is_put_back_and_announced") else { return };
    let _daemons = pair.elect_a(V3_SLOW, Program::Steadfast, Program::Keepalived);
    pair.a.operator(&format!("ip addr del {}/32 dev eth0", V3_SLOW.vip()));
    pair.until("it is back and announced", |seen| {
        let since = seen.since("ip addr del");
        since.holds_alone("a", V3_SLOW.vip()) && since.frames().any(|frame| frame.announces(V3_SLOW.vip()))
    });
    let seen = pair.lab.journal.beats(3, |frame| frame.is_advert(&V3_SLOW.source(1), 200));
    assert_eq!(seen.most_holders(V3_SLOW.vip()), 1, "b never had it\n{seen}");
}

#[test]
fn a_master_told_to_repair_puts_a_lost_address_back_without_leaving() {
    let Some(pair) = Pair::new("a_master_told_to_repair_puts_a_lost_address_back_without_leaving") else { return };
    let repairing = format!("global_defs {{\n vrrp_repair restore\n}}\n{}", V3_SLOW.configuration(1, 200, ""));
    let _b = pair.b.start(Program::Keepalived, &V3_SLOW.configuration(2, 100, ""));
    let _a = pair.a.start(Program::Steadfast, &repairing);
    pair.until("a is master", |seen| seen.holds_alone("a", V3_SLOW.vip()));
    pair.lab.journal.beats(2, |frame| frame.is_advert(&V3_SLOW.source(1), 200));
    pair.a.operator(&format!("ip addr del {}/32 dev eth0", V3_SLOW.vip()));
    let seen = pair.until("it is back and announced", |seen| {
        let since = seen.since("ip addr del");
        since.holds_alone("a", V3_SLOW.vip()) && since.frames().any(|frame| frame.announces(V3_SLOW.vip()))
    });
    let since = seen.since("ip addr del");
    assert!(!since.frames().any(|frame| frame.is_advert(&V3_SLOW.source(1), 0)), "it never said goodbye\n{seen}");
    assert!(!since.said("a", "Entering"), "{seen}");
}

#[test]
fn an_authentication_header_is_understood_by_keepalived_and_the_other_way_round() {
    let test = "an_authentication_header_is_understood_by_keepalived_and_the_other_way_round";
    let header = "authentication {\n auth_type AH\n auth_pass secret\n }\n";
    for (on_a, on_b) in [(Program::Steadfast, Program::Keepalived), (Program::Keepalived, Program::Steadfast)] {
        let Some(pair) = Pair::new(test) else { return };
        let _b = pair.b.start(on_b, &V2.configuration(2, 100, header));
        let a = pair.a.start(on_a, &V2.configuration(1, 200, header));
        pair.until("a is master", |seen| seen.holds_alone("a", V2.vip()));
        let seen = pair.lab.journal.beats(5, |frame| frame.is_advert(&V2.source(1), 200));
        assert!(seen.holds_alone("a", V2.vip()), "b believes a\n{seen}");
        assert!(a.stop().success());
        pair.until("b took over", |seen| seen.holds_alone("b", V2.vip()));
    }
}

#[test]
fn a_tracked_file_moves_the_addresses_by_priority_and_back() {
    let Some(pair) = Pair::new("a_tracked_file_moves_the_addresses_by_priority_and_back") else { return };
    let file = "track_file load {\n file /run/load\n weight 1\n}\n";
    let tracked = format!("{file}{}", V3.configuration(1, 200, "track_file {\n load\n }\n"));
    let write = |number: &str| {
        pair.lab.journal.deed(format!("a's file says {number}"));
        std::fs::write(pair.a.namespace().path("root/run/load"), number).expect("writing the file");
    };
    write("0");
    let _b = pair.b.start(Program::Steadfast, &V3.configuration(2, 100, ""));
    let _a = pair.a.start(Program::Steadfast, &tracked);
    pair.until("a is master", |seen| seen.holds_alone("a", V3.vip()));
    write("-150");
    pair.until("b is master", |seen| seen.holds_alone("b", V3.vip()));
    write("-50");
    pair.until("a is master again", |seen| seen.holds_alone("a", V3.vip()));
}

#[test]
fn a_reload_that_cannot_be_read_changes_nothing() {
    let Some(pair) = Pair::new("a_reload_that_cannot_be_read_changes_nothing") else { return };
    let (a, _b) = pair.elect_a(V3_SLOW, Program::Steadfast, Program::Steadfast);
    std::fs::remove_file(pair.a.namespace().path("root/run/test.conf")).expect("removing the configuration");
    a.signal("HUP");
    let seen = pair.until("it is refused", |seen| seen.since("HUP").said("a", "reload refused"));
    assert!(!seen.since("HUP").said("a", "Entering"), "{seen}");
    let seen = pair.lab.journal.beats(2, |frame| frame.is_advert(&V3_SLOW.source(1), 200));
    assert!(seen.holds_alone("a", V3_SLOW.vip()), "{seen}");
}

#[track_caller]
fn a_lease_ends_with_its_daemon(test: &str, way: Way) {
    let Some(pair) = Pair::new(test) else { return };
    let leased = format!("global_defs {{\n vrrp_vip_lease 2\n}}\n{}", way.configuration(1, 200, ""));
    let _dead = pair.a.start(Program::Steadfast, &leased);
    pair.until("a is master", |seen| seen.holds_alone("a", way.vip()));
    // Longer than the lease.
    let seen = pair.lab.journal.beats(5, |frame| frame.is_advert(&way.source(1), 200));
    assert!(seen.holds_alone("a", way.vip()) && seen.holds_alone("a", way.second_vip()), "{seen}");
    // All its processes at once: any one of them alone would clean up behind the others.
    pair.a.crash();
    pair.until("the kernel took them away", |seen| {
        seen.holders(way.vip()).is_empty() && seen.holders(way.second_vip()).is_empty()
    });
}

#[test]
fn leased_addresses_stay_while_the_daemon_lives_and_vanish_when_it_is_killed() {
    let test = "leased_addresses_stay_while_the_daemon_lives_and_vanish_when_it_is_killed";
    a_lease_ends_with_its_daemon(test, V3_SLOW);
}

#[test]
fn leased_ipv6_addresses_stay_while_the_daemon_lives_and_vanish_when_it_is_killed() {
    let test = "leased_ipv6_addresses_stay_while_the_daemon_lives_and_vanish_when_it_is_killed";
    a_lease_ends_with_its_daemon(test, Way { slow: true, ..V3_IPV6 });
}

#[test]
fn leased_addresses_vanish_when_every_process_is_stopped_and_return_when_they_go_on() {
    let test = "leased_addresses_vanish_when_every_process_is_stopped_and_return_when_they_go_on";
    let Some(pair) = Pair::new(test) else { return };
    let leased = format!("global_defs {{\n vrrp_vip_lease 2\n}}\n{}", V3.configuration(1, 200, ""));
    let a = pair.a.start(Program::Steadfast, &leased);
    pair.until("a is master", |seen| seen.holds_alone("a", V3.vip()));
    pair.lab.journal.deed("stop everything on a");
    // The shell spares itself and the namespace's first process.
    pair.a.inside("kill -STOP -1");
    pair.until("the kernel took them away", |seen| {
        seen.holders(V3.vip()).is_empty() && seen.holders(V3.second_vip()).is_empty()
    });
    pair.a.inside("kill -CONT -1");
    a.go_on();
    pair.until("a is master again", |seen| seen.holds_alone("a", V3.vip()) && seen.holds_alone("a", V3.second_vip()));
    assert!(a.stop().success());
    let left = pair.a.has(V3.vip()) || pair.a.has(V3.second_vip());
    assert!(!left, "nothing is left behind\n{}", pair.lab.journal.read());
}

#[test]
fn what_a_killed_daemon_left_behind_is_removed_at_the_next_start() {
    let Some(pair) = Pair::new("what_a_killed_daemon_left_behind_is_removed_at_the_next_start") else { return };
    let (_dead, _b) = pair.elect_a(V3, Program::Steadfast, Program::Steadfast);
    // All its processes at once: any one of them alone would clean up behind the others.
    pair.a.crash();
    pair.until("b took over although a still has the addresses", |seen| seen.holders(V3.vip()) == ["a", "b"]);
    let _a = pair.a.start(Program::Steadfast, &V3.configuration(1, 50, ""));
    pair.until("b alone has them", |seen| seen.holds_alone("b", V3.vip()) && seen.holds_alone("b", V3.second_vip()));
}

#[test]
fn a_packet_filter_that_a_killed_daemon_left_is_removed_by_one_that_never_leads() {
    let test = "a_packet_filter_that_a_killed_daemon_left_is_removed_by_one_that_never_leads";
    let Some(pair) = Pair::new(test) else { return };
    let text = |node, priority| V3.configuration(node, priority, "no_accept");
    let _b = pair.b.start(Program::Steadfast, &text(2, 100));
    let _dead = pair.a.start(Program::Steadfast, &text(1, 200));
    pair.until("a is master", |seen| seen.holds_alone("a", V3.vip()));
    pair.a.crash();
    assert!(pair.a.run("nft list tables").contains("keepalived"), "as the power leaves it");
    let a = pair.a.start(Program::Steadfast, &text(1, 50));
    pair.until("b alone has the address", |seen| seen.holds_alone("b", V3.vip()));
    pair.a.shows("nft list tables", "");
    assert!(a.stop().success());
}

#[test]
fn virtual_routes_and_rules_come_with_the_addresses_and_go_with_them() {
    let Some(pair) = Pair::new("virtual_routes_and_rules_come_with_the_addresses_and_go_with_them") else { return };
    let more = "virtual_routes {\n 10.5.0.0/16 via 10.0.0.254 dev eth0 table 100\n default via 10.0.0.254 dev eth0\n }\n \
                virtual_rules {\n from 10.5.0.0/16 table 100 priority 50\n }\n";
    let a = pair.a.start(Program::Steadfast, &V3.configuration(1, 200, more));
    pair.until("a is master", |seen| seen.frames().any(|frame| frame.announces(V3.vip())));
    let shown = || pair.a.run("ip route show table all") + &pair.a.run("ip rule");
    let route = "10.5.0.0/16 via 10.0.0.254 dev eth0 table 100 proto keepalived";
    for line in [route, "default via 10.0.0.254 dev eth0 proto keepalived", "50:\tfrom 10.5.0.0/16 lookup 100"] {
        assert!(shown().contains(line), "`{line}` in\n{}", shown());
    }
    // Somebody else's removal is put right.
    let back = |line: &str| {
        let start = std::time::Instant::now();
        while !shown().contains(line) {
            assert!(start.elapsed() < PATIENCE, "`{line}` in\n{}\n{}", shown(), pair.lab.journal.read());
        }
    };
    pair.a.operator("ip route del 10.5.0.0/16 table 100");
    back(route);
    pair.a.operator("ip rule del priority 50");
    back("50:\tfrom 10.5.0.0/16 lookup 100");
    pair.until("a is master again", |seen| {
        seen.since("ip rule del").holds_alone("a", V3.vip()) || seen.said("a", "putting it back")
    });
    assert!(a.stop().success());
    assert!(!shown().contains("keepalived"), "{}", shown());
}

#[test]
fn nopreempt_leaves_the_addresses_where_they_are() {
    let Some(pair) = Pair::new("nopreempt_leaves_the_addresses_where_they_are") else { return };
    let _b = pair.b.start(Program::Steadfast, &V3_SLOW.configuration(2, 100, ""));
    pair.until("b is master", |seen| seen.holds_alone("b", V3_SLOW.vip()));
    let _a = pair.a.start(Program::Steadfast, &V3_SLOW.configuration(1, 200, "nopreempt"));
    pair.until("a is backup", |seen| seen.said("a", "Entering BACKUP STATE"));
    let seen = pair.lab.journal.beats(5, |frame| frame.is_advert(&V3_SLOW.source(2), 100));
    assert_eq!(seen.most_holders(V3_SLOW.vip()), 1, "{seen}");
    assert!(seen.holds_alone("b", V3_SLOW.vip()), "{seen}");
}

#[test]
fn a_password_keeps_others_out() {
    let Some(pair) = Pair::new("a_password_keeps_others_out") else { return };
    let with = |word| format!("authentication {{\n auth_type PASS\n auth_pass {word}\n }}\n");
    let _b = pair.b.start(Program::Keepalived, &V2.configuration(2, 100, &with("secret")));
    pair.until("b is master", |seen| seen.holds_alone("b", V2.vip()));
    let a = pair.a.start(Program::Steadfast, &V2.configuration(1, 50, &with("wrong")));
    // Neither believes the other, so both are master: the network shows the mistake instead of hiding it.
    let seen = pair.until("both are master", |seen| seen.holders(V2.vip()) == ["a", "b"]);
    assert!(seen.said("a", "wrong password"), "{seen}");
    a.stop();
    let _a = pair.a.start(Program::Steadfast, &V2.configuration(1, 50, &with("secret")));
    pair.until("a follows", |seen| seen.since("start Steadfast").said("a", "Entering BACKUP STATE"));
    let seen = pair.lab.journal.beats(6, |frame| frame.is_advert(&V2.source(2), 100));
    assert!(seen.holds_alone("b", V2.vip()), "{seen}");
}

#[test]
fn a_sync_group_moves_as_one_when_one_member_cannot_stay() {
    let Some(mut lab) = Lab::new("a_sync_group_moves_as_one_when_one_member_cannot_stay") else { return };
    let (inside, outside) = (lab.segment("inside"), lab.segment("outside"));
    let configuration = |priority| {
        let instance = |name: &str, interface: &str, vrid, address: &str| {
            format!(
                "vrrp_instance {name} {{\n interface {interface}\n version 3\n advert_int 0.1\n virtual_router_id {vrid}\n \
                 priority {priority}\n virtual_ipaddress {{\n {address}\n }}\n}}\n"
            )
        };
        instance("IN", "eth0", 1, "10.0.0.100")
            + &instance("OUT", "eth1", 2, "10.1.0.100")
            + "vrrp_sync_group G {\n group {\n IN\n OUT\n }\n}\n"
    };
    let mut nodes = ["a", "b"].map(|name| lab.node(name));
    for (node, number) in nodes.iter_mut().zip(1..) {
        lab.connect(node, &inside, &[&format!("10.0.0.{number}/24")]);
        lab.connect(node, &outside, &[&format!("10.1.0.{number}/24")]);
    }
    let [a, b] = nodes;
    let _a = a.start(Program::Steadfast, &configuration(200));
    let _b = b.start(Program::Steadfast, &configuration(100));
    let both =
        |seen: &Reading, node: &str| ["10.0.0.100", "10.1.0.100"].iter().all(|address| seen.holds_alone(node, address));
    lab.journal.until("a has both", |seen| both(seen, "a"));
    lab.unplug(&a, &outside);
    lab.journal.until("b has both", |seen| both(seen, "b"));
    lab.plug(&a, &outside);
    lab.journal.until("a has both again", |seen| both(seen, "a"));
}

#[test]
fn a_reload_adds_and_removes_addresses_without_touching_the_others() {
    let Some(pair) = Pair::new("a_reload_adds_and_removes_addresses_without_touching_the_others") else { return };
    let (a, _b) = pair.elect_a(V3_SLOW, Program::Steadfast, Program::Steadfast);
    let changed = V3_SLOW.configuration(1, 200, "").replace(V3_SLOW.second_vip(), "10.0.0.102");
    pair.a.reconfigure(&changed);
    a.signal("HUP");
    let seen = pair.until("the new address is there and the old one gone", |seen| {
        seen.holds_alone("a", "10.0.0.102") && seen.holders(V3_SLOW.second_vip()).is_empty()
    });
    let since = seen.since("HUP");
    assert!(since.holders_over_time(V3_SLOW.vip()).is_empty(), "the address that stays was left alone\n{seen}");
    assert!(!since.said("a", "Entering"), "no state changed\n{seen}");
    pair.until("the new address is announced", |seen| seen.frames().any(|frame| frame.announces("10.0.0.102")));
    let more = changed.clone() + &changed.replace("VI_1", "VI_2").replace("51", "52").replace("10.0.0.10", "10.0.0.11");
    pair.a.reconfigure(&more);
    a.signal("HUP");
    pair.until("the second instance is master too", |seen| seen.holds_alone("a", "10.0.0.110"));
    pair.a.reconfigure(&changed);
    a.signal("HUP");
    let seen = pair.until("the second instance is gone", |seen| seen.holders("10.0.0.110").is_empty());
    assert!(seen.holds_alone("a", V3_SLOW.vip()), "{seen}");
    let goodbye = |frame: &Frame| frame.advert().is_some_and(|advert| (advert.vrid, advert.priority) == (52, 0));
    pair.until("it said goodbye", |seen| seen.frames().any(goodbye));
}

#[test]
fn a_thousand_addresses_are_taken_over_announced_and_given_back() {
    let Some(pair) = Pair::new("a_thousand_addresses_are_taken_over_announced_and_given_back") else { return };
    let many: String = (0..1000).map(|number| format!("10.9.{}.{}\n", number / 250, number % 250 + 1)).collect();
    let excluded = format!("virtual_ipaddress_excluded {{\n{many}}}\n");
    let _b = pair.b.start(Program::Steadfast, &V3_SLOW.configuration(2, 100, ""));
    let a = pair.a.start(Program::Steadfast, &V3_SLOW.configuration(1, 200, &excluded));
    let last = "10.9.3.250";
    pair.until("the last one is announced", |seen| seen.frames().any(|frame| frame.announces(last)));
    assert_eq!(pair.a.run("ip -4 -o addr show dev eth0").lines().count(), 1003);
    assert!(pair.lab.journal.read().holds_alone("a", V3_SLOW.vip()), "adverts went out meanwhile, or b had taken over");
    assert!(a.stop().success());
    assert_eq!(pair.a.run("ip -4 -o addr show dev eth0").lines().count(), 1);
}

/// The MAC that a frame about the address must come from.
fn virtual_mac(way: Way) -> [u8; 6] {
    [0, 0, 0x5e, 0, if way.ipv6 { 2 } else { 1 }, 51]
}

#[track_caller]
fn virtual_mac_moves(test: &str, way: Way, on_a: Program, on_b: Program) {
    let Some(pair) = Pair::new(test) else { return };
    let settings = || pair.a.run("sysctl net.ipv4.conf.eth0 net.ipv4.conf.all net.ipv4.conf.default");
    let before = settings();
    let a = pair.a.start(on_a, &way.configuration(1, 200, "use_vmac"));
    let _b = pair.b.start(on_b, &way.configuration(2, 100, "use_vmac"));
    let from_virtual = |frame: &Frame| match frame {
        Frame::Announcement { mac, address } => *mac == virtual_mac(way) && address.to_string() == way.vip(),
        Frame::Advert(_) | Frame::Other(_) => false,
    };
    pair.until("a announces with the virtual MAC", |seen| {
        seen.holds_alone("a", way.vip()) && seen.frames().any(from_virtual)
    });
    let seen = pair.lab.journal.beats(3, |frame| frame.advert().is_some_and(|advert| advert.priority == 200));
    assert!(!seen.said("a", "Entering FAULT"), "the interface was there before it was needed\n{seen}");
    let advert = seen.frames().filter_map(|frame| frame.advert()).last().expect("an advert");
    assert_eq!(advert.mac, virtual_mac(way), "{seen}");
    // Each names its virtual interface in its own way.
    let virtual_one = || {
        let links = pair.a.run("ip -o link show type macvlan");
        Some(links.split(": ").nth(1)?.split('@').next()?.to_owned())
    };
    let name = virtual_one().expect("a virtual interface");
    assert!(pair.a.run(&format!("ip -o addr show dev {name}")).contains(way.vip()), "{seen}");
    let filter = |at: &Node| at.run(&format!("nft list table {} keepalived", if way.ipv6 { "ip6" } else { "ip" }));
    let reports_leave_by_the_base = format!("elements = {{ \"{name}\" : \"eth0\" }}");
    for (node, filter) in [("a", filter(&pair.a)), ("b", filter(&pair.b))] {
        assert!(filter.contains("oif map @vmac_map drop"), "{node}: {filter}");
        assert!(node == "b" || filter.contains(&reports_leave_by_the_base), "{node}: {filter}");
    }
    assert!(a.stop().success());
    pair.until("b has it, with the same MAC", |seen| {
        seen.holds_alone("b", way.vip()) && seen.since("TERM").frames().any(from_virtual)
    });
    assert_eq!(virtual_one(), None, "the virtual interface is gone");
    assert_eq!(pair.a.run("nft list tables"), "", "and the packet filter");
    assert_eq!(settings(), before, "settings are as they were");
}

#[test]
fn the_virtual_mac_moves_between_two_of_ours() {
    let test = "the_virtual_mac_moves_between_two_of_ours";
    virtual_mac_moves(test, V3, Program::Steadfast, Program::Steadfast);
}

#[test]
fn the_virtual_mac_moves_to_keepalived() {
    virtual_mac_moves("the_virtual_mac_moves_to_keepalived", V3, Program::Steadfast, Program::Keepalived);
}

#[test]
fn the_virtual_mac_moves_over_ipv6_to_keepalived() {
    virtual_mac_moves(
        "the_virtual_mac_moves_over_ipv6_to_keepalived",
        V3_IPV6,
        Program::Steadfast,
        Program::Keepalived,
    );
}

#[test]
fn the_virtual_mac_moves_over_ipv6_between_two_of_ours() {
    let test = "the_virtual_mac_moves_over_ipv6_between_two_of_ours";
    virtual_mac_moves(test, V3_IPV6, Program::Steadfast, Program::Steadfast);
}
