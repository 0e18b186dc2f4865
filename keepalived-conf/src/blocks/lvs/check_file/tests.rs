// SPDX-License-Identifier: MIT OR Apache-2.0
use super::super::check::Checker;
use super::super::testing::{in_checker, read};

const FILE: &str = "track_file load {\nfile /run/load\nweight 2 reverse\n}\n";

fn followed(before: &str, lines: &str, after: &str) -> (Option<String>, Vec<&'static str>, u8) {
    let read = read(&format!("{before}{}{after}", in_checker("FILE_CHECK", lines)));
    let shown = read.real().checkers.first().map(|checker| match checker {
        Checker::File(check) => {
            format!("{} {}{}", check.track_file.text, *check.weight, if *check.reverse { " reverse" } else { "" })
        }
        other => panic!("{other:?}"),
    });
    (shown, read.codes, read.status)
}

#[test]
fn weight_and_direction_are_the_files_unless_told() {
    for (lines, shown, codes, status) in [
        ("track_file load", Some("load 2 reverse"), &[][..], 0),
        ("track_file load\nweight 5", Some("load 5 reverse"), &[], 0),
        ("weight 5 noreverse\ntrack_file load", Some("load 5"), &[], 0),
        ("track_file load\nweight -2147483647 reverse", Some("load -2147483647 reverse"), &[], 0),
        ("track_file load\nweight -2147483648", Some("load 2 reverse"), &["KC052"], 5),
        ("track_file load\nweight 2147483648", Some("load 2 reverse"), &["KC052"], 5),
        ("track_file load\nweight", Some("load 2 reverse"), &["KC050"], 5),
        ("track_file load\nweight 5 foo", Some("load 2 reverse"), &["KC054"], 5),
        ("track_file load\ndynamic", Some("load 2 reverse"), &["KC060"], 5),
        ("track_file load x", Some("load 2 reverse"), &["KC057"], 0),
        ("track_file laod", None, &["KC298"], 5),
        ("track_file", None, &["KC050", "KC297"], 2),
        ("", None, &["KC297"], 5),
    ] {
        assert_eq!(followed(FILE, lines, ""), (shown.map(str::to_owned), codes.to_vec(), status), "{lines}");
    }
}

#[test]
fn a_file_defined_later_is_used_with_a_warning() {
    let (shown, codes, status) = followed("", "track_file load", FILE);
    assert_eq!((shown.as_deref(), codes, status), (Some("load 2 reverse"), vec!["KC302"], 5));
}
