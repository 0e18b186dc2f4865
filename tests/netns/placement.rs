// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where addresses and routes of an instance stand, beside keepalived.

use std::thread;
use std::time::{Duration, Instant};

use crate::journal::PATIENCE;
use crate::node::{Node, Program};
use crate::topology::Lab;

/// Every interface with its MAC where that is a virtual one, and what stands on it.
fn placement(node: &Node) -> String {
    let vmacs = node.run("ip -br link show type macvlan");
    let macs = vmacs.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some(format!("{} is {}\n", words.next()?, words.nth(1)?))
    });
    let addresses = node
        .run("ip -br addr")
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
        .collect::<String>();
    macs.chain([addresses]).collect()
}

/// What is there once it is enough, or when patience is at its end.
fn until(look: impl Fn() -> String, enough: impl Fn(&str) -> bool) -> String {
    let start = Instant::now();
    loop {
        let found = look();
        if enough(&found) || start.elapsed() > PATIENCE {
            return found;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn addresses_with_virtual_macs_stand_where_keepalived_puts_them() {
    let Some(mut lab) = Lab::new("addresses_with_virtual_macs_stand_where_keepalived_puts_them") else { return };
    let (lan, wan) = (lab.segment("lan"), lab.segment("wan"));
    let mut a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    lab.connect(&mut a, &wan, &[]);
    let of_each = [
        "use_vmac\n virtual_ipaddress {\n 10.0.0.100/24\n 10.0.0.101/24 dev eth1\n 10.0.0.102/24 dev eth0\n \
         10.0.0.103/24 dev eth1 use_vmac\n }\n virtual_ipaddress_excluded {\n 2001:db8::5/64\n 2001:db8::6/64 use_vmac\n }",
        "use_vmac_addr\n virtual_ipaddress {\n 10.0.0.100/24\n 10.0.0.101/24 dev eth1\n 10.0.0.102/24 dev eth0\n }\n \
         virtual_ipaddress_excluded {\n 2001:db8::5/64\n 2001:db8::6/64 dev eth1\n }",
        "virtual_ipaddress {\n 10.0.0.100/24\n 10.0.0.104/24 use_vmac\n }",
    ];
    let before = placement(&a);
    for lines in of_each {
        let configuration = format!(
            "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n priority 200\n advert_int 0.2\n version 3\n {lines}\n}}\n"
        );
        let addresses: Vec<&str> = lines.split_whitespace().filter(|word| word.contains('/')).collect();
        let theirs = a.start(Program::Keepalived, &configuration);
        let wanted = until(|| placement(&a), |found| addresses.iter().all(|address| found.contains(address)));
        assert!(addresses.iter().all(|address| wanted.contains(address)), "keepalived has\n{wanted}");
        assert!(theirs.stop().success());
        let ours = a.start(Program::Steadfast, &configuration);
        assert_eq!(until(|| placement(&a), |found| found == wanted), wanted, "{}", lab.journal.read());
        assert!(ours.stop().success());
        assert_eq!(until(|| placement(&a), |found| found == before), before, "nothing is left");
    }
}

#[test]
fn routes_are_those_keepalived_makes_whatever_their_options() {
    let Some(mut lab) = Lab::new("routes_are_those_keepalived_makes_whatever_their_options") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let routes = [
        "10.5.0.0/16 via 10.0.0.254 dev eth0 encap ip id 5 dst 10.0.0.9 ttl 9 tos 8",
        "10.6.0.0/16 dev eth0 encap ip6 id 7 dst 2001:db8::1 src 2001:db8::2 hoplimit 9 tc 8",
        "10.7.0.0/16 via 10.0.0.254 dev eth0 mtu lock 1400 advmss 1300 rto_min 5ms initcwnd 10 quickack 1 hoplimit 7",
        "10.8.0.0/16 nexthop via 10.0.0.253 dev eth0 weight 2 nexthop via 10.0.0.254 dev eth0",
        "blackhole 10.9.0.0/16 metric 7 table 100",
        "10.10.0.0/16 via 10.0.0.254 dev eth0 ttl-propagate enabled",
    ];
    let configuration = format!(
        "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n priority 200\n advert_int 0.2\n version 3\n \
         virtual_ipaddress {{\n 10.0.0.100\n }}\n virtual_routes {{\n {}\n }}\n}}\n",
        routes.join("\n ")
    );
    let made = || a.run("ip -d -4 route show table all proto keepalived");
    let theirs = a.start(Program::Keepalived, &configuration);
    let wanted = until(made, |made| made.lines().filter(|line| !line.starts_with('\t')).count() == routes.len());
    assert!(wanted.matches("encap ip").count() == 2 && wanted.contains("mtu lock 1400"), "keepalived has\n{wanted}");
    assert!(theirs.stop().success());
    assert_eq!(until(made, |made| made.is_empty()), "");
    let ours = a.start(Program::Steadfast, &configuration);
    assert_eq!(until(made, |made| made == wanted), wanted, "{}", lab.journal.read());
    assert!(ours.stop().success());
    assert_eq!(until(made, |made| made.is_empty()), "", "nothing is left");
}
