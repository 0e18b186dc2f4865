// SPDX-License-Identifier: MIT OR Apache-2.0
//! The load balancer's suite: a kernel of our own, booted as an ordinary program (User Mode Linux), in which IPVS is real.
//!
//! This program is its own harness. On the host it boots guests whose root is the host's, has each run this very program
//! again, and relays what each scenario came to as a test of its own. In the guest every scenario has a network and a /run
//! that nobody else has, so that many run at once. Guests write nowhere but into their own memory.
//!
//! Without User Mode Linux it says so and passes. Set `STEADFAST_UML=require` to make that a failure.
//!
//! Nothing is asserted about how long something takes; waits end when what they wait for is there.
// The modules are one program; `pub` says what a test may use.
#![allow(unreachable_pub)]
// What a harness finds wrong is the test's failure, so it panics; clocks, threads and processes are its trade.
#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::panic, clippy::unwrap_used)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

// The labs of the other suite, for what their kernels lack.
#[allow(dead_code)]
#[path = "../netns/capture.rs"]
mod capture;
#[allow(dead_code)]
#[path = "../netns/journal.rs"]
mod journal;
#[allow(dead_code)]
#[path = "../netns/links.rs"]
mod links;
#[allow(dead_code)]
#[path = "../netns/node.rs"]
mod node;
#[allow(dead_code)]
#[path = "../netns/site.rs"]
mod site;
#[allow(dead_code)]
#[path = "../netns/topology.rs"]
mod topology;

mod arguments;
mod case;
mod daemon;
mod faults;
mod golden;
mod guest;
mod host;
mod kernel;
mod packets;
mod recipes;
mod traffic;
mod world;

use std::fmt;
use std::process::ExitCode;

/// Something to be seen in a guest.
pub struct Scenario {
    pub name: String,
    pub run: Box<dyn Fn() + Send + Sync>,
    pub guest: Guest,
}

/// Which guest a scenario runs in. Guests run side by side, each on one processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// The kernel's own behaviour, packets, and our daemon.
    Ours,
    /// The daemon ours is compared with.
    Theirs,
    /// Routers in labs of namespaces.
    Labs,
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Scenario {
    pub fn new(guest: Guest, name: &str, run: impl Fn() + Send + Sync + 'static) -> Scenario {
        Scenario { name: name.to_owned(), run: Box::new(run), guest }
    }
}

fn scenarios() -> Vec<Scenario> {
    let mut all = kernel::scenarios();
    all.extend(faults::scenarios());
    all.extend(traffic::scenarios());
    all.extend(packets::scenarios());
    all.extend(golden::scenarios());
    all.extend(recipes::scenarios());
    for (name, _, run) in links::ANYWHERE.into_iter().chain(links::IN_A_GUEST_ONLY) {
        all.push(Scenario::new(Guest::Labs, &format!("links::{name}"), move || run(name)));
    }
    all
}

fn main() -> ExitCode {
    match guest::list() {
        Some(list) => guest::run(scenarios(), &list),
        None => host::run(scenarios(), &arguments::Arguments::read(std::env::args().skip(1))),
    }
}
