// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a daemon keeps in memory, as the kernel counts it. Nothing here depends on time.

use std::collections::BTreeMap;

use crate::node::Node;
use crate::site::{Site, eventually};

/// What all processes of an idle daemon may have for themselves, in kB. An unoptimised program has tables of a megabyte that
/// every process fits to itself when it starts.
const IDLE_MAX: u64 = if cfg!(debug_assertions) { 9 * 1024 } else { 3 * 1024 };
/// What the process that answers questions may have for itself while nobody asks, in kB, however the program was built.
const WATCHING_MAX: u64 = 2 * 1024;
/// What a process may have grown by after all reloads, in kB: the flight recorder and the events are kept in rings that take
/// thousands before they are full. A configuration that stays behind at each reload would be several times as much.
const GROWTH_MAX: u64 = 1024;
/// Until here buffers find their size.
const RELOADS_BEFORE: u32 = 10;
const RELOADS: u32 = 50;

/// A router and a server that change, and so many that do not that what a reload left behind would show.
fn configuration(others: u8, number: u8) -> String {
    let router = |name: &str, id: u8, priority: u8, address: &str| {
        format!(
            "vrrp_instance {name} {{\n interface eth0\n version 3\n virtual_router_id {id}\n priority {priority}\n \
             virtual_ipaddress {{\n {address}\n }}\n}}\n"
        )
    };
    let service = |address: &str, weight: u8| {
        format!(
            "virtual_server {address} 80 {{\n protocol TCP\n lvs_sched rr\n lvs_method NAT\n delay_loop 60\n \
             real_server 10.0.0.1 80 {{\n weight {weight}\n TCP_CHECK {{\n }}\n }}\n}}\n"
        )
    };
    let mut text = router("VI_1", 51, number, "10.0.0.100") + &service("10.0.0.100", number);
    for other in 1..=others {
        let address = format!("10.0.1.{other}");
        text += &(router(&format!("VI_more_{other}"), 100 + other, 100, &address) + &service(&address, 1));
    }
    text
}

/// The processes of the daemon on a node.
fn processes(node: &Node) -> Vec<String> {
    node.inside("pgrep -x steadfast").lines().map(str::to_owned).collect()
}

/// A number of kilobytes, summed over lines of a file of a process.
fn kilobytes(node: &Node, file: &str, names: &str) -> u64 {
    let line = format!("awk '/^({names}):/ {{ sum += $2 }} END {{ print sum }}' {file}");
    node.inside(&line).parse().unwrap_or_else(|_| panic!("{file} has no {names}"))
}

/// What a process has for itself.
fn own(node: &Node, process: &str) -> u64 {
    kilobytes(node, &format!("/proc/{process}/smaps_rollup"), "Private_Dirty|Private_Clean")
}

#[test]
fn who_is_not_asked_has_little_memory_with_page_and_numbers_and_after_answers_too() {
    let test = "who_is_not_asked_has_little_memory_with_page_and_numbers_and_after_answers_too";
    let Some(site) = Site::new(test) else { return };
    let doors = "global_defs {\n status_listen 9165\n}\n";
    let daemon = site.lead("", &(doors.to_owned() + &configuration(0, 100)));
    let watcher = || site.a.inside("pgrep -f -- '[-]-role status'").trim().to_owned();
    let little = || own(&site.a, &watcher()) <= WATCHING_MAX;
    eventually("the process that answers", || !watcher().is_empty());
    eventually(&format!("less than {WATCHING_MAX} kB before anybody asks"), little);
    for path in ["/", "/metrics", "/status.json"] {
        let told = crate::ask::get(&site.a, path);
        assert!(told.starts_with("HTTP/1.1 200 OK"), "{told}");
    }
    eventually(&format!("less than {WATCHING_MAX} kB when nobody asks any more"), little);
    assert!(daemon.stop().success());
}

#[test]
fn an_idle_daemon_has_little_memory_of_its_own() {
    let Some(site) = Site::new("an_idle_daemon_has_little_memory_of_its_own") else { return };
    let daemon = site.lead("", &configuration(0, 100));
    eventually("supervisor, routers, checkers and who shows them", || processes(&site.a).len() == 4);
    eventually(&format!("less than {IDLE_MAX} kB"), || {
        let found: Vec<u64> = processes(&site.a).iter().map(|process| own(&site.a, process)).collect();
        found.len() == 4 && found.iter().sum::<u64>() <= IDLE_MAX
    });
    assert!(daemon.stop().success());
}

#[test]
fn no_process_grows_by_being_reloaded() {
    let Some(site) = Site::new("no_process_grows_by_being_reloaded") else { return };
    let daemon = site.lead("", &configuration(30, 100));
    eventually("all processes run", || processes(&site.a).len() == 4);
    let mut epoch = 1;
    let mut reload = |times: u32| {
        for _ in 0..times {
            epoch += 1;
            site.a.reconfigure(&configuration(30, if epoch % 2 == 0 { 101 } else { 100 }));
            daemon.signal("HUP");
            let done = format!("Reload {epoch} complete");
            site.lab.journal.until(&done, |seen| seen.said("a", &done));
        }
    };
    let anonymous = || -> BTreeMap<String, u64> {
        let of = |process: String| (process.clone(), kilobytes(&site.a, &format!("/proc/{process}/status"), "RssAnon"));
        processes(&site.a).into_iter().map(of).collect()
    };
    reload(RELOADS_BEFORE);
    let before = anonymous();
    reload(RELOADS);
    eventually(&format!("each of {before:?} within {GROWTH_MAX} kB of that"), || {
        let now = anonymous();
        now.keys().eq(before.keys()) && now.iter().all(|(process, size)| *size <= before[process] + GROWTH_MAX)
    });
    assert!(daemon.stop().success());
}
