// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our daemon beside vrrpd of FRR.
//!
//! vrrpd finds its virtual interface by the MAC and expects the addresses on it; a backup's interface is set down by its
//! protocol. So the kernel always lists the addresses there, and who is master is asked of vrrpd itself.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Outcome, all_is_asked_for, loudly, outcome, play_all, priority, table};
use crate::journal::{PATIENCE, Reading};
use crate::node::{Daemon, Node, Program};
use crate::topology::{Lab, Segment};

pub const VRRPD: &str = "/usr/lib/frr/vrrpd";
const ZEBRA: &str = "/usr/lib/frr/zebra";
const VRID: u8 = 51;

#[derive(Clone, Copy, Debug)]
pub struct FrrRow {
    pub version: u8,
    pub ipv6: bool,
    pub we_lead: bool,
}

impl FrrRow {
    /// Version 2 is of IPv4 for FRR.
    fn all() -> Vec<FrrRow> {
        let protocols = [(2, false), (3, false), (3, true)];
        let both = |(version, ipv6)| [true, false].map(|we_lead| FrrRow { version, ipv6, we_lead });
        protocols.into_iter().flat_map(both).collect()
    }

    fn addresses(self) -> &'static [&'static str] {
        if self.ipv6 { &["fe80::1:100", "fd00::100"] } else { &["10.0.0.100"] }
    }

    fn ours(self, node: u8) -> String {
        let interval = if self.version == 3 { "0.2" } else { "1" };
        format!(
            "vrrp_instance VI_1 {{\n interface eth0\n use_vmac\n version {}\n advert_int {interval}\n \
             virtual_router_id {VRID}\n priority {}\n virtual_ipaddress {{\n {}\n }}\n}}\n",
            self.version,
            priority(node),
            self.addresses().join("\n ")
        )
    }

    fn theirs(self, node: u8) -> String {
        let (version, priority) = (self.version, priority(node));
        let interval = if version == 3 { 200 } else { 1000 };
        let mut text = format!(
            "interface eth0\n vrrp {VRID} version {version}\n vrrp {VRID} priority {priority}\n \
             vrrp {VRID} advertisement-interval {interval}\n"
        );
        let word = if self.ipv6 { "ipv6" } else { "ip" };
        for address in self.addresses() {
            text += &format!(" vrrp {VRID} {word} {address}\n");
        }
        text
    }
}

enum Speaker {
    Ours(Daemon),
    Theirs,
}

struct Stage<'a> {
    row: FrrRow,
    lab: Lab,
    lan: Segment,
    nodes: [Node; 2],
    steps: &'a Mutex<Vec<&'static str>>,
}

impl<'a> Stage<'a> {
    fn new(row: FrrRow, steps: &'a Mutex<Vec<&'static str>>) -> Option<Stage<'a>> {
        let mut lab = Lab::new(&format!("interop {row:?}"))?;
        let lan = lab.segment("lan");
        let a = lab.node_on(&lan, "a", &["10.0.0.1/24", "fd00::1/64"]);
        let b = lab.node_on(&lan, "b", &["10.0.0.2/24", "fd00::2/64"]);
        let stage = Stage { row, lab, lan, nodes: [a, b], steps };
        stage.prepare(if row.we_lead { 1 } else { 0 });
        Some(stage)
    }

    /// The virtual interface and the routing daemon that vrrpd needs.
    fn prepare(&self, node: usize) {
        let family = if self.row.ipv6 { 2 } else { 1 };
        let node = &self.nodes[node];
        node.run("ip link add vrrp link eth0 type macvlan mode bridge");
        node.run(&format!("ip link set vrrp address 00:00:5e:00:0{family}:{VRID:02x} addrgenmode none"));
        let width = if self.row.ipv6 { 64 } else { 32 };
        for address in self.row.addresses() {
            node.run(&format!("ip addr add {address}/{width} dev vrrp"));
        }
        if self.row.ipv6 {
            // Adverts leave with it: one derived from the shared MAC would be everybody's.
            node.run(&format!("ip addr add fe80::f:{}/64 dev vrrp", node.number()));
        }
        node.run("ip link set vrrp up");
        // FRR keeps notes for crashes below /var/tmp.
        self.inside(node, "mount -t tmpfs tmpfs /var/tmp && mkdir -p /run/frr && : > /run/frr/zebra.conf && chown -R frr:frr /run/frr");
        let zebra = format!("{ZEBRA} -d -f /run/frr/zebra.conf -i /run/frr/zebra.pid {COMMON}");
        self.inside(node, &zebra);
    }

    #[track_caller]
    fn inside(&self, node: &Node, line: &str) {
        let mut command = node.namespace().command("sh");
        let status = command.args(["-c", line]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.expect("nsenter runs").success(), "`{line}` failed");
    }

    fn is_ours(&self, node: usize) -> bool {
        (node == 0) == self.row.we_lead
    }

    fn start(&self, node: usize) -> Speaker {
        let (at, number) = (&self.nodes[node], node as u8 + 1);
        if self.is_ours(node) {
            return Speaker::Ours(at.start(Program::Steadfast, &self.row.ours(number)));
        }
        std::fs::write(at.namespace().path("root/run/frr/vrrpd.conf"), self.row.theirs(number)).expect("writing");
        self.inside(at, "chown frr:frr /run/frr/vrrpd.conf");
        self.inside(at, &format!("{VRRPD} -d -f /run/frr/vrrpd.conf -i /run/frr/vrrpd.pid {COMMON}"));
        Speaker::Theirs
    }

    fn stop(&self, speaker: Speaker, node: usize) {
        match speaker {
            Speaker::Ours(daemon) => assert!(daemon.stop().success()),
            Speaker::Theirs => {
                self.inside(&self.nodes[node], "kill $(cat /run/frr/vrrpd.pid)");
            }
        }
        self.lab.journal.until("it says goodbye", |seen| {
            let goodbye = |advert: &crate::capture::Advert| advert.vrid == VRID && advert.priority == 0;
            seen.since(self.last_step()).frames().any(|frame| frame.advert().is_some_and(goodbye))
        });
    }

    fn step(&self, what: &'static str) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        self.lab.journal.deed(what);
    }

    fn last_step(&self) -> &'static str {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).last().copied().unwrap_or_default()
    }

    /// This node alone speaks, ours has the addresses exactly when it is the one, and vrrpd says the same of itself.
    #[track_caller]
    fn settles_on(&self, node: usize, ask_them: bool) {
        let priority = priority(node as u8 + 1);
        let ours = if self.is_ours(0) { "a" } else { "b" };
        self.lab.journal.until(&format!("priority {priority} alone: {}", self.last_step()), |seen: &Reading| {
            let since = seen.since(self.last_step());
            let heard: Vec<_> =
                since.frames().filter_map(|frame| frame.advert()).map(|advert| advert.priority).collect();
            let alone = heard.len() >= 3 && heard.iter().rev().take(3).all(|heard| *heard == priority);
            let has = |address: &str| seen.holders(address).iter().any(|holder| holder == ours);
            alone && self.row.addresses().iter().all(|address| has(address) == self.is_ours(node))
        });
        if ask_them {
            self.they_say(if self.is_ours(node) { "Backup" } else { "Master" });
        }
    }

    #[track_caller]
    fn they_say(&self, status: &str) {
        let node = &self.nodes[if self.is_ours(0) { 1 } else { 0 }];
        let (start, family) = (Instant::now(), if self.row.ipv6 { "\"v6\":{" } else { "\"v4\":{" });
        let wanted = format!("\"status\":\"{status}\"");
        loop {
            let mut command = node.namespace().command("vtysh");
            let said = command.args(["--vty_socket", "/run/frr", "-c", "show vrrp json"]).output().expect("vtysh runs");
            let said: String = String::from_utf8_lossy(&said.stdout).split_whitespace().collect();
            let of_family =
                said.split_once(family).map_or("", |(_, rest)| rest.split_once('}').map_or("", |(it, _)| it));
            if of_family.contains(&wanted) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "vrrpd never says {status}: {said}\n{}", self.lab.journal.read());
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn play(&self) {
        self.step("election");
        let b = self.start(1);
        let a = self.start(0);
        self.settles_on(0, true);
        self.step("stop");
        self.stop(a, 0);
        // Whoever is stopped cannot be asked.
        self.settles_on(1, self.is_ours(0));
        self.step("return");
        let a = self.start(0);
        self.settles_on(0, true);
        self.step("link loss");
        self.lab.unplug(&self.nodes[0], &self.lan);
        // vrrpd goes on believing itself the master of a link that is down.
        self.settles_on(1, self.is_ours(0));
        self.step("link back");
        self.lab.plug(&self.nodes[0], &self.lan);
        self.settles_on(0, true);
        self.step("end");
        self.stop(a, 0);
        self.settles_on(1, self.is_ours(0));
        self.stop(b, 1);
    }
}

/// Sockets and terminals of one node's daemons.
const COMMON: &str = "-z /run/frr/zserv.api --vty_socket /run/frr -P 0";

fn play(row: FrrRow) -> Option<Outcome> {
    outcome(|steps| Stage::new(row, steps).map(|stage| stage.play()))
}

#[test]
fn we_and_frr_agree() {
    let vtysh = Command::new("vtysh").arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !Path::new(VRRPD).exists() || !Path::new(ZEBRA).exists() || vtysh.is_err() {
        loudly(
            "SKIPPED we_and_frr_agree: vrrpd of FRR is not installed (Debian package frr); `make interop` installs it",
        );
        return;
    }
    let outcomes = play_all(&FrrRow::all(), play);
    table::keep("frr", &table::frr(&outcomes), all_is_asked_for());
    table::judge(&outcomes);
}
