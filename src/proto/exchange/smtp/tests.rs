// SPDX-License-Identifier: MIT OR Apache-2.0
use proptest::prelude::*;

use super::*;

/// What a check says to a server that sends these pieces, or why it gives up.
fn converse(pieces: &[&[u8]]) -> (String, Result<bool, Fault>) {
    let mut check = Greeting::new("smtpchecker.keepalived.org");
    let mut said = String::new();
    for piece in pieces {
        match check.hear(piece) {
            Ok(Turn::Listen) => {}
            Ok(Turn::Say(words)) => said += &String::from_utf8(words).expect("ASCII"),
            Ok(Turn::Done) => return (said, Ok(true)),
            Err(fault) => return (said, Err(fault)),
        }
    }
    (said, Ok(false))
}

const WHOLE: &str = "HELO smtpchecker.keepalived.org\r\nQUIT\r\n";

#[test]
fn good_server_hears_helo_and_quit() {
    assert_eq!(converse(&[b"220 mx ready\r\n", b"250 hello\r\n", b"221 bye\r\n"]), (WHOLE.to_owned(), Ok(true)));
}

#[test]
fn greeting_of_several_lines_and_bare_codes_are_fine() {
    let pieces: [&[u8]; 3] = [b"220-mx\r\n220-policy\r\n220 ready\r\n", b"250\r\n", b"221\r\n"];
    assert_eq!(converse(&pieces), (WHOLE.to_owned(), Ok(true)));
}

#[test]
fn outcome_does_not_depend_on_how_the_stream_was_cut() {
    let stream = b"220-mx\r\n220 ready\r\n250-a\n250 b\r\n221 bye\r\n";
    for size in 1..=stream.len() {
        let pieces: Vec<&[u8]> = stream.chunks(size).collect();
        assert_eq!(converse(&pieces).1, Ok(true), "pieces of {size}");
    }
}

#[test]
fn line_after_quit_may_say_anything() {
    assert_eq!(converse(&[b"220 a\n", b"250 b\n", b"whatever\n"]).1, Ok(true));
    assert_eq!(converse(&[b"220 a\n", b"250 b\n", b"whatever"]).1, Ok(false), "but must be a line");
}

#[test]
fn server_that_refuses_is_quoted() {
    let fault = converse(&[b"554 no service\r\n"]).1.expect_err("refused");
    assert_eq!(fault.to_string(), "the server answers the connection with \"554 no service\" instead of 220");
    let fault = converse(&[b"220 a\r\n", b"501 go away\x1b[31m\r\n"]).1.expect_err("refused");
    assert_eq!(fault.to_string(), "the server answers HELO with \"501 go away.[31m\" instead of 250");
}

#[test]
fn what_is_no_smtp_is_quoted() {
    for line in ["HTTP/1.1 400 Bad Request", "22", "220x", "2200", "-220", ""] {
        let fault = converse(&[line.as_bytes(), b"\r\n"]).1.expect_err("no reply");
        assert_eq!(fault, Fault::NoReply(line.to_owned()));
    }
}

#[test]
fn lines_of_one_reply_must_agree() {
    assert_eq!(converse(&[b"220-a\r\n250 b\r\n"]).1, Err(Fault::Codes(220, 250)));
}

#[test]
fn ten_thousand_lines_and_one_endless_line_are_bounded() {
    assert_eq!(converse(&vec![&b"220-again\r\n"[..]; 10_000]).1, Err(Fault::ManyLines));
    assert_eq!(converse(&vec![&b"220 again and again "[..]; 10_000]).1, Err(Fault::LongLine));
    let allowed = [b"220-again\r\n".repeat(LINES_MAX - 1), b"220 done\r\n".to_vec()].concat();
    assert_eq!(converse(&[&allowed]).1, Ok(false));
}

#[test]
fn name_in_helo_cannot_end_the_line() {
    let mut check = Greeting::new("a\r\nDATA");
    assert_eq!(check.hear(b"220 x\r\n"), Ok(Turn::Say(b"HELO a  DATA\r\n".to_vec())));
}

proptest! {
    #[test]
    fn any_bytes_are_heard(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let _ = converse(&pieces);
    }

    #[test]
    fn any_lines_mean_the_same_however_they_are_cut(lines in proptest::collection::vec("(220|250|221|5)[ -][a-z]{0,5}\r?\n", 0..8), cut in 1_usize..40) {
        let stream = lines.concat().into_bytes();
        let pieces: Vec<&[u8]> = stream.chunks(cut).collect();
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(converse(&pieces).1, converse(&bytes).1);
    }
}
