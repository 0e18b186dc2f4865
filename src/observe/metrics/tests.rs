use super::{Format, Names, text};
use crate::observe::snapshot::{Address, Instance, State, Statistics, Track, Vrrp};

fn seen() -> Vrrp {
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
        counters: Statistics { advert_sent: 7, checksum_err: 2, ..Statistics::default() },
        ..Instance::default()
    };
    let script = Track { name: "chk".into(), kind: "script".into(), up: Some(true), busy: true, ..Track::default() };
    Vrrp { instances: vec![instance], tracks: vec![script], ..Vrrp::default() }
}

#[test]
fn dashboards_of_mehdy_s_exporter_find_their_series() {
    let text = text(Some(&seen()), Names::Mehdy, Format::Prometheus);
    for line in [
        "keepalived_up 1",
        r#"keepalived_vrrp_state{iname="VI \"1\"",intf="eth0",vrid="51",ip_address="192.0.2.9/24"} 2"#,
        r#"keepalived_vrrp_state{iname="VI \"1\"",intf="eth0",vrid="51",ip_address="192.0.2.10"} 2"#,
        r#"keepalived_vrrp_excluded_state{iname="VI \"1\"",intf="eth0",vrid="51",ip_address="fd00::9/64"} 2"#,
        r#"keepalived_advertisements_sent_total{iname="VI \"1\"",intf="eth0",vrid="51"} 7"#,
        r#"keepalived_script_status{name="chk"} 1"#,
        r#"keepalived_script_state{name="chk"} 1"#,
        r#"steadfast_adverts_refused_total{iname="VI \"1\"",intf="eth0",vrid="51",reason="checksum_err"} 2"#,
        "# TYPE keepalived_advertisements_sent_total counter",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn dashboards_of_gen2brain_s_exporter_find_theirs() {
    let text = text(Some(&seen()), Names::Gen2brain, Format::Prometheus);
    let line = r#"keepalived_vrrp_advert_sent{name="VI \"1\"",intf="eth0",vrid="51",state="2"} 7"#;
    assert!(text.lines().any(|found| found == line), "{text}");
    assert!(!text.contains("keepalived_vrrp_state"));
}

#[test]
fn every_sample_stands_under_its_one_head_and_openmetrics_ends() {
    for (names, format) in [(Names::Mehdy, Format::OpenMetrics), (Names::Gen2brain, Format::Prometheus)] {
        let text = text(Some(&seen()), names, format);
        let mut family = String::new();
        let mut families = std::collections::BTreeSet::new();
        for line in text.lines().filter(|line| !line.starts_with("# HELP") && *line != "# EOF") {
            if let Some(head) = line.strip_prefix("# TYPE ") {
                family = head.split(' ').next().unwrap_or_default().to_owned();
                assert!(families.insert(family.clone()), "{family} twice");
            } else {
                let name = line.split(['{', ' ']).next().unwrap_or_default();
                let total = format!("{family}_total");
                assert!(name == family || name == total, "{line} under {family}");
            }
        }
        assert_eq!(text.ends_with("# EOF\n"), format == Format::OpenMetrics);
    }
}

#[test]
fn a_worker_that_does_not_answer_is_down_and_nothing_else_is_told() {
    let text = text(None, Names::Mehdy, Format::Prometheus);
    assert!(text.contains("keepalived_up 0\n") && !text.contains("keepalived_vrrp_state"));
}
