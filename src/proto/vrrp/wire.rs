// SPDX-License-Identifier: MIT OR Apache-2.0
//! Adverts on the wire: VRRP versions 2 and 3 over IPv4 and IPv6.
//!
//! Invariant: whatever bytes come in, nothing here panics, loops without a bound or allocates more than 255 addresses.
//!
//! **Receiving** is a row of small steps. `accept` calls them in the order of its own rules and stops at the first
//! [`Refusal`]; none of them looks at state.
//!
//! 1. [`parse_v4`] (bytes from the IP header on, as a raw IPv4 socket delivers them) or [`parse_v6`] (payload only, as
//!    a raw IPv6 socket delivers it, with the addresses and the hop limit from its control messages) give a
//!    [`Parsed`]: the parts are found, nothing is judged. [`Parsed::vrid`] names the instance.
//! 2. [`Parsed::check_protocol`], [`Parsed::measure`] (length, padding, trailer; gives a [`Measured`]),
//!    [`Parsed::check_hop_limit`], [`Parsed::check_version`].
//! 3. On [`Measured`]: authentication (`auth::AuthState::check`, and its `remember` once the advert is taken), [`Measured::check_interval`],
//!    [`Measured::check_type`], [`Measured::verify_checksum`].
//! 4. [`Measured::advert`] gives the [`Advert`], and the engine takes it from there.
//!
//! **Sending**: build an [`Advert`] once (it is checked when built), then for every copy that leaves call
//! `auth::seal`, which writes the whole datagram: for IPv4 from the IP header on, for IPv6 the payload. The pieces it
//! is made of ([`Advert::encode`], [`Ipv4Header`], [`Ipv6Header`]) are public for simulators and tests.

mod advert;
mod checksum;
mod ip;
mod parse;
mod refusal;

#[cfg(test)]
pub(in crate::proto::vrrp) mod captured;
#[cfg(test)]
mod tests;

pub use advert::{Addresses, Advert, AdvertError, LegacyAuth};
pub use checksum::{ChecksumForm, ChecksumPolicy, OldUnicast, internet_checksum};
pub use ip::{Ipv4Header, Ipv6Header, next_identification};
pub use parse::{Measured, Parsed, parse_v4, parse_v6};
pub use refusal::Refusal;

pub(in crate::proto::vrrp) use advert::store_checksum;
pub(in crate::proto::vrrp) use checksum::message_checksum;
pub(in crate::proto::vrrp) use parse::without_checksum;

pub use super::types::{Family, Version};

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// IP protocol number of VRRP.
pub const PROTOCOL_VRRP: u8 = 112;
/// IP protocol number of the authentication header that may stand before VRRP.
pub const PROTOCOL_AH: u8 = 51;
/// TTL or hop limit of every advert (RFC 9568 §5.1.1.3, §5.1.2.3).
pub const HOP_LIMIT: u8 = 255;
/// TOS or traffic class of every advert: class selector 6, internetwork control.
pub const TRAFFIC_CLASS: u8 = 0xc0;
/// The only packet type there is (RFC 9568 §5.2.2).
pub const TYPE_ADVERTISEMENT: u8 = 1;
/// The groups adverts are sent to unless configured otherwise.
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

/// Octets before the addresses.
pub const HEADER_LEN: usize = 8;
/// Octets of authentication data that end every version 2 advert over IPv4 (RFC 3768 §5.3.10).
pub const V2_AUTH_LEN: usize = 8;
/// Octets of the authentication header.
pub const AH_LEN: usize = 24;
/// Octets of the keyed trailer.
pub const TRAILER_LEN: usize = 28;
/// The address count is one octet.
pub const ADDRESSES_MAX: usize = 255;
/// Ethernet fills shorter payloads up to this length.
pub const ETHERNET_PAYLOAD_MIN: usize = 46;
/// Where the checksum stands in the VRRP header.
pub const CHECKSUM_OFFSET: usize = 6;

impl Family {
    /// Octets of one address.
    pub const fn address_len(self) -> usize {
        match self {
            Family::V4 => 4,
            Family::V6 => 16,
        }
    }

    /// Octets of an IP header without options.
    pub const fn header_len(self) -> usize {
        match self {
            Family::V4 => ip::IPV4_HEADER_LEN,
            Family::V6 => ip::IPV6_HEADER_LEN,
        }
    }
}

impl Version {
    pub const fn number(self) -> u8 {
        match self {
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }

    pub const fn from_number(number: u8) -> Option<Version> {
        match number {
            2 => Some(Version::V2),
            3 => Some(Version::V3),
            _ => None,
        }
    }

    /// The unit the interval is counted in: seconds (RFC 3768 §5.3.7) or centiseconds (RFC 9568 §5.2.7).
    pub const fn interval_unit(self) -> Duration {
        match self {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => Duration::from_millis(10),
        }
    }

    /// The longest interval the field can say.
    pub const fn interval_max(self) -> Duration {
        match self {
            Version::V2 => Duration::from_secs(255),
            Version::V3 => Duration::from_millis(40_950),
        }
    }

    /// The interval nearest to `wanted` that this version can say: half a unit rounds up, never below one unit, never
    /// above the longest.
    pub fn nearest_interval(self, wanted: Duration) -> Duration {
        let unit = self.interval_unit().as_nanos();
        let units = (wanted.min(self.interval_max()).as_nanos() + unit / 2) / unit;
        let nanos = u64::try_from(units.max(1) * unit).unwrap_or(u64::MAX);
        Duration::from_nanos(nanos).min(self.interval_max())
    }
}

/// Octets of authentication data that end an advert of this version and family.
pub const fn auth_data_len(version: Version, family: Family) -> usize {
    match (version, family) {
        (Version::V2, Family::V4) => V2_AUTH_LEN,
        (Version::V2, Family::V6) | (Version::V3, _) => 0,
    }
}

/// How many addresses fit in one advert on a link with this MTU. `extra` is what authentication adds (the 24 octets of
/// AH or the 28 of the keyed trailer). The MTU counts from the IP header on, so no Ethernet header is taken off.
pub const fn addresses_that_fit(mtu: usize, version: Version, family: Family, extra: usize) -> usize {
    let fixed = family.header_len() + HEADER_LEN + auth_data_len(version, family) + extra;
    let room = mtu.saturating_sub(fixed) / family.address_len();
    if room > ADDRESSES_MAX { ADDRESSES_MAX } else { room }
}
