// SPDX-License-Identifier: MIT OR Apache-2.0

mod openmetrics;

use std::collections::{BTreeMap, BTreeSet};

use super::{Format, Names, text};
use crate::observe::snapshot::lvs::{BOUNDS, Checker, Counted, Kind, Lvs, Record, Server, Service, Table};
use crate::observe::snapshot::{
    Address, Daemon, Door, Hook, Instance, Peer, Seen, Session, State, Statistics, Track, Vrrp,
};

fn seen() -> Seen {
    let deaths = BTreeMap::from([("vrrp".to_owned(), 1)]);
    let doors = BTreeMap::from([("http".to_owned(), Door { taken: 9, refused: 1, ..Door::default() })]);
    let hook = |place: &str| Hook { place: place.to_owned(), posted: 2, ..Hook::default() };
    let webhooks = vec![hook("https://h/…"), hook("https://h/… (2)")];
    let session = Session { name: "s".into(), neighbour: "192.0.2.2".into(), up: Some(false), ..Session::default() };
    let sessions = vec![session, Session { name: "t".into(), ..Session::default() }];
    let daemon = Daemon { reloads: 4, deaths, doors, webhooks, sessions, ..Daemon::default() };
    Seen { daemon: Some(daemon), vrrp: Ok(Some(vrrp())), lvs: Ok(Some(lvs())) }
}

fn lvs() -> Lvs {
    let checker = |good| Checker { kind: "TCP_CHECK".into(), good, took: Some(0.002), ..Checker::default() };
    let server = Server {
        name: "[10.0.0.1]:tcp:80".into(),
        up: true,
        record: Record { up_seconds: 90.0, failures: 3, ..Record::default() },
        checkers: vec![checker(5), checker(6)],
        ..Server::default()
    };
    let service = Service {
        name: "[192.0.2.10]:tcp:80".into(),
        // Somebody wrote it twice.
        servers: vec![server.clone(), server],
        ..Service::default()
    };
    let kind = Kind { kind: "TCP_CHECK".into(), within: vec![1; BOUNDS.len()], count: 2, seconds: 0.5 };
    let destination = Counted { address: "10.0.0.1:80".into(), bytes_in: 8, active: 2, ..Counted::default() };
    let balanced = Counted {
        address: "192.0.2.10:80".into(),
        protocol: "tcp".into(),
        bytes_in: 9,
        destinations: vec![destination],
        ..Counted::default()
    };
    let table = Table { drifts: 1, services: vec![balanced], ..Table::default() };
    Lvs { services: vec![service], kinds: vec![kind], table, ..Lvs::default() }
}

fn vrrp() -> Vrrp {
    let address =
        |ip: &str, prefix, excluded| Address { address: ip.into(), prefix, interface: Some("eth0".into()), excluded };
    let instance = Instance {
        name: "VI \"1\"".into(),
        interface: Some("eth0".into()),
        vrid: 51,
        state: State::Master,
        addresses: vec![
            address("192.0.2.9", 24, false),
            address("192.0.2.10", 32, false),
            address("fd00::9", 64, true),
        ],
        available: Record { up_seconds: 90.0, down_seconds: 4.0, failures: 3, repairs: 2, ..Record::default() },
        garp_delay: 5.0,
        peers: vec![
            Peer { address: "192.0.2.2".into(), heard: Some(7.5), priority: Some(90), adverts: 3, ..Peer::default() },
            Peer { address: "192.0.2.3".into(), expected: true, ..Peer::default() },
        ],
        counters: Statistics { advert_sent: 7, checksum_err: 2, ..Statistics::default() },
        ..Instance::default()
    };
    let script = Track { name: "chk".into(), kind: "script".into(), up: Some(true), busy: true, ..Track::default() };
    Vrrp { instances: vec![instance], tracks: vec![script], ..Vrrp::default() }
}

#[test]
fn dashboards_of_mehdy_s_exporter_find_their_series() {
    let text = text(&seen(), Names::Mehdy, Format::Prometheus);
    for line in [
        "keepalived_up 1",
        r#"keepalived_vrrp_state{iname="VI \"1\"",intf="eth0",vrid="51",ip_address="192.0.2.9/24"} 2"#,
        r#"keepalived_vrrp_state{iname="VI \"1\"",intf="eth0",vrid="51",ip_address="192.0.2.10"} 2"#,
        r#"keepalived_vrrp_excluded_state{iname="VI \"1\"",intf="eth0",vrid="51",ip_address="fd00::9/64"} 2"#,
        r#"keepalived_advertisements_sent_total{iname="VI \"1\"",intf="eth0",vrid="51"} 7"#,
        r#"keepalived_gratuitous_arp_delay_total{iname="VI \"1\"",intf="eth0",vrid="51"} 5"#,
        r#"keepalived_exporter_build_info{version="0.1.0"} 1"#,
        r#"steadfast_vip_down_seconds_total{iname="VI \"1\"",ip_address="192.0.2.10"} 4"#,
        r#"steadfast_vip_failures_total{iname="VI \"1\"",ip_address="fd00::9"} 3"#,
        r#"steadfast_vip_between_failures_mean_seconds{iname="VI \"1\"",ip_address="192.0.2.9"} 30"#,
        r#"steadfast_vip_to_repair_mean_seconds{iname="VI \"1\"",ip_address="192.0.2.9"} 2"#,
        r#"keepalived_script_status{name="chk"} 1"#,
        r#"keepalived_script_state{name="chk"} 1"#,
        r#"steadfast_adverts_refused_total{iname="VI \"1\"",intf="eth0",vrid="51",reason="checksum_err"} 2"#,
        "# TYPE keepalived_advertisements_sent_total counter",
        r#"steadfast_instance_state_seconds_total{iname="VI \"1\"",intf="eth0",vrid="51",state="master"} 0"#,
        r#"steadfast_reloads_total{result="done"} 4"#,
        r#"steadfast_worker_deaths_total{worker="vrrp"} 1"#,
        r#"steadfast_status_connections_refused_total{door="http"} 1"#,
        r#"steadfast_webhook_posted_total{webhook="https://h/… (2)"} 2"#,
        r#"steadfast_instance_masters_seen{iname="VI \"1\"",intf="eth0",vrid="51"} 1"#,
        r#"steadfast_peer_last_advert_timestamp_seconds{iname="VI \"1\"",peer="192.0.2.2"} 7.5"#,
        r#"steadfast_peer_adverts_total{iname="VI \"1\"",peer="192.0.2.2"} 3"#,
        r#"steadfast_peer_heard{iname="VI \"1\"",peer="192.0.2.3"} 0"#,
        r#"steadfast_bfd_session_up{name="s",neighbour="192.0.2.2"} 0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("peer_priority{iname=\"VI \\\"1\\\"\",peer=\"192.0.2.3\"}") && !text.contains("name=\"t\""));
}

#[test]
fn dashboards_of_gen2brain_s_exporter_find_theirs() {
    let text = text(&seen(), Names::Gen2brain, Format::Prometheus);
    let line = r#"keepalived_vrrp_advert_sent{name="VI \"1\"",intf="eth0",vrid="51",state="2"} 7"#;
    assert!(text.lines().any(|found| found == line), "{text}");
    assert!(!text.contains("keepalived_vrrp_state"));
    for line in [
        r#"keepalived_lvs_vip_in_bytes{addr="192.0.2.10:80",proto="tcp"} 9"#,
        r#"keepalived_lvs_rs_in_bytes{vip="192.0.2.10:80",addr="10.0.0.1:80",proto="tcp"} 8"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn servers_checks_and_the_kernel_s_table_are_counted() {
    let text = text(&seen(), Names::Mehdy, Format::Prometheus);
    let server = r#"virtual_server="[192.0.2.10]:tcp:80",real_server="[10.0.0.1]:tcp:80""#;
    for line in [
        format!("steadfast_real_server_up{{{server}}} 1"),
        format!("steadfast_real_server_failures_total{{{server}}} 3"),
        format!("steadfast_real_server_between_failures_mean_seconds{{{server}}} 30"),
        format!("steadfast_checks_total{{{server},check=\"TCP_CHECK\",number=\"1\",verdict=\"good\"}} 6"),
        r#"steadfast_check_duration_seconds_bucket{check="TCP_CHECK",le="+Inf"} 2"#.to_owned(),
        "steadfast_lvs_table_drifts_total 1".to_owned(),
        r#"steadfast_lvs_destination_active_connections{service="192.0.2.10:80",protocol="tcp",address="10.0.0.1:80"} 2"#
            .to_owned(),
    ] {
        assert_eq!(text.lines().filter(|found| *found == line).count(), 1, "{line}\n{text}");
    }
    assert!(!text.contains("steadfast_real_server_to_repair_mean_seconds{"), "nothing was repaired yet");
}

#[test]
fn the_text_is_openmetrics_to_the_letter_whoever_s_names_are_wanted() {
    for names in [Names::Mehdy, Names::Gen2brain] {
        let text = text(&seen(), names, Format::OpenMetrics);
        let families = openmetrics::check(&text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
        assert!(families > 50, "{families}");
    }
    let nothing = Seen { daemon: None, vrrp: Ok(None), lvs: Ok(None) };
    openmetrics::check(&text(&nothing, Names::Mehdy, Format::OpenMetrics)).unwrap();
}

/// What differs in the older text is its end, the names of families and that it has no units.
#[test]
fn the_older_text_says_the_same() {
    for names in [Names::Mehdy, Names::Gen2brain] {
        let [open, plain] = [Format::OpenMetrics, Format::Prometheus].map(|format| text(&seen(), names, format));
        let samples =
            |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(samples(&open), samples(&plain));
        assert!(!plain.contains("# UNIT") && !plain.contains("# EOF") && !plain.contains(" unknown\n"));
    }
}

#[test]
fn a_worker_that_does_not_answer_is_down_and_nothing_else_is_told() {
    let text = text(&Seen { daemon: None, vrrp: Err("gone".into()), lvs: Ok(None) }, Names::Mehdy, Format::Prometheus);
    assert!(text.contains("keepalived_up 0\n") && !text.contains("keepalived_vrrp_state"));
}

/// The dashboard and the alerts ask for nothing that is not there.
#[test]
fn what_the_dashboard_and_the_alerts_ask_for_is_told() {
    let told = text(&seen(), Names::Mehdy, Format::Prometheus);
    let heads: BTreeSet<&str> =
        told.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let dashboard = include_str!("../../../dist/prometheus/dashboard.json");
    serde_json::from_str::<serde_json::Value>(dashboard).unwrap();
    let mut asked = 0;
    for file in [dashboard, include_str!("../../../dist/prometheus/alerts.yml")] {
        let words = file.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        for name in words.filter(|word| word.starts_with("steadfast_") || word.starts_with("keepalived_")) {
            asked += 1;
            let family = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(heads.contains(family), "{name}");
        }
    }
    assert!(asked > 20, "{asked}");
}
