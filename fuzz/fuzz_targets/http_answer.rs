// SPDX-License-Identifier: MIT OR Apache-2.0
//! The answer of an HTTP server: any octets, cut anywhere. However they are cut, what comes of them is the same.

#![no_main]

use genhash::{Answer, Kind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let kind = match first % 3 {
        0 => None,
        1 => Some(Kind::Md5),
        _ => Some(Kind::Sha256),
    };
    let keep = usize::from(*first) * 64;
    let read = |piece: usize| {
        let mut answer = Answer::new(kind, keep);
        for piece in bytes.chunks(piece) {
            answer.take(piece);
        }
        assert!(!answer.is_complete() || answer.header().is_some());
        answer.finish()
    };
    let whole = read(bytes.len().max(1));
    assert_eq!(whole, read(1));
    assert_eq!(whole, read(usize::from(*first) + 1));
    if let Some(fetched) = whole {
        let _ = (fetched.status(), fetched.is_short());
        assert!(fetched.text().is_some_and(|text| text.len() <= fetched.body.len()));
        assert!(fetched.body.len() <= keep);
        assert!(fetched.length.is_none_or(|length| fetched.received <= length));
    }
});
