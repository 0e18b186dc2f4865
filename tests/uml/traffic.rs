// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets: a client, a virtual address, real servers, each in a network of its own on one segment.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use steadfast::kernel::ipvs::{
    Change, Daemon, Destination, DestinationKey, Forwarding, Ipvs, Role, Service, ServiceKey, ServiceStats, Tunnel,
    flag,
};

use crate::case::Program;
use crate::daemon;
use crate::world::{Says, Servers, command, enter, settle, table};
use crate::{Guest, Scenario};

pub const VIP: &str = "10.1.0.10";
const PORT: u16 = 80;
/// A lost packet is sent again after one second, and twice as long each time.
pub const CONNECT_WAIT: Duration = Duration::from_secs(30);

pub fn scenarios() -> Vec<Scenario> {
    let mut all: Vec<Scenario> = SCHEDULERS
        .iter()
        .map(|case| {
            let name = format!("traffic::{}", case.name);
            Scenario::new(Guest::Ours, &name, move || scheduler(case))
        })
        .collect();
    let ways: [(&str, fn()); 5] = [
        ("traffic::nat_reaches_the_server_and_counts_both_ways", nat),
        ("traffic::direct_routing_reaches_the_server_whose_answer_takes_the_short_way", direct),
        ("traffic::a_tunnel_reaches_the_server", tunnel),
        ("traffic::the_director_is_a_real_server_too", local_node),
        ("traffic::a_connection_outlives_its_director_by_the_sync_daemons", two_directors),
    ];
    for (program, guest) in [(Program::Keepalived, Guest::Theirs), (Program::Steadfast, Guest::Ours)] {
        let name =
            format!("traffic::who_fails_is_asked_no_more_and_the_sorry_server_answers::{program:?}").to_lowercase();
        all.push(Scenario::new(guest, &name, move || failing_servers(program)));
    }
    all.extend(ways.map(|(name, run)| Scenario::new(Guest::Ours, name, run)));
    all
}

/// Client, director and three servers. The director is the scenario itself.
pub struct Net {
    pub servers: Vec<(String, Servers)>,
}

impl Net {
    /// Every server says its own name. `10.1.0.0/24` is the client's side, `10.2.0.0/24` the servers'.
    pub fn lay(count: usize) -> Net {
        enter();
        let names: Vec<String> = (1..=count).map(|number| format!("server{number}")).collect();
        let all: Vec<&str> = names.iter().map(String::as_str).chain(["client"]).collect();
        let mut here = "netns add switch\n".to_owned();
        let mut switch = "link add segment type bridge forward_delay 0\nlink set segment up\n".to_owned();
        all.iter().for_each(|name| here += &format!("netns add {name}\n"));
        ip(None, &here);
        for name in &all {
            switch +=
                &format!("link add {name} type veth peer name eth0 netns {name}\nlink set {name} master segment up\n");
        }
        ip(Some("switch"), &switch);
        ip(
            None,
            "link add eth0 type veth peer name director netns switch\nlink set eth0 up\naddr add 10.1.0.1/24 dev eth0\n\
             addr add 10.2.0.254/24 dev eth0\naddr add 10.1.0.10/32 dev eth0\n",
        );
        ip(Some("switch"), "link set director master segment up\n");
        ip(Some("client"), "link set eth0 up\naddr add 10.1.0.100/24 dev eth0\n");
        set("ip_forward", "1");
        set("conf/all/send_redirects", "0");
        set("conf/eth0/send_redirects", "0");
        let servers = names.into_iter().enumerate().map(|(place, name)| {
            ip(
                Some(&name),
                &format!(
                    "link set lo up\nlink set eth0 up\naddr add 10.2.0.{}/24 dev eth0\nroute add default via 10.2.0.254\n",
                    place + 1
                ),
            );
            let mut own = Servers::default();
            within(&name, || own.listen(&format!("0.0.0.0:{PORT}"), Says::Name(name.clone())));
            (name, own)
        });
        Net { servers: servers.collect() }
    }

    /// Servers have the virtual address too, keep still about it, and answer the client themselves.
    pub fn answer_directly(&self, device: &str) {
        for (name, _) in &self.servers {
            ip(
                Some(name),
                &format!("link set {device} up\naddr add {VIP}/32 dev {device}\nroute add 10.1.0.0/24 dev eth0\n"),
            );
            within(name, || {
                for (setting, value) in [("arp_ignore", "1"), ("arp_announce", "2"), ("rp_filter", "0")] {
                    set(&format!("conf/all/{setting}"), value);
                }
                set(&format!("conf/{device}/rp_filter"), "0");
            });
        }
    }

    /// Connects to the virtual address so many times, one after another, and counts who answered.
    pub fn ask(&self, times: usize) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for _ in 0..times {
            *counts.entry(name_of(&self.connect())).or_default() += 1;
        }
        counts
    }

    /// The same, and keeps every connection open until all are there.
    pub fn hold(&self, times: usize) -> Vec<String> {
        let connections: Vec<TcpStream> = (0..times).map(|_| self.connect()).collect();
        connections.iter().map(name_of).collect()
    }

    pub fn connect(&self) -> TcpStream {
        let address = SocketAddr::new(VIP.parse().expect("an address"), PORT);
        within("client", || TcpStream::connect_timeout(&address, CONNECT_WAIT)).expect("somebody answers")
    }
}

/// Commands of `ip`, one a line, in one network.
#[track_caller]
pub fn ip(network: Option<&str>, lines: &str) {
    let mut command = command("ip");
    command.args(network.into_iter().flat_map(|name| ["-n", name])).args(["-batch", "-"]).stdin(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("ip runs");
    child.stdin.take().expect("its input").write_all(lines.as_bytes()).expect("ip reads");
    let output = child.wait_with_output().expect("ip ends");
    assert!(output.status.success(), "{network:?}: {lines}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A setting of IPv4 in this thread's network.
fn set(setting: &str, value: &str) {
    fs::write(format!("/proc/sys/net/ipv4/{setting}"), value).expect("a setting of the kernel");
}

/// Runs something in a named network, on a thread of its own.
pub fn within<T: Send>(name: &str, inside: impl FnOnce() -> T + Send) -> T {
    let namespace = File::open(format!("/run/netns/{name}")).expect("the network exists");
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).expect("entering a network");
            inside()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Who is at the other end; the server says it and waits for us to close.
pub fn name_of(connection: &TcpStream) -> String {
    let mut name = String::new();
    connection.set_read_timeout(Some(CONNECT_WAIT)).expect("a timeout");
    BufReader::new(connection).read_line(&mut name).expect("a name");
    name.trim_end().to_owned()
}

fn key() -> ServiceKey {
    ServiceKey::Address { protocol: 6, address: VIP.parse().expect("an address"), port: PORT }
}

pub fn service(scheduler: &str, flags: u32) -> Service {
    Service { scheduler: scheduler.to_owned(), flags, persistence: None }
}

/// The servers with these weights, in order.
pub fn balance(service: Service, forwarding: Forwarding, weights: &[u32]) -> Ipvs {
    let mut ipvs = Ipvs::open().unwrap_or_else(|error| panic!("{error}"));
    let mut changes = vec![Change::AddService(key(), service)];
    for (number, weight) in weights.iter().enumerate() {
        let address: IpAddr = format!("10.2.0.{}", number + 1).parse().expect("an address");
        let destination = Destination { forwarding, weight: *weight, upper: 0, lower: 0 };
        changes.push(Change::AddDestination(key(), DestinationKey { address, port: PORT }, destination));
    }
    for (change, verdict) in changes.iter().zip(ipvs.apply(&changes)) {
        verdict.unwrap_or_else(|refusal| panic!("{change}: {}", change.explain(&refusal)));
    }
    ipvs
}

/// What a scheduler promises for one client, and how it is seen.
struct Schedule {
    name: &'static str,
    scheduler: &'static str,
    flags: u32,
    weights: [u32; 3],
    connections: usize,
    promise: Promise,
}

enum Promise {
    /// One after another, each closed: so many reach each server.
    Spread([usize; 3]),
    /// All open at once: so many are held by each server.
    Held([usize; 3]),
    /// All open at once: the first go to these, whatever follows.
    First(&'static [&'static str]),
    /// All reach one server, whichever.
    One,
    /// More than one server is reached.
    Several,
}

const fn schedule(
    name: &'static str,
    scheduler: &'static str,
    flags: u32,
    weights: [u32; 3],
    connections: usize,
    promise: Promise,
) -> Schedule {
    Schedule { name, scheduler, flags, weights, connections, promise }
}

const SCHEDULERS: &[Schedule] = &[
    schedule("rr_goes_round", "rr", 0, [1, 5, 9], 12, Promise::Spread([4, 4, 4])),
    schedule("wrr_goes_round_by_weight", "wrr", 0, [3, 2, 1], 12, Promise::Spread([6, 4, 2])),
    schedule("lc_evens_out", "lc", 0, [1, 5, 9], 9, Promise::Held([3, 3, 3])),
    schedule("wlc_evens_out_by_weight", "wlc", 0, [1, 2, 3], 12, Promise::Held([2, 4, 6])),
    schedule("sed_begins_with_the_heaviest", "sed", 0, [1, 2, 5], 2, Promise::First(&["server3", "server3"])),
    schedule("nq_takes_the_idle_first", "nq", 0, [1, 2, 5], 3, Promise::Held([1, 1, 1])),
    schedule("sh_keeps_a_client_with_a_server", "sh", 0, [1, 1, 1], 8, Promise::One),
    schedule("sh_port_tells_connections_apart", "sh", flag::SCHEDULER_2, [1, 1, 1], 32, Promise::Several),
    schedule("dh_keeps_an_address_with_a_server", "dh", 0, [1, 1, 1], 8, Promise::One),
    schedule("lblc_keeps_an_address_with_a_server", "lblc", 0, [99, 99, 99], 8, Promise::One),
    schedule("lblcr_keeps_an_address_with_a_server", "lblcr", 0, [99, 99, 99], 8, Promise::One),
    schedule("mh_keeps_a_client_with_a_server", "mh", 0, [1, 1, 1], 8, Promise::One),
    schedule("mh_port_tells_connections_apart", "mh", flag::SCHEDULER_2, [1, 1, 1], 32, Promise::Several),
    schedule("fo_takes_the_heaviest_alone", "fo", 0, [1, 7, 5], 6, Promise::Spread([0, 6, 0])),
    // It overflows when a server holds more connections than its weight.
    schedule("ovf_overflows_by_weight", "ovf", 0, [1, 2, 3], 9, Promise::Held([2, 3, 4])),
];

fn scheduler(case: &Schedule) {
    let net = Net::lay(3);
    let _ipvs = balance(service(case.scheduler, case.flags), Forwarding::Nat, &case.weights);
    let names = match case.promise {
        Promise::Spread(_) | Promise::One | Promise::Several => {
            net.ask(case.connections).into_iter().flat_map(|(name, count)| vec![name; count]).collect()
        }
        Promise::Held(_) | Promise::First(_) => net.hold(case.connections),
    };
    let count = |name: &str| names.iter().filter(|reached| *reached == name).count();
    let counts = [count("server1"), count("server2"), count("server3")];
    let reached = counts.iter().filter(|count| **count > 0).count();
    match case.promise {
        Promise::Spread(wanted) | Promise::Held(wanted) => assert_eq!(counts, wanted),
        Promise::First(wanted) => assert_eq!(names, wanted),
        Promise::One => assert_eq!(reached, 1, "{counts:?}"),
        Promise::Several => assert!(reached > 1, "{counts:?}"),
    }
}

fn nat() {
    let net = Net::lay(2);
    let mut ipvs = balance(service("rr", 0), Forwarding::Nat, &[1, 1]);
    assert_eq!(net.ask(6).into_values().collect::<Vec<_>>(), [3, 3]);
    // The kernel adds up every two seconds.
    let mut stats = ServiceStats::default();
    let counted = || {
        stats = ipvs.stats().expect("stats").remove(&key()).expect("the service");
        stats.destinations.values().map(|one| one.counters.connections).collect::<Vec<_>>()
    };
    assert_eq!(settle(&vec![3, 3], counted), Ok(()));
    assert_eq!(stats.counters.connections, 6);
    assert!(stats.counters.packets_in > 6 && stats.counters.packets_out > 6, "{stats:?}");
    assert!(stats.counters.bytes_in > 240 && stats.counters.bytes_out > 240, "{stats:?}");
    let zero = [Change::Zero(key())];
    assert_eq!(ipvs.apply(&zero), [Ok(())]);
    let stats = ipvs.stats().expect("stats");
    assert_eq!(stats.get(&key()).expect("the service").counters.connections, 0);
}

fn direct() {
    let net = Net::lay(2);
    net.answer_directly("lo");
    let mut ipvs = balance(service("rr", 0), Forwarding::Direct, &[1, 1]);
    assert_eq!(net.ask(6).into_values().collect::<Vec<_>>(), [3, 3]);
    let stats = ipvs.stats().expect("stats");
    assert_eq!(stats.get(&key()).expect("the service").counters.packets_out, 0, "answers pass the director by");
}

fn tunnel() {
    let net = Net::lay(2);
    for (name, _) in &net.servers {
        // Loading the module gives every network its `tunl0`.
        ip(Some(name), "link add any type ipip local 10.2.0.99\n");
    }
    net.answer_directly("tunl0");
    let _ipvs = balance(service("rr", 0), Forwarding::Tunnel(Tunnel::Ipip), &[1, 1]);
    assert_eq!(net.ask(6).into_values().collect::<Vec<_>>(), [3, 3]);
}

fn local_node() {
    let net = Net::lay(1);
    let mut own = Servers::default();
    own.listen("10.2.0.254:80", Says::Name("director".to_owned()));
    let mut ipvs = balance(service("rr", 0), Forwarding::Nat, &[1]);
    let local = DestinationKey { address: "10.2.0.254".parse().expect("an address"), port: PORT };
    let destination = Destination { forwarding: Forwarding::Nat, weight: 1, upper: 0, lower: 0 };
    assert_eq!(ipvs.apply(&[Change::AddDestination(key(), local, destination)]), [Ok(())]);
    let wanted = BTreeMap::from([("director".to_owned(), 3), ("server1".to_owned(), 3)]);
    assert_eq!(net.ask(6), wanted);
}

/// By direct routing, so that only the virtual address moves from one director to the other.
fn two_directors() {
    let mut net = Net::lay(2);
    net.answer_directly("lo");
    for (name, servers) in &mut net.servers {
        servers.close(&format!("0.0.0.0:{PORT}"));
        within(name, || servers.listen(&format!("0.0.0.0:{PORT}"), Says::Echo(name.clone())));
    }
    ip(None, "netns add second\n");
    ip(Some("switch"), "link add second type veth peer name eth0 netns second\nlink set second master segment up\n");
    ip(
        Some("second"),
        "link set lo up\nlink set eth0 up\naddr add 10.1.0.2/24 dev eth0\naddr add 10.2.0.253/24 dev eth0\n",
    );
    let mut first = balance(service("rr", 0), Forwarding::Direct, &[1, 1]);
    let mut second = within("second", || balance(service("rr", 0), Forwarding::Direct, &[1, 1]));
    // Every packet is told, so that nobody has to wait for enough of them.
    set("vs/sync_threshold", "0 1");
    within("second", || set("ip_forward", "1"));
    let daemon = |role| Daemon {
        role,
        interface: "eth0".to_owned(),
        id: 9,
        max_length: None,
        group: None,
        port: None,
        ttl: None,
    };
    assert_eq!(second.apply(&[Change::StartDaemon(daemon(Role::Backup))]), [Ok(())]);
    assert_eq!(first.apply(&[Change::StartDaemon(daemon(Role::Master))]), [Ok(())]);

    let connection = net.connect();
    let name = name_of(&connection);
    let known = || {
        within("second", || fs::read_to_string("/proc/thread-self/net/ip_vs_conn"))
            .is_ok_and(|all| all.contains("ESTABLISHED"))
    };
    assert_eq!(settle(&true, known), Ok(()), "the second director knows of the connection");
    ip(None, "addr del 10.1.0.10/32 dev eth0\n");
    ip(Some("second"), "addr add 10.1.0.10/32 dev eth0\n");
    ip(Some("client"), "neigh flush all\n");
    (&connection).write_all(b"still there?\n").expect("an open connection");
    assert_eq!(name_of(&connection), "still there?", "{name} answers by way of the second director");
    let passed = || second.stats().expect("stats").get(&key()).is_some_and(|stats| stats.counters.packets_in > 0);
    assert_eq!(settle(&true, passed), Ok(()), "its packets are counted there");
}

const CHECKED: &str = "
virtual_server 10.1.0.10 80 {
    delay_loop 0.4
    warmup 0
    retry 1
    delay_before_retry 0.1
    connect_timeout 5
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    sorry_server 10.2.0.3 80
    real_server 10.2.0.1 80 {
        TCP_CHECK {
        }
    }
    real_server 10.2.0.2 80 {
        TCP_CHECK {
        }
    }
}
";

/// Servers of the virtual server now, by their last octet.
fn serving() -> Vec<String> {
    let table = table();
    table.iter().filter_map(|line| Some(line.split_once("-r 10.2.0.")?.1.split(':').next()?.to_owned())).collect()
}

fn failing_servers(program: Program) {
    let mut net = Net::lay(3);
    let everywhere = format!("0.0.0.0:{PORT}");
    daemon::configure(CHECKED);
    let daemon = daemon::Daemon::start(program, "-C");
    let wait = |wanted: &[&str]| {
        let wanted: Vec<String> = wanted.iter().map(|octet| (*octet).to_owned()).collect();
        let outcome = settle(&wanted, serving);
        outcome.unwrap_or_else(|found| panic!("{found:?} serve, not {wanted:?}: {}", daemon::log()));
    };
    wait(&["1", "2"]);
    assert_eq!(net.ask(6).into_values().collect::<Vec<_>>(), [3, 3]);
    net.servers[0].1.close(&everywhere);
    wait(&["2"]);
    assert_eq!(net.ask(4), BTreeMap::from([("server2".to_owned(), 4)]));
    net.servers[1].1.close(&everywhere);
    wait(&["3"]);
    assert_eq!(net.ask(4), BTreeMap::from([("server3".to_owned(), 4)]));
    within("server1", || net.servers[0].1.listen(&everywhere, Says::Name("server1".to_owned())));
    wait(&["1"]);
    assert_eq!(net.ask(4), BTreeMap::from([("server1".to_owned(), 4)]));
    daemon.stop();
    assert!(table().is_empty());
}
