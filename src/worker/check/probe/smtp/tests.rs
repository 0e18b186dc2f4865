// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use super::super::testing::{Tcp, nobody, verdict};
use crate::proto::health::Verdict;

const CHECK: &str = "SMTP_CHECK {\n helo_name me.example\n connect_timeout 0.3\n}";

/// The verdict on a server that sends these, each after it was spoken to, and the first one unasked.
async fn told(lines: &[&'static str]) -> (Verdict, String, String) {
    let server = Tcp::saying(lines.iter().map(|line| line.as_bytes().to_vec()).collect()).await;
    let (verdict, why) = verdict(CHECK, server.address()).await;
    (verdict, why, server.heard())
}

#[tokio::test]
async fn mail_server_is_greeted_and_left() {
    let (verdict, why, heard) = told(&["220 mx\r\n", "250 hello\r\n", "221 bye\r\n"]).await;
    assert_eq!((verdict, why.as_str()), (Verdict::Good(None), ""));
    assert_eq!(heard, "HELO me.example\r\nQUIT\r\n");
}

#[tokio::test]
async fn greeting_of_several_lines_is_a_greeting() {
    assert_eq!(told(&["220-mx\r\n220 ready\r\n", "250-a\r\n250 b\r\n", "221 bye\r\n"]).await.0, Verdict::Good(None));
}

#[tokio::test]
async fn refusals_and_strange_words_are_quoted() {
    let cases: [(&[&str], &str); 4] = [
        (&["554 closed\r\n"], "the server answers the connection with \"554 closed\" instead of 220"),
        (&["220 mx\r\n", "550 who\r\n"], "the server answers HELO with \"550 who\" instead of 250"),
        (&["SSH-2.0-OpenSSH\r\n"], "the server's line is no SMTP reply: \"SSH-2.0-OpenSSH\""),
        (&["220-a\r\n421 b\r\n"], "one reply of the server has the codes 220 and 421"),
    ];
    for (lines, expected) in cases {
        let (verdict, why, _) = told(lines).await;
        assert_eq!((verdict, why.as_str()), (Verdict::Bad, expected));
    }
}

#[tokio::test]
async fn server_that_stalls_fails_where_it_stalled() {
    for (lines, awaited) in [
        (&[""][..], "greeting"),
        (&["220 mx\r\n", ""], "answer to HELO"),
        (&["220 mx\r\n", "250 a\r\n", ""], "answer to QUIT"),
    ] {
        let (verdict, why, _) = told(lines).await;
        assert_eq!((verdict, why), (Verdict::Bad, format!("connected, but no {awaited} within 300ms")));
    }
}

#[tokio::test]
async fn server_that_closes_early_fails() {
    let server = Tcp::closing().await;
    let (verdict, why) = verdict(CHECK, server.address()).await;
    assert_eq!((verdict, why.as_str()), (Verdict::Bad, "the server closes instead of its greeting"));
}

#[tokio::test]
async fn ten_thousand_lines_and_a_drip_are_bounded() {
    let server = Tcp::saying(vec![b"220-again\r\n".repeat(10_000)]).await;
    let (verdict_, why) = verdict(CHECK, server.address()).await;
    assert_eq!((verdict_, why.as_str()), (Verdict::Bad, "the server's reply has more than 100 lines"));
    let server = Tcp::dripping(b'2', Duration::from_millis(20)).await;
    let (verdict, why) = verdict(CHECK, server.address()).await;
    assert_eq!((verdict, why.as_str()), (Verdict::Bad, "connected, but no greeting within 300ms"));
}

#[tokio::test]
async fn port_nobody_listens_on_fails() {
    let (verdict, why) = verdict(CHECK, nobody().await).await;
    assert_eq!((verdict, why.as_str()), (Verdict::Bad, "connection refused"));
}
