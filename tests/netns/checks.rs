// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real servers that are watched: what a failure and a recovery say to the log, to scripts and to the pipe, and what a
//! reload leaves as it was. None of this needs a load balancer in the kernel.

use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::node::{Daemon, Node, Program};
use crate::site::Site;

pub const VS: &str = "[192.0.2.10]:tcp:80";

/// A server that takes connections until it is dropped.
struct Server {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(node: &Node, port: u16) -> Server {
        let listener = node.namespace().enter(|| TcpListener::bind(("10.0.0.1", port))).expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not wait");
        let ends = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                let _ = listener.accept();
                thread::sleep(Duration::from_millis(5));
            }
        });
        Server { ends, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A real server on the node with these lines more.
fn real_server(port: u16, more: &str) -> String {
    format!("real_server 10.0.0.1 {port} {{\n{more}\nTCP_CHECK {{\n connect_timeout 1\n }}\n}}\n")
}

/// A virtual server that checks five times a second, with these lines and servers.
pub fn virtual_server(lines: &str) -> String {
    format!(
        "virtual_server 192.0.2.10 80 {{\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n delay_loop 0.2\n warmup 0\n retry 1\n \
         delay_before_retry 0.1\n{lines}}}\n"
    )
}

impl Site {
    pub fn start(&self, configuration: &str) -> Daemon {
        self.a.start_with(Program::Steadfast, "--check", configuration)
    }

    #[track_caller]
    pub fn until(&self, promise: &str, part: &str) {
        self.lab.journal.until(promise, |seen| seen.said("a", part));
    }

    #[track_caller]
    pub fn until_since(&self, mark: &str, part: &str) {
        self.lab.journal.until(part, |seen| seen.since(mark).said("a", part));
    }

    /// What a shell inside the node prints.
    pub fn inside(&self, line: &str) -> String {
        let output = self.a.namespace().command("sh").args(["-c", line]).output().expect("nsenter runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A command that runs until the lab ends.
    pub fn beside(&self, line: &str) -> Child {
        let mut command = self.a.namespace().command("sh");
        command.args(["-c", line]).stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("nsenter runs")
    }

    /// A script that appends its name to a file.
    pub fn script(&self, name: &str) -> String {
        self.inside(&format!("printf '#!/bin/sh\\necho {name} >> /run/told\\n' > /run/{name}; chmod 755 /run/{name}"));
        format!("/run/{name} root")
    }
}

#[test]
fn a_server_that_dies_and_returns_is_told_to_log_scripts_and_pipe_in_order() {
    let test = "a_server_that_dies_and_returns_is_told_to_log_scripts_and_pipe_in_order";
    let Some(site) = Site::new(test) else { return };
    let server = Server::start(&site.a, 8001);
    let [up, down, gained, lost] = ["up", "down", "gained", "lost"].map(|name| site.script(name));
    let configuration = format!(
        "global_defs {{\n lvs_notify_fifo /run/lvs.fifo\n}}\n{}",
        virtual_server(&format!(
            "quorum_up {gained}\nquorum_down {lost}\n{}",
            real_server(8001, &format!("notify_up {up}\nnotify_down {down}"))
        ))
    );
    site.inside("mkfifo -m 600 /run/lvs.fifo");
    let mut reader = site.beside("exec cat /run/lvs.fifo > /run/lines");
    let daemon = site.start(&configuration);
    site.until("the first check", "TCP connection to [10.0.0.1]:tcp:8001 success.");
    site.until("the quorum", &format!("Gained quorum 1+0=1 <= 1 for VS {VS}"));

    site.lab.journal.deed("the server dies");
    drop(server);
    site.until_since("dies", "TCP_CHECK on service [10.0.0.1]:tcp:8001 failed after 1 retries. (connection refused)");
    site.until_since("dies", &format!("Removing service [10.0.0.1]:tcp:8001 from VS {VS}"));
    site.until_since("dies", &format!("Lost quorum 1-0=1 > 0 for VS {VS}"));

    site.lab.journal.deed("the server returns");
    let _server = Server::start(&site.a, 8001);
    site.until_since("returns", &format!("Adding service [10.0.0.1]:tcp:8001 to VS {VS}"));
    site.until_since("returns", &format!("Gained quorum 1+0=1 <= 1 for VS {VS}"));
    assert!(daemon.stop().success());
    let _ = reader.kill();
    let _ = reader.wait();

    let rs = format!("RS [10.0.0.1]:tcp:8001 {VS}");
    let lines = [
        format!("VS {VS} UP"),
        format!("{rs} DOWN"),
        format!("VS {VS} DOWN"),
        format!("{rs} UP"),
        format!("VS {VS} UP"),
    ];
    let expected: String = lines.iter().map(|line| format!("{line}\n\0")).collect();
    assert_eq!(site.inside("cat /run/lines"), expected);
    let mut told: Vec<String> = site.inside("cat /run/told").lines().map(str::to_owned).collect();
    assert_eq!(told.iter().filter(|name| *name == "gained").count(), 2, "{told:?}");
    told.sort();
    assert_eq!(told, ["down", "gained", "gained", "lost", "up"]);
}

#[test]
fn a_reload_leaves_what_is_known_of_servers_as_it_is() {
    let Some(site) = Site::new("a_reload_leaves_what_is_known_of_servers_as_it_is") else { return };
    let _server = Server::start(&site.a, 8001);
    let both = virtual_server(&format!("{}{}", real_server(8001, ""), real_server(8002, "")));
    let daemon = site.start(&both);
    site.until("the dead one is known", &format!("Removing service [10.0.0.1]:tcp:8002 from VS {VS}"));
    site.until("the live one is known", "TCP connection to [10.0.0.1]:tcp:8001 success");

    daemon.signal("HUP");
    site.until("the reload", "Reload 2 complete");
    // The checks after it say nothing new.
    thread::sleep(Duration::from_millis(2500));
    let seen = site.lab.journal.read().since("HUP");
    for part in ["Adding service", "Removing service", "quorum", "Activating", "TCP"] {
        assert!(!seen.said("a", part), "an unchanged configuration changes nothing: `{part}`\n{seen}");
    }

    site.lab.journal.deed("the dead server is taken out of the file");
    site.a.reconfigure(&virtual_server(&real_server(8001, "")));
    daemon.signal("HUP");
    site.until("the second reload", "Reload 3 complete");
    site.until_since("taken out", "service [10.0.0.1]:tcp:8002 no longer exist");
    let seen = site.lab.journal.read().since("taken out");
    assert!(!seen.said("a", "quorum"), "the other one serves as before\n{seen}");
    assert!(daemon.stop().success());
}

#[test]
fn a_reload_with_an_error_changes_nothing() {
    let Some(site) = Site::new("a_reload_with_an_error_changes_nothing") else { return };
    let server = Server::start(&site.a, 8001);
    let daemon = site.start(&virtual_server(&real_server(8001, "")));
    site.until("the first check", "TCP connection to [10.0.0.1]:tcp:8001 success.");
    site.a.reconfigure(&virtual_server(&real_server(8001, "weight nonsense")));
    daemon.signal("HUP");
    site.until("the refusal", "reload refused, nothing changed");
    drop(server);
    site.until_since("HUP", &format!("Removing service [10.0.0.1]:tcp:8001 from VS {VS}"));
    assert!(daemon.stop().success());
}

#[test]
fn the_number_in_a_file_is_weight_or_failure() {
    let Some(site) = Site::new("the_number_in_a_file_is_weight_or_failure") else { return };
    site.inside("echo 2 > /run/weight; echo 0 > /run/failure");
    let file = |name: &str, weight: u8| format!("FILE_CHECK {{\n track_file {name}\n weight {weight}\n}}\n");
    let configuration = format!(
        "track_file weight {{\n file /run/weight\n}}\ntrack_file failure {{\n file /run/failure\n}}\n{}",
        virtual_server(&format!(
            "real_server 10.0.0.1 8001 {{\n weight 5\n{}{}}}\n",
            file("weight", 3),
            file("failure", 0)
        ))
    );
    let daemon = site.start(&configuration);
    site.until("the quorum", &format!("Gained quorum 1+0=1 <= 11 for VS {VS}"));
    site.inside("echo 4 > /run/weight");
    site.until("the weight", "Changing weight from 11 to 17 for active service [10.0.0.1]:tcp:8001 of VS");
    site.inside("echo 1 > /run/failure");
    site.until("the failure", &format!("Lost quorum 1-0=1 > 0 for VS {VS}"));
    assert!(daemon.stop().success());
}

#[test]
fn servers_of_an_address_that_is_elsewhere_are_not_checked() {
    let Some(site) = Site::new("servers_of_an_address_that_is_elsewhere_are_not_checked") else { return };
    let daemon = site.start(&virtual_server(&format!("ha_suspend\n{}", real_server(8001, ""))));
    site.until("they rest", &format!("Suspending healthcheckers for VS {VS}"));
    thread::sleep(Duration::from_millis(2500));
    assert!(!site.lab.journal.read().said("a", "TCP_CHECK"), "nothing was checked");
    site.a.operator("ip addr add 192.0.2.10/32 dev lo");
    site.until("they are checked", "TCP_CHECK on service [10.0.0.1]:tcp:8001 failed");

    daemon.signal("HUP");
    site.until("the reload", "Reload 2 complete");
    let ticks = || -> u64 {
        let stat = site.inside("cat /proc/$(cat /run/checkers.pid)/stat");
        let after = stat.rsplit(')').next().expect("a state");
        after.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    };
    let before = ticks();
    thread::sleep(Duration::from_secs(2));
    // A loop that goes round and round takes all there is.
    assert!(ticks() - before < 100, "the checker rests after a reload");
    assert!(daemon.stop().success());
}

#[test]
fn the_reader_of_a_pipe_for_both_workers_is_started_once() {
    let Some(site) = Site::new("the_reader_of_a_pipe_for_both_workers_is_started_once") else { return };
    site.a.script("reader", "echo started >> /run/readers\nexec sleep 1000");
    let pipe = "global_defs {\n enable_script_security\n script_user root\n notify_fifo /run/all.fifo\n \
                notify_fifo_script /run/reader\n}\nvrrp_instance A {\n interface eth0\n virtual_router_id 51\n \
                virtual_ipaddress {\n 10.0.0.100/24\n }\n}\n";
    let both = format!("{pipe}{}", virtual_server(&real_server(8001, "")));
    let daemon = site.a.start_with(Program::Steadfast, "", &both);
    site.lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    site.until("it is checked", "TCP_CHECK on service [10.0.0.1]:tcp:8001 failed");
    site.shows("cat /run/readers", "started");
    daemon.signal("HUP");
    site.until("the reload", "Reload 2 complete");
    assert_eq!(site.inside("cat /run/readers").trim(), "started", "by one worker, and once");
    assert!(daemon.stop().success());
}
