// SPDX-License-Identifier: MIT OR Apache-2.0
//! Spacing of announcements, polling, and delays of interfaces.

use super::{Vrrp, check_all, join, read, with};

#[test]
fn garp_groups_have_an_interval_and_interfaces() {
    let value = |vrrp: &Vrrp| {
        join(vrrp.garp_groups.iter().map(|group| {
            let names = group.interfaces.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(",");
            format!("{names}:{:?}/{:?}", *group.garp_interval, *group.gna_interval)
        }))
    };
    let of = |lines: &str| format!("garp_group {{\n{lines}\n}}\n");
    check_all(
        value,
        &[
            (&of("garp_interval 0.5\ninterface eth0"), "eth0:500ms/0ns", &[]),
            (&of("gna_interval 0.000001\ninterface eth0\ninterface eth1"), "eth0,eth1:0ns/1µs", &[]),
            (&of("garp_interval 0.5\ninterfaces {\neth0 eth1\nwan\n}"), "eth0,eth1,wan:500ms/0ns", &[]),
            (&of("garp_interval 1\ninterface eth0"), "eth0:1s/0ns", &["KC173"]),
            (&of("garp_interval 4294.967296\ninterface eth0"), "", &["KC052", "KC171"]),
            (&of("interface eth0"), "", &["KC171"]),
            (&of("garp_interval 0.5"), ":500ms/0ns", &[]),
            (&of("garp_interval 0.5\ninterfaces {\n}"), ":500ms/0ns", &["KC172"]),
            (&of("garp_interval 0.5\ninterface eth9"), ":500ms/0ns", &["KC199"]),
            (&of("garp_interval 0.5\ninterface mv0"), ":500ms/0ns", &["KC202"]),
            (&of("garp_interval 0.5\ninterface eth0\ninterface eth0"), "eth0:500ms/0ns", &["KC155"]),
            (
                &(of("garp_interval 0.5\ninterface eth0") + &of("garp_interval 0.6\ninterface eth0")),
                "eth0:500ms/0ns :600ms/0ns",
                &["KC202"],
            ),
        ],
    );
}

#[test]
fn linkbeat_interfaces_have_a_method() {
    let value = |vrrp: &Vrrp| {
        join(vrrp.linkbeat_interfaces.iter().map(|entry| format!("{}:{:?}", entry.interface.text, entry.method)))
    };
    let of = |entry: &str| format!("linkbeat_interfaces {{\n{entry}\n}}\n");
    check_all(
        value,
        &[
            (&of("eth0"), "eth0:None", &[]),
            (&of("eth0 MII\neth1 ETHTOOL\nwan IOCTL"), "eth0:Some(Mii) eth1:Some(Ethtool) wan:Some(Ioctl)", &[]),
            (&of("eth0 mii"), "eth0:None", &["KC151"]),
            (&of("eth0 MII ETHTOOL"), "eth0:Some(Mii)", &["KC151"]),
            (&of("eth9"), "", &["KC199"]),
        ],
    );
    assert_eq!(read(&of("eth9")).diagnostics.exit_status(), 4);
}

#[test]
fn delays_are_shorter_than_routers_wait() {
    let value = |vrrp: &Vrrp| {
        join(vrrp.interface_up_down_delays.iter().map(|e| format!("{}:{:?}/{:?}", e.interface.text, e.down, e.up)))
    };
    let of = |entry: &str| format!("interface_up_down_delays {{\n{entry}\n}}\n");
    check_all(
        value,
        &[
            (&of("eth0 1.5 2"), "eth0:1.5s/2s", &[]),
            (&of("eth0 5"), "eth0:5s/0ns", &[]),
            (&of("eth0 255 255"), "eth0:255s/255s", &[]),
            (&of("eth0 256"), "", &["KC052"]),
            (&of("eth0 1 256"), "", &["KC052"]),
            (&of("eth0 foo"), "", &["KC051"]),
            (&of("eth0"), "", &["KC150"]),
            (&of("eth0 1 2 3"), "", &["KC151"]),
            (&of("eth9 1"), "", &["KC199"]),
            (&of("eth0 1\neth0 2"), "eth0:2s/0ns", &[]),
            // 2 s less a 256th of the interval.
            (&(of("eth0 5") + &with("")), "eth0:1.99609375s/0ns", &[]),
            (&(of("eth1 5") + &with("")), "eth1:5s/0ns", &[]),
            (&(of("eth0 5") + &with("down_timer_adverts 1")), "eth0:0ns/0ns", &[]),
        ],
    );
    assert_eq!(read(&of("eth0")).diagnostics.exit_status(), 0);
    assert_eq!(read(&of("eth9 1")).diagnostics.exit_status(), 4);
}
