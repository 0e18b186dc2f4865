// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who says on a segment that an address is his: any octets as ARP, and as a neighbour advert, whole and as its options.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steadfast::kernel::raw::claims::{from_advert, from_arp};

fuzz_target!(|data: &[u8]| {
    let _ = (from_arp(data), from_advert(data));
    let head = [&[136, 0, 0, 0, 0x20, 0, 0, 0][..], &[0x20; 16], data].concat();
    let _ = from_advert(&head);
});
