// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the processes of the daemon say to each other. steadfast-web reads what strangers sent, so what it answers may be
//! anything; and a worker that was taken over must not take its supervisor with it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steadfast::channel::Message;
use steadfast::kernel::seqpacket::Packet;
use steadfast::worker::check::web::talk::{Ask, Meaning, understand};

fuzz_target!(|data: &[u8]| {
    if let Ok(Meaning::Done(_, Ok(fetched))) = understand(Packet { bytes: data.to_vec(), beside: None }) {
        assert!(fetched.header.len() + fetched.body.len() <= data.len());
    }
    if let Ok(ask) = serde_json::from_slice::<Ask>(data) {
        let written = serde_json::to_vec(&ask).expect("what was read can be written");
        assert_eq!(serde_json::from_slice::<Ask>(&written).expect("and read again"), ask);
    }
    if let Ok(message) = serde_json::from_slice::<Message>(data) {
        let written = serde_json::to_vec(&message).expect("what was read can be written");
        assert_eq!(serde_json::from_slice::<Message>(&written).expect("and read again"), message);
    }
});
