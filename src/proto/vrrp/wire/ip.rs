// SPDX-License-Identifier: MIT OR Apache-2.0
//! IP headers as adverts have them.

use super::{AdvertError, HOP_LIMIT, PROTOCOL_VRRP, TRAFFIC_CLASS, internet_checksum};
use std::net::{Ipv4Addr, Ipv6Addr};

pub(super) const IPV4_HEADER_LEN: usize = 20;
pub(super) const IPV6_HEADER_LEN: usize = 40;

/// The IPv4 header of an advert: no options, no fragments (may be fragmented: DF is clear).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ipv4Header {
    pub tos: u8,
    pub identification: u16,
    pub ttl: u8,
    pub protocol: u8,
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
}

impl Ipv4Header {
    pub fn new(source: Ipv4Addr, destination: Ipv4Addr) -> Ipv4Header {
        let protocol = PROTOCOL_VRRP;
        Ipv4Header { tos: TRAFFIC_CLASS, identification: 0, ttl: HOP_LIMIT, protocol, source, destination }
    }

    /// Appends the header of a datagram with `payload` octets after it, checksum included. The kernel computes the
    /// same checksum again for what it sends; simulators and capture files take this one.
    pub fn encode(&self, payload: usize, out: &mut Vec<u8>) -> Result<(), AdvertError> {
        let total = u16::try_from(payload + IPV4_HEADER_LEN).map_err(|_| AdvertError::TooLong)?;
        let header = self.bytes(total, [0, 0]);
        let sum = internet_checksum(&[&header]);
        out.extend_from_slice(&self.bytes(total, sum.to_be_bytes()));
        Ok(())
    }

    fn bytes(&self, total: u16, [sum_high, sum_low]: [u8; 2]) -> [u8; IPV4_HEADER_LEN] {
        let [total_high, total_low] = total.to_be_bytes();
        let [id_high, id_low] = self.identification.to_be_bytes();
        let [s0, s1, s2, s3] = self.source.octets();
        let [d0, d1, d2, d3] = self.destination.octets();
        [
            0x45,
            self.tos,
            total_high,
            total_low,
            id_high,
            id_low,
            0,
            0,
            self.ttl,
            self.protocol,
            sum_high,
            sum_low,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ]
    }
}

/// The identification after `last`: counts up and never is 0, which would make the kernel choose one itself, and
/// authentication by AH covers this field.
pub const fn next_identification(last: u16) -> u16 {
    match last.wrapping_add(1) {
        0 => 1,
        next => next,
    }
}

/// The IPv6 header of an advert. The kernel writes it for what is really sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ipv6Header {
    pub traffic_class: u8,
    pub hop_limit: u8,
    pub source: Ipv6Addr,
    pub destination: Ipv6Addr,
}

impl Ipv6Header {
    pub fn new(source: Ipv6Addr, destination: Ipv6Addr) -> Ipv6Header {
        Ipv6Header { traffic_class: TRAFFIC_CLASS, hop_limit: HOP_LIMIT, source, destination }
    }

    /// Appends the header of a packet with `payload` octets after it; the flow label is zero.
    pub fn encode(&self, payload: usize, out: &mut Vec<u8>) -> Result<(), AdvertError> {
        let length = u16::try_from(payload).map_err(|_| AdvertError::TooLong)?;
        let first = 6 << 28 | u32::from(self.traffic_class) << 20;
        out.extend_from_slice(&first.to_be_bytes());
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&[PROTOCOL_VRRP, self.hop_limit]);
        out.extend_from_slice(&self.source.octets());
        out.extend_from_slice(&self.destination.octets());
        Ok(())
    }
}
