// SPDX-License-Identifier: MIT OR Apache-2.0
//! "Did you mean": the nearest of the words that are possible.

/// How many candidates are looked at: more than there are keywords.
const CANDIDATES_MAX: usize = 1_024;

/// The candidate nearest to `word`, when it is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = match word.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    let word: Vec<char> = letters(word).collect();
    let mut near = Near { word: &word, limit, rows: Default::default() };
    candidates
        .into_iter()
        .take(CANDIDATES_MAX)
        .map(|candidate| (near.distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, candidate)| (*distance, candidate.len().abs_diff(word.len()), *candidate))
        .map(|(_, candidate)| candidate)
}

/// What is compared of a word.
fn letters(word: &str) -> impl Iterator<Item = char> {
    word.chars().take(64).flat_map(char::to_lowercase)
}

/// A word that is compared with many others; the rows of the table are kept from one to the next.
struct Near<'a> {
    word: &'a [char],
    limit: usize,
    rows: [Vec<usize>; 3],
}

impl Near<'_> {
    /// Edit distance with swaps of neighbours counted once; anything beyond the limit is one more than it.
    fn distance(&mut self, other: &str) -> usize {
        let beyond = self.limit + 1;
        // Nearly all words of a table differ too much in length already.
        let length = letters(other).count();
        if self.word.len().abs_diff(length) > self.limit {
            return beyond;
        }
        let [before_last, last, current] = &mut self.rows;
        before_last.clear();
        before_last.resize(length + 1, 0);
        last.clear();
        last.extend(0..=length);
        current.clear();
        current.resize(length + 1, 0);
        let mut above = None;
        for (row, ca) in self.word.iter().enumerate() {
            current[0] = row + 1;
            let mut left = None;
            for (column, cb) in letters(other).enumerate() {
                let substitute = last[column] + usize::from(*ca != cb);
                let mut best = substitute.min(last[column + 1] + 1).min(current[column] + 1);
                if row > 0 && column > 0 && left == Some(*ca) && above == Some(cb) {
                    best = best.min(before_last[column - 1] + 1);
                }
                current[column + 1] = best;
                left = Some(cb);
            }
            if current.iter().all(|distance| *distance > self.limit) {
                return beyond;
            }
            above = Some(*ca);
            std::mem::swap(before_last, last);
            std::mem::swap(last, current);
        }
        last[length].min(beyond)
    }
}

#[cfg(test)]
mod tests;
