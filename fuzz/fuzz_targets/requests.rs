// SPDX-License-Identifier: MIT OR Apache-2.0
//! What operators, exporters and browsers ask the status worker: a line of the control socket, and a request of HTTP. What
//! is understood must be what whoever knows can be asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steadfast::channel::Ask;
use steadfast::worker::status::{control, http};

fuzz_target!(|data: &[u8]| {
    if let Ok(control::Request::Ask(ask)) = control::request(data) {
        let written = serde_json::to_vec(&ask).expect("what was understood can be written");
        assert_eq!(serde_json::from_slice::<Ask>(&written).expect("and read again"), ask);
    }
    let _ = http::understand(data);
    let _ = http::understand(&[b"GET ".as_slice(), data, b" HTTP/1.1\r\n\r\n"].concat());
});
