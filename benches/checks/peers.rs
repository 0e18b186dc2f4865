// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ours beside the packaged keepalived, by turns, each time in a namespace of its own with the servers it checks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;

use crate::figures::{Figures, head};
use crate::node::{Daemon, Node, Program};
use crate::processes;
use crate::server::{MORTAL, MORTALS, SILENT, TALKING, now};
use crate::topology::Lab;

/// The longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Real servers of one virtual server.
const GROUP: usize = 100;

/// Checkers at rest whose memory is compared with that of one.
const RESTING: usize = 10_000;

const TCP: &str = "TCP_CHECK {\n connect_timeout 5\n }";
const HTTP: &str = "HTTP_GET {\n connect_timeout 5\n url {\n path /\n status_code 200\n }\n }";

/// What a run measures, and how often.
struct Plan {
    /// Servers of a load, the smaller and the larger.
    loads: &'static [usize],
    rounds: usize,
    window: Duration,
    /// Rounds of everything else.
    others: usize,
    pages: u16,
    pressed: Duration,
}

const FULL: Plan = Plan {
    loads: &[1_000, 10_000],
    rounds: 2,
    window: Duration::from_secs(6),
    others: 2,
    pages: MORTALS,
    pressed: Duration::from_secs(10),
};

const QUICK: Plan = Plan {
    loads: &[1_000],
    rounds: 1,
    window: Duration::from_secs(2),
    others: 1,
    pages: 8,
    pressed: Duration::from_secs(3),
};

pub fn run(quick: bool) {
    let begun = Instant::now();
    let plan = if quick { &QUICK } else { &FULL };
    if std::env::var_os("STAND_IN").is_some() {
        println!(
            "This kernel has no load balancer. keepalived is told that its commands to one succeed; ours goes on without one.\n"
        );
    }
    head(plan.rounds);
    for (name, check, port) in [("TCP", TCP, SILENT), ("HTTP", HTTP, TALKING)] {
        for servers in plan.loads {
            busy(plan, name, check, port, *servers);
        }
    }
    if !quick {
        resting(plan);
        falling_ill(plan);
    }
    pressed(plan);
    println!("\n({} s)\n", begun.elapsed().as_secs());
}

fn busy(plan: &Plan, name: &str, check: &str, port: u16, servers: usize) {
    let played = by_turns(plan.rounds, |program| {
        let mut site = Site::new();
        site.start(program, &configuration(&group(servers, port, check), ""));
        site.until_checked(port, servers as u64);
        thread::sleep(Duration::from_secs(1));
        let (checks, cpu, began) = (site.count(port), processor_time(&site.node), Instant::now());
        thread::sleep(plan.window);
        let (checks, took) = (site.count(port) - checks, began.elapsed());
        let cpu = processor_time(&site.node) - cpu;
        let memory = processes::cost(&site.node).pss / 1024.0;
        site.stop();
        let expected = servers as f64 * took.as_secs_f64();
        (cpu * 1e6 / checks as f64, (100.0 - checks as f64 * 100.0 / expected).max(0.0).floor(), memory)
    });
    let what = format!("{} {name} checks a second", thousands(servers));
    let limit = format!("{:.1} (a loop that does only this)", bare(port));
    Figures::of(&played, |(cpu, ..)| *cpu).line(&format!("{what}: CPU of one"), "µs", &limit);
    Figures::of(&played, |(_, missed, _)| *missed).line(&format!("{what}: not made in time"), "%", "0");
    Figures::of(&played, |(.., memory)| *memory).line(&format!("{what}: memory of all processes (PSS)"), "MB", "-");
}

fn resting(plan: &Plan) {
    let played = by_turns(plan.others, |program| {
        let [one, many] = [1, RESTING].map(|servers| {
            let mut site = Site::new();
            site.start(program, &configuration(&group(servers, SILENT, TCP), "delay_loop 3600\n"));
            site.until_told("VS ", servers.div_ceil(GROUP));
            thread::sleep(Duration::from_secs(1));
            let memory = processes::cost(&site.node).pss * 1024.0;
            site.stop();
            memory
        });
        (many - one) / (RESTING - 1) as f64
    });
    let what = format!("memory of one checker at rest, among {}", thousands(RESTING));
    Figures::of(&played, |bytes| *bytes).line(&what, "B", "4096 (aim)");
}

fn falling_ill(plan: &Plan) {
    let played = by_turns(plan.others, |program| {
        let mut site = Site::new();
        let servers = [group(1_000, SILENT, TCP), mortals(plan.pages)].concat();
        site.start(program, &configuration(&servers, ""));
        site.until_checked(SILENT, 1_000);
        thread::sleep(Duration::from_secs(2));
        let fell = site.fall_ill(plan.pages);
        site.stop();
        fell
    });
    of_pages(&played, "a page falls ill", "500 (half an interval)");
}

fn pressed(plan: &Plan) {
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let played = by_turns(plan.others, |program| {
        let mut site = Site::new();
        let hasty = |check: &str| check.replace("connect_timeout 5", "connect_timeout 1\n retry 0");
        let live =
            [group(1_000, SILENT, &hasty(TCP)), group(1_000, TALKING, &hasty(HTTP)), mortals(plan.pages)].concat();
        site.start(program, &configuration(&live, ""));
        site.until_checked(SILENT, 1_000);
        site.until_checked(TALKING, 1_000);
        let hogs: Vec<Hog> = (0..2 * cores).map(|_| Hog::new(&site.node)).collect();
        thread::sleep(plan.pressed);
        let alarms = site.told(" DOWN").len();
        let fell = site.fall_ill(plan.pages);
        drop(hogs);
        site.stop();
        (alarms as f64, fell)
    });
    let what = format!("{} busy loops beside: live servers of 2,000 called dead", 2 * cores);
    Figures::of(&played, |(alarms, _)| *alarms).line(&what, "servers", "0");
    let played: Vec<[Vec<Fell>; 2]> = played.into_iter().map(|sides| sides.map(|(_, fell)| fell)).collect();
    of_pages(&played, "the same: a page falls ill", "500 (half an interval)");
}

/// Both moments of all pages: when in an interval a page falls ill is chance, what follows its answer is not.
fn of_pages(played: &[[Vec<Fell>; 2]], what: &str, limit: &str) {
    let all = |number: usize, of: fn(&Fell) -> f64| -> Vec<f64> {
        played.iter().filter_map(|sides| sides.get(number)).flatten().map(of).collect()
    };
    let figures = |of: fn(&Fell) -> f64| Figures { ours: all(0, of), theirs: all(1, of) };
    figures(|fell| fell.missed).chance(&format!("{what}: until it is told"), "ms", limit);
    figures(|fell| fell.told).line(&format!("{what}: from its first bad answer until it is told"), "ms", "0");
}

/// What passed, in milliseconds, until a page that fell ill was told to be down.
#[derive(Clone, Copy, Debug)]
struct Fell {
    /// Since it fell ill.
    missed: f64,
    /// Since it first said so.
    told: f64,
}

/// So many rounds of both sides, ours first in every other one; ours is the first of each pair.
fn by_turns<T>(rounds: usize, mut round: impl FnMut(Program) -> T) -> Vec<[T; 2]> {
    let turns = (0..rounds).map(|number| {
        if number % 2 == 0 {
            let theirs = round(Program::Keepalived);
            return [round(Program::Steadfast), theirs];
        }
        let ours = round(Program::Steadfast);
        [ours, round(Program::Keepalived)]
    });
    turns.collect()
}

fn thousands(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

/// Virtual servers with these real servers, each an address of its own.
fn group(servers: usize, port: u16, check: &str) -> String {
    let mut text = String::new();
    let all: Vec<usize> = (0..servers).collect();
    for (number, of) in all.chunks(GROUP).enumerate() {
        text += &format!("virtual_server 10.{}.{}.{} {port} {{\n%LINES%", 99, number / 250, number % 250 + 1);
        for server in of {
            let address =
                Ipv4Addr::new(127, 1 + (server / 62_500) as u8, (server / 250 % 250) as u8, (server % 250) as u8 + 1);
            text += &format!(" real_server {address} {port} {{\n {check}\n }}\n");
        }
        text += "}\n";
    }
    text
}

/// A virtual server with the pages that can fall ill.
fn mortals(pages: u16) -> String {
    let check = HTTP.replace("connect_timeout 5", "connect_timeout 5\n retry 0");
    let page = |number: u16| format!(" real_server 127.0.0.1 {} {{\n {check}\n }}\n", MORTAL + number);
    let pages: String = (0..pages).map(page).collect();
    format!("virtual_server 10.98.0.1 80 {{\n%LINES%{pages}}}\n")
}

fn configuration(servers: &str, timing: &str) -> String {
    let timing = if timing.is_empty() { "delay_loop 1\n warmup 1\n" } else { timing };
    let lines = format!(" lvs_sched rr\n lvs_method NAT\n protocol TCP\n {timing}");
    format!("global_defs {{\n lvs_notify_fifo /run/told\n}}\n{}", servers.replace("%LINES%", &lines))
}

/// Seconds of CPU of all threads of the daemon on a node.
fn processor_time(node: &Node) -> f64 {
    processes::numbers(node).into_iter().map(processes::seconds_on_a_core).sum()
}

/// What one check costs that is nothing but system calls, in microseconds.
fn bare(port: u16) -> f64 {
    const ROUNDS: u32 = 5_000;
    let site = Site::new();
    let took = site.node.namespace().enter(|| {
        let own = || {
            let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock");
            Duration::from(time)
        };
        let before = own();
        let mut bytes = [0; 1024];
        for round in 0..ROUNDS {
            let address = Ipv4Addr::new(127, 1, (round / 250 % 250) as u8, (round % 250) as u8 + 1);
            let mut stream = TcpStream::connect(SocketAddr::from((address, port))).expect("a server");
            if port == TALKING {
                stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("a server that listens");
            } else {
                stream.shutdown(std::net::Shutdown::Write).expect("a server that listens");
            }
            while matches!(stream.read(&mut bytes), Ok(1..)) {}
        }
        own() - before
    });
    took.as_secs_f64() * 1e6 / f64::from(ROUNDS)
}

/// A loop that does nothing, until it is dropped.
struct Hog(Child);

impl Hog {
    fn new(node: &Node) -> Hog {
        let mut command = node.namespace().command("sh");
        // It reads nothing until there is nobody any more who could write.
        command.args(["-c", "sh -c 'while :; do :; done' & read -r _; kill $!"]).stdin(Stdio::piped());
        Hog(command.spawn().expect("nsenter runs"))
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A node with the servers and, once it is started, a daemon that checks them.
struct Site {
    daemon: Option<Daemon>,
    server: Child,
    said: Receiver<String>,
    /// What was said out of turn.
    kept: Vec<String>,
    lines: Lines,
    node: Node,
    _lab: Lab,
}

impl Site {
    fn new() -> Site {
        let mut lab = Lab::new("the benchmark").expect("a lab, as the first one");
        let node = lab.node("a");
        for setting in
            ["net.core.somaxconn=32768", "net.ipv4.tcp_max_syn_backlog=32768", "net.ipv4.tcp_max_tw_buckets=20000"]
        {
            node.run(&format!("sysctl -qw {setting}"));
        }
        let lines = Lines::open(&node.namespace().path("root/run/told"));
        let own = std::env::current_exe().expect("our own file");
        let mut command: Command = node.namespace().command("nice");
        // Whatever is late is not late because of the servers.
        command.args(["-n", "-15"]).arg(own).arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = command.spawn().expect("nsenter runs");
        let output = server.stdout.take().expect("its output");
        let (tell, said) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let mut site = Site { daemon: None, server, said, kept: Vec::new(), lines, node, _lab: lab };
        site.hear("ready");
        site
    }

    fn start(&mut self, program: Program, configuration: &str) {
        let stand_in = std::env::var("STAND_IN").ok().filter(|_| program == Program::Keepalived);
        let variables = stand_in.map(|path| format!("LD_PRELOAD={path}")).unwrap_or_default();
        self.daemon = Some(self.node.start_among(program, &variables, "--check", configuration));
    }

    fn stop(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop();
        }
    }

    /// The next line that begins with this word.
    fn hear(&mut self, word: &str) -> String {
        loop {
            let line = self.said.recv_timeout(PATIENCE).expect("a server that answers");
            if line.starts_with(word) {
                return line;
            }
            self.kept.push(line);
        }
    }

    fn ask(&mut self, line: &str) -> String {
        let word = line.split(' ').next().unwrap_or_default().to_owned();
        writeln!(self.server.stdin.as_ref().expect("its input"), "{line}").expect("a server that listens");
        self.hear(&word)
    }

    /// Checks that were made so far.
    fn count(&mut self, port: u16) -> u64 {
        let line = self.ask("count");
        let number = if port == SILENT { 1 } else { 2 };
        line.split(' ').nth(number).and_then(|word| word.parse().ok()).expect("a number")
    }

    fn until_checked(&mut self, port: u16, checks: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.count(port) < checks {
            assert!(Instant::now() < deadline, "not all servers were checked\n{}", self.node_said());
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn until_told(&self, part: &str, lines: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.told(part).len() < lines {
            assert!(Instant::now() < deadline, "`{part}` was not told {lines} times\n{}", self.node_said());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The lines with this in them, and when they came.
    fn told(&self, part: &str) -> Vec<(u64, String)> {
        let lines = self.lines.0.lock().expect("no panic");
        lines.iter().filter(|(_, line)| line.contains(part)).cloned().collect()
    }

    fn node_said(&self) -> String {
        let seen = format!("{}", self._lab.journal.read());
        let lines: Vec<&str> = seen.lines().collect();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }

    /// Lets pages fall ill, one after the other, and waits until each is told to be down.
    fn fall_ill(&mut self, pages: u16) -> Vec<Fell> {
        let moment = |line: &str| line.split(' ').nth(2).and_then(|word| word.parse::<u64>().ok()).expect("a moment");
        let mut fell = Vec::new();
        for page in 0..pages {
            // Another moment in the interval each time.
            thread::sleep(Duration::from_millis(100 + u64::from(page) * 37 % 100));
            fell.push(moment(&self.ask(&format!("ill {page}"))));
        }
        let of = |page: u16| format!("RS [127.0.0.1]:tcp:{} ", MORTAL + page);
        let down = |site: &Site, page: u16| site.told(&of(page)).into_iter().find(|(_, line)| line.contains(" DOWN"));
        let deadline = Instant::now() + PATIENCE;
        while (0..pages).any(|page| down(self, page).is_none()) {
            assert!(Instant::now() < deadline, "a page that fell ill was not told\n{}", self.node_said());
            thread::sleep(Duration::from_millis(50));
        }
        self.ask("count");
        let took = |from: u64, to: u64| to.saturating_sub(from) as f64 / 1e6;
        let pages = (0..pages).zip(fell).filter_map(|(page, ill)| {
            let said = self.kept.iter().find(|line| line.starts_with(&format!("said {page} ")))?;
            let (told, _) = down(self, page)?;
            Some(Fell { missed: took(ill, told), told: took(moment(said), told) })
        });
        pages.collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.daemon = None;
        // It ends when nobody speaks to it any more.
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

/// The lines of a pipe, with the moments they came at.
struct Lines(Arc<Mutex<Vec<(u64, String)>>>, std::fs::File, Option<JoinHandle<()>>);

impl Lines {
    fn open(path: &str) -> Lines {
        nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o600)).expect("a pipe");
        // Open for writing too, so that it never ends.
        let pipe = std::fs::OpenOptions::new().read(true).write(true).custom_flags(0).open(path).expect("a pipe");
        let lines: Arc<Mutex<Vec<(u64, String)>>> = Arc::default();
        let (reading, taken) = (pipe.try_clone().expect("a descriptor"), Arc::clone(&lines));
        let thread = thread::spawn(move || {
            for line in BufReader::new(reading).lines().map_while(Result::ok) {
                if line == "end" {
                    return;
                }
                taken.lock().expect("no panic").push((now(), line));
            }
        });
        Lines(lines, pipe, Some(thread))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.1.write_all(b"\nend\n");
        let _ = self.2.take().map(JoinHandle::join);
    }
}
