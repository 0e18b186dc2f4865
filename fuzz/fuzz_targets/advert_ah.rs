// SPDX-License-Identifier: MIT OR Apache-2.0
//! The authentication header: any octets, and a genuine advert with the input laid over it. What differs from the
//! genuine one anywhere but in the fields that may change on the way must be refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use steadfast::proto::vrrp::WallTime;
use steadfast::proto::vrrp::auth::{AuthState, Authentication, Envelope, Password, Stamp, seal};
use steadfast::proto::vrrp::wire::{Addresses, Advert, GROUP_V4, Version, parse_v4};

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const NOW: WallTime = WallTime(Duration::from_secs(1_795_000_000));

fn is_taken(auth: &Authentication, bytes: &[u8]) -> bool {
    let Ok(measured) = parse_v4(bytes).and_then(|parsed| {
        parsed.check_protocol(true)?;
        parsed.measure(false)
    }) else {
        return false;
    };
    AuthState::default().check(auth, &measured, None, NOW).is_ok()
}

fuzz_target!(|data: &[u8]| {
    let auth = Authentication::Header(Password::new(b"s3cret").expect("a password"));
    is_taken(&auth, data);

    let addresses = Addresses::V4(vec![Ipv4Addr::new(192, 0, 2, 100)]);
    let advert = Advert::new(Version::V2, 51, 100, Duration::from_secs(1), addresses).expect("an advert");
    let mut genuine = Vec::new();
    let envelope = Envelope::new(SOURCE, IpAddr::V4(GROUP_V4), 1);
    seal(&advert, &envelope, &auth, Stamp::Header(1), &mut genuine).expect("a datagram");
    assert!(is_taken(&auth, &genuine));
    let mut changed = genuine.clone();
    changed.iter_mut().zip(data).for_each(|(octet, change)| *octet ^= change);
    let differs = |at: &usize| genuine.get(*at) != changed.get(*at);
    let covered = (0..genuine.len()).filter(|at| !matches!(at, 1 | 6 | 7 | 10 | 11));
    if covered.into_iter().any(|at| differs(&at)) {
        assert!(!is_taken(&auth, &changed), "a changed advert was taken: {changed:02x?}");
    }
});
