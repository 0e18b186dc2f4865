//! The system log: datagrams to /dev/log that never wait.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// A line longer than this is cut: a datagram has a limit, and a reader has one too.
pub const LINE_MAX: usize = 2048;

/// A connection to the system log, made when the first line is sent and again after the log was restarted.
#[derive(Debug)]
pub struct Syslog {
    path: PathBuf,
    facility: u8,
    socket: Option<UnixDatagram>,
}

impl Syslog {
    /// `facility` as syslog numbers it: 3 is daemon, 16 is local0.
    pub fn new(facility: u8) -> Syslog {
        Syslog::at(Path::new("/dev/log"), facility)
    }

    pub fn at(path: &Path, facility: u8) -> Syslog {
        Syslog { path: path.to_owned(), facility, socket: None }
    }

    pub fn facility(&self) -> u8 {
        self.facility
    }

    pub fn send(&mut self, severity: u8, name: &str, line: &str) -> io::Result<()> {
        let mut end = line.len().min(LINE_MAX);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let line = line.get(..end).unwrap_or_default();
        let priority = self.facility * 8 + severity;
        let datagram = format!("<{priority}>{name}[{}]: {line}", std::process::id());
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
            sender.send(4, "test", "hello").unwrap();
            let length = log.recv(&mut bytes).unwrap();
            let expected = format!("<28>test[{}]: hello", std::process::id());
            assert_eq!(&bytes[..length], expected.as_bytes(), "round {round}");
            std::fs::remove_file(&path).unwrap();
        }
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
