// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layouts as text: what a failing world is kept as, and what is printed so that it can be read and edited.
//!
//! A line says one thing; what belongs to a node follows its line. Steps are written in the operator's language.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use super::layout::{Client, Layout};
use super::net::Segment;
use super::node::{NodePlan, PortPlan};
use super::parts;
use super::script::write::{step, time};
use crate::proto::track::{Reading, TrackParams};
use crate::proto::vrrp::{Family, InstanceId, OnLoss, OtherAddresses, Params, Preempt, Reach, TrackUse, Version};

/// Writes a layout so that [`read`](read::read) gives it back.
pub fn write(layout: &Layout) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = head(&mut out, layout);
    for plan in &layout.nodes {
        let _ = node(&mut out, plan, &layout.segments);
    }
    let cast = layout.cast();
    for one in &layout.steps {
        let _ = writeln!(out, "{}", step(one, &cast));
    }
    out
}

fn head(out: &mut String, layout: &Layout) -> std::fmt::Result {
    let span = |(least, most): (Duration, Duration)| format!("{} to {}", time(least), time(most));
    writeln!(out, "seed {}", layout.seed)?;
    writeln!(out, "delay {}", span(layout.delay))?;
    writeln!(out, "turn {}", span(layout.turn))?;
    writeln!(out, "settle {}", span(layout.settle))?;
    writeln!(out, "lasts {}", time(layout.lasts))?;
    writeln!(out, "stagger {}", time(layout.stagger))?;
    if layout.rests {
        writeln!(out, "rests")?;
    }
    for name in &layout.segments {
        writeln!(out, "segment {name}")?;
    }
    for client in &layout.clients {
        writeln!(out, "client {} on {}", client.name, segment_name(&layout.segments, client.segment))?;
    }
    Ok(())
}

fn segment_name(segments: &[String], segment: Segment) -> &str {
    segments.get(usize::from(segment.0)).map_or("?", String::as_str)
}

fn node(out: &mut String, plan: &NodePlan, segments: &[String]) -> std::fmt::Result {
    write!(out, "node {} drift {} wall {}", plan.name, plan.drift, plan.wall)?;
    writeln!(out, " startup {}", time(plan.setup.globals.startup_delay))?;
    for port in &plan.ports {
        write_port(out, plan, port, segments)?;
    }
    for (id, track) in &plan.tracks {
        write!(out, "  track {}", track.name)?;
        if let Some(params) = plan.setup.tracks.get(id) {
            write_track(out, params)?;
        }
        match track.reading {
            Reading::Up(up) => write!(out, " reads {}", if up { "up" } else { "down" })?,
            Reading::Value(value) => write!(out, " reads {value}")?,
            Reading::Count { running, .. } => write!(out, " reads {running}")?,
        }
        writeln!(out, "{}", track.every.map_or(String::new(), |every| format!(" every {}", time(every))))?;
    }
    for (id, name) in &plan.instances {
        if let Some(params) = plan.setup.instances.get(id) {
            write!(out, "  instance {name}")?;
            write_instance(out, plan, params)?;
        }
    }
    for (id, name) in &plan.groups {
        let members = plan.setup.groups.get(id).map(|group| group.members.clone()).unwrap_or_default();
        let names: Vec<&str> =
            members.iter().filter_map(|id: &InstanceId| plan.instances.get(id)).map(String::as_str).collect();
        writeln!(out, "  group {name} {}", names.join(" "))?;
    }
    Ok(())
}

fn write_port(out: &mut String, plan: &NodePlan, port: &PortPlan, segments: &[String]) -> std::fmt::Result {
    write!(out, "  port {} on {}", port.name, segment_name(segments, port.segment))?;
    for address in &port.addresses {
        write!(out, " {address}")?;
    }
    let delays = plan.setup.ports.get(&port.id).cloned().unwrap_or_default();
    if delays != crate::proto::vrrp::PortParams::default() {
        write!(out, " down-delay {} up-delay {}", time(delays.down_delay), time(delays.up_delay))?;
    }
    writeln!(out)
}

fn write_track(out: &mut String, params: &TrackParams) -> std::fmt::Result {
    match params {
        TrackParams::Script { rise, fall, init_fail } => {
            write!(out, " script rise {rise} fall {fall}{}", if *init_fail { " init-fail" } else { "" })
        }
        TrackParams::File => write!(out, " file"),
        TrackParams::Process { quorum, up_delay, down_delay, .. } => {
            write!(out, " process quorum {quorum} up-delay {} down-delay {}", time(*up_delay), time(*down_delay))
        }
        TrackParams::Interface { up_delay, down_delay } => {
            write!(out, " interface up-delay {} down-delay {}", time(*up_delay), time(*down_delay))
        }
        TrackParams::Bfd => write!(out, " bfd"),
        TrackParams::Address => write!(out, " address"),
        TrackParams::Route => write!(out, " route"),
    }
}

fn write_instance(out: &mut String, plan: &NodePlan, params: &Params) -> std::fmt::Result {
    let version = if params.version == Version::V2 { "v2" } else { "v3" };
    let family = if params.family == Family::V4 { "ipv4" } else { "ipv6" };
    let port = plan.port(params.port).map_or("?", |port| port.name.as_str());
    write!(out, " vrid {} {version} {family} port {port} priority {}", params.vrid, params.priority)?;
    write!(out, " interval {} adverts {}", time(params.interval), params.down_timer_adverts)?;
    match params.preempt {
        Preempt::Yes { delay } if delay.is_zero() => {}
        Preempt::Yes { delay } => write!(out, " preempt-delay {}", time(delay))?,
        Preempt::No { timer_expired_backup: None } => write!(out, " nopreempt")?,
        Preempt::No { timer_expired_backup: Some(value) } => write!(out, " timer-expired-backup {value}")?,
    }
    for held in &params.holdings.addresses {
        write!(out, " holds {}", held.ip)?;
    }
    for held in &params.holdings.excluded {
        write!(out, " also-holds {}", held.ip)?;
    }
    if let Reach::Unicast { peers, check_source, .. } = &params.reach {
        write!(out, " unicast")?;
        for peer in peers {
            write!(out, " peer {}", peer.ip)?;
        }
        write!(out, "{}", if *check_source { " check-source" } else { "" })?;
    }
    for TrackUse { track, weight, reverse } in &params.tracks {
        let name = plan.tracks.get(track).map_or("?", |track| track.name.as_str());
        write!(out, " uses {name} {weight}{}", if *reverse { " reverse" } else { "" })?;
    }
    if parts::auth_name(&params.auth) != "none" {
        write!(out, " auth {}", parts::auth_name(&params.auth))?;
    }
    let announce = &params.announce;
    write!(out, " announce {} {} {}", announce.repeat, time(announce.delay), time(announce.refresh))?;
    write!(out, " announce-other {} {}", announce.lower_prio_repeat, time(announce.lower_prio_delay))?;
    let flags = [
        (params.lower_prio_no_advert, "lower-prio-no-advert"),
        (params.higher_prio_send_advert, "higher-prio-send-advert"),
        (params.owner_ignore_adverts, "owner-ignore-adverts"),
        (params.skip_check_adv_addr, "skip-check-adv-addr"),
        (params.other_addresses == OtherAddresses::Refuse, "refuse-other-addresses"),
        (params.on_loss == OnLoss::Bounce, "bounce"),
        (!params.handover, "no-handover"),
        (!params.track_primary, "dont-track-primary"),
    ];
    for (_, word) in flags.into_iter().filter(|(on, _)| *on) {
        write!(out, " {word}")?;
    }
    writeln!(out)
}

/// Needed by both directions.
fn client(name: &str, segment: Segment) -> Client {
    Client { name: name.to_owned(), segment }
}

fn is_address(word: &str) -> bool {
    word.parse::<IpAddr>().is_ok()
}

pub mod read;
#[cfg(test)]
mod tests;
