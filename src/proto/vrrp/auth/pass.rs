// SPDX-License-Identifier: MIT OR Apache-2.0
//! The password of version 2.

use crate::proto::vrrp::wire::{Measured, Refusal};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::hint::black_box;
use zeroize::Zeroizing;

/// Octets of a password; longer ones are cut, shorter ones filled with zeros, as every implementation does.
const PASSWORD_LEN: usize = 8;

/// A password as it goes on the wire, or the key of the authentication header.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<[u8; PASSWORD_LEN]>);

impl Password {
    /// Cuts or fills to eight octets. `None` when the first octet is zero or missing: that is no password.
    pub fn new(text: &[u8]) -> Option<Password> {
        if text.first().is_none_or(|&first| first == 0) {
            return None;
        }
        let mut octets = Zeroizing::new([0; PASSWORD_LEN]);
        octets.iter_mut().zip(text).for_each(|(to, &from)| *to = from);
        Some(Password(octets))
    }

    pub(super) fn octets(&self) -> &[u8; PASSWORD_LEN] {
        &self.0
    }

    /// Compares all eight octets of the packet (RFC 2338 §5.3.6.2).
    pub(super) fn check(&self, packet: &Measured<'_>) -> Result<(), Refusal> {
        if same(&*self.0, packet.auth_data()) { Ok(()) } else { Err(Refusal::Password) }
    }
}

impl Hash for Password {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_slice().hash(state);
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(********)")
    }
}

/// Compares without stopping at the first difference.
fn same(ours: &[u8], theirs: &[u8]) -> bool {
    let difference = ours.iter().zip(theirs).fold(0, |sum, (a, b)| black_box(sum | (a ^ b)));
    ours.len() == theirs.len() && difference == 0
}
