// SPDX-License-Identifier: MIT OR Apache-2.0
use super::super::testing::{in_checker, in_real_server, read};

const SESSION: &str = "bfd_instance peer {\nneighbor_ip 10.0.0.9\n}\n";

#[test]
fn a_session_is_followed_by_its_name() {
    for (lines, checks, codes, status) in [
        ("name peer", 1, &[][..], 0),
        ("name peer\nalpha", 1, &[], 0),
        ("name peer\nalpha foo", 1, &["KC054"], 5),
        ("name peer\nname peer", 1, &["KC063"], 5),
        ("name peer\nretry 1", 1, &["KC060"], 5),
        ("name pear", 0, &["KC300"], 5),
        ("name a b", 0, &["KC280", "KC299"], 5),
        ("name", 0, &["KC050", "KC299"], 5),
        ("", 0, &["KC299"], 5),
    ] {
        let read = read(&format!("{SESSION}{}", in_checker("BFD_CHECK", lines)));
        assert_eq!(read.real().checkers.len(), checks, "{lines}\n{}", read.told);
        assert_eq!((read.codes.as_slice(), read.status), (codes, status), "{lines}\n{}", read.told);
    }
}

#[test]
fn a_session_must_be_for_checkers_and_is_followed_once() {
    let check = "BFD_CHECK {\nname peer\n}\n";
    for (text, checks, code) in [
        (format!("{}{}", SESSION.replace("}\n", "vrrp\n}\n"), in_real_server(check)), 0, "KC300"),
        (format!("{SESSION}{}", in_real_server(&check.repeat(2))), 1, "KC301"),
        (format!("{}{SESSION}", in_real_server(check)), 1, "KC302"),
    ] {
        let read = read(&text);
        assert_eq!(
            (read.real().checkers.len(), read.codes.as_slice(), read.status),
            (checks, &[code][..], 5),
            "{text}"
        );
    }
}
