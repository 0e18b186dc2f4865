// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt::Write as _;

use super::CODES;
use crate::environment::{Facts, Link};
use crate::source::MemoryHost;
use crate::testing::Bench;

/// Codes of the lints of VRRP in one text.
fn lints(text: &str) -> Vec<&'static str> {
    let loaded = Bench::default().load(text);
    let findings = crate::lint::lint(&loaded.config);
    assert_eq!(findings.exit_status(), 0, "a lint is never an error of keepalived's");
    findings.iter().map(|finding| finding.code.id).collect()
}

/// Codes of the lints across texts, with the file each points at.
fn across(texts: &[&str]) -> Vec<(usize, &'static str)> {
    let loaded: Vec<_> = texts.iter().map(|text| Bench::default().load(text)).collect();
    let configs: Vec<_> = loaded.iter().map(|loaded| &loaded.config).collect();
    crate::lint::across(&configs).into_iter().map(|(node, finding)| (node, finding.code.id)).collect()
}

fn instance(name: &str, vrid: u8, lines: &str) -> String {
    format!(
        "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\nvirtual_ipaddress {{\n192.0.2.{vrid}/24\n}}\n\
         {lines}\n}}\n"
    )
}

fn one(lines: &str) -> String {
    instance("A", 1, lines)
}

/// Checks a table of lines in one instance against codes.
fn check(table: &[(&str, &[&str])]) {
    for (lines, expected) in table {
        assert_eq!(&lints(&one(lines)), expected, "{lines}");
    }
}

#[test]
fn a_plain_instance_has_no_lints() {
    check(&[("", &[]), ("priority 150\nnopreempt", &[]), ("state MASTER\npriority 150", &[])]);
}

#[test]
fn owners() {
    let process = "vrrp_track_process p {\nprocess sshd\nweight 5\n}\n";
    check(&[("state MASTER", &["KL001"]), ("priority 255", &[]), ("state MASTER\npriority 255", &[])]);
    assert_eq!(lints(&(process.to_owned() + &one("priority 255\ntrack_process {\np\n}"))), ["KL002"]);
}

/// An instance that tracks this script.
fn tracking(script: &str, lines: &str) -> String {
    format!(
        "vrrp_script s {{\nscript \"/usr/bin/true\"\n{script}\n}}\n{}",
        one(&format!("{lines}\ntrack_script {{\ns\n}}"))
    )
}

#[test]
fn weights_stay_within_what_a_priority_can_be() {
    for (script, lines, expected) in [
        ("weight 10", "priority 244", &[][..]),
        ("weight 10", "priority 245", &["KL003"]),
        ("weight -10", "priority 11", &[]),
        ("weight -10", "priority 10", &["KL003"]),
        // Reversed, failing raises it.
        ("weight -10 reverse", "priority 245", &["KL003"]),
        ("weight -10 reverse", "priority 10", &[]),
    ] {
        assert_eq!(lints(&tracking(script, lines)), expected, "{script} {lines}");
    }
}

#[test]
fn weights_and_nopreempt_exclude_each_other() {
    assert_eq!(lints(&tracking("weight -10", "priority 100\nnopreempt")), ["KL037"]);
    assert_eq!(lints(&tracking("", "priority 100\nnopreempt")), [""; 0]);
}

#[test]
fn one_number_twice_on_an_interface() {
    let peers = "unicast_peer {\n192.0.2.99\n}\ncheck_unicast_src";
    let other = |name: &str, lines: &str| {
        format!(
            "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{\n192.0.2.8\n}}\n{lines}\n}}\n"
        )
    };
    assert_eq!(lints(&(one("") + &other("B", peers))), ["KL004"]);
    assert_eq!(lints(&(one("") + &other("B", "mcast_dst_ip 224.0.0.9"))), ["KL004"]);
    // What keepalived refuses is an error already.
    assert_eq!(lints(&(one("") + &other("B", ""))), [""; 0]);
    assert_eq!(lints(&(one("") + &other("B", "interface eth1"))), [""; 0]);
}

#[test]
fn strict_mode_is_silent_in_two_ways() {
    check(&[
        ("strict_mode", &["KL005", "KL012"]),
        ("strict_mode\npriority 255", &["KL012"]),
        ("strict_mode\nno_accept\ngarp_master_refresh 60", &[]),
        ("garp_lower_prio_repeat 0\nlower_prio_no_advert", &["KL012"]),
    ]);
}

#[test]
fn unicast() {
    let peers = |rest: &str| format!("unicast_peer {{\n192.0.2.99\n}}\n{rest}");
    check(&[
        (&peers(""), &["KL006"]),
        (&peers("check_unicast_src"), &[]),
        ("unicast_peer {\n192.0.2.99 min_ttl 255\n}", &[]),
        (&peers("check_unicast_src\nunicast_src_ip 192.0.2.99"), &["KL007"]),
        (&peers("check_unicast_src\nvirtual_ipaddress_excluded {\n192.0.2.99\n}"), &["KL007"]),
    ]);
}

#[test]
fn times() {
    check(&[
        ("version 3\nadvert_int 0.09", &["KL008"]),
        ("version 3\nadvert_int 0.1", &[]),
        ("advert_int 6", &["KL009"]),
        ("advert_int 5", &[]),
        ("advert_int 5\ndown_timer_adverts 4", &["KL009"]),
        ("down_timer_adverts 1", &["KL010"]),
    ]);
    let real_time = "global_defs {\nvrrp_rt_priority 50\n}\n".to_owned();
    assert_eq!(lints(&(real_time + &one("version 3\nadvert_int 0.09"))), [""; 0]);
}

#[test]
fn links() {
    check(&[("dont_track_primary", &["KL011"]), ("dont_track_primary\ntrack_interface {\neth1\n}", &[])]);
}

#[test]
fn sync_groups() {
    let script = "vrrp_script s {\nscript /usr/bin/true\nweight -5\n}\n";
    let of = |a: &str, b: &str, group: &str| {
        format!(
            "{script}{}{}vrrp_sync_group G {{\ngroup {{\nA\nB\n}}\n{group}\n}}\n",
            instance("A", 1, a),
            instance("B", 2, b)
        )
    };
    let track = "track_script {\ns\n}";
    let weights = "sync_group_tracking_weight";
    assert_eq!(lints(&of("", "", track)), [""; 0]);
    assert_eq!(lints(&of(track, "", weights)), ["KL013"]);
    assert_eq!(lints(&of("nopreempt", "", "")), ["KL014"]);
    assert_eq!(lints(&of("nopreempt", "nopreempt", "")), [""; 0]);
}

#[test]
fn scripts_take_their_time() {
    for (script, expected) in [
        ("", &[][..]),
        ("interval 5\ntimeout 5", &[]),
        ("interval 5\ntimeout 6", &["KL015"]),
        ("interval 10\nfall 2", &[]),
        ("interval 10\nfall 3", &["KL016"]),
    ] {
        assert_eq!(lints(&tracking(script, "")), expected, "{script}");
    }
}

#[test]
fn commands_that_cannot_do_what_they_look_like() {
    let of = |command: &str, rest: &str| {
        format!("vrrp_script s {{\nscript \"{command}\"\n{rest}\n}}\n{}", one("track_script {\ns\n}"))
    };
    for (command, rest, expected) in [
        ("/usr/bin/curl -s http://localhost | grep ok", "", &["KL017"][..]),
        ("/bin/test -e /x && /bin/true", "", &["KL017"]),
        ("/bin/echo $(date)", "", &["KL017"]),
        ("/usr/bin/pgrep haproxy >/dev/null", "", &["KL017"]),
        ("/bin/sh -c 'pgrep haproxy | grep 1'", "", &[]),
        ("/usr/bin/pgrep -x haproxy", "", &[]),
        ("</dev/tcp/127.0.0.1/80", "", &[]),
        ("/usr/bin/killall -0 haproxy", "user nobody", &["KL018"]),
        ("/usr/bin/killall -0 haproxy", "user root", &[]),
        ("/usr/bin/killall -0 haproxy", "", &[]),
        ("/usr/bin/killall -9 haproxy", "user nobody", &[]),
        ("/usr/bin/ping -c1 192.0.2.254", "", &["KL019"]),
        ("/usr/bin/ping -c1 192.0.2.254", "weight -20", &[]),
    ] {
        assert_eq!(lints(&of(command, rest)), expected, "{command} {rest}");
    }
    assert_eq!(lints(&one("notify_master \"/bin/logger up && /bin/true\"")), ["KL017"]);
}

#[test]
fn addresses_off_the_network_of_the_interface() {
    let link = Link { addresses: vec![("192.0.2.200".parse().unwrap(), 24)], ..Link::default() };
    let host = MemoryHost::new().with_facts(Facts::default().link("eth0", link).link("eth1", Link::default()));
    for (vip, expected) in [
        ("192.0.2.1", false),
        ("192.0.2.1/32", false),
        ("198.51.100.1/24", true),
        ("198.51.100.1/24 dev eth1", false),
        // Nothing is known of this family.
        ("2001:db8::1/64", false),
    ] {
        let text =
            format!("vrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{\n{vip}\n}}\n}}\n");
        let loaded = crate::load_str(&host, &text, true);
        let found = loaded.diagnostics.iter().any(|finding| finding.code.id == "KL020");
        assert_eq!(found, expected, "{vip}");
    }
}

/// Two nodes with these lines in their instance; the first is to be master.
fn two(first: &str, second: &str) -> Vec<(usize, &'static str)> {
    across(&[&one(&format!("priority 150\n{first}")), &one(&format!("priority 100\n{second}"))])
}

#[test]
fn routers_that_fit_have_no_lints() {
    assert_eq!(two("", ""), []);
    assert_eq!(two("nopreempt", "nopreempt"), []);
    assert_eq!(two("nopreempt", ""), []);
}

#[test]
fn ranks_differ() {
    assert_eq!(across(&[&one("priority 100"), &one("priority 100")]), [(1, "KL022")]);
    assert_eq!(across(&[&one("state MASTER"), &one("priority 255")]), [(1, "KL021")]);
    assert_eq!(two("", "nopreempt"), [(1, "KL029")]);
    assert_eq!(across(&[&one("priority 90\nnopreempt"), &one("priority 100")]), [(0, "KL029")]);
}

#[test]
fn routers_speak_alike() {
    let pass = |password: &str| format!("authentication {{\nauth_type PASS\nauth_pass {password}\n}}");
    assert_eq!(two("version 3", ""), [(1, "KL023")]);
    assert_eq!(two("advert_int 2", ""), [(1, "KL024")]);
    assert_eq!(two("version 3\nadvert_int 2", "version 3"), [(1, "KL024")]);
    assert_eq!(two(&pass("a"), &pass("a")), []);
    assert_eq!(two(&pass("a"), &pass("b")), [(1, "KL025")]);
    assert_eq!(two(&pass("a"), ""), [(1, "KL025")]);
    assert_eq!(two("authentication {\nauth_type AH\nauth_pass a\n}", &pass("a")), [(1, "KL025")]);
    assert_eq!(two("down_timer_adverts 5", ""), [(1, "KL032")]);
}

#[test]
fn signatures_are_believed() {
    const KEYS: [&str; 2] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];
    let hmac = |keys: &[(u8, usize)], active: u8, mode: &str| {
        let mut text = format!("auth_hmac {{\nactive_key {active}\nmode {mode}\n");
        for (id, key) in keys {
            let _ = writeln!(text, "key {id} {}", KEYS[*key]);
        }
        text + "}"
    };
    let enforce = hmac(&[(1, 0)], 1, "enforce");
    for (second, expected) in [
        (enforce.clone(), true),
        (hmac(&[(1, 1)], 1, "enforce"), false),
        // The key is being replaced.
        (hmac(&[(1, 0), (2, 1)], 1, "enforce"), true),
        (hmac(&[(1, 0), (2, 1)], 2, "enforce"), false),
        (hmac(&[(1, 0)], 1, "permissive"), true),
        (hmac(&[(1, 0)], 1, "receive-only"), false),
        (String::new(), false),
    ] {
        let found = two(&enforce, &second);
        assert_eq!(found.is_empty(), expected, "{second}: {found:?}");
    }
    assert_eq!(two(&hmac(&[(1, 0)], 1, "receive-only"), ""), []);
}

#[test]
fn routers_hold_the_same_addresses() {
    let vips = |list: &str| {
        format!("vrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{\n{list}\n}}\n")
    };
    let pair = |a: &str, b: &str| across(&[&(vips(a) + "priority 150\n}\n"), &(vips(b) + "}\n")]);
    assert_eq!(pair("192.0.2.1/24\n192.0.2.2/24", "192.0.2.2/24\n192.0.2.1/24"), []);
    assert_eq!(pair("192.0.2.1/24\n192.0.2.2/24", "192.0.2.1/24"), [(1, "KL026")]);
    assert_eq!(pair("192.0.2.1/24", "192.0.2.1/24\n192.0.2.2/24"), [(1, "KL026")]);
    assert_eq!(pair("192.0.2.1/24", "192.0.2.1/32"), [(1, "KL026")]);
    assert_eq!(two("virtual_ipaddress_excluded {\n192.0.2.9\n}", ""), [(1, "KL026")]);
    assert_eq!(two("use_vmac", ""), [(1, "KL034")]);
}

#[test]
fn routers_hear_each_other() {
    let unicast = |source: &str, peer: &str| format!("unicast_src_ip {source}\nunicast_peer {{\n{peer}\n}}");
    assert_eq!(two(&unicast("192.0.2.101", "192.0.2.102"), &unicast("192.0.2.102", "192.0.2.101")), []);
    assert_eq!(two(&unicast("192.0.2.101", "192.0.2.102"), ""), [(1, "KL027")]);
    assert_eq!(two("", &unicast("192.0.2.102", "192.0.2.101")), [(1, "KL027")]);
    assert_eq!(two("mcast_dst_ip 224.0.0.9", ""), [(1, "KL027")]);
    assert_eq!(two(&unicast("192.0.2.101", "192.0.2.102"), &unicast("192.0.2.102", "192.0.2.103")), [(1, "KL028")]);
    assert_eq!(two(&unicast("192.0.2.101", "192.0.2.103"), &unicast("192.0.2.102", "192.0.2.101")), [(1, "KL028")]);
}

#[test]
fn weights_can_and_need_not_change_the_election() {
    let node = |priority: u8, weight: i16| tracking(&format!("weight {weight}"), &format!("priority {priority}"));
    for (first, second, expected) in [
        (node(150, -60), node(100, -60), &[][..]),
        (node(150, -40), node(100, -40), &[(0, "KL030")]),
        (node(100, -40), node(150, -40), &[(1, "KL030")]),
        (node(150, 60), node(100, 60), &[]),
        // The next one is better when everything is well.
        (node(150, -60), node(100, 60), &[(0, "KL031")]),
        (tracking("weight 0", "priority 150"), node(100, -10), &[]),
    ] {
        assert_eq!(across(&[&first, &second]), expected, "{first}{second}");
    }
}

#[test]
fn nodes_have_the_same_groups_and_virtual_routers() {
    let group = |members: &str| format!("vrrp_sync_group G {{\ngroup {{\n{members}\n}}\n}}\n");
    let three = |priority: u8, members: &str| {
        let line = format!("priority {priority}");
        instance("A", 1, &line) + &instance("B", 2, &line) + &instance("C", 3, &line) + &group(members)
    };
    assert_eq!(across(&[&three(150, "A B"), &three(100, "A B")]), []);
    assert_eq!(across(&[&three(150, "A B"), &three(100, "A C")]), [(1, "KL033")]);
    let both = one("priority 150") + &instance("B", 2, "");
    assert_eq!(across(&[&both, &one("priority 100")]), [(0, "KL036")]);
    assert_eq!(across(&[&both]), []);
    // One number, another name and another address.
    let stranger = "vrrp_instance Z {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.77\n}\n}\n";
    assert_eq!(across(&[&one("priority 150"), stranger]), [(1, "KL035")]);
    assert_eq!(across(&[&one("priority 150"), &stranger.replace("eth0", "eth1")]), []);
}

#[test]
fn three_nodes_are_compared_pair_by_pair() {
    let nodes = [one("priority 150"), one("priority 100"), one("priority 100")];
    let texts: Vec<&str> = nodes.iter().map(String::as_str).collect();
    assert_eq!(across(&texts), [(2, "KL022")]);
}

#[test]
fn every_lint_has_its_paragraph() {
    let document = include_str!("../../../../docs/lints.md");
    let mut missing = Vec::new();
    for code in CODES {
        if !document.contains(&format!("### {}: {}\n", code.id, code.title)) {
            missing.push(code);
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
