// SPDX-License-Identifier: MIT OR Apache-2.0
//! The complete datagram of an advert.

use super::{Authentication, Stamp, ah, hmac};
use crate::proto::vrrp::wire::{
    AH_LEN, Advert, AdvertError, ChecksumForm, HOP_LIMIT, Ipv4Header, PROTOCOL_AH, PROTOCOL_VRRP, TRAFFIC_CLASS,
    message_checksum, store_checksum,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What differs between the copies of one advert, and what the IP header needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Envelope {
    pub source: IpAddr,
    pub destination: IpAddr,
    /// TTL of IPv4. Over IPv6 the socket sets the hop limit.
    pub hop_limit: u8,
    /// Identification of IPv4: one per advert, the same for all its copies, see `wire::next_identification`.
    pub identification: u16,
    pub checksum: ChecksumForm,
}

impl Envelope {
    pub fn new(source: IpAddr, destination: IpAddr, identification: u16) -> Envelope {
        Envelope { source, destination, hop_limit: HOP_LIMIT, identification, checksum: ChecksumForm::Standard }
    }
}

/// Appends the datagram to `out`: over IPv4 from the IP header on, over IPv6 the payload, both with every checksum and
/// all authentication in place. After an error `out` is as it was.
pub fn seal(
    advert: &Advert,
    envelope: &Envelope,
    auth: &Authentication,
    stamp: Stamp,
    out: &mut Vec<u8>,
) -> Result<(), AdvertError> {
    let length = advert.encoded_len() + auth.overhead();
    if u16::try_from(length + advert.family().header_len()).is_err() {
        return Err(AdvertError::TooLong);
    }
    let start = out.len();
    let sealed = match (envelope.source, envelope.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            seal_v4(advert, envelope, (source, destination), auth, stamp, length, out)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => seal_v6(advert, (source, destination), auth, stamp, out),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => Err(AdvertError::Endpoints),
    };
    if sealed.is_err() {
        out.truncate(start);
    }
    sealed
}

fn seal_v4(
    advert: &Advert,
    envelope: &Envelope,
    (source, destination): (Ipv4Addr, Ipv4Addr),
    auth: &Authentication,
    stamp: Stamp,
    length: usize,
    out: &mut Vec<u8>,
) -> Result<(), AdvertError> {
    let protocol = if auth.uses_header() { PROTOCOL_AH } else { PROTOCOL_VRRP };
    let header = Ipv4Header {
        tos: TRAFFIC_CLASS,
        identification: envelope.identification,
        ttl: envelope.hop_limit,
        protocol,
        source,
        destination,
    };
    let start = out.len();
    header.encode(length, out)?;
    let after_ip = out.len();
    if auth.uses_header() {
        out.extend_from_slice(&[0; AH_LEN]);
    }
    let pdu = out.len();
    advert.encode(source.into(), destination.into(), auth.legacy(), envelope.checksum, out)?;
    match (auth, stamp) {
        (Authentication::Header(key), Stamp::Header(number)) => {
            let ip_header = out.get(start..after_ip).unwrap_or_default();
            let message = out.get(pdu..).unwrap_or_default();
            let multicast = destination.is_multicast();
            let ah = ah::authentication_header(key, source, number, ip_header, message, multicast);
            if let Some(place) = out.get_mut(after_ip..pdu) {
                place.copy_from_slice(&ah);
            }
            Ok(())
        }
        _ => append_trailer(advert, source.into(), auth, stamp, pdu, out),
    }
}

fn seal_v6(
    advert: &Advert,
    (source, destination): (Ipv6Addr, Ipv6Addr),
    auth: &Authentication,
    stamp: Stamp,
    out: &mut Vec<u8>,
) -> Result<(), AdvertError> {
    let start = out.len();
    let (source, destination) = (IpAddr::V6(source), IpAddr::V6(destination));
    advert.encode(source, destination, auth.legacy(), ChecksumForm::Standard, out)?;
    append_trailer(advert, source, auth, stamp, start, out)?;
    // Over IPv6 the checksum covers the trailer and its length too (RFC 8200 §8.1: the upper-layer packet).
    if let Some(payload) = out.get_mut(start..) {
        let sum = message_checksum(payload, advert.version(), source, destination, ChecksumForm::Standard);
        store_checksum(payload, sum);
    }
    Ok(())
}

/// Signs the message that begins at `pdu` and ends `out`, where that is called for.
fn append_trailer(
    advert: &Advert,
    source: IpAddr,
    auth: &Authentication,
    stamp: Stamp,
    pdu: usize,
    out: &mut Vec<u8>,
) -> Result<(), AdvertError> {
    match (auth, stamp) {
        (Authentication::Keyed(policy), Stamp::Keyed(number)) => {
            let message = out.get(pdu..).unwrap_or_default();
            let trailer = hmac::trailer(policy, advert.version(), advert.vrid(), source, message, number);
            out.extend_from_slice(&trailer);
            Ok(())
        }
        (Authentication::None | Authentication::Password(_), Stamp::None) => Ok(()),
        (Authentication::Keyed(policy), Stamp::None) if !policy.signs() => Ok(()),
        (
            Authentication::None | Authentication::Password(_) | Authentication::Header(_) | Authentication::Keyed(_),
            Stamp::None | Stamp::Header(_) | Stamp::Keyed(_),
        ) => Err(AdvertError::Stamp),
    }
}
