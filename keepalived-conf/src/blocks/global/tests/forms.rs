// SPDX-License-Identifier: MIT OR Apache-2.0
//! Words, lists and options.

use super::{check, read};
use crate::blocks::global::reload::{IncludeCheck, Marker};

#[test]
fn names_of_processes() {
    check(
        |global| {
            let process = &global.process;
            [&process.supervisor_name, &process.vrrp.name, &process.checker.name, &process.bfd.name]
                .map(|name| name.get().clone())
                .join(" ")
        },
        &[
            ("", "keepalived keepalived keepalived keepalived", &[]),
            ("process_names", "keepalived keepalived_vrrp keepalived_lvs keepalived_bfd", &[]),
            ("process_names\nvrrp_process_name v", "keepalived v keepalived_lvs keepalived_bfd", &[]),
            ("process_name p\nchecker_process_name c\nbfd_process_name b", "p keepalived c b", &[]),
            ("process_name abcdefghijklmnop", "abcdefghijklmno keepalived keepalived keepalived", &["KC101"]),
            ("process_name ääääääää", "äääääää keepalived keepalived keepalived", &["KC101"]),
        ],
    );
}

#[test]
fn masks_in_numbers_and_names() {
    check(
        |global| format!("{:o}", *global.process.umask),
        &[
            ("", "177", &[]),
            ("umask 022", "22", &[]),
            ("umask 0", "0", &[]),
            ("umask 0777", "777", &[]),
            ("umask 01000", "177", &["KC109"]),
            ("umask 0x1ff", "777", &[]),
            ("umask 0x200", "177", &["KC109"]),
            ("umask 511", "777", &[]),
            ("umask 512", "177", &["KC109"]),
            ("umask 09", "177", &["KC109"]),
            ("umask 022 x", "177", &["KC102"]),
            ("umask IRUSR", "400", &[]),
            ("umask IWGRP|IWOTH", "22", &[]),
            ("umask IXUSR | IRWXG |IRWXO", "177", &[]),
            ("umask IRWXU | IXGRP", "710", &[]),
            ("umask IRUSR IWUSR", "177", &["KC109"]),
            ("umask IRUSR |", "177", &["KC109"]),
            ("umask | IRUSR", "177", &["KC109"]),
            ("umask IRXYZ", "177", &["KC109"]),
        ],
    );
    assert!(read("umask 22").diagnostics.iter().any(|finding| finding.message.contains("decimal")));
}

#[test]
fn where_mail_goes() {
    check(
        |global| match &global.mail.server {
            Some(server) => format!("{:?} {}", server.host, server.port),
            None => "none".to_owned(),
        },
        &[
            ("smtp_server 192.0.2.1", "Address(192.0.2.1) 25", &[]),
            ("smtp_server 2001:db8::25 587", "Address(2001:db8::25) 587", &[]),
            ("smtp_server mail.example", "Name(\"mail.example\") 25", &[]),
            ("smtp_server mail-1.example 65535", "Name(\"mail-1.example\") 65535", &[]),
            ("smtp_server 192.0.2.1/24", "none", &["KC055"]),
            ("smtp_server 192.0.2.1 0", "none", &["KC052"]),
            ("smtp_server 192.0.2.1 65536", "none", &["KC052"]),
            ("smtp_server 192.0.2.1 x", "none", &["KC051"]),
        ],
    );
    check(
        |global| global.mail.recipients.join(" "),
        &[
            ("notification_email {\na@b c@d\n\"E F <e@f>\"\n}", "a@b c@d E F <e@f>", &[]),
            ("notification_email {\na@b\n}\nnotification_email {\nc@d\n}", "a@b c@d", &[]),
            ("notification_email {\n}", "", &["KC104"]),
        ],
    );
    check(
        |global| format!("{:?} {:?}", global.mail.from, global.mail.helo),
        &[
            ("notification_email_from a@b\nsmtp_helo_name me", "Some(\"a@b\") Some(\"me\")", &[]),
            ("notification_email_from A a@b", "Some(\"A\") None", &["KC102"]),
            ("smtp_helo_name", "None None", &[]),
        ],
    );
}

#[test]
fn mail_without_server_or_recipient_is_remarked() {
    for (lines, remarks) in [
        ("notification_email {\na@b\n}", 1),
        ("smtp_server 192.0.2.1", 1),
        ("smtp_server 192.0.2.1\nnotification_email {\na@b\n}", 0),
        ("smtp_alert", 0),
    ] {
        let loaded = read(lines);
        assert_eq!(loaded.diagnostics.iter().filter(|finding| finding.code.id == "KC142").count(), remarks, "{lines}");
        assert_eq!(loaded.diagnostics.exit_status(), 0, "{lines}");
    }
}

#[test]
fn alerts_fall_back_step_by_step() {
    let table = [
        ("", [false, false, true]),
        ("smtp_alert", [true, true, true]),
        ("smtp_alert off", [false, false, false]),
        ("smtp_alert off\nsmtp_alert_vrrp", [true, false, false]),
        ("smtp_alert\nsmtp_alert_checker off", [true, false, false]),
        ("smtp_alert_checker", [false, true, true]),
    ];
    for (lines, expected) in table {
        let mail = read(lines).config.global.mail;
        let alerts = [mail.alerts_for_vrrp(), mail.alerts_for_virtual_servers(), mail.alerts_for_real_servers()];
        assert_eq!(alerts, expected, "{lines}");
    }
}

#[test]
fn interfaces_and_groups() {
    check(
        |global| format!("{:?} {}", global.vrrp.dynamic_interfaces, *global.vrrp.default_interface),
        &[
            ("", "Off eth0", &[]),
            ("dynamic_interfaces\ndefault_interface bond0", "On bond0", &[]),
            ("dynamic_interfaces allow_if_changes", "AllowChanges eth0", &[]),
            ("dynamic_interfaces always", "On eth0", &["KC054"]),
        ],
    );
    check(
        |global| format!("{} {}", *global.vrrp.mcast_group4, *global.vrrp.mcast_group6),
        &[
            ("", "224.0.0.18 ff02::12", &[]),
            ("vrrp_mcast_group4 239.1.2.3\nvrrp_mcast_group6 ff02::aa", "239.1.2.3 ff02::aa", &[]),
            ("vrrp_mcast_group4 192.0.2.1\nvrrp_mcast_group6 fe80::1", "224.0.0.18 ff02::12", &["KC103", "KC103"]),
            ("vrrp_mcast_group4 ff02::12\nvrrp_mcast_group6 224.0.0.18", "224.0.0.18 ff02::12", &["KC103", "KC103"]),
            ("vrrp_mcast_group6 ff05::12", "224.0.0.18 ff05::12", &["KC103"]),
            ("vrrp_mcast_group4 nowhere", "224.0.0.18 ff02::12", &["KC055"]),
        ],
    );
    check(
        |global| format!("{} {}", *global.vrrp.vmac_prefix, *global.vrrp.vmac_addr_prefix),
        &[
            ("", "vrrp vrrp", &[]),
            ("vmac_prefix v", "v v", &[]),
            ("vmac_addr_prefix a\nvmac_prefix v", "v a", &[]),
            ("vmac_prefix v\nvmac_prefix w", "v v", &["KC063"]),
        ],
    );
}

#[test]
fn tables_of_the_filter() {
    let long = format!("nftables {}", "t".repeat(255));
    let longest = "t".repeat(254);
    let line = format!("nftables {longest}");
    check(
        |global| global.filter.table.get().clone(),
        &[
            ("", "keepalived", &[]),
            ("nftables", "keepalived", &[]),
            ("nftables fw", "fw", &[]),
            ("nftables fw\nnftables other", "fw", &["KC063"]),
            (&line, &longest, &[]),
            (&long, "keepalived", &["KC101"]),
            ("nftables \"\"", "keepalived", &["KC101"]),
        ],
    );
    check(
        |global| format!("{:?}", global.filter.iptables),
        &[
            ("vrrp_iptables", "Some([])", &["KC129"]),
            ("vrrp_iptables IN OUT", "Some([\"IN\", \"OUT\"])", &["KC129"]),
            ("vrrp_iptables IN IN", "None", &["KC129", "KC105"]),
            ("vrrp_iptables abcdefghijklmnopqrstuvwxyz12", "None", &["KC129", "KC101"]),
        ],
    );
    check(
        |global| format!("{:?}", global.filter.ipsets),
        &[
            ("vrrp_ipsets", "Some([])", &["KC129"]),
            ("vrrp_ipsets a b c d e f", "Some([\"a\", \"b\", \"c\", \"d\", \"e\", \"f\"])", &["KC129"]),
            ("vrrp_ipsets a a", "None", &["KC129", "KC105"]),
        ],
    );
    check(
        |global| global.lvs.marks.as_ref().map_or("none".to_owned(), |marks| marks.table.clone()),
        &[("", "none", &[]), ("nftables_ipvs", "keepalived_ipvs", &[]), ("nftables_ipvs m", "m", &[])],
    );
}

#[test]
fn what_happens_to_ipvs() {
    check(
        |global| {
            let timeouts = &global.lvs.timeouts;
            format!("{} {} {}", timeouts.tcp, timeouts.tcp_fin, timeouts.udp)
        },
        &[
            ("", "0 0 0", &[]),
            ("lvs_timeouts tcp 900 tcpfin 120 udp 2678400", "900 120 2678400", &[]),
            ("lvs_timeouts udp 5", "0 0 5", &[]),
            ("lvs_timeouts tcp", "0 0 0", &["KC050"]),
            ("lvs_timeouts tcp 2678401 udp 5", "0 0 5", &["KC052"]),
            ("lvs_timeouts tcp x", "0 0 0", &["KC051"]),
            ("lvs_timeouts sctp 3", "0 0 0", &["KC054", "KC054"]),
            ("lvs_timeouts tcp 5 udp", "5 0 0", &["KC050"]),
        ],
    );
    check(
        |global| format!("{:?}", global.lvs.flush_on_stop),
        &[
            ("", "OneByOne", &[]),
            ("lvs_flush_on_stop", "All", &[]),
            ("lvs_flush_on_stop VS", "VirtualServers", &[]),
            ("lvs_flush_on_stop RS", "OneByOne", &["KC054"]),
        ],
    );
}

#[test]
fn the_sync_daemon_in_all_its_forms() {
    check(
        |global| {
            let Some(daemon) = &global.lvs.sync_daemon else { return "off".to_owned() };
            let instance = daemon.instance.as_ref().map_or("-", |name| name.text.as_str());
            let number = |value: Option<u16>| value.map_or("-".to_owned(), |value| value.to_string());
            format!(
                "{} {instance} {} {} {} {} {}",
                daemon.interface,
                number(daemon.id.map(u16::from)),
                number(daemon.max_length),
                daemon.port,
                number(daemon.ttl.map(u16::from)),
                daemon.group
            )
        },
        &[
            ("lvs_sync_daemon eth0", "eth0 - - - 8848 - 224.0.0.81", &[]),
            ("lvs_sync_daemon eth0 VI_1", "eth0 VI_1 - - 8848 - 224.0.0.81", &[]),
            ("lvs_sync_daemon eth0 inst VI_1 id 255", "eth0 VI_1 255 - 8848 - 224.0.0.81", &[]),
            ("lvs_sync_daemon eth0 VI_1 7", "eth0 VI_1 7 - 8848 - 224.0.0.81", &["KC128"]),
            (
                "lvs_sync_daemon eth0 id 1 maxlen 65507 port 1 ttl 255 group 239.1.1.1",
                "eth0 - 1 65507 1 255 239.1.1.1",
                &[],
            ),
            ("lvs_sync_daemon eth0 group ff15::81 inst V", "eth0 V - - 8848 - ff15::81", &[]),
            ("lvs_sync_daemon eth0 V id 256", "eth0 V - - 8848 - 224.0.0.81", &["KC052"]),
            ("lvs_sync_daemon eth0 V ttl 0 port 0", "eth0 V - - 8848 - 224.0.0.81", &["KC052", "KC052"]),
            ("lvs_sync_daemon eth0 V group 192.0.2.1", "eth0 V - - 8848 - 224.0.0.81", &["KC103"]),
            ("lvs_sync_daemon eth0 id", "eth0 - - - 8848 - 224.0.0.81", &["KC050"]),
            ("lvs_sync_daemon eth0 V port 7 what", "eth0 V - - 7 - 224.0.0.81", &["KC054"]),
            ("lvs_sync_daemon abcdefghijklmnop", "off", &["KC101"]),
            ("lvs_sync_daemon eth0\nlvs_sync_daemon eth1", "eth0 - - - 8848 - 224.0.0.81", &["KC063"]),
        ],
    );
}

#[test]
fn pipes_and_who_reads_them() {
    check(
        |global| {
            [&global.fifo.all, &global.fifo.vrrp, &global.fifo.lvs]
                .map(|fifo| {
                    let path = fifo.path.as_deref().unwrap_or("-");
                    let owner = fifo.owner.as_ref().map_or("", |owner| owner.user.as_str());
                    format!("{path}:{owner}:{}", fifo.script.as_ref().map_or("", |script| script.argv[0].as_str()))
                })
                .join(" ")
        },
        &[
            ("notify_fifo /a", "/a:: -:: -::", &[]),
            ("vrrp_notify_fifo /a nobody adm", "-:: /a:nobody: -::", &[]),
            ("lvs_notify_fifo /a ghost", "-:: -:: -::", &["KC117"]),
            ("lvs_notify_fifo /a nobody ghosts", "-:: -:: -::", &["KC118"]),
            ("notify_fifo /a\nnotify_fifo /b", "/a:: -:: -::", &["KC063"]),
            ("notify_fifo /a\nvrrp_notify_fifo /a\nlvs_notify_fifo /b", "/a:: -:: /b::", &["KC127"]),
            (
                "enable_script_security\nscript_user root\nvrrp_notify_fifo /a\nvrrp_notify_fifo_script /usr/bin/true\n\
                 lvs_notify_fifo /a\nlvs_notify_fifo_script /usr/bin/true",
                "-:: /a::/usr/bin/true /a::",
                &["KC127"],
            ),
            ("notify_fifo_script /usr/bin/true", "-::/usr/bin/true -:: -::", &["KC123"]),
        ],
    );
}

#[test]
fn files_and_directories() {
    check(
        |global| {
            let dumps = &global.dumps;
            [&dumps.state_file, &dumps.stats_file, &dumps.json_file, &dumps.iproute_usr, &dumps.iproute_etc]
                .map(|path| path.clone().unwrap_or("-".to_owned()))
                .join(" ")
        },
        &[
            ("state_dump_file /a/\nstats_dump_file b\njson_dump_file c", "/a/ b c - -", &[]),
            ("iproute_usr_dir /u\niproute_etc_dir /e", "- - - /u /e", &[]),
            ("state_dump_file a b\niproute_usr_dir \"\"", "- - - - -", &["KC102", "KC050"]),
        ],
    );
    check(
        |global| {
            let reload = &global.reload;
            format!(
                "{:?} {:?} {:?} {:?}",
                reload.check_log, reload.time_file, reload.save_directory, reload.work_directory
            )
        },
        &[
            ("", "None None None None", &[]),
            ("reload_check_config\nreload_time_file t", "Some(\"/dev/null\") Some(\"t\") None None", &[]),
            ("reload_check_config log\nreload_time_file a b", "Some(\"log\") None None None", &["KC102"]),
            ("config_save_dir /save/", "None None Some(\"/save\") None", &[]),
            ("config_save_dir /etc/passwd", "None None None None", &["KC107"]),
            ("tmp_config_directory /a\ntmp_config_directory /b", "None None None Some(\"/a\")", &["KC063"]),
        ],
    );
    assert_eq!(read("reload_file").config.global.reload.marker, Some(Marker::Standard));
    assert_eq!(read("reload_file /r").config.global.reload.marker, Some(Marker::Path("/r".to_owned())));
}

#[test]
fn which_includes_must_succeed() {
    let none = IncludeCheck::default();
    let table = [
        ("", none, 0),
        ("include_check", IncludeCheck::ALL, 0),
        ("include_check read", IncludeCheck { read: true, ..none }, 0),
        ("include_check match", IncludeCheck { read: true, matches: true, ..none }, 0),
        ("include_check +wildcard_match", IncludeCheck { wildcard: true, ..none }, 0),
        ("include_check\ninclude_check -brace_match -read", IncludeCheck { matches: true, wildcard: true, ..none }, 0),
        ("include_check match +brace_match", IncludeCheck { read: true, matches: true, brace: true, ..none }, 0),
        ("include_check match brace_match", IncludeCheck { read: true, matches: true, ..none }, 5),
        ("include_check\ninclude_check readable", none, 5),
        ("include_check +some", none, 5),
    ];
    for (lines, expected, exit) in table {
        let loaded = read(lines);
        assert_eq!(*loaded.config.global.reload.include_check, expected, "{lines}");
        assert_eq!(loaded.diagnostics.exit_status(), exit, "{lines}");
    }
}

#[test]
fn addresses_on_buses() {
    check(
        |global| format!("{} {} {}", *global.snmp.socket, *global.dbus.service, *global.dbus.no_interface),
        &[
            ("", "unix:/var/agentx/master org.keepalived.Vrrp1 none", &[]),
            ("snmp_socket tcp:localhost:705\nsnmp_socket x", "tcp:localhost:705 org.keepalived.Vrrp1 none", &["KC063"]),
            ("snmp_socket a b", "unix:/var/agentx/master org.keepalived.Vrrp1 none", &["KC102"]),
            ("dbus_service_name a.b\ndbus_no_interface_name n", "unix:/var/agentx/master a.b n", &[]),
        ],
    );
}

#[test]
fn our_own_settings_leave_a_migrated_file_as_it_is() {
    use crate::blocks::global::ours::Ours;
    check(
        |global| {
            let ours = &global.ours;
            let Ours { vip_lease, repair, handover, webhooks, log_format, .. } = ours;
            format!("{vip_lease:?} {:?} {} {webhooks:?} {log_format:?}", **repair, **handover)
        },
        &[
            ("", "None Yield true [] Lines", &[]),
            ("vrrp_repair restore\nvrrp_handover off", "None Restore false [] Lines", &[]),
            ("vrrp_repair yield", "None Yield true [] Lines", &[]),
            ("vrrp_repair fight", "None Yield true [] Lines", &["KC054"]),
            ("log_format json", "None Yield true [] Json", &[]),
            ("log_format json\nlog_format xml", "None Yield true [] Json", &["KC054"]),
            ("notify_webhook http://a\nnotify_webhook http://b/c", "None Yield true [http://a, http://b/…] Lines", &[]),
            ("notify_webhook a/b\nnotify_webhook https://b", "None Yield true [https://b] Lines", &["KC143"]),
            ("notify_webhook", "None Yield true [] Lines", &["KC050"]),
        ],
    );
}

#[test]
fn settings_at_top_level() {
    use crate::blocks::global::top::IpvsNamespace;
    let loaded = super::bench().load(
        "linkbeat_use_polling\nnet_namespace red\nnet_namespace blue\nnet_namespace_ipvs\ninstance one\n\
         child_wait_time 0\nnamespace_with_ipsets\n",
    );
    let top = &loaded.config.global.top;
    assert!(top.linkbeat_polling && top.namespace_with_ipsets && *top.pid_directory);
    assert_eq!(top.net_namespace.as_deref(), Some("red"));
    assert_eq!(top.net_namespace_ipvs, Some(IpvsNamespace::Original));
    assert_eq!(top.instance.as_deref(), Some("one"));
    assert!(top.child_wait_time.is_zero());
    assert_eq!(loaded.diagnostics.exit_status(), 5);

    let named = super::bench().load("net_namespace_ipvs ipvs\nuse_pid_dir\n");
    assert_eq!(named.config.global.top.net_namespace_ipvs, Some(IpvsNamespace::Named("ipvs".to_owned())));
    assert!(*named.config.global.top.pid_directory);
    assert_eq!(named.config.global.top.child_wait_time.as_secs(), 5);
    for (line, exit) in [("child_wait_time", 2), ("child_wait_time 5s", 5), ("net_namespace", 5), ("instance", 5)] {
        assert_eq!(super::bench().load(line).diagnostics.exit_status(), exit, "{line}");
    }
    let inside = read("use_pid_dir\ninstance x");
    assert_eq!(inside.diagnostics.iter().filter(|finding| finding.code.id == "KC060").count(), 2);
}

#[test]
fn an_instance_may_repair_where_others_give_way() {
    use crate::blocks::global::ours::Repair::{Restore, Yield};
    let instance = |name: &str, line: &str| format!("vrrp_instance {name} {{\n{line}\n}}\n");
    let text = instance("a", "") + &instance("b", "repair yield") + &instance("c", "repair restore");
    let repairs = |global: &str| -> Vec<_> {
        let loaded = super::bench().load(&format!("{text}global_defs {{\n{global}\n}}\n"));
        loaded.config.vrrp.instances.iter().map(|instance| *instance.repair).collect()
    };
    assert_eq!(repairs(""), [Yield, Yield, Restore]);
    assert_eq!(repairs("vrrp_repair restore"), [Restore, Yield, Restore]);
}
