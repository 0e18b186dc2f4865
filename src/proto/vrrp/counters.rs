// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is counted and what was told. Nothing here ever decides what an instance does.

use std::collections::BTreeSet;

use super::wire::Refusal;

/// Per instance, by the names of keepalived's statistics; what it has no name for comes last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Counters {
    /// Adverts taken.
    pub adverts_received: u64,
    /// Adverts, not copies.
    pub adverts_sent: u64,
    pub became_master: u64,
    pub released_master: u64,
    pub packet_length: u64,
    pub hop_limit: u64,
    pub invalid_type: u64,
    pub interval: u64,
    pub address_list: u64,
    pub invalid_auth_type: u64,
    pub auth_type_mismatch: u64,
    pub auth_failure: u64,
    pub hmac_missing: u64,
    pub hmac_malformed: u64,
    pub hmac_unknown_key: u64,
    pub hmac_invalid: u64,
    pub hmac_stale: u64,
    pub hmac_replay: u64,
    pub priority_zero_received: u64,
    pub priority_zero_sent: u64,
    pub checksum: u64,
    pub version: u64,
    /// Multicast for unicast or the other way round.
    pub destination: u64,
    pub unknown_peer: u64,
    /// Our own advert came back.
    pub reflected: u64,
    /// Heard in Init, in Fault, during the start delay, or as an owner that ignores adverts.
    pub ignored: u64,
    /// Adverts that could not be built: no source address of the right family, or too many addresses.
    pub unsendable: u64,
}

impl Counters {
    /// Counts a datagram that was refused.
    pub(super) fn refused(&mut self, refusal: Refusal) {
        let counter = match refusal {
            Refusal::TooShort | Refusal::Truncated | Refusal::IpHeader | Refusal::IpLength | Refusal::Length => {
                &mut self.packet_length
            }
            Refusal::UnknownVrid | Refusal::Vrid => &mut self.destination,
            Refusal::Protocol | Refusal::AuthTypeMismatch => &mut self.auth_type_mismatch,
            Refusal::HopLimit | Refusal::PeerHopLimit => &mut self.hop_limit,
            Refusal::Version => &mut self.version,
            Refusal::HmacMissing => &mut self.hmac_missing,
            Refusal::HmacMalformed => &mut self.hmac_malformed,
            Refusal::HmacStale => &mut self.hmac_stale,
            Refusal::HmacUnknownKey => &mut self.hmac_unknown_key,
            Refusal::HmacInvalid => &mut self.hmac_invalid,
            Refusal::HmacReplay => &mut self.hmac_replay,
            Refusal::AuthTypeInvalid => &mut self.invalid_auth_type,
            Refusal::Password | Refusal::AhNextHeader | Refusal::AhIcv | Refusal::AhSpi | Refusal::AhReplay => {
                &mut self.auth_failure
            }
            Refusal::Interval => &mut self.interval,
            Refusal::Type => &mut self.invalid_type,
            Refusal::Checksum => &mut self.checksum,
            Refusal::Destination => &mut self.destination,
            Refusal::OwnerIgnores => &mut self.ignored,
            Refusal::HmacUnknownPeer | Refusal::UnknownPeer => &mut self.unknown_peer,
            Refusal::AddressList => &mut self.address_list,
            Refusal::Reflected => &mut self.reflected,
        };
        *counter += 1;
    }
}

/// Of datagrams that belong to no instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Strays {
    pub truncated: u64,
    /// Too short for its headers, or no IPv4 header at all.
    pub malformed: u64,
    /// No instance of this VRID and family listens on the port.
    pub unknown_vrid: u64,
}

/// What was reported already and is not repeated until the state or the master changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Told {
    Refused(Refusal),
    Interval,
    Addresses,
    ClockSkew,
    Preempting,
    AddressClash,
    TwoOwners,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Ledger {
    pub(super) counters: Counters,
    told: BTreeSet<Told>,
}

impl Ledger {
    /// Whether this is the first time since the last [`Ledger::forget`].
    pub(super) fn first_time(&mut self, told: Told) -> bool {
        self.told.insert(told)
    }

    pub(super) fn forget(&mut self) {
        self.told.clear();
    }
}
