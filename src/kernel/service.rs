// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the service manager is told: `Type=notify` of systemd, and whatever speaks the same protocol.
//!
//! A datagram each, to the socket that the environment names. Nobody has to listen, and nothing waits.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Names of the variables; no program we start may see them.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// A service manager that listens, if any does.
#[derive(Debug, Default)]
pub struct Service {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Service {
    /// As the environment says.
    pub fn of_environment() -> Service {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let socket = variable("NOTIFY_SOCKET").and_then(|path| connect(path.as_bytes()).ok());
        let number = |name| variable(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| ours && *micros > 0).map(Duration::from_micros);
        Service { watchdog: watchdog.filter(|_| socket.is_some()), socket }
    }

    pub fn is_listening(&self) -> bool {
        self.socket.is_some()
    }

    /// How often it wants to hear that we live, at least.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Everything runs by the configuration that counts.
    pub fn ready(&self) {
        self.say(&format!("READY=1\nMAINPID={}", std::process::id()));
    }

    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={}", now.as_micros()));
    }

    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// Why we end: an `errno`.
    pub fn failed(&self, errno: i32) {
        self.say(&format!("ERRNO={errno}"));
    }

    /// A line for people.
    pub fn status(&self, line: &str) {
        self.say(&format!("STATUS={}", line.replace('\n', " ")));
    }

    pub fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    /// It may be gone, or full; neither is ours to mend.
    fn say(&self, text: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(text.as_bytes());
        }
    }
}

/// A path, or a name that no file has, which is written with an `@`.
fn connect(path: &[u8]) -> io::Result<UnixDatagram> {
    let address = match path.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(listener: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        let length = listener.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[test]
    fn a_listener_is_told_by_path_and_by_abstract_name() {
        let path = std::env::temp_dir().join(format!("steadfast-service-{}", std::process::id()));
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("steadfast-service-{}", std::process::id());
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        for (listener, address) in
            [(by_path, path.as_os_str().as_bytes().to_vec()), (by_name, format!("@{name}").into())]
        {
            let service = Service { socket: Some(connect(&address).unwrap()), watchdog: None };
            service.ready();
            assert_eq!(heard(&listener), format!("READY=1\nMAINPID={}", std::process::id()));
            service.reloading();
            assert!(heard(&listener).starts_with("RELOADING=1\nMONOTONIC_USEC="));
            service.status("two\nlines");
            assert_eq!(heard(&listener), "STATUS=two lines");
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn nobody_listening_is_no_error() {
        assert!(connect(b"/nonexistent/socket").is_err());
        Service::default().ready();
    }
}
