// SPDX-License-Identifier: MIT OR Apache-2.0
//! Authentication of adverts: none, a password, the authentication header (AH) and the keyed trailer.
//!
//! Invariant: a comparison with a secret takes the same time wherever the difference is, and no `Debug` prints one.
//!
//! [`Authentication`] is configuration: which mechanism, which keys. [`AuthState`] is what must be remembered: the
//! numbers of what was sent and heard. Both are plain values. The state survives a reload because the engine keeps it,
//! and a restart when the worker stores [`AuthState::export`] and hands it back.
//!
//! **Receiving.** [`AuthState::check`] changes nothing; it gives a [`Pass`]. The engine goes through its remaining
//! checks and hands the pass to [`AuthState::remember`] when it takes the advert. So a copy that was damaged on purpose
//! after signing cannot use up the number of the intact advert.
//!
//! **Sending.** [`AuthState::stamp`] once per advert, [`seal`] once per copy: all copies of one advert carry one number.
//!
//! Wall-clock time comes in as [`WallTime`]; only the keyed trailer and the start of AH numbering use it.

mod ah;
mod hmac;
mod pass;
mod seal;

#[cfg(test)]
mod tests;

pub use ah::AhState;
pub use hmac::{
    AntiReplay, HmacKey, HmacMode, HmacPolicy, HmacPolicyError, HmacReceiver, HmacSender, SENDERS_MAX, Skew,
};
pub use pass::Password;
pub use seal::{Envelope, seal};

use super::types::WallTime;
use super::wire::{AH_LEN, Family, LegacyAuth, Measured, Refusal, TRAILER_LEN, Version};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The mechanism of one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Authentication {
    #[default]
    None,
    /// A password in clear, version 2 over IPv4 (RFC 2338 §5.3.6.2).
    Password(Password),
    /// HMAC-MD5-96 in an authentication header, version 2 over IPv4 (RFC 2338 §5.3.6.3).
    Header(Password),
    /// HMAC-SHA-256 in a trailer, every version and family.
    Keyed(HmacPolicy),
}

impl Authentication {
    /// What remains of the mechanism in this version and family. Password and header exist in version 2 over IPv4
    /// alone; RFC 3768 §10 took them away and version 3 never had them.
    pub fn in_effect(self, version: Version, family: Family) -> Authentication {
        match (self, version, family) {
            (Authentication::None, _, _) => Authentication::None,
            (kept @ (Authentication::Password(_) | Authentication::Header(_)), Version::V2, Family::V4) => kept,
            (Authentication::Password(_) | Authentication::Header(_), Version::V2, Family::V6)
            | (Authentication::Password(_) | Authentication::Header(_), Version::V3, _) => Authentication::None,
            (kept @ Authentication::Keyed(_), _, _) => kept,
        }
    }

    /// The authentication type in the header of version 2.
    pub fn type_number(&self) -> u8 {
        match self {
            Authentication::None | Authentication::Keyed(_) => 0,
            Authentication::Password(_) => 1,
            Authentication::Header(_) => 2,
        }
    }

    pub fn uses_header(&self) -> bool {
        matches!(self, Authentication::Header(_))
    }

    /// Whether adverts that say the same are the same octets: no number and no time is in them.
    pub fn seals_alike(&self) -> bool {
        matches!(self, Authentication::None | Authentication::Password(_))
    }

    /// Whether a received advert may end in a keyed trailer.
    pub fn trailer_possible(&self) -> bool {
        matches!(self, Authentication::Keyed(_))
    }

    /// Octets that sending adds to IP header and message.
    pub fn overhead(&self) -> usize {
        match self {
            Authentication::None | Authentication::Password(_) => 0,
            Authentication::Header(_) => AH_LEN,
            Authentication::Keyed(policy) => {
                if policy.signs() {
                    TRAILER_LEN
                } else {
                    0
                }
            }
        }
    }

    fn legacy(&self) -> LegacyAuth {
        let data = match self {
            Authentication::Password(password) => *password.octets(),
            Authentication::None | Authentication::Header(_) | Authentication::Keyed(_) => [0; 8],
        };
        LegacyAuth { kind: self.type_number(), data }
    }
}

/// The number one advert carries; every copy of it carries the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Stamp {
    None,
    Header(u32),
    Keyed(u64),
}

/// What a valid advert leaves to remember, and whether its sender's clock is far from ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Pass {
    source: IpAddr,
    stamp: Stamp,
    skew: Option<Skew>,
}

impl Pass {
    /// The number the advert carries.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Set when the sender's clock differs from ours by more than half the window.
    pub fn skew(&self) -> Option<Skew> {
        self.skew
    }
}

/// The numbers sent and heard by one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuthState {
    pub header: AhState,
    pub sender: HmacSender,
    pub receiver: HmacReceiver,
}

/// [`AuthState`] as numbers, for storing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    pub header: u32,
    pub sent: Option<u64>,
    /// Per sender the newest number heard, the longest unheard sender first.
    pub heard: Vec<(IpAddr, u64)>,
}

impl AuthState {
    /// A router that starts. With its wall-clock time the numbering of AH begins above everything this router can
    /// have sent before its restart; see [`AhState::starting`].
    pub fn starting(wall: Option<WallTime>) -> AuthState {
        AuthState { header: AhState::starting(wall), ..AuthState::default() }
    }

    /// The state as numbers.
    pub fn export(&self) -> Exported {
        Exported { header: self.header.last(), sent: self.sender.last(), heard: self.receiver.export() }
    }

    /// Goes on from stored numbers. Numbers only ever grow by this: a stored number that is older than what is known
    /// is ignored.
    pub fn import(&mut self, stored: &Exported) {
        self.header.import(stored.header);
        self.sender.import(stored.sent);
        self.receiver.import(&stored.heard);
    }

    /// Whether the advert is authentic. `peers` are the unicast peers of the instance, `None` when it is multicast.
    /// Nothing is changed; see [`AuthState::remember`].
    pub fn check(
        &self,
        auth: &Authentication,
        packet: &Measured<'_>,
        peers: Option<&[IpAddr]>,
        now: WallTime,
    ) -> Result<Pass, Refusal> {
        let source = packet.parsed().source();
        let mut pass = Pass { source, stamp: Stamp::None, skew: None };
        if let Authentication::Keyed(policy) = auth
            && let Some((number, skew)) = self.receiver.check(policy, packet, peers, now)?
        {
            pass.stamp = Stamp::Keyed(number);
            pass.skew = skew;
        }
        // Over IPv6 there is no place for what the type octet announces, so it decides nothing there.
        if packet.parsed().version_number() == 2 && packet.parsed().family() == Family::V4 {
            let theirs = packet.parsed().auth_type_number();
            if theirs > 2 {
                return Err(Refusal::AuthTypeInvalid);
            }
            if theirs != auth.type_number() {
                return Err(Refusal::AuthTypeMismatch);
            }
        }
        match auth {
            Authentication::None | Authentication::Keyed(_) => {}
            Authentication::Password(password) => password.check(packet)?,
            Authentication::Header(password) => pass.stamp = Stamp::Header(self.header.check(password, packet)?),
        }
        Ok(pass)
    }

    /// Notes that this advert was taken: nothing with its number or an older one will be taken again.
    pub fn remember(&mut self, pass: &Pass) {
        match pass.stamp {
            Stamp::Header(number) => self.header.remember(number),
            Stamp::Keyed(number) => self.receiver.remember(pass.source, number),
            Stamp::None => {}
        }
    }

    /// The number of the next advert.
    pub fn stamp(&mut self, auth: &Authentication, now: WallTime) -> Stamp {
        match auth {
            Authentication::None | Authentication::Password(_) => Stamp::None,
            Authentication::Header(_) => Stamp::Header(self.header.next_number()),
            Authentication::Keyed(policy) => {
                if policy.signs() {
                    Stamp::Keyed(self.sender.next_number(policy, now))
                } else {
                    Stamp::None
                }
            }
        }
    }
}

/// Keys by their id.
pub type Keys = BTreeMap<u8, HmacKey>;
