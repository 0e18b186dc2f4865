// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a mail server says, cut into pieces at every 0xff.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steadfast::proto::exchange::smtp::Greeting;
use steadfast::proto::exchange::smtp::mail::Delivery;

fuzz_target!(|data: &[u8]| {
    let mut greeting = Greeting::new("here");
    let mut delivery = Delivery::new("here", "a@x", &["b@x".to_owned(), "c@x".to_owned()], vec![b".\r\n".to_vec(); 2]);
    for piece in data.split(|byte| *byte == 0xff) {
        if greeting.hear(piece).is_err() {
            break;
        }
    }
    for piece in data.split(|byte| *byte == 0xff) {
        if delivery.hear(piece).is_err() {
            break;
        }
    }
    assert!(delivery.outcomes().len() <= 2);
});
