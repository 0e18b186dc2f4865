// SPDX-License-Identifier: MIT OR Apache-2.0
//! From received bytes to an advert, one test per function.

use super::checksum::{message_checksum, same_checksum};
use super::ip::IPV4_HEADER_LEN;
use super::{
    AH_LEN, Addresses, Advert, CHECKSUM_OFFSET, ChecksumForm, ChecksumPolicy, ETHERNET_PAYLOAD_MIN, Family, HEADER_LEN,
    HOP_LIMIT, PROTOCOL_AH, PROTOCOL_VRRP, Refusal, TRAILER_LEN, TYPE_ADVERTISEMENT, Version, auth_data_len,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// The parts of a datagram that is long enough to have them. Nothing in it is trusted yet.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'a> {
    source: IpAddr,
    destination: IpAddr,
    hop_limit: Option<u8>,
    /// The IPv4 header with its options; empty for IPv6.
    ip_header: &'a [u8],
    /// The authentication header, when the protocol says that there is one.
    ah: Option<&'a [u8; AH_LEN]>,
    header: &'a [u8; HEADER_LEN],
    /// From the VRRP header to the end of the IP datagram.
    message: &'a [u8],
    total_length_fits: bool,
}

/// Finds the parts of what a raw IPv4 socket delivers: the bytes from the IP header on. Octets after the IP total
/// length are padding of the frame and are cut off.
pub fn parse_v4(bytes: &[u8]) -> Result<Parsed<'_>, Refusal> {
    let (fixed, _) = bytes.split_first_chunk::<IPV4_HEADER_LEN>().ok_or(Refusal::TooShort)?;
    let &[first, _, t0, t1, _, _, _, _, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = fixed;
    let header_len = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header_len < IPV4_HEADER_LEN {
        return Err(Refusal::IpHeader);
    }
    let total = usize::from(u16::from_be_bytes([t0, t1]));
    let datagram = bytes.get(..total).unwrap_or(bytes);
    let (ip_header, payload) = datagram.split_at_checked(header_len).ok_or(Refusal::TooShort)?;
    let (ah, message) = match protocol {
        PROTOCOL_VRRP => (None, payload),
        PROTOCOL_AH => {
            let (ah, message) = payload.split_first_chunk::<AH_LEN>().ok_or(Refusal::TooShort)?;
            (Some(ah), message)
        }
        _ => return Err(Refusal::IpHeader),
    };
    Ok(Parsed {
        source: Ipv4Addr::new(s0, s1, s2, s3).into(),
        destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
        hop_limit: Some(ttl),
        ip_header,
        ah,
        header: message.first_chunk().ok_or(Refusal::TooShort)?,
        message,
        total_length_fits: total <= bytes.len(),
    })
}

/// Finds the parts of what a raw IPv6 socket delivers: the payload, and from its control messages the addresses and,
/// where the kernel gave it, the hop limit.
pub fn parse_v6(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    hop_limit: Option<u8>,
    payload: &[u8],
) -> Result<Parsed<'_>, Refusal> {
    Ok(Parsed {
        source: source.into(),
        destination: destination.into(),
        hop_limit,
        ip_header: &[],
        ah: None,
        header: payload.first_chunk().ok_or(Refusal::TooShort)?,
        message: payload,
        total_length_fits: true,
    })
}

impl<'a> Parsed<'a> {
    pub fn source(&self) -> IpAddr {
        self.source
    }

    pub fn destination(&self) -> IpAddr {
        self.destination
    }

    pub fn family(&self) -> Family {
        Family::of(self.source)
    }

    pub fn hop_limit(&self) -> Option<u8> {
        self.hop_limit
    }

    /// Whether it was sent to a group.
    pub fn is_multicast(&self) -> bool {
        self.destination.is_multicast()
    }

    /// The version nibble, whatever it says.
    pub fn version_number(&self) -> u8 {
        self.header[0] >> 4
    }

    pub fn type_number(&self) -> u8 {
        self.header[0] & 0x0f
    }

    pub fn vrid(&self) -> u8 {
        self.header[1]
    }

    pub fn priority(&self) -> u8 {
        self.header[2]
    }

    /// How many addresses the header announces.
    pub fn address_count(&self) -> usize {
        usize::from(self.header[3])
    }

    /// Version 2: the authentication type octet.
    pub fn auth_type_number(&self) -> u8 {
        self.header[4]
    }

    pub fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.header[6], self.header[7]])
    }

    /// The interval in the unit of the version; a version that is neither 2 nor 3 reads like 3. The four bits before
    /// a version 3 interval are reserved and ignored (RFC 9568 §5.2.6).
    pub fn interval(&self) -> Duration {
        if self.version_number() == 2 {
            Version::V2.interval_unit() * u32::from(self.header[5])
        } else {
            let centiseconds = u16::from_be_bytes([self.header[4], self.header[5]]) & 0x0fff;
            Version::V3.interval_unit() * u32::from(centiseconds)
        }
    }

    pub fn has_authentication_header(&self) -> bool {
        self.ah.is_some()
    }

    /// An authentication header is there exactly when one is configured.
    pub fn check_protocol(&self, ah_configured: bool) -> Result<(), Refusal> {
        if self.ah.is_some() == ah_configured { Ok(()) } else { Err(Refusal::Protocol) }
    }

    /// Multicast adverts have come over no router (RFC 9568 §5.1.1.3, §5.1.2.3). A hop limit the kernel did not tell
    /// is not held against the sender.
    pub fn check_hop_limit(&self) -> Result<(), Refusal> {
        match self.hop_limit {
            Some(HOP_LIMIT) | None => Ok(()),
            Some(_) => Err(Refusal::HopLimit),
        }
    }

    pub fn check_version(&self, ours: Version) -> Result<(), Refusal> {
        if self.version_number() == ours.number() { Ok(()) } else { Err(Refusal::Version) }
    }

    /// Compares the length with what the header announces (RFC 9568 §7.1: the message must be complete).
    ///
    /// With `trailer_possible` (keys are configured) exactly 28 octets more are the keyed trailer. Anything else that
    /// is too long is refused, with one exception: some senders count into the IP length the octets that fill an
    /// Ethernet frame, so a datagram of exactly that length may be longer than its message.
    pub fn measure(self, trailer_possible: bool) -> Result<Measured<'a>, Refusal> {
        if !self.total_length_fits {
            return Err(Refusal::IpLength);
        }
        // What is neither version has the shape of version 3; check_version refuses it for its real fault.
        let version = Version::from_number(self.version_number()).unwrap_or(Version::V3);
        let addresses = self.address_count() * self.family().address_len();
        let length = HEADER_LEN + addresses + auth_data_len(version, self.family());
        let (pdu, rest) = self.message.split_at_checked(length).ok_or(Refusal::Length)?;
        let mut measured = Measured { parsed: self, pdu, trailer: None, addresses };
        if rest.is_empty() {
            return Ok(measured);
        }
        if let (true, Ok(trailer)) = (trailer_possible, rest.try_into()) {
            measured.trailer = Some(trailer);
            return Ok(measured);
        }
        let datagram = self.ip_header.len() + self.ah.map_or(0, |ah| ah.len()) + self.message.len();
        if self.family() == Family::V4 && datagram == ETHERNET_PAYLOAD_MIN {
            return Ok(measured);
        }
        Err(Refusal::Length)
    }
}

/// A datagram whose length is right: every part announced by the header is there.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    parsed: Parsed<'a>,
    /// Header, addresses and the authentication data of version 2.
    pdu: &'a [u8],
    trailer: Option<&'a [u8; TRAILER_LEN]>,
    /// Octets of all addresses.
    addresses: usize,
}

impl<'a> Measured<'a> {
    pub fn parsed(&self) -> &Parsed<'a> {
        &self.parsed
    }

    /// Header, addresses and the authentication data of version 2.
    pub(crate) fn pdu(&self) -> &'a [u8] {
        self.pdu
    }

    pub(crate) fn ip_header(&self) -> &'a [u8] {
        self.parsed.ip_header
    }

    pub(crate) fn authentication_header(&self) -> Option<&'a [u8; AH_LEN]> {
        self.parsed.ah
    }

    /// Everything from the VRRP header to the end of the datagram.
    pub(crate) fn message(&self) -> &'a [u8] {
        self.parsed.message
    }

    /// The keyed trailer.
    pub(crate) fn trailer(&self) -> Option<&'a [u8; TRAILER_LEN]> {
        self.trailer
    }

    pub fn is_signed(&self) -> bool {
        self.trailer.is_some()
    }

    /// The eight octets after the addresses; empty except in version 2 over IPv4.
    pub(crate) fn auth_data(&self) -> &'a [u8] {
        self.pdu.get(HEADER_LEN + self.addresses..).unwrap_or_default()
    }

    pub fn check_type(&self) -> Result<(), Refusal> {
        if self.parsed.type_number() == TYPE_ADVERTISEMENT { Ok(()) } else { Err(Refusal::Type) }
    }

    /// Version 2 demands our own interval (RFC 3768 §7.1). Version 3 takes the sender's, but not an interval of zero:
    /// the time until that master counts as dead would be zero too.
    pub fn check_interval(&self, ours: Duration) -> Result<(), Refusal> {
        let theirs = self.parsed.interval();
        let good = if self.parsed.version_number() == 2 { theirs == ours } else { !theirs.is_zero() };
        if good { Ok(()) } else { Err(Refusal::Interval) }
    }

    /// Verifies the VRRP checksum and says in which form it is right. Over IPv6 there is one form and it covers the
    /// whole payload, a keyed trailer included; over IPv4 the trailer is outside.
    pub fn verify_checksum(&self, policy: &ChecksumPolicy) -> Result<ChecksumForm, Refusal> {
        let version = Version::from_number(self.parsed.version_number()).ok_or(Refusal::Version)?;
        let covered = match self.parsed.family() {
            Family::V4 => self.pdu,
            Family::V6 => self.parsed.message,
        };
        let (source, destination) = (self.parsed.source, self.parsed.destination);
        policy
            .accepted_from(destination)
            .into_iter()
            .flatten()
            .find(|&form| {
                let computed = message_checksum(covered, version, source, destination, form);
                same_checksum(self.parsed.checksum(), computed)
            })
            .ok_or(Refusal::Checksum)
    }

    /// The addresses in the order of the packet. They form a set: a receiver reads no meaning into their order.
    pub fn addresses(&self) -> Addresses {
        let list = self.pdu.get(HEADER_LEN..HEADER_LEN + self.addresses).unwrap_or_default();
        match self.parsed.family() {
            Family::V4 => Addresses::V4(list.as_chunks::<4>().0.iter().map(|&octets| Ipv4Addr::from(octets)).collect()),
            Family::V6 => {
                Addresses::V6(list.as_chunks::<16>().0.iter().map(|&octets| Ipv6Addr::from(octets)).collect())
            }
        }
    }

    /// The advert. It refuses only what no advert can say; the checks are the caller's.
    pub fn advert(&self) -> Result<Advert, Refusal> {
        let parsed = &self.parsed;
        let version = Version::from_number(parsed.version_number()).ok_or(Refusal::Version)?;
        if parsed.vrid() == 0 {
            return Err(Refusal::Vrid);
        }
        Advert::new(version, parsed.vrid(), parsed.priority(), parsed.interval(), self.addresses())
            .map_err(|_| Refusal::Interval)
    }
}

/// The checksum field read as zero, for what is signed over it.
pub(crate) fn without_checksum(pdu: &[u8]) -> [&[u8]; 3] {
    let head = pdu.get(..CHECKSUM_OFFSET).unwrap_or(pdu);
    let tail = pdu.get(CHECKSUM_OFFSET + 2..).unwrap_or_default();
    [head, &[0, 0], tail]
}
