// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parameters of one instance for the engine.

use std::net::IpAddr;
use std::sync::Arc;

use keepalived_conf::Config;
use keepalived_conf::blocks::global::ours::Repair;
use keepalived_conf::blocks::vrrp::auth_hmac::{self, AuthHmac};
use keepalived_conf::blocks::vrrp::authentication::AuthType;
use keepalived_conf::blocks::vrrp::instance::{Fault, OldChecksum, Version as Written, VrrpInstance};

use super::VrrpPlan;
use crate::proto::vrrp::auth::{AntiReplay, HmacKey, HmacMode, HmacPolicy, Keys, Password};
use crate::proto::vrrp::{
    AnnounceParams, Announced, Auth, Checksum, Family, Holdings, OldUnicast, OnLoss, OtherAddresses, Params, Peer,
    PortId, Preempt, Reach, TrackUse, Version,
};

/// Everything the engine must know; the port, tracks and holdings are numbered already.
pub(super) fn params(
    plan: &VrrpPlan,
    config: &Config,
    instance: &VrrpInstance,
    port: PortId,
    auth: Auth,
    tracks: Vec<TrackUse>,
    holdings: Arc<Holdings>,
) -> Params {
    // Signed adverts were asked for: unsigned ones instead would be a way in.
    let auth_failed = instance.auth_hmac.is_some() && auth == Auth::None;
    let announce = announce_of(plan, instance, port, &holdings);
    Params {
        vrid: instance.virtual_router_id.unwrap_or(0),
        version: version_of(instance),
        family: family_of(*instance.family),
        port,
        priority: *instance.priority,
        interval: *instance.advert_int,
        down_timer_adverts: *instance.down_timer_adverts,
        preempt: if *instance.preempt {
            Preempt::Yes { delay: *instance.preempt_delay }
        } else {
            Preempt::No { timer_expired_backup: instance.timer_expired_backup }
        },
        reach: reach_of(config, instance),
        source: instance.source,
        auth,
        checksum: checksum_of(config, instance),
        track_primary: !instance.dont_track_primary,
        tracks,
        holdings,
        announce,
        lower_prio_no_advert: *instance.lower_prio_no_advert,
        higher_prio_send_advert: *instance.higher_prio_send_advert,
        owner_ignore_adverts: *instance.owner_ignore_adverts,
        skip_check_adv_addr: *instance.skip_check_adv_addr,
        other_addresses: OtherAddresses::Report,
        on_loss: match *instance.repair {
            Repair::Yield => OnLoss::Bounce,
            Repair::Restore => OnLoss::Restore,
        },
        handover: *config.global.ours.handover,
        broken: auth_failed || instance.faults.iter().any(|fault| !comes_late(*fault)),
    }
}

pub(super) fn family_of(family: keepalived_conf::family::Family) -> Family {
    match family {
        keepalived_conf::family::Family::V4 => Family::V4,
        keepalived_conf::family::Family::V6 => Family::V6,
    }
}

fn version_of(instance: &VrrpInstance) -> Version {
    match *instance.version {
        Written::V2 => Version::V2,
        Written::V3 => Version::V3,
    }
}

/// What is missing may still come: the worker waits for it.
fn comes_late(fault: Fault) -> bool {
    match fault {
        Fault::InterfaceMissing | Fault::NoSource => true,
        Fault::NoVirtualRouterId
        | Fault::NoInterface
        | Fault::LinkLocalWithoutInterface
        | Fault::VmacWithoutInterface
        | Fault::NoAddresses
        | Fault::StrictUnicast
        | Fault::SameVirtualRouter
        | Fault::IpvlanAddress => false,
    }
}

/// The group adverts go to.
pub(super) fn group_address(config: &Config, instance: &VrrpInstance) -> IpAddr {
    use keepalived_conf::family::Family;
    (*instance.mcast_dst_ip).unwrap_or(match *instance.family {
        Family::V4 => IpAddr::V4(*config.global.vrrp.mcast_group4),
        Family::V6 => IpAddr::V6(*config.global.vrrp.mcast_group6),
    })
}

fn reach_of(config: &Config, instance: &VrrpInstance) -> Reach {
    let unicast = &instance.unicast;
    if !unicast.in_use() {
        return Reach::Multicast { group: group_address(config, instance) };
    }
    Reach::Unicast {
        peers: unicast.peers.iter().map(|peer| Peer { ip: peer.ip, hop_limits: peer.ttl_range() }).collect(),
        check_source: *unicast.check_source,
        ttl: unicast.ttl,
    }
}

fn checksum_of(config: &Config, instance: &VrrpInstance) -> Checksum {
    Checksum {
        v3_as_v2: *instance.v3_checksum_as_v2,
        old_unicast: match instance.unicast.old_checksum {
            OldChecksum::Detect => OldUnicast::Adapt,
            OldChecksum::Always => OldUnicast::Always,
            OldChecksum::Never => OldUnicast::Never,
        },
        group: *config.global.vrrp.mcast_group4,
    }
}

/// The mechanism of the instance, as far as its version and family have it.
pub(super) fn auth_of(instance: &VrrpInstance) -> Result<Auth, String> {
    if let Some(hmac) = &instance.auth_hmac {
        return keyed(hmac).map(Auth::Keyed);
    }
    let Some(written) = &instance.authentication else { return Ok(Auth::None) };
    let Some(password) = Password::new(written.auth_pass.expose()) else { return Ok(Auth::None) };
    let auth = match written.auth_type {
        None => Auth::None,
        Some(AuthType::Pass) => Auth::Password(password),
        Some(AuthType::Ah) => Auth::Header(password),
    };
    Ok(auth.in_effect(version_of(instance), family_of(*instance.family)))
}

fn keyed(hmac: &AuthHmac) -> Result<HmacPolicy, String> {
    let mut keys = Keys::new();
    for (id, secret) in &hmac.keys {
        let key = HmacKey::new(secret.expose()).map_err(|error| format!("auth_hmac key {id}: {error}"))?;
        keys.insert(*id, key);
    }
    let active = hmac.active_key.ok_or("auth_hmac names no active_key")?;
    let mode = match *hmac.mode {
        auth_hmac::Mode::Enforce => HmacMode::Enforce,
        auth_hmac::Mode::Permissive => HmacMode::Permissive,
        auth_hmac::Mode::ReceiveOnly => HmacMode::ReceiveOnly,
    };
    let anti_replay = match hmac.anti_replay {
        auth_hmac::AntiReplay::Time => AntiReplay::Time,
        auth_hmac::AntiReplay::Monotonic => AntiReplay::Monotonic,
    };
    let window = u16::try_from(hmac.time_window.as_secs()).unwrap_or(u16::MAX);
    HmacPolicy::new(keys, active, mode, anti_replay, window).map_err(|error| format!("auth_hmac: {error}"))
}

fn announce_of(plan: &VrrpPlan, instance: &VrrpInstance, port: PortId, holdings: &Holdings) -> AnnounceParams {
    let garp = &instance.garp;
    // One address on each of the other interfaces keeps the switches there informed.
    let mut extra: Vec<Announced> = Vec::new();
    for held in holdings.every_address() {
        if held.link.is_some() && (garp.extra_if.all || !extra.iter().any(|one| one.link == held.link)) {
            extra.push(Announced { ip: held.ip, link: held.link });
        }
    }
    let has_interface = plan.ports.get(&port).is_some_and(|port| port.interface.is_some());
    AnnounceParams {
        repeat: *garp.master_repeat,
        delay: *garp.master_delay,
        refresh: *garp.master_refresh,
        refresh_repeat: *garp.master_refresh_repeat,
        lower_prio_repeat: *garp.lower_prio_repeat,
        lower_prio_delay: *garp.lower_prio_delay,
        extra_interval: garp.extra_if.interval,
        extra,
        own_source: instance.unicast.in_use() && has_interface,
    }
}
