// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checksums: which octets count, with or without a pseudo header.

use super::{CHECKSUM_OFFSET, PROTOCOL_VRRP, Version};
use std::net::{IpAddr, Ipv4Addr};

/// How the checksum of an advert over IPv4 is formed. Version 2 knows one way, and so does IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum ChecksumForm {
    /// As the RFC says: version 3 with a pseudo header of the real addresses (RFC 9568 §5.2.8).
    #[default]
    Standard,
    /// Version 3 without pseudo header, as version 2 does it; for routers that never learned the pseudo header.
    AsV2,
    /// Version 3 with a pseudo header that names this group although the advert went to a unicast peer; for routers
    /// that formed it so in the past.
    Group(Ipv4Addr),
}

/// What is done about unicast peers that put the group into the pseudo header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum OldUnicast {
    /// Send the right sum, and answer a peer that sends the old one with the old one.
    #[default]
    Adapt,
    /// All peers do so, and so do we.
    Always,
    /// Such adverts are refused.
    Never,
}

/// Which checksums over IPv4 are taken as right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct ChecksumPolicy {
    /// Version 3 adverts leave without pseudo header, and are taken with or without it.
    pub v3_as_v2: bool,
    pub old_unicast: OldUnicast,
    /// The group that an old unicast peer puts into the pseudo header.
    pub group: Ipv4Addr,
}

impl Default for ChecksumPolicy {
    fn default() -> ChecksumPolicy {
        ChecksumPolicy { v3_as_v2: false, old_unicast: OldUnicast::Adapt, group: super::GROUP_V4 }
    }
}

impl ChecksumPolicy {
    /// The form in which our own adverts to `destination` leave, unless the peer is known to want another.
    pub fn sent_to(&self, destination: IpAddr) -> ChecksumForm {
        if self.v3_as_v2 {
            return ChecksumForm::AsV2;
        }
        match self.old_unicast {
            OldUnicast::Always if !destination.is_multicast() => ChecksumForm::Group(self.group),
            OldUnicast::Always | OldUnicast::Adapt | OldUnicast::Never => ChecksumForm::Standard,
        }
    }

    /// The forms in which an advert that came to `destination` may be right, the likeliest first.
    pub(super) fn accepted_from(&self, destination: IpAddr) -> [Option<ChecksumForm>; 3] {
        let unicast = !destination.is_multicast();
        let group = Some(ChecksumForm::Group(self.group)).filter(|_| unicast);
        let as_v2 = Some(ChecksumForm::AsV2).filter(|_| self.v3_as_v2);
        match self.old_unicast {
            OldUnicast::Always if unicast => [group, as_v2, None],
            OldUnicast::Always | OldUnicast::Never => [Some(ChecksumForm::Standard), as_v2, None],
            OldUnicast::Adapt => [Some(ChecksumForm::Standard), as_v2, group],
        }
    }
}

/// The Internet checksum (RFC 1071) of these parts one after the other, each part padded to an even length on its own.
pub fn internet_checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u64 = 0;
    for part in parts {
        let mut pairs = part.chunks_exact(2);
        for pair in &mut pairs {
            sum += pair.iter().fold(0, |word, &octet| word << 8 | u64::from(octet));
        }
        sum += pairs.remainder().first().map_or(0, |&last| u64::from(last) << 8);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

/// What the checksum field of `message` must hold. For IPv4 `message` is header, addresses and authentication data;
/// for IPv6 it is the whole payload, because the pseudo header of RFC 8200 §8.1 counts all of it.
pub(crate) fn message_checksum(
    message: &[u8],
    version: Version,
    source: IpAddr,
    destination: IpAddr,
    form: ChecksumForm,
) -> u16 {
    let head = message.get(..CHECKSUM_OFFSET).unwrap_or(message);
    let tail = message.get(CHECKSUM_OFFSET + 2..).unwrap_or_default();
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    match (version, source, destination, form) {
        (_, IpAddr::V6(source), IpAddr::V6(destination), _) => {
            let end = pseudo_end(length);
            internet_checksum(&[&source.octets(), &destination.octets(), &end, head, tail])
        }
        (Version::V3, IpAddr::V4(source), IpAddr::V4(destination), ChecksumForm::Standard) => {
            let end = pseudo_end(length);
            internet_checksum(&[&source.octets(), &destination.octets(), &end, head, tail])
        }
        (Version::V3, IpAddr::V4(source), IpAddr::V4(_), ChecksumForm::Group(group)) => {
            let end = pseudo_end(length);
            internet_checksum(&[&source.octets(), &group.octets(), &end, head, tail])
        }
        // Version 2 has no pseudo header (RFC 3768 §5.3.8).
        (Version::V2 | Version::V3, _, _, _) => internet_checksum(&[head, tail]),
    }
}

/// Length and protocol as both pseudo headers have them: the sum is the same whether the length takes two octets
/// (IPv4) or four (IPv6), and whether the protocol stands before or after it.
fn pseudo_end(length: u32) -> [u8; 8] {
    let [a, b, c, d] = length.to_be_bytes();
    [a, b, c, d, 0, 0, 0, PROTOCOL_VRRP]
}

/// Whether a received checksum field says the same as the computed one. In ones' complement 0x0000 and 0xffff are both
/// zero, and either may have been sent (RFC 1624 §3).
pub(super) fn same_checksum(received: u16, computed: u16) -> bool {
    received == computed || (matches!(received, 0 | 0xffff) && matches!(computed, 0 | 0xffff))
}
