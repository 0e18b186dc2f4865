// SPDX-License-Identifier: MIT OR Apache-2.0
//! A node of a lab: its commands, its daemons, and what its kernel holds.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::journal::{Journal, PATIENCE, What};
use crate::topology::{Namespace, tool};

/// Where a node's daemon finds its configuration.
const CONFIGURATION: &str = "/run/test.conf";
/// `ip monitor` listens within milliseconds; this is seconds.
const PROBES_MAX: usize = 500;
/// How long the last lines of a daemon that has ended are waited for.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What runs on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Keepalived,
    Steadfast,
}

impl Program {
    /// The command that runs it in the foreground with these options more, as a shell takes it: both take the same.
    fn command(self, options: &str) -> String {
        let program = match self {
            Program::Keepalived => "keepalived",
            Program::Steadfast => env!("CARGO_BIN_EXE_steadfast"),
        };
        format!("{program} --dont-fork {options} -f {CONFIGURATION}")
    }
}

#[derive(Debug)]
pub struct Node {
    name: String,
    number: u8,
    interfaces: u8,
    namespace: Namespace,
    _monitor: Monitor,
    journal: Journal,
}

impl Node {
    pub fn new(name: &str, number: u8, namespace: Namespace, journal: Journal) -> Node {
        // Addresses work at once; duplicates are looked for only where a test says so.
        for group in ["all", "default"] {
            namespace
                .run(&format!("sysctl -qw net.ipv6.conf.{group}.disable_ipv6=0 net.ipv6.conf.{group}.accept_dad=0"));
        }
        namespace.run("ip link set lo up");
        let _monitor = observe_addresses(name, &namespace, &journal);
        Node { name: name.to_owned(), number, interfaces: 0, namespace, _monitor, journal }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn number(&self) -> u8 {
        self.number
    }

    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    pub fn next_interface(&mut self) -> String {
        self.interfaces += 1;
        format!("eth{}", self.interfaces - 1)
    }

    /// The next connection is `eth0` again: the test removed the interfaces.
    pub fn forget_interfaces(&mut self) {
        self.interfaces = 0;
    }

    /// Runs a command line in the node's network and returns what it printed.
    #[track_caller]
    pub fn run(&self, line: &str) -> String {
        self.namespace.run(line)
    }

    /// Like `run`, and told in the journal: the operator did it.
    #[track_caller]
    pub fn operator(&self, line: &str) -> String {
        self.journal.deed(format!("{}: {line}", self.name));
        self.run(line)
    }

    /// Whether the kernel of the node has the address now.
    pub fn has(&self, address: &str) -> bool {
        let wanted: IpAddr = address.parse().expect("an address");
        self.run("ip -o addr show").lines().any(|line| address_line(line).is_some_and(|(_, address)| address == wanted))
    }

    /// Whether the other end answers, if only by refusing the connection.
    pub fn reaches(&self, address: &str) -> bool {
        let to = SocketAddr::new(address.parse().expect("an address"), 9);
        match self.namespace.enter(|| TcpStream::connect_timeout(&to, Duration::from_secs(1))) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::ConnectionRefused,
        }
    }

    /// Waits until it does: carriers and neighbours need a moment.
    #[track_caller]
    pub fn wait_to_reach(&self, address: &str) {
        let start = Instant::now();
        while !self.reaches(address) {
            assert!(start.elapsed() < PATIENCE, "{} never reached {address}\n{}", self.name, self.journal.read());
        }
    }

    /// Writes the configuration that a daemon here reads at its start and at a reload.
    pub fn reconfigure(&self, configuration: &str) {
        let path = self.namespace.path(&format!("root{CONFIGURATION}"));
        std::fs::write(path, configuration).expect("writing the configuration");
    }

    /// Starts a daemon in the foreground with this configuration, without its checkers; its lines go into the journal.
    pub fn start(&self, program: Program, configuration: &str) -> Daemon {
        self.start_with(program, "--vrrp", configuration)
    }

    /// Starts a daemon in the foreground with these options more.
    pub fn start_with(&self, program: Program, options: &str, configuration: &str) -> Daemon {
        self.start_among(program, "", options, configuration)
    }

    /// Like `start_with`, with variables as a shell sets them: `NAME=VALUE`.
    pub fn start_among(&self, program: Program, variables: &str, options: &str, configuration: &str) -> Daemon {
        self.launch(program, variables, &format!("--log-console --log-detail {options}"), configuration)
    }

    /// Starts a daemon that writes no line to us: who is measured is not held up by who reads it.
    // The benchmark's.
    #[allow(dead_code)]
    pub fn start_silent(&self, program: Program, configuration: &str) -> Daemon {
        self.launch(program, "", "--vrrp", configuration)
    }

    fn launch(&self, program: Program, variables: &str, options: &str, configuration: &str) -> Daemon {
        self.reconfigure(configuration);
        self.journal.deed(format!("start {program:?} on {}", self.name));
        // Each node has a /run of its own, and dumps stand there.
        let line = format!("export TMPDIR=/run; echo $$; {variables} exec {}", program.command(options));
        let mut child = self
            .namespace
            .command("sh")
            .args(["-c", &line])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nsenter runs");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut pid = String::new();
        output.read_line(&mut pid).expect("the process number");
        let (reading, read) = channel();
        self.keep_lines(output, reading.clone());
        self.keep_lines(child.stderr.take().expect("its complaints"), reading);
        let (doors, node, journal) = (self.namespace.doors(), self.name.clone(), self.journal.clone());
        Daemon { child, pid: pid.trim().to_owned(), doors, node, journal, read }
    }

    /// Until the end of `output`, or of the lab; `reading` is let go then.
    fn keep_lines(&self, output: impl Read + Send + 'static, reading: Sender<()>) {
        let (node, journal) = (self.name.clone(), self.journal.clone());
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                journal.note(What::Log { node: node.clone(), line });
            }
            drop(reading);
        });
    }

    /// Kills every process of the node at once, as when the power goes; the kernel keeps what it holds.
    pub fn crash(&self) {
        self.journal.deed(format!("crash {}", self.name));
        // The shell's own `kill` spares itself and the namespace's first process.
        // It fails when there is nothing to kill.
        let _ = self.namespace.command("sh").args(["-c", "kill -KILL -1"]).status().expect("nsenter runs");
    }
}

/// A process that ends with its handle.
#[derive(Debug)]
struct Monitor(Child);

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `ip monitor` on a node and returns once it listens. It runs outside the node's process namespace, so that a
/// crash there does not blind it.
fn observe_addresses(node: &str, namespace: &Namespace, journal: &Journal) -> Monitor {
    let mut monitor = tool("setpriv")
        .args(["--pdeathsig", "KILL", "nsenter", &format!("--net={}", namespace.path("ns/net"))])
        .args(["--", "ip", "-o", "monitor", "address"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map(Monitor)
        .expect("setpriv, nsenter and ip run");
    let output = BufReader::new(monitor.0.stdout.take().expect("its output"));
    let (name, journal) = (node.to_owned(), journal.clone());
    let (heard, first) = channel();
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let _ = heard.send(());
            let (held, rest) = line.strip_prefix("Deleted ").map_or((true, line.as_str()), |rest| (false, rest));
            match address_line(rest) {
                Some((interface, address)) if interface != "lo" => {
                    journal.note(What::Address { node: name.clone(), interface, address, held });
                }
                _ => {}
            }
        }
    });
    // It does not say when it begins to listen: poke until it hears.
    for _ in 0..PROBES_MAX {
        namespace.run("ip addr add 127.255.255.254/32 dev lo");
        namespace.run("ip addr del 127.255.255.254/32 dev lo");
        if first.recv_timeout(Duration::from_millis(20)).is_ok() {
            return monitor;
        }
    }
    panic!("`ip monitor` on {node} hears nothing");
}

/// Interface and address in a line of `ip -o addr` or `ip -o monitor address`.
fn address_line(line: &str) -> Option<(String, IpAddr)> {
    let mut words = line.split_whitespace();
    let interface = words.nth(1)?.to_owned();
    words.by_ref().find(|word| matches!(*word, "inet" | "inet6"))?;
    let address = words.next()?.split('/').next()?.parse().ok()?;
    Some((interface, address))
}

/// A daemon in the foreground on a node. It is killed with this handle, or with the node.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    /// In the node's process namespace.
    pid: String,
    doors: Vec<String>,
    node: String,
    journal: Journal,
    /// Closed by its readers when every line it said is in the journal.
    read: Receiver<()>,
}

impl Daemon {
    /// Sends a signal by its name, such as `HUP`.
    pub fn signal(&self, name: &str) {
        self.journal.deed(format!("signal {name} on {}", self.node));
        assert!(self.send(name), "the daemon on {} took {name}", self.node);
    }

    fn send(&self, name: &str) -> bool {
        let mut command = tool("nsenter");
        command.args(&self.doors).args(["--", "kill", "-s", name, &self.pid]);
        command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Lets what started it go on, after everything on its node was stopped and told to go on: that stops too.
    #[allow(dead_code)]
    pub fn go_on(&self) {
        let child = self.child.id().to_string();
        assert!(tool("kill").args(["-CONT", &child]).status().is_ok_and(|status| status.success()));
    }

    /// Asks it to stop and waits until it has, and until its last words are in the journal.
    pub fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        let status = self.child.wait().expect("a child to wait for");
        // A script that it left running may still have its output: nobody waits for that one.
        let _ = self.read.recv_timeout(LAST_WORDS);
        status
    }

    /// Kills its main process without a word.
    pub fn kill(mut self) {
        self.signal("KILL");
        let _ = self.child.wait();
    }

    /// Whether it is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.is_running() {
            self.send("KILL");
            // Who let it in stops with it, and would be waited for until somebody wakes it.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
