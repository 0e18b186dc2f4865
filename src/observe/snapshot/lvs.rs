// SPDX-License-Identifier: MIT OR Apache-2.0
//! The checker worker at one moment.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lvs {
    pub taken: f64,
    pub started: f64,
    pub services: Vec<Service>,
    pub kinds: Vec<Kind>,
    pub table: Table,
}

impl Lvs {
    /// What the kernel has counted for a real server of a virtual server that is one address.
    pub fn counted(&self, service: &str, server: &str) -> Option<&Counted> {
        let (service, protocol) = plain(service)?;
        let (server, _) = plain(server)?;
        let mut services = self.table.services.iter();
        let counted = services.find(|counted| counted.address == service && counted.protocol == protocol)?;
        counted.destinations.iter().find(|counted| counted.address == server)
    }
}

/// `[192.0.2.1]:tcp:80` as `192.0.2.1:80` and `tcp`.
pub fn plain(printed: &str) -> Option<(String, &str)> {
    let (address, rest) = printed.strip_prefix('[')?.split_once("]:")?;
    let (protocol, port) = rest.split_once(':')?;
    let address = if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") };
    Some((address, protocol))
}

/// Whether what the log prints as `printed` is meant by `name`.
pub fn is_called(printed: &str, name: &str) -> bool {
    if printed == name {
        return true;
    }
    let Some((address, rest)) = printed.strip_prefix('[').and_then(|rest| rest.split_once("]:")) else { return false };
    let port = rest.rsplit(':').next().unwrap_or_default();
    let short = if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") };
    name == address || name == short
}

/// A virtual server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// As the log prints it.
    pub name: String,
    /// It has its quorum.
    pub up: bool,
    pub record: Record,
    pub quorum: u32,
    pub hysteresis: u32,
    /// Of all servers in service.
    pub weight: u64,
    pub sorry: Option<String>,
    pub sorry_serves: bool,
    /// Its servers are not checked while its address is elsewhere.
    pub suspended: bool,
    pub servers: Vec<Server>,
}

/// A real server of one virtual server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    pub name: String,
    pub up: bool,
    pub record: Record,
    pub weight: u32,
    pub configured_weight: u32,
    /// What an operator wants instead of the configuration.
    pub wish: Option<Wish>,
    pub checkers: Vec<Checker>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wish {
    /// `drain` or `weight N`.
    pub what: String,
    /// How long it still counts.
    pub ends_in: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Checker {
    /// The keyword.
    pub kind: String,
    /// Nothing before the first result.
    pub up: Option<bool>,
    pub running: bool,
    pub good: u64,
    pub bad: u64,
    /// Could not be made for a shortage of our own.
    pub not_checked: u64,
    /// How long the last one took.
    pub took: Option<f64>,
    /// Why the last one did not succeed.
    pub why: Option<String>,
}

/// How long something was up and down since the worker knows of it. A reload changes nothing about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// When it came into its state.
    pub since: f64,
    pub up_seconds: f64,
    pub down_seconds: f64,
    /// Times it went down.
    pub failures: u64,
    /// Times it came back.
    pub repairs: u64,
}

impl Record {
    /// Seconds in service for each failure, once there was one.
    pub fn between_failures(&self) -> Option<f64> {
        (self.failures > 0).then(|| self.up_seconds / self.failures as f64)
    }

    /// Seconds out of service for each repair, once there was one.
    pub fn to_repair(&self) -> Option<f64> {
        (self.repairs > 0).then(|| self.down_seconds / self.repairs as f64)
    }
}

/// All checks of one kind: how long they took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kind {
    pub kind: String,
    /// So many took no longer than each bound of [`BOUNDS`].
    pub within: Vec<u64>,
    pub count: u64,
    pub seconds: f64,
}

/// In seconds.
pub const BOUNDS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// The kernel's load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// Times it was found changed by somebody else.
    pub drifts: u64,
    pub changes: u64,
    pub refused: u64,
    /// Times there was none when it was needed.
    pub unavailable: u64,
    /// Empty where there is none.
    pub services: Vec<Counted>,
}

/// What a service of the kernel, or one destination of it, has counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counted {
    /// `ADDRESS:PORT`, or a mark.
    pub address: String,
    /// `tcp`, `udp`, `sctp` or `fwm`.
    pub protocol: String,
    pub connections: u64,
    pub packets_in: u64,
    pub packets_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Of a destination: connections now.
    pub active: u32,
    pub inactive: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<Counted>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_called_as_the_log_prints_them_or_shorter() {
        for name in ["[10.0.0.1]:tcp:80", "10.0.0.1:80", "10.0.0.1"] {
            assert!(is_called("[10.0.0.1]:tcp:80", name), "{name}");
        }
        assert!(is_called("[fd00::1]:udp:53", "[fd00::1]:53") && is_called("[fd00::1]:udp:53", "fd00::1"));
        for name in ["10.0.0.1:8", "10.0.0.10", "", "10.0.0.1:tcp:80"] {
            assert!(!is_called("[10.0.0.1]:tcp:80", name), "{name}");
        }
        assert!(is_called("FWM 7", "FWM 7") && !is_called("FWM 7", "7"));
    }

    #[test]
    fn what_the_kernel_counts_is_found_by_the_names_of_the_log() {
        let destination = Counted { address: "10.0.0.1:8001".into(), active: 4, ..Counted::default() };
        let service = Counted {
            address: "192.0.2.10:80".into(),
            protocol: "tcp".into(),
            destinations: vec![destination],
            ..Counted::default()
        };
        let lvs = Lvs { table: Table { services: vec![service], ..Table::default() }, ..Lvs::default() };
        let found = lvs.counted("[192.0.2.10]:tcp:80", "[10.0.0.1]:tcp:8001");
        assert_eq!(found.map(|counted| counted.active), Some(4));
        assert_eq!(lvs.counted("[192.0.2.10]:udp:80", "[10.0.0.1]:tcp:8001"), None);
        assert_eq!(lvs.counted("FWM 1", "[10.0.0.1]:tcp:8001"), None);
    }

    #[test]
    fn means_are_known_after_the_first_failure_and_the_first_repair() {
        let record = Record { up_seconds: 90.0, down_seconds: 10.0, failures: 3, repairs: 2, ..Record::default() };
        assert_eq!((record.between_failures(), record.to_repair()), (Some(30.0), Some(5.0)));
        assert_eq!(Record::default().between_failures(), None);
    }
}
