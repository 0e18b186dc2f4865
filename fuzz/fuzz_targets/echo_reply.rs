// SPDX-License-Identifier: MIT OR Apache-2.0
//! What comes in on an ICMP socket, with and without an IP header.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use steadfast::proto::exchange::echo::Echo;

fuzz_target!(|data: &[u8]| {
    for target in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let echo = Echo::new(target, Some(7), 3);
        let _ = (echo.judge(data, false), echo.judge(data, true));
    }
});
