// SPDX-License-Identifier: MIT OR Apache-2.0
//! One configuration by itself.

use std::time::Duration;

use super::range;
use super::{
    BLIND_TO_LINK, FAST_ADVERTS, MIXED_GROUP, NEVER_ANNOUNCED, ONE_LOST_ADVERT, OUT_OF_BOUNDS, OWNER_BY_STATE,
    OWNER_TRACKS, PEER_IS_SELF, SAME_ID_NEARBY, SILENT_ADDRESSES, SLOW_TAKEOVER, UNCHECKED_SOURCE, UNEVEN_GROUP,
    WEIGHTS_UNHEEDED,
};
use crate::blocks::Config;
use crate::blocks::vrrp::VrrpInstance;
use crate::blocks::vrrp::instance::Fault;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};

/// Below this the scheduler decides who is master.
const FAST: Duration = Duration::from_millis(100);
/// A takeover that takes longer is hardly meant.
const SLOW: Duration = Duration::from_secs(15);

pub(super) fn lint(instance: &VrrpInstance, config: &Config, findings: &mut Diagnostics) {
    ownership(instance, findings);
    bounds(instance, findings);
    unheeded(instance, findings);
    silence(instance, findings);
    unicast(instance, findings);
    times(instance, config, findings);
    if instance.dont_track_primary && instance.tracks.interfaces.is_empty() && instance.interface.is_some() {
        let finding = found(instance, BLIND_TO_LINK, "dont_track_primary", "a lost link is not noticed")
            .note("cut off from the others it stays or becomes master, and so do they")
            .hint("take `dont_track_primary` away, or track the link that matters with `track_interface`");
        findings.push(finding);
    }
    let garp = &instance.garp;
    if *garp.lower_prio_repeat == 0 && garp.master_refresh.is_zero() && *instance.lower_prio_no_advert {
        let finding = found(instance, NEVER_ANNOUNCED, "garp_lower_prio_repeat", "announces its addresses once only")
            .severity(Severity::Note)
            .note("after a time with two masters neighbours may go on sending to the other one")
            .hint("set `garp_master_refresh` to a minute or so");
        findings.push(finding);
    }
}

fn found(instance: &VrrpInstance, code: Code, keyword: &str, message: &str) -> Diagnostic {
    Diagnostic::lint(code, format!("{}: {message}", instance.name)).at(instance.seen.span_or_head(keyword), "")
}

fn ownership(instance: &VrrpInstance, findings: &mut Diagnostics) {
    if !instance.is_owner() {
        return;
    }
    if !instance.priority.given() {
        let message = "`state MASTER` without `priority` means priority 255";
        let finding = found(instance, OWNER_BY_STATE, "state", message)
            .note("an owner always preempts and its tracking moves nothing; two of them stay master both")
            .hint("set `priority`, different on every router");
        findings.push(finding);
    }
    let moved = instance.tracks.iter().find(|(_, track)| *track.weight != 0);
    if let Some((kind, track)) = moved {
        let message = format!("the {} `{}` cannot move priority 255", kind.noun(), track.name.text);
        let finding = found(instance, OWNER_TRACKS, "priority", &message)
            .at(track.name.span(), "without effect")
            .hint("use a priority below 255, or weight 0 for FAULT");
        findings.push(finding);
    }
}

fn bounds(instance: &VrrpInstance, findings: &mut Diagnostics) {
    let Some(range) = range::of(instance) else { return };
    let message = if range.best > range::PRIORITY_MAX && range.moves {
        format!("tracking may raise the priority to {}, an advert says 254 at most", range.best)
    } else if range.worst < range::PRIORITY_MIN && range.moves {
        format!("tracking may lower the priority to {}, an advert says 1 at least", range.worst)
    } else {
        return;
    };
    let finding = found(instance, OUT_OF_BOUNDS, "priority", &message)
        .note("beyond the bound further failures change nothing, and two routers may come out equal")
        .hint("choose a priority nearer the middle, or smaller weights");
    findings.push(finding);
}

/// A backup that does not preempt leaves a master in place whose priority fell.
fn unheeded(instance: &VrrpInstance, findings: &mut Diagnostics) {
    if *instance.preempt {
        return;
    }
    let Some((kind, track)) = instance.tracks.iter().find(|(_, track)| *track.weight != 0) else { return };
    let message = format!(
        "{}: with `nopreempt` the weight of {} `{}` moves nothing",
        instance.name,
        kind.noun(),
        track.name.text
    );
    let finding = Diagnostic::lint(WEIGHTS_UNHEEDED, message)
        .at(track.name.span(), "lowers the priority of a master")
        .at(instance.seen.span_or_head("nopreempt"), "makes backups accept a master of lower priority")
        .note("a master whose checks fail keeps the addresses")
        .hint("use weight 0, so that a failure means FAULT, or take `nopreempt` away");
    findings.push(finding);
}

fn silence(instance: &VrrpInstance, findings: &mut Diagnostics) {
    let silent = !*instance.accept && !instance.accept.given() && !instance.is_owner();
    if silent && *instance.strict_mode {
        let keyword = if instance.seen.has("strict_mode") { "strict_mode" } else { "virtual_ipaddress" };
        let finding = found(instance, SILENT_ADDRESSES, keyword, "in strict mode only an owner's addresses answer")
            .note("packets to the virtual addresses are dropped, pings and connections to services alike")
            .hint("take strict mode away, or with version 3 write `accept`");
        findings.push(finding);
    }
}

fn unicast(instance: &VrrpInstance, findings: &mut Diagnostics) {
    let peers = &instance.unicast.peers;
    let Some(first) = peers.first() else { return };
    if !*instance.unicast.check_source && instance.auth_hmac.is_none() {
        let finding = Diagnostic::lint(UNCHECKED_SOURCE, format!("{}: adverts from anybody are taken", instance.name))
            .severity(Severity::Note)
            .at(first.place.0, "only these peers are meant")
            .note("unlike multicast, unicast adverts may come from far away: whoever sends priority 254 takes the addresses")
            .hint("add `check_unicast_src`, or `auth_hmac`");
        findings.push(finding);
    }
    for peer in peers {
        let own = Some(peer.ip) == instance.source;
        if !own && !instance.addresses().any(|address| address.ip == peer.ip) {
            continue;
        }
        let what = if own { "its own source address" } else { "a virtual address" };
        let finding = Diagnostic::lint(PEER_IS_SELF, format!("{}: the peer {} is {what}", instance.name, peer.ip))
            .at(peer.place.0, "")
            .note("adverts to it come back or go nowhere; who was meant hears nothing and becomes master too")
            .hint("list the own addresses of the other routers");
        findings.push(finding);
    }
}

fn times(instance: &VrrpInstance, config: &Config, findings: &mut Diagnostics) {
    let interval = *instance.advert_int;
    let process = &config.global.process;
    let real_time = process.vrrp.rt_priority.is_some() || *process.max_auto_priority > 0;
    if interval < FAST && !real_time {
        let message = format!("adverts every {interval:?} need real-time scheduling");
        let finding = found(instance, FAST_ADVERTS, "advert_int", &message)
            .note("under load the process is not woken in time: the others take over and it comes back")
            .hint("set `vrrp_rt_priority` in `global_defs`, or a longer interval");
        findings.push(finding);
    }
    let patience = interval.saturating_mul(u32::from(*instance.down_timer_adverts));
    if patience > SLOW {
        let message = format!("a dead master is replaced after {patience:?} or more");
        let finding = found(instance, SLOW_TAKEOVER, "advert_int", &message)
            .severity(Severity::Note)
            .hint("shorten `advert_int`, on all routers at once");
        findings.push(finding);
    }
    if *instance.down_timer_adverts == 1 {
        let keyword = "down_timer_adverts";
        let finding = found(instance, ONE_LOST_ADVERT, keyword, "a single lost advert makes a second master")
            .hint("allow at least two to be missing");
        findings.push(finding);
    }
}

/// keepalived tells multicast from unicast and one group from another; hosts and switches tell VMACs apart by the
/// number alone.
pub(super) fn same_id(config: &Config, findings: &mut Diagnostics) {
    let instances = &config.vrrp.instances;
    for (index, instance) in instances.iter().enumerate() {
        let shares = |other: &&VrrpInstance| {
            instance.interface.is_some()
                && other.interface == instance.interface
                && other.virtual_router_id == instance.virtual_router_id
                && *other.family == *instance.family
        };
        let known = instance.faults.contains(&Fault::SameVirtualRouter) || instance.virtual_router_id.is_none();
        let Some(other) = instances.iter().take(index).find(shares).filter(|_| !known) else { continue };
        let message = format!("`{}` and `{}` have one virtual router id on one interface", other.name, instance.name);
        let finding = Diagnostic::lint(SAME_ID_NEARBY, message)
            .at(instance.seen.span_or_head("virtual_router_id"), "here")
            .at(other.seen.span_or_head("virtual_router_id"), "and here")
            .note("they differ in how adverts travel only, and with `use_vmac` they have one MAC")
            .hint("give one of them another number, on all routers");
        findings.push(finding);
    }
}

/// Members of a sync group are elected one by one; the group moves as soon as one of them does.
pub(super) fn groups(config: &Config, findings: &mut Diagnostics) {
    for group in &config.vrrp.sync_groups {
        let members: Vec<&VrrpInstance> = group.group.iter().filter_map(|name| config.vrrp.instance(name)).collect();
        let Some((first, rest)) = members.split_first() else { continue };
        let at = group.seen.head;
        if let Some(other) = rest.iter().find(|other| *other.preempt != *first.preempt) {
            let message = format!(
                "sync group `{}`: one of `{}` and `{}` preempts, the other does not",
                group.name, first.name, other.name
            );
            let finding = Diagnostic::lint(MIXED_GROUP, message)
                .at(at, "")
                .note("the one that preempts pulls the other along")
                .hint("write `nopreempt` in all members or in none");
            findings.push(finding);
        }
        let moves_alone = |instance: &&&VrrpInstance| {
            instance.tracks.iter().any(|(kind, track)| {
                let of_group = group.tracks.of(kind).iter().any(|shared| shared.name == track.name);
                *track.weight != 0 && !of_group
            })
        };
        if let Some(alone) = members.iter().find(moves_alone) {
            let message = format!("sync group `{}`: tracking moves the priority of `{}` alone", group.name, alone.name);
            let finding = Diagnostic::lint(UNEVEN_GROUP, message)
                .at(at, "")
                .note("the members may then want different masters, and the group goes back and forth or stays put")
                .hint("track it on the group, so that all priorities move together");
            findings.push(finding);
        }
    }
}
