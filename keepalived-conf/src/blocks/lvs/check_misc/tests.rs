// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use super::super::check::Checker;
use super::super::testing::{Read, in_checker, read};
use super::MiscCheck;

fn check(read: &Read) -> Option<&MiscCheck> {
    match read.real().checkers.first() {
        Some(Checker::Misc(check)) => Some(check),
        Some(other) => panic!("{other:?}"),
        None => None,
    }
}

#[test]
fn the_program_is_read_as_a_command_and_runs_as_its_user() {
    let read = read(&in_checker("MISC_CHECK", "user nobody nogroup\nmisc_path \"/bin/check -p 80\"\nmisc_dynamic"));
    let check = check(&read).expect("a check");
    assert_eq!(check.script.argv, ["/bin/check", "-p", "80"]);
    assert_eq!((check.script.user.as_deref(), check.script.group.as_deref()), (Some("nobody"), Some("nogroup")));
    assert!(check.dynamic);
    assert_eq!(*check.timing.retry, 0, "no second attempt unless told");
}

#[test]
fn without_a_program_the_check_is_left_out() {
    for lines in ["", "misc_timeout 3", "misc_dynamic"] {
        let read = read(&in_checker("MISC_CHECK", lines));
        assert!(check(&read).is_none());
        assert_eq!((read.codes.as_slice(), read.status), (&["KC284"][..], 5), "{lines}\n{}", read.told);
    }
}

#[test]
fn the_timeout_is_the_interval_of_the_virtual_server_unless_told() {
    for (lines, seconds, codes, status) in [
        ("", 60, &[][..], 0),
        ("delay_loop 5", 60, &[], 0),
        ("misc_timeout 0", 60, &[], 0),
        ("misc_timeout 7", 7, &[], 0),
        ("misc_timeout 4294", 4294, &[], 0),
        ("misc_timeout 4295", 60, &["KC052"], 5),
        ("misc_timeout", 60, &["KC050"], 2),
        ("connect_port 5", 60, &["KC060"], 5),
        ("user", 60, &["KC050"], 5),
    ] {
        let read = read(&in_checker("MISC_CHECK", &format!("misc_path /bin/check\n{lines}")));
        let timeout = check(&read).map(|check| *check.timeout);
        assert_eq!(timeout, Some(Duration::from_secs(seconds)), "{lines}");
        assert_eq!((read.codes.as_slice(), read.status), (codes, status), "{lines}\n{}", read.told);
    }
}
