//! Start, election, preemption, owners.

use std::time::Duration;

use super::kit::{Node, VI, ms, params, setup};

#[test]
fn a_router_that_hears_nobody_becomes_master_after_the_master_down_time() {
    let (mut node, effects) = Node::start(setup([(VI, params(100))]));
    assert_eq!(effects, ["Backup by Start"]);
    assert_eq!(node.next(), (Duration::from_micros(3_609_375), "master down"));
    let effects = node.pass(ms(3700));
    assert_eq!(effects, ["send 100", "hold 1", "Master by MasterDown", "announce Entered 1x1"]);
    assert_eq!(node.pass(ms(2000)), ["send 100", "send 100"]);
}
