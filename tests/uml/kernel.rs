// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `kernel::ipvs` tells the kernel, against what `ipvsadm` reads; and what it reads, against what `ipvsadm` told.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::IpAddr;
use std::os::unix::fs::FileExt;

use steadfast::kernel::Family;
use steadfast::kernel::ipvs::{
    Answer, Asked, Change, Checksum, Daemon, Destination, DestinationKey, Entry, Forwarding, Granularity, Ipvs, Keeper,
    OpenError, Order, Persistence, Role, Service, ServiceKey, Table, Timeouts, Tunnel, flag,
};
use tokio::runtime::Builder;

use crate::case::Program;
use crate::daemon;
use crate::guest::load_modules;
use crate::world::{PATIENCE, attempt, enter, run, settle, table};
use crate::{Guest, Scenario};

/// Real servers of one virtual server, for the test of a large table.
const MANY: u32 = 10_000;

pub fn scenarios() -> Vec<Scenario> {
    let all: [(&str, fn()); 16] = [
        ("alone::a_kernel_without_load_balancing_is_an_error_that_names_the_module", no_module),
        ("alone::changes_have_their_verdicts_although_the_kernel_s_answers_find_no_room", no_room),
        ("alone::a_module_that_is_unloaded_is_loaded_again_and_the_table_comes_back", unloaded),
        ("kernel::services_are_what_ipvsadm_reads", services_are_written),
        ("kernel::services_of_ipvsadm_are_read", services_are_read),
        ("kernel::every_scheduler_is_taken_and_read", every_scheduler),
        ("kernel::destinations_are_what_ipvsadm_reads_and_writes", destinations),
        ("kernel::a_changed_service_keeps_its_destinations", changed_service),
        ("kernel::what_is_there_already_gets_the_wanted_attributes", there_already),
        ("kernel::what_is_gone_is_added_again_and_its_removal_succeeds", gone),
        ("kernel::a_refusal_is_traced_to_its_change_and_stops_no_other", refusals),
        ("kernel::ten_thousand_destinations_in_one_batch", many),
        ("kernel::sync_daemons_and_timeouts", daemons_and_timeouts),
        ("kernel::a_flush_leaves_nothing", flush),
        ("kernel::another_network_namespace_is_balanced_from_here", another_namespace),
        ("kernel::a_thread_answers_every_order", thread_answers),
    ];
    all.map(|(name, run)| Scenario::new(Guest::Ours, name, run)).into()
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn service_at(protocol: u8, address: &str, port: u16) -> ServiceKey {
    ServiceKey::Address { protocol, address: ip(address), port }
}

fn web() -> ServiceKey {
    service_at(6, "192.0.2.1", 80)
}

fn plain(scheduler: &str) -> Service {
    Service { scheduler: scheduler.to_owned(), flags: 0, persistence: None }
}

fn sticky(timeout: u32, granularity: Option<Granularity>, engine: Option<&str>) -> Option<Persistence> {
    Some(Persistence { timeout, granularity, engine: engine.map(str::to_owned) })
}

fn place(address: &str, port: u16) -> DestinationKey {
    DestinationKey { address: ip(address), port }
}

fn to(forwarding: Forwarding, weight: u32) -> Destination {
    Destination { forwarding, weight, upper: 0, lower: 0 }
}

fn nat(weight: u32) -> Destination {
    to(Forwarding::Nat, weight)
}

fn open() -> Ipvs {
    Ipvs::open().unwrap_or_else(|error| panic!("{error}"))
}

/// Applies what must not be refused.
#[track_caller]
fn apply(ipvs: &mut Ipvs, changes: &[Change]) {
    for (change, verdict) in changes.iter().zip(ipvs.apply(changes)) {
        if let Err(refusal) = verdict {
            panic!("{change}: {}", change.explain(&refusal));
        }
    }
}

fn no_module() {
    match Ipvs::open() {
        Err(error @ OpenError::NoModule { .. }) => {
            let sentence = error.to_string();
            assert!(sentence.contains("modprobe ip_vs"), "{sentence}");
        }
        other => panic!("a kernel without the module: {other:?}"),
    }
    let loaded = std::fs::read_to_string("/proc/modules").expect("/proc/modules");
    assert!(!loaded.contains("ip_vs"), "the module is not loaded now: {loaded}");
}

/// With the smallest buffer there is, answers to one send get lost, and the kernel says so.
fn no_room() {
    load_modules();
    // It is seen in the first network only, and counts in all.
    let setting = File::options().write(true).open(RECEIVE_BUFFER).expect("a setting of the kernel");
    let before = std::fs::read(RECEIVE_BUFFER).expect("a setting of the kernel");
    setting.write_all_at(SMALLEST_BUFFER, 0).expect("a setting of the kernel");
    enter();
    let mut ipvs = open();
    setting.write_all_at(&before, 0).expect("a setting of the kernel");
    let bad = Destination { upper: 1, lower: 2, ..nat(1) };
    let mut changes = vec![Change::AddService(web(), plain("rr"))];
    changes.extend((1..=200_u32).map(|number| {
        let destination = if number % 2 == 0 { bad } else { nat(number) };
        Change::AddDestination(web(), place(&format!("198.51.100.{number}"), 80), destination)
    }));
    let verdicts = ipvs.apply(&changes);
    for (place, verdict) in verdicts.iter().enumerate().skip(1) {
        assert_eq!(verdict.is_err(), place % 2 == 0, "change {place}: {verdict:?}");
    }
    assert_eq!(ipvs.destinations(&web()).expect("destinations").len(), 100);
}

const RECEIVE_BUFFER: &str = "/proc/sys/net/core/rmem_default";
const SMALLEST_BUFFER: &[u8] = b"2304";

const ONE_SERVER: &str = "
virtual_server 10.1.0.1 80 {
    delay_loop 0.4
    warmup 0
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    real_server 10.1.9.1 80 {
    }
}
";

/// The module can go only while nothing uses it: right after the table was emptied.
fn unloaded() {
    load_modules();
    enter();
    daemon::configure(ONE_SERVER);
    let daemon = daemon::Daemon::start(Program::Steadfast, "-C");
    let wanted = vec!["-A -t 10.1.0.1:80 -s rr".to_owned(), "-a -t 10.1.0.1:80 -r 10.1.9.1:80 -m -w 1".to_owned()];
    let back = |what: &str| {
        // Without the module there is no table to list.
        let found =
            || attempt("ipvsadm -Sn").unwrap_or_default().lines().map(|line| line.trim_end().to_owned()).collect();
        settle(&wanted, found).unwrap_or_else(|found: Vec<String>| panic!("{what}: {found:?}: {}", daemon::log()));
    };
    back("at the start");
    unload();
    back("after the module was unloaded");
    assert!(daemon::log().contains("the kernel's load balancer does not answer any more"), "{}", daemon::log());
    daemon.stop();
}

/// Takes the module away, and what is in the table with it.
pub fn unload() {
    let start = std::time::Instant::now();
    loop {
        run("ipvsadm -C");
        // What it puts back in between holds the module.
        let schedulers = "ip_vs_rr ip_vs_wlc ip_vs_wrr ip_vs_dh ip_vs_fo ip_vs_lblc ip_vs_lblcr ip_vs_lc ip_vs_mh ip_vs_nq \
                          ip_vs_ovf ip_vs_pe_sip ip_vs_sed ip_vs_sh";
        // Those that are gone from an earlier try are not there to be removed.
        let _ = attempt(&format!("rmmod {schedulers}"));
        match attempt("rmmod ip_vs") {
            Ok(_) => break,
            Err(why) => assert!(start.elapsed() < PATIENCE, "the module stays: {why}"),
        }
    }
}

/// Services with the arguments `ipvsadm` has for them.
fn services() -> Vec<(ServiceKey, Service, &'static str)> {
    let mask = |text: &str| Some(Granularity::Mask(text.parse().expect("a mask")));
    vec![
        (web(), plain("rr"), "-t 192.0.2.1:80 -s rr"),
        (service_at(17, "192.0.2.1", 53), plain("wlc"), "-u 192.0.2.1:53 -s wlc"),
        (service_at(132, "192.0.2.1", 7), plain("lc"), "--sctp-service 192.0.2.1:7 -s lc"),
        (
            service_at(17, "192.0.2.2", 53),
            Service { flags: flag::ONE_PACKET, ..plain("rr") },
            "-u 192.0.2.2:53 -s rr -o",
        ),
        (
            service_at(6, "192.0.2.3", 80),
            Service { persistence: sticky(300, None, None), ..plain("rr") },
            "-t 192.0.2.3:80 -s rr -p 300",
        ),
        (
            service_at(6, "192.0.2.4", 0),
            Service { persistence: sticky(1, mask("255.255.255.0"), None), ..plain("rr") },
            "-t 192.0.2.4:0 -s rr -p 1 -M 255.255.255.0",
        ),
        (
            service_at(17, "192.0.2.5", 5060),
            Service { persistence: sticky(60, None, Some("sip")), ..plain("rr") },
            "-u 192.0.2.5:5060 -s rr -p 60 --pe sip",
        ),
        (
            service_at(6, "192.0.2.6", 80),
            Service { flags: flag::SCHEDULER_1 | flag::SCHEDULER_2, ..plain("sh") },
            "-t 192.0.2.6:80 -s sh -b sh-fallback,sh-port",
        ),
        (
            service_at(6, "192.0.2.7", 80),
            Service { flags: flag::SCHEDULER_1, ..plain("mh") },
            "-t 192.0.2.7:80 -s mh -b mh-fallback",
        ),
        (
            service_at(6, "192.0.2.8", 80),
            Service { flags: flag::SCHEDULER_1 | flag::SCHEDULER_2 | flag::SCHEDULER_3, ..plain("rr") },
            "-t 192.0.2.8:80 -s rr -b flag-1,flag-2,flag-3",
        ),
        (service_at(6, "2001:db8::1", 443), plain("wrr"), "-t [2001:db8::1]:443 -s wrr"),
        (
            service_at(6, "2001:db8::2", 443),
            Service { persistence: sticky(360, Some(Granularity::Prefix(64)), None), ..plain("rr") },
            "-t [2001:db8::2]:443 -s rr -p 360 -M 64",
        ),
        (
            service_at(6, "2001:db8::3", 443),
            Service { persistence: sticky(360, None, None), ..plain("rr") },
            "-t [2001:db8::3]:443 -s rr -p 360",
        ),
        (ServiceKey::Mark { family: Family::V4, mark: 7 }, plain("rr"), "-f 7 -s rr"),
        (ServiceKey::Mark { family: Family::V6, mark: 7 }, plain("rr"), "-f 7 -6 -s rr"),
        (ServiceKey::Mark { family: Family::V4, mark: i32::MAX as u32 }, plain("rr"), "-f 2147483647 -s rr"),
    ]
}

fn services_are_written() {
    enter();
    let mut ipvs = open();
    for (key, service, words) in services() {
        apply(&mut ipvs, &[Change::AddService(key, service)]);
        assert_eq!(table(), [format!("-A {words}")]);
        apply(&mut ipvs, &[Change::RemoveService(key)]);
        assert!(table().is_empty(), "{key} is removed");
    }
}

fn services_are_read() {
    enter();
    let mut ipvs = open();
    let mut wanted = Table::new();
    for (key, service, words) in services() {
        run(&format!("ipvsadm -A {words}"));
        wanted.insert(key, Entry { service, destinations: BTreeMap::new() });
    }
    let read = ipvs.table().expect("a table");
    for (key, entry) in &wanted {
        assert_eq!(read.get(key), Some(entry), "{key}");
    }
    assert_eq!(read.len(), wanted.len());
    let services: Vec<Service> = ipvs.services().expect("services").into_values().collect();
    assert_eq!(services, wanted.into_values().map(|entry| entry.service).collect::<Vec<_>>());
}

fn every_scheduler() {
    enter();
    let mut ipvs = open();
    for scheduler in ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed", "nq"] {
        apply(&mut ipvs, &[Change::AddService(web(), plain(scheduler))]);
        assert_eq!(table(), [format!("-A -t 192.0.2.1:80 -s {scheduler}")]);
        assert_eq!(ipvs.services().expect("services").get(&web()), Some(&plain(scheduler)));
        apply(&mut ipvs, &[Change::RemoveService(web())]);
    }
    // This kernel has no module for it.
    let change = Change::AddService(web(), plain("twos"));
    let [Err(refusal)] = &ipvs.apply(std::slice::from_ref(&change))[..] else { panic!("a scheduler nobody has") };
    assert_eq!(change.explain(refusal), "the kernel has no scheduler twos (module ip_vs_twos)");
}

fn destinations() {
    enter();
    let mut ipvs = open();
    let gue = |checksum| Forwarding::Tunnel(Tunnel::Gue { port: 6080, checksum });
    let gre = |checksum| Forwarding::Tunnel(Tunnel::Gre { checksum });
    let cases = [
        (place("198.51.100.1", 8080), nat(1), "198.51.100.1:8080 -m -w 1"),
        (place("198.51.100.1", 80), to(Forwarding::Direct, 0), "198.51.100.1:80 -g -w 0"),
        (place("198.51.100.1", 80), nat(i32::MAX as u32), "198.51.100.1:80 -m -w 2147483647"),
        (
            place("198.51.100.1", 80),
            Destination { upper: 100, lower: 50, ..nat(2) },
            "198.51.100.1:80 -m -w 2 -x 100 -y 50",
        ),
        (place("198.51.100.1", 80), to(Forwarding::Tunnel(Tunnel::Ipip), 3), "198.51.100.1:80 -i -w 3 --tun-type ipip"),
        (
            place("198.51.100.1", 80),
            to(gue(Checksum::None), 3),
            "198.51.100.1:80 -i -w 3 --tun-type gue --tun-port 6080 --tun-nocsum",
        ),
        (
            place("198.51.100.1", 80),
            to(gue(Checksum::Full), 3),
            "198.51.100.1:80 -i -w 3 --tun-type gue --tun-port 6080 --tun-csum",
        ),
        (
            place("198.51.100.1", 80),
            to(gue(Checksum::Remote), 3),
            "198.51.100.1:80 -i -w 3 --tun-type gue --tun-port 6080 --tun-remcsum",
        ),
        (place("198.51.100.1", 80), to(gre(Checksum::None), 3), "198.51.100.1:80 -i -w 3 --tun-type gre --tun-nocsum"),
        (place("198.51.100.1", 80), to(gre(Checksum::Full), 3), "198.51.100.1:80 -i -w 3 --tun-type gre --tun-csum"),
        (place("2001:db8::9", 80), to(Forwarding::Tunnel(Tunnel::Ipip), 1), "[2001:db8::9]:80 -i -w 1 --tun-type ipip"),
    ];
    apply(&mut ipvs, &[Change::AddService(web(), plain("rr"))]);
    for (at, destination, words) in cases {
        apply(&mut ipvs, &[Change::AddDestination(web(), at, destination)]);
        let printed = words.split(" -x").next().unwrap_or_default();
        assert_eq!(table(), ["-A -t 192.0.2.1:80 -s rr".to_owned(), format!("-a -t 192.0.2.1:80 -r {printed}")]);
        let limits = run("ipvsadm -ln --thresholds");
        let limits: Vec<&str> = limits.lines().last().unwrap_or_default().split_whitespace().skip(2).collect();
        assert_eq!(limits[..2], [destination.upper.to_string(), destination.lower.to_string()]);
        apply(&mut ipvs, &[Change::RemoveDestination(web(), at)]);
        assert_eq!(ipvs.destinations(&web()).expect("destinations"), BTreeMap::new());
        run(&format!("ipvsadm -a -t 192.0.2.1:80 -r {words}"));
        assert_eq!(ipvs.destinations(&web()).expect("destinations"), BTreeMap::from([(at, destination)]), "{words}");
        run(&format!("ipvsadm -d -t 192.0.2.1:80 -r {}", words.split(' ').next().unwrap_or_default()));
    }
    let v6 = service_at(6, "2001:db8::1", 80);
    apply(
        &mut ipvs,
        &[
            Change::AddService(v6, plain("rr")),
            Change::AddDestination(v6, place("2001:db8::9", 8080), to(Forwarding::Direct, 4)),
        ],
    );
    assert_eq!(table().last().map(String::as_str), Some("-a -t [2001:db8::1]:80 -r [2001:db8::9]:8080 -g -w 4"));
}

fn changed_service() {
    enter();
    let mut ipvs = open();
    let at = place("198.51.100.1", 80);
    apply(&mut ipvs, &[Change::AddService(web(), plain("rr")), Change::AddDestination(web(), at, nat(1))]);
    let changed = Service { flags: flag::SCHEDULER_2, persistence: sticky(90, None, None), ..plain("sh") };
    apply(
        &mut ipvs,
        &[Change::SetService(web(), changed), Change::SetDestination(web(), at, to(Forwarding::Direct, 5))],
    );
    let wanted = ["-A -t 192.0.2.1:80 -s sh -p 90 -b sh-port", "-a -t 192.0.2.1:80 -r 198.51.100.1:80 -g -w 5"];
    assert_eq!(table(), wanted);
    apply(&mut ipvs, &[Change::SetService(web(), plain("rr"))]);
    assert_eq!(table().first().map(String::as_str), Some("-A -t 192.0.2.1:80 -s rr"));
}

fn there_already() {
    enter();
    let mut ipvs = open();
    run("ipvsadm -A -t 192.0.2.1:80 -s wlc -p 30");
    run("ipvsadm -a -t 192.0.2.1:80 -r 198.51.100.1:80 -g -w 4");
    apply(
        &mut ipvs,
        &[
            Change::AddService(web(), plain("rr")),
            Change::AddDestination(web(), place("198.51.100.1", 80), nat(2)),
            Change::AddDestination(web(), place("198.51.100.2", 80), nat(3)),
        ],
    );
    let wanted = [
        "-A -t 192.0.2.1:80 -s rr",
        "-a -t 192.0.2.1:80 -r 198.51.100.1:80 -m -w 2",
        "-a -t 192.0.2.1:80 -r 198.51.100.2:80 -m -w 3",
    ];
    assert_eq!(table(), wanted);
}

fn gone() {
    enter();
    let mut ipvs = open();
    let (first, second) = (place("198.51.100.1", 80), place("198.51.100.2", 80));
    apply(&mut ipvs, &[Change::RemoveDestination(web(), first), Change::RemoveService(web())]);
    apply(&mut ipvs, &[Change::AddService(web(), plain("rr")), Change::RemoveDestination(web(), first)]);
    apply(&mut ipvs, &[Change::SetDestination(web(), second, nat(6))]);
    assert_eq!(table(), ["-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 198.51.100.2:80 -m -w 6"]);
    run("ipvsadm -C");
    apply(&mut ipvs, &[Change::SetService(web(), plain("wrr"))]);
    assert_eq!(table(), ["-A -t 192.0.2.1:80 -s wrr"]);
    assert_eq!(ipvs.destinations(&service_at(6, "192.0.2.9", 80)).expect("none"), BTreeMap::new());
}

fn refusals() {
    enter();
    let mut ipvs = open();
    let bad = Destination { upper: 1, lower: 2, ..nat(1) };
    let mut changes = vec![Change::AddService(web(), plain("rr"))];
    for number in 1..=200_u32 {
        let destination = if number % 10 == 0 { bad } else { nat(number) };
        changes.push(Change::AddDestination(web(), place(&format!("198.51.100.{number}"), 80), destination));
    }
    changes.push(Change::AddDestination(service_at(6, "192.0.2.9", 80), place("198.51.100.1", 80), nat(1)));
    let verdicts = ipvs.apply(&changes);
    let refused: Vec<usize> = (0..verdicts.len()).filter(|place| verdicts[*place].is_err()).collect();
    let expected: Vec<usize> = (1..=20).map(|tens| tens * 10).chain([201]).collect();
    assert_eq!(refused, expected);
    assert_eq!(table().len(), 1 + 180);
    let Err(refusal) = &verdicts[201] else { panic!("a service that is not there") };
    assert_eq!(changes[201].explain(refusal), "the kernel has no virtual server tcp 192.0.2.9:80");
}

fn many() {
    enter();
    let mut ipvs = open();
    let at = |number: u32| {
        let [_, _, high, low] = number.to_be_bytes();
        place(&format!("10.9.{high}.{low}"), 80)
    };
    let mut changes = vec![Change::AddService(web(), plain("wrr"))];
    changes.extend((0..MANY).map(|number| Change::AddDestination(web(), at(number), nat(number % 100 + 1))));
    apply(&mut ipvs, &changes);
    let read = ipvs.table().expect("a table");
    let destinations = &read.get(&web()).expect("the service").destinations;
    let wanted: BTreeMap<_, _> = (0..MANY).map(|number| (at(number), nat(number % 100 + 1))).collect();
    assert!(*destinations == wanted, "{} destinations were read back", destinations.len());
    let set: Vec<Change> = (0..MANY).map(|number| Change::SetDestination(web(), at(number), nat(0))).collect();
    apply(&mut ipvs, &set);
    assert!(ipvs.destinations(&web()).expect("destinations").values().all(|destination| destination.weight == 0));
    assert_eq!(ipvs.stats().expect("stats").get(&web()).map(|stats| stats.destinations.len()), Some(MANY as usize));
    let remove: Vec<Change> = (0..MANY).map(|number| Change::RemoveDestination(web(), at(number))).collect();
    apply(&mut ipvs, &remove);
    assert_eq!(table(), ["-A -t 192.0.2.1:80 -s wrr"]);
}

fn daemons_and_timeouts() {
    enter();
    run("ip link add eth0 type dummy");
    run("ip link set eth0 up multicast on");
    run("ip addr add 192.0.2.99/24 dev eth0");
    let mut ipvs = open();
    assert_eq!(ipvs.daemons().expect("daemons"), []);
    let master = Daemon {
        role: Role::Master,
        interface: "eth0".to_owned(),
        id: 51,
        max_length: Some(1200),
        group: Some(ip("224.0.0.99")),
        port: Some(9999),
        ttl: Some(3),
    };
    let backup = Daemon { role: Role::Backup, ..master.clone() };
    apply(&mut ipvs, &[Change::StartDaemon(master.clone()), Change::StartDaemon(backup.clone())]);
    let lines = run("ipvsadm -l --daemon");
    let said = "sync daemon (mcast=eth0, syncid=51, maxlen=1200, group=224.0.0.99, port=9999, ttl=3)";
    assert_eq!(lines.lines().collect::<Vec<_>>(), [format!("master {said}"), format!("backup {said}")]);
    assert_eq!(ipvs.daemons().expect("daemons"), [master.clone(), backup]);
    let again = Change::StartDaemon(master);
    let [Err(refusal)] = &ipvs.apply(std::slice::from_ref(&again))[..] else { panic!("one is there already") };
    assert_eq!(again.explain(refusal), "the kernel has such a sync daemon already");
    apply(&mut ipvs, &[Change::StopDaemon(Role::Master, 51), Change::StopDaemon(Role::Backup, 51)]);
    apply(&mut ipvs, &[Change::StopDaemon(Role::Master, 51)]);
    assert_eq!(run("ipvsadm -l --daemon"), "");

    assert_eq!(ipvs.timeouts().expect("timeouts"), Timeouts { tcp: 900, tcp_fin: 120, udp: 300 });
    let timeouts = Timeouts { tcp: 300, tcp_fin: 60, udp: 90 };
    apply(&mut ipvs, &[Change::SetTimeouts(timeouts)]);
    assert_eq!(ipvs.timeouts().expect("timeouts"), timeouts);
    assert_eq!(run("ipvsadm -l --timeout").trim(), "Timeout (tcp tcpfin udp): 300 60 90");
}

fn flush() {
    enter();
    let mut ipvs = open();
    run("ipvsadm -A -f 3 -s rr");
    apply(&mut ipvs, &[Change::AddService(web(), plain("rr")), Change::Zero(web()), Change::Flush]);
    assert!(table().is_empty());
}

fn another_namespace() {
    enter();
    run("ip netns add elsewhere");
    let mut there = Ipvs::open_in("/run/netns/elsewhere".as_ref()).unwrap_or_else(|error| panic!("{error}"));
    apply(&mut there, &[Change::AddService(web(), plain("rr"))]);
    assert!(table().is_empty(), "nothing here");
    assert_eq!(run("ip netns exec elsewhere ipvsadm -Sn").trim(), "-A -t 192.0.2.1:80 -s rr");
    let error = Ipvs::open_in("/run/netns/nowhere".as_ref()).expect_err("no such namespace");
    assert!(error.to_string().starts_with("the network namespace /run/netns/nowhere cannot be entered"), "{error}");
    assert!(attempt("ip netns delete elsewhere").is_ok());
}

fn thread_answers() {
    enter();
    let (keeper, mut answers) = Keeper::start(open()).expect("a thread");
    let orders = [
        Asked::Apply(vec![Change::AddService(web(), plain("rr")), Change::AddService(web(), plain("twos"))]),
        Asked::Table,
        Asked::Services,
        Asked::Stats,
        Asked::Timeouts,
        Asked::Daemons,
    ];
    let count = orders.len();
    for (ticket, asked) in orders.into_iter().enumerate() {
        keeper.order(Order { ticket, asked }).unwrap_or_else(|order| panic!("{order:?} came back"));
    }
    drop(keeper);
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let mut tickets = Vec::new();
    runtime.block_on(async {
        while let Some(done) = answers.recv().await {
            tickets.push(done.ticket);
            match done.answer {
                Answer::Applied(refused) => {
                    let places: Vec<usize> = refused.iter().map(|(place, ..)| *place).collect();
                    assert_eq!(places, [1]);
                }
                Answer::Table(read) => assert_eq!(read.expect("a table").len(), 1),
                Answer::Services(read) => assert!(read.expect("services").contains_key(&web())),
                Answer::Stats(read) => assert_eq!(read.expect("stats").len(), 1),
                Answer::Timeouts(read) => assert_eq!(read.expect("timeouts").tcp, 900),
                Answer::Daemons(read) => assert_eq!(read.expect("daemons"), []),
            }
        }
    });
    assert_eq!(tickets, (0..count).collect::<Vec<_>>());
}
