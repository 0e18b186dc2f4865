// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this machine is and what runs on it, for `steadfast doctor`. Reads only; changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{files, process};

/// Of a list of modules, or the rules of a firewall, no more is read.
const TEXT_MAX: u64 = 16 << 20;

/// A program that lists rules may take so many seconds.
const LIST_SECONDS: &str = "5";

/// Parts of the kernel a daemon like ours may want, as the modules they come in are called.
pub const MODULES: [&str; 7] = ["ip_vs", "nf_tables", "macvlan", "ipvlan", "vrf", "af_packet", "inet_diag"];

/// Settings that decide whether a virtual address works.
pub const SETTINGS: [&str; 6] = [
    "net/ipv4/ip_forward",
    "net/ipv4/ip_nonlocal_bind",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/igmp_max_memberships",
    "net/ipv6/conf/all/disable_ipv6",
    "net/ipv4/vs/conntrack",
];

/// How a part of the kernel can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Built in, or loaded.
    Present,
    /// A module that can be loaded.
    Loadable,
    Absent,
    /// Nothing on this machine tells: there is no list of modules for this kernel.
    Unknown,
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    pub release: String,
    pub parts: BTreeMap<&'static str, Part>,
    /// The capabilities this process has.
    pub capabilities: u64,
    pub settings: BTreeMap<&'static str, i64>,
    /// Names of the processes that run.
    pub processes: BTreeSet<String>,
    pub interfaces: BTreeSet<String>,
    /// The rules of the firewall as its own program prints them; `None` when no such program could be asked.
    pub firewall: Option<String>,
    /// Whether the kernel thinks that its clock is kept right.
    pub clock_synchronised: Option<bool>,
    pub real_time_micros: Option<i64>,
}

/// Looks at this machine.
pub fn look() -> Machine {
    let release = text("/proc/sys/kernel/osrelease").trim().to_owned();
    let nft = listed(&["nft", "list", "ruleset"]);
    let mut parts = parts(&release);
    if nft.is_some() {
        parts.insert("nf_tables", Part::Present);
    }
    let status = text("/proc/self/status");
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap_or_default();
    let settings = SETTINGS.iter().filter_map(|name| Some((*name, setting(name)?))).collect();
    let processes = process::scan(0).unwrap_or_default();
    Machine {
        parts,
        release,
        capabilities: u64::from_str_radix(effective.trim(), 16).unwrap_or_default(),
        settings,
        processes: processes.iter().map(|process| String::from_utf8_lossy(&process.name).into_owned()).collect(),
        interfaces: interfaces(),
        firewall: firewall(nft),
        clock_synchronised: clock_synchronised(),
        real_time_micros: setting("kernel/sched_rt_runtime_us"),
    }
}

fn text(path: &str) -> String {
    let bytes = files::read(Path::new(path), TEXT_MAX).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn setting(name: &str) -> Option<i64> {
    text(&format!("/proc/sys/{name}")).trim().parse().ok()
}

fn interfaces() -> BTreeSet<String> {
    let listed = text("/proc/net/dev");
    listed.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim().to_owned()).collect()
}

fn parts(release: &str) -> BTreeMap<&'static str, Part> {
    let loaded = text("/proc/modules");
    let folder = format!("/lib/modules/{release}");
    let builtin = text(&format!("{folder}/modules.builtin"));
    let loadable = text(&format!("{folder}/modules.dep"));
    let found = |name: &'static str| {
        let in_list = |list: &str| {
            list.lines().any(|line| {
                let path = line.split(':').next().unwrap_or_default();
                let file = path.rsplit('/').next().unwrap_or_default();
                file.split('.').next().unwrap_or_default().replace('-', "_") == name
            })
        };
        let is_loaded = loaded.lines().any(|line| line.split(' ').next() == Some(name));
        let part = if proves(name) || is_loaded || in_list(&builtin) {
            Part::Present
        } else if in_list(&loadable) {
            Part::Loadable
        } else if builtin.is_empty() && loadable.is_empty() {
            Part::Unknown
        } else {
            Part::Absent
        };
        (name, part)
    };
    MODULES.into_iter().map(found).collect()
}

/// Traces of parts that are there, module or not.
fn proves(name: &str) -> bool {
    let trace = match name {
        "ip_vs" => "/proc/net/ip_vs",
        "af_packet" => "/proc/net/packet",
        _ => return false,
    };
    Path::new(trace).exists()
}

/// What `nft` and `iptables-save` list.
fn firewall(nft: Option<String>) -> Option<String> {
    let tables = [listed(&["iptables-save"]), listed(&["ip6tables-save"])];
    let texts: Vec<String> = nft.into_iter().chain(tables.into_iter().flatten()).collect();
    if texts.is_empty() { None } else { Some(texts.join("\n")) }
}

fn listed(command: &[&str]) -> Option<String> {
    let mut child = Command::new("timeout")
        .arg(LIST_SECONDS)
        .args(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut bytes = Vec::new();
    // The pipe is closed when enough was read, so a program that lists without end stops.
    let read = child.stdout.take().map(|out| out.take(TEXT_MAX).read_to_end(&mut bytes));
    let status = child.wait().ok()?;
    (status.success() && matches!(read, Some(Ok(_)))).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[allow(unsafe_code)]
fn clock_synchronised() -> Option<bool> {
    // SAFETY: all zeros is a valid timex: modes 0 asks and sets nothing.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a timex that lives for the call.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    (state >= 0).then_some(timex.status & libc::STA_UNSYNC == 0)
}

#[cfg(test)]
mod tests;
