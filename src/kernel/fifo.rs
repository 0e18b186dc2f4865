// SPDX-License-Identifier: MIT OR Apache-2.0
//! A named pipe we write lines into. Readers come and go; writing never waits.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid};

/// A pipe held open for reading too, so that a reader that leaves is no error and lines wait for the next one.
#[derive(Debug)]
pub struct Fifo {
    file: File,
    path: PathBuf,
    /// We made it, so we remove it.
    ours: bool,
}

impl Fifo {
    /// Opens the pipe, making it when it is missing. One that is there must be a pipe of ours or of `owner`.
    pub fn open(path: &Path, owner: Option<(u32, u32)>) -> io::Result<Fifo> {
        let ours = match nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o644)) {
            Ok(()) => true,
            Err(Errno::EEXIST) => false,
            Err(errno) => return Err(errno.into()),
        };
        if ours && owner.is_some() {
            give(path, owner)?;
        }
        let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
        let found = file.metadata()?;
        if !found.file_type().is_fifo() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a named pipe"));
        }
        let us = Uid::effective().as_raw();
        if found.uid() != us && owner.is_none_or(|(uid, _)| uid != found.uid()) {
            let text = format!("it belongs to user {}, neither to us nor to whom it is meant for", found.uid());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        Ok(Fifo { file, path: path.to_owned(), ours })
    }

    /// Whether we made it.
    pub fn is_ours(&self) -> bool {
        self.ours
    }

    /// Writes one line whole, or not at all: `WouldBlock` when the pipe is full.
    pub fn write(&mut self, line: &str) -> io::Result<()> {
        // A line shorter than PIPE_BUF is written in one piece; ours are names and a word.
        self.file.write_all(line.as_bytes())
    }

    /// Closes the pipe, and removes it when we made it.
    pub fn close(self) -> io::Result<()> {
        if self.ours { super::files::remove(&self.path) } else { Ok(()) }
    }
}

/// Lets another user read a pipe; nobody else than us for `None`.
pub fn give(path: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    let (uid, gid) = owner.unwrap_or((Uid::effective().as_raw(), Gid::effective().as_raw()));
    Ok(nix::unistd::chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("steadfast-fifo-{}-{name}", std::process::id()))
    }

    #[test]
    fn lines_wait_for_a_reader_and_a_full_pipe_refuses_whole_lines() {
        let path = path("full");
        let mut fifo = Fifo::open(&path, None).unwrap();
        let line = format!("{}\n", "x".repeat(99));
        let mut written = 0;
        let refused = loop {
            match fifo.write(&line) {
                Ok(()) => written += 1,
                Err(error) => break error,
            }
            assert!(written < 10_000, "a pipe is bounded");
        };
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        let mut reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        let mut bytes = vec![0; line.len() * written];
        reader.read_exact(&mut bytes).unwrap();
        assert!(bytes.chunks(line.len()).all(|chunk| chunk == line.as_bytes()));
        fifo.write(&line).unwrap();
        fifo.close().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_pipe_that_was_there_stays() {
        let path = path("stays");
        nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
        Fifo::open(&path, None).unwrap().close().unwrap();
        assert!(path.exists());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_is_no_pipe_is_refused() {
        let path = path("plain");
        std::fs::write(&path, "").unwrap();
        assert_eq!(Fifo::open(&path, None).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        std::fs::remove_file(&path).unwrap();
    }
}
