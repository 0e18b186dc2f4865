// SPDX-License-Identifier: MIT OR Apache-2.0
//! A scenario's own network and /run, its commands, and servers that answer in it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{Shutdown, shutdown};

/// How long something may take that is certain to come. The guest has one processor and shares the machine.
pub const PATIENCE: Duration = Duration::from_secs(240);
/// How often is looked.
const PAUSE: Duration = Duration::from_millis(150);
/// A server waits so long for a request.
const REQUEST_WAIT: Duration = Duration::from_secs(30);

/// Leaves the namespaces of others. What this thread starts from now on lives here too.
pub fn enter() {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect("a namespace of its own");
    run("mount --make-rprivate /");
    run("mount -t tmpfs tmpfs /run");
    run("ip link set lo up");
}

/// Runs a command line to its end, whose failure is the scenario's, and returns what it printed.
#[track_caller]
pub fn run(line: &str) -> String {
    match attempt(line) {
        Ok(output) => output,
        Err(error) => panic!("`{line}` failed: {error}"),
    }
}

/// A program to run in the guest. That it is told whose it is, which changes nothing, makes the standard library fork: of
/// children that borrow this program's memory (`vfork`) some never begin while other threads run, in this kind of kernel.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.uid(0);
    command
}

pub fn attempt(line: &str) -> Result<String, String> {
    let mut words = line.split_whitespace();
    let program = words.next().expect("a program");
    let output = command(program).args(words).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// The kernel's table as `ipvsadm -Sn` tells it.
#[track_caller]
pub fn table() -> Vec<String> {
    run("ipvsadm -Sn").lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Watches what a command prints about the kernel's table. A program is expensive in a guest, so it runs again only when the
/// table's short form has changed, and now and then.
#[derive(Debug)]
pub struct Watch {
    command: String,
    short: String,
    lines: Vec<String>,
    looked: u32,
}

impl Watch {
    /// Every so many looks the command runs, whatever the short form says.
    const EVERY: u32 = 10;

    pub fn new(command: &str) -> Watch {
        Watch { command: command.to_owned(), short: String::new(), lines: Vec::new(), looked: 0 }
    }

    /// The lines now. Blanks in a row count as one.
    pub fn look(&mut self) -> Vec<String> {
        // This thread's network, not that of the whole program.
        let short = std::fs::read_to_string("/proc/thread-self/net/ip_vs").unwrap_or_default();
        if short != self.short || self.looked.is_multiple_of(Self::EVERY) {
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            self.lines = run(&self.command).lines().map(words).collect();
            self.short = short;
        }
        self.looked += 1;
        self.lines.clone()
    }
}

/// Waits until `found` is what is wanted, twice in a row. `Err` holds what it was at last.
pub fn settle<T: PartialEq>(wanted: &T, mut found: impl FnMut() -> T) -> Result<(), T> {
    let start = Instant::now();
    let mut agreed = false;
    loop {
        let now = found();
        match (now == *wanted, agreed) {
            (true, true) => return Ok(()),
            (true, false) => agreed = true,
            (false, _) if start.elapsed() > PATIENCE => return Err(now),
            (false, _) => agreed = false,
        }
        thread::sleep(PAUSE);
    }
}

/// What a server says to whoever connects.
#[derive(Clone, Debug)]
pub enum Says {
    /// Nothing: it closes.
    Nothing,
    /// Its own name, and waits for the other end to close.
    Name(String),
    /// Its own name, and then whatever the other end says, until that closes.
    Echo(String),
    /// An answer of HTTP.
    Web { status: u16, body: String },
}

/// Servers of a scenario.
#[derive(Debug, Default)]
pub struct Servers(BTreeMap<SocketAddr, TcpListener>);

impl Servers {
    #[track_caller]
    pub fn listen(&mut self, address: &str, says: Says) {
        let address: SocketAddr = address.parse().expect("an address with a port");
        let listener = TcpListener::bind(address).unwrap_or_else(|error| panic!("listening on {address}: {error}"));
        let own = listener.try_clone().expect("one more descriptor");
        thread::spawn(move || {
            while let Ok((connection, _)) = listener.accept() {
                let says = says.clone();
                thread::spawn(move || answer(connection, &says));
            }
        });
        self.0.insert(address, own);
    }

    #[track_caller]
    pub fn close(&mut self, address: &str) {
        let address: SocketAddr = address.parse().expect("an address with a port");
        let listener = self.0.remove(&address).unwrap_or_else(|| panic!("nobody listens on {address}"));
        shutdown(listener.as_raw_fd(), Shutdown::Both).expect("a listener that can be shut");
    }
}

fn answer(mut connection: TcpStream, says: &Says) {
    let _ = connection.set_read_timeout(Some(REQUEST_WAIT));
    match says {
        Says::Nothing => {}
        Says::Name(name) => {
            let _ = connection.write_all(format!("{name}\n").as_bytes());
            let _ = connection.read(&mut [0; 16]);
        }
        Says::Echo(name) => {
            // However long the other end takes.
            let _ = connection.set_read_timeout(None);
            let _ = connection.write_all(format!("{name}\n").as_bytes());
            if let Ok(mut back) = connection.try_clone() {
                let _ = std::io::copy(&mut connection, &mut back);
            }
        }
        Says::Web { status, body } => {
            if request(&mut connection) {
                let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n\r\n", body.len());
                let _ = connection.write_all((head + body).as_bytes());
            }
        }
    }
}

/// Whether a whole request came.
fn request(connection: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match connection.read(&mut buffer) {
            Ok(0) | Err(_) => return false,
            Ok(length) => request.extend_from_slice(&buffer[..length]),
        }
    }
    true
}
