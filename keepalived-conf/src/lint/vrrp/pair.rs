// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two routers of one virtual router.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::nodes::{Found, node};
use super::range::{self, Range};
use super::{
    DIFFERENT_ADDRESSES, DIFFERENT_AUTHENTICATION, DIFFERENT_INTERVAL, DIFFERENT_MAC, DIFFERENT_PATIENCE,
    DIFFERENT_REACH, DIFFERENT_VERSION, EQUAL_PRIORITY, MISPLACED_NOPREEMPT, NOT_MUTUAL, TWO_OWNERS, WEIGHTS_TOO_SMALL,
    WEIGHTS_TURN_ROUND,
};
use crate::blocks::vrrp::VrrpInstance;
use crate::blocks::vrrp::auth_hmac::Mode;
use crate::blocks::vrrp::instance::Version;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::span::Span;

/// Which files the two come from.
pub(super) struct Context {
    pub(super) first: usize,
    pub(super) second: usize,
}

impl Context {
    /// A finding that points at the second file and speaks of the first.
    fn found(&self, instance: &VrrpInstance, code: Code, keyword: &str, message: &str) -> Diagnostic {
        let message = format!("{}: {message} in {}", instance.name, node(self.first));
        Diagnostic::lint(code, message).at(instance.seen.span_or_head(keyword), "")
    }
}

pub(super) fn lint(context: &Context, one: &VrrpInstance, other: &VrrpInstance, found: &mut Found) {
    let mut list = Vec::new();
    rank(context, one, other, &mut list);
    protocol(context, one, other, &mut list);
    trust(context, one, other, &mut list);
    addresses(context, one, other, &mut list);
    reach(context, one, other, &mut list);
    found.extend(list.into_iter().map(|finding| (context.second, finding)));
    weights(context, one, other, found);
    nopreempt(context, one, other, found);
}

fn rank(context: &Context, one: &VrrpInstance, other: &VrrpInstance, list: &mut Vec<Diagnostic>) {
    let priority = *other.priority;
    if *one.priority != priority {
        return;
    }
    let finding = if other.is_owner() {
        context
            .found(other, TWO_OWNERS, "priority", "priority 255, as")
            .note("each of them stays master whatever it hears: the addresses are on both")
            .hint("lower the priority of all routers but the one that owns the addresses")
    } else {
        context
            .found(other, EQUAL_PRIORITY, "priority", &format!("priority {priority}, as"))
            .note("the higher address decides, and after a failure the master does not come back to where it was")
            .hint("give every router its own priority")
    };
    list.push(finding);
}

fn protocol(context: &Context, one: &VrrpInstance, other: &VrrpInstance, list: &mut Vec<Diagnostic>) {
    if *one.version != *other.version {
        let message = format!("version {}, but version {}", number(*other.version), number(*one.version));
        let finding = context
            .found(other, DIFFERENT_VERSION, "version", &message)
            .note("each drops the adverts of the other: both are master")
            .hint("write `version` in all of them");
        list.push(finding);
        return;
    }
    if *one.advert_int != *other.advert_int {
        let message = format!("adverts every {:?}, but every {:?}", *other.advert_int, *one.advert_int);
        let finding = context.found(other, DIFFERENT_INTERVAL, "advert_int", &message);
        list.push(match *other.version {
            Version::V2 => finding
                .note("version 2 drops adverts with another interval: both are master")
                .hint("write the same `advert_int`"),
            Version::V3 => finding
                .severity(Severity::Note)
                .note("a backup follows the interval of the master, so how long a takeover takes depends on who it was")
                .hint("write the same `advert_int`"),
        });
    }
    if *one.down_timer_adverts != *other.down_timer_adverts {
        let message = format!("waits for {} adverts, but {}", *other.down_timer_adverts, *one.down_timer_adverts);
        let finding = context
            .found(other, DIFFERENT_PATIENCE, "down_timer_adverts", &message)
            .note("the less patient router takes over first, whatever its priority")
            .hint("write the same `down_timer_adverts`");
        list.push(finding);
    }
}

fn number(version: Version) -> u8 {
    match version {
        Version::V2 => 2,
        Version::V3 => 3,
    }
}

fn trust(context: &Context, one: &VrrpInstance, other: &VrrpInstance, list: &mut Vec<Diagnostic>) {
    let kind = |instance: &VrrpInstance| instance.authentication.as_ref().and_then(|auth| auth.auth_type);
    let password = |instance: &VrrpInstance| instance.authentication.as_ref().map(|auth| auth.auth_pass.clone());
    let message = if kind(one) != kind(other) {
        Some("another kind of authentication than")
    } else if password(one) != password(other) {
        Some("another password than")
    } else {
        signatures(one, other)
    };
    if let Some(message) = message {
        let keyword = if other.auth_hmac.is_some() { "auth_hmac" } else { "authentication" };
        let finding = context
            .found(other, DIFFERENT_AUTHENTICATION, keyword, message)
            .note("each drops the adverts of the other: both are master")
            .hint("change it on all routers; with `auth_hmac` step by step through its modes");
        list.push(finding);
    }
}

/// What is wrong between signed adverts and whoever reads them.
fn signatures(one: &VrrpInstance, other: &VrrpInstance) -> Option<&'static str> {
    let believes = |reader: &VrrpInstance, sender: &VrrpInstance| {
        let signs = sender.auth_hmac.as_ref().filter(|hmac| *hmac.mode != Mode::ReceiveOnly);
        match (&reader.auth_hmac, signs) {
            (None, None) => true,
            // Without the block a signed advert is too long.
            (None, Some(_)) => false,
            (Some(reader), None) => *reader.mode != Mode::Enforce,
            (Some(reader), Some(sender)) => sender
                .active_key
                .is_some_and(|id| sender.keys.get(&id).is_some_and(|key| reader.keys.get(&id) == Some(key))),
        }
    };
    if believes(one, other) && believes(other, one) {
        None
    } else {
        Some("does not believe the signatures of, or is not believed by, the one")
    }
}

fn addresses(context: &Context, one: &VrrpInstance, other: &VrrpInstance, list: &mut Vec<Diagnostic>) {
    let set = |list: &[crate::blocks::vrrp::Address]| -> BTreeSet<(IpAddr, u8)> {
        list.iter().map(|address| (address.ip, address.bits)).collect()
    };
    let (mine, theirs) = (set(&other.virtual_ipaddress), set(&one.virtual_ipaddress));
    let (mine_ex, theirs_ex) = (set(&other.virtual_ipaddress_excluded), set(&one.virtual_ipaddress_excluded));
    let missing = theirs.difference(&mine).next().map(|address| (address, true));
    let surplus = mine.difference(&theirs).next().map(|address| (address, false));
    let excluded = theirs_ex.difference(&mine_ex).next().map(|address| (address, true));
    let surplus_excluded = mine_ex.difference(&theirs_ex).next().map(|address| (address, false));
    if let Some(((ip, bits), is_missing)) = missing.or(surplus).or(excluded).or(surplus_excluded) {
        let message = if is_missing {
            format!("{ip}/{bits} is missing, it is an address")
        } else {
            format!("{ip}/{bits} is not an address")
        };
        let keyword = if missing.or(surplus).is_some() { "virtual_ipaddress" } else { "virtual_ipaddress_excluded" };
        let finding = context
            .found(other, DIFFERENT_ADDRESSES, keyword, &message)
            .note("after a takeover some addresses are nowhere, and each advert is reported as wrong")
            .hint("write the same addresses with the same prefix lengths on all routers");
        list.push(finding);
    }
    if one.vmac.is_some() != other.vmac.is_some() {
        let message = if other.vmac.is_some() { "`use_vmac`, but not" } else { "no `use_vmac`, as" };
        let finding = context
            .found(other, DIFFERENT_MAC, "use_vmac", message)
            .severity(Severity::Note)
            .note("the MAC of the addresses changes in one direction of a takeover and not in the other")
            .hint("write `use_vmac` on all routers or on none");
        list.push(finding);
    }
}

fn reach(context: &Context, one: &VrrpInstance, other: &VrrpInstance, list: &mut Vec<Diagnostic>) {
    let (peers, theirs) = (&other.unicast.peers, &one.unicast.peers);
    if one.unicast.in_use() != other.unicast.in_use() {
        let message = if other.unicast.in_use() { "unicast, but multicast" } else { "multicast, but unicast" };
        let finding = context
            .found(other, DIFFERENT_REACH, "unicast_peer", message)
            .note("neither hears the other: both are master")
            .hint("list each other in `unicast_peer`, or take it away from all routers");
        list.push(finding);
        return;
    }
    if !other.unicast.in_use() {
        if *one.mcast_dst_ip != *other.mcast_dst_ip {
            let finding = context
                .found(other, DIFFERENT_REACH, "mcast_dst_ip", "another multicast group than")
                .note("neither hears the other: both are master")
                .hint("write the same group on all routers");
            list.push(finding);
        }
        return;
    }
    let not_listed = |source: Option<IpAddr>, peers: &[crate::blocks::vrrp::entry::unicast::Peer]| {
        source.filter(|source| !peers.iter().any(|peer| peer.ip == *source))
    };
    let place = peers.first().map_or(other.seen.head, |peer| peer.place.0);
    let deaf: Option<(String, Span)> = if let Some(source) = not_listed(one.source, peers) {
        Some((format!("{source} is not among the peers here, but the source"), place))
    } else {
        not_listed(other.source, theirs).map(|source| (format!("the source {source} is no peer"), place))
    };
    if let Some((message, span)) = deaf {
        let message = format!("{}: {message} in {}", other.name, node(context.first));
        let finding = Diagnostic::lint(NOT_MUTUAL, message)
            .at(span, "")
            .note("one router sends no adverts to the other: the other becomes master too")
            .hint("list the source address of every router in `unicast_peer` of all others");
        list.push(finding);
    }
}

/// Tracking that cannot hand over, or that always does.
fn weights(context: &Context, one: &VrrpInstance, other: &VrrpInstance, found: &mut Found) {
    if one.is_owner() || other.is_owner() || *one.priority == *other.priority {
        return;
    }
    let (Some(range_one), Some(range_other)) = (range::of(one), range::of(other)) else { return };
    if !range_one.moves && !range_other.moves {
        return;
    }
    // The one that is to be master by its base priority.
    let one_leads = *one.priority > *other.priority;
    let (lead, lead_range, next, next_range, index) = if one_leads {
        (one, range_one, other, range_other, context.first)
    } else {
        (other, range_other, one, range_one, context.second)
    };
    let at = lead.seen.span_or_head("priority");
    let lowest = Range::advertised(lead_range.worst);
    let highest_next = Range::advertised(next_range.sound);
    if Range::advertised(lead_range.sound) < highest_next {
        let message = format!(
            "{}: with everything well the priority is {}, that of the other router {highest_next}",
            lead.name,
            Range::advertised(lead_range.sound)
        );
        let finding = Diagnostic::lint(WEIGHTS_TURN_ROUND, message)
            .at(at, "lower than meant")
            .note("the base priorities say one thing, the weights another")
            .hint("track the same things with the same weights on both routers");
        found.push((index, finding));
    } else if lead_range.moves && lowest > highest_next {
        let message = format!(
            "{}: with everything failed the priority is still {lowest}, that of `{}` on the other router {highest_next}",
            lead.name, next.name
        );
        let finding = Diagnostic::lint(WEIGHTS_TOO_SMALL, message)
            .at(at, "")
            .note("nothing that is tracked can make the other router take over")
            .hint("make the weights larger than the difference of the priorities, or use weight 0");
        found.push((index, finding));
    }
}

/// `nopreempt` is heeded by the router that comes back, which is the one of higher priority.
fn nopreempt(context: &Context, one: &VrrpInstance, other: &VrrpInstance, found: &mut Found) {
    let one_leads = *one.priority > *other.priority;
    let (lead, next, index) = if one_leads { (one, other, context.second) } else { (other, one, context.first) };
    if *next.preempt || !*lead.preempt || *one.priority == *other.priority {
        return;
    }
    let message = format!("{}: `nopreempt` is on the router of lower priority only", next.name);
    let finding = Diagnostic::lint(MISPLACED_NOPREEMPT, message)
        .at(next.seen.span_or_head("nopreempt"), "does not keep the other one from coming back")
        .note("the router of higher priority takes the addresses back as soon as it returns")
        .hint("write `nopreempt` on the other router too");
    found.push((index, finding));
}
