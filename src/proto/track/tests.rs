// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn script(rise: u32, fall: u32, init_fail: bool) -> Track {
    Track::new(TrackParams::Script { rise, fall, init_fail }, true)
}

fn count(running: u32) -> Reading {
    Reading::Count { running, at_once: false }
}

/// Feeds results (`+` success, `-` failure) and writes what the script counts as after each (`u` or `d`).
fn run(track: &mut Track, results: &str) -> String {
    results
        .chars()
        .map(|result| {
            track.observe(Instant::ZERO, Reading::Up(result == '+'), None);
            if track.is_up() == Some(true) { 'u' } else { 'd' }
        })
        .collect()
}

#[test]
fn scripts_rise_and_fall() {
    let table = [
        // rise, fall, init_fail, results, what they make of it
        (1, 1, false, "+-+--+", "ududdu"),
        (1, 3, false, "+--+---+", "uuuuuudu"),
        (3, 1, false, "+-+++", "udddu"),
        (3, 1, false, "-++++", "ddduu"),
        (3, 1, true, "+++", "ddu"),
        (2, 2, false, "+--+-++", "uuddddu"),
    ];
    for (rise, fall, init_fail, results, expected) in table {
        let mut track = script(rise, fall, init_fail);
        assert_eq!(run(&mut track, results), expected, "rise {rise} fall {fall} init_fail {init_fail} {results}");
    }
}

#[test]
fn a_script_that_has_not_reported_holds_the_start_only_without_weight() {
    let track = script(1, 1, false);
    assert_eq!(track.effect(0, false), Contribution::Pending);
    assert_eq!(track.effect(10, false), Contribution::Priority(0));
    assert_eq!(track.effect(-10, false), Contribution::Priority(0));
    let reloaded = Track::new(TrackParams::Script { rise: 1, fall: 1, init_fail: false }, false);
    assert_eq!(reloaded.effect(0, false), Contribution::Priority(0));
    assert_eq!(script(1, 1, true).effect(0, false), Contribution::Fault);
}

#[test]
fn a_script_that_is_retuned_keeps_what_it_knows() {
    let mut track = script(1, 5, false);
    assert_eq!(run(&mut track, "+---"), "uuuu");
    track.retune(TrackParams::Script { rise: 2, fall: 5, init_fail: false });
    assert_eq!(run(&mut track, "--"), "ud");
    track.retune(TrackParams::Script { rise: 1, fall: 1, init_fail: false });
    assert_eq!(run(&mut track, "+-"), "ud");
}

#[test]
fn weights_count_as_the_table_says() {
    let table = [
        // weight, reverse, when up, when down
        (20, false, Contribution::Priority(20), Contribution::Priority(0)),
        (20, true, Contribution::Priority(-20), Contribution::Priority(0)),
        (-20, false, Contribution::Priority(0), Contribution::Priority(-20)),
        (-20, true, Contribution::Priority(0), Contribution::Priority(20)),
        (0, false, Contribution::Priority(0), Contribution::Fault),
        (0, true, Contribution::Fault, Contribution::Priority(0)),
    ];
    let mut track = Track::new(TrackParams::Address, true);
    for (weight, reverse, up, down) in table {
        track.observe(Instant::ZERO, Reading::Up(true), None);
        assert_eq!(track.effect(weight, reverse), up, "weight {weight} reverse {reverse} up");
        track.observe(Instant::ZERO, Reading::Up(false), None);
        assert_eq!(track.effect(weight, reverse), down, "weight {weight} reverse {reverse} down");
    }
}

#[test]
fn files_count_by_their_number() {
    let table = [
        // number, weight, reverse, effect
        (0, 0, false, Contribution::Priority(0)),
        (1, 0, false, Contribution::Fault),
        (0, 0, true, Contribution::Fault),
        (-7, 0, true, Contribution::Priority(0)),
        (5, 2, false, Contribution::Priority(10)),
        (5, 2, true, Contribution::Priority(-10)),
        (100, 3, false, Contribution::Priority(253)),
        (-253, 1, false, Contribution::Priority(-253)),
        (-254, 1, false, Contribution::Fault),
        (254, -1, false, Contribution::Fault),
        (i64::from(i32::MAX), 254, false, Contribution::Priority(253)),
    ];
    for (number, weight, reverse, effect) in table {
        let mut track = Track::new(TrackParams::File, true);
        track.observe(Instant::ZERO, Reading::Value(number), None);
        assert_eq!(track.effect(weight, reverse), effect, "number {number} weight {weight} reverse {reverse}");
    }
}

#[test]
fn a_number_beyond_32_bits_in_a_file_is_ignored() {
    let mut track = Track::new(TrackParams::File, true);
    assert!(track.observe(Instant::ZERO, Reading::Value(4), None));
    assert!(!track.observe(Instant::ZERO, Reading::Value(i64::from(i32::MAX) + 1), None));
    assert_eq!(track.effect(1, false), Contribution::Priority(4));
}

#[test]
fn a_process_counts_between_its_quorums() {
    let params =
        TrackParams::Process { quorum: 2, quorum_max: Some(3), up_delay: Duration::ZERO, down_delay: Duration::ZERO };
    for (running, up) in [(0, false), (1, false), (2, true), (3, true), (4, false)] {
        let mut track = Track::new(params.clone(), true);
        track.observe(Instant::ZERO, count(running), None);
        assert_eq!(track.is_up(), Some(up), "{running} running");
    }
}

#[test]
fn a_process_that_is_forked_again_in_time_was_never_gone() {
    let delay = Duration::from_millis(500);
    let params = TrackParams::Process { quorum: 1, quorum_max: None, up_delay: delay, down_delay: delay };
    let mut track = Track::new(params, true);
    assert!(track.observe(at(0), count(1), None), "the first reading counts at once");
    assert!(!track.observe(at(10), count(0), None));
    assert_eq!(track.due(), Some(at(510)));
    assert!(!track.observe(at(400), count(1), None));
    assert_eq!(track.due(), None);
    assert!(!track.observe(at(1000), count(0), None));
    assert!(!track.expire(at(1499)));
    assert!(track.expire(at(1500)));
    assert_eq!(track.is_up(), Some(false));
    assert!(track.observe(at(1600), Reading::Count { running: 1, at_once: true }, None), "an exec does not wait");
}

#[test]
fn an_interface_is_debounced_once_it_was_up_and_never_longer_than_the_limit() {
    let params = TrackParams::Interface { up_delay: Duration::from_secs(1), down_delay: Duration::from_secs(9) };
    let mut track = Track::new(params, true);
    assert!(track.observe(at(0), Reading::Up(false), None), "down at start is down at once");
    assert!(track.observe(at(1), Reading::Up(true), None), "the first time up does not wait");
    track.observe(at(100), Reading::Up(false), Some(Duration::from_secs(2)));
    assert_eq!(track.due(), Some(at(2100)), "cut to what the peers allow");
    assert!(track.expire(at(2100)));
    track.observe(at(3000), Reading::Up(true), None);
    assert_eq!(track.due(), Some(at(4000)));
}

#[test]
fn a_repeated_reading_does_not_prolong_a_delay() {
    let mut level = Level::default();
    let delays = (Duration::ZERO, Duration::from_secs(1));
    level.observe(at(0), true, delays);
    level.observe(at(100), false, delays);
    level.observe(at(900), false, delays);
    assert_eq!(level.due(), Some(at(1100)));
}

#[test]
fn a_bfd_session_is_down_until_it_says_otherwise() {
    let mut track = Track::new(TrackParams::Bfd, true);
    assert_eq!(track.effect(0, false), Contribution::Fault);
    assert!(track.observe(Instant::ZERO, Reading::Up(true), None));
    assert_eq!(track.effect(0, false), Contribution::Priority(0));
}

#[test]
fn a_reading_of_another_kind_is_ignored() {
    let mut track = Track::new(TrackParams::File, true);
    let before = track.clone();
    assert!(!track.observe(Instant::ZERO, Reading::Up(true), None));
    assert!(!track.observe(Instant::ZERO, count(1), None));
    assert_eq!(track, before);
}

#[test]
fn the_priority_is_clamped_and_the_owner_keeps_his() {
    assert_eq!(effective_priority(100, [20, -50]), 70);
    assert_eq!(effective_priority(100, [253]), 254);
    assert_eq!(effective_priority(100, [-253]), 1);
    assert_eq!(effective_priority(255, [-253]), 255);
    assert_eq!(effective_priority(254, [i64::MAX, i64::MAX]), 254);
}
