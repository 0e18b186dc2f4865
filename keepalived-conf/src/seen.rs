// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the keywords of a block stand.
//!
//! Every block of every server has such a list, so it is kept small: eight bytes a keyword, and no allocation for blocks
//! of one to three lines.

use std::collections::BTreeMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use crate::span::Span;

/// The number of a keyword's name. Names are numbered when the tables are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u16);

#[derive(Default)]
struct Names {
    list: Vec<&'static str>,
    keys: BTreeMap<&'static str, Key>,
}

static NAMES: LazyLock<RwLock<Names>> = LazyLock::new(RwLock::default);

impl Key {
    pub(crate) fn of(name: &'static str) -> Key {
        let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = names.keys.get(name) {
            return *key;
        }
        // There are some hundreds of keywords.
        let key = Key(u16::try_from(names.list.len()).unwrap_or(u16::MAX));
        names.list.push(name);
        names.keys.insert(name, key);
        key
    }

    fn find(name: &str) -> Option<Key> {
        NAMES.read().unwrap_or_else(PoisonError::into_inner).keys.get(name).copied()
    }

    fn name(self) -> &'static str {
        let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
        names.list.get(usize::from(self.0)).copied().unwrap_or("")
    }
}

/// One keyword and its place.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    /// What does not fit is cut off: it is the length of what a finding underlines.
    length: u16,
    key: Key,
}

impl Entry {
    fn new(key: Key, span: Span) -> Entry {
        Entry { start: span.start, length: u16::try_from(span.len()).unwrap_or(u16::MAX), key }
    }

    fn span(self) -> Span {
        Span::new(self.start, self.start.saturating_add(u32::from(self.length)))
    }
}

#[derive(Clone, Debug, Default)]
enum List {
    #[default]
    Empty,
    One([Entry; 1]),
    Two([Entry; 2]),
    Three([Entry; 3]),
    /// Up to [`EXACT_MAX`], in exactly the memory they need.
    Some(Box<[Entry]>),
    Many(Vec<Entry>),
}

/// Lists beyond this grow with room to spare, so that a long one is not copied for every line.
const EXACT_MAX: usize = 16;

impl List {
    fn entries(&self) -> &[Entry] {
        match self {
            List::Empty => &[],
            List::One(entries) => entries,
            List::Two(entries) => entries,
            List::Three(entries) => entries,
            List::Some(entries) => entries,
            List::Many(entries) => entries,
        }
    }

    fn push(&mut self, entry: Entry) {
        *self = match std::mem::take(self) {
            List::Empty => List::One([entry]),
            List::One([first]) => List::Two([first, entry]),
            List::Two([first, second]) => List::Three([first, second, entry]),
            List::Three([first, second, third]) => List::Some([first, second, third, entry].into()),
            List::Some(entries) => {
                let mut entries = entries.into_vec();
                if entries.len() < EXACT_MAX {
                    entries.reserve_exact(1);
                    entries.push(entry);
                    List::Some(entries.into())
                } else {
                    entries.push(entry);
                    List::Many(entries)
                }
            }
            List::Many(mut entries) => {
                entries.push(entry);
                List::Many(entries)
            }
        };
    }
}

/// Where each keyword of one block stands. Not part of the configuration's value: two configurations that mean the
/// same are equal wherever their lines stand.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    list: List,
    /// The words that open the block.
    pub head: Span,
}

impl Seen {
    pub(crate) fn record(&mut self, key: Key, span: Span) {
        self.list.push(Entry::new(key, span));
    }

    pub(crate) fn span_of(&self, key: Key) -> Option<Span> {
        self.list.entries().iter().rev().find(|entry| entry.key == key).map(|entry| entry.span())
    }

    /// The last place where the keyword stands.
    pub fn span(&self, keyword: &str) -> Option<Span> {
        self.span_of(Key::find(keyword)?)
    }

    pub fn has(&self, keyword: &str) -> bool {
        self.span(keyword).is_some()
    }

    /// The place of the keyword, or of the block's head when the keyword is not written.
    pub fn span_or_head(&self, keyword: &str) -> Span {
        self.span(keyword).unwrap_or(self.head)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Span)> + '_ {
        self.list.entries().iter().map(|entry| (entry.key.name(), entry.span()))
    }
}

impl PartialEq for Seen {
    fn eq(&self, _: &Seen) -> bool {
        true
    }
}

impl Eq for Seen {}

#[cfg(test)]
mod tests {
    use super::{Key, Seen};
    use crate::span::Span;

    #[test]
    fn the_last_place_of_each_keyword_is_found() {
        let mut seen = Seen { head: Span::new(1, 2), ..Seen::default() };
        assert_eq!(seen.span_or_head("first"), Span::new(1, 2));
        let names = ["first", "second", "first", "third", "fourth"];
        for (at, name) in names.into_iter().enumerate() {
            let start = 10 * at as u32;
            seen.record(Key::of(name), Span::new(start, start + 5));
            assert_eq!(seen.span(name), Some(Span::new(start, start + 5)), "{name} after {at} others");
        }
        let listed: Vec<(&str, u32)> = seen.iter().map(|(name, span)| (name, span.start)).collect();
        assert_eq!(listed, [("first", 0), ("second", 10), ("first", 20), ("third", 30), ("fourth", 40)]);
        assert_eq!(seen.span("first"), Some(Span::new(20, 25)));
        assert_eq!((seen.has("fifth"), seen.has("never a keyword")), (false, false));
    }

    #[test]
    fn long_lists_keep_every_place() {
        let mut seen = Seen::default();
        for at in 0..100 {
            seen.record(Key::of("first"), Span::new(at, at + 1));
            assert_eq!((seen.iter().count(), seen.span("first")), (at as usize + 1, Some(Span::new(at, at + 1))));
        }
    }

    #[test]
    fn the_places_of_three_lines_fit_into_the_block_itself() {
        assert!(size_of::<Seen>() <= 40, "{}", size_of::<Seen>());
    }

    #[test]
    fn a_place_too_long_to_keep_still_begins_where_it_does() {
        let mut seen = Seen::default();
        seen.record(Key::of("first"), Span::new(7, 1_000_000));
        assert_eq!(seen.span("first"), Some(Span::new(7, 7 + 65_535)));
    }
}
