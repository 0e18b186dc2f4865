// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several workers under one supervisor: each has its process and its PID file, and what becomes of one is no affair of
//! the others.

use crate::node::{Daemon, Node, Program};
use crate::site::{Site, eventually};

const VRRP: &str = "vrrp_instance VI_1 {\n interface eth0\n version 3\n advert_int 1\n virtual_router_id 51\n \
    virtual_ipaddress {\n 10.0.0.100\n }\n}\n";
const LVS: &str = "virtual_server 10.0.0.100 80 {\n protocol TCP\n lvs_sched rr\n lvs_method NAT\n real_server 10.0.0.200 80 {\n TCP_CHECK {\n }\n }\n}\n";

/// The process a PID file names, when it is a worker of this role.
fn worker(node: &Node, role: &str) -> Option<String> {
    let file = if role == "vrrp" { "vrrp" } else { "checkers" };
    let pid = node.inside(&format!("cat /run/{file}.pid"));
    let words = node.inside(&format!("tr '\\0' ' ' < /proc/{pid}/cmdline; grep '^State:.*Z' /proc/{pid}/status"));
    (words.contains(&format!("--role {role} ")) && !words.contains("State:")).then_some(pid)
}

/// Both workers run, and the address is held.
#[track_caller]
fn start(site: &Site) -> (Daemon, String, String) {
    let daemon = site.lead("", &format!("{VRRP}{LVS}"));
    eventually("both workers run", || worker(&site.a, "vrrp").is_some() && worker(&site.a, "checker").is_some());
    let (vrrp, checker) = (worker(&site.a, "vrrp").expect("it ran"), worker(&site.a, "checker").expect("it ran"));
    (daemon, vrrp, checker)
}

/// The checker worker is lost in this way: another one comes, and VRRP does not notice.
#[track_caller]
fn the_checkers_are_replaced(test: &str, signal: &str) {
    let Some(site) = Site::new(test) else { return };
    let (daemon, vrrp, checker) = start(&site);
    site.lab.journal.deed(format!("signal {signal} to the checker"));
    site.a.inside(&format!("kill -s {signal} {checker}"));
    eventually("another checker runs", || worker(&site.a, "checker").is_some_and(|now| now != checker));
    let beat = |frame: &crate::capture::Frame| frame.is_advert("10.0.0.1", 100);
    let seen = site.lab.journal.beats(2, beat).since("to the checker");
    assert!(!seen.frames().any(|frame| frame.is_advert("10.0.0.1", 0)), "VRRP said no goodbye\n{seen}");
    assert!(!seen.said("a", "removed"), "nothing was taken from VRRP\n{seen}");
    assert_eq!(worker(&site.a, "vrrp"), Some(vrrp), "it is the same process\n{seen}");
    assert!(site.a.has("10.0.0.100"));
    assert!(daemon.stop().success());
    assert_eq!(site.a.inside("ls /run/*.pid"), "", "the PID files are gone");
    assert!(!site.a.has("10.0.0.100"));
}

#[test]
fn checkers_that_are_killed_are_replaced_and_vrrp_goes_on() {
    the_checkers_are_replaced("checkers_that_are_killed_are_replaced_and_vrrp_goes_on", "KILL");
}

#[test]
fn checkers_that_hang_are_replaced_and_vrrp_goes_on() {
    the_checkers_are_replaced("checkers_that_hang_are_replaced_and_vrrp_goes_on", "STOP");
}

#[test]
fn a_vrrp_worker_that_dies_leaves_the_checkers_alone() {
    let Some(site) = Site::new("a_vrrp_worker_that_dies_leaves_the_checkers_alone") else { return };
    let (daemon, vrrp, checker) = start(&site);
    site.a.inside(&format!("kill -s KILL {vrrp}"));
    eventually("another VRRP worker runs", || worker(&site.a, "vrrp").is_some_and(|now| now != vrrp));
    assert_eq!(worker(&site.a, "checker"), Some(checker));
    assert!(daemon.stop().success());
}

#[test]
fn every_worker_hears_of_a_reload_and_one_that_had_nothing_to_do_starts() {
    let test = "every_worker_hears_of_a_reload_and_one_that_had_nothing_to_do_starts";
    let Some(site) = Site::new(test) else { return };
    let daemon = site.a.start_with(Program::Steadfast, "", VRRP);
    eventually("VRRP runs", || worker(&site.a, "vrrp").is_some());
    assert_eq!(site.a.inside("cat /run/checkers.pid"), site.a.inside("cat /run/keepalived.pid"));
    site.a.reconfigure(&format!("{VRRP}{LVS}"));
    daemon.signal("HUP");
    eventually("the checkers run", || worker(&site.a, "checker").is_some());
    let before = (worker(&site.a, "vrrp"), worker(&site.a, "checker"));
    site.lab.journal.until("done", |seen| seen.said("a", "Reload 2 complete"));
    daemon.signal("HUP");
    site.lab.journal.until("both answered", |seen| seen.said("a", "Reload 3 complete"));
    assert_eq!((worker(&site.a, "vrrp"), worker(&site.a, "checker")), before);
    assert!(daemon.stop().success());
}

#[test]
fn the_command_line_decides_which_workers_there_are() {
    let Some(site) = Site::new("the_command_line_decides_which_workers_there_are") else { return };
    let both = format!("{VRRP}{LVS}");
    let files = |options: &str, configuration: &str, wanted: &[&str]| {
        let daemon = site.a.start_with(Program::Steadfast, options, configuration);
        let roles = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o -e '--role [a-z][a-z]*' | sort -u";
        eventually("they run", || {
            // Nobody's PID file names the one that shows what the others do.
            let shown = site.a.inside(roles).contains("--role status");
            shown && wanted.iter().all(|role| worker(&site.a, role).is_some())
        });
        let names = site.a.inside("cd /run && ls *.pid");
        let workers = site.a.inside(roles);
        assert!(daemon.stop().success());
        format!("{} / {}", names.replace('\n', " "), workers.replace("--role ", "").replace('\n', " "))
    };
    let files_of_all = "checkers.pid keepalived.pid vrrp.pid";
    assert_eq!(files("--vrrp", &both, &["vrrp"]), "keepalived.pid vrrp.pid / status vrrp");
    assert_eq!(files("--check", &both, &["checker"]), "checkers.pid keepalived.pid / checker status");
    assert_eq!(files("", &both, &["vrrp", "checker"]), format!("{files_of_all} / checker status vrrp"));
    assert_eq!(files("", LVS, &["checker"]), format!("{files_of_all} / checker status"));
    assert_eq!(files("--all", LVS, &["vrrp", "checker"]), format!("{files_of_all} / checker status vrrp"));
}
