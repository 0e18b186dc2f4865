// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keyed trailer: any octets, and genuine adverts with the input laid over them. What differs from the genuine one
//! anywhere must be refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use steadfast::proto::vrrp::WallTime;
use steadfast::proto::vrrp::auth::{
    AntiReplay, AuthState, Authentication, Envelope, HmacKey, HmacMode, HmacPolicy, Keys, seal,
};
use steadfast::proto::vrrp::wire::{
    Addresses, Advert, ChecksumPolicy, Family, GROUP_V4, GROUP_V6, Parsed, Refusal, Version, parse_v4, parse_v6,
};

const SOURCE_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const SOURCE_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const NOW: WallTime = WallTime(Duration::from_secs(1_795_000_000));

fn policy(anti_replay: AntiReplay) -> Authentication {
    let keys = Keys::from([(7, HmacKey::new(&[0x42; 32]).expect("a key"))]);
    Authentication::Keyed(HmacPolicy::new(keys, 7, HmacMode::Enforce, anti_replay, 5).expect("a policy"))
}

fn is_taken(auth: &Authentication, parsed: Result<Parsed<'_>, Refusal>) -> bool {
    parsed
        .and_then(|parsed| parsed.measure(true))
        .and_then(|measured| {
            AuthState::default().check(auth, &measured, None, NOW)?;
            measured.verify_checksum(&ChecksumPolicy::default())
        })
        .is_ok()
}

fn read(family: Family, bytes: &[u8]) -> Result<Parsed<'_>, Refusal> {
    match family {
        Family::V4 => parse_v4(bytes),
        Family::V6 => parse_v6(SOURCE_V6, GROUP_V6, Some(255), bytes),
    }
}

fuzz_target!(|data: &[u8]| {
    for auth in [policy(AntiReplay::Time), policy(AntiReplay::Monotonic)] {
        for (version, family) in
            [(Version::V2, Family::V4), (Version::V3, Family::V4), (Version::V2, Family::V6), (Version::V3, Family::V6)]
        {
            // No assertion here: comparisons are watched, so the input may well become a genuine advert.
            is_taken(&auth, read(family, data));
            let (source, group, addresses) = match family {
                Family::V4 => (IpAddr::V4(SOURCE_V4), IpAddr::V4(GROUP_V4), Addresses::V4(vec![SOURCE_V4])),
                Family::V6 => (IpAddr::V6(SOURCE_V6), IpAddr::V6(GROUP_V6), Addresses::V6(vec![SOURCE_V6])),
            };
            let advert = Advert::new(version, 51, 100, Duration::from_secs(1), addresses).expect("an advert");
            let stamp = AuthState::default().stamp(&auth, NOW);
            let mut genuine = Vec::new();
            seal(&advert, &Envelope::new(source, group, 1), &auth, stamp, &mut genuine).expect("a datagram");
            assert!(is_taken(&auth, read(family, &genuine)));
            // The IP header is not signed, except for the source address.
            let signed = if family == Family::V4 { 20 } else { 0 };
            let mut changed = genuine.clone();
            changed.iter_mut().skip(signed).zip(data).for_each(|(octet, change)| *octet ^= change);
            // Both forms of zero are the same checksum.
            let checksum = signed + 6..signed + 8;
            let same_but_checksum =
                genuine.iter().zip(&changed).enumerate().all(|(at, (a, b))| a == b || checksum.contains(&at));
            if changed != genuine && !same_but_checksum {
                assert!(!is_taken(&auth, read(family, &changed)), "a changed advert was taken: {changed:02x?}");
            }
        }
    }
});
