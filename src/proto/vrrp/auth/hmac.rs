// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keyed trailer: HMAC-SHA-256, cut to 128 bits, with a number that grows with the clock.
//!
//! Trailer, 28 octets after everything else: scheme (1), key id, two octets zero, eight octets number, 16 octets tag.
//! The number is seconds (32 bits), 1/65536 of a second (16 bits) and a counter (16 bits), compared as one.
//! The tag covers family, version, VRID, source address, the whole VRRP message with its checksum as zero, and the
//! first twelve octets of the trailer. Neither IP header nor destination are in it, so one tag serves all copies.

use super::Keys;
use crate::proto::vrrp::types::WallTime;
use crate::proto::vrrp::wire::{Family, Measured, Refusal, TRAILER_LEN, Version, without_checksum};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;
use zeroize::Zeroizing;

const SCHEME: u8 = 1;
const TAG_LEN: usize = 16;
/// Octets before the tag.
const TAG_OFFSET: usize = TRAILER_LEN - TAG_LEN;
/// How many senders an instance remembers. Only who holds a key can take a place; beyond this the sender not heard for
/// longest loses its place. More routers than priorities make no sense under one VRID.
pub const SENDERS_MAX: usize = 255;
/// The freshness window, in seconds.
const WINDOW_MIN: u16 = 1;
const WINDOW_MAX: u16 = 300;
const WINDOW_DEFAULT_MIN: u16 = 5;
const KEY_MIN: usize = 32;
const KEY_MAX: usize = 64;

/// 32 to 64 octets; used as they are.
#[derive(Clone, PartialEq, Eq)]
pub struct HmacKey(Zeroizing<Vec<u8>>);

impl HmacKey {
    pub fn new(octets: &[u8]) -> Result<HmacKey, HmacPolicyError> {
        if (KEY_MIN..=KEY_MAX).contains(&octets.len()) {
            Ok(HmacKey(Zeroizing::new(octets.to_vec())))
        } else {
            Err(HmacPolicyError::KeyLength(octets.len()))
        }
    }
}

impl Hash for HmacKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_slice().hash(state);
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(********)")
    }
}

/// What is signed and what is demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HmacMode {
    /// Sign, and take only what is signed.
    #[default]
    Enforce,
    /// Sign, and take unsigned adverts too.
    Permissive,
    /// Do not sign, take unsigned adverts too, but verify what is signed.
    ReceiveOnly,
}

/// What makes an advert old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AntiReplay {
    /// Its time is outside the window, or its number not above the sender's last.
    #[default]
    Time,
    /// Its number is not above the sender's last, whatever the clocks say.
    Monotonic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HmacPolicyError {
    KeyLength(usize),
    KeyId,
    ActiveKey(u8),
    Window(u16),
}

impl fmt::Display for HmacPolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HmacPolicyError::KeyLength(len) => {
                write!(f, "the key is {len} octets long: use {KEY_MIN} to {KEY_MAX}")
            }
            HmacPolicyError::KeyId => write!(f, "0 is no key id: use 1 to 255"),
            HmacPolicyError::ActiveKey(id) => write!(f, "the active key {id} is not one of the keys: add key {id}"),
            HmacPolicyError::Window(seconds) => {
                write!(f, "a time window of {seconds} seconds is out of range: use {WINDOW_MIN} to {WINDOW_MAX}")
            }
        }
    }
}

impl std::error::Error for HmacPolicyError {}

/// Keys and rules of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HmacPolicy {
    keys: Keys,
    active: u8,
    mode: HmacMode,
    anti_replay: AntiReplay,
    window: u16,
}

impl HmacPolicy {
    /// `window` is in seconds. Verifying takes any of the keys, signing takes `active`.
    pub fn new(
        keys: Keys,
        active: u8,
        mode: HmacMode,
        anti_replay: AntiReplay,
        window: u16,
    ) -> Result<HmacPolicy, HmacPolicyError> {
        if keys.contains_key(&0) {
            return Err(HmacPolicyError::KeyId);
        }
        if !keys.contains_key(&active) {
            return Err(HmacPolicyError::ActiveKey(active));
        }
        if !(WINDOW_MIN..=WINDOW_MAX).contains(&window) {
            return Err(HmacPolicyError::Window(window));
        }
        Ok(HmacPolicy { keys, active, mode, anti_replay, window })
    }

    /// The window when none is configured: three intervals in whole seconds, from 5 to 300.
    pub fn default_window(interval: Duration) -> u16 {
        let seconds = u16::try_from(interval.as_secs().saturating_mul(3)).unwrap_or(WINDOW_MAX);
        seconds.clamp(WINDOW_DEFAULT_MIN, WINDOW_MAX)
    }

    pub fn signs(&self) -> bool {
        match self.mode {
            HmacMode::Enforce | HmacMode::Permissive => true,
            HmacMode::ReceiveOnly => false,
        }
    }

    pub fn mode(&self) -> HmacMode {
        self.mode
    }

    pub fn anti_replay(&self) -> AntiReplay {
        self.anti_replay
    }

    pub fn active_key(&self) -> u8 {
        self.active
    }

    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    pub fn window(&self) -> Duration {
        Duration::from_secs(self.window.into())
    }

    fn tolerates_unsigned(&self) -> bool {
        match self.mode {
            HmacMode::Enforce => false,
            HmacMode::Permissive | HmacMode::ReceiveOnly => true,
        }
    }

    fn reaches(&self, seconds: i32) -> bool {
        seconds.unsigned_abs() <= u32::from(self.window)
    }
}

/// The sender's clock against ours; positive when it is ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Skew {
    pub seconds: i32,
}

/// What this instance signed last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HmacSender {
    /// `None` before the first.
    sent: Option<u64>,
}

impl HmacSender {
    pub(super) fn last(&self) -> Option<u64> {
        self.sent
    }

    pub(super) fn import(&mut self, stored: Option<u64>) {
        if let Some(number) = stored
            && self.sent.is_none_or(|sent| is_after(number, sent))
        {
            self.sent = Some(number);
        }
    }

    /// The clock where it moved on, else one more than the last. In time mode a clock that was set back by more than
    /// the window begins anew, because receivers would call everything else stale.
    pub(super) fn next_number(&mut self, policy: &HmacPolicy, now: WallTime) -> u64 {
        let clock = clock_number(now);
        let number = match self.sent {
            None => clock,
            Some(sent) if is_after(clock, sent) => clock,
            Some(sent) => match policy.anti_replay {
                AntiReplay::Time if ahead(sent, now) > i32::from(policy.window) => clock,
                AntiReplay::Time | AntiReplay::Monotonic => sent.wrapping_add(1),
            },
        };
        self.sent = Some(number);
        number
    }
}

/// The newest number taken from each sender, the sender not heard for longest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HmacReceiver {
    marks: Vec<(IpAddr, u64)>,
}

impl HmacReceiver {
    pub(super) fn export(&self) -> Vec<(IpAddr, u64)> {
        self.marks.clone()
    }

    pub(super) fn import(&mut self, stored: &[(IpAddr, u64)]) {
        for &(source, number) in stored {
            if self.mark(source).is_none_or(|mark| is_after(number, mark)) {
                self.set(source, number);
            }
        }
    }

    /// Missing, unknown peer, malformed, stale, unknown key, invalid, replay: in this order. Gives the number, unless
    /// the advert is unsigned and may be, and the skew when it is worth a warning.
    pub(super) fn check(
        &self,
        policy: &HmacPolicy,
        packet: &Measured<'_>,
        peers: Option<&[IpAddr]>,
        now: WallTime,
    ) -> Result<Option<(u64, Option<Skew>)>, Refusal> {
        let Some(trailer) = packet.trailer() else {
            return if policy.tolerates_unsigned() { Ok(None) } else { Err(Refusal::HmacMissing) };
        };
        let source = packet.parsed().source();
        if peers.is_some_and(|peers| !peers.contains(&source)) {
            return Err(Refusal::HmacUnknownPeer);
        }
        let &[scheme, id, r0, r1, n0, n1, n2, n3, n4, n5, n6, n7, ref tag @ ..] = trailer;
        if scheme != SCHEME || r0 != 0 || r1 != 0 {
            return Err(Refusal::HmacMalformed);
        }
        let number = u64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7]);
        let skew = ahead(number, now);
        if policy.anti_replay == AntiReplay::Time && !policy.reaches(skew) {
            return Err(Refusal::HmacStale);
        }
        let key = policy.keys.get(&id).ok_or(Refusal::HmacUnknownKey)?;
        let version = Version::from_number(packet.parsed().version_number()).ok_or(Refusal::Version)?;
        mac(key, version, packet.parsed().vrid(), source, packet.pdu(), trailer)
            .and_then(|mac| mac.verify_truncated_left(tag).ok())
            .ok_or(Refusal::HmacInvalid)?;
        if self.valid_mark(policy, source, now).is_some_and(|mark| !is_after(number, mark)) {
            return Err(Refusal::HmacReplay);
        }
        let warn = policy.anti_replay == AntiReplay::Time && skew.unsigned_abs() > u32::from(policy.window / 2);
        Ok(Some((number, warn.then_some(Skew { seconds: skew }))))
    }

    pub(super) fn remember(&mut self, source: IpAddr, number: u64) {
        self.set(source, number);
    }

    /// In time mode a mark outside the window is none: its adverts are stale anyway, and a sender whose clock was
    /// wrong must be heard again once it is right.
    fn valid_mark(&self, policy: &HmacPolicy, source: IpAddr, now: WallTime) -> Option<u64> {
        self.mark(source).filter(|&mark| match policy.anti_replay {
            AntiReplay::Time => policy.reaches(ahead(mark, now)),
            AntiReplay::Monotonic => true,
        })
    }

    fn mark(&self, source: IpAddr) -> Option<u64> {
        self.marks.iter().find(|(sender, _)| *sender == source).map(|&(_, mark)| mark)
    }

    fn set(&mut self, source: IpAddr, number: u64) {
        self.marks.retain(|(sender, _)| *sender != source);
        if self.marks.len() >= SENDERS_MAX {
            self.marks.remove(0);
        }
        self.marks.push((source, number));
    }
}

/// Serial arithmetic over the whole number, so that the end of 32 bits of seconds is no end.
fn is_after(number: u64, than: u64) -> bool {
    number.wrapping_sub(than).cast_signed() > 0
}

fn seconds_of(number: u64) -> u32 {
    u32::try_from(number >> 32).unwrap_or(u32::MAX)
}

/// By how many seconds a number is ahead of the clock.
fn ahead(number: u64, now: WallTime) -> i32 {
    seconds_of(number).wrapping_sub(seconds_of(clock_number(now))).cast_signed()
}

/// The clock as a number with counter 0: the low 32 bits of the seconds, and the fraction rounded down to 1/65536.
fn clock_number(now: WallTime) -> u64 {
    let fraction = u64::from(now.0.subsec_nanos()) * 65_536 / 1_000_000_000;
    now.0.as_secs() << 32 | fraction << 16
}

/// The trailer for this message.
pub(super) fn trailer(
    policy: &HmacPolicy,
    version: Version,
    vrid: u8,
    source: IpAddr,
    pdu: &[u8],
    number: u64,
) -> [u8; TRAILER_LEN] {
    let mut trailer = [0; TRAILER_LEN];
    let [n0, n1, n2, n3, n4, n5, n6, n7] = number.to_be_bytes();
    let fixed = [SCHEME, policy.active, 0, 0, n0, n1, n2, n3, n4, n5, n6, n7];
    trailer.iter_mut().zip(fixed).for_each(|(to, from)| *to = from);
    let signed = policy.keys.get(&policy.active).and_then(|key| mac(key, version, vrid, source, pdu, &trailer));
    if let Some(mac) = signed {
        let tag = mac.finalize().into_bytes();
        trailer.iter_mut().skip(TAG_OFFSET).zip(tag).for_each(|(to, from)| *to = from);
    }
    trailer
}

fn mac(
    key: &HmacKey,
    version: Version,
    vrid: u8,
    source: IpAddr,
    pdu: &[u8],
    trailer: &[u8; TRAILER_LEN],
) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).ok()?;
    let family = match Family::of(source) {
        Family::V4 => 4,
        Family::V6 => 6,
    };
    mac.update(&[family, version.number(), vrid, 0]);
    match source {
        IpAddr::V4(source) => {
            mac.update(&source.octets());
            mac.update(&[0; 12]);
        }
        IpAddr::V6(source) => mac.update(&source.octets()),
    }
    without_checksum(pdu).iter().for_each(|part| mac.update(part));
    mac.update(trailer.get(..TAG_OFFSET)?);
    mac.update(&[0; TAG_LEN]);
    Some(mac)
}
