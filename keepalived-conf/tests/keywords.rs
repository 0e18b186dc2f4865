// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows against the list of keywords keepalived registers, and the written reference against the rows.

use std::collections::BTreeSet;

use keepalived_conf::blocks::entries;
use keepalived_conf::reference::markdown;
use keepalived_conf::schema::Origin;

/// Block and keyword, one pair a line: everything keepalived takes.
const UPSTREAM: &str = include_str!("keywords.txt");

/// What `cargo run -p keepalived-conf --example keywords` wrote last.
const REFERENCE: &str = include_str!("../../docs/keywords.md");

fn listed() -> BTreeSet<(String, String)> {
    UPSTREAM
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(block, keyword)| (block.to_owned(), keyword.to_owned()))
        .collect()
}

fn rows(origin: Origin) -> BTreeSet<(String, String)> {
    entries()
        .iter()
        .filter(|entry| entry.row.origin == origin)
        .map(|entry| (entry.block(), entry.row.name.to_owned()))
        .collect()
}

#[test]
fn the_list_holds_every_pair_once() {
    assert_eq!(UPSTREAM.lines().count(), 531);
    assert_eq!(listed().len(), 531);
}

#[test]
fn every_keyword_of_keepalived_has_a_row() {
    let missing: Vec<_> = listed().difference(&rows(Origin::Upstream)).cloned().collect();
    assert!(missing.is_empty(), "without a row: {missing:#?}");
}

#[test]
fn every_row_said_to_be_keepalived_s_is_on_the_list() {
    let surplus: Vec<_> = rows(Origin::Upstream).difference(&listed()).cloned().collect();
    assert!(surplus.is_empty(), "not on the list: {surplus:#?}");
}

#[test]
fn our_own_keywords_do_not_shadow_keepalived_s() {
    let shared: Vec<_> = rows(Origin::Steadfast).intersection(&listed()).cloned().collect();
    assert!(shared.is_empty(), "on the list although our own: {shared:#?}");
}

#[test]
fn no_keyword_stands_twice_in_a_block() {
    let mut seen = BTreeSet::new();
    for entry in entries() {
        assert!(seen.insert((entry.block(), entry.row.name)), "{} > {} twice", entry.block(), entry.row.name);
    }
}

#[test]
fn the_written_reference_is_up_to_date() {
    assert!(REFERENCE == markdown(), "docs/keywords.md is stale: run `make docs`");
}
