// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

#[test]
fn equal_seeds_give_equal_streams_and_different_purposes_do_not() {
    let draw = |mut random: Random| (0..64).map(|_| random.draw()).collect::<Vec<_>>();
    assert_eq!(draw(Random::new(7)), draw(Random::new(7)));
    assert_ne!(draw(Random::new(7)), draw(Random::new(8)));
    assert_eq!(draw(Random::stream(7, 1)), draw(Random::stream(7, 1)));
    assert_ne!(draw(Random::stream(7, 1)), draw(Random::stream(7, 2)));
}

#[test]
fn draws_stay_in_their_range_and_reach_both_ends() {
    let mut random = Random::new(1);
    let drawn: std::collections::BTreeSet<u64> = (0..2_000).map(|_| random.between(3, 9)).collect();
    assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(random.below(0), 0);
    assert_eq!(random.between(5, 5), 5);
}

#[test]
fn chances_are_kept_in_the_long_run() {
    for (chance, least, most) in
        [(Chance::NEVER, 0, 0), (Chance::percent(20), 18_000, 22_000), (Chance::CERTAIN, 100_000, 100_000)]
    {
        let mut random = Random::new(9);
        let hits = (0..100_000).filter(|_| random.happens(chance)).count();
        assert!((least..=most).contains(&hits), "{chance}: {hits}");
    }
}

#[test]
fn a_chance_prints_as_percent() {
    assert_eq!(Chance(250).to_string(), "2.50%");
    assert_eq!(Chance::percent(7).to_string(), "7%");
}
