// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the decode targets share.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use steadfast::proto::vrrp::wire::{
    ChecksumForm, ChecksumPolicy, GROUP_V4, GROUP_V6, Ipv4Header, LegacyAuth, Parsed, Refusal, Version, parse_v4,
    parse_v6,
};

pub(crate) const SOURCE_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(crate) const SOURCE_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// The octets as a whole IPv4 datagram, as a message behind a right IPv4 header, and as an IPv6 payload; with
/// `version` put into the messages, so that every input reaches the decoding of that version.
pub(crate) fn decode_every_way(version: Version, data: &[u8]) {
    take(version, parse_v4(data));
    let mut message = data.to_vec();
    if let Some(first) = message.first_mut() {
        *first = version.number() << 4 | *first & 0x0f;
    }
    let mut datagram = Vec::new();
    if Ipv4Header::new(SOURCE_V4, GROUP_V4).encode(message.len(), &mut datagram).is_ok() {
        datagram.extend_from_slice(&message);
        take(version, parse_v4(&datagram));
    }
    take(version, parse_v6(SOURCE_V6, GROUP_V6, Some(255), &message));
}

/// Runs every test on it. An advert that comes out must go in again and come out the same.
fn take(version: Version, parsed: Result<Parsed<'_>, Refusal>) {
    let Ok(parsed) = parsed else { return };
    let _ = (parsed.check_protocol(false), parsed.check_hop_limit(), parsed.check_version(version));
    for trailer in [false, true] {
        let Ok(measured) = parsed.measure(trailer) else { continue };
        let _ = (measured.check_type(), measured.check_interval(Duration::from_secs(1)));
        let _ = measured.verify_checksum(&ChecksumPolicy::default());
        let Ok(advert) = measured.advert() else { continue };
        let (source, destination) = match parsed.source() {
            IpAddr::V4(_) => (IpAddr::V4(SOURCE_V4), IpAddr::V4(GROUP_V4)),
            IpAddr::V6(_) => (IpAddr::V6(SOURCE_V6), IpAddr::V6(GROUP_V6)),
        };
        let mut message = Vec::new();
        advert
            .encode(source, destination, LegacyAuth::default(), ChecksumForm::Standard, &mut message)
            .expect("what was decoded can be encoded");
        let mut datagram = Vec::new();
        let again = match parsed.source() {
            IpAddr::V4(_) => {
                Ipv4Header::new(SOURCE_V4, GROUP_V4).encode(message.len(), &mut datagram).expect("255 addresses fit");
                datagram.extend_from_slice(&message);
                parse_v4(&datagram)
            }
            IpAddr::V6(_) => parse_v6(SOURCE_V6, GROUP_V6, Some(255), &message),
        };
        let again = again.and_then(|parsed| parsed.measure(false)).expect("what we encode has the right length");
        assert_eq!(again.verify_checksum(&ChecksumPolicy::default()), Ok(ChecksumForm::Standard));
        assert_eq!(again.advert().as_ref(), Ok(&advert));
    }
}
