// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

use proptest::prelude::*;

fn digest(chunks: &[&[u8]]) -> Option<String> {
    let mut answer = Answer::new(Some(Kind::Md5), 0);
    for chunk in chunks {
        answer.take(chunk);
    }
    answer.finish().map(|fetched| hex(&fetched.digest))
}

const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";
const HELLO: &str = "b1946ac92492d2347c6235b4d2611184";

#[test]
fn requests_are_keepalived_s_to_the_byte() {
    let v4: SocketAddr = "192.0.2.1:80".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::1]:8080".parse().unwrap();
    let plain = b"GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 192.0.2.1:80\r\n\r\n";
    assert_eq!(request("/", None, v4, Protocol::V1_0), plain);
    let close =
        b"GET /a HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: [2001:db8::1]:8080\r\n\r\n";
    assert_eq!(request("/a", None, v6, Protocol::V1_0Close), close);
    let named = b"GET a HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example\r\n\r\n";
    assert_eq!(request("a", Some("www.example"), v4, Protocol::V1_1), named);
    assert!(request(&"x".repeat(5000), None, v4, Protocol::V1_0).ends_with(b"\r\n\r\n"), "nothing is cut");
}

#[test]
fn what_is_hashed_of_each_kind_of_answer() {
    let table: [(&str, &[u8], Option<&str>); 10] = [
        ("until the end", b"HTTP/1.0 200 OK\r\n\r\nhello\n", Some(HELLO)),
        ("a length", b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\nrest", Some(HELLO)),
        ("a length too long", b"HTTP/1.0 200 OK\r\nContent-Length: 600\r\n\r\nhello\n", Some(HELLO)),
        ("a length in another spelling", b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nhello\n", Some(HELLO)),
        ("a length in another field", b"HTTP/1.0 200 OK\r\nX-Content-Length: 6\r\n\r\nhello\nrest", Some(HELLO)),
        ("a blank line of another kind", b"HTTP/1.0 200 OK\r\n\nhello\n", Some(HELLO)),
        ("no body", b"HTTP/1.1 204 No Content\r\n\r\n", Some(EMPTY)),
        ("a length of nothing", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\nhello\n", Some(EMPTY)),
        ("line feeds only", b"HTTP/1.0 200 OK\n\nhello\n", Some(HELLO)),
        ("nothing", b"", None),
    ];
    for (what, bytes, expected) in table {
        assert_eq!(digest(&[bytes]).as_deref(), expected, "{what}");
    }
}

#[test]
fn chunks_are_hashed_as_they_came() {
    let body = b"6\r\nhello\n\r\n0\r\n\r\n";
    let answer = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice(), body].concat();
    assert_eq!(digest(&[&answer]), Some(hex(&Md5::digest(body))));
}

fn fetched(bytes: &[u8], keep: usize) -> Option<Fetched> {
    let mut answer = Answer::new(None, keep);
    answer.take(bytes);
    answer.finish()
}

#[test]
fn the_status_is_three_digits_of_the_first_line_and_a_word() {
    let status = |text: &str| fetched(format!("{text}\r\n\r\n").as_bytes(), 0).unwrap().status();
    assert_eq!(status("HTTP/1.1 200 OK"), Some(200));
    assert_eq!(status("ICY 302 "), Some(302));
    assert_eq!(status("HTTP/1.1 200"), Some(200));
    assert_eq!(status("HTTP/1.1 20x "), None);
    assert_eq!(status("HTTP/1.1 2000 "), None);
    assert_eq!(status("HTTP/1.1"), None);
    assert_eq!(status("garbage\r\nAge: 200 "), None);
}

#[test]
fn an_answer_is_complete_when_its_length_came_and_what_follows_is_nothing() {
    let mut answer = Answer::new(Some(Kind::Md5), 100);
    answer.take(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhel");
    assert!(!answer.is_complete());
    answer.take(b"lo\nand more");
    assert!(answer.is_complete());
    let fetched = answer.finish().unwrap();
    assert_eq!(
        (hex(&fetched.digest).as_str(), fetched.body.as_slice(), fetched.received),
        (HELLO, b"hello\n".as_slice(), 6)
    );
    assert!(!fetched.is_short());
}

#[test]
fn chunks_are_put_together_for_people_and_patterns() {
    let text = |body: &str, coding: &str| {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n{body}");
        String::from_utf8(fetched(answer.as_bytes(), 1000).unwrap().text().unwrap().into_owned()).unwrap()
    };
    assert_eq!(text("3\r\nhel\r\n3;x=y\r\nlo\n\r\n0\r\n\r\n", "Chunked"), "hello\n");
    assert_eq!(text("3\r\nhel\r\n100\r\nlo\n", "gzip, chunked"), "hello\n");
    assert_eq!(text("hello\n", "chunked"), "hello\n");
    assert_eq!(text("3\r\nhel\r\n", "identity"), "3\r\nhel\r\n");
}

#[test]
fn a_header_without_an_end_is_given_up() {
    let mut answer = Answer::new(Some(Kind::Md5), 0);
    for _ in 0..HEADER_MAX / 100 {
        answer.take(&[b'x'; 100]);
    }
    assert!(!answer.is_hopeless());
    answer.take(&[b'x'; 100]);
    assert!(answer.is_hopeless());
    assert_eq!(answer.finish(), None);
}

#[test]
fn the_other_digest_is_sha_256() {
    let mut answer = Answer::new(Some(Kind::Sha256), 0);
    answer.take(b"HTTP/1.0 200 OK\r\n\r\nhello\n");
    let expected = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    assert_eq!(answer.finish().map(|fetched| hex(&fetched.digest)).as_deref(), Some(expected));
}

#[test]
fn the_port_is_not_part_of_the_name() {
    let table = [("www.example", "www.example"), ("www.example:8443", "www.example"), ("::1", "::1"), ("a:b", "a:b")];
    for (host, name) in table {
        assert_eq!(host_name(host), name);
    }
}

#[test]
fn a_dump_shows_offsets_bytes_and_characters() {
    let expected = "0000  68 65 6c 6c 6f 0a       -                           hello.          \n";
    assert_eq!(dump(b"hello\n"), expected);
    assert_eq!(dump(&[b'a'; 17]).lines().count(), 2);
}

proptest! {
    #[test]
    fn however_an_answer_is_cut_the_digest_is_the_same(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        length in proptest::option::of(0_u64..300),
        cut in 0_usize..300,
    ) {
        let length = length.map_or_else(String::new, |length| format!("Content-Length: {length}\r\n"));
        let answer = [format!("HTTP/1.0 200 OK\r\n{length}\r\n").as_bytes(), &bytes].concat();
        let (one, other) = answer.split_at(cut.min(answer.len()));
        let single: Vec<&[u8]> = answer.chunks(1).collect();
        prop_assert_eq!(digest(&[&answer]), digest(&[one, other]));
        prop_assert_eq!(digest(&[&answer]), digest(&single));
    }

    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..6000)) {
        let mut answer = Answer::new(Some(Kind::Md5), 4000);
        answer.take(&bytes);
        let _ = (answer.header().map(<[u8]>::len), answer.is_hopeless(), answer.is_complete());
        if let Some(fetched) = answer.finish() {
            let _ = (fetched.status(), fetched.text().map(|text| text.len()), fetched.is_short());
        }
    }
}

#[test]
fn the_manual_page_is_the_one_that_was_written() {
    let written = include_str!("../../docs/man/genhash.1");
    assert!(written == crate::usage::page(), "stale: run `make docs`");
}
