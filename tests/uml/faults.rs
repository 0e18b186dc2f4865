// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults around the kernel's table: there is none, or a very large one must go.

use std::fmt::Write as _;
use std::fs;

use crate::case::Program;
use crate::daemon::{self, Daemon, FOLDER};
use crate::guest::load_modules;
use crate::kernel::unload;
use crate::world::{Says, Servers, attempt, enter, run, settle, table};
use crate::{Guest, Scenario};

/// The largest table that users told of: so many services with so many servers together. `make bench-ipvs` plays all of it;
/// a program without optimisation, on the one processor of a guest that shares the machine, a part.
const PART: u32 = if cfg!(debug_assertions) { 12 } else { 1 };
const SERVICES: u32 = 2_277 / PART;
const SERVERS: u32 = 37_205 / PART;

pub fn scenarios() -> Vec<Scenario> {
    let all: [(&str, fn()); 2] = [
        (
            "alone::without_load_balancing_a_router_leads_servers_are_checked_and_the_table_comes_when_it_can",
            no_balancer,
        ),
        ("faults::a_stop_leaves_nothing_of_a_table_of_thousands_of_services", large_table),
    ];
    all.map(|(name, run)| Scenario::new(Guest::Ours, name, run)).into()
}

/// What the kernel is to call for a module that is missing.
const LOADER: &str = "/proc/sys/kernel/modprobe";

const BALANCED_ROUTER: &str = "
vrrp_instance VI_1 {
    interface eth0
    version 3
    virtual_router_id 51
    virtual_ipaddress {
        10.1.0.100
    }
}
virtual_server 10.1.0.100 80 {
    delay_loop 0.4
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    real_server 10.1.0.1 8080 {
        TCP_CHECK {
            retry 1
            warmup 0
        }
    }
    real_server 10.1.0.1 8081 {
        TCP_CHECK {
            retry 1
            warmup 0
        }
    }
}
";

fn no_balancer() {
    load_modules();
    let loader = fs::read(LOADER).expect("a setting of the kernel");
    unload();
    fs::write(LOADER, "/bin/false").expect("a setting of the kernel");
    enter();
    run("ip link add eth0 type veth peer name eth1");
    run("ip link set eth0 up");
    run("ip link set eth1 up");
    run("ip addr add 10.1.0.1/24 dev eth0");
    let mut servers = Servers::default();
    servers.listen("10.1.0.1:8080", Says::Nothing);
    daemon::configure(BALANCED_ROUTER);
    let daemon = Daemon::start(Program::Steadfast, "");
    let leads = || run("ip -o addr show dev eth0").contains(" 10.1.0.100/");
    settle(&true, leads).unwrap_or_else(|_| panic!("it never led: {}", daemon::log()));
    let said = |words: &str| all_of_log().lines().filter(|line| line.contains(words)).count();
    let checked = || said("8081") > 0;
    settle(&true, checked).unwrap_or_else(|_| panic!("nothing was checked: {}", daemon::log()));
    assert_eq!(said("modprobe ip_vs"), 1, "{}", all_of_log());
    assert!(attempt("ipvsadm -Sn").is_err() && leads());

    fs::write(LOADER, loader).expect("a setting of the kernel");
    let wanted =
        vec!["-A -t 10.1.0.100:80 -s rr".to_owned(), "-a -t 10.1.0.100:80 -r 10.1.0.1:8080 -m -w 1".to_owned()];
    // Who lists the table would load the module too.
    let found = || fs::read_to_string("/proc/thread-self/net/ip_vs").is_ok();
    settle(&true, found).unwrap_or_else(|_| panic!("it never asked again: {}", daemon::log()));
    settle(&wanted, table).unwrap_or_else(|found| panic!("{found:?}: {}", daemon::log()));
    assert_eq!(said("modprobe ip_vs"), 1, "{}", all_of_log());
    daemon.stop();
    assert!(table().is_empty() && !leads());
}

fn all_of_log() -> String {
    fs::read_to_string(format!("{FOLDER}/log")).unwrap_or_default()
}

/// Nothing is checked, so that the table is full at once.
fn many_services() -> String {
    // The guest shares the machine with others: it is the stop that counts here, not how long it may take.
    let mut text = String::from("global_defs {\n child_wait_time 120\n}\n");
    let mut server = 0;
    for service in 0..SERVICES {
        let address = format!("10.{}.{}.1", 100 + service / 250, service % 250);
        let _ = writeln!(text, "virtual_server {address} 80 {{\n lvs_sched rr\n lvs_method NAT\n protocol TCP");
        while server < (service + 1) * SERVERS / SERVICES {
            let address = format!("172.{}.{}.{}", 16 + server / 62_500, server / 250 % 250, server % 250 + 1);
            let _ = writeln!(text, " real_server {address} 80 {{\n }}");
            server += 1;
        }
        text.push_str("}\n");
    }
    text
}

fn large_table() {
    enter();
    daemon::configure(&many_services());
    let daemon = Daemon::start(Program::Steadfast, "-C");
    let listed = |what: &str| {
        let list = fs::read_to_string("/proc/thread-self/net/ip_vs").unwrap_or_default();
        list.lines().filter(|line| line.starts_with(what)).count()
    };
    let entries = || (listed("TCP"), listed("  -> ").saturating_sub(1));
    settle(&(SERVICES as usize, SERVERS as usize), entries).unwrap_or_else(|found| {
        panic!("there were only {found:?}: {}", daemon::log());
    });
    daemon.stop();
    assert_eq!(entries(), (0, 0), "{}", daemon::log());
    assert!(!all_of_log().contains("does not leave"), "{}", daemon::log());
}
