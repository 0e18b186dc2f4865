// SPDX-License-Identifier: MIT OR Apache-2.0
use super::super::testing::{Udp, nobody, verdict};
use crate::proto::health::Verdict;

const CHECK: &str = "DNS_CHECK {\n type A\n name www.example.org\n connect_timeout 0.3\n}";

/// The query as an answer, changed by `change`.
fn answer(query: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<Vec<u8>> {
    let mut bytes = query.to_vec();
    bytes[2] |= 0x80;
    change(&mut bytes);
    vec![bytes]
}

async fn told(reply: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> (Verdict, String) {
    let server = Udp::answering(reply).await;
    verdict(CHECK, server.address()).await
}

#[tokio::test]
async fn server_that_answers_is_well() {
    assert_eq!(told(|query| answer(query, |_| {})).await, (Verdict::Good(None), String::new()));
}

#[tokio::test]
async fn error_codes_are_named() {
    let (verdict, why) = told(|query| answer(query, |bytes| bytes[3] = 3)).await;
    assert_eq!((verdict, why.as_str()), (Verdict::Bad, "the server answers NXDOMAIN (3)"));
}

#[tokio::test]
async fn name_that_refers_to_itself_is_said() {
    let (verdict, why) = told(|query| {
        answer(query, |bytes| {
            bytes[7] = 1;
            let here = bytes.len() as u8;
            bytes.extend_from_slice(&[0xc0, here, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
        })
    })
    .await;
    assert_eq!(
        (verdict, why.as_str()),
        (Verdict::Bad, "the server's answer is malformed: a name in it refers to itself")
    );
}

#[tokio::test]
async fn answer_cut_short_is_said_unless_it_says_so_itself() {
    let cut = |bytes: &mut Vec<u8>| bytes[7] = 1;
    let (verdict, why) = told(move |query| answer(query, cut)).await;
    assert_eq!(verdict, Verdict::Bad);
    assert!(why.contains("ends within a record"), "{why}");
    let (verdict, _) = told(move |query| {
        answer(query, |bytes| {
            cut(bytes);
            bytes[2] |= 2;
        })
    })
    .await;
    assert_eq!(verdict, Verdict::Good(None));
}

#[tokio::test]
async fn strangers_answers_before_the_real_one_are_passed_over() {
    let reply = |query: &[u8]| {
        let mut other = query.to_vec();
        other[0] ^= 0xff;
        other[2] |= 0x80;
        vec![Vec::new(), b"garbage".to_vec(), query.to_vec(), other, answer(query, |_| {}).remove(0)]
    };
    assert_eq!(told(reply).await.0, Verdict::Good(None));
}

#[tokio::test]
async fn flood_of_garbage_ends() {
    let (verdict, why) = told(|_| vec![b"garbage".to_vec(); 1200]).await;
    assert_eq!(verdict, Verdict::Bad);
    // The kernel may drop some of so many; then it is the time that ends it.
    assert!(why.contains("do not answer the query") || why == "no answer within 300ms", "{why}");
}

#[tokio::test]
async fn silence_fails_in_time() {
    let (verdict, why) = told(|_| Vec::new()).await;
    assert_eq!((verdict, why.as_str()), (Verdict::Bad, "no answer within 300ms"));
}

#[tokio::test]
async fn port_nobody_listens_on_fails() {
    let (verdict, why) = verdict(CHECK, nobody().await).await;
    assert_eq!((verdict, why.as_str()), (Verdict::Bad, "connection refused"));
}
