// SPDX-License-Identifier: MIT OR Apache-2.0
use proptest::prelude::*;

use super::*;

#[test]
fn the_nearest_word_is_the_one_that_was_meant() {
    let words = ["priority", "preempt", "nopreempt", "interface", "virtual_router_id", "weight", "dont_track_primary"];
    let cases = [
        ("priorty", Some("priority")),
        ("Priority", Some("priority")),
        ("prioirty", Some("priority")),
        ("no_preempt", Some("nopreempt")),
        ("preemptt", Some("preempt")),
        ("virtual_routerid", Some("virtual_router_id")),
        ("dont_track_primery", Some("dont_track_primary")),
        ("wieght", Some("weight")),
        ("wi", None),
        ("quorum", None),
        ("", None),
    ];
    for (word, meant) in cases {
        assert_eq!(nearest(word, words), meant, "{word}");
    }
}

#[test]
fn of_two_words_that_are_equally_near_the_one_of_the_same_length_wins_and_then_the_first() {
    assert_eq!(nearest("chk_a", ["chk_ab", "chk_b"]), Some("chk_b"));
    assert_eq!(nearest("chk_a", ["chk_d", "chk_c"]), Some("chk_c"));
}

#[test]
fn the_search_ends_however_many_candidates_there_are() {
    let endless = std::iter::repeat("nothing_alike");
    assert_eq!(nearest("priority", endless), None);
}

/// The definition: the fewest letters put in, taken out, changed, or swapped with their neighbour.
fn by_definition(a: &[char], b: &[char]) -> usize {
    match (a.split_last(), b.split_last()) {
        (None, _) => b.len(),
        (_, None) => a.len(),
        (Some((last_a, rest_a)), Some((last_b, rest_b))) => {
            let mut least = (by_definition(rest_a, rest_b) + usize::from(last_a != last_b))
                .min(by_definition(rest_a, b) + 1)
                .min(by_definition(a, rest_b) + 1);
            if let (Some((before_a, start_a)), Some((before_b, start_b))) = (rest_a.split_last(), rest_b.split_last())
                && last_a == before_b
                && before_a == last_b
            {
                least = least.min(by_definition(start_a, start_b) + 1);
            }
            least
        }
    }
}

proptest! {
    #[test]
    fn the_distance_is_the_one_of_the_definition(a in "[abcé]{3,6}", b in prop::collection::vec("[abcé]{0,6}", 1..4)) {
        let word: Vec<char> = a.chars().collect();
        let limit = if word.len() < 6 { 1 } else { 2 };
        let near = nearest(&a, b.iter().map(String::as_str));
        let least = b.iter().map(|other| by_definition(&word, &other.chars().collect::<Vec<char>>())).min();
        let found = near.map(|near| by_definition(&word, &near.chars().collect::<Vec<char>>()));
        prop_assert_eq!(found, least.filter(|least| *least <= limit));
    }
}
