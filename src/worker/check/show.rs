// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of the worker as a snapshot: the engine's numbers with the names and moments people know.

use super::Worker;
use super::director::Counts;
use crate::kernel::clock;
use crate::kernel::ipvs::{Counters, ServiceKey, Stats};
use crate::observe::snapshot::lvs::{Checker, Counted, Lvs, Server, Service, Table, Wish};
use crate::proto::health::{CheckerId, Engine, ServerId, ServiceId};

impl Worker<'_> {
    pub(super) fn show(&self, engine: &Engine, (stats, counts): (&Stats, Counts)) -> Lvs {
        let Counts { drifts, changes, refused, unavailable } = counts;
        let services = self.meaning.plan.services.keys().filter_map(|id| self.service(engine, *id));
        Lvs {
            taken: clock::wall().as_secs_f64(),
            started: self.annals.started(),
            services: services.collect(),
            kinds: self.annals.kinds(),
            table: Table { drifts, changes, refused, unavailable, services: counted(stats) },
        }
    }

    fn service(&self, engine: &Engine, id: ServiceId) -> Option<Service> {
        let (planned, shown) = (self.meaning.plan.services.get(&id)?, engine.service(id)?);
        let in_service = |id: &ServerId| engine.server(*id).filter(|server| server.up);
        Some(Service {
            name: planned.name.clone(),
            up: shown.up,
            record: self.annals.service(id),
            quorum: shown.params.quorum,
            hysteresis: shown.params.hysteresis,
            weight: shown.params.servers.iter().filter_map(in_service).map(|server| u64::from(server.weight)).sum(),
            sorry: planned.sorry.clone(),
            sorry_serves: shown.sorry,
            suspended: shown.suspended,
            servers: shown.params.servers.iter().filter_map(|id| self.server(engine, *id)).collect(),
        })
    }

    fn server(&self, engine: &Engine, id: ServerId) -> Option<Server> {
        let shown = engine.server(id)?;
        Some(Server {
            name: self.meaning.plan.servers.get(&id)?.name.clone(),
            up: shown.up,
            record: self.annals.server(id),
            weight: shown.weight,
            configured_weight: shown.params.weight,
            wish: shown.wish.map(|wish| Wish {
                what: if wish.drain { "drain".to_owned() } else { format!("weight {}", wish.weight) },
                ends_in: wish.until.map(|until| {
                    std::time::Duration::from_nanos(until.as_nanos().saturating_sub(clock::now())).as_secs_f64()
                }),
            }),
            checkers: shown.checkers.iter().filter_map(|id| self.checker(engine, *id)).collect(),
        })
    }

    fn checker(&self, engine: &Engine, id: CheckerId) -> Option<Checker> {
        let shown = engine.checker(id)?;
        Some(Checker {
            kind: self.meaning.plan.checkers.get(&id)?.check.keyword().to_owned(),
            up: shown.has_run.then_some(shown.up),
            running: shown.running,
            good: shown.counters.good,
            bad: shown.counters.bad,
            not_checked: shown.counters.not_checked,
            took: self.annals.took(id),
            why: self.whys.get(&id).cloned(),
        })
    }
}

/// What the kernel has counted, ours and others'.
fn counted(stats: &Stats) -> Vec<Counted> {
    let services = stats.iter().map(|(key, service)| {
        let (address, protocol) = match key {
            ServiceKey::Address { protocol, address, port } => {
                (std::net::SocketAddr::new(*address, *port).to_string(), word(*protocol))
            }
            ServiceKey::Mark { mark, .. } => (mark.to_string(), "fwm"),
        };
        let destinations = service.destinations.iter().map(|(key, counted)| Counted {
            address: key.to_string(),
            active: counted.active,
            inactive: counted.inactive,
            ..numbers(counted.counters, protocol)
        });
        Counted { address, destinations: destinations.collect(), ..numbers(service.counters, protocol) }
    });
    services.collect()
}

fn numbers(counters: Counters, protocol: &str) -> Counted {
    Counted {
        protocol: protocol.to_owned(),
        connections: counters.connections,
        packets_in: counters.packets_in,
        packets_out: counters.packets_out,
        bytes_in: counters.bytes_in,
        bytes_out: counters.bytes_out,
        ..Counted::default()
    }
}

/// Protocols by their numbers; the kernel balances no others.
fn word(protocol: u8) -> &'static str {
    match protocol {
        6 => "tcp",
        17 => "udp",
        132 => "sctp",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ipvs::{DestinationKey, DestinationStats, ServiceStats};

    #[test]
    fn what_the_kernel_counted_has_the_addresses_people_know() {
        let destination = DestinationKey { address: "fd00::1".parse().unwrap(), port: 80 };
        let service = ServiceStats {
            destinations: [(destination, DestinationStats { active: 3, ..DestinationStats::default() })].into(),
            ..ServiceStats::default()
        };
        let key = ServiceKey::Address { protocol: 6, address: "192.0.2.1".parse().unwrap(), port: 80 };
        let shown = counted(&Stats::from([(key, service)]));
        let service = shown.first().unwrap();
        assert_eq!((service.address.as_str(), service.protocol.as_str()), ("192.0.2.1:80", "tcp"));
        let destination = service.destinations.first().unwrap();
        assert_eq!((destination.address.as_str(), destination.active), ("[fd00::1]:80", 3));
    }
}
