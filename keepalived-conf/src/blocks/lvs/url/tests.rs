// SPDX-License-Identifier: MIT OR Apache-2.0
use super::super::check::Checker;
use super::super::testing::{Read, in_checker, read, read_on};
use super::{Digest, StatusCodes, Url};
use crate::source::Host;

fn url(read: &Read) -> &Url {
    match read.checker() {
        Checker::Http(check) => check.urls.first().unwrap_or_else(|| panic!("no url\n{}", read.told)),
        other => panic!("{other:?}"),
    }
}

fn with(lines: &str) -> Read {
    read(&in_checker("HTTP_GET", &format!("url {{\npath /\n{lines}\n}}")))
}

#[test]
fn lines_are_held_to_their_rules() {
    for (line, codes, status) in [
        ("path /b", &["KC063"][..], 0),
        ("virtualhost", &["KC050"], 5),
        ("digest", &["KC050"], 2),
        ("digest xyz", &["KC287"], 5),
        ("digest 0123456789abcdef0123456789abcdeg", &["KC287"], 5),
        ("digest 0123456789abcdef0123456789abcdef", &[], 0),
        ("status_code", &[], 0),
        ("status_code 200-299 301", &[], 0),
        ("status_code 99", &["KC288"], 5),
        ("status_code 600", &["KC288"], 5),
        ("status_code 300-200", &["KC288"], 5),
        ("status_code 200,201", &["KC288"], 5),
        ("status_code 200-", &["KC288"], 5),
        ("status_code 0x200", &["KC288"], 5),
        ("status_code 200 - 300", &["KC288"], 5),
        ("regex_no_match", &["KC289"], 0),
        ("regex a\nregex_options foo", &["KC290"], 0),
        ("regex a\nregex_options caseless multiline", &[], 0),
        ("regex a\nregex_min_offset x", &["KC291"], 0),
        ("regex a\nregex_min_offset", &["KC291"], 0),
        ("regex a\nregex_min_offset 1 2", &["KC291"], 0),
        ("regex a\nregex_max_offset -1", &["KC291"], 0),
        ("regex a\nregex_min_offset 5\nregex_max_offset 3", &["KC291"], 0),
        ("regex a\nregex_stack 1", &["KC065", "KC291"], 0),
        ("regex a\nregex_stack 5 2", &["KC065", "KC291"], 0),
        ("regex a\nregex_stack x y", &["KC065", "KC291"], 0),
        ("regex a\nregex_stack 1000 2000", &["KC065"], 0),
        ("foo", &["KC060"], 5),
    ] {
        let read = with(line);
        assert_eq!((read.codes.as_slice(), read.status), (codes, status), "{line}\n{}", read.told);
        assert_eq!(&*url(&read).path, if line.starts_with("path") { "/b" } else { "/" }, "the url stays");
    }
}

#[test]
fn digests_are_md5_or_as_an_extension_sha_256() {
    let md5 = with("digest 000102030405060708090a0b0c0d0e0F");
    let expected: [u8; 16] = std::array::from_fn(|at| at as u8);
    assert_eq!(url(&md5).digest.as_deref(), Some(&Digest::Md5(expected)));
    let text: String = (0..32).map(|byte| format!("{byte:02x}")).collect();
    let sha = with(&format!("digest sha256:{text}"));
    assert_eq!(url(&sha).digest.as_deref(), Some(&Digest::Sha256(std::array::from_fn(|at| at as u8))));
    assert!(sha.codes.is_empty());
    let bare = with(&format!("digest {text}"));
    assert_eq!((url(&bare).digest.clone(), bare.codes.as_slice()), (None, &["KC287"][..]));
    assert!(bare.told.contains("sha256:"), "it says how one is written");
    let twice = with("digest 000102030405060708090a0b0c0d0e0f\ndigest 100102030405060708090a0b0c0d0e0f");
    assert_eq!((url(&twice).digest.as_deref(), twice.codes.as_slice()), (Some(&Digest::Md5(expected)), &["KC063"][..]));
}

#[test]
fn status_codes_add_up() {
    let plain = with("");
    assert_eq!(url(&plain).status, StatusCodes::Success);
    assert!(url(&plain).status.contains(204) && !url(&plain).status.contains(301));
    let listed = with("status_code 200 301-302\nstatus_code 404 x");
    let status = &url(&listed).status;
    assert_eq!(*status, StatusCodes::Ranges([(200, 200), (301, 302), (404, 404)].into()));
    assert!(status.contains(302) && status.contains(404) && !status.contains(201));
}

#[test]
fn a_pattern_is_kept_with_its_options() {
    let read = with(
        "regex \"status: ok\"\nregex_no_match\nregex_options caseless\nregex_options dotall\nregex_min_offset 1\n\
         regex_max_offset 9\nregex_stack 100 200",
    );
    let pattern = url(&read).regex.as_deref().expect("a pattern");
    assert_eq!((pattern.text.as_str(), pattern.no_match), ("status: ok", true));
    assert_eq!(pattern.options, ["caseless", "dotall"]);
    assert_eq!((pattern.min_offset, pattern.max_offset, pattern.stack), (1, Some(9), Some((100, 200))));
}

#[test]
fn a_pattern_that_cannot_be_compiled_is_an_error_and_the_url_stays_without_it() {
    let read = with("status_code 200\nregex bad(");
    assert_eq!((read.codes.as_slice(), read.status), (&["KC289"][..], 0), "{}", read.told);
    assert!(url(&read).regex.is_none());
    assert_eq!(url(&read).status, StatusCodes::Range(200, 200));
}

#[test]
fn a_backslash_that_is_taken_away_is_told() {
    for (line, text, codes) in [
        ("regex \"a\\.b\"", "a.b", &["KC305"][..]),
        ("regex \"\\d+\"", "d+", &["KC305"]),
        ("regex \"a\\\\.b\"", "a\\.b", &[]),
        ("regex \"a\\\\\\\\d\"", "a\\\\d", &[]),
        ("regex \"a\\n\"", "a\n", &[]),
    ] {
        let read = with(line);
        assert_eq!(url(&read).regex.as_deref().map(|regex| regex.text.as_str()), Some(text), "{line}");
        assert_eq!((read.codes.as_slice(), read.status), (codes, 0), "{line}\n{}", read.told);
    }
}

#[test]
fn the_library_is_asked_where_there_is_one() {
    struct Strict;
    impl Host for Strict {
        fn env(&self, _: &str) -> Option<String> {
            None
        }
        fn regex_error(&self, pattern: &str, options: &[&'static str]) -> Option<String> {
            (pattern == "odd" && options == ["caseless"]).then(|| "refused at offset 2".to_owned())
        }
    }
    let text =
        |pattern| in_checker("HTTP_GET", &format!("url {{\npath /\nregex {pattern}\nregex_options caseless\n}}"));
    let refused = read_on(&Strict, &text("odd"));
    assert_eq!(refused.codes, ["KC289"]);
    assert!(refused.told.contains("refused at offset 2"), "{}", refused.told);
    assert!(read_on(&Strict, &text("even")).codes.is_empty());
}
