// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who becomes master and when: priority, state, version, times, preemption, strict mode, announcements.

use super::{Vrrp, VrrpInstance, check, check_all, codes, read, with};
use crate::blocks::vrrp::instance::Fault;

fn rank(instance: &VrrpInstance) -> String {
    format!("{} {:?} {:?} {:?}", *instance.priority, *instance.state, *instance.version, instance.virtual_router_id)
}

#[test]
fn identity_and_its_ranges() {
    check(
        rank,
        &[
            ("priority 1", "1 Backup V2 Some(51)", &[]),
            ("priority 254", "254 Backup V2 Some(51)", &[]),
            ("priority 255", "255 Master V2 Some(51)", &[]),
            ("priority 0", "100 Backup V2 Some(51)", &["KC052"]),
            ("priority 256", "100 Backup V2 Some(51)", &["KC052"]),
            ("priority 12abc", "100 Backup V2 Some(51)", &["KC053"]),
            ("state MASTER", "255 Master V2 Some(51)", &[]),
            ("state MASTER\npriority 100", "100 Master V2 Some(51)", &[]),
            ("state BACKUP\npriority 255", "255 Backup V2 Some(51)", &[]),
            ("state BACKUP\nstate MASTER", "255 Master V2 Some(51)", &[]),
            ("state MASTER\nstate BACKUP", "255 Master V2 Some(51)", &["KC063"]),
            ("state master", "100 Backup V2 Some(51)", &["KC054"]),
            ("state", "100 Backup V2 Some(51)", &["KC050"]),
            ("version 3", "100 Backup V3 Some(51)", &[]),
            ("version 3\nversion 3", "100 Backup V3 Some(51)", &[]),
            ("version 3\nversion 2", "100 Backup V3 Some(51)", &["KC165"]),
            ("version 1", "100 Backup V2 Some(51)", &["KC052"]),
            ("version 4", "100 Backup V2 Some(51)", &["KC052"]),
            ("native_ipv6", "100 Backup V2 Some(51)", &["KC166"]),
            ("virtual_router_id 1", "100 Backup V2 Some(1)", &[]),
            ("virtual_router_id 255", "100 Backup V2 Some(255)", &[]),
            ("virtual_router_id 256", "100 Backup V2 Some(51)", &["KC052"]),
        ],
    );
}

#[test]
fn ipv6_is_version_3_unless_told_otherwise_first() {
    let of = |lines: &str| format!("vrrp_instance VI {{\ninterface eth0\nvirtual_router_id 51\n{lines}\n}}\n");
    let vip = "virtual_ipaddress {\nfe80::1/64\n}";
    let value = |vrrp: &Vrrp| rank(&vrrp.instances[0]);
    check_all(
        value,
        &[
            (&of(vip), "100 Backup V3 Some(51)", &[]),
            (&of(&format!("version 2\n{vip}")), "100 Backup V2 Some(51)", &[]),
            (&of(&format!("{vip}\nversion 2")), "100 Backup V3 Some(51)", &["KC165"]),
            (&of(&format!("native_ipv6\n{vip}")), "100 Backup V3 Some(51)", &[]),
            (&of(&format!("version 2\nstrict_mode\n{vip}")), "100 Backup V3 Some(51)", &["KC165"]),
            (&format!("global_defs {{\nvrrp_version 2\n}}\n{}", of(vip)), "100 Backup V3 Some(51)", &[]),
        ],
    );
    let global = format!("global_defs {{\nvrrp_version 3\n}}\n{}", with(""));
    check_all(value, &[(&global, "100 Backup V3 Some(51)", &[])]);
}

#[test]
fn intervals_are_what_the_version_can_say() {
    check(
        |instance| format!("{:?}", *instance.advert_int),
        &[
            ("advert_int 1", "1s", &[]),
            ("advert_int 255", "255s", &[]),
            ("advert_int 255.1", "1s", &["KC052"]),
            ("advert_int 0.009", "1s", &["KC052"]),
            ("advert_int 0", "1s", &["KC052"]),
            ("advert_int 1.4", "1s", &["KC178"]),
            ("advert_int 1.5", "2s", &["KC178"]),
            ("advert_int 0.01", "1s", &["KC178"]),
            ("advert_int 1.2345678", "1s", &["KC056", "KC178"]),
            ("version 3\nadvert_int 0.01", "10ms", &[]),
            ("version 3\nadvert_int 0.1", "100ms", &[]),
            ("version 3\nadvert_int 0.014", "10ms", &["KC178"]),
            ("version 3\nadvert_int 0.015", "20ms", &["KC178"]),
            ("version 3\nadvert_int 40.95", "40.95s", &[]),
            ("version 3\nadvert_int 40.954", "40.95s", &["KC178"]),
            ("version 3\nadvert_int 40.96", "40.95s", &["KC178"]),
            ("version 3\nadvert_int 255", "40.95s", &["KC178"]),
        ],
    );
}

#[test]
fn preemption_and_what_excludes_it() {
    check(
        |instance| {
            let expired = instance.timer_expired_backup.map_or("-".to_owned(), |priority| priority.to_string());
            format!("{} {:?} {expired}", *instance.preempt, *instance.preempt_delay)
        },
        &[
            ("nopreempt", "false 0ns -", &[]),
            ("nopreempt\npreempt", "true 0ns -", &[]),
            ("preempt\nnopreempt", "false 0ns -", &[]),
            ("nopreempt\npriority 255", "true 0ns -", &["KC176"]),
            ("nopreempt\nstate MASTER\npriority 100", "true 0ns -", &["KC176"]),
            ("preempt_delay 1000", "true 1000s -", &[]),
            ("preempt_delay 0.5", "true 500ms -", &[]),
            ("preempt_delay 1000.1", "true 0ns -", &["KC052"]),
            ("preempt_delay 5\nstate MASTER\npriority 100", "true 0ns -", &["KC176"]),
            ("preempt_delay 5\nnopreempt", "false 0ns -", &["KC176"]),
            ("preempt_delay 5\nstrict_mode", "true 0ns -", &["KC176"]),
            ("nopreempt\ntimer_expired_backup", "false 0ns 254", &[]),
            ("nopreempt\ntimer_expired_backup 1", "false 0ns 1", &[]),
            ("nopreempt\ntimer_expired_backup 255", "false 0ns -", &["KC052"]),
            ("nopreempt\nthread_timer_expired 9", "false 0ns 9", &["KC066"]),
            ("timer_expired_backup 9", "true 0ns -", &["KC176"]),
        ],
    );
}

#[test]
fn down_timers_are_inherited_and_strict_mode_wants_three() {
    let value = |vrrp: &Vrrp| vrrp.instances[0].down_timer_adverts.to_string();
    let global = "global_defs {\nvrrp_down_timer_adverts 5\n}\n";
    check_all(
        value,
        &[
            (&with("down_timer_adverts 1"), "1", &[]),
            (&with("down_timer_adverts 100"), "100", &[]),
            (&with("down_timer_adverts 101"), "3", &["KC052"]),
            (&format!("{global}{}", with("")), "5", &[]),
            (&format!("{global}{}", with("down_timer_adverts 7")), "7", &[]),
            (&format!("{global}{}", with("strict_mode")), "3", &["KC177"]),
        ],
    );
}

#[test]
fn strict_mode_takes_back_what_the_standard_does_not_know() {
    let value = |instance: &VrrpInstance| {
        format!(
            "{:?} accept={} no_advert={} last_advert={} {:?}/{}",
            *instance.state,
            *instance.accept,
            *instance.lower_prio_no_advert,
            *instance.higher_prio_send_advert,
            *instance.garp.lower_prio_delay,
            *instance.garp.lower_prio_repeat
        )
    };
    check(
        value,
        &[
            ("", "Backup accept=true no_advert=false last_advert=false 5s/5", &[]),
            ("strict_mode", "Backup accept=false no_advert=true last_advert=false 0ns/0", &[]),
            ("strict_mode off\nno_accept", "Backup accept=false no_advert=false last_advert=false 5s/5", &[]),
            ("strict_mode\npriority 255", "Master accept=true no_advert=true last_advert=false 0ns/0", &[]),
            ("strict_mode\naccept", "Backup accept=false no_advert=true last_advert=false 0ns/0", &["KC177"]),
            ("strict_mode\naccept\nversion 3", "Backup accept=true no_advert=true last_advert=false 0ns/0", &[]),
            (
                "strict_mode\nlower_prio_no_advert off",
                "Backup accept=false no_advert=true last_advert=false 0ns/0",
                &["KC177"],
            ),
            (
                "strict_mode\nhigher_prio_send_advert",
                "Backup accept=false no_advert=true last_advert=false 0ns/0",
                &["KC177"],
            ),
            (
                "strict_mode\ngarp_lower_prio_delay 1\ngarp_lower_prio_repeat 2",
                "Backup accept=false no_advert=true last_advert=false 0ns/0",
                &["KC177", "KC177"],
            ),
            (
                "strict_mode\npriority 255\nstate BACKUP",
                "Master accept=true no_advert=true last_advert=false 0ns/0",
                &["KC177"],
            ),
            (
                "strict_mode\npriority 100\nstate MASTER",
                "Backup accept=false no_advert=true last_advert=false 0ns/0",
                &["KC177"],
            ),
            ("strict_mode foo", "Backup accept=true no_advert=false last_advert=false 5s/5", &["KC054"]),
        ],
    );
}

#[test]
fn only_owners_ignore_adverts() {
    let value = |vrrp: &Vrrp| vrrp.instances[0].owner_ignore_adverts.to_string();
    let global = "global_defs {\nvrrp_owner_ignore_adverts\n}\n";
    check_all(
        value,
        &[
            (&with("owner_ignore_adverts"), "false", &["KC176"]),
            (&with("owner_ignore_adverts\npriority 255"), "true", &[]),
            (&with("owner_ignore_adverts off\npriority 255"), "false", &["KC176"]),
            (&with("owner_ignore_adverts off\npriority 255\nstrict_mode"), "true", &["KC177"]),
            (&with("priority 255\nstrict_mode"), "true", &[]),
            (&format!("{global}{}", with("priority 255")), "true", &[]),
            (&format!("{global}{}", with("")), "false", &[]),
        ],
    );
}

#[test]
fn switches_are_inherited_and_off_is_off() {
    let value = |vrrp: &Vrrp| {
        let instance = &vrrp.instances[0];
        format!(
            "{} {} {} {} {}",
            *instance.skip_check_adv_addr,
            *instance.v3_checksum_as_v2,
            *instance.unicast.check_source,
            *instance.smtp_alert,
            *instance.notify_priority_changes
        )
    };
    let global = "global_defs {\nvrrp_skip_check_adv_addr\nv3_checksum_as_v2\nvrrp_check_unicast_src\nsmtp_alert_vrrp\n\
                  vrrp_notify_priority_changes\n}\n";
    check_all(
        value,
        &[
            (&with(""), "false false false false false", &[]),
            (&format!("{global}{}", with("")), "true true true true true", &[]),
            (
                &format!(
                    "{global}{}",
                    with(
                        "skip_check_adv_addr off\nv3_checksum_as_v2 off\nsmtp_alert no\nnotify_priority_changes false"
                    )
                ),
                "false false true false false",
                &[],
            ),
            (&with("smtp_alert maybe"), "false false false false false", &["KC054"]),
        ],
    );
}

#[test]
fn announcements_and_their_ranges() {
    let value = |vrrp: &Vrrp| {
        let garp = &vrrp.instances[0].garp;
        format!(
            "{:?}x{} {:?}x{} {:?}x{} {:?}{}",
            *garp.master_delay,
            *garp.master_repeat,
            *garp.master_refresh,
            *garp.master_refresh_repeat,
            *garp.lower_prio_delay,
            *garp.lower_prio_repeat,
            garp.extra_if.interval,
            if garp.extra_if.all { " all" } else { "" }
        )
    };
    let global = "global_defs {\nvrrp_garp_master_delay 7\nvrrp_garp_master_repeat 8\nvrrp_garp_extra_if all 9\n}\n";
    check_all(
        value,
        &[
            (&with(""), "5sx5 0nsx1 5sx5 0ns", &[]),
            (&format!("{global}{}", with("")), "7sx8 0nsx1 7sx8 9s all", &[]),
            (&format!("{global}{}", with("garp_extra_if 0\ngarp_master_delay 1")), "1sx8 0nsx1 7sx8 0ns", &[]),
            (&with("garp_master_delay 4294\ngarp_master_refresh 4294967295"), "4294sx5 4294967295sx1 5sx5 0ns", &[]),
            (&with("garp_master_delay 4295"), "5sx5 0nsx1 5sx5 0ns", &["KC052"]),
            (&with("garp_master_refresh foo"), "5sx5 0nsx1 5sx5 0ns", &["KC051"]),
            (&with("garp_master_repeat 0\ngarp_master_refresh_repeat 0"), "5sx1 0nsx1 5sx5 0ns", &["KC052", "KC052"]),
            (&with("garp_lower_prio_repeat 0\ngarp_lower_prio_delay 0"), "5sx5 0nsx1 0nsx0 0ns", &[]),
            (&with("garp_lower_prio_repeat 2147483648"), "5sx5 0nsx1 5sx5 0ns", &["KC052"]),
            (&with("garp_extra_if all 86400"), "5sx5 0nsx1 5sx5 86400s all", &[]),
            (&with("garp_extra_if 86401"), "5sx5 0nsx1 5sx5 0ns", &["KC052"]),
            (&with("garp_extra_if all"), "5sx5 0nsx1 5sx5 0ns", &["KC150"]),
            (&with("vmac_garp_intvl 5"), "5sx5 0nsx1 5sx5 5s", &["KC066"]),
        ],
    );
}

#[test]
fn what_is_left() {
    check(
        |instance| {
            format!(
                "{:?} {} {} {:?}",
                instance.kernel_rx_buf_size,
                instance.debug,
                instance.linkbeat_use_polling,
                instance.lvs_sync_daemon_interface.as_deref()
            )
        },
        &[
            ("kernel_rx_buf_size 0", "Some(0) 0 false None", &[]),
            ("kernel_rx_buf_size 4294967295", "Some(4294967295) 0 false None", &[]),
            ("kernel_rx_buf_size 4294967296", "None 0 false None", &["KC052"]),
            ("kernel_rx_buf_size 1 2", "None 0 false None", &["KC151"]),
            ("kernel_rx_buf_size", "None 0 false None", &["KC050"]),
            ("debug 4", "None 4 false None", &[]),
            ("debug 5", "None 0 false None", &["KC052"]),
            ("linkbeat_use_polling", "None 0 true None", &["KC066"]),
            ("lvs_sync_daemon_interface eth1", "None 0 false Some(\"eth1\")", &["KC066"]),
        ],
    );
}

#[test]
fn scripts_are_told_apart_and_the_first_one_counts() {
    check(
        |instance| {
            let notify = &instance.notify;
            let all = [
                &notify.master,
                &notify.backup,
                &notify.fault,
                &notify.stop,
                &notify.deleted,
                &notify.any,
                &notify.master_rx_lower_pri,
            ];
            let names = all.map(|script| script.as_ref().map_or("-", |script| script.argv[0].as_str()));
            format!("{} {}", names.join(" "), notify.says_deleted)
        },
        &[
            (
                "notify_master /m\nnotify_backup /b\nnotify_fault /f\nnotify_stop /s\nnotify_deleted /d\nnotify /n\n\
                 notify_master_rx_lower_pri /l",
                "/m /b /f /s /d /n /l true",
                &[],
            ),
            ("notify_deleted", "- - - - - - - true", &[]),
            ("notify_master /m\nnotify_master /n", "/m - - - - - - false", &["KC063"]),
            ("notify", "- - - - - - - false", &["KC050"]),
        ],
    );
}

#[test]
fn an_instance_without_a_virtual_router_id_cannot_run() {
    for vrid in ["", "virtual_router_id 0", "virtual_router_id x"] {
        let text = format!("vrrp_instance VI {{\ninterface eth0\n{vrid}\nvirtual_ipaddress {{\n192.0.2.1\n}}\n}}\n");
        let loaded = read(&text);
        assert_eq!(loaded.config.vrrp.instances[0].faults, [Fault::NoVirtualRouterId], "{vrid}");
        assert!(loaded.config.vrrp.stops_keepalived());
        assert!(codes(&loaded).contains(&"KC175"));
        assert_eq!(loaded.diagnostics.exit_status(), 5);
    }
}
