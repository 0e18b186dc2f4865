// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every keyword of `global_defs`: what it sets, the ends of its range, and what becomes of a wrong value.

mod forms;
mod ranges;

use super::Global;
use crate::Loaded;
use crate::environment::Facts;
use crate::testing::{Bench, graded};

/// What a keyword left in the configuration, as text.
type Read = fn(&Global) -> String;

/// A keyword and what it switches.
type Switch = (&'static str, fn(&Global) -> bool);

fn bench() -> Bench {
    let facts = Facts::default().account("root", 0).account("nobody", 65534).group("adm", 4).processors(4);
    Bench::with(facts.program("/usr/bin/true").inode("/etc/passwd", crate::environment::Inode::file(0, 0, 0o644)))
}

fn read(lines: &str) -> Loaded {
    bench().test(&format!("global_defs {{\n{lines}\n}}\n"))
}

/// Checks a table of lines, the value they leave, and the codes of what is found (our own remarks apart).
fn check(read_value: Read, table: &[(&str, &str, &[&str])]) {
    for (lines, expected, codes) in table {
        let loaded = read(lines);
        assert_eq!(read_value(&loaded.config.global), *expected, "{lines}");
        let found: Vec<&str> = graded(&loaded).into_iter().map(|(code, _)| code).collect();
        assert_eq!(&found, codes, "{lines}: {:#?}", loaded.diagnostics);
    }
}

#[test]
fn several_blocks_add_up() {
    let loaded = bench().load("global_defs {\nrouter_id a\nvrrp_version 3\n}\nglobal_defs {\nrouter_id b\n}\n");
    assert_eq!(loaded.config.global.mail.router_id.as_deref(), Some("b"));
    assert_eq!(*loaded.config.global.vrrp.version, super::vrrp::Version::V3);
}

#[test]
fn a_first_one_counts_across_blocks() {
    let loaded = bench().load("global_defs {\nvmac_prefix a\n}\nglobal_defs {\nvmac_prefix b\n}\n");
    assert_eq!(*loaded.config.global.vrrp.vmac_prefix, "a");
    assert_eq!(loaded.diagnostics.exit_status(), 5);
}

#[test]
fn an_empty_block_changes_nothing() {
    let loaded = bench().load("global_defs {\n}\n");
    let mut untouched = Global::default();
    // Where nobody has the account for scripts, they run as the daemon.
    untouched.scripts.user = None;
    assert_eq!(loaded.config.global, untouched);
    assert!(loaded.diagnostics.is_empty());
}

#[test]
fn a_missing_word_ends_keepalived_only_where_it_says_so() {
    let ends = ["process_name", "smtp_server", "vrrp_garp_interval", "vrrp_version", "umask", "nftables_priority"];
    for keyword in ends {
        assert_eq!(read(keyword).diagnostics.exit_status(), 2, "{keyword}");
    }
    let ignored = [
        "router_id",
        "vrrp_priority",
        "notify_fifo",
        "startup_script",
        "snmp_socket",
        "lvs_timeouts",
        "lvs_sync_daemon",
        "vrrp_rx_bufs_policy",
        "vrrp_rx_bufs_multiplier",
        "script_user",
        "vrrp_cpu_affinity",
        "vrrp_garp_extra_if",
        "reload_time_file",
        "state_dump_file",
        "json_version",
    ];
    for keyword in ignored {
        let loaded = read(keyword);
        assert_eq!(loaded.diagnostics.exit_status(), 5, "{keyword}");
        assert_eq!(loaded.config.global, read("").config.global, "{keyword}");
    }
    for keyword in ["smtp_helo_name", "max_auto_priority", "nftables", "include_check", "reload_check_config"] {
        assert_eq!(read(keyword).diagnostics.exit_status(), 0, "{keyword}");
    }
}

#[test]
fn words_after_a_flag_are_ignored_with_a_remark() {
    let loaded = read("enable_script_security 0\nvrrp_no_swap off");
    assert!(loaded.config.global.scripts.security);
    assert!(loaded.config.global.process.vrrp.no_swap);
    assert_eq!(loaded.diagnostics.exit_status(), 0);
    assert_eq!(loaded.diagnostics.len(), 2);
}

#[test]
fn every_bool_takes_the_six_words_and_nothing() {
    let fields: &[Switch] = &[
        ("use_symlink_paths", |global| global.scripts.keep_links),
        ("set_supplementary_groups", |global| global.scripts.supplementary_groups),
        ("smtp_alert", |global| global.mail.alert == Some(true)),
        ("smtp_alert_vrrp", |global| global.mail.alert_vrrp == Some(true)),
        ("smtp_alert_checker", |global| global.mail.alert_checker == Some(true)),
        ("checker_log_all_failures", |global| global.lvs.log_all_failures),
        ("vrrp_min_garp", |global| global.garp.minimal),
        ("vrrp_lower_prio_no_advert", |global| *global.vrrp.lower_prio_no_advert),
        ("vrrp_higher_prio_send_advert", |global| *global.vrrp.higher_prio_send_advert),
        ("vrrp_skip_check_adv_addr", |global| *global.vrrp.skip_check_adv_addr),
        ("vrrp_strict", |global| *global.vrrp.strict),
        ("vrrp_notify_priority_changes", |global| *global.vrrp.notify_priority_changes),
        ("vrrp_netlink_cmd_rcv_bufs_force", |global| global.buffers.vrrp_command.force),
        ("vrrp_netlink_monitor_rcv_bufs_force", |global| global.buffers.vrrp_monitor.force),
        ("process_monitor_rcv_bufs_force", |global| global.buffers.process_events.force),
        ("lvs_netlink_cmd_rcv_bufs_force", |global| global.buffers.lvs_command.force),
        ("lvs_netlink_monitor_rcv_bufs_force", |global| global.buffers.lvs_monitor.force),
        ("rs_init_notifies", |global| global.lvs.notify_at_start),
        ("no_checker_emails", |global| global.lvs.no_checker_mail),
        ("vrrp_owner_ignore_adverts", |global| *global.vrrp.owner_ignore_adverts),
        ("data_use_instance", |global| global.dumps.name_instance),
        ("vrrp_handover", |global| *global.ours.handover),
    ];
    for (keyword, get) in fields {
        for word in ["", "on", "true", "yes"] {
            let loaded = read(&format!("{keyword} {word}"));
            assert!(get(&loaded.config.global), "{keyword} {word}");
            assert_eq!(loaded.diagnostics.exit_status(), 0, "{keyword} {word}");
        }
        for word in ["off", "false", "no"] {
            assert!(!get(&read(&format!("{keyword} on\n{keyword} {word}")).config.global), "{keyword} {word}");
        }
        let wrong = read(&format!("{keyword} on\n{keyword} On"));
        assert!(get(&wrong.config.global), "{keyword}: the value before stays");
        assert_eq!(wrong.diagnostics.exit_status(), 5, "{keyword}");
    }
}

#[test]
fn every_flag_switches_its_own_thing_on() {
    let fields: &[Switch] = &[
        ("process_names", |global| global.process.named),
        ("no_email_faults", |global| global.mail.no_faults),
        ("disable_local_igmp", |global| global.vrrp.disable_local_igmp),
        ("v3_checksum_as_v2", |global| global.vrrp.v3_checksum_as_v2),
        ("lvs_flush", |global| global.lvs.flush),
        ("nftables_ifindex", |global| global.filter.by_ifindex),
        ("nftables_counters", |global| global.filter.counters),
        ("vrrp_check_unicast_src", |global| global.vrrp.check_unicast_src),
        ("vrrp_no_swap", |global| global.process.vrrp.no_swap),
        ("checker_no_swap", |global| global.process.checker.no_swap),
        ("bfd_no_swap", |global| global.process.bfd.no_swap),
        ("fifo_write_vrrp_states_on_reload", |global| global.vrrp.states_on_reload),
        ("enable_traps", |global| global.snmp.traps),
        ("enable_snmp_vrrp", |global| global.snmp.vrrp),
        ("enable_snmp_keepalived", |global| global.snmp.vrrp),
        ("enable_snmp_rfc", |global| global.snmp.rfc_v2 && global.snmp.rfc_v3),
        ("enable_snmp_rfcv2", |global| global.snmp.rfc_v2),
        ("enable_snmp_rfcv3", |global| global.snmp.rfc_v3),
        ("enable_snmp_checker", |global| global.snmp.checker),
        ("enable_dbus", |global| global.dbus.enabled),
        ("enable_script_security", |global| global.scripts.security),
        ("log_unknown_vrids", |global| global.vrrp.log_unknown_vrids),
        ("reload_repeat", |global| global.reload.repeat),
    ];
    let untouched = read("").config.global;
    for (keyword, get) in fields {
        assert!(!get(&untouched), "{keyword} is off");
        let loaded = read(keyword);
        assert!(get(&loaded.config.global), "{keyword} is on");
        assert_eq!(loaded.diagnostics.exit_status(), 0, "{keyword}");
    }
}

#[test]
fn deprecated_spellings_set_the_same_and_are_graded_as_keepalived_does() {
    use crate::diagnostic::Class;
    let pairs: &[(&str, &str, Class)] = &[
        ("lvs_process_name x", "checker_process_name x", Class::Logged),
        ("lvs_flush_onstop VS", "lvs_flush_on_stop VS", Class::Ours),
        ("vrrp_vmac_garp_intvl all 7", "vrrp_garp_extra_if all 7", Class::Deprecated),
        ("vrrp_rlimit_rtime 5", "vrrp_rlimit_rttime 5", Class::Logged),
        ("checker_rlimit_rtime 5", "checker_rlimit_rttime 5", Class::Logged),
        ("bfd_rlimit_rtime 5", "bfd_rlimit_rttime 5", Class::Logged),
        ("enable_snmp_keepalived", "enable_snmp_vrrp", Class::Ours),
    ];
    for (old, new, class) in pairs {
        let loaded = read(old);
        assert_eq!(loaded.config.global, read(new).config.global, "{old}");
        let finding = loaded.diagnostics.iter().find(|finding| finding.code.id == "KC066").expect(old);
        assert_eq!(finding.class, *class, "{old}");
    }
}

#[test]
fn whoever_needs_no_more_than_the_whole_daemons_settings_reads_the_same_ones() {
    let text = "global_defs {\nrouter_id me\nstatus_listen 127.0.0.1:9650\nprocess_names\nnotification_email {\na@example.com\n}\n}\n\
                instance other\n\
                vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\npriority 100\n}\n\
                virtual_server 192.0.2.1 80 {\nprotocol TCP\nno_such_keyword\nreal_server 10.0.0.1 80 {\nTCP_CHECK {\n}\n}\n}\n\
                global_defs {\nlog_format json\n}\n";
    let host = crate::source::MemoryHost::new();
    let whole = crate::load_ready(&host, text.to_owned(), &crate::Options::default()).config;
    let part = crate::load_global(&host, text.to_owned());
    assert_eq!(part.global, whole.global);
    assert_ne!(part.global, crate::Config::default().global);
    assert!(part.lvs.servers.is_empty() && part.vrrp.instances.is_empty());
}
