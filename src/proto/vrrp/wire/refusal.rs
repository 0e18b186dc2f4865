// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a datagram is not taken as an advert.

/// One reason per test a received datagram can fail, in the order of the tests. Refusals are counted by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Refusal {
    /// The bytes end inside the IP, authentication or VRRP header.
    TooShort,
    /// It was longer than the receive buffer, so its end is missing.
    Truncated,
    /// The IP header is not one: wrong version nibble, header length below 20, or neither protocol 112 nor 51.
    IpHeader,
    /// No instance with this VRID listens where the datagram came in.
    UnknownVrid,
    /// An authentication header although none is configured, or the other way round.
    Protocol,
    /// The IP total length is longer than what arrived.
    IpLength,
    /// The length does not match the number of addresses.
    Length,
    /// TTL or hop limit is not 255 (RFC 9568 §7.1).
    HopLimit,
    /// Another VRRP version than the instance's.
    Version,
    /// The keyed trailer is demanded and absent.
    HmacMissing,
    /// The sender of a signed advert is not one of the unicast peers.
    HmacUnknownPeer,
    /// Scheme or reserved field of the keyed trailer are not what they must be.
    HmacMalformed,
    /// Signed too long ago, or too far in the future.
    HmacStale,
    /// Signed with a key that is not configured here.
    HmacUnknownKey,
    /// The tag is wrong: altered, or another key, VRID, version or source.
    HmacInvalid,
    /// Signed correctly, but not newer than what this sender sent before.
    HmacReplay,
    /// The authentication type octet is none of the three that exist.
    AuthTypeInvalid,
    /// Another authentication type than ours.
    AuthTypeMismatch,
    /// The password differs.
    Password,
    /// The authentication header does not announce VRRP, or not the length that HMAC-MD5-96 has.
    AhNextHeader,
    /// The integrity check value is wrong.
    AhIcv,
    /// The security parameter index is not the source address.
    AhSpi,
    /// The sequence number is not newer than the last.
    AhReplay,
    /// Version 2: another interval than ours (RFC 3768 §7.1). Version 3: an interval of zero.
    Interval,
    /// The type is not advertisement.
    Type,
    /// The VRRP checksum is wrong.
    Checksum,
    /// VRID 0, which no router has (RFC 9568 §5.2.3).
    Vrid,
    /// Sent to a group although the instance is unicast, or the other way round.
    Destination,
    /// The owner of the addresses listens to nobody.
    OwnerIgnores,
    /// The sender is not one of the unicast peers.
    UnknownPeer,
    /// TTL or hop limit outside what is configured for this unicast peer.
    PeerHopLimit,
    /// Another address list, where the configuration wants that refused.
    AddressList,
    /// Our own advert came back.
    Reflected,
}

impl Refusal {
    /// Every reason, in the order of the tests; what counters are indexed by.
    pub const ALL: [Refusal; 33] = [
        Refusal::TooShort,
        Refusal::Truncated,
        Refusal::IpHeader,
        Refusal::UnknownVrid,
        Refusal::Protocol,
        Refusal::IpLength,
        Refusal::Length,
        Refusal::HopLimit,
        Refusal::Version,
        Refusal::HmacMissing,
        Refusal::HmacUnknownPeer,
        Refusal::HmacMalformed,
        Refusal::HmacStale,
        Refusal::HmacUnknownKey,
        Refusal::HmacInvalid,
        Refusal::HmacReplay,
        Refusal::AuthTypeInvalid,
        Refusal::AuthTypeMismatch,
        Refusal::Password,
        Refusal::AhNextHeader,
        Refusal::AhIcv,
        Refusal::AhSpi,
        Refusal::AhReplay,
        Refusal::Interval,
        Refusal::Type,
        Refusal::Checksum,
        Refusal::Vrid,
        Refusal::Destination,
        Refusal::OwnerIgnores,
        Refusal::UnknownPeer,
        Refusal::PeerHopLimit,
        Refusal::AddressList,
        Refusal::Reflected,
    ];

    /// Where this reason stands in [`Refusal::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// A word for counters and status output.
    pub const fn name(self) -> &'static str {
        match self {
            Refusal::TooShort => "too_short",
            Refusal::Truncated => "truncated",
            Refusal::IpHeader => "ip_header",
            Refusal::UnknownVrid => "unknown_vrid",
            Refusal::Protocol => "protocol",
            Refusal::IpLength => "ip_length",
            Refusal::Length => "length",
            Refusal::HopLimit => "hop_limit",
            Refusal::Version => "version",
            Refusal::HmacMissing => "hmac_missing",
            Refusal::HmacUnknownPeer => "hmac_unknown_peer",
            Refusal::HmacMalformed => "hmac_malformed",
            Refusal::HmacStale => "hmac_stale",
            Refusal::HmacUnknownKey => "hmac_unknown_key",
            Refusal::HmacInvalid => "hmac_invalid",
            Refusal::HmacReplay => "hmac_replay",
            Refusal::AuthTypeInvalid => "auth_type_invalid",
            Refusal::AuthTypeMismatch => "auth_type_mismatch",
            Refusal::Password => "password",
            Refusal::AhNextHeader => "ah_next_header",
            Refusal::AhIcv => "ah_icv",
            Refusal::AhSpi => "ah_spi",
            Refusal::AhReplay => "ah_replay",
            Refusal::Interval => "interval",
            Refusal::Type => "type",
            Refusal::Checksum => "checksum",
            Refusal::Vrid => "vrid",
            Refusal::Destination => "destination",
            Refusal::OwnerIgnores => "owner_ignores",
            Refusal::UnknownPeer => "unknown_peer",
            Refusal::PeerHopLimit => "peer_hop_limit",
            Refusal::AddressList => "address_list",
            Refusal::Reflected => "reflected",
        }
    }
}
