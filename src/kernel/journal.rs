// SPDX-License-Identifier: MIT OR Apache-2.0
//! The journal of systemd, in its own language: a datagram of fields. It never waits.

use std::fmt::Write;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use nix::sys::stat::fstat;

use super::files;

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";
/// How systemd says what is behind standard output or standard error: `DEVICE:INODE`.
const STREAM: &str = "JOURNAL_STREAM";

/// A way to the journal, made when the first entry is sent and again after the journal was restarted.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Journal {
    /// The journal, where it is what standard error goes to.
    pub fn behind_stderr() -> Option<Journal> {
        let named = files::variable(STREAM)?;
        let found = fstat(io::stderr()).ok()?;
        is_named(named.to_str()?, found.st_dev, found.st_ino).then(|| Journal::at(Path::new(SOCKET)))
    }

    pub fn at(path: &Path) -> Journal {
        Journal { path: path.to_owned(), socket: None }
    }

    /// One entry. Names are capitals; what would end a line in a value is a blank.
    pub fn send(&mut self, fields: &[(&str, &str)]) -> io::Result<()> {
        let mut datagram = String::new();
        for (name, value) in fields {
            // Writing into a string cannot fail.
            let _ = writeln!(datagram, "{name}={}", value.replace('\n', " "));
        }
        if let Some(socket) = &self.socket
            && socket.send(datagram.as_bytes()).is_ok()
        {
            return Ok(());
        }
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(&self.path)?;
        socket.send(datagram.as_bytes())?;
        self.socket = Some(socket);
        Ok(())
    }
}

fn is_named(named: &str, device: u64, inode: u64) -> bool {
    named == format!("{device}:{inode}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_line_for_each_field_and_survives_a_restart_of_the_journal() {
        let path = std::env::temp_dir().join(format!("steadfast-journal-{}", std::process::id()));
        let mut journal = Journal::at(&path);
        assert!(journal.send(&[("MESSAGE", "nobody listens")]).is_err());
        let mut bytes = [0; 4096];
        for round in 0..2 {
            let there = UnixDatagram::bind(&path).unwrap();
            journal.send(&[("MESSAGE", "one\nPRIORITY=0"), ("PRIORITY", "5")]).unwrap();
            let length = there.recv(&mut bytes).unwrap();
            assert_eq!(&bytes[..length], b"MESSAGE=one PRIORITY=0\nPRIORITY=5\n", "round {round}");
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn standard_error_is_the_journal_only_where_systemd_named_it() {
        assert!(is_named("8:1234", 8, 1234));
        assert!(!is_named("8:1234", 8, 12345) && !is_named("", 0, 0));
    }
}
