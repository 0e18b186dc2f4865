//! Several workers under one supervisor: each has its process and its PID file, and what becomes of one is no affair of
//! the others.

use std::thread;
use std::time::{Duration, Instant};

use crate::journal::PATIENCE;
use crate::node::{Daemon, Node, Program};
use crate::topology::Lab;

const VRRP: &str = "vrrp_instance VI_1 {\n interface eth0\n version 3\n advert_int 1\n virtual_router_id 51\n \
    virtual_ipaddress {\n 10.0.0.100\n }\n}\n";
const LVS: &str = "virtual_server 10.0.0.100 80 {\n protocol TCP\n lvs_sched rr\n lvs_method NAT\n real_server 10.0.0.200 80 {\n TCP_CHECK {\n }\n }\n}\n";

/// What a shell inside the node prints.
fn inside(node: &Node, line: &str) -> String {
    let output = node.namespace().command("sh").args(["-c", line]).output().expect("nsenter runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[track_caller]
fn eventually(promise: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never came: {promise}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The process a PID file names, when it is a worker of this role.
fn worker(node: &Node, role: &str) -> Option<String> {
    let file = if role == "vrrp" { "vrrp" } else { "checkers" };
    let pid = inside(node, &format!("cat /run/{file}.pid"));
    let words = inside(node, &format!("tr '\\0' ' ' < /proc/{pid}/cmdline; grep '^State:.*Z' /proc/{pid}/status"));
    (words.contains(&format!("--role {role} ")) && !words.contains("State:")).then_some(pid)
}

struct Site {
    lab: Lab,
    a: Node,
}

impl Site {
    fn new(test: &str) -> Option<Site> {
        let mut lab = Lab::new(test)?;
        let lan = lab.segment("lan");
        let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
        Some(Site { lab, a })
    }

    /// Both workers run, and the address is held.
    #[track_caller]
    fn start(&self) -> (Daemon, String, String) {
        let daemon = self.a.start_with(Program::Steadfast, "", &format!("{VRRP}{LVS}"));
        self.lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
        eventually("both workers run", || worker(&self.a, "vrrp").is_some() && worker(&self.a, "checker").is_some());
        let (vrrp, checker) = (worker(&self.a, "vrrp").expect("it ran"), worker(&self.a, "checker").expect("it ran"));
        (daemon, vrrp, checker)
    }
}

/// The checker worker is lost in this way: another one comes, and VRRP does not notice.
#[track_caller]
fn the_checkers_are_replaced(test: &str, signal: &str) {
    let Some(site) = Site::new(test) else { return };
    let (daemon, vrrp, checker) = site.start();
    site.lab.journal.deed(format!("signal {signal} to the checker"));
    inside(&site.a, &format!("kill -s {signal} {checker}"));
    eventually("another checker runs", || worker(&site.a, "checker").is_some_and(|now| now != checker));
    let beat = |frame: &crate::capture::Frame| frame.is_advert("10.0.0.1", 100);
    let seen = site.lab.journal.beats(2, beat).since("to the checker");
    assert!(!seen.frames().any(|frame| frame.is_advert("10.0.0.1", 0)), "VRRP said no goodbye\n{seen}");
    assert!(!seen.said("a", "removed"), "nothing was taken from VRRP\n{seen}");
    assert_eq!(worker(&site.a, "vrrp"), Some(vrrp), "it is the same process\n{seen}");
    assert!(site.a.has("10.0.0.100"));
    assert!(daemon.stop().success());
    assert_eq!(inside(&site.a, "ls /run/*.pid"), "", "the PID files are gone");
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
    let (daemon, vrrp, checker) = site.start();
    inside(&site.a, &format!("kill -s KILL {vrrp}"));
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
    assert_eq!(inside(&site.a, "cat /run/checkers.pid"), inside(&site.a, "cat /run/keepalived.pid"));
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
            let shown = inside(&site.a, roles).contains("--role status");
            shown && wanted.iter().all(|role| worker(&site.a, role).is_some())
        });
        let names = inside(&site.a, "cd /run && ls *.pid");
        let workers = inside(&site.a, roles);
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
