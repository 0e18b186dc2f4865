// SPDX-License-Identifier: MIT OR Apache-2.0
//! The privileged suite: real kernel, real packets, in namespaces that vanish with the test that made them.
//!
//! A test builds a `Lab`, connects nodes to segments, starts daemons (ours or Debian's keepalived) in them, breaks
//! things, and asks the lab's journal what happened in which order. Nothing is asserted about how long something takes;
//! waits end as soon as what they wait for is there, and fail with the whole journal when it never comes.
//!
//! Without root or without namespaces every test says so on the terminal and passes. Set `STEADFAST_NETNS=require` to
//! make that a failure.
// The modules are one program; `pub` says what a test may use.
#![allow(unreachable_pub)]
// What a harness finds wrong is the test's failure, so it panics; clocks, threads and processes are its trade.
#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod actor;
mod ask;
mod attack;
mod capture;
mod journal;
mod node;
#[path = "../../src/observe/metrics/tests/openmetrics.rs"]
mod openmetrics;
mod site;
mod topology;

mod browser;
mod chaos;
mod checkers;
mod checks;
mod contracts;
mod daemon;
mod dumps;
mod faults;
mod interop;
mod kernel;
mod keywords;
mod lab;
mod links;
mod mail;
mod marks;
mod memory;
mod migrate;
mod nft;
mod placement;
mod platforms;
mod probes;
mod recipes;
mod scenarios;
mod shortage;
mod told;
mod top;
mod tracks;
mod vrrp;
mod workers;

/// The tests of `links` as far as this machine's kernel has what they need; the suite of guests plays all of them.
mod on_this_kernel {
    use crate::links::{ANYWHERE, lacks};
    use crate::topology::skipped;

    fn play(number: usize) {
        let (name, needed, run) = ANYWHERE[number];
        match lacks(needed) {
            None => run(name),
            Some(why) => skipped(name, &format!("{why}; `cargo test --test uml links` plays it in a guest")),
        }
    }

    #[test]
    fn addresses_move_between_two_routers_on_a_vlan() {
        play(0);
    }

    #[test]
    fn addresses_move_between_two_routers_in_a_routing_domain() {
        play(1);
    }

    #[test]
    fn an_address_on_a_dummy_comes_and_goes_with_its_router() {
        play(2);
    }

    #[test]
    fn a_network_that_loses_and_delays_frames_has_one_router_again_when_it_is_mended() {
        play(3);
    }
}
