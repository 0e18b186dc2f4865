// SPDX-License-Identifier: MIT OR Apache-2.0
use super::super::check::Checker;
use super::super::testing::{in_checker, read};

/// Target, retry and greeting of every check.
fn checks(lines: &str) -> (Vec<String>, Vec<&'static str>, u8) {
    let read = read(&in_checker("SMTP_CHECK", lines));
    let shown = read.real().checkers.iter().map(|checker| match checker {
        Checker::Smtp(check) => format!(
            "{}:{} retry {} as {}",
            *check.connection.connect_ip,
            *check.connection.connect_port,
            *check.timing.retry,
            check.helo_name()
        ),
        other => panic!("{other:?}"),
    });
    (shown.collect(), read.codes, read.status)
}

#[test]
fn without_hosts_there_is_one_check_of_the_real_server() {
    assert_eq!(checks("").0, ["10.0.0.2:80 retry 1 as smtpchecker.keepalived.org"]);
    assert_eq!(checks("helo_name mail.example").0, ["10.0.0.2:80 retry 1 as mail.example"]);
    assert_eq!((checks("helo_name").1, checks("helo_name").2), (vec!["KC050"], 5));
}

#[test]
fn every_host_is_a_check_of_its_own_and_the_first_stands_for_a_bare_one() {
    let hosts = "host {\nconnect_ip 10.0.0.7\nretry 3\n}\nhost {\nconnect_port 26\n}";
    let (shown, codes, status) = checks(&format!("helo_name a\n{hosts}"));
    assert_eq!(shown, ["10.0.0.7:80 retry 3 as a", "10.0.0.2:26 retry 3 as a"]);
    assert_eq!((codes, status), (vec!["KC066", "KC066"], 0), "hosts are deprecated, but not counted");
    let (shown, ..) = checks(&format!("connect_port 25\n{hosts}"));
    assert_eq!(shown.len(), 3, "a check with a target of its own stays");
    assert!(shown[0].starts_with("10.0.0.2:25"), "{shown:?}");
}

#[test]
fn a_host_has_the_common_keywords_only() {
    assert_eq!(checks("host {\nhelo_name a\n}").1, ["KC066", "KC060"]);
    assert_eq!(checks("host {\n}").0.len(), 1);
}
