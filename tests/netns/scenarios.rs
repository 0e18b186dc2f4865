// SPDX-License-Identifier: MIT OR Apache-2.0
//! What operators and platforms rely on, and what must not hurt: each test is named by the promise it keeps.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::thread;
use std::time::{Duration, Instant};

use crate::journal::{PATIENCE, Reading};
use crate::node::{Daemon, Node, Program};
use crate::site::{Pair, SECURE, Site};
use crate::topology::Lab;

/// One instance as text.
fn instance(name: &str, vrid: u8, priority: u8, interval: &str, vip: &str, more: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n interface eth0\n version 3\n virtual_router_id {vrid}\n priority {priority}\n \
         advert_int {interval}\n {more}\n virtual_ipaddress {{\n {vip}\n }}\n}}\n"
    )
}

fn pair(test: &str) -> Option<Pair> {
    Pair::with(test, &["10.0.0.1/24"], &["10.0.0.2/24"])
}

/// A node of its own with our daemon as master of 10.0.0.100.
fn alone(test: &str, before: &str, more: &str) -> Option<(Lab, Node, Daemon)> {
    let mut lab = Lab::new(test)?;
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let text = format!("{before}{}", instance("A", 1, 100, "0.2", "10.0.0.100", more));
    let daemon = a.start(Program::Steadfast, &text);
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    Some((lab, a, daemon))
}

#[test]
fn every_virtual_router_of_a_segment_can_be_ours_and_moves() {
    let Some(pair) = pair("every_virtual_router_of_a_segment_can_be_ours_and_moves") else { return };
    let text = |priority| -> String {
        (1..=255u8).map(|id| instance(&format!("V{id}"), id, priority, "1", &format!("10.7.0.{id}"), "")).collect()
    };
    let held = "ip -o -4 addr show dev eth0 | grep -c ' 10.7.0.'";
    let b = pair.b.start(Program::Steadfast, &text(100));
    pair.b.shows(held, "255");
    let a = pair.a.start(Program::Steadfast, &text(200));
    pair.a.shows(held, "255");
    pair.b.shows(held, "0");
    assert!(a.stop().success());
    pair.b.shows(held, "255");
    assert!(b.stop().success());
    pair.b.shows(held, "0");
}

#[test]
fn two_active_routers_stand_in_for_each_other() {
    let Some(pair) = pair("two_active_routers_stand_in_for_each_other") else { return };
    let text = |one, two| {
        format!(
            "{}{}",
            instance("ONE", 1, one, "0.2", "10.0.0.101", ""),
            instance("TWO", 2, two, "0.2", "10.0.0.102", "")
        )
    };
    let both = |seen: &Reading, one: &str, two: &str| {
        seen.holds_alone(one, "10.0.0.101") && seen.holds_alone(two, "10.0.0.102")
    };
    let _a = pair.a.start(Program::Steadfast, &text(200, 100));
    let b = pair.b.start(Program::Steadfast, &text(100, 200));
    pair.until("each has its own", |seen| both(seen, "a", "b"));
    assert!(b.stop().success());
    pair.until("a has both", |seen| both(seen, "a", "a"));
    let _b = pair.b.start(Program::Steadfast, &text(100, 200));
    pair.until("each has its own again", |seen| both(seen, "a", "b"));
}

#[test]
fn a_better_router_waits_for_its_delay_before_it_takes_over() {
    let Some(pair) = pair("a_better_router_waits_for_its_delay_before_it_takes_over") else { return };
    let _b = pair.b.start(Program::Steadfast, &instance("A", 1, 100, "0.2", "10.0.0.100", ""));
    pair.until("b is master", |seen| seen.holds_alone("b", "10.0.0.100"));
    let _a = pair.a.start(Program::Steadfast, &instance("A", 1, 200, "0.2", "10.0.0.100", "preempt_delay 2"));
    pair.until("a waits", |seen| seen.said("a", "Entering BACKUP"));
    let seen = pair.until("a took over", |seen| seen.holds_alone("a", "10.0.0.100"));
    let of_b = seen.since("start Steadfast on a").frames().filter(|frame| frame.is_advert("10.0.0.2", 100)).count();
    assert!(of_b >= 5, "b went on for {of_b} adverts\n{seen}");
}

#[test]
fn adverts_of_ten_milliseconds_find_a_dead_master() {
    let Some(pair) = pair("adverts_of_ten_milliseconds_find_a_dead_master") else { return };
    let text = |priority| instance("A", 1, priority, "0.01", "10.0.0.100", "");
    let _a = pair.a.start(Program::Steadfast, &text(200));
    pair.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    let _b = pair.b.start(Program::Steadfast, &text(100));
    pair.lab.journal.beats(50, |frame| frame.is_advert("10.0.0.1", 200));
    pair.lab.cut(&pair.a, &pair.lan);
    pair.a.crash();
    pair.until("b took over", |seen| seen.since("crash").frames().any(|frame| frame.is_advert("10.0.0.2", 100)));
}

#[test]
fn a_reload_of_any_kind_costs_no_advert_and_no_mastership() {
    let Some(pair) = pair("a_reload_of_any_kind_costs_no_advert_and_no_mastership") else { return };
    let of = |priority: u8, vips: &str, more: &str| instance("A", 1, priority, "0.5", vips, more);
    let main = |more: &str| of(200, "10.0.0.100", more);
    let a = pair.a.start(Program::Steadfast, &main(""));
    pair.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    let b = pair.b.start(Program::Steadfast, &instance("A", 1, 100, "0.5", "10.0.0.100", ""));
    pair.until("b is backup", |seen| seen.said("b", "Entering BACKUP"));
    pair.a.script("well", "exit 0");
    let check = format!("{SECURE}vrrp_script S {{\n script /run/well\n interval 1\n weight 10\n rise 1\n}}\n");
    // Instances beside the one that is watched, and addresses by the hundred: every reload has work to do.
    let many: String =
        (2..=100u8).map(|id| instance(&format!("V{id}"), id, 100, "1", &format!("10.7.0.{id}"), "")).collect();
    let addresses: String = (1..=200u8).map(|number| format!("10.8.0.{number}\n")).collect();
    let kinds = [
        ("nothing", main(""), 200),
        ("another interval of announcements", main("garp_master_refresh 5"), 200),
        ("more addresses", of(200, "10.0.0.100\n 10.0.0.101", ""), 200),
        ("fewer addresses", main(""), 200),
        ("a higher priority", of(210, "10.0.0.100", ""), 210),
        ("a lower priority", main(""), 200),
        ("a script", format!("{check}{}", main("track_script {\n S\n }")), 210),
        ("no script", main(""), 200),
        ("more instances", format!("{}{many}", main("")), 200),
        (
            "another instance of many addresses",
            format!("{}{}", main(""), instance("B", 2, 90, "1", &addresses, "")),
            200,
        ),
        ("a notification", format!("{SECURE}{}", main("notify /bin/true")), 200),
        ("one instance", main(""), 200),
        ("an error", "vrrp_instance A {\n".to_owned(), 200),
    ];
    for (kind, text, priority) in kinds {
        pair.a.reconfigure(&text);
        pair.lab.journal.deed(format!("reload with {kind}"));
        a.signal("HUP");
        pair.lab.journal.beats(2, |frame| frame.is_advert("10.0.0.1", priority));
    }
    let seen = pair.lab.journal.read();
    assert!(!seen.said("b", "Entering MASTER"), "b never had to take over\n{seen}");
    assert_eq!(seen.holders_over_time("10.0.0.100").len(), 1, "a never let go\n{seen}");
    assert!(seen.holds_alone("a", "10.0.0.100"));
    assert!(seen.holders("10.0.0.101").is_empty() && seen.most_holders("10.0.0.101") == 1, "it came and went\n{seen}");
    assert!(a.stop().success() && b.stop().success());
}

#[test]
fn who_reads_the_notify_pipe_gets_every_line_in_order_however_late() {
    let test = "who_reads_the_notify_pipe_gets_every_line_in_order_however_late";
    let pipe = "global_defs {\n vrrp_notify_fifo /run/pipe\n vrrp_notify_priority_changes true\n \
        fifo_write_vrrp_states_on_reload\n}\ntrack_file F {\n file /run/number\n init_file 0\n}\n";
    let Some((lab, a, daemon)) = alone(test, pipe, "track_file {\n F weight 1\n }") else { return };
    let path = a.namespace().path("root/run/number");
    // Nobody reads; what is written waits, and nobody is held up.
    for number in 1..=40 {
        std::fs::write(&path, number.to_string()).expect("a tracked file");
        lab.journal.beats(1, |frame| frame.is_advert("10.0.0.1", 100 + number));
    }
    daemon.signal("HUP");
    lab.journal.until("it is complete", |seen| seen.said("a", "Reload 2 complete"));
    let mut reader = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(a.namespace().path("root/run/pipe"))
        .expect("the pipe");
    let mut text = String::new();
    let start = Instant::now();
    while !text.ends_with("MASTER 140\n") {
        let mut bytes = [0; 65536];
        match reader.read(&mut bytes) {
            Ok(length) => text.push_str(&String::from_utf8_lossy(&bytes[..length])),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
        assert!(start.elapsed() < PATIENCE, "never came: {text}");
    }
    let lines: Vec<&str> = text.lines().collect();
    let changes: Vec<String> = (101..=140).map(|number| format!("INSTANCE \"A\" MASTER_PRIORITY {number}")).collect();
    let expected: Vec<&str> = ["INSTANCE \"A\" BACKUP 100", "INSTANCE \"A\" MASTER 100"]
        .into_iter()
        .chain(changes.iter().map(String::as_str))
        .chain(["INSTANCE \"A\" MASTER 140"])
        .collect();
    assert_eq!(lines, expected);
    assert!(daemon.stop().success());
}

#[test]
fn a_reload_that_changes_only_who_reads_the_notify_pipe_keeps_the_pipe() {
    let test = "a_reload_that_changes_only_who_reads_the_notify_pipe_keeps_the_pipe";
    let text = |reader: &str, priority| {
        let pipe = format!(" vrrp_notify_fifo /run/pipe\n vrrp_notify_fifo_script \"/run/reader {reader}\"\n");
        let pipe = format!("{pipe} vrrp_notify_priority_changes true\n}}\n");
        format!("{}{}", SECURE.replace("}\n", &pipe), instance("A", 1, priority, "0.2", "10.0.0.100", ""))
    };
    let Some(Site { lab, a }) = Site::new(test) else { return };
    a.script("reader", "exec cat \"$2\" >>/run/lines.$1");
    let daemon = a.start(Program::Steadfast, &text("one", 100));
    a.shows("grep -c 'INSTANCE \"A\" MASTER 100' /run/lines.one", "1");
    a.shows("pgrep -fc '[c]at /run/pipe'", "1");
    a.reconfigure(&text("two", 101));
    daemon.signal("HUP");
    lab.journal.until("the reload", |seen| seen.said("a", "Reload 2 complete"));
    a.shows("grep -c 'MASTER_PRIORITY 101' /run/lines.two", "1");
    a.shows("pgrep -fc '[c]at /run/pipe'", "1");
    assert_eq!(a.inside("[ -p /run/pipe ] && echo there"), "there");
    assert!(daemon.stop().success());
    a.shows("ls /run/pipe 2>/dev/null", "");
}

#[test]
fn a_script_that_hangs_and_forks_is_ended_with_all_its_children() {
    let Some(mut lab) = Lab::new("a_script_that_hangs_and_forks_is_ended_with_all_its_children") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    a.script("hang", "trap '' TERM\nfor i in 1 2 3 4 5; do sleep 4711 & done\nyes flood\nwait");
    let check = "vrrp_script S {\n script /run/hang\n interval 1\n timeout 1\n fall 1\n weight -50\n}\n";
    let text = format!("{SECURE}{check}{}", instance("A", 1, 200, "0.2", "10.0.0.100", "track_script {\n S\n }"));
    let daemon = a.start(Program::Steadfast, &text);
    lab.journal.until("it failed", |seen| seen.said("a", "script `S` took too long and was ended"));
    lab.journal.beats(2, |frame| frame.is_advert("10.0.0.1", 150));
    assert!(daemon.stop().success());
    a.shows("pgrep -fc '[s]leep 4711|/run/[h]ang'", "0");
}

#[test]
fn scripts_that_flood_what_they_print_disturb_nobody() {
    // A gigabyte on both outputs, from a tracked script and from a hook.
    let before = format!("{SECURE}vrrp_script S {{\n script \"/run/flood tracked\"\n interval 1\n timeout 60\n}}\n");
    let more = "track_script {\n S\n }\n notify \"/run/flood hook\"";
    let Some(mut lab) = Lab::new("scripts_that_flood_what_they_print_disturb_nobody") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    a.script("flood", "head -c 1000000000 /dev/zero | tee /dev/stderr; echo $1 >>/run/flooded");
    let text = format!("{before}{}", instance("A", 1, 100, "0.2", "10.0.0.100", more));
    let daemon = a.start(Program::Steadfast, &text);
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    a.shows("sort -u /run/flooded", "hook\ntracked");
    let seen = lab.journal.beats(5, |frame| frame.is_advert("10.0.0.1", 100));
    assert!(seen.logs("a").count() < 100 && seen.holds_alone("a", "10.0.0.100"), "{seen}");
    assert!(daemon.stop().success());
}

#[test]
fn an_address_that_a_stranger_has_too_is_told_by_its_link_address_and_stays_with_its_router() {
    let test = "an_address_that_a_stranger_has_too_is_told_by_its_link_address_and_stays_with_its_router";
    let Some(mut pair) = pair(test) else { return };
    // One that is silent, so somebody has to ask.
    let addresses = ["10.0.0.3/24", "10.0.0.100/32", "fd00::100/128"];
    let stranger = pair.lab.node_on(&pair.lan, "c", &addresses);
    let mac = stranger.inside("ip -o link show eth0 | sed 's/.*ether \\([^ ]*\\).*/\\1/'");
    let six = "vrrp_instance B {\n interface eth0\n version 3\n virtual_router_id 2\n priority 200\n advert_int 0.2\n \
               virtual_ipaddress {\n fe80::100\n fd00::100\n }\n}\n";
    let text = |priority| instance("A", 1, priority, "0.2", "10.0.0.100", "");
    let a = pair.a.start(Program::Steadfast, &format!("{}{six}", text(200)));
    let b = pair.b.start(Program::Steadfast, &text(100));
    let told = |address: &str| format!("{address} is answered for by {mac} too");
    let seen = pair.until("a tells of the stranger", |seen| {
        seen.said("a", &told("10.0.0.100")) && seen.said("a", &told("fd00::100"))
    });
    assert_eq!(seen.holders("10.0.0.100"), ["a", "c"]);
    // It is shown, counted, and an event.
    let status = pair.a.inside(&format!("{} status", env!("CARGO_BIN_EXE_steadfast")));
    assert!(status.contains(&format!("{mac} has 10.0.0.100 too")), "{status}");
    let json = pair.a.inside(&format!("{} status --json", env!("CARGO_BIN_EXE_steadfast")));
    assert!(json.contains("\"claims\":1") || json.contains("\"claims\": 1"), "{json}");
    let events = pair.a.inside(&format!("{} events", env!("CARGO_BIN_EXE_steadfast")));
    assert!(events.contains(&told("10.0.0.100")), "{events}");
    // The routers are not disturbed, and the next one finds the stranger too.
    pair.lab.journal.beats(5, |frame| frame.is_advert("10.0.0.1", 200));
    assert!(!pair.b.has("10.0.0.100") && !pair.lab.journal.read().said("b", "answered for"));
    assert!(a.stop().success());
    pair.until("b tells of it", |seen| seen.said("b", &told("10.0.0.100")));
    assert!(pair.b.has("10.0.0.100"));
    assert!(b.stop().success());
    assert!(stranger.has("10.0.0.100"), "what is not ours stays");
}

#[test]
fn routers_that_hand_over_to_each_other_are_no_strangers() {
    let Some(pair) = pair("routers_that_hand_over_to_each_other_are_no_strangers") else { return };
    let text = |priority| instance("A", 1, priority, "0.2", "10.0.0.100", "");
    let b = pair.b.start(Program::Steadfast, &text(100));
    pair.until("b leads", |seen| seen.holds_alone("b", "10.0.0.100"));
    let a = pair.a.start(Program::Steadfast, &text(200));
    pair.until("a leads", |seen| seen.holds_alone("a", "10.0.0.100"));
    // Long enough to ask and to be answered.
    pair.lab.journal.beats(10, |frame| frame.is_advert("10.0.0.1", 200));
    assert!(a.stop().success());
    pair.lab.journal.beats(10, |frame| frame.is_advert("10.0.0.2", 100));
    let seen = pair.lab.journal.read();
    assert!(!seen.said("a", "answered for") && !seen.said("b", "answered for"), "{seen}");
    assert!(b.stop().success());
}

#[test]
fn an_address_that_was_there_before_is_used_and_not_left_behind() {
    let Some(mut lab) = Lab::new("an_address_that_was_there_before_is_used_and_not_left_behind") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    a.operator("ip addr add 10.0.0.100/32 dev eth0");
    let daemon = a.start(Program::Steadfast, &instance("A", 1, 100, "0.2", "10.0.0.100", ""));
    let announced = |seen: &Reading| seen.frames().any(|frame| frame.announces("10.0.0.100"));
    lab.journal.until("it is announced", |seen| announced(seen) && seen.holds_alone("a", "10.0.0.100"));
    assert!(daemon.stop().success());
    assert!(!a.has("10.0.0.100"));
}

#[test]
fn an_address_that_another_interface_has_already_is_told_and_left_there() {
    let Some(mut lab) = Lab::new("an_address_that_another_interface_has_already_is_told_and_left_there") else {
        return;
    };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    a.operator("ip addr add 10.0.0.100/32 dev lo");
    let daemon = a.start(Program::Steadfast, &instance("A", 1, 100, "0.2", "10.0.0.100", ""));
    lab.journal.until("it is told", |seen| seen.said("a", "10.0.0.100 is on lo of this node already"));
    a.shows("ip -o addr show dev eth0 to 10.0.0.100 | wc -l", "1");
    let status = a.inside(&format!("{} status", env!("CARGO_BIN_EXE_steadfast")));
    assert!(status.contains("lo of this node has 10.0.0.100 too"), "{status}");
    assert!(daemon.stop().success());
    a.shows("ip -o addr show to 10.0.0.100 | grep -c 'lo *inet'", "1");
}

#[test]
fn a_disk_that_is_full_costs_a_dump_and_nothing_else() {
    let Some(mut lab) = Lab::new("a_disk_that_is_full_costs_a_dump_and_nothing_else") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    a.inside(
        "mkdir /run/full && mount -t tmpfs -o size=4k tmpfs /run/full && dd if=/dev/zero of=/run/full/x 2>/dev/null",
    );
    let before = "global_defs {\n state_dump_file /run/full/state\n}\n";
    let text = format!("{before}{}", instance("A", 1, 100, "0.2", "10.0.0.100", ""));
    let daemon = a.start_with(Program::Steadfast, "--vrrp -g/run/full/log", &text);
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    daemon.signal("USR1");
    lab.journal.until("it is told", |seen| {
        seen.since("USR1").logs("a").any(|line| line.contains("/run/full/state") && line.contains("No space left"))
    });
    lab.journal.beats(3, |frame| frame.is_advert("10.0.0.1", 100));
    assert!(daemon.stop().success());
}

#[test]
fn without_its_rights_the_daemon_says_what_is_missing_and_ends() {
    let Some(mut lab) = Lab::new("without_its_rights_the_daemon_says_what_is_missing_and_ends") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    a.reconfigure(&instance("A", 1, 100, "0.2", "10.0.0.100", ""));
    let daemon = format!(
        "{} -n -l --vrrp -f /run/test.conf -p /tmp/none/k.pid -r /tmp/none/v.pid",
        env!("CARGO_BIN_EXE_steadfast")
    );
    let said = a.inside(&format!("setpriv --bounding-set=-all --inh-caps=-all {daemon} 2>&1; echo status=$?"));
    assert!(said.contains("no packet socket to announce addresses with: Operation not permitted"), "{said}");
    assert!(said.contains("start it as root, or with the capabilities that `steadfast doctor` names"), "{said}");
    assert!(said.ends_with("status=4") || said.ends_with("status=1"), "{said}");
}

#[test]
fn an_ipv6_address_that_is_still_being_checked_is_waited_for_with_a_reason() {
    let Some(mut lab) = Lab::new("an_ipv6_address_that_is_still_being_checked_is_waited_for_with_a_reason") else {
        return;
    };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &[]);
    a.run("sysctl -qw net.ipv6.conf.eth0.accept_dad=1 net.ipv6.conf.eth0.dad_transmits=3");
    a.run("ip link set eth0 down");
    a.run("ip link set eth0 up");
    let text = instance("A", 1, 100, "0.2", "fe80::100", "native_ipv6");
    let daemon = a.start(Program::Steadfast, &text);
    let seen = lab.journal.until("it joins", |seen| seen.holds_alone("a", "fe80::100"));
    assert!(seen.said("a", "its interface has no address to send from"), "{seen}");
    assert!(daemon.stop().success());
}

#[test]
fn an_interface_that_is_renamed_is_gone_until_it_has_its_name_again() {
    let Some((lab, a, daemon)) = alone("an_interface_that_is_renamed_is_gone_until_it_has_its_name_again", "", "")
    else {
        return;
    };
    a.operator("ip link set eth0 down");
    a.operator("ip link set eth0 name other");
    a.operator("ip link set other up");
    lab.journal.until("it says why", |seen| seen.said("a", "its interface does not exist"));
    a.operator("ip link set other down");
    a.operator("ip link set other name eth0");
    a.operator("ip link set eth0 up");
    let back =
        |seen: &Reading| seen.since("eth0 up").said("a", "Entering MASTER") && seen.holds_alone("a", "10.0.0.100");
    lab.journal.until("it is master again", back);
    assert!(daemon.stop().success());
}

#[test]
fn an_interface_that_comes_late_is_waited_for() {
    let Some(mut lab) = Lab::new("an_interface_that_comes_late_is_waited_for") else { return };
    let lan = lab.segment("lan");
    let mut a = lab.node("a");
    let before = "global_defs {\n dynamic_interfaces\n}\n";
    let daemon = a.start(Program::Steadfast, &format!("{before}{}", instance("A", 1, 100, "0.2", "10.0.0.100", "")));
    lab.journal.until("it says why it waits", |seen| seen.said("a", "its interface does not exist"));
    lab.connect(&mut a, &lan, &["10.0.0.1/24"]);
    lab.journal.until("it joins", |seen| seen.holds_alone("a", "10.0.0.100"));
    assert!(daemon.stop().success());
}

/// How often changes are made in the hope that they come too fast.
const ATTEMPTS: usize = 50;

#[test]
fn changes_that_come_faster_than_they_are_read_are_looked_up() {
    let test = "changes_that_come_faster_than_they_are_read_are_looked_up";
    let before = "global_defs {\n vrrp_netlink_monitor_rcv_bufs 4096\n}\n";
    let Some((lab, a, daemon)) = alone(test, before, "") else { return };
    // A daemon that is quick enough reads the first thousands in time.
    for _ in 0..ATTEMPTS {
        for what in ["add", "del"] {
            let addresses =
                "for j in 1 2 3; do for i in $(seq 1 200); do echo addr WHAT 10.9.$j.$i/32 dev lo; done; done";
            a.inside(&format!("{} | ip -batch -", addresses.replace("WHAT", what)));
        }
        if lab.journal.read().said("a", "faster than they could be read") {
            break;
        }
    }
    lab.journal.until("it noticed", |seen| seen.said("a", "faster than they could be read"));
    lab.journal.beats(3, |frame| frame.is_advert("10.0.0.1", 100));
    a.operator("ip addr add 10.0.0.55/24 dev eth0");
    assert!(a.has("10.0.0.100"));
    assert!(daemon.stop().success());
    assert!(!a.has("10.0.0.100"));
}

#[test]
fn a_daemon_that_leaves_its_terminal_is_found_by_its_pid_file() {
    let Some(mut lab) = Lab::new("a_daemon_that_leaves_its_terminal_is_found_by_its_pid_file") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    a.reconfigure(&instance("A", 1, 100, "0.2", "10.0.0.100", ""));
    let bin = env!("CARGO_BIN_EXE_steadfast");
    assert_eq!(a.inside(&format!("cd /run && {bin} -P -f test.conf; echo $?")), "0");
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    a.shows("readlink /proc/$(cat /run/keepalived.pid)/fd/0", "/dev/null");
    a.inside("kill -TERM $(cat /run/keepalived.pid)");
    lab.journal.until("it is gone", |seen| seen.holders("10.0.0.100").is_empty());
    a.shows("ls /run/keepalived.pid 2>/dev/null", "");
}
