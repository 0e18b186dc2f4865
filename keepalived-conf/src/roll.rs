// SPDX-License-Identifier: MIT OR Apache-2.0
//! Things with a name, in the order of the file. A file may define a hundred thousand of them, so a name is looked up and
//! not searched for.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

pub trait Named {
    fn name(&self) -> &str;
}

/// Whoever changes a thing in place leaves its name as it is.
#[derive(Clone, Debug)]
pub struct Roll<T> {
    things: Vec<T>,
    /// Where the first of each name stands.
    places: BTreeMap<String, usize>,
}

impl<T: Named> Roll<T> {
    /// The first of this name.
    pub fn named(&self, name: &str) -> Option<&T> {
        self.things.get(*self.places.get(name)?)
    }

    pub fn named_mut(&mut self, name: &str) -> Option<&mut T> {
        self.things.get_mut(*self.places.get(name)?)
    }

    pub fn push(&mut self, thing: T) {
        self.places.entry(thing.name().to_owned()).or_insert(self.things.len());
        self.things.push(thing);
    }

    /// Keeps the things for which `keep` answers yes.
    pub fn retain_mut(&mut self, keep: impl FnMut(&mut T) -> bool) {
        let mut kept = std::mem::take(&mut self.things);
        self.places.clear();
        kept.retain_mut(keep);
        self.extend(kept);
    }
}

impl<T> Default for Roll<T> {
    fn default() -> Roll<T> {
        Roll { things: Vec::new(), places: BTreeMap::new() }
    }
}

impl<T: PartialEq> PartialEq for Roll<T> {
    fn eq(&self, other: &Roll<T>) -> bool {
        self.things == other.things
    }
}

impl<T: Eq> Eq for Roll<T> {}

impl<T> Deref for Roll<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.things
    }
}

impl<T> DerefMut for Roll<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.things
    }
}

impl<'r, T> IntoIterator for &'r Roll<T> {
    type Item = &'r T;
    type IntoIter = std::slice::Iter<'r, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.things.iter()
    }
}

impl<'r, T> IntoIterator for &'r mut Roll<T> {
    type Item = &'r mut T;
    type IntoIter = std::slice::IterMut<'r, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.things.iter_mut()
    }
}

impl<T: Named> Extend<T> for Roll<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, things: I) {
        for thing in things {
            self.push(thing);
        }
    }
}

#[cfg(feature = "serde")]
impl<T: serde::Serialize> serde::Serialize for Roll<T> {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        self.things.serialize(out)
    }
}

/// Gives types their name for a roll.
macro_rules! named {
    ($($thing:ty),+) => {$(
        impl $crate::roll::Named for $thing {
            fn name(&self) -> &str {
                &self.name
            }
        }
    )+};
}
pub(crate) use named;

#[cfg(test)]
mod tests {
    use super::*;

    impl Named for (&'static str, u8) {
        fn name(&self) -> &str {
            self.0
        }
    }

    #[test]
    fn the_first_of_a_name_is_found_also_after_others_have_left() {
        let mut roll = Roll::default();
        roll.extend([("a", 1), ("b", 2), ("a", 3), ("c", 4)]);
        assert_eq!(roll.named("a"), Some(&("a", 1)));
        roll.retain_mut(|thing| thing.1 != 1 && thing.1 != 2);
        assert_eq!(roll.named("a"), Some(&("a", 3)));
        assert_eq!(roll.named("b"), None);
        roll.named_mut("c").unwrap().1 = 9;
        assert_eq!(&roll[..], [("a", 3), ("c", 9)]);
    }
}
