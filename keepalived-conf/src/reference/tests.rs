// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{markdown, render};
use crate::schema::{Entry, Shape, Status, int, kw};

fn entry(path: &[&'static str], row: crate::schema::Row) -> Entry {
    Entry { path: path.to_vec(), row }
}

#[test]
fn a_row_shows_all_that_is_known_about_it() {
    let row = kw("weight")
        .must(int(-5, 5))
        .opt(Shape::Choice(&["up", "down"]))
        .default("0")
        .otherwise("0 is used")
        .doc("What it weighs.")
        .note("A note.")
        .example("weight 3")
        .since("<2.0")
        .status(Status::Deprecated("write `mass`"))
        .row();
    let text = render(&[entry(&["a", "b"], row)]);
    let table = text.split("## a > b\n").nth(1).unwrap();
    assert_eq!(
        table.lines().last().unwrap(),
        "| `weight` | `-5..5 [up\\|down]` | 0 | 0 is used | What it weighs. A note. Example: `weight 3`. \
         *Deprecated: write `mass`.* | before 2.0 |"
    );
}

#[test]
fn our_own_keywords_are_told_apart() {
    let row = kw("extra").doc("More.").since("Steadfast 0.1").ours().row();
    let text = render(&[entry(&[], row)]);
    assert!(text.contains("## (top level)"));
    assert!(text.contains("1 of them are our own"));
    assert_eq!(text.lines().last().unwrap(), "| `extra` |  |  |  | More. | *Steadfast* |");
}

#[test]
fn every_row_has_a_line_and_a_meaning() {
    let text = markdown();
    let lines = text.lines().filter(|line| line.starts_with("| `")).count();
    let entries = crate::blocks::entries();
    assert_eq!(lines, entries.len());
    for entry in entries {
        assert!(!entry.row.doc.is_empty(), "{} > {} says nothing", entry.block(), entry.row.name);
        assert!(!entry.row.since.is_empty(), "{} > {} has no release", entry.block(), entry.row.name);
    }
}
