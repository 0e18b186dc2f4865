// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets on less common ways: tunnels of every type, datagrams, IPv6, and services by mark.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use steadfast::kernel::Family;
use steadfast::kernel::ipvs::{
    Change, Checksum, Destination, DestinationKey, Forwarding, Ipvs, Persistence, Service, ServiceKey, Tunnel, flag,
};

use crate::case::Program;
use crate::daemon::{self, Daemon};
use crate::traffic::{CONNECT_WAIT, Net, VIP, balance, ip, name_of, service, within};
use crate::world::{Says, run, settle, table};
use crate::{Guest, Scenario};

const PORT: u16 = 80;
const GUE_PORT: u16 = 6080;
const VIP6: &str = "fd01::10";
/// A datagram may be lost; it is sent again after this.
const DATAGRAM_WAIT: Duration = Duration::from_secs(2);
const DATAGRAM_TRIES: usize = 15;

pub fn scenarios() -> Vec<Scenario> {
    let all: [(&str, fn()); 16] = [
        ("packets::a_gue_tunnel_without_checksum_reaches_the_server", || gue(Checksum::None)),
        ("packets::a_gue_tunnel_with_checksum_reaches_the_server", || gue(Checksum::Full)),
        ("packets::a_gue_tunnel_with_remote_checksum_reaches_the_server", || gue(Checksum::Remote)),
        ("packets::a_gre_tunnel_without_checksum_reaches_the_server", || gre(Checksum::None)),
        ("packets::a_gre_tunnel_with_checksum_reaches_the_server", || gre(Checksum::Full)),
        ("packets::datagrams_of_one_socket_stay_with_their_server", datagrams),
        ("packets::a_server_that_answers_no_datagrams_gets_none", silent_server),
        ("packets::with_ops_every_datagram_goes_to_the_next_server", one_packet),
        ("packets::ipv6_by_address_translation_reaches_the_server", six_by_nat),
        ("packets::ipv6_by_direct_routing_reaches_the_server", six_directly),
        ("packets::ipv6_by_a_tunnel_reaches_the_server", six_by_tunnel),
        ("packets::ipv6_by_a_gue_tunnel_reaches_the_server", six_by_gue),
        ("packets::ipv6_by_a_gre_tunnel_reaches_the_server", six_by_gre),
        ("packets::ipv4_by_a_tunnel_over_ipv6_reaches_the_server", four_through_six),
        ("packets::a_mark_brings_two_ports_to_one_server", marked),
        ("packets::a_group_is_balanced_at_its_address_and_by_its_mark", group),
    ];
    all.map(|(name, run)| Scenario::new(Guest::Ours, name, run)).into()
}

fn evenly(net: &Net) {
    assert_eq!(net.ask(6), BTreeMap::from([("server1".to_owned(), 3), ("server2".to_owned(), 3)]));
}

/// Where packets come in, before anything else sees them. This kernel has no packet filter, but classes of traffic.
fn classify(network: Option<&str>, filters: &[String]) {
    let place = network.map(|name| format!("-n {name} ")).unwrap_or_default();
    run(&format!("tc {place}qdisc add dev eth0 ingress"));
    for (rank, filter) in (1..).zip(filters) {
        run(&format!("tc {place}filter add dev eth0 parent ffff: prio {rank} protocol ip u32 {filter}"));
    }
}

/// Of what the tunnel brings, packets with a checksum (or without one) are dropped; so an answer says that there was none
/// (or one).
fn drop_with_checksum(name: &str, with: bool) {
    let tunnel = format!("match ip protocol 17 0xff match ip dport {GUE_PORT} 0xffff");
    // The last two octets of the header of UDP, behind twenty of IP.
    let without = format!("{tunnel} match u16 0 0xffff at 26");
    let (first, rest) = if with { ("pass", "drop") } else { ("drop", "pass") };
    classify(Some(name), &[format!("{without} action {first}"), format!("{tunnel} action {rest}")]);
}

fn gue(checksum: Checksum) {
    let net = Net::lay(2);
    for (name, _) in &net.servers {
        ip(Some(name), &format!("fou add port {GUE_PORT} gue\n"));
        match checksum {
            Checksum::None => drop_with_checksum(name, true),
            Checksum::Full => drop_with_checksum(name, false),
            // The sum is inside, where only the end of the tunnel looks.
            Checksum::Remote => {}
        }
        // What the tunnel carries is IP in IP.
        ip(Some(name), "link add any type ipip local 10.2.0.99\n");
    }
    net.answer_directly("tunl0");
    let tunnel = Tunnel::Gue { port: GUE_PORT, checksum };
    let _ipvs = balance(service("rr", 0), Forwarding::Tunnel(tunnel), &[1, 1]);
    evenly(&net);
}

/// A device that takes packets with checksum takes none without, and the other way round.
fn gre(checksum: Checksum) {
    let net = Net::lay(2);
    let sum = if checksum == Checksum::Full { " icsum" } else { "" };
    for (place, (name, _)) in net.servers.iter().enumerate() {
        ip(Some(name), &format!("link add inner type gre local 10.2.0.{}{sum}\n", place + 1));
    }
    net.answer_directly("inner");
    let _ipvs = balance(service("rr", 0), Forwarding::Tunnel(Tunnel::Gre { checksum }), &[1, 1]);
    evenly(&net);
}

/// Answers every datagram with the name.
fn answer_datagrams(network: &str, at: &str) {
    let socket = within(network, || UdpSocket::bind(at).unwrap_or_else(|error| panic!("{at}: {error}")));
    let name = network.to_owned();
    thread::spawn(move || {
        let mut bytes = [0; 64];
        while let Ok((_, from)) = socket.recv_from(&mut bytes) {
            let _ = socket.send_to(name.as_bytes(), from);
        }
    });
}

/// A client's socket that hears the virtual address alone.
fn client() -> UdpSocket {
    within("client", || {
        let socket = UdpSocket::bind("10.1.0.100:0").expect("a socket");
        socket.connect((VIP, PORT)).expect("a way");
        socket.set_read_timeout(Some(DATAGRAM_WAIT)).expect("a timeout");
        socket
    })
}

fn who_answers(socket: &UdpSocket) -> String {
    for _ in 0..DATAGRAM_TRIES {
        socket.send(b"who?").expect("a datagram leaves");
        let mut bytes = [0; 64];
        if let Ok(length) = socket.recv(&mut bytes) {
            return String::from_utf8_lossy(&bytes[..length]).into_owned();
        }
    }
    panic!("nobody answers");
}

fn udp(forwarding: Forwarding, flags: u32) -> Ipvs {
    let key = ServiceKey::Address { protocol: 17, address: VIP.parse().expect("an address"), port: PORT };
    fill(key, service("rr", flags), forwarding, ["10.2.0.1", "10.2.0.2"], PORT)
}

/// A table with one service and two destinations.
fn fill(key: ServiceKey, service: Service, forwarding: Forwarding, servers: [&str; 2], port: u16) -> Ipvs {
    let mut ipvs = Ipvs::open().unwrap_or_else(|error| panic!("{error}"));
    let mut changes = vec![Change::AddService(key, service)];
    for address in servers {
        let at = DestinationKey { address: address.parse().expect("an address"), port };
        changes.push(Change::AddDestination(key, at, Destination { forwarding, weight: 1, upper: 0, lower: 0 }));
    }
    for (change, verdict) in changes.iter().zip(ipvs.apply(&changes)) {
        verdict.unwrap_or_else(|refusal| panic!("{change}: {}", change.explain(&refusal)));
    }
    ipvs
}

fn datagrams() {
    let net = Net::lay(2);
    for (name, _) in &net.servers {
        answer_datagrams(name, "0.0.0.0:80");
    }
    let mut ipvs = udp(Forwarding::Nat, 0);
    let sockets: Vec<UdpSocket> = (0..4).map(|_| client()).collect();
    let names: Vec<String> = sockets.iter().map(who_answers).collect();
    for name in ["server1", "server2"] {
        assert_eq!(names.iter().filter(|found| *found == name).count(), 2, "{names:?}");
    }
    for (socket, name) in sockets.iter().zip(&names) {
        assert_eq!((0..3).map(|_| who_answers(socket)).collect::<Vec<_>>(), [name.as_str(); 3]);
    }
    let connections = || ipvs.stats().expect("stats").values().map(|one| one.counters.connections).sum::<u64>();
    assert_eq!(settle(&4, connections), Ok(()), "one for each socket");
}

const CHECKED_DATAGRAMS: &str = "
virtual_server 10.1.0.10 80 {
    delay_loop 0.4
    warmup 0
    retry 1
    delay_before_retry 0.1
    connect_timeout 5
    lvs_sched rr
    lvs_method NAT
    protocol UDP
    real_server 10.2.0.1 80 {
        UDP_CHECK {
            require_reply
        }
    }
    real_server 10.2.0.2 80 {
        UDP_CHECK {
            require_reply
        }
    }
}
";

/// Watched by the daemon, which asks for an answer.
fn silent_server() {
    let net = Net::lay(2);
    for (name, _) in &net.servers {
        answer_datagrams(name, "0.0.0.0:80");
    }
    daemon::configure(CHECKED_DATAGRAMS);
    let daemon = Daemon::start(Program::Steadfast, "-C");
    let wait = |servers: &[&str]| {
        let mut wanted = vec!["-A -u 10.1.0.10:80 -s rr".to_owned()];
        wanted.extend(servers.iter().map(|server| format!("-a -u 10.1.0.10:80 -r {server}:80 -m -w 1")));
        settle(&wanted, table).unwrap_or_else(|found| panic!("{found:?}: {}", daemon::log()));
    };
    wait(&["10.2.0.1", "10.2.0.2"]);
    let names: Vec<String> = (0..4).map(|_| who_answers(&client())).collect();
    assert_eq!(names.iter().filter(|name| *name == "server1").count(), 2, "{names:?}");
    ip(Some("server1"), "link set eth0 down\n");
    wait(&["10.2.0.2"]);
    let names: Vec<String> = (0..3).map(|_| who_answers(&client())).collect();
    assert_eq!(names, ["server2"; 3]);
    daemon.stop();
    assert!(table().is_empty());
}

/// By direct routing: nobody remembers such a packet, so nobody could translate its answer back.
fn one_packet() {
    let net = Net::lay(2);
    net.answer_directly("lo");
    for (name, _) in &net.servers {
        answer_datagrams(name, &format!("{VIP}:{PORT}"));
    }
    let _ipvs = udp(Forwarding::Direct, flag::ONE_PACKET);
    let socket = client();
    // A datagram that was lost took its turn with it, so only that it goes round is certain.
    let names: Vec<String> = (0..8).map(|_| who_answers(&socket)).collect();
    for name in ["server1", "server2"] {
        assert!(names.iter().any(|found| found == name), "{names:?}");
    }
}

/// The same net with IPv6 beside IPv4: `fd01::/64` is the client's side, `fd02::/64` the servers'.
fn six(count: usize) -> Net {
    let net = Net::lay(count);
    let own = |network: Option<&str>, lines: &str| ip(network, lines);
    own(
        None,
        &format!(
            "addr add fd01::1/64 dev eth0 nodad\naddr add fd02::254/64 dev eth0 nodad\naddr add {VIP6}/128 dev eth0 nodad\n"
        ),
    );
    std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").expect("a setting of the kernel");
    own(Some("client"), "addr add fd01::100/64 dev eth0 nodad\n");
    for (place, (name, _)) in net.servers.iter().enumerate() {
        let lines = format!("addr add fd02::{}/64 dev eth0 nodad\nroute add default via fd02::254\n", place + 1);
        own(Some(name), &lines);
        // The director would tell them of the shorter way to the client, on which answers are not translated back.
        within(name, || {
            std::fs::write("/proc/sys/net/ipv6/conf/eth0/accept_redirects", "0").expect("a setting of the kernel");
        });
    }
    net
}

/// Servers have the virtual address on `device` too, which says nothing about it to neighbours.
fn answer_six(net: &mut Net, device: &str) {
    for (name, servers) in &mut net.servers {
        ip(
            Some(name),
            &format!("link set {device} up\naddr add {VIP6}/128 dev {device} nodad\nroute add fd01::/64 dev eth0\n"),
        );
        within(name, || servers.listen(&format!("[{VIP6}]:{PORT}"), Says::Name(name.clone())));
    }
}

fn ask_six(times: usize) -> BTreeMap<String, usize> {
    let address = SocketAddr::new(VIP6.parse().expect("an address"), PORT);
    let mut counts = BTreeMap::new();
    for _ in 0..times {
        let connection = within("client", || TcpStream::connect_timeout(&address, CONNECT_WAIT)).expect("an answer");
        *counts.entry(name_of(&connection)).or_default() += 1;
    }
    counts
}

fn evenly_six() {
    assert_eq!(ask_six(6), BTreeMap::from([("server1".to_owned(), 3), ("server2".to_owned(), 3)]));
}

fn balance_six(forwarding: Forwarding) -> Ipvs {
    let key = ServiceKey::Address { protocol: 6, address: VIP6.parse().expect("an address"), port: PORT };
    fill(key, service("rr", 0), forwarding, ["fd02::1", "fd02::2"], PORT)
}

fn six_by_nat() {
    let mut net = six(2);
    for (place, (name, servers)) in net.servers.iter_mut().enumerate() {
        within(name, || servers.listen(&format!("[fd02::{}]:{PORT}", place + 1), Says::Name(name.clone())));
    }
    let _ipvs = balance_six(Forwarding::Nat);
    evenly_six();
}

fn six_directly() {
    let mut net = six(2);
    answer_six(&mut net, "lo");
    let _ipvs = balance_six(Forwarding::Direct);
    evenly_six();
}

fn six_by_tunnel() {
    let mut net = six(2);
    answer_six(&mut net, "ip6tnl0");
    let _ipvs = balance_six(Forwarding::Tunnel(Tunnel::Ipip));
    evenly_six();
}

fn six_by_gue() {
    let mut net = six(2);
    for (name, _) in &net.servers {
        ip(Some(name), &format!("fou add port {GUE_PORT} gue -6\n"));
    }
    answer_six(&mut net, "ip6tnl0");
    let _ipvs = balance_six(Forwarding::Tunnel(Tunnel::Gue { port: GUE_PORT, checksum: Checksum::Full }));
    evenly_six();
}

fn six_by_gre() {
    let mut net = six(2);
    for (place, (name, _)) in net.servers.iter().enumerate() {
        ip(Some(name), &format!("link add inner type ip6gre local fd02::{} remote ::\n", place + 1));
    }
    answer_six(&mut net, "inner");
    let _ipvs = balance_six(Forwarding::Tunnel(Tunnel::Gre { checksum: Checksum::None }));
    evenly_six();
}

/// The virtual server is IPv4, and its servers are reached over IPv6.
fn four_through_six() {
    let net = six(2);
    for (place, (name, _)) in net.servers.iter().enumerate() {
        let lines = format!("link add inner type ip6tnl mode any local fd02::{} remote ::\n", place + 1);
        ip(Some(name), &lines);
    }
    net.answer_directly("inner");
    let key = ServiceKey::Address { protocol: 6, address: VIP.parse().expect("an address"), port: PORT };
    let _ipvs = fill(key, service("rr", 0), Forwarding::Tunnel(Tunnel::Ipip), ["fd02::1", "fd02::2"], PORT);
    evenly(&net);
}

/// Gives packets that match one of these a mark.
fn mark(mark: u32, matches: &[&str]) {
    let filters: Vec<String> =
        matches.iter().map(|matches| format!("match {matches} action skbedit mark {mark}")).collect();
    classify(None, &filters);
}

/// Two ports are one service: whoever came to one of them comes to the same server at the other.
fn marked() {
    let mut net = Net::lay(2);
    for (name, servers) in &mut net.servers {
        within(name, || servers.listen("0.0.0.0:443", Says::Name(name.clone())));
    }
    mark(7, &["ip dst 10.1.0.10/32 match ip dport 80 0xffff", "ip dst 10.1.0.10/32 match ip dport 443 0xffff"]);
    let key = ServiceKey::Mark { family: Family::V4, mark: 7 };
    let persistence = Some(Persistence { timeout: 300, granularity: None, engine: None });
    // Without a port of their own servers are asked at the port the client asked for.
    let _ipvs = fill(key, Service { persistence, ..service("rr", 0) }, Forwarding::Nat, ["10.2.0.1", "10.2.0.2"], 0);
    let at = |port| {
        let address = SocketAddr::new(VIP.parse::<IpAddr>().expect("an address"), port);
        name_of(&within("client", || TcpStream::connect_timeout(&address, CONNECT_WAIT)).expect("somebody answers"))
    };
    let first = at(80);
    for port in [443, 80, 443, 443] {
        assert_eq!(at(port), first, "port {port}");
    }
}

const GROUP: &str = "
virtual_server_group front {
    10.1.0.11 80
    fwmark 1000
}
virtual_server group front {
    delay_loop 0.4
    warmup 0
    retry 1
    delay_before_retry 0.1
    connect_timeout 5
    lvs_sched rr
    lvs_method NAT
    protocol TCP
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

/// One address as itself and another by its mark; a server that dies leaves both.
fn group() {
    let mut net = Net::lay(2);
    ip(None, "addr add 10.1.0.11/32 dev eth0\n");
    mark(1000, &["ip dst 10.1.0.10/32"]);
    daemon::configure(GROUP);
    let daemon = Daemon::start(Program::Steadfast, "-C");
    let wait = |servers: &[&str]| {
        let mut wanted = Vec::new();
        for service in ["-t 10.1.0.11:80", "-f 1000"] {
            wanted.push(format!("-A {service} -s rr"));
            wanted.extend(servers.iter().map(|server| format!("-a {service} -r {server}:80 -m -w 1")));
        }
        settle(&wanted, table).unwrap_or_else(|found| panic!("{found:?}: {}", daemon::log()));
    };
    let ask = |times| {
        ["10.1.0.10", "10.1.0.11"].map(|address| {
            let address = SocketAddr::new(address.parse().expect("an address"), PORT);
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for _ in 0..times {
                let connection = within("client", || TcpStream::connect_timeout(&address, CONNECT_WAIT));
                *counts.entry(name_of(&connection.expect("somebody answers"))).or_default() += 1;
            }
            counts
        })
    };
    wait(&["10.2.0.1", "10.2.0.2"]);
    let both = BTreeMap::from([("server1".to_owned(), 2), ("server2".to_owned(), 2)]);
    assert_eq!(ask(4), [both.clone(), both]);
    net.servers[0].1.close("0.0.0.0:80");
    wait(&["10.2.0.2"]);
    let one = BTreeMap::from([("server2".to_owned(), 3)]);
    assert_eq!(ask(3), [one.clone(), one]);
    daemon.stop();
    assert!(table().is_empty());
}
