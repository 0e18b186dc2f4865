// SPDX-License-Identifier: MIT OR Apache-2.0
use proptest::prelude::*;

use super::*;

fn delivery(messages: usize) -> Delivery {
    let to = ["Ops <ops@a.example>".to_owned(), "night@a.example".to_owned()];
    let messages = (1..=messages).map(|number| format!("message {number}\r\n.\r\n").into_bytes()).collect();
    Delivery::new("here", "Router <root@a.example>", &to, messages)
}

/// Plays a server that answers each command by `answer`, after a greeting.
fn play(delivery: &mut Delivery, answer: impl Fn(&str) -> &'static str) -> (Vec<String>, Result<bool, Fault>) {
    let mut heard = Vec::new();
    let mut reply = "220 ready\r\n";
    for _ in 0..100 {
        match delivery.hear(reply.as_bytes()) {
            Ok(Turn::Listen) => return (heard, Ok(false)),
            Ok(Turn::Done) => return (heard, Ok(true)),
            Ok(Turn::Say(words)) => {
                let words = String::from_utf8(words).expect("ASCII");
                reply = answer(&words);
                heard.push(words.trim_end().to_owned());
            }
            Err(fault) => return (heard, Err(fault)),
        }
    }
    panic!("the conversation does not end: {heard:?}");
}

fn friendly(words: &str) -> &'static str {
    if words == "DATA\r\n" { "354 go on\r\n" } else { "250 ok\r\n" }
}

#[test]
fn message_is_handed_in_as_keepalived_does_it() {
    let mut delivery = delivery(1);
    let (heard, end) = play(&mut delivery, friendly);
    let expected = [
        "HELO here",
        "MAIL FROM:<root@a.example>",
        "RCPT TO:<ops@a.example>",
        "RCPT TO:<night@a.example>",
        "DATA",
        "message 1\r\n.",
        "QUIT",
    ];
    assert_eq!(heard, expected);
    assert_eq!((end, delivery.outcomes()), (Ok(true), &[Outcome::Taken(Vec::new())][..]));
}

#[test]
fn several_messages_go_over_one_connection() {
    let mut delivery = delivery(3);
    let (heard, end) = play(&mut delivery, friendly);
    assert_eq!(heard.iter().filter(|words| words.starts_with("message")).count(), 3);
    assert_eq!(heard.iter().filter(|words| words.starts_with("HELO")).count(), 1);
    assert_eq!((end, delivery.outcomes().len()), (Ok(true), 3));
}

#[test]
fn one_refused_recipient_does_not_keep_the_others_from_it() {
    let mut delivery = delivery(1);
    let refuse = |words: &str| if words.contains("<ops@") { "550 no such user\r\n" } else { friendly(words) };
    assert_eq!(play(&mut delivery, refuse).1, Ok(true));
    let refused = vec![("ops@a.example".to_owned(), "550 no such user".to_owned())];
    assert_eq!(delivery.outcomes(), [Outcome::Taken(refused)]);
}

#[test]
fn message_nobody_may_get_is_given_up_and_the_next_one_tried() {
    let mut delivery = delivery(2);
    let refuse = |words: &str| if words.starts_with("RCPT") { "550 no\r\n" } else { friendly(words) };
    let (heard, end) = play(&mut delivery, refuse);
    assert_eq!(end, Ok(true));
    assert_eq!(delivery.outcomes(), vec![Outcome::Refused("550 no".to_owned()); 2]);
    assert_eq!(heard.iter().filter(|words| *words == "RSET").count(), 2);
    assert!(!heard.contains(&"DATA".to_owned()));
}

#[test]
fn message_the_server_cannot_take_now_keeps_its_place() {
    let mut delivery = delivery(2);
    let busy = |words: &str| if words == "message 2\r\n.\r\n" { "452 disk full\r\n" } else { friendly(words) };
    let fault = play(&mut delivery, busy).1.expect_err("not now");
    assert_eq!(fault.to_string(), "the server answers the message with \"452 disk full\" instead of 250");
    assert_eq!(delivery.outcomes(), [Outcome::Taken(Vec::new())]);
}

#[test]
fn letter_reads_as_keepaliveds() {
    let to = ["a@x.example".to_owned(), "B <b@x.example>".to_owned()];
    let letter = Letter {
        date: "Sun, 29 Nov 2026 20:00:00 +0000",
        from: "root@here",
        subject: "[R1] VRRP Instance VI_1 - Entering MASTER state",
        to: &to,
        body: "=> VRRP Instance is now owning VRRP VIPs <=\n",
    };
    let expected = "Date: Sun, 29 Nov 2026 20:00:00 +0000\r\n\
                    From: root@here\r\n\
                    Subject: [R1] VRRP Instance VI_1 - Entering MASTER state\r\n\
                    X-Mailer: Keepalived\r\n\
                    To: a@x.example,\r\n B <b@x.example>\r\n\
                    \r\n\
                    => VRRP Instance is now owning VRRP VIPs <=\r\n\
                    .\r\n";
    assert_eq!(String::from_utf8(letter.compose()).expect("ASCII"), expected);
}

#[test]
fn nothing_in_a_letter_can_end_it_or_add_a_header() {
    let to = ["a\r\nBcc: evil@x".to_owned()];
    let letter =
        Letter { date: "now", from: "a\nb", subject: "s\r\n\r\nx", to: &to, body: ".\n..\nMAIL FROM:<x>\r\n.\r\n" };
    let text = String::from_utf8(letter.compose()).expect("ASCII");
    let (head, body) = text.split_once("\r\n\r\n").expect("a header");
    assert_eq!(head.split("\r\n").count(), 5);
    assert_eq!(body, "..\r\n...\r\nMAIL FROM:<x>\r\n..\r\n.\r\n");
}

#[test]
fn envelope_has_the_address_alone() {
    let cases = [
        ("a@x.example", "a@x.example"),
        ("\"A, B\" <a@x.example>", "a@x.example"),
        ("<a@x.example>", "a@x.example"),
        ("a@x.example>\r\nDATA", "a@x.exampleDATA"),
    ];
    for (written, bare) in cases {
        assert_eq!(bare_address(written), bare);
    }
}

proptest! {
    #[test]
    fn any_server_is_borne(pieces in proptest::collection::vec("[2345][0-9]{2}[ -][a-z]{0,3}\r?\n", 0..60)) {
        let mut delivery = delivery(2);
        for piece in pieces {
            if delivery.hear(piece.as_bytes()).is_err() {
                break;
            }
        }
        prop_assert!(delivery.outcomes().len() <= 2);
    }
}
