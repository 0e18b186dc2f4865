// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the daemon promises whoever starts it: names, places, scripts of its own, rights, and word to a service manager.

use std::os::unix::net::UnixDatagram;

use crate::journal::PATIENCE;
use crate::node::{Daemon, Program};
use crate::site::{SECURE, Site};

const INSTANCE: &str = "vrrp_instance VI_1 {\n interface eth0\n version 3\n advert_int 0.2\n virtual_router_id 51\n \
    virtual_ipaddress {\n 10.0.0.100\n }\n}\n";

/// Starts our daemon with these lines before those that make it master, and waits until it is.
#[track_caller]
fn start(site: &Site, options: &str, before: &str) -> Daemon {
    site.lead(options, &format!("{before}{INSTANCE}"))
}

#[test]
fn a_named_instance_has_its_own_pid_files_process_names_and_log() {
    let Some(site) = Site::new("a_named_instance_has_its_own_pid_files_process_names_and_log") else { return };
    let before = "instance red\nglobal_defs {\n process_name kd-main\n vrrp_process_name kd-vrrp\n}\n";
    let daemon = start(&site, "--vrrp -g/run/k.log", before);
    site.shows("ls /run/keepalived", "keepalived_red.pid\nkeepalived_red.sock\nvrrp_red.pid");
    site.shows("cat /proc/$(cat /run/keepalived/keepalived_red.pid)/comm", "kd-main");
    site.shows("cat /proc/$(cat /run/keepalived/vrrp_red.pid)/comm", "kd-vrrp");
    site.shows("grep -c 'Entering MASTER' /run/k_vrrp_red.log", "1");
    assert!(daemon.stop().success());
    site.shows("ls -d /run/keepalived 2>/dev/null", "");
}

#[test]
fn a_daemon_of_a_namespace_lives_and_holds_its_addresses_there() {
    let Some(site) = Site::new("a_daemon_of_a_namespace_lives_and_holds_its_addresses_there") else { return };
    site.a.inside("mkdir -p /run/netns && ip netns add blue && ip -n blue link add eth0 type veth peer name peer0");
    site.a.inside("ip -n blue link set lo up; ip -n blue link set peer0 up; ip -n blue link set eth0 up");
    site.a.inside("ip -n blue addr add 10.9.0.1/24 dev eth0");
    let daemon = site.a.start_with(Program::Steadfast, "--vrrp -s blue", INSTANCE);
    let journal = &site.lab.journal;
    journal.until("it is master", |seen| seen.said("a", "Entering MASTER"));
    site.shows("ip -n blue -o addr show to 10.0.0.100 | wc -l", "1");
    assert!(!site.a.has("10.0.0.100"), "the node's own network has nothing of it");
    // Seen from outside, its PID files are in a folder of its own.
    site.shows("ls /run/keepalived/blue", "keepalived.pid\nkeepalived.sock\nvrrp.pid");
    assert!(daemon.stop().success());
    site.shows("ip -n blue -o addr show to 10.0.0.100 | wc -l", "0");
    site.shows("ls -d /run/keepalived 2>/dev/null", "");
}

#[test]
fn scripts_of_the_daemon_run_first_and_last_and_cannot_hold_it_up() {
    let Some(site) = Site::new("scripts_of_the_daemon_run_first_and_last_and_cannot_hold_it_up") else { return };
    site.a.inside(
        "printf '#!/bin/sh\\ncat /run/vrrp.pid >/run/first; exit 3\\n' >/run/first.sh; chmod 755 /run/first.sh",
    );
    site.a.inside(
        "printf '#!/bin/sh\\nls /run/keepalived.pid >/run/last; sleep 1000\\n' >/run/last.sh; chmod 755 /run/last.sh",
    );
    let before = "global_defs {\n enable_script_security\n script_user root\n startup_script /run/first.sh\n \
        shutdown_script /run/last.sh\n shutdown_script_timeout 1\n}\n";
    let daemon = start(&site, "--vrrp", before);
    let seen = site.lab.journal.read();
    assert!(seen.said("a", "startup script /run/first.sh ended with status 3"), "{seen}");
    site.shows("cmp /run/first /run/keepalived.pid && echo before any worker", "before any worker");
    assert!(daemon.stop().success());
    let seen = site.lab.journal.read();
    assert!(seen.said("a", "shutdown script /run/last.sh took longer than 1 s"), "{seen}");
    site.shows("cat /run/last", "/run/keepalived.pid");
    assert!(!site.a.has("10.0.0.100"), "it was gone before");
}

#[test]
fn a_service_manager_hears_when_the_daemon_is_ready_reloads_and_stops() {
    let Some(site) = Site::new("a_service_manager_hears_when_the_daemon_is_ready_reloads_and_stops") else { return };
    let path = site.a.namespace().path("root/run/notify");
    let manager = UnixDatagram::bind(&path).expect("a socket in the node");
    manager.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    let hear = |wanted: &str| {
        let mut bytes = [0; 512];
        loop {
            let length = manager.recv(&mut bytes).unwrap_or_else(|_| panic!("never heard {wanted}"));
            let said = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if said.starts_with(wanted) {
                return said;
            }
        }
    };
    let daemon = site.a.start_among(Program::Steadfast, "NOTIFY_SOCKET=/run/notify", "--vrrp", INSTANCE);
    let ready = hear("READY=1");
    site.shows(
        "cat /run/keepalived.pid",
        ready.lines().find_map(|line| line.strip_prefix("MAINPID=")).expect("a number"),
    );
    assert!(hear("STATUS=").contains("VRRP worker"));
    daemon.signal("HUP");
    assert!(hear("RELOADING=1").contains("MONOTONIC_USEC="));
    hear("READY=1");
    // One that is refused ends too.
    site.a.reconfigure("vrrp_instance {\n");
    daemon.signal("HUP");
    hear("RELOADING=1");
    hear("READY=1");
    assert!(daemon.stop().success());
    hear("STOPPING=1");
}

#[test]
fn what_a_reload_cannot_change_is_refused_and_what_was_found_is_kept() {
    let Some(site) = Site::new("what_a_reload_cannot_change_is_refused_and_what_was_found_is_kept") else { return };
    let globals = "global_defs {\n reload_check_config /run/found\n config_save_dir /run/copies\n}\n";
    let daemon = start(&site, "--vrrp", &format!("instance red\n{globals}"));
    site.a.reconfigure(&format!("instance blue\n{globals}{INSTANCE}"));
    daemon.signal("HUP");
    let refused = |seen: &crate::journal::Reading| seen.said("a", "changes `instance`, which takes a restart");
    site.lab.journal.until("it is refused", refused);
    site.a.reconfigure(&format!("instance red\n{globals}{INSTANCE}nonsense\n"));
    daemon.signal("HUP");
    site.shows("grep -c nonsense /run/found", "1");
    site.a.reconfigure(&format!("instance red\n{globals}{INSTANCE}"));
    daemon.signal("HUP");
    site.lab.journal.until("it is taken", |seen| seen.said("a", "Reload 2 complete"));
    site.shows("ls /run/copies | sed 's/[0-9][0-9]*/N/'", "keepalived.N.1.post\nkeepalived.N.1.pre");
    assert!(site.a.has("10.0.0.100"));
    assert!(daemon.stop().success());
}

#[test]
fn a_problem_is_told_once_and_not_by_each_process_nor_at_each_reload() {
    let Some(site) = Site::new("a_problem_is_told_once_and_not_by_each_process_nor_at_each_reload") else { return };
    // The first line makes keepalived's processes die one after the other.
    let balanced = "virtual_server 10.0.0.100 80 {\n protocol TCP\n real_server 10.0.0.200 80 {\n frobnicate 1\n TCP_CHECK {\n }\n }\n}\n";
    let text = |more: &str| format!("\\!odd one\n{}{balanced}", INSTANCE.replace("virtual_ipaddress", more));
    let daemon = site.lead("", &text("nonsense 2\n virtual_ipaddress"));
    site.lab.journal.until("the checkers run", |seen| seen.said("a", "Starting Healthcheck child process"));
    let reload = |number: u32, more: &str| {
        site.a.reconfigure(&text(more));
        daemon.signal("HUP");
        let done = format!("Reload {number} complete");
        site.lab.journal.until(&done, |seen| seen.said("a", &done));
    };
    let times = |words: &str| site.lab.journal.read().logs("a").filter(|line| line.contains(words)).count();
    let same = "nonsense 2\n virtual_ipaddress";
    let hooked = "nonsense 2\n notify_master /bin/true\n virtual_ipaddress";
    for (number, more, hooks) in [(2, same, 0), (3, hooked, 1), (4, hooked, 1)] {
        reload(number, more);
        let found = ["`!odd`", "`nonsense`", "`frobnicate`", "`enable_script_security` is not set"].map(times);
        assert_eq!(found, [1, 1, 1, hooks], "reload {number}\n{}", site.lab.journal.read());
    }
    assert_eq!(times("`steadfast check` shows them"), 3, "{}", site.lab.journal.read());
    // What was mended and is back is new.
    reload(5, same);
    reload(6, hooked);
    assert_eq!(times("`enable_script_security` is not set"), 2, "{}", site.lab.journal.read());
    assert!(site.a.has("10.0.0.100"));
    assert!(daemon.stop().success());
}

#[test]
fn a_reload_happens_at_the_time_a_file_names_and_the_file_is_gone_then() {
    let Some(site) = Site::new("a_reload_happens_at_the_time_a_file_names_and_the_file_is_gone_then") else { return };
    let daemon = start(&site, "--vrrp", "global_defs {\n reload_time_file /run/when\n}\n");
    // Written in one step, for a moment that is not past before it is read.
    site.a.inside("date -u -d '+3 seconds' '+%Y-%m-%d %H:%M:%SZ' >/run/when.new; mv /run/when.new /run/when");
    site.lab.journal.until("it reloads", |seen| seen.said("a", "Reload 2 complete"));
    site.shows("ls /run/when 2>/dev/null", "");
    assert!(daemon.stop().success());
}

#[test]
fn everything_stays_when_the_daemon_is_told_to_leave_it() {
    let Some(site) = Site::new("everything_stays_when_the_daemon_is_told_to_leave_it") else { return };
    site.a.script("hook", "echo \"$@\" >>/run/told");
    let hook = INSTANCE.replace("virtual_ipaddress", "notify /run/hook\n virtual_ipaddress");
    let daemon = site.a.start_with(Program::Steadfast, "--vrrp --dont-release-vrrp", &format!("{SECURE}{hook}"));
    site.shows("grep -c MASTER /run/told", "1");
    assert!(daemon.stop().success());
    assert!(site.a.has("10.0.0.100"), "the address stays");
    site.shows("cat /run/told", "INSTANCE VI_1 BACKUP 100\nINSTANCE VI_1 MASTER 100\nINSTANCE VI_1 STOP 100");
    let seen = site.lab.journal.read();
    assert!(!seen.frames().any(|frame| frame.is_advert("10.0.0.1", 0)), "nobody was told\n{seen}");
}

#[test]
fn the_configuration_is_told_at_start_and_after_a_reload_when_asked_for() {
    let Some(site) = Site::new("the_configuration_is_told_at_start_and_after_a_reload_when_asked_for") else { return };
    let daemon = start(&site, "--vrrp --dump-conf", "");
    let told = |part: &str| {
        let part = part.to_owned();
        site.lab.journal.until("it is told", move |seen| {
            seen.since("reload").said("a", " VRRP Instance = VI_1") && seen.since("reload").said("a", &part)
        });
    };
    told("Priority = 100");
    site.a.reconfigure(&INSTANCE.replace("virtual_ipaddress", "priority 90\n virtual_ipaddress"));
    site.lab.journal.deed("reload");
    daemon.signal("HUP");
    told("Priority = 90");
    assert!(daemon.stop().success());
}

#[test]
fn a_worker_has_the_rights_and_the_schedule_it_needs_and_scripts_have_the_usual_ones() {
    let test = "a_worker_has_the_rights_and_the_schedule_it_needs_and_scripts_have_the_usual_ones";
    let Some(site) = Site::new(test) else { return };
    site.a.inside("printf '#!/bin/sh\\nnice >/run/nice; grep -e CapEff -e Cpus_allowed_list /proc/self/status >/run/status; ulimit -n >/run/files; umask >/run/umask; pwd >/run/pwd; env >/run/env\\n' >/run/n.sh; chmod 755 /run/n.sh");
    let before = "global_defs {\n enable_script_security\n script_user root\n vrrp_priority -7\n vrrp_no_swap\n vrrp_cpu_affinity 0\n umask 022\n}\n";
    let text =
        format!("{before}{}", INSTANCE.replace("virtual_ipaddress", "notify_master /run/n.sh\n virtual_ipaddress"));
    let daemon = site.a.start_with(Program::Steadfast, "--vrrp", &text);
    site.shows("ps -o ni= -p $(cat /run/vrrp.pid) | tr -d ' '", "-7");
    site.shows("taskset -cp $(cat /run/vrrp.pid) | sed 's/.*: //'", "0");
    site.shows("awk '/^VmLck/ { print ($2 > 0) }' /proc/$(cat /run/vrrp.pid)/status", "1");
    let effective = site.a.inside("awk '/^CapEff/ { print $2 }' /proc/$(cat /run/vrrp.pid)/status");
    let bits = u64::from_str_radix(&effective, 16).expect("a mask");
    let (net_admin, net_raw, sys_admin, sys_module) = (12, 13, 21, 16);
    assert!(bits >> net_admin & 1 == 1 && bits >> net_raw & 1 == 1, "{effective}");
    assert!(bits >> sys_admin & 1 == 0 && bits >> sys_module & 1 == 0, "{effective}");
    // The script is as the test itself started the daemon.
    site.shows("cat /run/nice", &site.a.inside("nice"));
    let ours = site.a.inside("grep -e CapEff -e Cpus_allowed_list /proc/self/status");
    site.shows("cat /run/status", &ours);
    site.shows("cat /run/files", &site.a.inside("ulimit -n"));
    site.shows("cat /run/umask", "0022");
    assert!(daemon.stop().success());
}

#[test]
fn the_kernel_is_told_about_groups_and_addresses_as_configured_and_told_otherwise_at_the_end() {
    let test = "the_kernel_is_told_about_groups_and_addresses_as_configured_and_told_otherwise_at_the_end";
    let Some(site) = Site::new(test) else { return };
    let reports = "sysctl -n net.ipv4.igmp_link_local_mcast_reports";
    let promotes = "sysctl -n net.ipv4.conf.eth0.promote_secondaries";
    let usual = (site.a.inside(reports), site.a.inside(promotes));
    let text = format!(
        "global_defs {{\n disable_local_igmp\n log_unknown_vrids\n}}\ntrack_file F {{\n file /run/tracked\n init_file 7\n}}\n\
         linkbeat_interfaces {{\n eth0\n}}\n{}",
        INSTANCE
            .replace("virtual_ipaddress", "promote_secondaries\n track_file {\n F weight 1\n }\n virtual_ipaddress")
    );
    let daemon = site.a.start_with(Program::Steadfast, "--vrrp --address-monitoring", &text);
    site.lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    site.shows(reports, "0");
    site.shows(promotes, "1");
    site.shows("cat /run/tracked", "7");
    site.lab.journal.beats(1, |frame| frame.is_advert("10.0.0.1", 107));
    site.a.operator("ip addr add 10.0.0.77/32 dev eth0");
    site.lab.journal.until("it is told", |seen| seen.said("a", "Netlink reports address 10.0.0.77 added on eth0"));
    assert!(daemon.stop().success());
    assert_eq!((site.a.inside(reports), site.a.inside(promotes)), usual);
}

#[test]
fn a_daemon_of_a_namespace_sees_the_processes_of_its_machine() {
    let Some(site) = Site::new("a_daemon_of_a_namespace_sees_the_processes_of_its_machine") else { return };
    site.a.inside("mkdir -p /run/netns && ip netns add blue && ip -n blue link add eth0 type veth peer name peer0");
    site.a.inside("ip -n blue link set lo up; ip -n blue link set peer0 up; ip -n blue link set eth0 up");
    site.a.inside("ip -n blue addr add 10.9.0.1/24 dev eth0");
    // No other process of this machine has these words.
    let text = "net_namespace blue\nvrrp_track_process chk {\n process sleep 98765.75\n}\n";
    let tracking = INSTANCE.replace("virtual_ipaddress", "track_process {\n chk\n }\n virtual_ipaddress");
    let daemon = site.a.start_with(Program::Steadfast, "--vrrp", &format!("{text}{tracking}"));
    site.lab.journal.until("it misses the process", |seen| seen.said("a", "Entering FAULT"));
    site.a.inside("sleep 98765.75 >/dev/null 2>&1 & echo $! >/run/tracked");
    site.shows("ip -n blue -o addr show to 10.0.0.100 | wc -l", "1");
    site.a.inside("kill $(cat /run/tracked)");
    site.shows("ip -n blue -o addr show to 10.0.0.100 | wc -l", "0");
    assert!(daemon.stop().success());
}
