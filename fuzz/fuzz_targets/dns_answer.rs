// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a name server answers: as it is, and behind the header and question that make it ours.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steadfast::proto::exchange::dns::Query;

fuzz_target!(|data: &[u8]| {
    let query = Query::new(0x1234, "www.example.org", 1).expect("a good name");
    let _ = query.judge(data);
    let mut bytes = query.bytes().to_vec();
    bytes[2] |= 0x80;
    let (counts, rest) = data.split_at(data.len().min(6));
    bytes[6..6 + counts.len()].copy_from_slice(counts);
    bytes.extend_from_slice(rest);
    let _ = query.judge(&bytes);
});
