// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every block of VRRP and every entry of its lists: what a line sets, the ends of its ranges, what becomes of a wrong
//! value.

mod addresses;
mod authentication;
mod describe;
mod election;
mod groups;
mod links;
mod reach;
mod routes;
mod rules;
mod tracks;

use super::{Vrrp, VrrpInstance};
use crate::Loaded;
use crate::environment::{Facts, Link};
use crate::source::MemoryHost;
use crate::testing::graded;

/// A machine with three interfaces, a loopback, a VRF and names of iproute2.
pub(super) fn host() -> MemoryHost {
    let link = Link::default;
    let facts = Facts::default()
        .link("eth0", link())
        .link("eth1", link())
        .link("wan", link())
        .link("lo", Link { loopback: true, ..link() })
        .link("mv0", Link { stacked: true, ..link() })
        .link("vrf9", Link { vrf_table: Some(900), ..link() });
    MemoryHost::new()
        .with_facts(facts)
        .file("/etc/iproute2/rt_tables", "# remark\n5 five\n0x10 sixteen\n7 seven surplus\n")
        .file("/etc/iproute2/rt_tables.d/more.conf", "6 six\n")
        .file("/etc/iproute2/rt_tables.d/ignored", "8 eight\n")
        .file("/usr/share/iproute2/rt_tables", "9 nine\n")
        .file("/usr/share/iproute2/rt_tables.d/vendor.conf", "10 ten\n")
        .file("/usr/share/iproute2/rt_tables.d/more.conf", "11 eleven\n")
        .file("/usr/share/iproute2/rt_dsfield", "0x10 lowdelay\n")
        .file("/usr/share/iproute2/rt_realms", "3 cosmos\n256 toobig\n")
        .file("/usr/share/iproute2/group", "42 edge\n")
        .file("/etc/protocols", "tcp 6 TCP # remark\nodd 200 ODD\n")
}

/// Reads as the configuration test does.
pub(super) fn read(text: &str) -> Loaded {
    crate::load_str(&host(), text, false)
}

/// A sound instance with these further lines.
pub(super) fn with(lines: &str) -> String {
    format!(
        "vrrp_instance VI {{\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {{\n192.0.2.1/24\n}}\n{lines}\n}}\n"
    )
}

/// Codes of what keepalived would remark on too.
pub(super) fn codes(loaded: &Loaded) -> Vec<&'static str> {
    graded(loaded).into_iter().map(|(code, _)| code).collect()
}

/// Checks a table of lines in an instance: the value they leave, and the codes of what is found.
pub(super) fn check(value: fn(&VrrpInstance) -> String, table: &[(&str, &str, &[&str])]) {
    for (lines, expected, expected_codes) in table {
        let loaded = read(&with(lines));
        let instance = loaded.config.vrrp.instances.first().unwrap();
        assert_eq!(value(instance), *expected, "{lines}: {:#?}", loaded.diagnostics);
        assert_eq!(&codes(&loaded), expected_codes, "{lines}: {:#?}", loaded.diagnostics);
    }
}

/// Checks a table of whole files.
pub(super) fn check_all(value: fn(&Vrrp) -> String, table: &[(&str, &str, &[&str])]) {
    for (text, expected, expected_codes) in table {
        let loaded = read(text);
        assert_eq!(value(&loaded.config.vrrp), *expected, "{text}: {:#?}", loaded.diagnostics);
        assert_eq!(&codes(&loaded), expected_codes, "{text}: {:#?}", loaded.diagnostics);
    }
}

/// Values with blanks between them.
pub(super) fn join<T: ToString>(list: impl IntoIterator<Item = T>) -> String {
    list.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn an_instance_without_keywords_has_the_defaults_of_keepalived() {
    let loaded = read(&with(""));
    let mut expected = VrrpInstance::new("VI");
    let instance = loaded.config.vrrp.instance("VI").unwrap();
    expected.interface.clone_from(&instance.interface);
    expected.virtual_router_id = Some(51);
    expected.virtual_ipaddress.clone_from(&instance.virtual_ipaddress);
    expected.mcast_dst_ip.correct(Some("224.0.0.18".parse().unwrap()));
    assert_eq!(instance, &expected);
    assert!(loaded.diagnostics.is_empty(), "{:#?}", loaded.diagnostics);
}

#[test]
fn blocks_want_one_name_and_are_there_once() {
    let names = |vrrp: &Vrrp| {
        join(vrrp.instances.iter().map(|instance| format!("{}={:?}", instance.name, instance.virtual_router_id)))
    };
    let of = |name: &str, vrid: u8, vip: u8| {
        format!(
            "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\nvirtual_ipaddress {{\n192.0.2.{vip}\n}}\n}}\n"
        )
    };
    let one = of("A", 1, 1);
    for (text, expected, expected_codes) in [
        (format!("{one}{}", of("A", 2, 2)), "A=Some(1)", &["KC164"][..]),
        (format!("{one}{}", of("", 2, 2)), "A=Some(1)", &["KC163"]),
        (format!("{one}{}", of("B C", 2, 2)), "A=Some(1)", &["KC163"]),
        (format!("{one}{}", of("\"B C\"", 2, 2)), "A=Some(1) B C=Some(2)", &[]),
    ] {
        let loaded = read(&text);
        assert_eq!(names(&loaded.config.vrrp), expected, "{text}");
        assert_eq!(codes(&loaded), expected_codes, "{text}: {:#?}", loaded.diagnostics);
    }
}

#[test]
fn no_finding_and_no_dump_shows_a_secret() {
    let text = with(
        "authentication {\nauth_type PASS\nauth_pass hunter2hunter2\n}\n\
         auth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nkey 2 short\nactive_key 1\n}",
    );
    let loaded = read(&text);
    let shown = format!("{:?} {:?}", loaded.config, loaded.diagnostics);
    for secret in ["hunter2", "0123456789abcdef", "short"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}
