// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast::kernel::nft` against a real kernel, with `nft`, the segment and keepalived's own tables as witnesses.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{Ipv6Addr, SocketAddrV6, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::net::if_::if_nametoindex;
use nix::sys::socket::{LinkAddr, recvfrom};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use steadfast::kernel::nft::{Done, Keeper, Order, Place, Refused, Settings, Unaccepted, Vmac, Wish};
use tokio::sync::mpsc::Receiver;

use crate::journal::PATIENCE;
use crate::node::{Node, Program};
use crate::topology::Lab;

/// A keeper in a node's network.
struct Filter {
    keeper: Keeper<u32>,
    done: Receiver<Done<u32>>,
}

impl Filter {
    fn start(node: &Node, settings: Settings) -> Filter {
        let (keeper, done) = node.namespace().enter(|| Keeper::start(settings).unwrap());
        Filter { keeper, done }
    }

    fn ask(&mut self, wish: Wish) -> Result<(), Refused> {
        assert!(self.keeper.order(Order { ticket: 5, wish }));
        let done = self.done.blocking_recv().unwrap();
        assert_eq!(done.ticket, 5);
        done.outcome
    }

    #[track_caller]
    fn hold(&mut self, holder: u32, addresses: &[(&str, Place)]) {
        let all = addresses.iter().map(|(address, place)| Unaccepted::new(address.parse().unwrap(), place.clone()));
        self.ask(Wish::Hold { holder, addresses: all.collect() }).unwrap();
    }
}

fn index(node: &Node, interface: &str) -> u32 {
    node.namespace().enter(|| if_nametoindex(interface)).unwrap()
}

fn list(node: &Node) -> String {
    node.run("nft list ruleset")
}

const LISTING: &str = r#"table ip keepalived {
	map vmac_map {
		type iface_index : iface_index
		elements = { "vm0" : "eth0" }
	}

	set vips {
		type ipv4_addr
		elements = { 10.0.0.100, 10.0.0.101 }
	}

	chain out {
		type filter hook output priority filter - 1; policy accept;
		ip protocol igmp meta oifkind "macvlan" dup to ip daddr device oif map @vmac_map drop
		ip saddr @vips drop
	}

	chain in {
		type filter hook input priority filter - 1; policy accept;
		ip daddr @vips drop
	}
}
table ip6 keepalived {
	map vmac_map {
		type iface_index : iface_index
		elements = { "vm0" : "eth0" }
	}

	set vmac_set {
		type iface_index
		elements = { "vm0" }
	}

	set parent_link_local {
		type ipv6_addr . ifname
		elements = { fe80::7 . "vm0" }
	}

	set mld-report {
		type icmpv6_type
		flags constant
		elements = { mld-listener-report,
			     mld-listener-done,
			     mld2-listener-report }
	}

	set vips {
		type ipv6_addr
		elements = { 2001:db8::100 }
	}

	set neighbor-discovery {
		type icmpv6_type
		flags constant
		elements = { nd-neighbor-solicit,
			     nd-neighbor-advert }
	}

	set vips_link_local {
		type ipv6_addr . iface_index
		elements = { fe80::100 . "eth0" }
	}

	set vips_link_local_name {
		type ipv6_addr . ifname
		elements = { fe80::101 . "eth0" }
	}

	chain out {
		type filter hook output priority filter - 1; policy accept;
		icmpv6 type nd-neighbor-advert meta oifkind "macvlan" ip6 saddr . oifname @parent_link_local drop
		icmpv6 type @mld-report meta oifkind "macvlan" dup to ip6 daddr device oif map @vmac_map drop
		icmpv6 type nd-router-solicit meta oifkind "macvlan" oif @vmac_set drop
		icmpv6 type @neighbor-discovery accept
		ip6 saddr fe80::/10 goto out_link_local
		ip6 saddr @vips drop
	}

	chain in {
		type filter hook input priority filter - 1; policy accept;
		icmpv6 type @neighbor-discovery accept
		ip6 daddr fe80::/10 goto in_link_local
		ip6 daddr @vips drop
	}

	chain in_link_local {
		ip6 daddr . iif @vips_link_local drop
		ip6 daddr . iifname @vips_link_local_name drop
	}

	chain out_link_local {
		ip6 saddr . oif @vips_link_local drop
		ip6 saddr . oifname @vips_link_local_name drop
	}
}
"#;

#[test]
fn nft_shows_the_tables_as_operators_know_them() {
    let Some(mut lab) = Lab::new("nft_shows_the_tables_as_operators_know_them") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &[]);
    a.run("ip link add vm0 link eth0 type macvlan mode private");
    let eth0 = index(&a, "eth0");
    let mut filter = Filter::start(&a, Settings::default());
    let named = Place::Name("eth0".to_owned());
    filter.hold(1, &[("10.0.0.100", Place::Index(eth0)), ("10.0.0.101", Place::Index(eth0))]);
    filter.hold(
        2,
        &[("2001:db8::100", Place::Index(eth0)), ("fe80::100", Place::Index(eth0)), ("fe80::101", named.clone())],
    );
    let shared_link_local = Some("fe80::7".parse().unwrap());
    let vmac = Vmac { name: "vm0".to_owned(), base: eth0, ipv4: true, ipv6: true, shared_link_local };
    filter.ask(Wish::Vmacs(BTreeMap::from([(index(&a, "vm0"), vmac)]))).unwrap();
    assert_eq!(list(&a), LISTING);
    // Addresses that go leave everything else where it is.
    filter.hold(1, &[("10.0.0.101", Place::Index(eth0))]);
    filter.hold(2, &[("fe80::101", named)]);
    let listed = list(&a);
    assert!(listed.contains("elements = { 10.0.0.101 }") && listed.contains("fe80::101 . \"eth0\""), "{listed}");
    assert!(!listed.contains("10.0.0.100") && !listed.contains("2001:db8::100"), "{listed}");
    filter.ask(Wish::Remove).unwrap();
    assert_eq!(list(&a), "");
}

/// The sets and chains of a listing, each a block of lines under its table.
fn blocks(listing: &str) -> BTreeSet<String> {
    let mut table = "";
    let mut blocks = BTreeSet::new();
    for block in listing.split("\n\n").flat_map(|part| part.split_inclusive("table ")) {
        let block = block.trim_end_matches("table ").trim_matches(['\n', '}', ' ', '\t']);
        let block = match block.split_once(" {\n") {
            Some((name, rest)) if name.ends_with(" keepalived") => {
                table = name;
                rest.trim()
            }
            _ => block,
        };
        if !block.is_empty() {
            blocks.insert(format!("{table}: {block}"));
        }
    }
    blocks
}

#[test]
fn the_filter_of_addresses_is_the_one_keepalived_makes() {
    let Some(mut lab) = Lab::new("the_filter_of_addresses_is_the_one_keepalived_makes") else { return };
    let lan = lab.segment("lan");
    let ours = lab.node_on(&lan, "ours", &["10.0.0.1/24", "2001:db8::1/64"]);
    let theirs = lab.node_on(&lan, "theirs", &["10.0.0.2/24", "2001:db8::2/64"]);
    let instance = |vrid: u8, more: &str, addresses: &str| {
        format!(
            "vrrp_instance I{vrid} {{\n interface eth0\n version 3\n advert_int 0.1\n virtual_router_id {vrid}\n \
             no_accept\n {more}\n virtual_ipaddress {{\n {addresses}\n }}\n}}\n"
        )
    };
    let configuration = instance(1, "", "10.0.0.100\n 10.0.0.101")
        + &instance(2, "", "fe80::100\n 2001:db8::100")
        + &instance(3, "dont_track_primary", "fe80::101\n 2001:db8::101");
    let daemon = theirs.start(Program::Keepalived, &configuration);
    lab.journal.until("all are master", |seen| {
        ["10.0.0.101", "2001:db8::100", "2001:db8::101"].iter().all(|address| seen.holds_alone("theirs", address))
    });
    let eth0 = index(&ours, "eth0");
    let mut filter = Filter::start(&ours, Settings::default());
    filter.hold(1, &[("10.0.0.100", Place::Index(eth0)), ("10.0.0.101", Place::Index(eth0))]);
    filter.hold(2, &[("fe80::100", Place::Index(eth0)), ("2001:db8::100", Place::Index(eth0))]);
    let named = Place::Name("eth0".to_owned());
    filter.hold(3, &[("fe80::101", named.clone()), ("2001:db8::101", named)]);
    let made = blocks(&list(&ours));
    assert_eq!((made.len(), &made), (11, &blocks(&list(&theirs))));
    assert!(daemon.stop().success());
}

/// Whether a link-local address answers through `eth0`, if only by refusing.
fn reaches_link_local(node: &Node, address: &str) -> bool {
    let address: Ipv6Addr = address.parse().unwrap();
    let to = SocketAddrV6::new(address, 9, 0, index(node, "eth0"));
    match node.namespace().enter(|| TcpStream::connect_timeout(&to.into(), Duration::from_secs(1))) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
    }
}

fn knows(node: &Node, address: &str) -> bool {
    node.run(&format!("ip neigh show {address}")).contains(" lladdr ")
}

#[test]
fn unaccepted_addresses_answer_to_neighbours_and_to_nothing_else() {
    let Some(mut lab) = Lab::new("unaccepted_addresses_answer_to_neighbours_and_to_nothing_else") else { return };
    let (lan, other) = (lab.segment("lan"), lab.segment("other"));
    let mut a = lab.node_on(&lan, "a", &["10.0.0.1/24", "2001:db8::1/64", "10.0.0.100/32", "2001:db8::100/64"]);
    lab.connect(&mut a, &other, &["fe80::100/64"]);
    a.run("ip addr add fe80::100/64 dev eth0");
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24", "2001:db8::2/64"]);
    let c = lab.node_on(&other, "c", &[]);
    b.wait_to_reach("10.0.0.100");
    b.wait_to_reach("2001:db8::100");
    b.run("ip neigh flush all");
    let eth0 = Place::Index(index(&a, "eth0"));
    let mut filter = Filter::start(&a, Settings::default());
    filter.hold(1, &[("10.0.0.100", eth0.clone()), ("2001:db8::100", eth0.clone()), ("fe80::100", eth0)]);
    for vip in ["10.0.0.100", "2001:db8::100"] {
        assert!(!b.reaches(vip) && knows(&b, vip), "{vip}\n{}", list(&a));
    }
    assert!(!reaches_link_local(&b, "fe80::100") && knows(&b, "fe80::100"), "{}", list(&a));
    // The same link-local address on the other link is nobody's VIP.
    let start = Instant::now();
    while !reaches_link_local(&c, "fe80::100") {
        assert!(start.elapsed() < PATIENCE, "{}", list(&a));
    }
    assert!(b.reaches("10.0.0.1") && b.reaches("2001:db8::1"));
    filter.hold(1, &[]);
    b.wait_to_reach("10.0.0.100");
    b.wait_to_reach("2001:db8::100");
    assert!(reaches_link_local(&b, "fe80::100"));
}

/// The sources of the next frames that tell of a group, so many of them.
fn reporters(node: &Node, group: &[u8], count: usize, join: impl FnOnce()) -> Vec<[u8; 6]> {
    let socket = node.namespace().enter(|| {
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(i32::from(3_u16.to_be())))).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    });
    join();
    let mut found = Vec::new();
    let mut buffer = vec![0; 2048];
    while found.len() < count {
        let (length, _) = recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut buffer).expect("a report");
        let frame = &buffer[..length];
        // One report may tell of several groups.
        let tells = frame.windows(group.len()).any(|octets| octets == group);
        if tells && matches!(frame[12..14], [0x08, 0x00] | [0x86, 0xdd]) {
            found.push(frame[6..12].try_into().unwrap());
        }
    }
    found
}

#[test]
fn group_reports_of_a_vmac_leave_by_the_base_interface() {
    let Some(mut lab) = Lab::new("group_reports_of_a_vmac_leave_by_the_base_interface") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let b = lab.node_on(&lan, "b", &[]);
    a.run("ip link add vm0 address 00:00:5e:00:01:01 link eth0 type macvlan mode private");
    a.run("ip link set vm0 up");
    let (vm0, eth0) = (index(&a, "vm0"), index(&a, "eth0"));
    let member = a
        .namespace()
        .enter(|| [Domain::IPV4, Domain::IPV6].map(|domain| Socket::new(domain, Type::DGRAM, None).unwrap()));
    let join = |last: u8| {
        member[0].join_multicast_v4_n(&[239, 1, 2, last].into(), &InterfaceIndexOrAddress::Index(vm0)).unwrap();
        member[1].join_multicast_v6(&Ipv6Addr::from(0xff0e << 112 | u128::from(last)), vm0).unwrap();
    };
    let groups = |last: u8| ([239, 1, 2, last], Ipv6Addr::from(0xff0e << 112 | u128::from(last)).octets());
    let (v4, _) = groups(1);
    assert_eq!(reporters(&b, &v4, 1, || join(1)), [[0, 0, 0x5e, 0, 1, 1]], "so the kernel does it by itself");
    let mut filter = Filter::start(&a, Settings::default());
    let vmac = Vmac { name: "vm0".to_owned(), base: eth0, ipv4: true, ipv6: true, shared_link_local: None };
    filter.ask(Wish::Vmacs(BTreeMap::from([(vm0, vmac)]))).unwrap();
    let base = [2, 0, 0, 0, 1, 1];
    assert_eq!(reporters(&b, &groups(2).0, 2, || join(2)), [base; 2], "{}", list(&a));
    assert_eq!(reporters(&b, &groups(3).1, 2, || join(3)), [base; 2], "{}", list(&a));
}

#[test]
fn a_refusal_names_what_was_refused_and_a_flushed_table_comes_back() {
    let Some(mut lab) = Lab::new("a_refusal_names_what_was_refused_and_a_flushed_table_comes_back") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &[]);
    let place = || Place::Index(index(&a, "eth0"));
    let mut filter = Filter::start(&a, Settings::default());
    filter.hold(1, &[("10.0.0.100", place())]);
    a.run("nft flush ruleset");
    filter.hold(2, &[("10.0.0.101", place())]);
    assert!(list(&a).contains("elements = { 10.0.0.100, 10.0.0.101 }"), "{}", list(&a));
    // An earlier life's table is replaced by the first of this one.
    drop(filter);
    let mut filter = Filter::start(&a, Settings { counters: true, priority: -5, ..Settings::default() });
    filter.hold(1, &[("10.0.0.102", place())]);
    let listed = list(&a);
    assert!(
        listed.contains("elements = { 10.0.0.102 }") && listed.contains("hook input priority filter - 5"),
        "{listed}"
    );
    assert!(listed.contains("ip daddr @vips counter packets 0 bytes 0 drop"), "{listed}");
    let table = "t".repeat(300);
    let mut filter = Filter::start(&a, Settings { table: table.clone(), ..Settings::default() });
    let addresses = BTreeSet::from([Unaccepted::new("10.0.0.1".parse().unwrap(), place())]);
    let refused = filter.ask(Wish::Hold { holder: 1, addresses }).unwrap_err();
    assert_eq!(refused.what, format!("table ip {table}"));
}

#[test]
fn twenty_thousand_addresses_are_one_transaction() {
    let Some(mut lab) = Lab::new("twenty_thousand_addresses_are_one_transaction") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &[]);
    let mut filter = Filter::start(&a, Settings::default());
    let all = |network: u8| {
        (0..20_000_u16).map(move |number| {
            let [high, low] = number.to_be_bytes();
            Unaccepted::Anywhere([10, network, high, low].into())
        })
    };
    filter.ask(Wish::Hold { holder: 1, addresses: all(1).collect() }).unwrap();
    filter.ask(Wish::Hold { holder: 1, addresses: all(2).collect() }).unwrap();
    let listed = list(&a);
    assert!(!listed.contains("10.1.") && listed.matches("10.2.").count() == 20_000);
}
