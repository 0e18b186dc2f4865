// SPDX-License-Identifier: MIT OR Apache-2.0
//! A text that several of our processes read and none can change: an anonymous file, sealed.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// The longest text that is passed on, in bytes. A configuration is at most half as long.
pub const TEXT_MAX: u64 = 256 << 20;

/// So much is compared at once.
const PART: usize = 16 * 1024;

/// A sealed text. Clones of the descriptor read the same bytes.
#[derive(Debug)]
pub struct Bundle {
    file: File,
}

fn seals() -> SealFlag {
    SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE
}

impl Bundle {
    pub fn seal(text: &[u8]) -> io::Result<Bundle> {
        let descriptor = memfd_create("steadfast", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        let mut file = File::from(descriptor);
        file.write_all(text)?;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals()))?;
        Ok(Bundle { file })
    }

    /// How long it is.
    pub fn octets(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.len())
    }

    /// Whether it holds this text.
    pub fn holds(&self, text: &[u8]) -> bool {
        let is_as_long = self.octets() == text.len() as u64;
        let mut at = 0;
        let mut part = vec![0; PART];
        is_as_long
            && text.chunks(PART).all(|expected| {
                let Some(part) = part.get_mut(..expected.len()) else { return false };
                let is_read = self.file.read_exact_at(part, at).is_ok();
                at += expected.len() as u64;
                is_read && part == expected
            })
    }

    /// Whether both are descriptors of one text. What is sealed never changes, so the file is the text.
    pub fn is_same(one: impl AsFd, other: impl AsFd) -> bool {
        let known = |descriptor: BorrowedFd<'_>| {
            let found = File::from(descriptor.try_clone_to_owned().ok()?).metadata().ok()?;
            // A number may be given again after some milliards of files; the moment of its making tells those apart.
            Some((found.dev(), found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
        };
        let known = (known(one.as_fd()), known(other.as_fd()));
        known.0.is_some() && known.0 == known.1
    }

    /// What it holds.
    pub fn text(&self) -> io::Result<Vec<u8>> {
        Bundle::read(self.file.as_fd().try_clone_to_owned()?)
    }

    /// Reads the text of a bundle that was handed over. What is not sealed could change while it is read, and is refused.
    pub fn read(descriptor: OwnedFd) -> io::Result<Vec<u8>> {
        let present = SealFlag::from_bits_retain(fcntl(&descriptor, FcntlArg::F_GET_SEALS)?);
        if !present.contains(seals()) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the text that was handed over is not sealed"));
        }
        let file = File::from(descriptor);
        let length = usize::try_from(file.metadata()?.len().min(TEXT_MAX)).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        bytes.resize(length, 0);
        // Never by the file's position: that is shared with every process that has the descriptor, and workers that start
        // together, or hear of a reload together, would each get a part of the text.
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }
}

impl AsFd for Bundle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_is_read_as_often_as_needed_and_never_changed() {
        let bundle = Bundle::seal(b"vrrp_instance A {\n}\n").unwrap();
        for _ in 0..2 {
            let copy = bundle.as_fd().try_clone_to_owned().unwrap();
            assert_eq!(Bundle::read(copy).unwrap(), b"vrrp_instance A {\n}\n");
        }
        let mut copy = File::from(bundle.as_fd().try_clone_to_owned().unwrap());
        assert!(copy.write_all(b"other").is_err());
        assert!(copy.set_len(0).is_err());
    }

    /// Workers start together and inherit one descriptor, and with it one position.
    #[test]
    fn all_who_read_at_once_get_the_whole_text() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(u32::to_ne_bytes).collect();
        let bundle = Bundle::seal(&text).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| assert!(bundle.text().unwrap() == text)));
            }
        });
    }

    #[test]
    fn a_text_is_known_again_by_its_file_and_by_its_octets() {
        let text = vec![7_u8; 3 * PART + 5];
        let (bundle, equal) = (Bundle::seal(&text).unwrap(), Bundle::seal(&text).unwrap());
        let copy = bundle.as_fd().try_clone_to_owned().unwrap();
        assert!(Bundle::is_same(&bundle, &copy));
        assert!(!Bundle::is_same(&bundle, &equal), "another file, whatever stands in it");
        assert!(bundle.holds(&text));
        let mut other = text.clone();
        *other.last_mut().unwrap() = 8;
        assert!(!bundle.holds(&other));
        assert!(!bundle.holds(text.get(1..).unwrap()));
        assert!(Bundle::seal(b"").unwrap().holds(b""));
    }

    #[test]
    fn a_text_that_may_still_change_is_refused() {
        let open = memfd_create("open", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING).unwrap();
        assert!(Bundle::read(open).is_err());
    }
}
