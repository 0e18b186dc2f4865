// SPDX-License-Identifier: MIT OR Apache-2.0
//! The advert as a value, and its encoding.

use super::checksum::{ChecksumForm, message_checksum};
use super::{
    ADDRESSES_MAX, CHECKSUM_OFFSET, Family, HEADER_LEN, TYPE_ADVERTISEMENT, V2_AUTH_LEN, Version, auth_data_len,
};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// The addresses of one advert: one family, at most 255, in the order in which they are sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Addresses {
    V4(Vec<Ipv4Addr>),
    V6(Vec<Ipv6Addr>),
}

impl Addresses {
    /// Collects addresses of one family; an empty list is of the family `family`.
    pub fn collect(family: Family, addresses: impl IntoIterator<Item = IpAddr>) -> Result<Addresses, AdvertError> {
        let mut list = match family {
            Family::V4 => Addresses::V4(Vec::new()),
            Family::V6 => Addresses::V6(Vec::new()),
        };
        for address in addresses {
            if list.len() == ADDRESSES_MAX {
                return Err(AdvertError::TooManyAddresses);
            }
            match (&mut list, address) {
                (Addresses::V4(list), IpAddr::V4(address)) => list.push(address),
                (Addresses::V6(list), IpAddr::V6(address)) => list.push(address),
                (Addresses::V4(_), IpAddr::V6(_)) | (Addresses::V6(_), IpAddr::V4(_)) => {
                    return Err(AdvertError::MixedFamilies);
                }
            }
        }
        Ok(list)
    }

    pub fn family(&self) -> Family {
        match self {
            Addresses::V4(_) => Family::V4,
            Addresses::V6(_) => Family::V6,
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Addresses::V4(list) => list.len(),
            Addresses::V6(list) => list.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match (self, address) {
            (Addresses::V4(list), IpAddr::V4(address)) => list.contains(&address),
            (Addresses::V6(list), IpAddr::V6(address)) => list.contains(&address),
            (Addresses::V4(_), IpAddr::V6(_)) | (Addresses::V6(_), IpAddr::V4(_)) => false,
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let (v4, v6): (&[Ipv4Addr], &[Ipv6Addr]) = match self {
            Addresses::V4(list) => (list, &[]),
            Addresses::V6(list) => (&[], list),
        };
        v4.iter().copied().map(IpAddr::V4).chain(v6.iter().copied().map(IpAddr::V6))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Addresses::V4(list) => list.iter().for_each(|address| out.extend_from_slice(&address.octets())),
            Addresses::V6(list) => list.iter().for_each(|address| out.extend_from_slice(&address.octets())),
        }
    }
}

/// What cannot be said in an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdvertError {
    Vrid,
    Interval(Version),
    TooManyAddresses,
    MixedFamilies,
    /// Source and destination are not both of the addresses' family.
    Endpoints,
    /// The datagram would be longer than the length field of its IP header can say.
    TooLong,
    /// The number was drawn for another kind of authentication.
    Stamp,
}

impl fmt::Display for AdvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AdvertError::Vrid => "an advert cannot carry virtual router id 0: use 1 to 255",
            AdvertError::Interval(Version::V2) => {
                "a version 2 advert cannot carry this interval: use whole seconds from 1 to 255"
            }
            AdvertError::Interval(Version::V3) => {
                "a version 3 advert cannot carry this interval: use multiples of 0.01 seconds from 0.01 to 40.95"
            }
            AdvertError::TooManyAddresses => "an advert cannot carry more than 255 addresses: exclude the others",
            AdvertError::MixedFamilies => "an advert carries addresses of one family: exclude those of the other",
            AdvertError::Endpoints => {
                "an advert travels in the family of its addresses: use a source and a destination of that family"
            }
            AdvertError::TooLong => "an advert cannot be longer than 65535 octets: send fewer addresses",
            AdvertError::Stamp => "the number does not belong to this authentication: draw it from the same instance",
        })
    }
}

impl std::error::Error for AdvertError {}

/// The eight octets after the addresses of a version 2 advert over IPv4, and the type that stands in its header. For
/// other versions and families nothing of it is sent.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct LegacyAuth {
    pub kind: u8,
    pub data: [u8; V2_AUTH_LEN],
}

impl fmt::Debug for LegacyAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyAuth").field("kind", &self.kind).field("data", &"********").finish()
    }
}

/// One advertisement. Every value of this type can be encoded: [`Advert::new`] refuses the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Advert {
    version: Version,
    vrid: u8,
    priority: u8,
    interval: Duration,
    addresses: Addresses,
}

impl Advert {
    pub fn new(
        version: Version,
        vrid: u8,
        priority: u8,
        interval: Duration,
        addresses: Addresses,
    ) -> Result<Advert, AdvertError> {
        if vrid == 0 {
            return Err(AdvertError::Vrid);
        }
        if interval.is_zero()
            || interval > version.interval_max()
            || !interval.as_nanos().is_multiple_of(version.interval_unit().as_nanos())
        {
            return Err(AdvertError::Interval(version));
        }
        if addresses.len() > ADDRESSES_MAX {
            return Err(AdvertError::TooManyAddresses);
        }
        Ok(Advert { version, vrid, priority, interval, addresses })
    }

    pub fn version(&self) -> Version {
        self.version
    }

    pub fn vrid(&self) -> u8 {
        self.vrid
    }

    pub fn priority(&self) -> u8 {
        self.priority
    }

    pub fn interval(&self) -> Duration {
        self.interval
    }

    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    pub fn family(&self) -> Family {
        self.addresses.family()
    }

    /// The same advert with another priority; 0 is how a master says that it leaves (RFC 9568 §6.4.3).
    pub fn with_priority(mut self, priority: u8) -> Advert {
        self.priority = priority;
        self
    }

    /// Octets of the VRRP message: header, addresses and, in version 2 over IPv4, authentication data.
    pub fn encoded_len(&self) -> usize {
        HEADER_LEN + self.addresses.len() * self.family().address_len() + auth_data_len(self.version, self.family())
    }

    /// Appends the VRRP message to `out`, complete with its checksum. A keyed trailer over IPv6 changes the checksum
    /// afterwards, see `auth::seal`.
    pub fn encode(
        &self,
        source: IpAddr,
        destination: IpAddr,
        auth: LegacyAuth,
        form: ChecksumForm,
        out: &mut Vec<u8>,
    ) -> Result<(), AdvertError> {
        if Family::of(source) != self.family() || Family::of(destination) != self.family() {
            return Err(AdvertError::Endpoints);
        }
        let start = out.len();
        let count = u8::try_from(self.addresses.len()).map_err(|_| AdvertError::TooManyAddresses)?;
        let [high, low] = self.interval_field(auth);
        out.extend_from_slice(&[
            self.version.number() << 4 | TYPE_ADVERTISEMENT,
            self.vrid,
            self.priority,
            count,
            high,
            low,
            0,
            0,
        ]);
        self.addresses.encode(out);
        let data = auth_data_len(self.version, self.family());
        out.extend(auth.data.iter().take(data));
        let sum = message_checksum(out.get(start..).unwrap_or_default(), self.version, source, destination, form);
        store_checksum(out.get_mut(start..).unwrap_or_default(), sum);
        Ok(())
    }

    /// Octets 4 and 5: authentication type and seconds (RFC 3768 §5.3.6, §5.3.7), or four reserved bits sent as zero
    /// and twelve bits of centiseconds (RFC 9568 §5.2.6, §5.2.7).
    fn interval_field(&self, auth: LegacyAuth) -> [u8; 2] {
        let unit = self.version.interval_unit().as_nanos();
        let units = u16::try_from(self.interval.as_nanos() / unit).unwrap_or(u16::MAX);
        let [high, low] = units.to_be_bytes();
        match (self.version, self.family()) {
            (Version::V2, Family::V4) => [auth.kind, low],
            (Version::V2, Family::V6) => [0, low],
            (Version::V3, _) => [high & 0x0f, low],
        }
    }
}

/// Writes a checksum into a VRRP message that is at least as long as its header.
pub(crate) fn store_checksum(message: &mut [u8], sum: u16) {
    if let Some(field) = message.get_mut(CHECKSUM_OFFSET..CHECKSUM_OFFSET + 2) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
}
