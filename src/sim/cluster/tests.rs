// SPDX-License-Identifier: MIT OR Apache-2.0
use keepalived_conf::source::MemoryHost;

use super::*;

fn plan(text: &str) -> VrrpPlan {
    let loaded = keepalived_conf::load_str(&MemoryHost::new(), text, true);
    VrrpPlan::compile(&loaded.config, None)
}

fn nodes(texts: &[&str]) -> Vec<(String, VrrpPlan)> {
    texts.iter().enumerate().map(|(at, text)| (parts::node_name(at), plan(text))).collect()
}

fn multicast(interface: &str, vrid: u8, address: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\n interface {interface}\n virtual_router_id {vrid}\n virtual_ipaddress {{\n {address}\n }}\n}}\n"
    )
}

#[test]
fn interfaces_of_one_name_are_on_one_segment() {
    let both = nodes(&[&multicast("eth0", 51, "192.0.2.1"), &multicast("eth0", 52, "192.0.2.2")]);
    assert_eq!(layout(&both).segments, ["eth0"]);
}

#[test]
fn interfaces_that_carry_one_virtual_router_are_on_one_segment() {
    let both = nodes(&[&multicast("eth0", 51, "192.0.2.1"), &multicast("ens3", 51, "192.0.2.1")]);
    let layout = layout(&both);
    assert_eq!(layout.segments, ["ens3/eth0"]);
    assert_eq!(layout.routers().len(), 1);
    assert_eq!(layout.routers()[0].members.len(), 2);
}

#[test]
fn what_has_nothing_in_common_is_apart() {
    let both = nodes(&[&multicast("eth0", 51, "192.0.2.1"), &multicast("ens3", 52, "192.0.2.2")]);
    assert_eq!(layout(&both).segments, ["eth0", "ens3"]);
}

#[test]
fn an_address_that_only_the_peers_tell_is_found() {
    let unicast = |own: &str, peer: &str| {
        format!(
            "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n {own}\n unicast_peer {{\n {peer}\n }}\n virtual_ipaddress {{\n 192.0.2.1\n }}\n}}\n"
        )
    };
    let both = nodes(&[&unicast("unicast_src_ip 10.9.9.1", "10.9.9.2"), &unicast("", "10.9.9.1")]);
    let layout = layout(&both);
    let own = |at: usize| layout.nodes[at].ports[0].addresses[0].to_string();
    assert_eq!((own(0), own(1)), ("10.9.9.1".to_owned(), "10.9.9.2".to_owned()));
}
