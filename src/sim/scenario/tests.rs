// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::proto::vrrp::{Family, Version};
use crate::sim::node::NodePlan;
use crate::sim::parts;

fn pair() -> Layout {
    let node = |at: usize, priority: u8| {
        let mut params = parts::params(51, Version::V3, Family::V4, priority);
        params.holdings = parts::holdings(&[parts::virtual_address(Family::V4, 51, 1)]);
        NodePlan::named(at, 1).with_instance("VI_1", params)
    };
    Layout::of(vec![node(0, 200), node(1, 100)], vec!["lan".to_owned()])
}

fn report(script: &str) -> Report {
    run_layout(pair(), script).expect("a script that reads")
}

#[test]
fn what_is_expected_and_holds_is_said_so() {
    let report = report("at 10s crash a run 30s seeds 20 expect gap < 4s overlap < 10ms master b at 25s");
    assert_eq!(report.failed, [""; 0], "{}", report.text);
    for line in [
        "nodes a, b; 20 runs of 30s, seeds 1 to 20",
        "expected gap < 4s: holds in every run",
        "expected master b at 25s: holds in every run",
    ] {
        assert!(report.text.contains(line), "{line}\n{}", report.text);
    }
}

#[test]
fn what_does_not_hold_says_how_often_and_with_which_seed() {
    let report =
        report("at 10s crash a run 30s seeds 20 from 7 expect gap < 1s transitions < 2 master a of VI_1 at 25s");
    assert_eq!(report.failed.len(), 3, "{}", report.text);
    assert!(
        report.failed[0].starts_with("expected gap < 1s: fails in 20 of 20 runs, first with seed 7: "),
        "{:?}",
        report.failed
    );
    assert_eq!(report.failed[1], "expected transitions < 2: fails in 20 of 20 runs, first with seed 7: 3");
    assert_eq!(
        report.failed[2],
        "expected master a of VI_1 at 25s: fails in 20 of 20 runs, first with seed 7: VI_1 has b"
    );
}

#[test]
fn the_run_shown_is_the_one_that_fails() {
    // With a loss of every fifth advert, some runs lose three in a row.
    let report = report("at 1s loss a -> b 30% run 120s seeds 40 expect overlap < 1ms");
    let seed = report.failed[0].split("seed ").nth(1).and_then(|rest| rest.split(':').next()).expect("a seed");
    assert!(report.text.contains(&format!("run of seed {seed} ")), "{}", report.text);
}

#[test]
fn a_script_that_does_not_read_is_an_error_with_its_line() {
    let error = run_layout(pair(), "run 10s\nat 1s crash c").expect_err("no such node");
    assert_eq!(error.to_string(), "line 2: unknown node `c`: did you mean `a`");
}

#[test]
fn equal_scripts_give_equal_reports() {
    let script = "at 5s cut a -> b at 9s heal run 20s seeds 5 expect gap < 1s";
    assert_eq!(report(script).text, report(script).text);
}
