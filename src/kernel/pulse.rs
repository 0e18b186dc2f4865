// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signs of life that wake nobody: whoever lives writes the moment down, and whoever watches looks when the silence would
//! have lasted too long.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use nix::sys::memfd::{MFdFlags, memfd_create};

/// The longest silence that is ever borne, whatever is asked for.
pub const PATIENCE_MAX: Duration = Duration::from_secs(60);

/// Two numbers of eight bytes: the moment, and the nanoseconds that silence may last from then on.
const LENGTH: usize = 16;

/// One sheet that two processes have open.
#[derive(Debug)]
pub struct Pulse {
    sheet: File,
}

impl Pulse {
    /// One on which nothing is written yet.
    pub fn new() -> io::Result<Pulse> {
        Ok(Pulse { sheet: File::from(memfd_create("steadfast-pulse", MFdFlags::MFD_CLOEXEC)?) })
    }

    /// The one that was inherited.
    pub fn from_inherited(descriptor: OwnedFd) -> Pulse {
        Pulse { sheet: File::from(descriptor) }
    }

    /// Lives at `now`, and may be silent for `patience`.
    pub fn beat(&self, now: u64, patience: Duration) -> io::Result<()> {
        let mut written = [0; LENGTH];
        let (moment, silence) = written.split_at_mut(LENGTH / 2);
        moment.copy_from_slice(&now.to_ne_bytes());
        silence.copy_from_slice(&u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX).to_ne_bytes());
        self.sheet.write_all_at(&written, 0)
    }

    /// The last sign of life, and how long silence may last from then on.
    pub fn last(&self) -> Option<(u64, Duration)> {
        let mut written = [0; LENGTH];
        // Shorter when nothing was written.
        self.sheet.read_exact_at(&mut written, 0).ok()?;
        let (moment, silence) = written.split_at(LENGTH / 2);
        let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_ne_bytes);
        Some((number(moment)?, Duration::from_nanos(number(silence)?)))
    }
}

impl AsFd for Pulse {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sheet.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_watches_sees_the_last_sign_of_life() {
        let watched = Pulse::new().unwrap();
        assert_eq!(watched.last(), None);
        let living = Pulse::from_inherited(watched.as_fd().try_clone_to_owned().unwrap());
        living.beat(5, Duration::from_secs(2)).unwrap();
        living.beat(7, Duration::from_millis(250)).unwrap();
        assert_eq!(watched.last(), Some((7, Duration::from_millis(250))));
    }
}
