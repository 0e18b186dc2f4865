// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever the input, the line pass ends and its map holds.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Pieces that mean something to the line pass, and some that do not.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\n".to_owned()),
        Just("\\\n".to_owned()),
        Just("\r\n".to_owned()),
        prop_oneof!["#", "!", "\"", "\\\\", "\\{", "\\}", "@", "~", "\\$", " ", "\t", "'", "\\)", ","],
        prop_oneof![
            "\\$A=",
            "\\$B=",
            "\\$M= ?",
            "\\$\\{A\\}",
            "\\$\\{B\\}",
            "\\$M",
            "\\$A",
            "@node-a ",
            "@\\^node-a ",
            "~SEQ\\(i, ?[0-9]{1,2}\\) ",
            "~SEQ\\(i, -?[0-9], -?[0-9]\\) ",
            "~LST\\(v, a, b\\) ",
            "~LST\\(\\{a,b\\}, \\{1\\}\\) ",
            "\\$i",
            "\\$\\{i\\}",
            "\\$\\{_HASH\\}",
            "\\$\\{_RANDOM 1 3\\}",
            "\\$\\{_PWD\\}",
            "include ",
            "self.conf",
            "other.conf",
            "\\*.conf",
            "include_check ",
            "global_defs \\{",
        ],
        "[a-z0-9.]{1,5}",
        "\\PC{0,3}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_text_ends_and_every_byte_of_it_has_a_place(main in text(), other in text()) {
        let host = host().file("self.conf", &main).file("other.conf", &other);
        let (expanded, findings) = load(&host, Path::new("self.conf"), &Options::default());
        let text = expanded.text();
        prop_assert!(text.is_empty() || text.ends_with('\n'));
        for (at, _) in text.char_indices() {
            let place = expanded.map.locate(Span::new(at as u32, at as u32 + 1));
            prop_assert!(place.file == "self.conf" || place.file == "other.conf");
            prop_assert!(place.line_text.get(place.caret.clone()).is_some());
        }
        for label in findings.iter().flat_map(|finding| &finding.labels) {
            let place = expanded.map.locate(label.span);
            prop_assert!(!place.file.is_empty());
            prop_assert!(place.line_text.get(place.caret.clone()).is_some());
            prop_assert!(expanded.map.position(label.span) as usize <= text.len());
        }
    }

    #[test]
    fn every_sequence_of_bytes_ends(bytes in vec(any::<u8>(), 0..400)) {
        let (expanded, _) = load_text(&host(), "bytes", &bytes, &Options::default());
        prop_assert!(!expanded.text().contains('\0'));
    }

    /// Bytes copied from a file are found at the same bytes of that file.
    #[test]
    fn verbatim_text_maps_to_itself(words in vec("[a-z]{1,6}|\"[a-z # ]{0,6}\"|# [a-z]{3}\n|\n|\\{\n|\\}\n", 1..30)) {
        let input = words.join(" ");
        let (expanded, _) = load_str("t", &input);
        for (line, text) in expanded.text().lines().enumerate() {
            let start: usize = expanded.text().lines().take(line).map(|line| line.len() + 1).sum();
            let place = expanded.map.locate(Span::new(start as u32, (start + text.len()) as u32));
            let own = input.lines().nth(place.line as usize - 1).unwrap();
            prop_assert!(own.contains(text.trim_end()), "{:?} is not in {:?}", text, own);
            if !text.trim().is_empty() {
                prop_assert_eq!(place.line_text[place.caret.clone()].trim_end(), text.trim_end());
            }
        }
    }
}
