// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any octets as an advert of version 2.

#![no_main]

mod decode;

use libfuzzer_sys::fuzz_target;
use steadfast::proto::vrrp::wire::Version;

fuzz_target!(|data: &[u8]| decode::decode_every_way(Version::V2, data));
