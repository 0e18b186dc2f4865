// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A machine on which everything is well.
fn sound() -> Machine {
    Machine {
        release: "6.1.0-40-amd64".to_owned(),
        parts: machine::MODULES.into_iter().map(|name| (name, Part::Present)).collect(),
        capabilities: u64::MAX,
        settings: BTreeMap::from([("net/ipv4/ip_forward", 1), ("net/ipv4/conf/all/rp_filter", 0)]),
        processes: BTreeSet::from(["sshd".to_owned()]),
        interfaces: BTreeSet::from(["lo".to_owned(), "eth0".to_owned()]),
        firewall: Some(String::new()),
        clock_synchronised: Some(true),
        real_time_micros: Some(950_000),
    }
}

fn all() -> Wants {
    let interfaces = vec!["eth0".to_owned()];
    Wants { vrrp: true, balancing: true, ipv6: true, vmac: true, signed: true, no_accept: true, interfaces }
}

/// The worst answer that mentions `word`, after a change to the machine.
fn grade(word: &str, change: impl FnOnce(&mut Machine)) -> Option<Grade> {
    let mut machine = sound();
    change(&mut machine);
    let answers = examine(&machine, &all());
    answers.iter().filter(|answer| answer.what.contains(word)).map(|answer| answer.grade).max()
}

#[test]
fn a_sound_machine_gets_nothing_but_fine() {
    let answers = examine(&sound(), &all());
    assert!(answers.iter().all(|answer| answer.grade == Grade::Fine), "{answers:#?}");
    assert!(answers.len() > 5);
}

#[test]
fn every_complaint_says_what_to_do() {
    let machine = Machine {
        parts: BTreeMap::new(),
        processes: CLASHES.map(|(name, _)| name.to_owned()).into(),
        ..Machine::default()
    };
    for answer in examine(&machine, &all()) {
        assert!(answer.grade <= Grade::Note || !answer.todo.is_empty(), "{answer:?}");
    }
}

#[test]
fn what_is_missing_is_graded_by_what_it_costs() {
    let absent = |name: &'static str| {
        move |machine: &mut Machine| {
            machine.parts.insert(name, Part::Absent);
        }
    };
    assert_eq!(grade("ip_vs", absent("ip_vs")), Some(Grade::Error));
    assert_eq!(grade("macvlan", absent("macvlan")), Some(Grade::Error));
    assert_eq!(grade("nf_tables", absent("nf_tables")), Some(Grade::Warning));
    assert_eq!(grade("ip_vs", |machine| ignore(machine.parts.insert("ip_vs", Part::Loadable))), Some(Grade::Note));
    assert_eq!(grade("CAP_NET_ADMIN", |machine| machine.capabilities = 0), Some(Grade::Error));
    assert_eq!(grade("kernel 4.19", |machine| machine.release = "4.19.0".to_owned()), Some(Grade::Warning));
    assert_eq!(grade("no interface", |machine| ignore(machine.interfaces.remove("eth0"))), Some(Grade::Error));
    assert_eq!(grade("clock", |machine| machine.clock_synchronised = Some(false)), Some(Grade::Warning));
    assert_eq!(
        grade("ip_forward", |machine| ignore(machine.settings.insert("net/ipv4/ip_forward", 0))),
        Some(Grade::Warning)
    );
    assert_eq!(
        grade("kube-proxy", |machine| ignore(machine.processes.insert("kube-proxy".to_owned()))),
        Some(Grade::Warning)
    );
}

#[test]
fn what_the_configuration_does_not_need_is_not_asked_for() {
    let machine = Machine { parts: machine::MODULES.into_iter().map(|name| (name, Part::Absent)).collect(), ..sound() };
    let answers = examine(&machine, &Wants { vrrp: false, ..Wants::default() });
    assert!(answers.iter().all(|answer| answer.grade == Grade::Fine), "{answers:#?}");
}

#[test]
fn a_firewall_that_would_drop_vrrp_is_seen() {
    let rules = |text: &'static str| move |machine: &mut Machine| machine.firewall = Some(text.to_owned());
    let closed = "table inet filter {\n chain input {\n  type filter hook input priority filter; policy drop;\n  tcp dport 22 accept\n }\n}\n";
    let open = "table inet filter {\n chain input {\n  type filter hook input priority filter; policy drop;\n  ip protocol vrrp accept\n }\n}\n";
    let dropped = "table ip x {\n chain y {\n  ip protocol 112 drop\n }\n}\n";
    let legacy = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j ACCEPT\n";
    let legacy_open = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p 112 -j ACCEPT\n";
    for (text, expected) in [
        (closed, Grade::Error),
        (open, Grade::Fine),
        (dropped, Grade::Error),
        (legacy, Grade::Error),
        (legacy_open, Grade::Fine),
        ("", Grade::Fine),
    ] {
        assert_eq!(grade("firewall", rules(text)), Some(expected), "{text}");
    }
    assert_eq!(grade("firewall", |machine| machine.firewall = None), Some(Grade::Note));
}

fn ignore<T>(_: T) {}
