// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system log: datagrams to /dev/log that never wait. Where nobody listens a line costs next to nothing.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::clock;

/// A line longer than this is cut: a datagram has a limit, and a reader has one too.
pub const LINE_MAX: usize = 2048;

/// A log that nobody listens to is tried again after so long. A container has none at all.
const RETRY: Duration = Duration::from_secs(1);

/// A connection to the system log, made when the first line is sent and again after the log was restarted.
#[derive(Debug)]
pub struct Syslog {
    path: PathBuf,
    facility: u8,
    socket: Option<UnixDatagram>,
    /// Before this nobody is expected to listen, on the clock of deadlines.
    closed_until: u64,
}

impl Syslog {
    /// `facility` as syslog numbers it: 3 is daemon, 16 is local0.
    pub fn new(facility: u8) -> Syslog {
        Syslog::at(Path::new("/dev/log"), facility)
    }

    pub fn at(path: &Path, facility: u8) -> Syslog {
        Syslog { path: path.to_owned(), facility, socket: None, closed_until: 0 }
    }

    pub fn facility(&self) -> u8 {
        self.facility
    }

    /// `WouldBlock` when the line is not even tried: the log has no room, or nobody listened a moment ago.
    pub fn send(&mut self, severity: u8, name: &str, line: &str) -> io::Result<()> {
        let mut end = line.len().min(LINE_MAX);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let line = line.get(..end).unwrap_or_default();
        let priority = self.facility * 8 + severity;
        let datagram = format!("<{priority}>{name}[{}]: {line}", std::process::id());
        if let Some(socket) = &self.socket {
            match socket.send(datagram.as_bytes()) {
                Ok(_) => return Ok(()),
                // Another connection would find the same queue.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                Err(_) => self.socket = None,
            }
        }
        let now = clock::now();
        if now < self.closed_until {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let wait = u64::try_from(RETRY.as_nanos()).unwrap_or(u64::MAX);
        self.closed_until = now.saturating_add(wait);
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(&self.path)?;
        self.closed_until = 0;
        self.socket.insert(socket).send(datagram.as_bytes()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_reach_the_log_and_survive_its_restart() {
        let path = std::env::temp_dir().join(format!("steadfast-syslog-{}", std::process::id()));
        let mut bytes = [0; 4096];
        let mut sender = Syslog::at(&path, 3);
        assert!(sender.send(6, "test", "nobody listens").is_err());
        for round in 0..2 {
            let log = UnixDatagram::bind(&path).unwrap();
            while sender.send(4, "test", "hello").is_err() {
                std::thread::sleep(Duration::from_millis(20));
            }
            let length = log.recv(&mut bytes).unwrap();
            let expected = format!("<28>test[{}]: hello", std::process::id());
            assert_eq!(&bytes[..length], expected.as_bytes(), "round {round}");
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_thousand_lines_that_nobody_hears_cost_a_connection_a_second_at_most() {
        let path = std::env::temp_dir().join(format!("steadfast-syslog-nobody-{}", std::process::id()));
        let mut sender = Syslog::at(&path, 3);
        let start = std::time::Instant::now();
        let errors: Vec<io::ErrorKind> =
            (0..1000).map(|_| sender.send(6, "test", "nobody listens").unwrap_err().kind()).collect();
        let tried = errors.iter().filter(|kind| **kind != io::ErrorKind::WouldBlock).count();
        assert!(tried >= 1 && tried as u64 <= 1 + start.elapsed().as_secs(), "{tried} were tried");
    }

    #[test]
    fn a_log_that_is_full_is_not_connected_to_again_for_each_line() {
        let path = std::env::temp_dir().join(format!("steadfast-syslog-full-{}", std::process::id()));
        let log = UnixDatagram::bind(&path).unwrap();
        let mut sender = Syslog::at(&path, 3);
        let full = loop {
            if let Err(error) = sender.send(6, "test", "nobody reads") {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        log.recv(&mut [0; 4096]).unwrap();
        sender.send(6, "test", "somebody read").unwrap();
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let path = std::env::temp_dir().join(format!("steadfast-syslog-long-{}", std::process::id()));
        let log = UnixDatagram::bind(&path).unwrap();
        Syslog::at(&path, 3).send(6, "test", &"é".repeat(3000)).unwrap();
        let mut bytes = [0; 8192];
        let length = log.recv(&mut bytes).unwrap();
        assert!(std::str::from_utf8(&bytes[..length]).is_ok());
        std::fs::remove_file(&path).unwrap();
    }
}
