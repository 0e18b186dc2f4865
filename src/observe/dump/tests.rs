// SPDX-License-Identifier: MIT OR Apache-2.0
//! What other programs find in our files, the way they look for it.

use std::path::{Path, PathBuf};

use keepalived_conf::source::MemoryHost;
use keepalived_conf::{Config, Options, load_ready};

use super::place::{Kind, paths};
use super::{Written, data, json, stats};
use crate::observe::snapshot::{Instance, Master, State, Statistics, Track, Use, Vrrp};

const TEXT: &str = r#"global_defs {
 enable_script_security
 script_user root
}
vrrp_script chk {
 script "/bin/true"
 interval 1
}
vrrp_track_process web {
 process nginx
}
vrrp_instance VI_1 {
 state BACKUP
 interface eth0
 virtual_router_id 51
 priority 100
 advert_int 1
 garp_master_delay 7
 authentication {
  auth_type PASS
  auth_pass geheim12
 }
 track_script {
  chk
 }
 virtual_ipaddress {
  192.0.2.9/24 label eth0:1
  192.0.2.10
 }
 virtual_ipaddress_excluded {
  2001:db8::9/64 dev eth1
 }
 virtual_routes {
  198.51.100.0/24 via 192.0.2.1 dev eth0
 }
 virtual_rules {
  from 192.0.2.9 table 100 priority 50
 }
}
"#;

fn written(text: &str) -> Written {
    let loaded = load_ready(&MemoryHost::new(), text.to_owned(), &Options::default());
    let Config { global, tracking, vrrp, .. } = loaded.config;
    Written { global, tracking, vrrp }
}

fn seen() -> Vrrp {
    let instance = Instance {
        name: "VI_1".into(),
        interface: Some("eth0".into()),
        vrid: 51,
        version: 2,
        family: 4,
        state: State::Master,
        wants: State::Master,
        since: 1_795_984_088.560_047,
        base_priority: 100,
        priority: 102,
        master: Some(Master { address: "192.0.2.2".into(), priority: 90 }),
        advert_interval: 1.0,
        master_interval: 1.0,
        in_place: true,
        counters: Statistics { advert_rcvd: 4, advert_sent: 7, checksum_err: 9, ..Statistics::default() },
        ..Instance::default()
    };
    let used_by = vec![Use { instance: "VI_1".into(), weight: 0, reverse: false }];
    let script =
        Track { name: "chk".into(), kind: "script".into(), up: Some(true), busy: true, used_by, ..Track::default() };
    let process =
        Track { name: "web".into(), kind: "process".into(), up: Some(true), running: Some(3), ..Track::default() };
    Vrrp { instances: vec![instance], tracks: vec![script, process], ..Vrrp::default() }
}

/// Lines with this many blanks before them, and not more.
fn indented(text: &str, blanks: usize) -> Vec<&str> {
    let wanted = " ".repeat(blanks);
    text.lines().filter_map(|line| line.strip_prefix(&wanted)).filter(|line| !line.starts_with(' ')).collect()
}

#[test]
fn exporters_find_instances_addresses_and_scripts_in_the_state_by_their_indentation() {
    let text = data::vrrp(&seen(), &written(TEXT));
    assert!(indented(&text, 1).contains(&"VRRP Instance = VI_1"), "{text}");
    for line in [
        "State = MASTER",
        "Interface = eth0",
        "Virtual Router ID = 51",
        "Gratuitous ARP delay = 7",
        "Virtual IP (2):",
        "Virtual IP Excluded :",
        "Status = GOOD",
        "State = running",
    ] {
        assert!(indented(&text, 3).contains(&line), "{line}\n{text}");
    }
    assert_eq!(
        indented(&text, 5)[..3],
        [
            "192.0.2.9/24 dev eth0 scope global label eth0:1 set",
            "192.0.2.10 dev eth0 scope global set",
            "2001:db8::9/64 dev eth1 scope global preferred_lft forever set",
        ],
        "{text}"
    );
    assert!(indented(&text, 1).contains(&"VRRP Script = chk"));
}

#[test]
fn every_line_of_the_state_belongs_to_a_title() {
    let text = data::vrrp(&seen(), &written(TEXT));
    assert!(text.starts_with("------< Global definitions >------\n"));
    assert!(text.ends_with('\n'));
    let odd: Vec<&str> = text.lines().filter(|line| !line.starts_with(' ') && !line.starts_with("------< ")).collect();
    assert!(odd.is_empty(), "{odd:?}");
}

#[test]
fn statistics_stand_under_their_labels() {
    let text = stats::stats(&seen());
    let head = "VRRP Instance: VI_1\n  Advertisements:\n    Received: 4\n    Sent: 7\n  Became master: 0\n";
    assert!(text.starts_with(head), "{text}");
    assert_eq!(text.lines().count(), 26);
    assert_eq!(indented(&text, 2).iter().filter(|line| line.ends_with(':')).count(), 5);
}

#[test]
fn json_has_keepalived_s_keys_in_its_order_without_blanks() {
    let text = json::json(&seen(), &written(TEXT)).expect("there is an instance");
    assert!(text.starts_with(r#"[{"data":{"iname":"VI_1","dont_track_primary":0,"#) && text.ends_with("}}]\n"));
    assert!(text.contains(r#""last_transition":1795984088.560047,"garp_delay":7,"#), "{text}");
    assert!(text.contains(r#""vips":["192.0.2.9\/24 dev eth0 scope global label eth0:1 set","#), "{text}");
    assert!(text.contains(r#""vroutes":["prepend 198.51.100.0\/24 via inet 192.0.2.1 dev eth0 proto 18"]"#), "{text}");
    assert!(text.contains(r#""vrules":["from 192.0.2.9 priority 50 tos 0x0 protocol 18 lookup 100"]"#), "{text}");
    let parsed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let first = &parsed[0];
    assert_eq!(first["data"]["state"], 2);
    assert_eq!(first["data"]["master_priority"], 90);
    assert_eq!(first["data"]["vipset"], true);
    assert_eq!(first["data"]["adver_int"], 1);
    assert_eq!(first["stats"]["advert_sent"], 7);
    assert_eq!(first["stats"].as_object().map(serde_json::Map::len), Some(20), "no counter of our own");
}

#[test]
fn the_second_layout_of_json_has_instances_and_processes_under_names() {
    let text = json::json(&seen(), &written(&format!("global_defs {{\n json_version 2\n}}\n{TEXT}"))).expect("JSON");
    let parsed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(parsed["vrrp"][0]["data"]["iname"], "VI_1");
    assert_eq!(parsed["track_process"][0]["current_processes"], 3);
    assert_eq!(parsed["track_process"][0]["param_match"], "none");
}

#[test]
fn without_instances_there_is_no_json() {
    assert_eq!(json::json(&Vrrp::default(), &written("")), None);
}

#[test]
fn no_dump_shows_a_secret() {
    let (seen, written) = (seen(), written(TEXT));
    let texts = [data::vrrp(&seen, &written), stats::stats(&seen), json::json(&seen, &written).unwrap_or_default()];
    assert!(texts.iter().all(|text| !text.contains("geheim12")));
    assert!(texts[0].contains("   Password = ********\n") && texts[2].contains(r#""auth_data":"********""#));
}

#[test]
fn dumps_stand_where_the_configuration_says_and_where_keepalived_has_them() {
    let at = |kind, lines: &str| {
        let written = written(&format!("instance blue\nnet_namespace red\nglobal_defs {{\n{lines}\n}}\n"));
        paths(kind, &written.global, Path::new("/tmp"))
    };
    let one = |path: &str| vec![PathBuf::from(path)];
    assert_eq!(at(Kind::Data(""), ""), one("/tmp/keepalived.data"));
    assert_eq!(at(Kind::Data("_parent"), ""), one("/tmp/keepalived_parent.data"));
    assert_eq!(at(Kind::Data("_check"), "data_use_instance"), one("/tmp/keepalived_check.red_blue.data"));
    assert_eq!(at(Kind::Data(""), "state_dump_file /run/x/"), one("/run/x/keepalived.data"));
    assert_eq!(at(Kind::Data("_bfd"), "state_dump_file /run/x/s.txt"), one("/run/x/s_bfd.txt"));
    assert_eq!(at(Kind::Data(""), "state_dump_file x/s"), one("/tmp/s"));
    assert_eq!(at(Kind::Stats, "data_use_instance"), one("/tmp/keepalived.stats"));
    let both = vec![PathBuf::from("/tmp/keepalived.json"), PathBuf::from("/run/k.json")];
    assert_eq!(at(Kind::Json, "json_dump_file /run/k.json"), both);
}
