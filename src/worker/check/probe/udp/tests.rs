// SPDX-License-Identifier: MIT OR Apache-2.0
use keepalived_conf::blocks::lvs::check::Checker;

use super::super::testing::{Udp, checker, nobody, verdict};
use crate::proto::health::Verdict;

/// The verdict on a server that answers like this, with these keywords.
async fn told(keywords: &str, reply: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> (Verdict, String) {
    let server = Udp::answering(reply).await;
    verdict(&format!("UDP_CHECK {{\n connect_timeout 0.2\n {keywords}\n}}"), server.address()).await
}

#[tokio::test]
async fn silent_server_is_well_unless_an_answer_is_required() {
    assert_eq!(told("", |_| Vec::new()).await.0, Verdict::Good(None));
    for keywords in ["require_reply", "require_reply 01"] {
        let (verdict, why) = told(keywords, |_| Vec::new()).await;
        assert_eq!((verdict, why.as_str()), (Verdict::Bad, "no answer within 200ms"));
    }
}

#[tokio::test]
async fn payload_is_sent_as_written_and_else_keepaliveds_text() {
    let echo = |sent: &[u8]| vec![sent.to_vec()];
    assert_eq!(told("payload 0a 1 ff\n require_reply 0a01ff", echo).await.0, Verdict::Good(None));
    let text: String = b"keepalived check - keepalived ch".iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(told(&format!("min_reply_length 32\n require_reply {text}"), echo).await.0, Verdict::Good(None));
}

#[tokio::test]
async fn answer_must_match_under_the_mask() {
    assert_eq!(told("require_reply 1x x2", |_| vec![vec![0x1f, 0xf2]]).await.0, Verdict::Good(None));
    let (verdict, why) = told("require_reply 1x x2", |_| vec![b"no".to_vec()]).await;
    assert_eq!((verdict, why.as_str()), (Verdict::Bad, "the answer is not what is required: \"no\""));
    let (verdict, why) = told("require_reply 1x", |_| vec![Vec::new()]).await;
    assert_eq!((verdict, why.as_str()), (Verdict::Bad, "an empty answer"));
}

#[tokio::test]
async fn lengths_count_with_a_pattern_and_without() {
    for pattern in ["", "61"] {
        let lengths = format!("require_reply {pattern}\n min_reply_length 3\n max_reply_length 5");
        let (verdict, why) = told(&lengths, |_| vec![b"aa".to_vec()]).await;
        assert_eq!((verdict, why.as_str()), (Verdict::Bad, "an answer of 2 bytes, less than 3"));
        let (verdict, why) = told(&lengths, |_| vec![b"aaaaaa".to_vec()]).await;
        assert_eq!((verdict, why.as_str()), (Verdict::Bad, "an answer of 6 bytes, more than 5"));
        assert_eq!(told(&lengths, |_| vec![b"aaaaa".to_vec()]).await.0, Verdict::Good(None));
    }
}

#[tokio::test]
async fn unwritten_longest_length_counts_only_with_a_pattern() {
    let long = |_: &[u8]| vec![vec![b'a'; 300]];
    assert_eq!(told("require_reply", long).await.0, Verdict::Good(None));
    let (verdict, why) = told("require_reply 61", long).await;
    assert_eq!((verdict, why.as_str()), (Verdict::Bad, "an answer of 300 bytes, more than 255"));
}

#[tokio::test]
async fn any_answer_will_do_where_none_is_required() {
    assert_eq!(told("min_reply_length 3", |_| vec![b"a".to_vec()]).await.0, Verdict::Good(None));
}

#[tokio::test]
async fn port_nobody_listens_on_fails_although_silence_would_do() {
    let (verdict, why) = verdict("UDP_CHECK {\n connect_timeout 0.5\n}", nobody().await).await;
    assert_eq!((verdict, why.as_str()), (Verdict::Bad, "connection refused"));
}

proptest::proptest! {
    #[test]
    fn any_answer_is_judged(answer in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let check = "UDP_CHECK {\n require_reply 1x x2\n min_reply_length 2\n max_reply_length 200\n}";
        let Checker::Udp(check) = checker(check, ([127, 0, 0, 1], 9).into()) else { unreachable!() };
        let well = super::judge(&check, &answer).verdict == Verdict::Good(None);
        proptest::prop_assert!(!well || (2..=200).contains(&answer.len()));
    }
}
