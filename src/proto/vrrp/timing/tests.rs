// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn micros(value: u64) -> Duration {
    Duration::from_micros(value)
}

/// Version, interval, priority, skew and master-down time for three adverts, in microseconds.
const TABLE: [(Version, u64, u8, u128, u128); 8] = [
    (Version::V2, 1_000_000, 100, 609_375, 3_609_375),
    (Version::V2, 3_000_000, 100, 609_375, 9_609_375),
    (Version::V2, 1_000_000, 254, 7_812, 3_007_812),
    (Version::V2, 1_000_000, 1, 996_093, 3_996_093),
    (Version::V3, 1_000_000, 100, 609_375, 3_609_375),
    (Version::V3, 500_000, 120, 265_625, 1_765_625),
    (Version::V3, 10_000, 100, 6_093, 36_093),
    (Version::V3, 1_000_000, 255, 3_906, 3_003_906),
];

#[test]
fn skew_and_master_down_time_are_those_of_the_table() {
    for (version, interval, priority, expected_skew, expected_down) in TABLE {
        let interval = micros(interval);
        assert_eq!(skew(version, priority, interval).as_micros(), expected_skew, "{version:?} {priority}");
        assert_eq!(master_down(version, 3, priority, interval).as_micros(), expected_down, "{version:?} {priority}");
    }
}

#[test]
fn the_longest_legal_times_do_not_wrap() {
    let down = master_down(Version::V2, 100, 1, Duration::from_secs(255));
    assert_eq!(down, Duration::from_secs(25_500) + micros(996_093) + Duration::from_nanos(750));
    assert_eq!(master_down(Version::V3, 100, 255, Duration::MAX), Duration::MAX);
}

#[test]
fn a_higher_priority_always_waits_less() {
    for version in [Version::V2, Version::V3] {
        for priority in 0..u8::MAX {
            let interval = Duration::from_millis(10);
            assert!(skew(version, priority, interval) > skew(version, priority + 1, interval));
        }
    }
}

#[test]
fn the_least_skew_is_one_step() {
    assert_eq!(least_skew(Version::V3, Duration::from_secs(1)), micros(3_906) + Duration::from_nanos(250));
    assert_eq!(least_skew(Version::V2, Duration::from_secs(9)), micros(3_906) + Duration::from_nanos(250));
}

#[test]
fn a_handover_lasts_no_longer_than_the_slowest_successor_and_never_long() {
    let second = Duration::from_secs(1);
    assert_eq!(handover_limit(Version::V3, second), skew(Version::V3, 1, second) + TRANSIT);
    assert_eq!(handover_limit(Version::V3, Duration::from_secs(40)), HANDOVER_MAX);
}

#[test]
fn an_interface_may_not_be_down_unnoticed_for_as_long_as_a_backup_waits() {
    assert_eq!(down_delay_limit(3, micros(256_000)), micros(511_000));
    assert_eq!(down_delay_limit(1, micros(256_000)), Duration::ZERO);
}
