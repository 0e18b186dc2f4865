// SPDX-License-Identifier: MIT OR Apache-2.0
//! The authentication header: HMAC-MD5-96 over the whole datagram (RFC 2338 §5.3.6.3, RFC 2402, RFC 2403).

use super::Password;
use crate::proto::vrrp::types::WallTime;
use crate::proto::vrrp::wire::{AH_LEN, Measured, PROTOCOL_VRRP, Refusal};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use std::net::{IpAddr, Ipv4Addr};

/// Octets of the integrity check value.
const ICV_LEN: usize = 12;
/// Octets before it: next header, length, reserved, index, sequence number.
const ICV_OFFSET: usize = AH_LEN - ICV_LEN;
/// Length of the header in 32-bit words, minus 2 (RFC 2402 §2.2).
const PAYLOAD_LEN: u8 = 4;
/// Octets of an IPv4 header with all the options it can hold.
const IPV4_HEADER_MAX: usize = 60;
/// The last number before numbering begins again at 1. Other routers stop counting after this one.
const NUMBER_MAX: u32 = 0xffff_fffd;
/// Numbers this close to the end may be followed by numbers this close to the beginning.
const TURN: u32 = 0x1_0000;
/// Odd numbers without pattern: after a product with each, every bit depends on all bits of what was mixed.
const SPREAD: [u32; 2] = [0x9e37_79b1, 0x7feb_352d];
/// The most numbers a master leaves out for another one.
const LEFT_OUT_MAX: u32 = 8;
/// Numbering from the clock stays below this, so that a clock far in the future cannot use up the numbers.
const CLOCK_MAX: u32 = 0xf000_0000;

/// The one counter of an instance, moved both by what it sends and by what it hears.
///
/// The manual keys of AH know no renewal, so the end of the numbers is no end here: 1 follows, and is taken after a
/// number near the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AhState {
    counter: u32,
    /// The first advert sent carries a number above this.
    floor: u32,
}

impl AhState {
    /// A router that starts. Without the time its first advert carries 1, which every peer refuses that heard it
    /// before its restart. With the time it begins at the seconds of the clock: version 2 sends about one advert a
    /// second at most, so that is above what it sent before. Hearing is not affected by this.
    pub fn starting(wall: Option<WallTime>) -> AhState {
        let seconds = wall.map_or(0, |wall| u32::try_from(wall.0.as_secs()).unwrap_or(u32::MAX));
        AhState { counter: 0, floor: seconds.min(CLOCK_MAX) }
    }

    /// The newest number sent or heard.
    pub fn last(&self) -> u32 {
        self.counter
    }

    pub(super) fn import(&mut self, stored: u32) {
        self.counter = self.counter.max(stored);
    }

    /// The number of the next advert.
    pub(super) fn next_number(&mut self) -> u32 {
        let last = self.counter.max(std::mem::take(&mut self.floor));
        self.counter = if last >= NUMBER_MAX { 1 } else { last + 1 };
        self.counter
    }

    /// A master that answers an advert of lower priority leaves one number free, as other routers do.
    pub fn answer_lower_priority(&mut self) {
        self.next_number();
    }

    /// The next advert leaves some numbers free, however often this is asked for before it is sent. How many, is
    /// another answer for each router and each number: of three in step, two may leave numbers out.
    pub fn leave_out(&mut self, own: Ipv4Addr) {
        let mixed = SPREAD.iter().fold(self.counter ^ own.to_bits(), |mixed, factor| {
            let product = (mixed ^ (mixed >> 16)).wrapping_mul(*factor);
            product ^ (product >> 13)
        });
        let numbers = 1 + mixed % LEFT_OUT_MAX;
        self.floor = self.floor.max(self.counter.saturating_add(numbers).min(NUMBER_MAX));
    }

    fn is_newer(&self, number: u32) -> bool {
        number > self.counter || (self.counter >= u32::MAX - TURN && (1..=TURN).contains(&number))
    }

    /// Header, integrity, index and sequence number of a received datagram, in this order. Gives the number.
    pub(super) fn check(&self, key: &Password, packet: &Measured<'_>) -> Result<u32, Refusal> {
        let ah = packet.authentication_header().ok_or(Refusal::Protocol)?;
        let &[next, length, _, _, i0, i1, i2, i3, n0, n1, n2, n3, ref icv @ ..] = ah;
        if next != PROTOCOL_VRRP || length != PAYLOAD_LEN {
            return Err(Refusal::AhNextHeader);
        }
        let multicast = packet.parsed().is_multicast();
        // The kernel and the padding of a frame decide where the datagram ends; the sum is over all of it.
        integrity(key, packet.ip_header(), ah, packet.message(), multicast)
            .and_then(|mac| mac.verify_truncated_left(icv).ok())
            .ok_or(Refusal::AhIcv)?;
        if packet.parsed().source() != IpAddr::V4(Ipv4Addr::new(i0, i1, i2, i3)) {
            return Err(Refusal::AhSpi);
        }
        let number = u32::from_be_bytes([n0, n1, n2, n3]);
        if self.is_newer(number) { Ok(number) } else { Err(Refusal::AhReplay) }
    }

    pub(super) fn remember(&mut self, number: u32) {
        self.counter = number;
    }
}

/// The header for this datagram. `ip_header` is the IPv4 header as it will be sent, `message` all that follows AH.
/// The index is the source address of this very datagram, also after the address of the interface changed.
pub(super) fn authentication_header(
    key: &Password,
    source: Ipv4Addr,
    number: u32,
    ip_header: &[u8],
    message: &[u8],
    multicast: bool,
) -> [u8; AH_LEN] {
    let [i0, i1, i2, i3] = source.octets();
    let [n0, n1, n2, n3] = number.to_be_bytes();
    let mut ah = [0; AH_LEN];
    let fixed = [PROTOCOL_VRRP, PAYLOAD_LEN, 0, 0, i0, i1, i2, i3, n0, n1, n2, n3];
    ah.iter_mut().zip(fixed).for_each(|(to, from)| *to = from);
    if let Some(mac) = integrity(key, ip_header, &ah, message, multicast) {
        let icv = mac.finalize().into_bytes();
        ah.iter_mut().skip(ICV_OFFSET).zip(icv).for_each(|(to, from)| *to = from);
    }
    ah
}

/// The keyed sum over IP header, authentication header and message, with everything as zero that may change on the way
/// (RFC 2402 §3.3.3.1): type of service, flags and fragment offset, header checksum, the check value itself. The TTL
/// counts as sent (255) for a group, which no router forwards, and as zero for a unicast peer.
fn integrity(
    key: &Password,
    ip_header: &[u8],
    ah: &[u8; AH_LEN],
    message: &[u8],
    multicast: bool,
) -> Option<Hmac<Md5>> {
    let mut mac = Hmac::<Md5>::new_from_slice(key.octets()).ok()?;
    let mut header = [0; IPV4_HEADER_MAX];
    for (offset, (to, &from)) in header.iter_mut().zip(ip_header).enumerate() {
        let changes = matches!(offset, 1 | 6 | 7 | 10 | 11) || (offset == 8 && !multicast);
        *to = if changes { 0 } else { from };
    }
    mac.update(header.get(..ip_header.len())?);
    mac.update(ah.get(..ICV_OFFSET)?);
    mac.update(&[0; ICV_LEN]);
    mac.update(message);
    Some(mac)
}
