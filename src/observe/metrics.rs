// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prometheus: the names dashboards know, and ours.
//!
//! Counters are called as mehdy/keepalived-exporter calls them, or as gen2brain/keepalived_exporter does; what begins with
//! `steadfast_` is our own and stands in both. The text is that of Prometheus 0.0.4, or OpenMetrics for who asks for it.

use std::fmt::Write;

mod lvs;

use std::collections::BTreeSet;

use super::snapshot::{Daemon, Door, Hook, Instance, KEEPALIVED_STATISTICS, Peer, Seen, State, Statistics, Vrrp};

/// Whose names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    Mehdy,
    Gen2brain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Prometheus,
    OpenMetrics,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

type Counted = fn(&Statistics) -> u64;

/// The name with mehdy, the name with gen2brain, what it counts.
const COUNTERS: &[(&str, &str, &str, Counted)] = &[
    ("advertisements_received", "advert_rcvd", "Adverts taken.", |c| c.advert_rcvd),
    ("advertisements_sent", "advert_sent", "Adverts sent.", |c| c.advert_sent),
    ("become_master", "become_master", "Times it became master.", |c| c.become_master),
    ("release_master", "release_master", "Times it stopped being master.", |c| c.release_master),
    ("packet_length_errors", "packet_len_err", "Packets of the wrong length.", |c| c.packet_len_err),
    ("advertisements_interval_errors", "advert_interval_err", "Adverts of another interval.", |c| {
        c.advert_interval_err
    }),
    ("ip_ttl_errors", "ip_ttl_err", "Adverts with the wrong TTL or hop limit.", |c| c.ip_ttl_err),
    ("invalid_type_received", "invalid_type_rcvd", "Packets that are no adverts.", |c| c.invalid_type_rcvd),
    ("address_list_errors", "addr_list_err", "Adverts that list other addresses.", |c| c.addr_list_err),
    ("authentication_invalid", "invalid_authtype", "Adverts of an unknown authentication type.", |c| {
        c.invalid_authtype
    }),
    ("authentication_mismatch", "authtype_mismatch", "Adverts of another authentication type.", |c| {
        c.authtype_mismatch
    }),
    ("authentication_failure", "auth_failure", "Adverts with a wrong password or signature.", |c| c.auth_failure),
    ("priority_zero_received", "pri_zero_rcvd", "Adverts of a master that leaves.", |c| c.pri_zero_rcvd),
    ("priority_zero_sent", "pri_zero_sent", "Adverts that said that we leave.", |c| c.pri_zero_sent),
];

/// Everything that can be counted. What is not known is not there; that something is not known is `keepalived_up 0`.
pub fn text(seen: &Seen, names: Names, format: Format) -> String {
    let mut page = Page { text: String::new(), format, told: BTreeSet::new() };
    let up = seen.troubles().next().is_none();
    page.one("keepalived_up", "Whether all workers answer.", f64::from(u8::from(up)));
    page.head("steadfast_build_info", Kind::Gauge, "The version that runs.");
    page.sample("steadfast_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    if let Some(seen) = &seen.daemon {
        daemon(&mut page, seen);
    }
    if let Some(seen) = seen.vrrp() {
        match names {
            Names::Mehdy => mehdy(&mut page, seen),
            Names::Gen2brain => gen2brain(&mut page, seen),
        }
        ours(&mut page, seen);
    }
    if let Some(seen) = seen.lvs() {
        if names == Names::Gen2brain {
            lvs::gen2brain(&mut page, seen);
        }
        lvs::ours(&mut page, seen);
    }
    if format == Format::OpenMetrics {
        page.text.push_str("# EOF\n");
    }
    page.text
}

struct Page {
    text: String,
    format: Format,
    /// The series of this family that stand there already: the same server may be configured twice.
    told: BTreeSet<String>,
}

impl Page {
    fn head(&mut self, name: &str, kind: Kind, help: &str) {
        self.told.clear();
        let family = match (kind, self.format) {
            (Kind::Counter, Format::OpenMetrics) => name.strip_suffix("_total").unwrap_or(name),
            (Kind::Counter, Format::Prometheus) | (Kind::Gauge | Kind::Histogram, _) => name,
        };
        // A counter of the other exporter, whose name ends otherwise, is none in OpenMetrics, and a fault to who looks for them.
        let kind = match (kind, self.format) {
            (Kind::Counter, _) if name.ends_with("_total") => "counter",
            (Kind::Counter, Format::OpenMetrics) => "unknown",
            (Kind::Counter, Format::Prometheus) => "untyped",
            (Kind::Gauge, _) => "gauge",
            (Kind::Histogram, _) => "histogram",
        };
        let _ = writeln!(self.text, "# TYPE {family} {kind}");
        let unit = ["seconds", "bytes"].into_iter().find(|unit| family.ends_with(&format!("_{unit}")));
        if let Some(unit) = unit.filter(|_| self.format == Format::OpenMetrics) {
            let _ = writeln!(self.text, "# UNIT {family} {unit}");
        }
        let _ = writeln!(self.text, "# HELP {family} {help}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let series = format!("{name}{labels}");
        if !self.told.contains(&series) {
            let _ = writeln!(self.text, "{series} {value}");
            self.told.insert(series);
        }
    }

    fn one(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, Kind::Gauge, help);
        self.sample(name, &[], value);
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Counters beyond 2^53 lose their last digits; nobody waits that long.
fn number(count: u64) -> f64 {
    count as f64
}

type OfHook = fn(&Hook) -> u64;
type OfDoor = fn(&Door) -> u64;

fn daemon(page: &mut Page, seen: &Daemon) {
    page.one("steadfast_daemon_start_time_seconds", "When the daemon started.", seen.started);
    page.one("steadfast_configuration_epoch", "The number of the configuration in force.", number(seen.epoch));
    let name = "steadfast_reloads_total";
    page.head(name, Kind::Counter, "Reloads, by what came of them.");
    page.sample(name, &[("result", "done")], number(seen.reloads));
    page.sample(name, &[("result", "refused")], number(seen.refused));
    let name = "steadfast_worker_deaths_total";
    page.head(name, Kind::Counter, "Workers that ended and were not asked to.");
    for (role, count) in &seen.deaths {
        page.sample(name, &[("worker", role)], number(*count));
    }
    let hooks: [(&str, &str, OfHook); 4] = [
        ("steadfast_webhook_posted_total", "Events a webhook has taken.", |hook| hook.posted),
        ("steadfast_webhook_retries_total", "Attempts after which there was another one.", |hook| hook.retried),
        ("steadfast_webhook_failed_total", "Events that were given up.", |hook| hook.failed),
        ("steadfast_webhook_dropped_total", "Events for which there was no room.", |hook| hook.dropped),
    ];
    for (name, help, of) in hooks.into_iter().filter(|_| !seen.webhooks.is_empty()) {
        page.head(name, Kind::Counter, help);
        for hook in &seen.webhooks {
            page.sample(name, &[("webhook", &hook.place)], number(of(hook)));
        }
    }
    if !seen.webhooks.is_empty() {
        page.head("steadfast_webhook_waiting", Kind::Gauge, "Events that wait for a webhook.");
        for hook in &seen.webhooks {
            page.sample("steadfast_webhook_waiting", &[("webhook", &hook.place)], number(hook.waiting));
        }
    }
    let doors: [(&str, &str, OfDoor); 4] = [
        ("steadfast_status_connections_total", "Connections to the status worker.", |door| door.taken),
        (
            "steadfast_status_connections_refused_total",
            "Connections to the status worker beyond as many as there may be at once.",
            |door| door.refused,
        ),
        ("steadfast_status_too_long_total", "Requests longer than they may be.", |door| door.too_long),
        ("steadfast_status_silent_total", "Connections ended because they said or took nothing.", |door| door.silent),
    ];
    for (name, help, of) in doors {
        page.head(name, Kind::Counter, help);
        for (door, counted) in &seen.doors {
            page.sample(name, &[("door", door)], number(of(counted)));
        }
    }
    page.head("steadfast_bfd_session_up", Kind::Gauge, "1 while a BFD session is up; not there while nobody runs it.");
    for session in &seen.sessions {
        if let Some(up) = session.up {
            let labels = [("name", &*session.name), ("neighbour", &session.neighbour)];
            page.sample("steadfast_bfd_session_up", &labels, f64::from(u8::from(up)));
        }
    }
    let name = "steadfast_status_questions_refused_total";
    page.head(name, Kind::Counter, "Questions to the other workers for which there was no room.");
    page.sample(name, &[], number(seen.questions_refused));
    let name = "steadfast_events_total";
    page.head(name, Kind::Counter, "What happened so far, as `steadfast events` numbers it.");
    page.sample(name, &[], number(seen.events));
}

fn mehdy(page: &mut Page, seen: &Vrrp) {
    for (name, excluded) in [("keepalived_vrrp_state", false), ("keepalived_vrrp_excluded_state", true)] {
        page.head(name, Kind::Gauge, "0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT, for each address.");
        for instance in &seen.instances {
            let vrid = instance.vrid.to_string();
            for address in instance.addresses.iter().filter(|address| address.excluded == excluded) {
                let whole = if address.address.contains(':') { 128 } else { 32 };
                let mut ip = address.address.clone();
                if address.prefix != whole {
                    let _ = write!(ip, "/{}", address.prefix);
                }
                let intf = address.interface.as_deref().unwrap_or_default();
                let labels = [("iname", &*instance.name), ("intf", intf), ("vrid", &vrid), ("ip_address", &ip)];
                page.sample(name, &labels, f64::from(instance.state.number()));
            }
        }
    }
    page.head("keepalived_exporter_build_info", Kind::Gauge, "The version of what stands in for the exporter.");
    page.sample("keepalived_exporter_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    // A counter by its name with that exporter, and the configured delay by its meaning.
    let name = "keepalived_gratuitous_arp_delay_total";
    page.head(name, Kind::Counter, "Seconds until the second block of gratuitous ARP, as configured.");
    for instance in &seen.instances {
        of_instance(page, name, instance, instance.garp_delay);
    }
    for (name, _, help, of) in COUNTERS {
        let name = format!("keepalived_{name}_total");
        counter(page, seen, &name, help, *of);
    }
    scripts(page, seen);
}

fn gen2brain(page: &mut Page, seen: &Vrrp) {
    for (_, name, help, of) in COUNTERS {
        let name = format!("keepalived_vrrp_{name}");
        page.head(&name, Kind::Counter, help);
        for instance in &seen.instances {
            let (vrid, state) = (instance.vrid.to_string(), instance.state.number().to_string());
            let intf = instance.interface.as_deref().unwrap_or_default();
            let labels = [("name", &*instance.name), ("intf", intf), ("vrid", &vrid), ("state", &state)];
            page.sample(&name, &labels, number(of(&instance.counters)));
        }
    }
}

fn counter(page: &mut Page, seen: &Vrrp, name: &str, help: &str, of: Counted) {
    page.head(name, Kind::Counter, help);
    for instance in &seen.instances {
        of_instance(page, name, instance, number(of(&instance.counters)));
    }
}

fn of_instance(page: &mut Page, name: &str, instance: &Instance, value: f64) {
    let intf = instance.interface.as_deref().unwrap_or_default();
    page.sample(name, &[("iname", &instance.name), ("intf", intf), ("vrid", &instance.vrid.to_string())], value);
}

fn scripts(page: &mut Page, seen: &Vrrp) {
    let all = || seen.tracks.iter().filter(|track| track.kind == "script");
    page.head("keepalived_script_status", Kind::Gauge, "1 when the tracked script counts as good.");
    for track in all() {
        let good = track.up == Some(true);
        page.sample("keepalived_script_status", &[("name", &track.name)], f64::from(u8::from(good)));
    }
    page.head("keepalived_script_state", Kind::Gauge, "0 idle, 1 running.");
    for track in all() {
        page.sample("keepalived_script_state", &[("name", &track.name)], f64::from(u8::from(track.busy)));
    }
}

type Shown = fn(&Instance) -> Option<f64>;

const OURS: &[(&str, &str, Shown)] = &[
    ("steadfast_instance_state", "0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT.", |i| Some(f64::from(i.state.number()))),
    ("steadfast_instance_priority", "The effective priority.", |i| Some(f64::from(i.priority))),
    ("steadfast_instance_base_priority", "The configured priority.", |i| Some(f64::from(i.base_priority))),
    ("steadfast_instance_last_transition_timestamp_seconds", "When it entered its state.", |i| Some(i.since)),
    ("steadfast_instance_faults", "Reasons not to take part.", |i| Some(i.faults.len() as f64)),
    ("steadfast_instance_addresses_in_place", "1 when a master's addresses are in the kernel.", |i| {
        Some(f64::from(u8::from(i.in_place)))
    }),
    ("steadfast_instance_other_master", "1 while a master hears another one.", |i| {
        Some(f64::from(u8::from(i.other_master.is_some())))
    }),
    ("steadfast_instance_rivals", "Addresses of a master that another host answers for too.", |i| {
        Some(i.rivals.len() as f64)
    }),
    ("steadfast_instance_operator", "1 while an operator's word counts instead of the configuration.", |i| {
        Some(f64::from(u8::from(i.stand.is_some())))
    }),
    ("steadfast_instance_master_priority", "The priority of the master it follows.", |i| {
        i.master.as_ref().map(|master| f64::from(master.priority))
    }),
];

/// How available each virtual address was, as far as this router can say.
fn addresses(page: &mut Page, seen: &Vrrp) {
    for (name, kind, help, of) in lvs::RECORDS {
        let name = format!("steadfast_vip_{name}");
        page.head(&name, kind, help);
        for instance in &seen.instances {
            let Some(value) = of(&instance.available) else { continue };
            for address in &instance.addresses {
                page.sample(&name, &[("iname", &instance.name), ("ip_address", &address.address)], value);
            }
        }
    }
}

type OfPeer = fn(&Peer) -> Option<f64>;

const PEERS: &[(&str, Kind, &str, OfPeer)] = &[
    ("steadfast_peer_heard", Kind::Gauge, "1 when an advert of this router was ever taken.", |peer| {
        Some(f64::from(u8::from(peer.heard.is_some())))
    }),
    ("steadfast_peer_priority", Kind::Gauge, "The priority in its last advert; 0 said goodbye.", |peer| {
        peer.priority.map(f64::from)
    }),
    ("steadfast_peer_last_advert_timestamp_seconds", Kind::Gauge, "When its last advert came.", |peer| peer.heard),
    ("steadfast_peer_adverts_total", Kind::Counter, "Its adverts that were taken.", |peer| {
        peer.heard.map(|_| number(peer.adverts))
    }),
    (
        "steadfast_peer_longest_gap_seconds",
        Kind::Gauge,
        "The longest between two adverts while it was master.",
        |peer| peer.heard.map(|_| peer.gap),
    ),
];

/// Who else speaks for each virtual router: the masters that were seen, and the gaps between their adverts.
fn peers(page: &mut Page, seen: &Vrrp) {
    page.head("steadfast_instance_masters_seen", Kind::Gauge, "Other routers of which adverts were taken.");
    for instance in &seen.instances {
        let heard = instance.peers.iter().filter(|peer| peer.heard.is_some()).count();
        of_instance(page, "steadfast_instance_masters_seen", instance, heard as f64);
    }
    for (name, kind, help, of) in PEERS {
        page.head(name, *kind, help);
        for instance in &seen.instances {
            for peer in &instance.peers {
                let Some(value) = of(peer) else { continue };
                page.sample(name, &[("iname", &instance.name), ("peer", &peer.address)], value);
            }
        }
    }
    let name = "steadfast_peers_forgotten_total";
    page.head(name, Kind::Counter, "Other routers that made room for those heard later.");
    for instance in &seen.instances {
        of_instance(page, name, instance, number(instance.peers_forgotten));
    }
}

fn ours(page: &mut Page, seen: &Vrrp) {
    addresses(page, seen);
    page.one("steadfast_start_time_seconds", "When the VRRP worker started.", seen.started);
    page.one("steadfast_snapshot_timestamp_seconds", "When these numbers were taken.", seen.taken);
    for (name, help, of) in OURS {
        page.head(name, Kind::Gauge, help);
        for instance in &seen.instances {
            if let Some(value) = of(instance) {
                of_instance(page, name, instance, value);
            }
        }
    }
    for (name, help) in [
        ("steadfast_instance_state_seconds_total", "Seconds an instance was in each state."),
        ("steadfast_instance_transitions_total", "Times an instance came into each state."),
    ] {
        page.head(name, Kind::Counter, help);
        for instance in &seen.instances {
            let (intf, vrid) = (instance.interface.as_deref().unwrap_or_default(), instance.vrid.to_string());
            for state in [State::Init, State::Backup, State::Master, State::Fault] {
                let place = usize::from(state.number());
                let value = if name.ends_with("seconds_total") {
                    instance.spent.get(place).copied()
                } else {
                    instance.entered.get(place).copied().map(number)
                };
                let word = state.word().to_lowercase();
                let labels = [("iname", &*instance.name), ("intf", intf), ("vrid", &vrid), ("state", &word)];
                page.sample(name, &labels, value.unwrap_or_default());
            }
        }
    }
    peers(page, seen);
    let name = "steadfast_instance_claims_total";
    page.head(name, Kind::Counter, "Times another host was heard to answer for an address of a master.");
    for instance in &seen.instances {
        of_instance(page, name, instance, number(instance.claims));
    }
    let counters = [
        ("steadfast_late_turns_total", "Turns of the loop that came 0.1 s or more too late.", number(seen.late.turns)),
        ("steadfast_late_seconds_total", "By how much they came too late.", seen.late.seconds),
        ("steadfast_packets_unsent_total", "Adverts the kernel did not take.", number(seen.unsent)),
        ("steadfast_messages_lost_total", "Events and answers that found no room on their way.", number(seen.lost)),
    ];
    for (name, help, value) in counters {
        page.head(name, Kind::Counter, help);
        page.sample(name, &[], value);
    }
    page.one("steadfast_late_most_seconds", "The worst of it.", seen.late.most);
    page.head("steadfast_track_up", Kind::Gauge, "1 when a tracked object counts as good.");
    for track in &seen.tracks {
        if let Some(up) = track.up {
            page.sample("steadfast_track_up", &[("name", &track.name), ("kind", &track.kind)], f64::from(u8::from(up)));
        }
    }
    let name = "steadfast_adverts_refused_total";
    page.head(name, Kind::Counter, "Adverts that were refused or could not be sent, by reason, beyond those above.");
    for instance in &seen.instances {
        for (reason, count) in instance.counters.named().iter().skip(KEEPALIVED_STATISTICS) {
            let intf = instance.interface.as_deref().unwrap_or_default();
            let vrid = instance.vrid.to_string();
            let labels = [("iname", &*instance.name), ("intf", intf), ("vrid", &vrid), ("reason", *reason)];
            page.sample(name, &labels, number(*count));
        }
    }
}

#[cfg(test)]
mod tests;
