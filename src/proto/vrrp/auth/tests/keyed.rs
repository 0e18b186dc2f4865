// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keyed trailer: vectors, modes, keys, numbers and clocks.

use super::*;

fn key(first: u8) -> HmacKey {
    let octets: Vec<u8> = (first..first + 32).collect();
    HmacKey::new(&octets).unwrap()
}

fn policy(mode: HmacMode, anti_replay: AntiReplay, window: u16) -> HmacPolicy {
    HmacPolicy::new(Keys::from([(7, key(0))]), 7, mode, anti_replay, window).unwrap()
}

fn enforced() -> Authentication {
    Authentication::Keyed(policy(HmacMode::Enforce, AntiReplay::Time, 5))
}

fn monotonic() -> Authentication {
    Authentication::Keyed(policy(HmacMode::Enforce, AntiReplay::Monotonic, 5))
}

fn with_mode(mode: HmacMode) -> Authentication {
    Authentication::Keyed(policy(mode, AntiReplay::Time, 5))
}

/// One signed advert of version 3 over IPv4 from `source`.
fn signed_from(source: &str, auth: &Authentication, state: &mut AuthState, now: WallTime) -> Vec<u8> {
    let mut out = Vec::new();
    let envelope = Envelope::new(ip(source), ip(GROUP), 1);
    seal(&advert(Version::V3, Family::V4), &envelope, auth, state.stamp(auth, now), &mut out).unwrap();
    out
}

fn signed(auth: &Authentication, state: &mut AuthState, now: WallTime) -> Vec<u8> {
    signed_from(SOURCE, auth, state, now)
}

fn outcome(state: &mut AuthState, auth: &Authentication, bytes: &[u8], now: WallTime) -> Result<(), Refusal> {
    take(state, auth, bytes, now).map(|_| ())
}

#[test]
fn octets_are_those_of_the_reference() {
    let table = [
        (
            Version::V3,
            Family::V4,
            0x6b00_ad16_04a8_0000,
            "45c00040 00010000 ff701879 c0000201 e0000012 31336402 00644307 c0000264 c0000265
             01070000 6b00ad16 04a80000 8507a91e ceb53fd5 7ac5faf9 87cda8d6",
        ),
        (
            Version::V2,
            Family::V4,
            0x6b00_ad0d_a75b_0000,
            "45c00048 00010000 ff701871 c0000201 e0000012 21336402 0001f5fe c0000264 c0000265 00000000 00000000
             01070000 6b00ad0d a75b0000 e0cf18e0 bf12414a 1986a153 0bb11a0a",
        ),
        (
            Version::V3,
            Family::V6,
            0x6b00_ad1e_672e_0000,
            "31336402 0064cb38 fe800000 00000000 00000000 00000100 20010db8 00000000 00000000 00000100
             01070000 6b00ad1e 672e0000 c55631bf bc8ecd13 088f0f4b 8d2dcc93",
        ),
    ];
    for (version, family, number, expected) in table {
        let bytes = sealed(&enforced(), Stamp::Keyed(number), version, family);
        assert_eq!(bytes, hex(expected), "{version:?} {family:?}");
        let now = WallTime(Duration::from_secs(number >> 32));
        let taken = outcome(
            &mut AuthState::default(),
            &enforced(),
            &packet(&enforced(), Stamp::Keyed(number), version, family),
            now,
        );
        assert_eq!(taken, Ok(()), "{version:?} {family:?}");
    }
}

#[test]
fn the_number_is_the_clock_in_seconds_and_65536ths() {
    let table = [
        (Duration::new(0x6b00_ad16, 0), 0x6b00_ad16_0000_0000),
        (Duration::new(0x6b00_ad16, 500_000_000), 0x6b00_ad16_8000_0000),
        (Duration::new(0x6b00_ad16, 999_999_999), 0x6b00_ad16_ffff_0000),
        (Duration::new(0x6b00_ad16, 15_258), 0x6b00_ad16_0000_0000),
        (Duration::new(0x6b00_ad16, 15_259), 0x6b00_ad16_0001_0000),
        // Only the low 32 bits of the seconds are sent.
        (Duration::new(0x1_0000_0001, 0), 0x0000_0001_0000_0000),
    ];
    for (time, number) in table {
        assert_eq!(AuthState::default().stamp(&enforced(), WallTime(time)), Stamp::Keyed(number), "{time:?}");
    }
}

#[test]
fn keys_and_windows_out_of_range_are_no_policy() {
    let build = |keys: Keys, active, window| {
        HmacPolicy::new(keys, active, HmacMode::Enforce, AntiReplay::Time, window).map(|_| ())
    };
    let keys = || Keys::from([(1, key(0)), (255, key(9))]);
    assert_eq!(build(keys(), 1, 1), Ok(()));
    assert_eq!(build(keys(), 255, 300), Ok(()));
    assert_eq!(build(keys(), 2, 5), Err(HmacPolicyError::ActiveKey(2)));
    assert_eq!(build(Keys::new(), 0, 5), Err(HmacPolicyError::ActiveKey(0)));
    assert_eq!(build(Keys::from([(0, key(0))]), 0, 5), Err(HmacPolicyError::KeyId));
    assert_eq!(build(keys(), 1, 0), Err(HmacPolicyError::Window(0)));
    assert_eq!(build(keys(), 1, 301), Err(HmacPolicyError::Window(301)));
    for (length, good) in [(31, false), (32, true), (64, true), (65, false)] {
        assert_eq!(HmacKey::new(&vec![1; length]).is_ok(), good, "{length}");
    }
}

#[test]
fn the_window_follows_the_interval_unless_configured() {
    let table = [(0.01, 5), (1.0, 5), (1.99, 5), (2.0, 6), (40.95, 120), (100.0, 300), (255.0, 300)];
    for (interval, window) in table {
        assert_eq!(HmacPolicy::default_window(Duration::from_secs_f64(interval)), window, "{interval}");
    }
}

#[test]
fn the_mode_decides_what_is_signed_and_what_is_demanded() {
    let plain = sealed(&Authentication::None, Stamp::None, Version::V3, Family::V4);
    let mut bad = signed(&enforced(), &mut AuthState::default(), NOON);
    *bad.last_mut().unwrap() ^= 1;
    // Mode, whether it signs, verdict on an advert without trailer.
    let table = [
        (HmacMode::Enforce, true, Err(Refusal::HmacMissing)),
        (HmacMode::Permissive, true, Ok(())),
        (HmacMode::ReceiveOnly, false, Ok(())),
    ];
    for (mode, signs, unsigned) in table {
        let auth = with_mode(mode);
        let mut state = AuthState::default();
        let sent = signed(&auth, &mut state, NOON);
        assert_eq!(sent.len() == plain.len() + TRAILER_LEN, signs, "{mode:?}");
        assert_eq!(auth.overhead(), sent.len() - plain.len(), "{mode:?}");
        assert_eq!(outcome(&mut state, &auth, &plain, NOON), unsigned, "{mode:?}");
        assert_eq!(outcome(&mut state, &auth, &bad, NOON), Err(Refusal::HmacInvalid), "{mode:?}");
        let good = signed_from(PEER, &enforced(), &mut AuthState::default(), NOON);
        assert_eq!(outcome(&mut state, &auth, &good, NOON), Ok(()), "{mode:?}");
    }
    // Who has no keys cannot tell a trailer from garbage.
    let signed = signed(&enforced(), &mut AuthState::default(), NOON);
    let without = outcome(&mut AuthState::default(), &Authentication::None, &signed, NOON);
    assert_eq!(without, Err(Refusal::Length));
}

#[test]
fn fields_are_judged_in_order() {
    let good = || signed(&enforced(), &mut AuthState::default(), NOON);
    let trailer = good().len() - TRAILER_LEN;
    type Change = fn(&mut [u8]);
    let table: &[(&str, Change, Refusal)] = &[
        ("scheme", |trailer| trailer[0] = 2, Refusal::HmacMalformed),
        ("reserved", |trailer| trailer[3] = 1, Refusal::HmacMalformed),
        (
            "malformed before stale",
            |trailer| {
                trailer[2] = 1;
                trailer[4] ^= 0x80;
            },
            Refusal::HmacMalformed,
        ),
        ("time", |trailer| trailer[4] ^= 0x80, Refusal::HmacStale),
        (
            "stale before unknown key",
            |trailer| {
                trailer[1] = 9;
                trailer[4] ^= 0x80;
            },
            Refusal::HmacStale,
        ),
        ("key id", |trailer| trailer[1] = 9, Refusal::HmacUnknownKey),
        ("counter", |trailer| trailer[11] = 1, Refusal::HmacInvalid),
        ("tag", |trailer| trailer[27] ^= 1, Refusal::HmacInvalid),
    ];
    for (name, change, expected) in table {
        let mut bytes = good();
        change(&mut bytes[trailer..]);
        assert_eq!(outcome(&mut AuthState::default(), &enforced(), &bytes, NOON), Err(*expected), "{name}");
    }
}

#[test]
fn the_tag_binds_source_vrid_version_and_key() {
    let bytes = signed(&enforced(), &mut AuthState::default(), NOON);
    let refused = Err(Refusal::HmacInvalid);
    let mut moved = bytes.clone();
    moved[15] = 9;
    assert_eq!(outcome(&mut AuthState::default(), &enforced(), &moved, NOON), refused);
    let mut other = bytes.clone();
    other[21] = 52;
    assert_eq!(outcome(&mut AuthState::default(), &enforced(), &other, NOON), refused);
    let keys = Keys::from([(7, key(1))]);
    let changed = HmacPolicy::new(keys, 7, HmacMode::Enforce, AntiReplay::Time, 5).unwrap();
    assert_eq!(outcome(&mut AuthState::default(), &Authentication::Keyed(changed), &bytes, NOON), refused);
}

#[test]
fn only_unicast_peers_may_sign() {
    let auth = enforced();
    let bytes = signed(&auth, &mut AuthState::default(), NOON);
    let measured = parse_v4(&bytes).unwrap().measure(true).unwrap();
    let check = |peers: &[&str]| {
        let peers: Vec<IpAddr> = peers.iter().map(|text| ip(text)).collect();
        AuthState::default().check(&auth, &measured, Some(&peers), NOON).map(|_| ())
    };
    assert_eq!(check(&[PEER, SOURCE]), Ok(()));
    assert_eq!(check(&[PEER]), Err(Refusal::HmacUnknownPeer));
}

#[test]
fn keys_are_rotated_without_a_gap() {
    let with = |keys: &[(u8, u8)], active| {
        let keys = keys.iter().map(|&(id, first)| (id, key(first))).collect();
        Authentication::Keyed(HmacPolicy::new(keys, active, HmacMode::Enforce, AntiReplay::Time, 5).unwrap())
    };
    let old = with(&[(1, 0)], 1);
    let both_old = with(&[(1, 0), (2, 100)], 1);
    let both_new = with(&[(1, 0), (2, 100)], 2);
    let new = with(&[(2, 100)], 2);
    // At every step of the change, neighbours in this list hear one another.
    for pair in [&old, &both_old, &both_new, &new].windows(2) {
        for (from, to) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            let bytes = signed(from, &mut AuthState::default(), NOON);
            assert_eq!(outcome(&mut AuthState::default(), to, &bytes, NOON), Ok(()));
        }
    }
    let bytes = signed(&old, &mut AuthState::default(), NOON);
    assert_eq!(outcome(&mut AuthState::default(), &new, &bytes, NOON), Err(Refusal::HmacUnknownKey));
    // Marks do not belong to a key.
    let (mut sender, mut receiver) = (AuthState::default(), AuthState::default());
    let first = signed(&both_old, &mut sender, NOON);
    let second = signed(&both_new, &mut sender, NOON);
    assert_eq!(outcome(&mut receiver, &both_new, &second, NOON), Ok(()));
    assert_eq!(outcome(&mut receiver, &both_new, &first, NOON), Err(Refusal::HmacReplay));
}

#[test]
fn what_was_taken_once_is_not_taken_again() {
    for auth in [enforced(), monotonic()] {
        let (mut sender, mut receiver) = (AuthState::default(), AuthState::default());
        let first = signed(&auth, &mut sender, NOON);
        let second = signed(&auth, &mut sender, NOON);
        let third = signed(&auth, &mut sender, later(NOON, 1));
        assert_eq!(outcome(&mut receiver, &auth, &first, NOON), Ok(()));
        assert_eq!(outcome(&mut receiver, &auth, &first, NOON), Err(Refusal::HmacReplay));
        assert_eq!(outcome(&mut receiver, &auth, &third, later(NOON, 1)), Ok(()));
        assert_eq!(outcome(&mut receiver, &auth, &second, later(NOON, 1)), Err(Refusal::HmacReplay));
        // Another sender has numbers of its own.
        let other = signed_from(PEER, &auth, &mut AuthState::default(), NOON);
        assert_eq!(outcome(&mut receiver, &auth, &other, later(NOON, 1)), Ok(()));
    }
}

#[test]
fn a_damaged_copy_does_not_use_up_the_number_of_the_intact_one() {
    let auth = enforced();
    let mut receiver = AuthState::default();
    let bytes = signed(&auth, &mut AuthState::default(), NOON);
    // The tag does not cover the checksum field.
    let mut damaged = bytes.clone();
    damaged[26] ^= 1;
    assert_eq!(outcome(&mut receiver, &auth, &damaged, NOON), Err(Refusal::Checksum));
    assert_eq!(outcome(&mut receiver, &auth, &bytes, NOON), Ok(()));
}

#[test]
fn marks_and_numbers_survive_being_stored() {
    for auth in [enforced(), monotonic()] {
        let (mut sender, mut receiver) = (AuthState::default(), AuthState::default());
        let recorded = signed(&auth, &mut sender, NOON);
        assert_eq!(outcome(&mut receiver, &auth, &recorded, NOON), Ok(()));
        let (mut sender_after, mut receiver_after) = (AuthState::starting(None), AuthState::starting(None));
        sender_after.import(&sender.export());
        receiver_after.import(&receiver.export());
        assert_eq!(outcome(&mut receiver_after, &auth, &recorded, NOON), Err(Refusal::HmacReplay));
        let next = signed(&auth, &mut sender_after, NOON);
        assert_eq!(outcome(&mut receiver_after, &auth, &next, NOON), Ok(()));
        assert_eq!((sender_after, receiver_after), {
            let next = signed(&auth, &mut sender, NOON);
            outcome(&mut receiver, &auth, &next, NOON).unwrap();
            (sender, receiver)
        });
    }
}

#[test]
fn time_mode_takes_only_what_is_fresh() {
    let auth = enforced();
    let bytes = signed(&auth, &mut AuthState::default(), NOON);
    let stale = Err(Refusal::HmacStale);
    // The receiver's clock against the sender's, verdict, skew of the sender that is reported.
    let table = [
        (earlier(NOON, 6), stale, None),
        (earlier(NOON, 5), Ok(()), Some(5)),
        (earlier(NOON, 3), Ok(()), Some(3)),
        (earlier(NOON, 2), Ok(()), None),
        (NOON, Ok(()), None),
        (later(NOON, 2), Ok(()), None),
        (later(NOON, 3), Ok(()), Some(-3)),
        (later(NOON, 5), Ok(()), Some(-5)),
        (later(NOON, 6), stale, None),
        (later(NOON, 1 << 31), stale, None),
    ];
    for (now, expected, skew) in table {
        let pass = take(&mut AuthState::default(), &auth, &bytes, now);
        assert_eq!(pass.map(|_| ()), expected, "{now:?}");
        assert_eq!(pass.ok().and_then(|pass| pass.skew()).map(|skew| skew.seconds), skew, "{now:?}");
    }
}

#[test]
fn monotonic_mode_looks_at_no_clock() {
    let auth = monotonic();
    let (mut sender, mut receiver) = (AuthState::default(), AuthState::default());
    for (sent, heard) in [(NOON, later(NOON, 9_999)), (later(NOON, 1), NOON), (earlier(NOON, 9_999), NOON)] {
        let bytes = signed(&auth, &mut sender, sent);
        let pass = take(&mut receiver, &auth, &bytes, heard);
        assert_eq!(pass.map(|pass| pass.skew()), Ok(None), "{sent:?} {heard:?}");
    }
}

#[test]
fn a_sender_counts_on_while_its_clock_stands_still_or_steps_back_a_little() {
    for auth in [enforced(), monotonic()] {
        let mut sender = AuthState::default();
        let number = |state: &mut AuthState, now| match state.stamp(&auth, now) {
            Stamp::Keyed(number) => number,
            Stamp::None | Stamp::Header(_) => panic!("not signed"),
        };
        let first = number(&mut sender, NOON);
        assert_eq!(number(&mut sender, NOON), first + 1);
        assert_eq!(number(&mut sender, earlier(NOON, 5)), first + 2);
        assert_eq!(number(&mut sender, later(NOON, 1)), first + (1 << 32));
    }
}

#[test]
fn a_sender_whose_clock_was_set_back_far_is_heard_again() {
    // Its clock ran an hour ahead, and nobody believed it; then it is right again.
    let auth = enforced();
    let (mut sender, mut receiver) = (AuthState::default(), AuthState::default());
    let wrong = signed(&auth, &mut sender, later(NOON, 3_600));
    assert_eq!(outcome(&mut receiver, &auth, &wrong, NOON), Err(Refusal::HmacStale));
    let right = signed(&auth, &mut sender, later(NOON, 1));
    assert_eq!(outcome(&mut receiver, &auth, &right, later(NOON, 1)), Ok(()));
    // In monotonic mode it must not begin anew: receivers remember.
    let auth = monotonic();
    let (mut sender, mut receiver) = (AuthState::default(), AuthState::default());
    for time in [later(NOON, 3_600), later(NOON, 1), later(NOON, 2)] {
        let bytes = signed(&auth, &mut sender, time);
        assert_eq!(outcome(&mut receiver, &auth, &bytes, NOON), Ok(()));
    }
}

#[test]
fn all_clocks_set_back_together_leave_nobody_unheard() {
    let auth = enforced();
    let (mut sender, mut receiver) = (AuthState::default(), AuthState::default());
    let ahead = later(NOON, 3_600);
    let bytes = signed(&auth, &mut sender, ahead);
    assert_eq!(outcome(&mut receiver, &auth, &bytes, ahead), Ok(()));
    let bytes = signed(&auth, &mut sender, NOON);
    assert_eq!(outcome(&mut receiver, &auth, &bytes, NOON), Ok(()));
    assert_eq!(outcome(&mut receiver, &auth, &bytes, NOON), Err(Refusal::HmacReplay));
}

#[test]
fn all_clocks_set_forward_together_leave_nobody_unheard() {
    let auth = enforced();
    let (mut sender, mut receiver) = (AuthState::default(), AuthState::default());
    for now in [NOON, later(NOON, 3_600), later(NOON, 3_601)] {
        let bytes = signed(&auth, &mut sender, now);
        assert_eq!(outcome(&mut receiver, &auth, &bytes, now), Ok(()));
    }
}

#[test]
fn the_end_of_32_bits_of_seconds_is_no_end() {
    for auth in [enforced(), monotonic()] {
        for end in [(1_u64 << 31), (1 << 32)] {
            let (mut sender, mut receiver) = (AuthState::default(), AuthState::default());
            for second in end - 3..end + 3 {
                let now = WallTime(Duration::from_secs(second));
                let bytes = signed(&auth, &mut sender, now);
                assert_eq!(outcome(&mut receiver, &auth, &bytes, now), Ok(()), "{second:#x}");
                assert_eq!(outcome(&mut receiver, &auth, &bytes, now), Err(Refusal::HmacReplay), "{second:#x}");
            }
        }
    }
}

#[test]
fn a_router_that_starts_late_in_the_century_signs_by_its_clock() {
    let now = WallTime(Duration::from_secs(0x9000_0000));
    for auth in [enforced(), monotonic()] {
        assert_eq!(AuthState::default().stamp(&auth, now), Stamp::Keyed(0x9000_0000 << 32));
    }
}

#[test]
fn the_sender_not_heard_for_longest_loses_its_place() {
    let mut receiver = AuthState::default();
    let heard = (0..SENDERS_MAX).map(|index| {
        let [high, low] = u16::try_from(index).unwrap().to_be_bytes();
        (IpAddr::from([10, 0, high, low]), 1)
    });
    receiver.import(&Exported { heard: heard.collect(), ..Exported::default() });
    let auth = monotonic();
    // The eldest is heard again, so the second is now the one to go.
    let again = signed_from("10.0.0.0", &auth, &mut AuthState::default(), NOON);
    assert_eq!(outcome(&mut receiver, &auth, &again, NOON), Ok(()));
    let new = signed_from(SOURCE, &auth, &mut AuthState::default(), NOON);
    assert_eq!(outcome(&mut receiver, &auth, &new, NOON), Ok(()));
    let senders: Vec<IpAddr> = receiver.export().heard.into_iter().map(|(sender, _)| sender).collect();
    assert_eq!(senders.len(), SENDERS_MAX);
    assert!(!senders.contains(&ip("10.0.0.1")) && senders.contains(&ip("10.0.0.0")) && senders.contains(&ip(SOURCE)));
}

#[test]
fn who_holds_no_key_takes_no_place() {
    let mut receiver = AuthState::default();
    let mut forged = signed(&enforced(), &mut AuthState::default(), NOON);
    *forged.last_mut().unwrap() ^= 1;
    assert!(take(&mut receiver, &enforced(), &forged, NOON).is_err());
    assert_eq!(receiver, AuthState::default());
}

fn any_family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::V4), Just(Family::V6)]
}

fn any_version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V2), Just(Version::V3)]
}

proptest! {
    #[test]
    fn any_flipped_bit_is_noticed(
        version in any_version(),
        family in any_family(),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let stamp = AuthState::default().stamp(&enforced(), NOON);
        let mut bytes = packet(&enforced(), stamp, version, family);
        let header = family.header_len();
        let at = header + at.index(bytes.len() - header);
        bytes[at] ^= 1 << bit;
        let verdict = verdict(&AuthState::default(), &enforced(), open(&bytes), NOON);
        prop_assert!(verdict.is_err(), "bit {} of octet {}", bit, at);
    }

    #[test]
    fn any_trailer_is_taken_or_refused(
        version in any_version(),
        family in any_family(),
        trailer in prop::collection::vec(any::<u8>(), TRAILER_LEN),
        now in any::<u64>(),
        keep in any::<bool>(),
    ) {
        let stamp = AuthState::default().stamp(&enforced(), NOON);
        let mut bytes = packet(&enforced(), stamp, version, family);
        let at = bytes.len() - TRAILER_LEN;
        let skip = if keep { 4 } else { 0 };
        bytes[at + skip..].copy_from_slice(&trailer[skip..]);
        for auth in [enforced(), monotonic()] {
            prop_assert!(verdict(&AuthState::default(), &auth, open(&bytes), WallTime(Duration::from_secs(now))).is_err());
        }
    }

    #[test]
    fn whatever_the_clock_does_a_sender_never_repeats_itself_within_reach(
        steps in prop::collection::vec(-20i64..20, 1..60),
        time_mode in any::<bool>(),
    ) {
        // A receiver whose clock is the sender's hears every advert, and none twice, however that clock jumps.
        let auth = if time_mode { enforced() } else { monotonic() };
        let (mut sender, mut receiver) = (AuthState::default(), AuthState::default());
        let mut now = NOON;
        for step in steps {
            now = if step < 0 { earlier(now, step.unsigned_abs()) } else { later(now, step.unsigned_abs()) };
            let bytes = signed(&auth, &mut sender, now);
            let first = outcome(&mut receiver, &auth, &bytes, now);
            prop_assert_eq!(first, Ok(()));
            prop_assert_eq!(outcome(&mut receiver, &auth, &bytes, now), Err(Refusal::HmacReplay));
        }
    }
}
