// SPDX-License-Identifier: MIT OR Apache-2.0
//! What instances and groups take from `global_defs` and from their group.

use crate::blocks::Config;
use crate::blocks::global::Global;
use crate::blocks::vrrp::instance::{ExtraGarp, OWNER, PRIORITY, State, Version, VrrpInstance};
use crate::family::Family;
use crate::schema::Setting;

pub(super) fn instances(config: &mut Config) {
    let global = &config.global;
    for instance in &mut config.vrrp.instances {
        identity(instance, global);
        behaviour(instance, global);
        announcements(instance, global);
    }
    let alerts = Setting::new(global.mail.alerts_for_vrrp());
    for group in &mut config.vrrp.sync_groups {
        group.smtp_alert.inherit(&alerts);
        group.notify_priority_changes.inherit(&global.vrrp.notify_priority_changes);
    }
}

/// What the group says counts before what is global.
pub(super) fn priority_changes(config: &mut Config) {
    for instance in &mut config.vrrp.instances {
        let of_group = config
            .vrrp
            .sync_groups
            .iter()
            .find(|group| Some(&group.name) == instance.sync_group.as_ref())
            .map(|group| &group.notify_priority_changes);
        instance.notify_priority_changes.inherit(of_group.unwrap_or(&config.global.vrrp.notify_priority_changes));
    }
}

fn identity(instance: &mut VrrpInstance, global: &Global) {
    match *instance.family {
        Family::V4 => instance.version.inherit(&global.vrrp.version),
        Family::V6 => instance.version.inherit(&Setting::new(Version::V3)),
    }
    if !instance.priority.given() {
        let wants_to_own = instance.state.given() && *instance.state == State::Master;
        instance.priority.correct(if wants_to_own { OWNER } else { PRIORITY });
    }
    if !instance.state.given() {
        instance.state.correct(if instance.is_owner() { State::Master } else { State::Backup });
    }
    if !instance.mcast_dst_ip.given() {
        let group = match *instance.family {
            Family::V4 => (*global.vrrp.mcast_group4).into(),
            Family::V6 => (*global.vrrp.mcast_group6).into(),
        };
        instance.mcast_dst_ip.correct(Some(group));
    }
}

fn behaviour(instance: &mut VrrpInstance, global: &Global) {
    instance.strict_mode.inherit(&global.vrrp.strict);
    instance.down_timer_adverts.inherit(&global.vrrp.down_timer_adverts);
    instance.skip_check_adv_addr.inherit(&global.vrrp.skip_check_adv_addr);
    instance.v3_checksum_as_v2.inherit(&Setting::new(global.vrrp.v3_checksum_as_v2));
    instance.unicast.check_source.inherit(&Setting::new(global.vrrp.check_unicast_src));
    instance.smtp_alert.inherit(&Setting::new(global.mail.alerts_for_vrrp()));
    instance.repair.inherit(&global.ours.repair);
    let (strict, owner) = (*instance.strict_mode, instance.is_owner());
    if strict {
        instance.accept.inherit(&Setting::new(owner));
        instance.lower_prio_no_advert.inherit(&Setting::new(true));
        instance.higher_prio_send_advert.inherit(&Setting::new(false));
    } else {
        instance.lower_prio_no_advert.inherit(&global.vrrp.lower_prio_no_advert);
        instance.higher_prio_send_advert.inherit(&global.vrrp.higher_prio_send_advert);
    }
    let ignores = owner && (strict || *global.vrrp.owner_ignore_adverts);
    instance.owner_ignore_adverts.inherit(&Setting::new(ignores));
}

fn announcements(instance: &mut VrrpInstance, global: &Global) {
    let (garp, defaults) = (&mut instance.garp, &global.garp);
    garp.master_delay.inherit(&defaults.master_delay);
    garp.master_repeat.inherit(&defaults.master_repeat);
    garp.master_refresh.inherit(&defaults.master_refresh);
    garp.master_refresh_repeat.inherit(&defaults.master_refresh_repeat);
    let extra = defaults.extra_interfaces.map(|extra| ExtraGarp { interval: extra.interval, all: extra.all });
    garp.extra_if.inherit(&Setting::new(extra.unwrap_or_default()));
    if *instance.strict_mode {
        garp.lower_prio_delay.inherit(&Setting::new(std::time::Duration::ZERO));
        garp.lower_prio_repeat.inherit(&Setting::new(0));
    } else {
        garp.lower_prio_delay.inherit(&defaults.lower_prio_delay);
        garp.lower_prio_repeat.inherit(&defaults.lower_prio_repeat);
    }
}
