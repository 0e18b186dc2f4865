// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::proto::vrrp::wire::captured::{CAPTURED, Secret, hex, open};
use crate::proto::vrrp::wire::{
    AH_LEN, Addresses, Advert, AdvertError, ChecksumForm, ChecksumPolicy, GROUP_V4, Ipv6Header, PROTOCOL_VRRP, Parsed,
    parse_v4,
};
use proptest::prelude::*;
use std::net::Ipv4Addr;
use std::time::Duration;

mod ah;
mod keyed;

const SOURCE: &str = "192.0.2.1";
const PEER: &str = "192.0.2.2";
const GROUP: &str = "224.0.0.18";
const NOON: WallTime = WallTime(Duration::from_secs(1_795_000_000));

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn later(time: WallTime, seconds: u64) -> WallTime {
    WallTime(time.0 + Duration::from_secs(seconds))
}

fn earlier(time: WallTime, seconds: u64) -> WallTime {
    WallTime(time.0 - Duration::from_secs(seconds))
}

fn password(text: &str) -> Password {
    Password::new(text.as_bytes()).unwrap()
}

fn advert(version: Version, family: Family) -> Advert {
    let list = match family {
        Family::V4 => ["192.0.2.100", "192.0.2.101"],
        Family::V6 => ["fe80::100", "2001:db8::100"],
    };
    let addresses = Addresses::collect(family, list.map(ip)).unwrap();
    Advert::new(version, 51, 100, Duration::from_secs(1), addresses).unwrap()
}

/// The advert from 192.0.2.1, or from fe80::1, to the group.
fn sealed(auth: &Authentication, stamp: Stamp, version: Version, family: Family) -> Vec<u8> {
    let (source, destination) = match family {
        Family::V4 => (ip(SOURCE), ip(GROUP)),
        Family::V6 => (ip("fe80::1"), ip("ff02::12")),
    };
    let mut out = Vec::new();
    seal(&advert(version, family), &Envelope::new(source, destination, 1), auth, stamp, &mut out).unwrap();
    out
}

/// The packet from its IP header on, whatever its family.
fn packet(auth: &Authentication, stamp: Stamp, version: Version, family: Family) -> Vec<u8> {
    let payload = sealed(auth, stamp, version, family);
    match family {
        Family::V4 => payload,
        Family::V6 => {
            let mut packet = Vec::new();
            let header = Ipv6Header::new("fe80::1".parse().unwrap(), "ff02::12".parse().unwrap());
            header.encode(payload.len(), &mut packet).unwrap();
            packet.extend(payload);
            packet
        }
    }
}

fn verdict(
    state: &AuthState,
    auth: &Authentication,
    parsed: Result<Parsed<'_>, Refusal>,
    now: WallTime,
) -> Result<Pass, Refusal> {
    let parsed = parsed?;
    parsed.check_protocol(auth.uses_header())?;
    let measured = parsed.measure(auth.trailer_possible())?;
    let pass = state.check(auth, &measured, None, now)?;
    measured.verify_checksum(&ChecksumPolicy::default())?;
    Ok(pass)
}

/// Takes the advert when it is authentic.
fn take(state: &mut AuthState, auth: &Authentication, bytes: &[u8], now: WallTime) -> Result<Pass, Refusal> {
    let pass = verdict(state, auth, open(bytes), now)?;
    state.remember(&pass);
    Ok(pass)
}

fn authentication(secret: Secret) -> Authentication {
    match secret {
        Secret::None | Secret::GroupSum => Authentication::None,
        Secret::Password(text) => Authentication::Password(password(text)),
        Secret::Header(text) => Authentication::Header(password(text)),
    }
}

#[test]
fn captured_adverts_are_authentic() {
    for row in CAPTURED {
        let auth = authentication(row.3);
        assert_eq!(take(&mut AuthState::default(), &auth, &row.bytes(), NOON).map(|_| ()), Ok(()), "{}", row.0);
    }
}

#[test]
fn captured_adverts_are_sealed_to_the_same_octets() {
    for row in CAPTURED {
        let bytes = row.bytes();
        let parsed = open(&bytes).unwrap();
        let identification = u16::from_be_bytes([bytes[4], bytes[5]]);
        let mut envelope = Envelope::new(parsed.source(), parsed.destination(), identification);
        let stamp = match row.3 {
            Secret::Header(_) => Stamp::Header(u32::from_be_bytes([bytes[28], bytes[29], bytes[30], bytes[31]])),
            Secret::None | Secret::Password(_) | Secret::GroupSum => Stamp::None,
        };
        if row.3 == Secret::GroupSum {
            envelope.checksum = ChecksumForm::Group(GROUP_V4);
        }
        let mut out = Vec::new();
        seal(&row.advert(), &envelope, &authentication(row.3), stamp, &mut out).unwrap();
        let expected = match parsed.family() {
            Family::V4 => bytes,
            Family::V6 => bytes[40..].to_vec(),
        };
        assert_eq!(out, expected, "{}", row.0);
    }
}

#[test]
fn passwords_are_cut_and_filled_to_eight_octets() {
    let table: &[(&[u8], Option<&[u8; 8]>)] = &[
        (b"a", Some(b"a\0\0\0\0\0\0\0")),
        (b"s3cret", Some(b"s3cret\0\0")),
        (b"12345678", Some(b"12345678")),
        (b"123456789abc", Some(b"12345678")),
        (b"\xc3\xa4", Some(b"\xc3\xa4\0\0\0\0\0\0")),
        (b"", None),
        (b"\0secret", None),
    ];
    for (text, octets) in table {
        assert_eq!(Password::new(text).map(|password| *password.octets()), octets.copied(), "{text:?}");
    }
}

#[test]
fn an_advert_with_another_password_is_refused() {
    let ours = Authentication::Password(password("s3cret"));
    for (theirs, expected) in
        [("s3cret", Ok(())), ("s3creT", Err(Refusal::Password)), ("s3cret7", Err(Refusal::Password))]
    {
        let theirs = Authentication::Password(password(theirs));
        let bytes = sealed(&theirs, Stamp::None, Version::V2, Family::V4);
        assert_eq!(verdict(&AuthState::default(), &ours, parse_v4(&bytes), NOON).map(|_| ()), expected);
    }
}

#[test]
fn an_advert_with_another_kind_of_authentication_is_refused() {
    let none = Authentication::None;
    let pass = Authentication::Password(password("s3cret"));
    let header = Authentication::Header(password("s3cret"));
    let mismatch = Err(Refusal::AuthTypeMismatch);
    let protocol = Err(Refusal::Protocol);
    let table = [
        (&none, &none, Ok(())),
        (&none, &pass, mismatch),
        (&none, &header, protocol),
        (&pass, &none, mismatch),
        (&pass, &header, protocol),
        (&header, &none, protocol),
        (&header, &pass, protocol),
        (&header, &header, Ok(())),
    ];
    for (ours, theirs, expected) in table {
        let stamp = AuthState::default().stamp(theirs, NOON);
        let bytes = sealed(theirs, stamp, Version::V2, Family::V4);
        let state = AuthState::default();
        assert_eq!(verdict(&state, ours, parse_v4(&bytes), NOON).map(|_| ()), expected, "{ours:?} hears {theirs:?}");
    }
    let mut bytes = sealed(&none, Stamp::None, Version::V2, Family::V4);
    bytes[24] = 3;
    let refused = verdict(&AuthState::default(), &none, parse_v4(&bytes), NOON);
    assert_eq!(refused.map(|_| ()), Err(Refusal::AuthTypeInvalid));
}

#[test]
fn password_and_header_exist_in_version_2_over_ipv4_alone() {
    let pass = Authentication::Password(password("s3cret"));
    let header = Authentication::Header(password("s3cret"));
    for (version, family, kept) in [
        (Version::V2, Family::V4, true),
        (Version::V2, Family::V6, false),
        (Version::V3, Family::V4, false),
        (Version::V3, Family::V6, false),
    ] {
        for auth in [&pass, &header] {
            let expected = if kept { auth.clone() } else { Authentication::None };
            assert_eq!(auth.clone().in_effect(version, family), expected, "{version:?} {family:?}");
        }
    }
}

#[test]
fn every_copy_carries_the_same_number_and_its_own_sums() {
    let auth = Authentication::Header(password("s3cret"));
    let mut state = AuthState::default();
    let stamp = state.stamp(&auth, NOON);
    let mut copies = Vec::new();
    for peer in [PEER, "192.0.2.3"] {
        let mut out = Vec::new();
        let envelope = Envelope::new(ip(SOURCE), ip(peer), 1);
        seal(&advert(Version::V2, Family::V4), &envelope, &auth, stamp, &mut out).unwrap();
        assert!(verdict(&AuthState::default(), &auth, parse_v4(&out), NOON).is_ok());
        copies.push(out);
    }
    assert_eq!(copies[0][28..32], copies[1][28..32]);
    assert_ne!(copies[0][32..44], copies[1][32..44]);
}

#[test]
fn a_number_of_another_kind_is_not_sent() {
    let header = Authentication::Header(password("s3cret"));
    let table = [
        (Authentication::None, Stamp::Header(1)),
        (Authentication::None, Stamp::Keyed(1)),
        (header.clone(), Stamp::None),
        (header, Stamp::Keyed(1)),
    ];
    for (auth, stamp) in table {
        let mut out = vec![7];
        let envelope = Envelope::new(ip(SOURCE), ip(GROUP), 1);
        let sealed = seal(&advert(Version::V2, Family::V4), &envelope, &auth, stamp, &mut out);
        assert_eq!((sealed, out), (Err(AdvertError::Stamp), vec![7]), "{auth:?} {stamp:?}");
    }
}

#[test]
fn state_goes_on_from_what_was_stored() {
    let mut state = AuthState::default();
    let stored =
        Exported { header: 900, sent: Some(7 << 32), heard: vec![(ip(PEER), 5 << 32), (ip("192.0.2.3"), 6 << 32)] };
    state.import(&stored);
    assert_eq!(state.export(), stored);
    // What is older than what is known changes nothing.
    state.import(&Exported { header: 899, sent: Some(1), heard: vec![(ip(PEER), 1)] });
    assert_eq!(state.export(), stored);
    // Nothing stored changes nothing.
    state.import(&Exported::default());
    assert_eq!(state.export(), stored);
}

#[test]
fn no_debug_prints_a_secret() {
    let key = HmacKey::new(b"0123456789abcdef0123456789abcdef").unwrap();
    let policy = HmacPolicy::new(Keys::from([(1, key)]), 1, HmacMode::Enforce, AntiReplay::Time, 5).unwrap();
    let text = format!(
        "{:?} {:?} {:?}",
        Authentication::Password(password("s3cret")),
        Authentication::Header(password("s3cret")),
        Authentication::Keyed(policy)
    );
    for secret in ["s3cret", "115", "0123456789", "48, 49"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn any_two_of_many_masters_in_step_soon_leave_out_different_numbers() {
    let sources: Vec<Ipv4Addr> = (1..=40).map(|last| Ipv4Addr::new(192, 0, 2, last)).collect();
    for (at, one) in sources.iter().enumerate() {
        for other in &sources[at + 1..] {
            let mut both = [AhState::starting(None); 2];
            let rounds = (0..).take_while(|_| {
                let numbers = [(0, one), (1, other)].map(|(which, own)| {
                    both[which].leave_out(*own);
                    both[which].next_number()
                });
                numbers[0] == numbers[1]
            });
            assert!(rounds.count() < 8, "{one} and {other}");
        }
    }
}
