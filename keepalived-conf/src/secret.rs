// SPDX-License-Identifier: MIT OR Apache-2.0
//! Passwords and keys: kept in memory that is wiped, and never shown.

use std::fmt;

use zeroize::Zeroizing;

/// Bytes that no log, dump or message may show. Only [`Secret::expose`] gives them out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// What stands for a secret wherever it would be shown; always the same, so that its length stays unknown too.
const STARS: &str = "********";

impl Secret {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Secret {
        Secret(Zeroizing::new(bytes.into()))
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STARS)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(STARS)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_shown_as_stars_of_one_length() {
        for text in ["", "x", "a much longer secret than that"] {
            assert_eq!(format!("{:?}", Secret::new(text)), "********");
        }
    }
}
