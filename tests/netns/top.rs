// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast top` at a real terminal, with a real daemon.

use crate::ask::{inside, pair, steadfast};
use crate::journal::PATIENCE;
use crate::node::Node;

/// Plays these steps and gives what was on the screen after each, and how it ended.
fn play(node: &Node, steps: &[&str]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/netns/terminal.py");
    let steps: Vec<String> = steps.iter().map(|step| format!("'{step}'")).collect();
    let program = env!("CARGO_BIN_EXE_steadfast");
    let patience = PATIENCE.as_secs();
    inside(node, &format!("TERM=xterm python3 {script} {patience} {program} top -- {}", steps.join(" ")))
}

#[test]
fn a_person_sees_why_and_drains_and_takes_back_at_a_terminal() {
    let Some(pair) = pair("a_person_sees_why_and_drains_and_takes_back_at_a_terminal") else { return };
    let seen = play(
        &pair.a,
        &[
            "see VI_1                   MASTER",
            "see 10.0.0.100 (here)",
            "key w",
            "see what led here",
            "see BACKUP -> MASTER with priority 200",
            "key \\e",
            "see VIRTUAL ROUTER",
            "key e",
            "see Entering MASTER STATE",
            "key q",
            "see VIRTUAL ROUTER",
            "key d",
            "see drain VI_1: another router takes its addresses?",
            "key x",
            "see q quit",
            "key d",
            "see drain VI_1: another router takes its addresses?",
            "key t",
            "see VI_1 gives way",
            "see 10.0.0.100 (at 10.0.0.2)",
            "see operator: release, 29 min left",
            "key n",
            "see let the configuration count again for VI_1?",
            "key y",
            "see the configuration counts again for VI_1",
            "see 10.0.0.100 (here)",
            "size 40 8",
            "see arrows choose",
            "size 20 8",
            "see too small",
            "size 120 30",
            "see q quit",
            "key q",
            "end",
        ],
    );
    assert!(seen.ends_with("ended 0\n"), "{seen}");
    let moved = pair.lab.journal.read();
    assert!(moved.said("b", "Entering MASTER STATE"), "{moved}");
}

#[test]
fn top_says_that_what_it_shows_is_old_and_gives_the_terminal_back_when_it_is_ended() {
    let test = "top_says_that_what_it_shows_is_old_and_gives_the_terminal_back_when_it_is_ended";
    let Some(pair) = pair(test) else { return };
    let seen = play(&pair.a, &["see MASTER", "term", "end"]);
    assert!(seen.ends_with("ended 0\n"), "{seen}");
    // The daemon goes while it is looked at.
    let seen =
        play(&pair.a, &["see MASTER", "sh kill $(cat /run/keepalived.pid)", "see old: no answer for", "key q", "end"]);
    assert!(seen.ends_with("ended 0\n"), "{seen}");
    assert!(steadfast(&pair.a, "top").contains("no daemon answers"));
    let text = steadfast(&pair.b, "top");
    assert!(text.contains("no terminal; `steadfast status --watch` does without one"), "{text}");
}
