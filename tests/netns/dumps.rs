// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dump files as the programs around keepalived ask for them and read them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::journal::PATIENCE;
use crate::node::{Daemon, Node, Program};
use crate::topology::Lab;

const PAIR_OF_INSTANCES: &str = "vrrp_script chk {\n script \"/bin/true\"\n interval 1\n user root\n}\n\
    vrrp_instance VI_1 {\n state BACKUP\n interface eth0\n virtual_router_id 51\n version 3\n advert_int 0.1\n \
    priority 150\n garp_master_delay 3\n track_script {\n chk weight 5\n }\n virtual_ipaddress {\n 10.0.0.100/24 label eth0:v\n \
    10.0.0.101\n }\n virtual_ipaddress_excluded {\n fd00::100/64\n }\n virtual_routes {\n 192.0.2.0/24 via 10.0.0.9 dev eth0\n }\n \
    virtual_rules {\n from 10.0.0.100 table 100 priority 50\n }\n notify \"/bin/true a\" root\n}\n\
    vrrp_instance VI_2 {\n state BACKUP\n interface eth0\n virtual_router_id 52\n advert_int 1\n priority 90\n nopreempt\n \
    authentication {\n auth_type PASS\n auth_pass geheim12\n }\n unicast_src_ip 10.0.0.1\n unicast_peer {\n 10.0.0.2\n }\n \
    virtual_ipaddress {\n 10.0.0.102\n }\n}\n";

/// Asks, and reads what is there once it is.
#[track_caller]
fn dump(node: &Node, daemon: &Daemon, signal: &str, file: &str) -> String {
    node.inside(&format!("rm -f /run/{file}"));
    daemon.signal(signal);
    read_when_there(node, file)
}

/// The text once somebody has written it and nobody writes any more: keepalived fills the file under its final name.
#[track_caller]
fn read_when_there(node: &Node, file: &str) -> String {
    let start = Instant::now();
    let line =
        format!("[ -s /run/{file} ] && [ -z \"$(find /proc/[0-9]*/fd -lname '*/{file}' 2>&-)\" ] && cat /run/{file}");
    loop {
        let text = node.inside(&line);
        if !text.is_empty() {
            return text;
        }
        assert!(start.elapsed() < PATIENCE, "{file} never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// The value of every label of an instance in the state, as an exporter's patterns see them.
fn labels(text: &str, instance: &str) -> BTreeMap<String, String> {
    let head = format!(" VRRP Instance = {instance}");
    let lines = text.lines().skip_while(|line| *line != head).skip(1);
    let lines = lines.take_while(|line| line.starts_with("   "));
    let lines = lines.filter_map(|line| line.strip_prefix("   ")?.split_once(" = "));
    lines.filter(|(label, _)| !label.starts_with(' ')).map(|(label, value)| (label.into(), value.into())).collect()
}

#[test]
fn the_same_configuration_is_dumped_as_keepalived_dumps_it() {
    let Some(mut lab) = Lab::new("the_same_configuration_is_dumped_as_keepalived_dumps_it") else { return };
    let (lan, wan) = (lab.segment("lan"), lab.segment("wan"));
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24", "fd00::1/64"]);
    let b = lab.node_on(&wan, "b", &["10.0.0.1/24", "fd00::1/64"]);
    let programs = [(&a, Program::Steadfast), (&b, Program::Keepalived)];
    let daemons = programs.map(|(node, program)| node.start(program, PAIR_OF_INSTANCES));
    for name in ["a", "b"] {
        lab.journal.until("both are master", |seen| {
            ["10.0.0.100", "10.0.0.102"].iter().all(|ip| seen.holders(ip).iter().any(|holder| holder == name))
        });
    }
    let [ours, theirs] = [0, 1].map(|at| json(&dump(programs[at].0, &daemons[at], "36", "keepalived.json")));
    let differing = ["last_transition", "auth_data"];
    for at in 0..2 {
        let (ours, theirs) = (&ours[at], &theirs[at]);
        for (key, value) in theirs["data"].as_object().expect("an object") {
            assert!(ours["data"].get(key).is_some(), "{key} is missing");
            if !differing.contains(&key.as_str()) {
                assert_eq!(&ours["data"][key], value, "{key}");
            }
        }
        let keys = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().into_iter().flat_map(serde_json::Map::keys).cloned().collect()
        };
        let ours = keys(&ours["stats"]);
        assert!(keys(&theirs["stats"]).iter().all(|key| ours.contains(key)));
    }
    assert_eq!(ours[1]["data"]["auth_data"], "********");

    let [ours, theirs] = [0, 1].map(|at| dump(programs[at].0, &daemons[at], "USR1", "keepalived.data"));
    for instance in ["VI_1", "VI_2"] {
        let (mut ours, mut theirs) = (labels(&ours, instance), labels(&theirs, instance));
        for differing in
            ["Last transition", "Read timeout", "Password", "Unicast TTL", "Unicast checksum compatibility"]
        {
            ours.remove(differing);
            theirs.remove(differing);
        }
        assert_eq!(ours, theirs);
    }
    let five = |text: &str| -> Vec<String> {
        let lines = text.lines().skip_while(|line| !line.starts_with(" VRRP Instance"));
        let lines = lines.take_while(|line| !line.starts_with("------< VRRP Sockpool"));
        lines.filter(|line| line.starts_with("     ")).map(str::to_owned).collect()
    };
    assert_eq!(five(&ours), five(&theirs), "\n{ours}\n{theirs}");

    let [ours, theirs] = [0, 1].map(|at| dump(programs[at].0, &daemons[at], "USR2", "keepalived.stats"));
    let names = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()).collect()
    };
    let ours = names(&ours);
    assert!(names(&theirs).iter().all(|line| ours.contains(line)));
}

const ALONE: &str = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n version 3\n advert_int 0.1\n \
    virtual_ipaddress {\n 10.0.0.100\n }\n}\n";

fn master(test: &str) -> Option<(Lab, Node, Daemon)> {
    let mut lab = Lab::new(test)?;
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let daemon = a.start(Program::Steadfast, ALONE);
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100") && seen.said("a", "Entering MASTER"));
    Some((lab, a, daemon))
}

#[test]
fn a_reader_never_finds_the_state_absent_or_half_written() {
    let Some((_lab, a, daemon)) = master("a_reader_never_finds_the_state_absent_or_half_written") else { return };
    dump(&a, &daemon, "USR1", "keepalived.data");
    // Reads at once after the signal, as a virtual router's agent does, and counts what is no whole file.
    let line = "for i in $(seq 60); do kill -USR1 $(pgrep -o steadfast); x=$(cat /run/keepalived.data) || echo absent; \
        case \"$x\" in *'VRRP Instance = VI_1'*'MTU = '*) ;; *) echo \"half: $x\";; esac; done";
    assert_eq!(a.inside(line), "");
}

#[test]
fn who_waits_for_the_name_to_be_written_and_closed_is_woken() {
    let test = "who_waits_for_the_name_to_be_written_and_closed_is_woken";
    let Some((_lab, a, daemon)) = master(test) else { return };
    let line = "import ctypes,os,struct,sys\nc=ctypes.CDLL(None)\nf=c.inotify_init()\n\
        c.inotify_add_watch(f,b'/run',8)\nprint('ready',flush=True)\n\
        while True:\n b=os.read(f,4096)\n while b:\n  l=struct.unpack('iIII',b[:16])[3]\n  \
        print(b[16:16+l].rstrip(bytes(1)).decode(),flush=True)\n  b=b[16+l:]\n";
    let mut watcher = a.namespace().command("python3");
    let mut watcher = watcher.args(["-c", line]).stdout(Stdio::piped()).spawn().expect("python3 runs");
    let mut lines = BufReader::new(watcher.stdout.take().expect("its output")).lines().map_while(Result::ok);
    assert_eq!(lines.next().as_deref(), Some("ready"));
    daemon.signal("36");
    assert!(lines.any(|line| line == "keepalived.json"));
    assert!(a.inside("cat /run/keepalived.json").contains("\"iname\":\"VI_1\""), "whole at that moment");
    let _ = watcher.kill();
    let _ = watcher.wait();
}

#[test]
fn a_liveness_probe_that_empties_the_file_finds_the_instance_again() {
    let test = "a_liveness_probe_that_empties_the_file_finds_the_instance_again";
    let Some((_lab, a, daemon)) = master(test) else { return };
    dump(&a, &daemon, "USR1", "keepalived.data");
    a.inside(": > /run/keepalived.data");
    daemon.signal("USR1");
    let text = read_when_there(&a, "keepalived.data");
    assert!(text.contains("VRRP Instance = VI_1") && !text.contains("State = FAULT"), "{text}");
}

#[test]
fn a_signal_to_every_process_of_the_program_harms_none_and_writes_no_line() {
    let test = "a_signal_to_every_process_of_the_program_harms_none_and_writes_no_line";
    let Some((lab, a, daemon)) = master(test) else { return };
    dump(&a, &daemon, "USR1", "keepalived.data");
    let before = lab.journal.read().logs("a").count();
    let pids = a.inside("pgrep -x steadfast");
    for signal in ["37", "36", "USR1", "USR2", "63", "37"] {
        a.inside(&format!("kill -s {signal} $(pgrep -x steadfast)"));
    }
    for file in ["keepalived.json", "keepalived.data", "keepalived.stats", "keepalived_parent.data"] {
        read_when_there(&a, file);
    }
    assert_eq!(a.inside("pgrep -x steadfast"), pids);
    assert_eq!(lab.journal.read().logs("a").count(), before, "{}", lab.journal.read());
}

#[test]
fn statistics_begin_anew_after_they_were_written() {
    let Some((_lab, a, daemon)) = master("statistics_begin_anew_after_they_were_written") else { return };
    let became = |text: &str| text.lines().any(|line| line == "  Became master: 1");
    let text = dump(&a, &daemon, "63", "keepalived.stats");
    assert!(became(&text), "{text}");
    let text = dump(&a, &daemon, "USR2", "keepalived.stats");
    assert!(!became(&text), "{text}");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_one_line() {
    let Some((lab, a, daemon)) = master("a_folder_that_cannot_be_written_to_is_one_line") else { return };
    a.inside("mount -t tmpfs -o size=4k tmpfs /mnt && mkdir /mnt/x");
    a.reconfigure(&format!("global_defs {{\n state_dump_file /mnt/x/\n}}\n{ALONE}"));
    daemon.signal("HUP");
    a.inside("mount -o remount,ro /mnt");
    for _ in 0..5 {
        daemon.signal("USR1");
    }
    lab.journal.until("it says so", |seen| seen.said("a", "cannot write /mnt/x/keepalived.data"));
    dump(&a, &daemon, "36", "keepalived.json");
    a.inside("mount -o remount,rw /mnt");
    let said = lab.journal.read();
    let lines = said.logs("a").filter(|line| line.contains("/mnt/x/keepalived.data")).count();
    assert_eq!(lines, 1, "{said}");
}

#[test]
fn a_full_disk_is_one_line_until_there_is_room_again() {
    let Some((lab, a, daemon)) = master("a_full_disk_is_one_line_until_there_is_room_again") else { return };
    a.inside("mount -t tmpfs -o size=64k tmpfs /mnt && mkdir /mnt/x");
    a.reconfigure(&format!("global_defs {{\n state_dump_file /mnt/x/\n}}\n{ALONE}"));
    daemon.signal("HUP");
    lab.journal.until("the reload", |seen| seen.said("a", "Reload 2 complete"));
    a.inside("head -c 1000000 /dev/zero > /mnt/fill; true");
    let full = "cannot write /mnt/x/keepalived.data: No space left";
    daemon.signal("USR1");
    lab.journal.until("it says so", |seen| seen.said("a", full));
    (0..5).for_each(|_| daemon.signal("USR1"));
    a.inside("rm /mnt/fill");
    let start = Instant::now();
    while a.inside("cat /mnt/x/keepalived.data; true").is_empty() {
        assert!(start.elapsed() < PATIENCE, "it never came");
        daemon.signal("USR1");
        std::thread::sleep(Duration::from_millis(50));
    }
    lab.journal.until("it says that too", |seen| seen.said("a", "dumps can be written again"));
    let said = lab.journal.read();
    assert_eq!(said.logs("a").filter(|line| line.contains(full)).count(), 1, "{said}");
    assert!(daemon.stop().success());
}
