// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers: both ends of the range, what lies beyond, and what is no number.

use super::{check, read};

#[test]
fn priorities_and_limits_of_processes() {
    for process in ["vrrp", "checker", "bfd"] {
        let line = |keyword: &str, value: &str| format!("{process}_{keyword} {value}");
        let of = |loaded: &crate::Loaded| {
            let processes = &loaded.config.global.process;
            match process {
                "vrrp" => processes.vrrp.clone(),
                "checker" => processes.checker.clone(),
                _ => processes.bfd.clone(),
            }
        };
        for (value, nice, exit) in [("-20", -20, 0), ("19", 19, 0), ("20", 0, 5), ("-21", 0, 5), ("x", 0, 5)] {
            let loaded = read(&line("priority", value));
            assert_eq!((of(&loaded).nice, loaded.diagnostics.exit_status()), (nice, exit), "{process} {value}");
        }
        for (value, priority, exit) in
            [("1", Some(1), 0), ("99", Some(99), 0), ("100", Some(99), 5), ("0", Some(1), 5), ("x", None, 5)]
        {
            let loaded = read(&line("rt_priority", value));
            assert_eq!((of(&loaded).rt_priority, loaded.diagnostics.exit_status()), (priority, exit), "{value}");
        }
        for (value, micros, exit) in [
            ("1", Some(2), 0),
            ("2", Some(2), 0),
            ("4294967295", Some(4_294_967_295), 0),
            ("0", None, 5),
            ("x", None, 5),
        ] {
            let loaded = read(&line("rlimit_rttime", value));
            let limit = of(&loaded).rt_time_limit.map(|limit| limit.as_micros());
            assert_eq!((limit, loaded.diagnostics.exit_status()), (micros, exit), "{value}");
        }
        let cases: [(&str, &[u16], u8); 5] =
            [("0", &[0], 0), ("3 1 1", &[1, 3], 0), ("4", &[], 5), ("1 9", &[], 5), ("-1", &[], 5)];
        for (value, processors, exit) in cases {
            let loaded = read(&line("cpu_affinity", value));
            assert_eq!(of(&loaded).processors, processors, "{value}");
            assert_eq!(loaded.diagnostics.exit_status(), exit, "{value}");
        }
    }
}

#[test]
fn automatic_priority() {
    check(
        |global| global.process.max_auto_priority.to_string(),
        &[
            ("", "0", &[]),
            ("max_auto_priority", "99", &[]),
            ("max_auto_priority -1", "-1", &[]),
            ("max_auto_priority 99", "99", &[]),
            ("max_auto_priority 100", "0", &["KC052"]),
            ("max_auto_priority 5\nmax_auto_priority x", "5", &["KC051"]),
        ],
    );
    check(
        |global| global.process.min_auto_priority_delay.as_micros().to_string(),
        &[
            ("", "1000000", &[]),
            ("min_auto_priority_delay 1", "1", &[]),
            ("min_auto_priority_delay 10000000", "10000000", &[]),
            ("min_auto_priority_delay 0", "1000000", &["KC052"]),
            ("min_auto_priority_delay 10000001", "1000000", &["KC052"]),
        ],
    );
}

#[test]
fn timeouts_of_scripts_and_mail() {
    check(
        |global| format!("{:?} {:?}", *global.scripts.startup_timeout, *global.scripts.shutdown_timeout),
        &[
            ("", "10s 10s", &[]),
            ("startup_script_timeout 1\nshutdown_script_timeout 1000", "1s 1000s", &[]),
            ("startup_script_timeout 0\nshutdown_script_timeout 1001", "10s 10s", &["KC052", "KC052"]),
        ],
    );
    check(
        |global| format!("{:?}", *global.mail.connect_timeout),
        &[
            ("", "30s", &[]),
            ("smtp_connect_timeout 4294", "4294s", &[]),
            ("smtp_connect_timeout 0", "1s", &["KC052"]),
            ("smtp_connect_timeout 4295", "30s", &["KC052"]),
            ("smtp_connect_timeout -1", "30s", &["KC052"]),
        ],
    );
}

#[test]
fn announcements() {
    check(
        |global| {
            let garp = &global.garp;
            format!(
                "{:?} {} {:?} {} {:?} {}",
                *garp.master_delay,
                *garp.master_repeat,
                *garp.master_refresh,
                *garp.master_refresh_repeat,
                *garp.lower_prio_delay,
                *garp.lower_prio_repeat
            )
        },
        &[
            ("", "5s 5 0ns 1 5s 5", &[]),
            ("vrrp_garp_master_delay 0", "0ns 5 0ns 1 0ns 5", &[]),
            ("vrrp_garp_master_delay 4294", "4294s 5 0ns 1 4294s 5", &[]),
            ("vrrp_garp_master_delay 4295", "5s 5 0ns 1 5s 5", &["KC052"]),
            ("vrrp_garp_master_repeat 0", "5s 1 0ns 1 5s 1", &["KC052"]),
            ("vrrp_garp_master_repeat 4294967295", "5s 4294967295 0ns 1 5s 4294967295", &[]),
            ("vrrp_garp_master_refresh 60", "5s 5 60s 1 5s 5", &[]),
            ("vrrp_garp_master_refresh 60\nvrrp_garp_master_refresh x", "5s 5 0ns 1 5s 5", &["KC051"]),
            ("vrrp_garp_master_refresh_repeat 0", "5s 5 0ns 1 5s 5", &["KC052"]),
            ("vrrp_garp_master_refresh_repeat 3", "5s 5 0ns 3 5s 5", &[]),
            ("vrrp_garp_lower_prio_delay 0\nvrrp_garp_master_delay 9", "9s 5 0ns 1 0ns 5", &[]),
            ("vrrp_garp_lower_prio_repeat 2147483647", "5s 5 0ns 1 5s 2147483647", &[]),
            ("vrrp_garp_lower_prio_repeat 2147483648", "5s 5 0ns 1 5s 5", &["KC052"]),
            ("vrrp_min_garp", "0ns 1 0ns 1 0ns 1", &[]),
            ("vrrp_min_garp\nvrrp_garp_master_repeat 3", "0ns 3 0ns 1 0ns 3", &[]),
            ("vrrp_garp_master_delay 2\nvrrp_min_garp", "2s 1 0ns 1 2s 1", &[]),
        ],
    );
    check(
        |global| format!("{:?} {:?}", *global.garp.garp_interval, *global.garp.gna_interval),
        &[
            ("", "0ns 0ns", &[]),
            ("vrrp_garp_interval 0.000001\nvrrp_gna_interval .5", "1µs 500ms", &[]),
            ("vrrp_garp_interval 0", "0ns 0ns", &["KC052"]),
            ("vrrp_garp_interval 4294.967296", "0ns 0ns", &["KC052"]),
            ("vrrp_gna_interval 0.0000015", "0ns 2µs", &["KC056"]),
            ("vrrp_garp_interval 2", "2s 0ns", &["KC108"]),
        ],
    );
    check(
        |global| match global.garp.extra_interfaces {
            Some(extra) => format!("{} {:?}", extra.all, extra.interval),
            None => "off".to_owned(),
        },
        &[
            ("vrrp_garp_extra_if 10", "false 10s", &[]),
            ("vrrp_garp_extra_if all 86400", "true 86400s", &[]),
            ("vrrp_garp_extra_if 0", "off", &["KC052"]),
            ("vrrp_garp_extra_if all 86401", "off", &["KC052"]),
            ("vrrp_garp_extra_if all", "off", &["KC050"]),
            ("vrrp_garp_extra_if some", "off", &["KC051"]),
        ],
    );
}

#[test]
fn counts_and_delays_of_vrrp() {
    check(
        |global| format!("{:?} {}", *global.vrrp.version, *global.vrrp.down_timer_adverts),
        &[
            ("", "V2 3", &[]),
            ("vrrp_version 3\nvrrp_down_timer_adverts 1", "V3 1", &[]),
            ("vrrp_version 4\nvrrp_down_timer_adverts 101", "V2 3", &["KC052", "KC052"]),
            ("vrrp_version 1\nvrrp_down_timer_adverts 100", "V2 100", &["KC052"]),
        ],
    );
    check(
        |global| format!("{:?} {:?}", global.vrrp.startup_delay, global.vrrp.delay_after_boot),
        &[
            ("", "0ns 0ns", &[]),
            ("vrrp_startup_delay 5.5\nvrrp_delay_after_boot 0.001", "5.5s 1ms", &[]),
            ("vrrp_startup_delay 9\nvrrp_startup_delay 3", "9s 0ns", &[]),
            ("vrrp_startup_delay 0", "0ns 0ns", &["KC052"]),
            ("vrrp_startup_delay 60", "60s 0ns", &["KC108"]),
        ],
    );
    check(
        |global| format!("{:?} {}", global.vrrp.rx_buffers, *global.vrrp.rx_multiplier),
        &[
            ("", "System 3", &[]),
            ("vrrp_rx_bufs_policy MTU", "Mtu 3", &[]),
            ("vrrp_rx_bufs_policy advert", "Advert 3", &[]),
            ("vrrp_rx_bufs_policy 70000", "Bytes(70000) 3", &[]),
            ("vrrp_rx_bufs_policy MTU ADVERT", "Mtu 3", &["KC105"]),
            ("vrrp_rx_bufs_policy 3 MTU", "Bytes(3) 3", &["KC105"]),
            ("vrrp_rx_bufs_policy HUGE", "System 3", &["KC054"]),
            ("vrrp_rx_bufs_multiplier 9", "System 9", &[]),
            ("vrrp_rx_bufs_multiplier 0", "System 3", &["KC052"]),
            ("vrrp_rx_bufs_multiplier 9x", "System 3", &["KC053"]),
            ("vrrp_rx_bufs_multiplier 9 9", "System 3", &["KC102"]),
        ],
    );
}

#[test]
fn buffers() {
    check(
        |global| {
            let buffers = &global.buffers;
            let bytes = [
                &buffers.vrrp_command,
                &buffers.vrrp_monitor,
                &buffers.process_events,
                &buffers.lvs_command,
                &buffers.lvs_monitor,
            ]
            .map(|buffer| buffer.bytes.map_or("system".to_owned(), |bytes| bytes.to_string()));
            bytes.join(" ")
        },
        &[
            ("", "65536 65536 system 65536 65536", &[]),
            ("vrrp_netlink_cmd_rcv_bufs 1", "1 65536 system 65536 65536", &[]),
            ("vrrp_netlink_monitor_rcv_bufs 4294967295", "65536 4294967295 system 65536 65536", &[]),
            ("process_monitor_rcv_bufs 7", "65536 65536 7 65536 65536", &[]),
            ("lvs_netlink_cmd_rcv_bufs 8", "65536 65536 system 8 65536", &[]),
            ("lvs_netlink_monitor_rcv_bufs 9", "65536 65536 system 65536 9", &[]),
            ("vrrp_netlink_cmd_rcv_bufs 0", "65536 65536 system 65536 65536", &[]),
            ("vrrp_netlink_cmd_rcv_bufs 4294967296", "65536 65536 system 65536 65536", &["KC052"]),
            ("vrrp_netlink_cmd_rcv_bufs 10k", "65536 65536 system 65536 65536", &["KC053"]),
        ],
    );
}

#[test]
fn chains_marks_and_figures() {
    check(
        |global| format!("{} {} {}", *global.filter.chain_priority, *global.lvs.marks_priority, *global.lvs.first_mark),
        &[
            ("", "-1 -1 1000", &[]),
            ("nftables_priority -2147483648\nnftables_ipvs_priority 2147483647", "-2147483648 2147483647 1000", &[]),
            ("nftables_priority 2147483648", "-1 -1 1000", &["KC052"]),
            ("nftables_ipvs_start_fwmark 4294967295", "-1 -1 4294967295", &[]),
            ("nftables_ipvs_start_fwmark 0", "-1 -1 1000", &["KC052"]),
            ("nftables x\nnftables_priority 5", "5 -1 1000", &[]),
            ("nftables_priority 5\nnftables x", "-1 -1 1000", &[]),
            ("nftables_ipvs_priority 5\nnftables_ipvs_start_fwmark 9\nnftables_ipvs", "-1 -1 1000", &[]),
        ],
    );
    check(
        |global| format!("{:?} {:?}", *global.snmp.virtual_server_age, *global.snmp.real_server_age),
        &[
            ("", "5s 5s", &[]),
            ("snmp_vs_stats_update_interval 0.001", "1ms 1ms", &[]),
            ("snmp_rs_stats_update_interval 30\nsnmp_vs_stats_update_interval 7", "7s 30s", &[]),
            ("snmp_vs_stats_update_interval 30.1", "5s 5s", &["KC052"]),
        ],
    );
    check(
        |global| global.dumps.json_version.to_string(),
        &[("", "1", &[]), ("json_version 2", "2", &[]), ("json_version 3", "1", &["KC052"])],
    );
    check(
        |global| format!("{:?}", global.ours.vip_lease),
        &[
            ("", "None", &[]),
            ("vrrp_vip_lease 3", "Some(3s)", &[]),
            ("vrrp_vip_lease 0", "None", &["KC052"]),
            ("vrrp_vip_lease 86401", "None", &["KC052"]),
        ],
    );
}

#[test]
fn text_after_a_number_is_borne_with_by_the_daemon_only() {
    let text = "global_defs {\nvrrp_garp_master_delay 7x\n}\n";
    let daemon = super::bench().load(text);
    assert_eq!(daemon.config.global.garp.master_delay.as_secs(), 7);
    assert!(!daemon.diagnostics.has_errors());
    let test = super::bench().test(text);
    assert_eq!(test.config.global.garp.master_delay.as_secs(), 5);
    assert!(test.diagnostics.has_errors());
}
