// SPDX-License-Identifier: MIT OR Apache-2.0
//! Load balancing: what the checks found, and what the kernel counted.

use super::{Kind, Page, number};
use crate::observe::snapshot::lvs::{BOUNDS, Checker, Counted, Lvs, Record, Server, Service};

type OfCounted = fn(&Counted) -> u64;

/// gen2brain's name, and what it counts.
const GEN2BRAIN: [(&str, &str, OfCounted); 5] = [
    ("in_packets", "Packets that came in.", |c| c.packets_in),
    ("out_packets", "Packets that went out.", |c| c.packets_out),
    ("in_bytes", "Bytes that came in.", |c| c.bytes_in),
    ("out_bytes", "Bytes that went out.", |c| c.bytes_out),
    ("conn", "Connections so far.", |c| c.connections),
];

type OfNow = fn(&Counted) -> f64;

/// What a destination has at this moment.
const NOW: [(&str, &str, OfNow); 2] = [
    ("active", "Connections now.", |c| f64::from(c.active)),
    ("inactive", "Connections that have ended and are still known.", |c| f64::from(c.inactive)),
];

pub(super) fn gen2brain(page: &mut Page, seen: &Lvs) {
    for (name, help, of) in GEN2BRAIN {
        let name = format!("keepalived_lvs_vip_{name}");
        page.head(&name, Kind::Counter, help);
        for service in &seen.table.services {
            page.sample(&name, &[("addr", &service.address), ("proto", &service.protocol)], number(of(service)));
        }
    }
    for (name, help, of) in GEN2BRAIN {
        let name = format!("keepalived_lvs_rs_{name}");
        page.head(&name, Kind::Counter, help);
        for service in &seen.table.services {
            for server in &service.destinations {
                let labels = [("vip", &*service.address), ("addr", &*server.address), ("proto", &*service.protocol)];
                page.sample(&name, &labels, number(of(server)));
            }
        }
    }
}

type OfService = fn(&Service) -> f64;

const SERVICES: [(&str, &str, OfService); 6] = [
    ("up", "1 when the virtual server has its quorum.", |s| f64::from(u8::from(s.up))),
    ("weight", "The weight of all its servers in service.", |s| number(s.weight)),
    ("quorum", "The weight it needs.", |s| f64::from(s.quorum)),
    ("servers", "Its real servers.", |s| s.servers.len() as f64),
    ("sorry_server_used", "1 while the sorry server serves.", |s| f64::from(u8::from(s.sorry_serves))),
    ("suspended", "1 while its servers are not checked because its address is elsewhere.", |s| {
        f64::from(u8::from(s.suspended))
    }),
];

type OfServer = fn(&Server) -> f64;

const SERVERS: [(&str, &str, OfServer); 4] = [
    ("up", "1 when all checks of the real server succeed.", |s| f64::from(u8::from(s.up))),
    ("weight", "The weight in force while it is up.", |s| f64::from(s.weight)),
    ("configured_weight", "The configured weight.", |s| f64::from(s.configured_weight)),
    ("operator", "1 while an operator's word counts instead of the configuration.", |s| {
        f64::from(u8::from(s.wish.is_some()))
    }),
];

pub(super) type OfRecord = fn(&Record) -> Option<f64>;

/// How available something was.
pub(super) const RECORDS: [(&str, Kind, &str, OfRecord); 7] = [
    ("last_transition_timestamp_seconds", Kind::Gauge, "When it came into its state.", |r| Some(r.since)),
    ("up_seconds_total", Kind::Counter, "Seconds it was up.", |r| Some(r.up_seconds)),
    ("down_seconds_total", Kind::Counter, "Seconds it was down.", |r| Some(r.down_seconds)),
    ("failures_total", Kind::Counter, "Times it went down.", |r| Some(number(r.failures))),
    ("repairs_total", Kind::Counter, "Times it came back.", |r| Some(number(r.repairs))),
    ("between_failures_mean_seconds", Kind::Gauge, "Mean time between failures.", Record::between_failures),
    ("to_repair_mean_seconds", Kind::Gauge, "Mean time to repair.", Record::to_repair),
];

type OfChecker = fn(&Checker) -> u64;

const VERDICTS: [(&str, OfChecker); 3] = [("good", |c| c.good), ("bad", |c| c.bad), ("not_checked", |c| c.not_checked)];

/// Every real server with the labels it goes by.
fn servers(seen: &Lvs) -> impl Iterator<Item = ([(&str, &str); 2], &Server)> {
    let all = seen.services.iter().flat_map(|service| service.servers.iter().map(move |server| (service, server)));
    all.map(|(service, server)| ([("virtual_server", &*service.name), ("real_server", &*server.name)], server))
}

pub(super) fn ours(page: &mut Page, seen: &Lvs) {
    page.one("steadfast_checker_start_time_seconds", "When the checker worker started.", seen.started);
    page.one("steadfast_checker_snapshot_timestamp_seconds", "When these numbers were taken.", seen.taken);
    for (name, help, of) in SERVICES {
        let name = format!("steadfast_virtual_server_{name}");
        page.head(&name, Kind::Gauge, help);
        for service in &seen.services {
            page.sample(&name, &[("virtual_server", &service.name)], of(service));
        }
    }
    for (name, kind, help, of) in RECORDS {
        let name = format!("steadfast_virtual_server_{name}");
        page.head(&name, kind, help);
        for service in &seen.services {
            if let Some(value) = of(&service.record) {
                page.sample(&name, &[("virtual_server", &service.name)], value);
            }
        }
    }
    for (name, help, of) in SERVERS {
        let name = format!("steadfast_real_server_{name}");
        page.head(&name, Kind::Gauge, help);
        servers(seen).for_each(|(labels, server)| page.sample(&name, &labels, of(server)));
    }
    for (name, kind, help, of) in RECORDS {
        let name = format!("steadfast_real_server_{name}");
        page.head(&name, kind, help);
        for (labels, server) in servers(seen) {
            if let Some(value) = of(&server.record) {
                page.sample(&name, &labels, value);
            }
        }
    }
    checks(page, seen);
    table(page, seen);
}

fn checks(page: &mut Page, seen: &Lvs) {
    let name = "steadfast_checks_total";
    page.head(name, Kind::Counter, "Checks of a real server, by what came of them.");
    for ([of, server], shown) in servers(seen) {
        for (nth, checker) in shown.checkers.iter().enumerate() {
            for (verdict, count) in VERDICTS {
                let nth = nth.to_string();
                let labels = [of, server, ("check", &*checker.kind), ("number", &nth), ("verdict", verdict)];
                page.sample(name, &labels, number(count(checker)));
            }
        }
    }
    let name = "steadfast_check_last_duration_seconds";
    page.head(name, Kind::Gauge, "How long the last check took.");
    for ([of, server], shown) in servers(seen) {
        for (nth, checker) in shown.checkers.iter().enumerate() {
            let nth = nth.to_string();
            if let Some(took) = checker.took {
                page.sample(name, &[of, server, ("check", &*checker.kind), ("number", &nth)], took);
            }
        }
    }
    let name = "steadfast_check_duration_seconds";
    page.head(name, Kind::Histogram, "How long checks took, by their kind.");
    for kind in &seen.kinds {
        let check = ("check", &*kind.kind);
        for (bound, within) in BOUNDS.iter().zip(&kind.within) {
            // As OpenMetrics wants numbers of a label.
            let bound = format!("{bound:?}");
            page.sample(&format!("{name}_bucket"), &[check, ("le", &bound)], number(*within));
        }
        page.sample(&format!("{name}_bucket"), &[check, ("le", "+Inf")], number(kind.count));
        page.sample(&format!("{name}_sum"), &[check], kind.seconds);
        page.sample(&format!("{name}_count"), &[check], number(kind.count));
    }
}

fn table(page: &mut Page, seen: &Lvs) {
    let table = &seen.table;
    for (name, help, value) in [
        ("drifts", "Times somebody else had changed the kernel's table and it was put right.", table.drifts),
        ("changes", "Changes to the kernel's table.", table.changes),
        ("refused", "Changes the kernel refused.", table.refused),
        ("unavailable", "Times the kernel had no load balancer when it was needed.", table.unavailable),
    ] {
        let name = format!("steadfast_lvs_table_{name}_total");
        page.head(&name, Kind::Counter, help);
        page.sample(&name, &[], number(value));
    }
    for (name, help, of) in GEN2BRAIN {
        let ours = match name {
            "in_packets" => "received_packets",
            "out_packets" => "sent_packets",
            "in_bytes" => "received_bytes",
            "out_bytes" => "sent_bytes",
            _ => "connections",
        };
        let name = format!("steadfast_lvs_service_{ours}_total");
        page.head(&name, Kind::Counter, help);
        for service in &table.services {
            page.sample(&name, &[("address", &service.address), ("protocol", &service.protocol)], number(of(service)));
        }
        let name = format!("steadfast_lvs_destination_{ours}_total");
        page.head(&name, Kind::Counter, help);
        destinations(page, seen, &name, |counted| number(of(counted)));
    }
    for (name, help, of) in NOW {
        let name = format!("steadfast_lvs_destination_{name}_connections");
        page.head(&name, Kind::Gauge, help);
        destinations(page, seen, &name, of);
    }
}

fn destinations(page: &mut Page, seen: &Lvs, name: &str, of: impl Fn(&Counted) -> f64) {
    for service in &seen.table.services {
        for server in &service.destinations {
            let labels =
                [("service", &*service.address), ("protocol", &*service.protocol), ("address", &*server.address)];
            page.sample(name, &labels, of(server));
        }
    }
}
