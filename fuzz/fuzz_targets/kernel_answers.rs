// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel says over netlink: any octets as a datagram, and as attributes behind headers that are right. Links,
//! addresses, routes, rules, the load balancer and processes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steadfast::kernel::ipvs;
use steadfast::kernel::netlink::{Messages, Request};
use steadfast::kernel::process::connector;
use steadfast::kernel::rtnl::{Address, Link, Route, Rule};

/// New links, addresses, routes and rules, with the length of their headers.
const NEWS: [(u16, usize); 4] = [(16, 16), (20, 8), (24, 12), (32, 12)];
/// The load balancer's number is the kernel's choice; its messages have a header of four octets.
const BALANCER: u16 = 0x1c;
const BALANCER_HEADER: usize = 4;

fuzz_target!(|data: &[u8]| {
    read(data);
    let Some((first, rest)) = data.split_first() else { return };
    for (kind, header) in NEWS.into_iter().chain([(BALANCER, BALANCER_HEADER)]) {
        let mut head = vec![0; header];
        head[0] = *first;
        let mut request = Request::new(kind, 0, &head);
        request.raw(rest);
        read(&datagram(&request));
        let mut nested = Request::new(kind, 0, &head);
        nested.nested(u16::from(first % 4), |nest| {
            nest.raw(rest);
        });
        read(&datagram(&nested));
    }
});

fn datagram(request: &Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(1, false, &mut bytes);
    bytes
}

fn read(bytes: &[u8]) {
    for message in Messages::new(bytes) {
        let _ = (message.verdict(), Link::parse(&message), Address::parse(&message));
        let _ = (Route::parse(&message), Rule::parse(&message));
    }
    let _ = (ipvs::readings(bytes), connector::read(bytes));
}
