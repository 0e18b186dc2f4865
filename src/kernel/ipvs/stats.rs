// SPDX-License-Identifier: MIT OR Apache-2.0
//! What services and destinations have counted.

use std::collections::BTreeMap;

use super::wire::{self, destination_attributes, service_attributes};
use super::{DestinationKey, ServiceKey};
use crate::kernel::Family;
use crate::kernel::netlink::{Attribute, Message};

const CONNECTIONS: u16 = 1;
const PACKETS_IN: u16 = 2;
const PACKETS_OUT: u16 = 3;
const BYTES_IN: u16 = 4;
const BYTES_OUT: u16 = 5;
const CONNECTION_RATE: u16 = 6;
const PACKET_RATE_IN: u16 = 7;
const PACKET_RATE_OUT: u16 = 8;
const BYTE_RATE_IN: u16 = 9;
const BYTE_RATE_OUT: u16 = 10;

const ACTIVE: u16 = 7;
const INACTIVE: u16 = 8;
const PERSISTENT: u16 = 9;
/// Of services and destinations alike. Kernels before 4.1 have only the first, with numbers of 32 bits.
const STATS: u16 = 10;
const STATS64: u16 = 12;

/// Since the service or destination was added, or its counters were zeroed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub connections: u64,
    pub packets_in: u64,
    pub packets_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub rates: Rates,
}

/// Per second, as the kernel estimates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    pub connections: u64,
    pub packets_in: u64,
    pub packets_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DestinationStats {
    /// Connections now, by what they do.
    pub active: u32,
    pub inactive: u32,
    /// Clients that would come back to this destination.
    pub persistent: u32,
    pub counters: Counters,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceStats {
    pub counters: Counters,
    pub destinations: BTreeMap<DestinationKey, DestinationStats>,
}

pub type Stats = BTreeMap<ServiceKey, ServiceStats>;

pub(super) fn service(message: &Message<'_>) -> Option<(ServiceKey, Counters)> {
    let (key, _) = wire::service(message)?;
    let mut found = Found::default();
    for attribute in service_attributes(message)? {
        found.note(&attribute);
    }
    Some((key, found.counters()))
}

pub(super) fn destination(message: &Message<'_>, family: Family) -> Option<(DestinationKey, DestinationStats)> {
    let (key, _) = wire::destination(message, family)?;
    let mut stats = DestinationStats::default();
    let mut found = Found::default();
    for attribute in destination_attributes(message)? {
        match attribute.kind {
            ACTIVE => stats.active = attribute.u32()?,
            INACTIVE => stats.inactive = attribute.u32()?,
            PERSISTENT => stats.persistent = attribute.u32()?,
            _ => found.note(&attribute),
        }
    }
    stats.counters = found.counters();
    Some((key, stats))
}

/// Both forms may come, in either order; the wider wins.
#[derive(Default)]
struct Found {
    narrow: Option<Counters>,
    wide: Option<Counters>,
}

impl Found {
    fn note(&mut self, attribute: &Attribute<'_>) {
        match attribute.kind {
            STATS => self.narrow = Some(counters(attribute)),
            STATS64 => self.wide = Some(counters(attribute)),
            _ => {}
        }
    }

    fn counters(self) -> Counters {
        self.wide.or(self.narrow).unwrap_or_default()
    }
}

fn counters(nest: &Attribute<'_>) -> Counters {
    let mut counters = Counters::default();
    for attribute in nest.attributes() {
        let Some(value) = number(&attribute) else { continue };
        match attribute.kind {
            CONNECTIONS => counters.connections = value,
            PACKETS_IN => counters.packets_in = value,
            PACKETS_OUT => counters.packets_out = value,
            BYTES_IN => counters.bytes_in = value,
            BYTES_OUT => counters.bytes_out = value,
            CONNECTION_RATE => counters.rates.connections = value,
            PACKET_RATE_IN => counters.rates.packets_in = value,
            PACKET_RATE_OUT => counters.rates.packets_out = value,
            BYTE_RATE_IN => counters.rates.bytes_in = value,
            BYTE_RATE_OUT => counters.rates.bytes_out = value,
            _ => {}
        }
    }
    counters
}

/// Of 32 or 64 bits: octets were always counted with 64.
fn number(attribute: &Attribute<'_>) -> Option<u64> {
    match attribute.value.len() {
        4 => attribute.bytes::<4>().map(u32::from_ne_bytes).map(u64::from),
        8 => attribute.bytes::<8>().map(u64::from_ne_bytes),
        _ => None,
    }
}
