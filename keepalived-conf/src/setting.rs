// SPDX-License-Identifier: MIT OR Apache-2.0
//! A setting with its default.

/// A setting that has a value in any case and knows whether the operator gave it. Equality looks at the value only.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting<T> {
    value: T,
    given: bool,
}

impl<T> Setting<T> {
    pub const fn new(value: T) -> Setting<T> {
        Setting { value, given: false }
    }

    pub fn set(&mut self, value: T) {
        self.value = value;
        self.given = true;
    }

    /// Corrects the value in force without pretending that the operator wrote it.
    pub fn correct(&mut self, value: T) {
        self.value = value;
    }

    pub fn given(&self) -> bool {
        self.given
    }

    pub fn get(&self) -> &T {
        &self.value
    }

    /// Takes the value of the enclosing block unless one was given here.
    pub fn inherit(&mut self, from: &Setting<T>)
    where
        T: Clone,
    {
        if !self.given {
            self.value = from.value.clone();
        }
    }
}

impl<T> std::ops::Deref for Setting<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Setting<T> {
    fn eq(&self, other: &Setting<T>) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Setting<T> {}

#[cfg(feature = "serde")]
impl<T: serde::Serialize> serde::Serialize for Setting<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}
