// SPDX-License-Identifier: MIT OR Apache-2.0
use super::super::testing::read;

#[test]
fn the_block_is_read_and_repeated_values_are_errors() {
    for (text, codes, status) in [
        ("SSL {\n}", &[][..], 0),
        ("SSL {\npassword secret\nca /ca\ncertificate /cert\nkey /key\n}", &[], 0),
        ("SSL {\npassword\n}", &["KC050"], 5),
        ("SSL {\nca\n}", &["KC050"], 5),
        ("SSL {\npassword a\npassword b\n}", &["KC251"], 5),
        ("SSL {\nkey /a\nkey /b\n}", &["KC251"], 5),
        ("SSL {\n}\nSSL {\n}", &["KC250"], 5),
    ] {
        let read = read(text);
        assert_eq!((read.codes.as_slice(), read.status), (codes, status), "{text}\n{}", read.told);
    }
}

#[test]
fn the_last_value_counts_and_the_passphrase_is_never_shown() {
    let read = read("SSL {\nca /a\nca /b\npassword hunter2\n}");
    let ssl = read.lvs.ssl.expect("a block");
    assert_eq!(ssl.ca.as_deref(), Some("/b"));
    assert_eq!(ssl.password.as_ref().map(|password| password.expose().to_vec()), Some(b"hunter2".to_vec()));
    assert!(!format!("{ssl:?}{}", read.told).contains("hunter2"));
}
