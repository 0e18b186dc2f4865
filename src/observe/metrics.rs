//! Prometheus: the names dashboards know, and ours.
//!
//! Counters are called as mehdy/keepalived-exporter calls them, or as gen2brain/keepalived_exporter does; what begins with
//! `steadfast_` is our own and stands in both. The text is that of Prometheus 0.0.4, or OpenMetrics for who asks for it.

use std::fmt::Write;

use super::snapshot::{Instance, KEEPALIVED_STATISTICS, Statistics, Vrrp};

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

/// Everything that can be counted; without a snapshot, that nothing can.
pub fn text(seen: Option<&Vrrp>, names: Names, format: Format) -> String {
    let mut page = Page { text: String::new(), format };
    page.one("keepalived_up", "Whether the VRRP worker answers.", f64::from(u8::from(seen.is_some())));
    page.head("steadfast_build_info", Kind::Gauge, "The version that runs.");
    page.sample("steadfast_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    if let Some(seen) = seen {
        match names {
            Names::Mehdy => mehdy(&mut page, seen),
            Names::Gen2brain => gen2brain(&mut page, seen),
        }
        ours(&mut page, seen);
    }
    if format == Format::OpenMetrics {
        page.text.push_str("# EOF\n");
    }
    page.text
}

struct Page {
    text: String,
    format: Format,
}

impl Page {
    fn head(&mut self, name: &str, kind: Kind, help: &str) {
        let family = match (kind, self.format) {
            (Kind::Counter, Format::OpenMetrics) => name.strip_suffix("_total").unwrap_or(name),
            (Kind::Counter, Format::Prometheus) | (Kind::Gauge, _) => name,
        };
        // OpenMetrics has no counters whose name ends otherwise.
        let kind = match kind {
            Kind::Counter if name.ends_with("_total") || self.format == Format::Prometheus => "counter",
            Kind::Counter => "unknown",
            Kind::Gauge => "gauge",
        };
        let _ = writeln!(self.text, "# HELP {family} {help}\n# TYPE {family} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "{name}{labels} {value}");
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
    ("steadfast_instance_operator", "1 while an operator's word counts instead of the configuration.", |i| {
        Some(f64::from(u8::from(i.stand.is_some())))
    }),
    ("steadfast_instance_master_priority", "The priority of the master it follows.", |i| {
        i.master.as_ref().map(|master| f64::from(master.priority))
    }),
];

fn ours(page: &mut Page, seen: &Vrrp) {
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
