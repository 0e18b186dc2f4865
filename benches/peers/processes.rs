// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the processes of a node cost.

use std::fs;

use crate::node::Node;

/// Sums over every process of the daemon on a node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub processes: usize,
    /// Of both kinds, in seconds.
    pub cpu: f64,
    /// Private and its share of what is shared, in kilobytes.
    pub pss: f64,
    pub private: f64,
    /// How often they went to sleep of their own accord.
    pub sleeps: f64,
}

impl Cost {
    /// What was spent since an earlier look; memory is what it is now.
    pub fn since(self, before: Cost) -> Cost {
        Cost { cpu: self.cpu - before.cpu, sleeps: self.sleeps - before.sleeps, ..self }
    }
}

fn read(pid: u32, file: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

/// The processes of the daemon on a node as this process numbers them, the oldest first.
pub fn numbers(node: &Node) -> Vec<u32> {
    let home = fs::read_link(node.namespace().path("ns/pid_for_children")).expect("a namespace");
    let mut found: Vec<u32> = fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|place| place == home))
        .filter(|pid| matches!(read(*pid, "comm").trim(), "steadfast" | "keepalived" | "steadfast-web"))
        .collect();
    found.sort_by_key(|pid| stat(*pid).get(19).and_then(|started| started.parse::<u64>().ok()));
    found
}

/// The fields of `stat` after the name; the first is the state.
fn stat(pid: u32) -> Vec<String> {
    let line = read(pid, "stat");
    let after_name = line.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().map(str::to_owned).collect()
}

/// The process that speaks VRRP: ours says so on its command line; theirs is the oldest child.
pub fn vrrp_worker(node: &Node) -> Option<u32> {
    let all = numbers(node);
    all.iter().copied().find(|pid| read(*pid, "cmdline").contains("--role\0vrrp")).or(all.get(1).copied())
}

/// How many of them are neither stopped nor dead.
pub fn awake(node: &Node) -> usize {
    numbers(node)
        .into_iter()
        .filter(|pid| stat(*pid).first().is_some_and(|state| !"TtZX".contains(state.as_str())))
        .count()
}

/// Of all its threads, as the scheduler counts it: finer than the ticks of `stat`.
pub fn seconds_on_a_core(pid: u32) -> f64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return 0.0 };
    let spent = |thread: fs::DirEntry| -> Option<f64> {
        fs::read_to_string(thread.path().join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
    };
    threads.flatten().filter_map(spent).sum::<f64>() / 1e9
}

pub fn cost(node: &Node) -> Cost {
    let mut sum = Cost::default();
    for pid in numbers(node) {
        let read = |file: &str| read(pid, file);
        let rollup = read("smaps_rollup");
        let memory = |name: &str| number_after(&rollup, name);
        sum.processes += 1;
        sum.cpu += seconds_on_a_core(pid);
        sum.pss += memory("Pss:");
        sum.private += memory("Private_Dirty:") + memory("Private_Clean:");
        sum.sleeps += number_after(&read("status"), "voluntary_ctxt_switches:");
    }
    sum
}

fn number_after(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}
