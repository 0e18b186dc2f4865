// SPDX-License-Identifier: MIT OR Apache-2.0
//! Settings of one instance that exclude or correct each other: version, state, priority, times, answers.

use std::time::Duration;

use super::{at_keyword, broken};
use crate::blocks::vrrp::instance::{Fault, State, VERSION_CLASH, Version, VrrpInstance};
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::family::Family;
use crate::value::Cx;

pub const NO_VIRTUAL_ROUTER_ID: Code = Code::new("KC175", "no virtual router id");
pub const IGNORED: Code = Code::new("KC176", "a setting that another one makes void");
pub const NOT_STRICT: Code = Code::new("KC177", "not possible in strict mode");
pub const INTERVAL_ROUNDED: Code = Code::new("KC178", "an interval the version cannot express");

/// The longest interval of version 3, which counts hundredths in 12 bits.
const V3_INTERVAL_MAX: Duration = Duration::from_millis(40_950);
/// What a router of strict mode allows to be missing.
const STRICT_DOWN_TIMER_ADVERTS: u8 = 3;

pub(super) fn resolve(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    if instance.virtual_router_id.is_none() {
        let finding = Diagnostic::error(
            NO_VIRTUAL_ROUTER_ID,
            format!("{}: `virtual_router_id` is missing or cannot be used", instance.name),
        )
        .at(instance.seen.span_or_head("virtual_router_id"), "the instance cannot run")
        .hint("set `virtual_router_id` to a number from 1 to 255, the same on all routers");
        broken(instance, Fault::NoVirtualRouterId, finding, cx);
    }
    strict_version(instance, cx);
    state(instance, cx);
    interval(instance, cx);
    preemption(instance, cx);
    if *instance.strict_mode {
        strict(instance, cx);
    }
    owner_ignores(instance, cx);
}

fn strict_version(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    if *instance.strict_mode && *instance.family == Family::V6 && *instance.version == Version::V2 {
        let finding =
            at_keyword(instance, VERSION_CLASH, "version", "strict mode knows IPv6 in version 3 only", "3 is used");
        cx.diagnostics.push(finding);
        instance.version.correct(Version::V3);
    }
}

/// Strict mode: MASTER is the owner's state, and nobody else's.
fn state(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let of_priority = if instance.is_owner() { State::Master } else { State::Backup };
    if *instance.strict_mode && *instance.state != of_priority {
        let message = "in strict mode the owner of the addresses starts as MASTER, and nobody else does";
        let then = if instance.is_owner() { "MASTER is used" } else { "BACKUP is used" };
        cx.diagnostics.push(at_keyword(instance, NOT_STRICT, "state", message, then));
        instance.state.correct(of_priority);
    }
}

/// Brings the interval to what the version can express.
fn interval(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let interval = *instance.advert_int;
    let (unit, max) = match *instance.version {
        Version::V2 => (Duration::from_secs(1), Duration::from_secs(255)),
        Version::V3 => (Duration::from_millis(10), V3_INTERVAL_MAX),
    };
    let units = (interval.as_micros() + unit.as_micros() / 2) / unit.as_micros();
    let units = u32::try_from(units).unwrap_or(u32::MAX).max(1);
    let rounded = unit.saturating_mul(units).min(max);
    if rounded == interval {
        return;
    }
    let counts = match *instance.version {
        Version::V2 => "version 2 counts whole seconds",
        Version::V3 => "version 3 counts hundredths of a second, up to 40.95",
    };
    let finding = at_keyword(instance, INTERVAL_ROUNDED, "advert_int", counts, &format!("{rounded:?} is used"));
    let finding = match *instance.version {
        Version::V2 => finding.hint("set `version 3` for shorter intervals, on all routers"),
        Version::V3 => finding,
    };
    cx.diagnostics.push(finding);
    instance.advert_int.correct(rounded);
}

fn preemption(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let wants_master = *instance.state == State::Master;
    if !*instance.preempt && (instance.is_owner() || wants_master) {
        let (what, hint) = if instance.is_owner() {
            ("`nopreempt` is not possible with priority 255", "use a priority below 255")
        } else {
            ("`nopreempt` is not possible with `state MASTER`", "write `state BACKUP`")
        };
        let finding = at_keyword(instance, IGNORED, "nopreempt", what, "ignored: the instance preempts").hint(hint);
        cx.diagnostics.push(finding);
        instance.preempt.correct(true);
    }
    if *instance.preempt_delay > Duration::ZERO {
        let void = if *instance.strict_mode {
            Some("`preempt_delay` is not possible in strict mode")
        } else if !*instance.preempt {
            Some("`preempt_delay` is not possible with `nopreempt`")
        } else if wants_master {
            Some("`preempt_delay` is not possible with `state MASTER`")
        } else {
            None
        };
        if let Some(void) = void {
            let finding = at_keyword(instance, IGNORED, "preempt_delay", void, "ignored");
            let finding = if wants_master { finding.hint("write `state BACKUP`") } else { finding };
            cx.diagnostics.push(finding);
            instance.preempt_delay.correct(Duration::ZERO);
        }
    }
    if *instance.preempt && instance.timer_expired_backup.take().is_some() {
        let written =
            if instance.seen.has("timer_expired_backup") { "timer_expired_backup" } else { "thread_timer_expired" };
        let message = format!("`{written}` means nothing without `nopreempt`");
        cx.diagnostics.push(at_keyword(instance, IGNORED, written, &message, "ignored"));
    }
}

/// What strict mode takes back.
fn strict(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let mut found: Vec<(&str, &str)> = Vec::new();
    if *instance.down_timer_adverts != STRICT_DOWN_TIMER_ADVERTS {
        found.push(("down_timer_adverts", "3 is used"));
        instance.down_timer_adverts.correct(STRICT_DOWN_TIMER_ADVERTS);
    }
    if *instance.accept && !instance.is_owner() && *instance.version == Version::V2 {
        found.push(("accept", "packets to the addresses are dropped"));
        instance.accept.correct(false);
    }
    if !*instance.lower_prio_no_advert {
        found.push(("lower_prio_no_advert", "on is used"));
        instance.lower_prio_no_advert.correct(true);
    }
    if *instance.higher_prio_send_advert {
        found.push(("higher_prio_send_advert", "off is used"));
        instance.higher_prio_send_advert.correct(false);
    }
    if *instance.garp.lower_prio_delay > Duration::ZERO {
        found.push(("garp_lower_prio_delay", "0 is used"));
        instance.garp.lower_prio_delay.correct(Duration::ZERO);
    }
    if *instance.garp.lower_prio_repeat > 0 {
        found.push(("garp_lower_prio_repeat", "0 is used"));
        instance.garp.lower_prio_repeat.correct(0);
    }
    if instance.vmac_xmit_base && instance.vmac.is_some() && !instance.unicast.in_use() {
        found.push(("vmac_xmit_base", "ignored"));
        instance.vmac_xmit_base = false;
    }
    if let Some(vmac) = &mut instance.vmac
        && vmac.mac.take().is_some()
    {
        found.push(("use_vmac", "the virtual MAC of the standard is used"));
    }
    for (keyword, then) in found {
        let message = format!("`{keyword}` is not possible like this in strict mode");
        cx.diagnostics.push(at_keyword(instance, NOT_STRICT, keyword, &message, then));
    }
}

/// Only an owner ignores adverts. keepalived makes an owner ignore them even when told not to; here `off` is off, but
/// for strict mode.
fn owner_ignores(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let ignores = &mut instance.owner_ignore_adverts;
    if !ignores.given() || **ignores == (*instance.priority == crate::blocks::vrrp::instance::OWNER) {
        return;
    }
    let finding = if **ignores {
        ignores.correct(false);
        let message = "`owner_ignore_adverts` is for priority 255";
        at_keyword(instance, IGNORED, "owner_ignore_adverts", message, "ignored")
    } else if *instance.strict_mode {
        ignores.correct(true);
        let message = "in strict mode an owner ignores adverts";
        at_keyword(instance, NOT_STRICT, "owner_ignore_adverts", message, "on is used")
    } else {
        let message = "keepalived makes an owner ignore adverts all the same";
        Diagnostic::warning(IGNORED, format!("{}: {message}", instance.name))
            .class(Class::General)
            .at(instance.seen.span_or_head("owner_ignore_adverts"), "off here")
    };
    cx.diagnostics.push(finding);
}
