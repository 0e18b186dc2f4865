// SPDX-License-Identifier: MIT OR Apache-2.0
use std::net::SocketAddr;

use super::super::testing::{checker, tools, verdict};
use super::super::{Finding, probe};
use crate::proto::health::Verdict;

const CHECK: &str = "PING_CHECK {\n connect_timeout 0.5\n}";

/// Whether this machine lets us ping at all: as root, or where net.ipv4.ping_group_range says so.
fn may_ping(finding: &(Verdict, String)) -> bool {
    if finding.0 == Verdict::NotChecked && finding.1.starts_with("opening an ICMP socket") {
        println!("skipped: {}", finding.1);
        return false;
    }
    true
}

#[tokio::test]
async fn host_that_replies_is_well_in_both_families() {
    for address in ["127.0.0.1:9", "[::1]:9"] {
        let address: SocketAddr = address.parse().unwrap();
        let finding = verdict(CHECK, address).await;
        if may_ping(&finding) {
            assert_eq!(finding, (Verdict::Good(None), String::new()), "{address}");
        }
    }
}

#[tokio::test]
async fn many_pings_at_once_each_get_their_own_reply() {
    let tools = tools();
    let checker = checker(CHECK, "127.0.0.1:9".parse().unwrap());
    let (a, b, c) = tokio::join!(probe(&checker, 0, &tools), probe(&checker, 0, &tools), probe(&checker, 0, &tools));
    for Finding { verdict, why } in [a, b, c] {
        if may_ping(&(verdict, why.clone())) {
            assert_eq!(verdict, Verdict::Good(None), "{why}");
        }
    }
}

#[tokio::test]
async fn source_address_we_do_not_have_says_nothing_about_the_server() {
    let check = "PING_CHECK {\n bindto 192.0.2.77\n connect_timeout 0.5\n}";
    let finding = verdict(check, "127.0.0.1:9".parse().unwrap()).await;
    if may_ping(&finding) {
        assert_eq!(finding.0, Verdict::NotChecked);
        assert!(finding.1.starts_with("binding to 192.0.2.77"), "{}", finding.1);
    }
}
