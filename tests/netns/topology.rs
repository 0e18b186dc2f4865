// SPDX-License-Identifier: MIT OR Apache-2.0
//! Labs: nodes in namespaces of their own, connected by segments.
//!
//! Nothing has a name outside the lab, so labs run side by side, and nothing has to be removed: each namespace lives as
//! long as the one process that holds it, and that process dies with the test, however the test ends.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};

use crate::capture::Capture;
use crate::journal::{Journal, PATIENCE};
use crate::node::Node;

/// A program to run. In a guest kernel it is told whose it is, which changes nothing there but makes the standard library
/// fork: of children that borrow this program's memory (`vfork`) some never begin while other threads run, in such a kernel.
pub fn tool(name: &str) -> Command {
    let mut command = Command::new(name);
    if std::env::var_os("STEADFAST_UML_SCENARIOS").is_some() {
        command.uid(0);
    }
    command
}

/// A network, mount and process namespace, held open by one process.
#[derive(Debug)]
pub struct Namespace {
    holder: Child,
}

impl Namespace {
    /// The holder is killed with the thread that made it, and everything in its process namespace with it.
    fn new(host: &str) -> Result<Namespace, String> {
        // A private /run keeps the pid files of daemons apart.
        let inside = format!("mount -t tmpfs tmpfs /run && hostname {host} && echo ready && exec sleep infinity");
        let mut holder = tool("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--net", "--mount", "--uts", "--pid", "--fork"])
            .args(["--kill-child=KILL", "--mount-proc", "--propagation", "private", "sh", "-c", &inside])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("setpriv and unshare of util-linux are needed: {error}"))?;
        let mut ready = String::new();
        let stdout = holder.stdout.take().ok_or("the holder has no output")?;
        BufReader::new(stdout).read_line(&mut ready).map_err(|error| error.to_string())?;
        if ready.trim() == "ready" {
            return Ok(Namespace { holder });
        }
        let output = holder.wait_with_output().map_err(|error| error.to_string())?;
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    /// A path of the holder in /proc, such as `root/run` or `ns/net`.
    pub fn path(&self, below: &str) -> String {
        format!("/proc/{}/{below}", self.holder.id())
    }

    /// A command inside: same network, files and processes.
    pub fn command(&self, program: &str) -> Command {
        let mut command = tool("nsenter");
        command.args(self.doors()).args(["--", program]).stdin(Stdio::null());
        command
    }

    /// The arguments that let `nsenter` in.
    pub fn doors(&self) -> Vec<String> {
        let doors = [("net", "net"), ("mount", "mnt"), ("uts", "uts"), ("pid", "pid_for_children")];
        doors.iter().map(|(option, file)| format!("--{option}={}", self.path(&format!("ns/{file}")))).collect()
    }

    /// Runs a command line to its end, whose failure is the test's, and returns what it printed.
    #[track_caller]
    pub fn run(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let program = words.next().expect("a program");
        // Processes outside can be named here, which moving interfaces needs.
        let output = tool("nsenter")
            .arg(format!("--net={}", self.path("ns/net")))
            .args(["--", program])
            .args(words)
            .output()
            .expect("nsenter runs");
        assert!(output.status.success(), "`{line}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `inside` in this network namespace, on a thread of its own. Sockets it returns stay in the namespace.
    pub fn enter<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> T {
        let namespace = std::fs::File::open(self.path("ns/net")).expect("the namespace exists");
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).expect("entering a namespace");
                inside()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    pub fn id(&self) -> u32 {
        self.holder.id()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// One test's world.
#[derive(Debug)]
pub struct Lab {
    pub journal: Journal,
    switch: Namespace,
    segments: u8,
    nodes: u8,
}

/// What a lab is made with, and the daemon ours is compared with.
fn programs_are_there() -> Result<(), String> {
    for (program, question) in
        [("ip", "-V"), ("nft", "--version"), ("nsenter", "--version"), ("keepalived", "--version")]
    {
        let asked = tool(program).arg(question).stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.map_err(|error| format!("`{program}` cannot be run: {error}"))?;
    }
    Ok(())
}

/// Says on the terminal why a test is not played. Not captured by the test runner, unlike the print macros.
pub fn skipped(test: &str, why: &str) {
    let _ = std::io::stderr().write_all(format!("SKIPPED {test}: {why}\n").as_bytes());
}

/// An Ethernet segment: a bridge that neither learns groups nor waits.
#[derive(Clone, Debug)]
pub struct Segment {
    name: String,
    number: u8,
}

impl Lab {
    /// `None`, with a line on the terminal, where namespaces cannot be made.
    pub fn new(test: &str) -> Option<Lab> {
        static POSSIBLE: OnceLock<Result<(), String>> = OnceLock::new();
        let switch = POSSIBLE
            .get_or_init(|| programs_are_there().and_then(|()| Namespace::new("probe").map(drop)))
            .clone()
            .and_then(|()| Namespace::new("switch"));
        match switch {
            Ok(switch) => Some(Lab { journal: Journal::new(), switch, segments: 0, nodes: 0 }),
            Err(why) => {
                assert!(std::env::var("STEADFAST_NETNS").as_deref() != Ok("require"), "no namespaces: {why}");
                skipped(test, &format!("a lab cannot be made here: {why}"));
                None
            }
        }
    }

    /// A new segment; every frame on it goes into the journal.
    pub fn segment(&mut self, name: &str) -> Segment {
        self.segments += 1;
        let segment = Segment { name: name.to_owned(), number: self.segments };
        let bridge = segment.bridge();
        self.switch.run(&format!("ip link add {bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0"));
        // Promiscuous, so that the bridge itself sees what passes between its ports.
        self.switch.run(&format!("ip link set {bridge} up promisc on"));
        let capture = self.switch.enter(|| Capture::open(&bridge));
        capture.keep(name.to_owned(), self.journal.clone());
        segment
    }

    /// A new node without any connection.
    pub fn node(&mut self, name: &str) -> Node {
        self.nodes += 1;
        let namespace = Namespace::new(name).expect("a namespace, as the first one");
        Node::new(name, self.nodes, namespace, self.journal.clone())
    }

    /// Connects a node to a segment by its next interface (`eth0`, `eth1` and so on), with these addresses.
    pub fn connect(&self, node: &mut Node, segment: &Segment, addresses: &[&str]) {
        let interface = node.next_interface();
        let port = segment.port(node);
        let mac = format!("02:00:00:00:{:02x}:{:02x}", segment.number, node.number());
        let (switch, peer) = (&self.switch, node.namespace().id());
        switch.run(&format!("ip link add {port} type veth peer name {interface} address {mac} netns {peer}"));
        switch.run(&format!("ip link set {port} master {} up", segment.bridge()));
        node.run(&format!("ip link set {interface} up"));
        for address in addresses {
            node.run(&format!("ip addr add {address} dev {interface}"));
        }
        wait_until_it_carries(switch, &port);
        wait_until_it_carries(node.namespace(), &interface);
    }

    /// A node on `segment` with `addresses` on its `eth0`.
    pub fn node_on(&mut self, segment: &Segment, name: &str, addresses: &[&str]) -> Node {
        let mut node = self.node(name);
        self.connect(&mut node, segment, addresses);
        node
    }

    /// Takes the cable out: the node's interface loses its carrier.
    pub fn unplug(&self, node: &Node, segment: &Segment) {
        self.journal.deed(format!("unplug {} from {}", node.name(), segment.name));
        self.switch.run(&format!("ip link set {} down", segment.port(node)));
    }

    pub fn plug(&self, node: &Node, segment: &Segment) {
        self.journal.deed(format!("plug {} into {}", node.name(), segment.name));
        self.switch.run(&format!("ip link set {} up", segment.port(node)));
    }

    /// Cuts the node off without its noticing: the carrier stays, no frame passes.
    pub fn cut(&self, node: &Node, segment: &Segment) {
        self.journal.deed(format!("cut {} off {}", node.name(), segment.name));
        self.switch.run(&format!("ip link set {} nomaster", segment.port(node)));
    }

    pub fn heal(&self, node: &Node, segment: &Segment) {
        self.journal.deed(format!("heal {} on {}", node.name(), segment.name));
        self.switch.run(&format!("ip link set {} master {}", segment.port(node), segment.bridge()));
    }

    /// The node hears the others, they do not hear it.
    pub fn mute(&self, node: &Node, segment: &Segment) {
        self.journal.deed(format!("mute {} on {}", node.name(), segment.name));
        self.drop_frames("ingress", &segment.port(node));
    }

    pub fn unmute(&self, node: &Node, segment: &Segment) {
        self.journal.deed(format!("unmute {} on {}", node.name(), segment.name));
        self.pass_frames("ingress", &segment.port(node));
    }

    /// The others hear the node, it does not hear them.
    pub fn deafen(&self, node: &Node, segment: &Segment) {
        self.journal.deed(format!("deafen {} on {}", node.name(), segment.name));
        self.drop_frames("egress", &segment.port(node));
    }

    pub fn undeafen(&self, node: &Node, segment: &Segment) {
        self.journal.deed(format!("undeafen {} on {}", node.name(), segment.name));
        self.pass_frames("egress", &segment.port(node));
    }

    /// In or out as the switch sees it.
    fn drop_frames(&self, hook: &str, port: &str) {
        self.switch.run("nft add table netdev cuts");
        let chain = format!("nft add chain netdev cuts {hook}-{port}");
        self.switch.run(&format!("{chain} {{ type filter hook {hook} device {port} priority 0 ; policy drop ; }}"));
    }

    fn pass_frames(&self, hook: &str, port: &str) {
        self.switch.run(&format!("nft delete chain netdev cuts {hook}-{port}"));
    }
}

/// Until then the kernel throws away what is sent, without a word.
fn wait_until_it_carries(namespace: &Namespace, interface: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !namespace.run(&format!("ip -oneline link show {interface}")).contains(" state UP ") {
        assert!(Instant::now() < deadline, "{interface} never carried");
        thread::sleep(Duration::from_millis(2));
    }
}

impl Segment {
    fn bridge(&self) -> String {
        format!("br{}", self.number)
    }

    fn port(&self, node: &Node) -> String {
        format!("p{}n{}", self.number, node.number())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.journal.end();
    }
}
