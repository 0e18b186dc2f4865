// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exit statuses of the configuration test for lines of load balancing, as measured with keepalived.

#![allow(clippy::expect_used)]

use keepalived_conf::load_str;
use keepalived_conf::source::MemoryHost;

const SOUND: &str = "lvs_sched rr\nlvs_method NAT\nprotocol TCP\n";

/// A sound virtual server with the line in its place.
fn configuration(place: &str, line: &str) -> String {
    let line = line.replace(" ; ", "\n");
    let server = |lines: &str| format!("virtual_server 10.0.0.1 80 {{\n{SOUND}{lines}\n}}\n");
    let real = |lines: &str| server(&format!("real_server 10.0.0.2 80 {{\n{lines}\n}}"));
    match place {
        "whole" => line,
        "group" => {
            let server = server("real_server 10.0.0.2 80 {\n}").replace("10.0.0.1 80", "group g");
            format!("virtual_server_group g {{\n{line}\n}}\n{server}")
        }
        "virtual_server" => server(&format!("{line}\nreal_server 10.0.0.2 80 {{\n}}")),
        "real_server" => real(&line),
        "url" => real(&format!("HTTP_GET {{\nurl {{\npath /\n{line}\n}}\n}}")),
        checker => real(&format!("{checker} {{\n{line}\n}}")),
    }
}

#[test]
fn statuses_are_those_of_keepalived_or_have_a_reason() {
    let host = MemoryHost::new();
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in include_str!("lvs-statuses.txt").lines().filter(|row| !row.starts_with('#')) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [place, status, ours, line] = columns.as_slice() else { panic!("not four columns: {row}") };
        let expected = ours.split_once(": ").map_or(*status, |(status, _)| status);
        let loaded = load_str(&host, &configuration(place, line), false);
        let found = loaded.diagnostics.exit_status().to_string();
        if found != expected {
            wrong.push(format!("{place}: {line}: {found} instead of {expected}: {:#?}", loaded.diagnostics));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 600, "only {count} rows");
}
