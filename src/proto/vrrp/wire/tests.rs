// SPDX-License-Identifier: MIT OR Apache-2.0
use super::captured::{CAPTURED, PASSWORD_OVER_IPV6, Secret, hex, open};
use super::*;
use proptest::prelude::*;
use std::net::IpAddr;

const SOURCE: &str = "192.0.2.1";
const PEER: &str = "192.0.2.2";
const GROUP: &str = "224.0.0.18";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn advert(version: Version, addresses: &[&str]) -> Advert {
    let family = Family::of(ip(addresses[0]));
    let addresses = Addresses::collect(family, addresses.iter().map(|text| ip(text))).unwrap();
    Advert::new(version, 51, 100, Duration::from_secs(1), addresses).unwrap()
}

fn two(version: Version) -> Advert {
    advert(version, &["192.0.2.100", "192.0.2.101"])
}

/// A datagram from 192.0.2.1 without authentication.
fn datagram(advert: &Advert, destination: &str, form: ChecksumForm) -> Vec<u8> {
    let (IpAddr::V4(source), IpAddr::V4(to)) = (ip(SOURCE), ip(destination)) else { panic!("IPv4 only") };
    let mut out = Vec::new();
    Ipv4Header::new(source, to).encode(advert.encoded_len(), &mut out).unwrap();
    advert.encode(ip(SOURCE), ip(destination), LegacyAuth::default(), form, &mut out).unwrap();
    out
}

/// Keeps the IP total length in step after octets were added or taken.
fn set_total_length(datagram: &mut [u8]) {
    let total = u16::try_from(datagram.len()).unwrap();
    datagram[2..4].copy_from_slice(&total.to_be_bytes());
}

#[test]
fn captured_adverts_pass_every_test_and_say_what_was_configured() {
    for row in CAPTURED.iter().chain(PASSWORD_OVER_IPV6) {
        let bytes = row.bytes();
        let parsed = open(&bytes).unwrap_or_else(|refusal| panic!("{}: {refusal:?}", row.0));
        let expected = row.advert();
        assert_eq!(parsed.vrid(), expected.vrid(), "{}", row.0);
        parsed.check_protocol(matches!(row.3, Secret::Header(_))).unwrap();
        parsed.check_version(expected.version()).unwrap();
        if parsed.is_multicast() {
            parsed.check_hop_limit().unwrap();
        }
        let measured = parsed.measure(false).unwrap_or_else(|refusal| panic!("{}: {refusal:?}", row.0));
        assert_eq!(measured.check_interval(expected.interval()), Ok(()), "{}", row.0);
        assert_eq!(measured.check_type(), Ok(()), "{}", row.0);
        let form = match row.3 {
            Secret::GroupSum => ChecksumForm::Group(GROUP_V4),
            Secret::None | Secret::Password(_) | Secret::Header(_) => ChecksumForm::Standard,
        };
        assert_eq!(measured.verify_checksum(&ChecksumPolicy::default()), Ok(form), "{}", row.0);
        assert_eq!(measured.advert(), Ok(expected), "{}", row.0);
    }
}

#[test]
fn checksums_are_those_of_the_reference() {
    // VRID 51, priority 100, one second, 192.0.2.1, addresses 192.0.2.100 and .101; over IPv6 fe80::100 and
    // 2001:db8::100.
    let v4 = |version| two(version);
    let v6 = |version| advert(version, &["fe80::100", "2001:db8::100"]);
    let group = ChecksumForm::Group(GROUP_V4);
    let (standard, as_v2) = (ChecksumForm::Standard, ChecksumForm::AsV2);
    let table: &[(Advert, &str, &str, ChecksumForm, u16)] = &[
        (v4(Version::V2), SOURCE, GROUP, standard, 0xf5fe),
        (v4(Version::V2).with_priority(0), SOURCE, GROUP, standard, 0x59ff),
        (v4(Version::V2), SOURCE, PEER, standard, 0xf5fe),
        (v4(Version::V2), SOURCE, PEER, group, 0xf5fe),
        (v4(Version::V3), SOURCE, GROUP, standard, 0x4307),
        (v4(Version::V3).with_priority(0), SOURCE, GROUP, standard, 0xa707),
        (v4(Version::V3), SOURCE, PEER, standard, 0x6117),
        (v4(Version::V3).with_priority(0), SOURCE, PEER, standard, 0xc517),
        (v4(Version::V3), SOURCE, PEER, group, 0x4307),
        (v4(Version::V3), SOURCE, PEER, as_v2, 0xe59b),
        (v4(Version::V3), SOURCE, GROUP, as_v2, 0xe59b),
        (v4(Version::V3).with_priority(0), SOURCE, GROUP, as_v2, 0x499c),
        (v6(Version::V3), "fe80::1", "ff02::12", standard, 0x3dfd),
        (v6(Version::V3).with_priority(0), "fe80::1", "ff02::12", standard, 0xa1fd),
        (v6(Version::V2), "fe80::1", "ff02::12", standard, 0x4e60),
        (v6(Version::V2).with_priority(0), "fe80::1", "ff02::12", standard, 0xb260),
        (v6(Version::V3), "2001:db8::1", "2001:db8::2", standard, 0xe01e),
        (v6(Version::V3).with_priority(0), "2001:db8::1", "2001:db8::2", standard, 0x441f),
        // Forms are a matter of IPv4.
        (v6(Version::V3), "fe80::1", "ff02::12", as_v2, 0x3dfd),
    ];
    for (advert, source, destination, form, sum) in table {
        let mut out = Vec::new();
        advert.encode(ip(source), ip(destination), LegacyAuth::default(), *form, &mut out).unwrap();
        assert_eq!(out.len(), advert.encoded_len());
        assert_eq!(u16::from_be_bytes([out[6], out[7]]), *sum, "{advert:?} to {destination} as {form:?}");
    }
}

#[test]
fn headers_are_those_of_the_reference() {
    let mut out = Vec::new();
    let mut header = Ipv4Header::new(Ipv4Addr::new(192, 0, 2, 1), GROUP_V4);
    header.identification = 1;
    header.encode(24, &mut out).unwrap();
    assert_eq!(out, hex("45c0002c 00010000 ff70188d c0000201 e0000012"));

    out.clear();
    Ipv6Header::new("fe80::1".parse().unwrap(), GROUP_V6).encode(40, &mut out).unwrap();
    let expected = "6c000000 002870ff fe800000 00000000 00000000 00000001 ff020000 00000000 00000000 00000012";
    assert_eq!(out, hex(expected));

    assert_eq!(header.encode(65_515, &mut Vec::new()), Ok(()));
    assert_eq!(header.encode(65_516, &mut Vec::new()), Err(AdvertError::TooLong));
}

#[test]
fn identification_counts_up_and_skips_zero() {
    assert_eq!([0, 1, 0xfffe, 0xffff].map(next_identification), [1, 2, 0xffff, 1]);
}

#[test]
fn internet_checksum_knows_odd_lengths_and_both_zeros() {
    let table: &[(&[&[u8]], u16)] = &[
        (&[], 0xffff),
        (&[&[0, 0]], 0xffff),
        (&[&[0xff, 0xff]], 0x0000),
        (&[&[0xff, 0xff], &[0xff, 0xff]], 0x0000),
        (&[&[0x12]], !0x1200),
        (&[&[0x12, 0x34, 0x56]], !(0x1234 + 0x5600)),
        // Each part is filled to an even length on its own.
        (&[&[0x12], &[0x34, 0x56]], !(0x1200 + 0x3456)),
        // The worked example of RFC 1071 §3.
        (&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]], !0xddf2),
    ];
    for (parts, sum) in table {
        assert_eq!(internet_checksum(parts), *sum, "{parts:02x?}");
    }
    let long = vec![0xff; 65_535];
    assert_eq!(internet_checksum(&[&long]), !(0xff00));
}

/// An advert whose checksum comes out as zero: one word of an address is chosen so.
fn advert_with_zero_checksum() -> Vec<u8> {
    for last in 0..=u16::MAX {
        let [high, low] = last.to_be_bytes();
        let address = Ipv4Addr::new(192, 0, high, low).to_string();
        let bytes = datagram(&advert(Version::V2, &[&address]), GROUP, ChecksumForm::Standard);
        if bytes[26..28] == [0, 0] {
            return bytes;
        }
    }
    panic!("no word gives a checksum of zero");
}

#[test]
fn both_forms_of_zero_are_a_right_checksum() {
    let mut bytes = advert_with_zero_checksum();
    let verdict = |bytes: &[u8]| parse_v4(bytes).unwrap().measure(false).unwrap().verify_checksum(&Default::default());
    assert_eq!(verdict(&bytes), Ok(ChecksumForm::Standard));
    bytes[26..28].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(verdict(&bytes), Ok(ChecksumForm::Standard));
    bytes[26..28].copy_from_slice(&[0, 1]);
    assert_eq!(verdict(&bytes), Err(Refusal::Checksum));
}

#[test]
fn checksum_policy_decides_which_forms_are_right() {
    let (standard, as_v2, group) = (ChecksumForm::Standard, ChecksumForm::AsV2, ChecksumForm::Group(GROUP_V4));
    let policy = |v3_as_v2, old_unicast| ChecksumPolicy { v3_as_v2, old_unicast, group: GROUP_V4 };
    let refused = Err(Refusal::Checksum);
    use OldUnicast::{Adapt, Always, Never};
    // Destination, form that was sent, policy, verdict.
    let table = [
        (PEER, standard, policy(false, Adapt), Ok(standard)),
        (PEER, group, policy(false, Adapt), Ok(group)),
        (PEER, as_v2, policy(false, Adapt), refused),
        (PEER, standard, policy(false, Never), Ok(standard)),
        (PEER, group, policy(false, Never), refused),
        (PEER, standard, policy(false, Always), refused),
        (PEER, group, policy(false, Always), Ok(group)),
        (PEER, as_v2, policy(true, Never), Ok(as_v2)),
        (PEER, standard, policy(true, Never), Ok(standard)),
        (PEER, group, policy(true, Never), refused),
        (PEER, group, policy(true, Adapt), Ok(group)),
        (PEER, as_v2, policy(true, Always), Ok(as_v2)),
        (GROUP, standard, policy(false, Always), Ok(standard)),
        (GROUP, standard, policy(true, Adapt), Ok(standard)),
        (GROUP, as_v2, policy(true, Adapt), Ok(as_v2)),
        (GROUP, as_v2, policy(false, Adapt), refused),
    ];
    for (destination, form, policy, verdict) in table {
        let bytes = datagram(&two(Version::V3), destination, form);
        let measured = parse_v4(&bytes).unwrap().measure(false).unwrap();
        assert_eq!(measured.verify_checksum(&policy), verdict, "{form:?} to {destination} under {policy:?}");
    }
}

#[test]
fn checksum_policy_decides_what_is_sent() {
    let policy = |v3_as_v2, old_unicast| ChecksumPolicy { v3_as_v2, old_unicast, group: GROUP_V4 };
    use OldUnicast::{Adapt, Always, Never};
    let table = [
        (policy(false, Adapt), PEER, ChecksumForm::Standard),
        (policy(false, Never), PEER, ChecksumForm::Standard),
        (policy(false, Always), PEER, ChecksumForm::Group(GROUP_V4)),
        (policy(false, Always), GROUP, ChecksumForm::Standard),
        (policy(true, Adapt), PEER, ChecksumForm::AsV2),
        (policy(true, Always), GROUP, ChecksumForm::AsV2),
    ];
    for (policy, destination, form) in table {
        assert_eq!(policy.sent_to(ip(destination)), form, "{policy:?} to {destination}");
    }
}

#[test]
fn intervals_are_rounded_to_what_the_version_can_say() {
    let ms = Duration::from_millis;
    let table = [
        (Version::V2, ms(0), ms(1_000)),
        (Version::V2, ms(499), ms(1_000)),
        (Version::V2, ms(1_499), ms(1_000)),
        (Version::V2, ms(1_500), ms(2_000)),
        (Version::V2, ms(254_600), ms(255_000)),
        (Version::V2, ms(1_000_000), ms(255_000)),
        (Version::V3, ms(0), ms(10)),
        (Version::V3, ms(14), ms(10)),
        (Version::V3, ms(15), ms(20)),
        (Version::V3, ms(40_954), ms(40_950)),
        (Version::V3, Duration::MAX, ms(40_950)),
    ];
    for (version, wanted, nearest) in table {
        assert_eq!(version.nearest_interval(wanted), nearest, "{version:?} {wanted:?}");
    }
}

#[test]
fn an_advert_that_cannot_be_said_cannot_be_built() {
    let addresses = || Addresses::V4(vec![Ipv4Addr::new(192, 0, 2, 100)]);
    let build = |version, vrid, milliseconds, addresses| {
        Advert::new(version, vrid, 100, Duration::from_millis(milliseconds), addresses).map(|_| ())
    };
    let v2 = Err(AdvertError::Interval(Version::V2));
    let v3 = Err(AdvertError::Interval(Version::V3));
    let table = [
        (build(Version::V2, 1, 1_000, addresses()), Ok(())),
        (build(Version::V2, 255, 255_000, addresses()), Ok(())),
        (build(Version::V2, 0, 1_000, addresses()), Err(AdvertError::Vrid)),
        (build(Version::V2, 1, 0, addresses()), v2),
        (build(Version::V2, 1, 1_010, addresses()), v2),
        (build(Version::V2, 1, 256_000, addresses()), v2),
        (build(Version::V3, 1, 10, addresses()), Ok(())),
        (build(Version::V3, 1, 40_950, addresses()), Ok(())),
        (build(Version::V3, 1, 5, addresses()), v3),
        (build(Version::V3, 1, 40_960, addresses()), v3),
        (build(Version::V3, 1, 10, Addresses::V4(Vec::new())), Ok(())),
        (build(Version::V3, 1, 10, Addresses::V4(vec![GROUP_V4; 255])), Ok(())),
        (build(Version::V3, 1, 10, Addresses::V4(vec![GROUP_V4; 256])), Err(AdvertError::TooManyAddresses)),
    ];
    for (index, (built, expected)) in table.into_iter().enumerate() {
        assert_eq!(built, expected, "row {index}");
    }
    let mixed = Addresses::collect(Family::V4, [ip(SOURCE), ip("fe80::1")]);
    assert_eq!(mixed, Err(AdvertError::MixedFamilies));
    let many = Addresses::collect(Family::V4, std::iter::repeat_n(ip(SOURCE), 256));
    assert_eq!(many, Err(AdvertError::TooManyAddresses));
    let (out, auth) = (&mut Vec::new(), LegacyAuth::default());
    let crossed = two(Version::V3).encode(ip("fe80::1"), ip(GROUP), auth, ChecksumForm::Standard, out);
    assert_eq!((crossed, out.len()), (Err(AdvertError::Endpoints), 0));
}

#[test]
fn as_many_addresses_are_sent_as_the_mtu_holds() {
    let table = [
        (1500, Version::V2, Family::V4, 0, 255),
        (1500, Version::V3, Family::V4, TRAILER_LEN, 255),
        (1500, Version::V3, Family::V6, 0, 90),
        (1500, Version::V3, Family::V6, TRAILER_LEN, 89),
        (1280, Version::V2, Family::V6, 0, 77),
        (576, Version::V2, Family::V4, 0, 135),
        (576, Version::V2, Family::V4, AH_LEN, 129),
        (576, Version::V3, Family::V4, 0, 137),
        (9000, Version::V3, Family::V6, 0, 255),
        (68, Version::V2, Family::V4, 0, 8),
        (40, Version::V2, Family::V4, 0, 1),
        (39, Version::V2, Family::V4, 0, 0),
        (0, Version::V3, Family::V6, 0, 0),
    ];
    for (mtu, version, family, extra, fit) in table {
        assert_eq!(addresses_that_fit(mtu, version, family, extra), fit, "{mtu} {version:?} {family:?} {extra}");
        let list: Vec<IpAddr> =
            std::iter::repeat_n(ip(if family == Family::V4 { SOURCE } else { "::1" }), fit).collect();
        let advert = Advert::new(version, 1, 1, Duration::from_secs(1), Addresses::collect(family, list).unwrap());
        let length = family.header_len() + advert.unwrap().encoded_len() + extra;
        assert!(fit == 0 || length <= mtu, "{fit} addresses make {length} octets on a link of {mtu}");
    }
}

#[test]
fn damaged_datagrams_are_refused_for_what_is_wrong_with_them() {
    type Damage = fn(&mut Vec<u8>);
    let table: &[(&str, Damage, Result<(), Refusal>)] = &[
        ("untouched", |_| {}, Ok(())),
        ("empty", Vec::clear, Err(Refusal::TooShort)),
        ("ends in the IP header", |bytes| bytes.truncate(19), Err(Refusal::TooShort)),
        ("ends in the VRRP header", |bytes| bytes.truncate(27), Err(Refusal::TooShort)),
        ("total length ends in the VRRP header", |bytes| bytes[3] = 27, Err(Refusal::TooShort)),
        ("total length of zero", |bytes| bytes[3] = 0, Err(Refusal::TooShort)),
        ("IP version 6", |bytes| bytes[0] = 0x65, Err(Refusal::IpHeader)),
        ("IP header of 16 octets", |bytes| bytes[0] = 0x44, Err(Refusal::IpHeader)),
        ("options reach into the message", |bytes| bytes[0] = 0x4f, Err(Refusal::TooShort)),
        ("protocol 17", |bytes| bytes[9] = 17, Err(Refusal::IpHeader)),
        ("AH without room for it", |bytes| bytes[9] = PROTOCOL_AH, Err(Refusal::TooShort)),
        ("total length beyond the end", |bytes| bytes[3] += 1, Err(Refusal::IpLength)),
        (
            "one address missing",
            |bytes| {
                bytes.truncate(32);
                set_total_length(bytes);
            },
            Err(Refusal::Length),
        ),
        (
            "an odd octet missing",
            |bytes| {
                bytes.truncate(35);
                set_total_length(bytes);
            },
            Err(Refusal::Length),
        ),
        (
            "one octet more",
            |bytes| {
                bytes.push(0);
                set_total_length(bytes);
            },
            Err(Refusal::Length),
        ),
        ("count says one more", |bytes| bytes[23] = 3, Err(Refusal::Length)),
        ("count says 255", |bytes| bytes[23] = 255, Err(Refusal::Length)),
        ("version 2 has eight octets more", |bytes| bytes[20] = 0x21, Err(Refusal::Length)),
        ("version 4", |bytes| bytes[20] = 0x41, Err(Refusal::Version)),
        ("TTL 254", |bytes| bytes[8] = 254, Err(Refusal::HopLimit)),
        ("type 2", |bytes| bytes[20] = 0x32, Err(Refusal::Type)),
        ("interval of zero", |bytes| bytes[25] = 0, Err(Refusal::Interval)),
        (
            "reserved bits do not belong to the interval",
            |bytes| {
                bytes[24] = 0xf0;
            },
            Err(Refusal::Checksum),
        ),
        ("another priority", |bytes| bytes[22] = 99, Err(Refusal::Checksum)),
        ("another source", |bytes| bytes[15] = 9, Err(Refusal::Checksum)),
    ];
    for (name, damage, expected) in table {
        let mut bytes = datagram(&two(Version::V3), GROUP, ChecksumForm::Standard);
        damage(&mut bytes);
        let verdict = parse_v4(&bytes).and_then(|parsed| {
            parsed.check_protocol(false)?;
            let measured = parsed.measure(false)?;
            parsed.check_hop_limit()?;
            parsed.check_version(Version::V3)?;
            measured.check_interval(Duration::from_secs(9))?;
            measured.check_type()?;
            measured.verify_checksum(&ChecksumPolicy::default())?;
            measured.advert().map(|_| ())
        });
        assert_eq!(verdict, *expected, "{name}");
    }
}

#[test]
fn version_2_demands_the_same_interval_and_version_3_any() {
    let second = Duration::from_secs(1);
    let v2 = datagram(&two(Version::V2), GROUP, ChecksumForm::Standard);
    let v3 = datagram(&two(Version::V3), GROUP, ChecksumForm::Standard);
    let check = |bytes: &[u8], ours| parse_v4(bytes).unwrap().measure(false).unwrap().check_interval(ours);
    assert_eq!(check(&v2, second), Ok(()));
    assert_eq!(check(&v2, second * 2), Err(Refusal::Interval));
    assert_eq!(check(&v3, second * 2), Ok(()));
}

#[test]
fn vrid_zero_is_no_advert() {
    let mut bytes = datagram(&two(Version::V3), GROUP, ChecksumForm::Standard);
    bytes[21] = 0;
    assert_eq!(parse_v4(&bytes).unwrap().measure(false).unwrap().advert(), Err(Refusal::Vrid));
}

#[test]
fn reserved_bits_are_ignored() {
    let mut bytes = datagram(&two(Version::V3), GROUP, ChecksumForm::Standard);
    bytes[24] |= 0xf0;
    assert_eq!(parse_v4(&bytes).unwrap().interval(), Duration::from_secs(1));
}

#[test]
fn padding_of_the_frame_is_no_part_of_the_advert() {
    let bytes = datagram(&two(Version::V3), GROUP, ChecksumForm::Standard);
    let taken = |bytes: &[u8]| {
        let measured = parse_v4(bytes)?.measure(false)?;
        measured.verify_checksum(&ChecksumPolicy::default())?;
        measured.advert()
    };
    // After the IP total length anything may follow.
    for padding in [1, 10, 28, 1000] {
        let padded: Vec<u8> = bytes.iter().copied().chain(std::iter::repeat_n(0xee, padding)).collect();
        assert_eq!(taken(&padded), Ok(two(Version::V3)), "{padding} octets");
    }
    // Within the IP total length only what fills an Ethernet frame.
    for (length, expected) in [(45, Err(Refusal::Length)), (46, Ok(two(Version::V3))), (47, Err(Refusal::Length))] {
        let mut padded = bytes.clone();
        padded.resize(length, 0xee);
        set_total_length(&mut padded);
        assert_eq!(taken(&padded), expected, "{length} octets");
    }
}

#[test]
fn options_of_the_ip_header_are_passed_over() {
    let mut bytes = datagram(&two(Version::V3), GROUP, ChecksumForm::Standard);
    bytes.splice(20..20, [0x94, 0x04, 0, 0]);
    bytes[0] = 0x46;
    set_total_length(&mut bytes);
    assert_eq!(parse_v4(&bytes).unwrap().measure(false).unwrap().advert(), Ok(two(Version::V3)));
}

#[test]
fn a_trailer_is_one_only_where_keys_are_configured() {
    let mut bytes = datagram(&two(Version::V3), GROUP, ChecksumForm::Standard);
    bytes.extend([0; TRAILER_LEN]);
    set_total_length(&mut bytes);
    let parsed = parse_v4(&bytes).unwrap();
    assert_eq!(parsed.measure(false).map(|_| ()), Err(Refusal::Length));
    let measured = parsed.measure(true).unwrap();
    assert!(measured.is_signed());
    assert_eq!(measured.verify_checksum(&ChecksumPolicy::default()), Ok(ChecksumForm::Standard));
    let plain = datagram(&two(Version::V3), GROUP, ChecksumForm::Standard);
    assert!(!parse_v4(&plain).unwrap().measure(true).unwrap().is_signed());
}

#[test]
fn the_hop_limit_is_judged_only_when_known() {
    let (source, group, payload) = ("fe80::1".parse().unwrap(), GROUP_V6, [0x31, 1, 1, 0, 0, 100, 0, 0]);
    let table = [(Some(255), Ok(())), (Some(254), Err(Refusal::HopLimit)), (None, Ok(()))];
    for (hop_limit, expected) in table {
        assert_eq!(parse_v6(source, group, hop_limit, &payload).unwrap().check_hop_limit(), expected);
    }
}

#[test]
fn every_refusal_has_its_own_place_and_name() {
    for (index, refusal) in Refusal::ALL.into_iter().enumerate() {
        assert_eq!(refusal.index(), index);
        assert!(!refusal.name().is_empty() && refusal.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    }
    let names: std::collections::BTreeSet<_> = Refusal::ALL.iter().map(|refusal| refusal.name()).collect();
    assert_eq!(names.len(), Refusal::ALL.len());
}

#[test]
fn a_password_is_not_printed() {
    let auth = LegacyAuth { kind: 1, data: *b"s3cretpw" };
    let text = format!("{auth:?}");
    assert!(!text.contains("s3cret") && !text.contains("115"), "{text}");
}

fn any_version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V2), Just(Version::V3)]
}

fn any_addresses() -> impl Strategy<Value = Addresses> {
    prop_oneof![
        prop::collection::vec(any::<[u8; 4]>(), 0..=255)
            .prop_map(|list| Addresses::V4(list.into_iter().map(Ipv4Addr::from).collect())),
        prop::collection::vec(any::<[u8; 16]>(), 0..=255)
            .prop_map(|list| Addresses::V6(list.into_iter().map(Ipv6Addr::from).collect())),
    ]
}

fn any_advert() -> impl Strategy<Value = Advert> {
    (any_version(), 1..=255u8, any::<u8>(), 1..=255u32, any_addresses()).prop_map(
        |(version, vrid, priority, units, addresses)| {
            Advert::new(version, vrid, priority, version.interval_unit() * units, addresses).unwrap()
        },
    )
}

/// Goes through every function that looks at foreign bytes; whatever they say, it must come back.
fn look_at(parsed: Result<Parsed<'_>, Refusal>) -> Option<Advert> {
    let parsed = parsed.ok()?;
    for trailer in [false, true] {
        let Ok(measured) = parsed.measure(trailer) else { continue };
        let _ = (measured.check_type(), measured.check_interval(Duration::from_secs(1)));
        let _ = (measured.verify_checksum(&ChecksumPolicy::default()), measured.auth_data(), measured.pdu());
        let _ = format!("{measured:?}");
        if let Ok(advert) = measured.advert() {
            return Some(advert);
        }
    }
    None
}

proptest! {
    #[test]
    fn any_octets_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..1200)) {
        look_at(parse_v4(&bytes));
        look_at(parse_v6(Ipv6Addr::LOCALHOST, GROUP_V6, Some(255), &bytes));
    }

    #[test]
    fn any_message_behind_a_right_header_is_taken_or_refused(
        mut bytes in prop::collection::vec(any::<u8>(), 0..1200),
        version in 0..=5u8,
        ah in any::<bool>(),
    ) {
        if let Some(first) = bytes.first_mut() {
            *first = version << 4 | 1;
        }
        let mut header = Ipv4Header::new(Ipv4Addr::new(192, 0, 2, 1), GROUP_V4);
        header.protocol = if ah { PROTOCOL_AH } else { PROTOCOL_VRRP };
        let mut packet = Vec::new();
        header.encode(bytes.len(), &mut packet).unwrap();
        packet.extend(&bytes);
        look_at(parse_v4(&packet));
        look_at(parse_v6(Ipv6Addr::LOCALHOST, GROUP_V6, None, &bytes));
    }

    #[test]
    fn what_is_encoded_is_decoded_to_the_same(advert in any_advert(), unicast in any::<bool>()) {
        let (source, destination) = match (advert.family(), unicast) {
            (Family::V4, true) => (ip(SOURCE), ip(PEER)),
            (Family::V4, false) => (ip(SOURCE), ip(GROUP)),
            (Family::V6, true) => (ip("2001:db8::1"), ip("2001:db8::2")),
            (Family::V6, false) => (ip("fe80::1"), ip("ff02::12")),
        };
        let mut message = Vec::new();
        advert.encode(source, destination, LegacyAuth::default(), ChecksumForm::Standard, &mut message).unwrap();
        prop_assert_eq!(message.len(), advert.encoded_len());
        let mut packet = Vec::new();
        let parsed = match (source, destination) {
            (IpAddr::V6(source), IpAddr::V6(destination)) => parse_v6(source, destination, Some(255), &message),
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                Ipv4Header::new(source, destination).encode(message.len(), &mut packet).unwrap();
                packet.extend(&message);
                parse_v4(&packet)
            }
            _ => panic!("one family"),
        };
        let measured = parsed.unwrap().measure(false).unwrap();
        prop_assert_eq!(measured.verify_checksum(&ChecksumPolicy::default()), Ok(ChecksumForm::Standard));
        let decoded = measured.advert().unwrap();
        prop_assert_eq!(&decoded, &advert);
        let mut again = Vec::new();
        decoded.encode(source, destination, LegacyAuth::default(), ChecksumForm::Standard, &mut again).unwrap();
        prop_assert_eq!(again, message);
    }

    #[test]
    fn what_is_decoded_is_encoded_to_the_same_advert(payload in prop::collection::vec(any::<u8>(), 8..600), count in 0..20u8) {
        let mut payload = payload;
        payload[0] = 0x31;
        payload[3] = count;
        payload.resize(8 + 16 * usize::from(count), 0xaa);
        let (source, group) = (Ipv6Addr::LOCALHOST, GROUP_V6);
        if let Some(advert) = look_at(parse_v6(source, group, None, &payload)) {
            let mut again = Vec::new();
            advert.encode(source.into(), group.into(), LegacyAuth::default(), ChecksumForm::Standard, &mut again).unwrap();
            prop_assert_eq!(look_at(parse_v6(source, group, None, &again)), Some(advert));
        }
    }

    #[test]
    fn any_flipped_bit_is_noticed(advert in any_advert(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        prop_assume!(advert.family() == Family::V6);
        let (source, group) = (Ipv6Addr::LOCALHOST, GROUP_V6);
        let mut message = Vec::new();
        advert.encode(source.into(), group.into(), LegacyAuth::default(), ChecksumForm::Standard, &mut message).unwrap();
        let at = at.index(message.len());
        message[at] ^= 1 << bit;
        let verdict = parse_v6(source, group, None, &message)
            .and_then(|parsed| parsed.measure(false))
            .and_then(|measured| measured.verify_checksum(&ChecksumPolicy::default()));
        prop_assert!(verdict.is_err(), "bit {} of octet {}", bit, at);
    }

    #[test]
    fn checksum_of_parts_is_the_checksum_of_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0..150usize) {
        let cut = (cut * 2).min(bytes.len());
        let (head, tail) = bytes.split_at(cut);
        prop_assert_eq!(internet_checksum(&[head, tail]), internet_checksum(&[&bytes]));
    }
}
