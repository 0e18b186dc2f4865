// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use super::super::check::Checker;
use super::super::testing::{Read, in_checker, read};
use super::{HttpCheck, HttpProtocol};

const URL: &str = "url {\npath /\n}";

fn check(read: &Read) -> &HttpCheck {
    match read.checker() {
        Checker::Http(check) => check,
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_are_held_to_their_rules() {
    for (lines, codes, status) in [
        ("", &[][..], 0),
        ("nb_get_retry 3", &["KC066"], 5),
        ("virtualhost", &["KC050"], 5),
        ("virtualhost a\nvirtualhost b", &["KC063"], 0),
        ("http_protocol", &["KC050"], 5),
        ("http_protocol 2", &["KC054"], 5),
        ("enable_sni", &[], 0),
        ("fast_recovery foo", &["KC054"], 5),
        ("sni_name", &[], 0),
        ("sni_name a", &[], 0),
        ("sni_name a\nsni_name b", &["KC251"], 5),
        ("sni_name a\nsni_name", &["KC292"], 5),
    ] {
        for keyword in ["HTTP_GET", "SSL_GET"] {
            let read = read(&in_checker(keyword, &format!("{lines}\n{URL}")));
            assert_eq!((read.codes.as_slice(), read.status), (codes, status), "{lines}\n{}", read.told);
        }
    }
}

#[test]
fn the_two_tables_differ_in_closing_tls() {
    for (keyword, lines, codes) in [
        ("SSL_GET", format!("tls_compliant\n{URL}"), &[][..]),
        ("SSL_GET", "url {\npath /\ntls_compliant\n}".to_owned(), &[]),
        ("HTTP_GET", format!("tls_compliant\n{URL}"), &["KC060"]),
        ("HTTP_GET", "url {\npath /\ntls_compliant\n}".to_owned(), &["KC060"]),
    ] {
        let read = read(&in_checker(keyword, &lines));
        assert_eq!(read.codes, codes, "{keyword} {lines}");
        assert_eq!((check(&read).tls, read.checker().keyword()), (keyword == "SSL_GET", keyword));
    }
}

#[test]
fn values_are_kept() {
    let lines = "virtualhost www.example\nhttp_protocol 1.1\nsni_name sni.example\nfast_recovery\nnb_get_retry 4";
    let read = read(&in_checker("SSL_GET", &format!("{lines}\n{URL}\nurl {{\npath /b\nvirtualhost b.example\n}}")));
    let check = check(&read);
    assert_eq!((check.protocol, check.enable_sni, check.fast_recovery), (HttpProtocol::Http11, true, true));
    assert_eq!(check.sni_name.as_deref(), Some("sni.example"));
    assert_eq!((*check.timing.retry, *check.timing.delay_before_retry), (4, Duration::from_secs(3)));
    let hosts: Vec<Option<&str>> = check.urls.iter().map(|url| url.virtualhost.as_deref()).collect();
    assert_eq!(hosts, [Some("www.example"), Some("b.example")]);
    for word in ["1.0C", "1.0c"] {
        let read = super::super::testing::read(&in_checker("HTTP_GET", &format!("http_protocol {word}\n{URL}")));
        let Checker::Http(check) = read.checker() else { panic!("no HTTP check") };
        assert_eq!(check.protocol, HttpProtocol::Http10Close);
    }
}

#[test]
fn without_a_url_the_check_is_left_out() {
    for (lines, codes, status) in [
        ("", &["KC285"][..], 5),
        ("url {\n}", &["KC286", "KC285"], 5),
        ("url {\npath\n}", &["KC050", "KC286", "KC285"], 2),
    ] {
        let read = read(&in_checker("HTTP_GET", lines));
        assert!(read.real().checkers.is_empty());
        assert_eq!((read.codes.as_slice(), read.status), (codes, status), "{lines}\n{}", read.told);
    }
}
