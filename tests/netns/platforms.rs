// SPDX-License-Identifier: MIT OR Apache-2.0
//! Platforms that bring their own configuration and drive the daemon in their own way, played as they do it: the texts are
//! what their templates give, with the interface and the scripts of a lab.

use crate::node::{Node, Program};
use crate::site::{Pair, SECURE, Site};

mod boxes;

/// An amphora of Octavia: unicast, no preemption, routes and rules of a table of its own, a check of what it serves.
fn amphora(own: &str, peer: &str, priority: u8) -> String {
    format!(
        "vrrp_script check_script {{\n script /run/check_script.sh\n interval 1\n fall 2\n rise 2\n}}\n\
         vrrp_instance 3f2a7c1e9b6d4e0f8a5b2c7d1e9f4a60 {{\n interface eth0\n virtual_router_id 1\n priority {priority}\n \
         nopreempt\n accept\n garp_master_refresh 5\n garp_master_refresh_repeat 2\n advert_int 1\n \
         authentication {{\n auth_type PASS\n auth_pass 1a2b3c4\n }}\n unicast_src_ip {own}\n unicast_peer {{\n {peer}\n }}\n \
         virtual_ipaddress {{\n 192.0.2.10\n }}\n virtual_ipaddress_excluded {{\n 2001:db8:0:1::10\n }}\n \
         virtual_routes {{\n 192.0.2.0/24 dev eth0 src 192.0.2.10 scope link table 1\n \
         default via 192.0.2.1 dev eth0 onlink table 1\n 203.0.113.0/24 dev eth0 gateway 192.0.2.2 onlink table 1\n \
         2001:db8:0:1::/64 dev eth0 src 2001:db8:0:1::10 scope link table 1\n \
         default via 2001:db8:0:1::1 dev eth0 onlink table 1\n }}\n \
         virtual_rules {{\n from 192.0.2.10/32 table 1 priority 100\n from 2001:db8:0:1::10/128 table 1 priority 100\n }}\n \
         track_script {{\n check_script\n }}\n}}"
    )
}

#[test]
fn an_amphora_moves_with_its_routes_and_rules_and_does_not_come_back_by_itself() {
    let test = "an_amphora_moves_with_its_routes_and_rules_and_does_not_come_back_by_itself";
    let addresses = [["192.0.2.11/24", "2001:db8:0:1::11/64"], ["192.0.2.12/24", "2001:db8:0:1::12/64"]];
    let Some(pair) = Pair::with(test, &addresses[0], &addresses[1]) else { return };
    for node in [&pair.a, &pair.b] {
        node.script("check_script.sh", "exit $(cat /run/verdict)");
        node.inside("echo 0 >/run/verdict");
    }
    let here = |node: &Node| {
        node.shows(
            "ip route show table 1 | sed 's/ *$//' | sort",
            concat!(
                "192.0.2.0/24 dev eth0 proto keepalived scope link src 192.0.2.10\n",
                "default via 192.0.2.1 dev eth0 proto keepalived onlink"
            ),
        );
        node.shows("ip -6 route show table 1 | grep -c -e ^default -e 'src 2001:db8:0:1::10'", "2");
        node.shows("(ip rule; ip -6 rule) | grep -c 'from .*:*10 .*lookup 1'", "2");
        assert!(node.has("2001:db8:0:1::10"));
    };
    let gone = |node: &Node| {
        node.shows("(ip route show table 1; ip -6 route show table 1; ip rule; ip -6 rule) 2>/dev/null | grep -c -e '^100:' -e eth0", "0");
        assert!(!node.has("2001:db8:0:1::10"));
    };
    // Its service is started by systemd within a namespace, with a PID file it names.
    let options = "-d -p /run/octavia-keepalived.pid";
    let a = pair.a.start_with(Program::Steadfast, options, &amphora("192.0.2.11", "192.0.2.12", 100));
    pair.until("a serves", |seen| seen.holds_alone("a", "192.0.2.10"));
    let b = pair.b.start_with(Program::Steadfast, options, &amphora("192.0.2.12", "192.0.2.11", 90));
    pair.until("b listens", |seen| seen.said("b", "Entering BACKUP STATE"));
    here(&pair.a);
    assert!(pair.lab.journal.read().said("a", "gateway"), "the route that no keepalived ever took is told");
    pair.a.shows("cat /run/octavia-keepalived.pid | wc -l", "1");
    // It is announced again and again, for switches that forget.
    let announced =
        |seen: &crate::journal::Reading| seen.frames().filter(|frame| frame.announces("192.0.2.10")).count();
    let before = announced(&pair.lab.journal.read());
    pair.until("it is announced again", |seen| announced(seen) >= before + 2);
    pair.a.inside("echo 1 >/run/verdict");
    pair.until("b serves", |seen| seen.holds_alone("b", "192.0.2.10"));
    here(&pair.b);
    gone(&pair.a);
    pair.a.inside("echo 0 >/run/verdict");
    pair.until("a may serve again", |seen| seen.since("start").said("a", "Entering BACKUP"));
    pair.lab.journal.beats(3, |frame| frame.is_advert("192.0.2.12", 90));
    assert!(pair.lab.journal.read().holds_alone("b", "192.0.2.10"));
    assert!(a.stop().success() && b.stop().success());
    gone(&pair.b);
}

#[test]
fn a_listener_of_an_amphora_is_found_by_the_files_of_its_processes_and_restarted() {
    let test = "a_listener_of_an_amphora_is_found_by_the_files_of_its_processes_and_restarted";
    let Some(Site { lab, a }) = Site::new(test) else { return };
    a.inside("mkdir -p /run/netns && ip netns add amphora-haproxy && ip -n amphora-haproxy link set lo up");
    a.script("udp_check.sh", "echo \"$*\" $(ip -o link | wc -l) >>/run/checked; [ \"$1\" != 10.0.0.25 ]");
    let text = format!(
        "{SECURE}# Configuration for Listener 12345678-9abc-4def-8123-456789abcdef\n\nnet_namespace amphora-haproxy\n\n\
         virtual_server_group ipv4-group {{\n 10.0.0.10 53\n}}\n\nvirtual_server group ipv4-group {{\n lb_algo wrr\n \
         lb_kind NAT\n protocol UDP\n delay_loop 1\n delay_before_retry 1\n retry 0\n\n \
         real_server 10.0.0.24 53 {{\n weight 13\n uthreshold 98\n MISC_CHECK {{\n \
         misc_path \"/run/udp_check.sh 10.0.0.24 53\"\n misc_timeout 31\n }}\n }}\n \
         real_server 10.0.0.25 53 {{\n weight 0\n uthreshold 98\n MISC_CHECK {{\n \
         misc_path \"/run/udp_check.sh 10.0.0.25 8053\"\n misc_timeout 31\n }}\n }}\n}}\n"
    );
    let files = "/run/octavia-lvs.pid /run/octavia-lvs.vrrp.pid /run/octavia-lvs.check.pid";
    let options = "-d -p /run/octavia-lvs.pid -r /run/octavia-lvs.vrrp.pid -c /run/octavia-lvs.check.pid";
    for life in 1..=2 {
        let daemon = a.start_with(Program::Steadfast, options, &text);
        lab.journal.until("the second is down", |seen| {
            seen.since("start").logs("a").any(|line| line.contains("10.0.0.25") && line.contains("fail"))
        });
        a.shows("grep -c '^10.0.0.24 53 1$' /run/checked | grep -cv ^0", "1");
        for file in ["/run/octavia-lvs.pid", "/run/octavia-lvs.check.pid"] {
            a.shows(&format!("[ -e /proc/$(cat {file}) ] && wc -l <{file}"), "1");
        }
        // Whether the configuration is the one in force is told by the age of the checkers' file.
        a.shows("[ /run/octavia-lvs.check.pid -nt /run/test.conf ] && echo in force", "in force");
        assert!(daemon.stop().success(), "life {life}");
        a.shows(&format!("ls {files} 2>/dev/null"), "");
    }
}

#[test]
fn both_heads_of_a_storage_system_are_told_through_one_pipe() {
    // TrueNAS: its middleware makes and reads one pipe; each family is an instance of its own with a fraction of a second.
    let test = "both_heads_of_a_storage_system_are_told_through_one_pipe";
    let addresses = [["10.220.16.70/24", "2001:db8:220::70/64"], ["10.220.16.71/24", "2001:db8:220::71/64"]];
    let Some(pair) = Pair::with(test, &addresses[0], &addresses[1]) else { return };
    let text = |peer: u8| {
        let head = |name: &str, peer: String, address: &str| {
            format!(
                "vrrp_instance eth0_{name} {{\n interface eth0\n state BACKUP\n advert_int 0.68\n nopreempt\n \
                 virtual_router_id 20\n priority 254\n version 3\n unicast_peer {{\n {peer}\n }}\n \
                 virtual_ipaddress {{\n {address}\n }}\n}}\n"
            )
        };
        let four = head("v4", format!("10.220.16.{peer}"), "10.220.16.72");
        let six = head("v6", format!("2001:db8:220::{peer}"), "2001:db8:220::72");
        format!("global_defs {{\n vrrp_notify_fifo /run/vrrpd.fifo\n}}\n{four}{six}")
    };
    for node in [&pair.a, &pair.b] {
        // The reader is there first, and stays when the daemon is started anew.
        node.inside("mkfifo /run/vrrpd.fifo; (exec cat <>/run/vrrpd.fifo >>/run/lines) >/dev/null 2>&1 &");
    }
    let a = pair.a.start(Program::Steadfast, &text(71));
    for family in ["v4", "v6"] {
        pair.a.shows(&format!("grep -c '^INSTANCE \"eth0_{family}\" MASTER 254$' /run/lines"), "1");
    }
    let b = pair.b.start(Program::Steadfast, &text(70));
    for family in ["v4", "v6"] {
        pair.b.shows(&format!("grep -c '^INSTANCE \"eth0_{family}\" BACKUP 254$' /run/lines"), "1");
    }
    // Equal priorities and no preemption: the one that leads goes on, whoever has the higher address.
    pair.lab.journal.beats(5, |frame| frame.is_advert("10.220.16.70", 254));
    assert!(pair.lab.journal.read().holds_alone("a", "10.220.16.72"));
    assert!(a.stop().success());
    for family in ["v4", "v6"] {
        pair.b.shows(&format!("grep -c '^INSTANCE \"eth0_{family}\" MASTER 254$' /run/lines"), "1");
        pair.a.shows(&format!("grep -c '^INSTANCE \"eth0_{family}\" STOP 254$' /run/lines"), "1");
    }
    pair.a.shows("[ -p /run/vrrpd.fifo ] && echo there", "there");
    let a = pair.a.start(Program::Steadfast, &text(71));
    // Once in each life.
    pair.a.shows("grep -c '^INSTANCE \"eth0_v4\" BACKUP 254$' /run/lines", "2");
    assert!(a.stop().success() && b.stop().success());
}

#[test]
fn a_control_plane_gets_its_servers_with_its_address_and_reloads_all_day() {
    // k0s: a child of another program, with a file for the servers that appears when the node leads, and a signal for
    // each change of them.
    let test = "a_control_plane_gets_its_servers_with_its_address_and_reloads_all_day";
    let Some(Site { lab, a }) = Site::new(test) else { return };
    a.inside("mkdir -p /run/k0s '/run/k0s bin'");
    a.script("k0s bin/k0s", "echo \"$# $*\" >>/run/states");
    let hook = |state: &str| {
        format!(
            " notify_{0} \"'/run/k0s bin/k0s' keepalived-setstate -r '/run/k0s' -s {1}\"\n",
            state.to_lowercase(),
            state
        )
    };
    let text = format!(
        "{SECURE}vrrp_instance k0s-vip-0 {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n priority 200\n{}{}\
         advert_int 1\n authentication {{\n auth_type PASS\n auth_pass homelab\n }}\n virtual_ipaddress {{\n 10.0.0.100/24\n }}\n \
         unicast_src_ip 10.0.0.1\n unicast_peer {{\n 10.0.0.2\n }}\n}}\ninclude keepalived-virtualservers-consumed.conf\n",
        hook("MASTER"),
        hook("BACKUP")
    );
    let daemon = a.start_with(Program::Steadfast, "--no-syslog", &text);
    lab.journal.until("it leads", |seen| seen.holds_alone("a", "10.0.0.100"));
    a.shows(
        "cat /run/states",
        "5 keepalived-setstate -r /run/k0s -s BACKUP\n5 keepalived-setstate -r /run/k0s -s MASTER",
    );
    let server = |last: u8| {
        format!(
            "real_server 10.0.0.{last} 6443 {{\nweight 1\nTCP_CHECK {{\nwarmup 0\nretry 1\nconnect_timeout 3\nconnect_port 6443\n}}\n}}\n"
        )
    };
    for round in 1..=10_u8 {
        let servers: String = (2..2 + round).map(server).collect();
        let servers = format!(
            "virtual_server 10.0.0.100 6443 {{\ndelay_loop 60\nlb_algo rr\nlb_kind DR\npersistence_timeout 360\nprotocol TCP\n{servers}}}\n"
        );
        let path = a.namespace().path("root/run/keepalived-virtualservers-consumed.conf");
        std::fs::write(path, servers).expect("the servers");
        daemon.signal("HUP");
        let done = format!("Reload {} complete", round + 1);
        lab.journal.until(&done, |seen| seen.said("a", &done));
    }
    let status = a.inside(&format!("{} status --json", env!("CARGO_BIN_EXE_steadfast")));
    assert!(status.contains("10.0.0.11"), "{status}");
    let seen = lab.journal.read();
    let states = seen.logs("a").filter(|line| line.contains("Entering")).count();
    assert_eq!(states, 2, "no reload moved the address\n{seen}");
    assert!(daemon.stop().success());
}

#[test]
fn one_file_for_all_nodes_is_read_by_the_name_of_each() {
    // keepalived-operator and others: one file for all, and each node says who it is.
    let Some(Site { lab, a }) = Site::new("one_file_for_all_nodes_is_read_by_the_name_of_each") else { return };
    let text = "vrrp_instance ns/service {\n interface eth0\n virtual_router_id 1\n @node-1 priority 100\n @node-2 priority 200\n \
         advert_int 1\n @node-1 unicast_src_ip 10.0.0.1\n @node-2 unicast_src_ip 10.0.0.2\n unicast_peer {\n 10.0.0.9\n }\n \
         virtual_ipaddress {\n 10.0.0.100\n }\n}\n";
    let daemon = a.start_with(Program::Steadfast, "--vrrp --config-id=node-1", text);
    lab.journal.until("it leads", |seen| seen.holds_alone("a", "10.0.0.100"));
    a.shows(&format!("{} status | grep -c 'MASTER .*priority 100'", env!("CARGO_BIN_EXE_steadfast")), "1");
    assert!(daemon.stop().success());
}

#[test]
fn a_router_without_addresses_runs_its_scripts_and_shows_its_state_at_once() {
    // ZStack: scripts move the addresses, and the state is read right after the signal, from a file that must be there.
    let Some(Site { lab, a }) = Site::new("a_router_without_addresses_runs_its_scripts_and_shows_its_state_at_once")
    else {
        return;
    };
    a.script("becomes", "echo $1 >>/run/states");
    let text = format!(
        "{SECURE}vrrp_script monitor.sh {{\n script \"/bin/sh -c 'true | cat'\"\n interval 1\n}}\n\
         vrrp_instance vyos-ha {{\n state BACKUP\n interface eth0\n virtual_router_id 50\n priority 100\n advert_int 1\n nopreempt\n \
         unicast_src_ip 10.0.0.1\n unicast_peer {{\n 10.0.0.2\n }}\n track_script {{\n monitor.sh\n }}\n \
         notify_master \"/run/becomes MASTER\"\n notify_backup \"/run/becomes BACKUP\"\n}}\n"
    );
    let daemon = a.start_with(Program::Steadfast, "-D -S 2", &text);
    a.shows("cat /run/states", "BACKUP\nMASTER");
    a.inside("kill -USR1 $(cat /run/keepalived.pid); sleep 1");
    for _ in 0..20 {
        let state = "kill -USR1 $(cat /run/keepalived.pid); awk '/VRRP Instance/ {i=1} i && / State =/ {print $3; exit}' /run/keepalived.data";
        assert_eq!(a.inside(state), "MASTER");
    }
    lab.journal.read();
    assert!(daemon.stop().success());
}
