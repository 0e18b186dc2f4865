// SPDX-License-Identifier: MIT OR Apache-2.0
//! Planned handovers keep the addresses until the successor is heard, and no longer than the named limits.

use std::net::IpAddr;

use super::kit::{HIGHER, LOWER, Node, PORT, VI, ms, params, reading, said, setup, track, tracking};
use crate::proto::track::TrackParams;
use crate::proto::vrrp::timing::{HANDOVER_MAX, TRANSIT, handover_limit, skew};
use crate::proto::vrrp::{
    Datagram, Effect, Family, GroupId, GroupParams, Input, InstanceId, Link, Outcome, Params, Phase, PortId, Preempt,
    Raw, Setup, Ticket, TrackId, Version,
};

fn handing(priority: u8) -> Params {
    Params { handover: true, ..params(priority) }
}

fn tracked_master(weight: i32) -> Node {
    let (mut node, _) = Node::start(tracking(setup([(VI, handing(100))]), 1, weight));
    node.give(reading(1, true));
    node.wait_for(Phase::Master);
    node
}

#[test]
fn a_stop_keeps_the_addresses_until_the_successors_first_advert() {
    let mut node = Node::master(handing(100));
    assert_eq!(node.give(Input::Stop), ["send 0", "HandingOver", "Stopped"]);
    assert!(node.engine.is_handing_over(VI) && !node.engine.is_finished());
    node.pass(ms(300));
    assert_eq!(node.hear(HIGHER, 90), ["release", "HandedOver true", "Finished"]);
    assert!(node.engine.is_finished());
}

#[test]
fn a_stop_without_successor_ends_within_the_limit() {
    let mut node = Node::master(handing(100));
    node.give(Input::Stop);
    let limit = handover_limit(Version::V3, ms(1000));
    assert_eq!(limit, skew(Version::V3, 1, ms(1000)) + TRANSIT);
    assert_eq!(node.next(), (limit, "handover"));
    assert_eq!(node.pass(limit), ["release", "HandedOver false", "Finished"]);
    let mut slow = Node::master(Params { interval: ms(10_000), ..handing(100) });
    slow.give(Input::Stop);
    assert_eq!(slow.next().0, HANDOVER_MAX);
}

#[test]
fn without_handover_a_stop_releases_at_once() {
    let mut node = Node::master(params(100));
    assert_eq!(node.give(Input::Stop), ["send 0", "release", "Stopped", "Finished"]);
    assert_eq!(node.counters().priority_zero_sent, 1);
    assert_eq!(node.give(Input::Stop), [""; 0]);
}

#[test]
fn a_stop_is_not_finished_before_the_kernel_has_answered() {
    let mut node = Node::master(params(100));
    node.obliging = false;
    node.give(Input::Stop);
    assert!(!node.engine.is_finished());
    let ticket = Ticket(2);
    assert_eq!(node.give(Input::Settled(ticket, Outcome::Ok)), ["Finished"]);
}

#[test]
fn neither_strangers_nor_farewells_end_a_handover() {
    let mut node = Node::master(handing(100));
    node.give(Input::Stop);
    let mut wrong = said(&params(100), HIGHER, 90);
    wrong.hop_limit = 3;
    assert_eq!(node.hear_said(&wrong), ["Refused HopLimit"]);
    assert_eq!(node.hear(HIGHER, 0), [""; 0]);
    assert!(node.engine.is_handing_over(VI));
}

#[test]
fn a_tracked_fault_keeps_the_addresses_for_the_successor_and_a_dead_link_does_not() {
    let mut node = tracked_master(0);
    let effects = node.give(reading(1, false));
    assert_eq!(effects, ["Tracked", "FaultRaised", "send 0", "HandingOver", "Fault by Fault(Track(TrackId(1)))"]);
    assert_eq!(node.hear(LOWER, 50), ["release", "HandedOver true"]);
    assert_eq!(node.phase(), Phase::Fault);

    let mut node = tracked_master(0);
    let effects = node.give(Input::Link(PORT, Link::Down));
    assert_eq!(effects, ["FaultRaised", "send 0", "release", "Fault by Fault(LinkDown)"]);
}

#[test]
fn who_recovers_while_handing_over_still_gives_up_to_the_successor() {
    let mut node = tracked_master(0);
    node.give(reading(1, false));
    assert_eq!(node.give(reading(1, true)), ["Tracked", "FaultCleared", "Backup by Recovered"]);
    assert!(node.engine.is_handing_over(VI));
    assert_eq!(node.hear(LOWER, 150), ["release", "HandedOver true", "MasterChanged"]);
}

#[test]
fn a_fall_in_priority_offers_the_addresses_and_a_better_router_takes_them_without_a_gap() {
    let mut node = tracked_master(40);
    assert_eq!(node.engine.priority(VI), Some(140));
    let effects = node.give(reading(1, false));
    assert_eq!(effects, ["Tracked", "PriorityChanged 100", "send 0", "HandingOver"]);
    assert_eq!(node.next().0, skew(Version::V3, 100, ms(1000)));
    node.pass(ms(450));
    assert_eq!(node.phase(), Phase::Master, "the addresses are held all the time");
    let effects = node.hear(LOWER, 120);
    assert_eq!(effects, ["release", "Backup by HigherPriority", "MasterChanged"]);
}

#[test]
fn nobody_better_means_the_master_goes_on_without_a_word_to_anybody() {
    let mut node = tracked_master(40);
    node.give(reading(1, false));
    assert_eq!(node.pass(ms(1000)), ["send 100"]);
    assert_eq!(node.pass(ms(1000)), ["send 100"]);
    assert_eq!(node.counters().released_master, 0);
}

#[test]
fn a_weaker_router_that_is_quicker_is_answered() {
    let mut node = tracked_master(40);
    node.give(reading(1, false));
    assert_eq!(node.hear(LOWER, 90), ["send 100", "OtherMaster", "announce OtherMaster 1x1"]);
}

#[test]
fn a_priority_that_flaps_is_offered_once_per_master_down_time() {
    let mut node = tracked_master(40);
    node.give(reading(1, false));
    assert_eq!(node.give(reading(1, true)), ["Tracked", "PriorityChanged 140", "send 140"]);
    assert_eq!(node.give(reading(1, false)), ["Tracked", "PriorityChanged 100"]);
    node.give(reading(1, true));
    node.pass(ms(4000));
    assert_eq!(node.give(reading(1, false))[2], "send 0");
}

#[test]
fn intervals_too_short_for_an_offer_wait_their_short_time() {
    let rule = Params { interval: ms(200), ..handing(100) };
    let (mut node, _) = Node::start(tracking(setup([(VI, rule)]), 1, 40));
    node.give(reading(1, true));
    node.wait_for(Phase::Master);
    assert_eq!(node.give(reading(1, false)), ["Tracked", "PriorityChanged 100"]);
}

/// Two nodes that hear one another after a millisecond, until nothing is under way any more.
struct Pair {
    nodes: [Node; 2],
    sources: [IpAddr; 2],
}

impl Pair {
    fn start(rules: [Setup; 2]) -> Pair {
        let sources = [HIGHER, LOWER];
        let mut nodes = rules.map(|rule| Node::start(rule).0);
        for (node, source) in nodes.iter_mut().zip(sources) {
            node.give(Input::Source(PORT, Family::V4, Some(source)));
        }
        Pair { nodes, sources }
    }

    /// Lets time pass by milliseconds and gives each what the other sends. How long nobody held the addresses.
    fn pass(&mut self, millis: u64) -> u64 {
        let mut gap = 0;
        for _ in 0..millis {
            let sent: Vec<_> = self.nodes.iter_mut().map(|node| node.pass_raw(ms(1))).collect();
            self.deliver(sent);
            let held = |node: &Node| node.engine.holdings(VI).is_some_and(|held| !held.is_empty());
            gap += u64::from(!self.nodes.iter().any(held));
        }
        gap
    }

    fn deliver(&mut self, sent: Vec<Vec<Effect>>) {
        let mut sent = sent;
        for _ in 0..8 {
            let mut answers = vec![Vec::new(), Vec::new()];
            for (from, effects) in sent.into_iter().enumerate() {
                for effect in effects {
                    if let Effect::Send(transmission) = effect {
                        let to = 1 - from;
                        let raw = Raw::V4(transmission.packets[0].bytes.clone());
                        let wall = self.nodes[to].wall();
                        let datagram = Datagram { port: PORT, raw, truncated: false, wall };
                        answers[to].extend(self.nodes[to].raw(Input::Received(datagram)));
                    }
                }
            }
            sent = answers;
        }
        assert!(sent.iter().flatten().all(|effect| !matches!(effect, Effect::Send(_))));
    }

    fn give(&mut self, node: usize, input: Input) {
        let effects = self.nodes[node].raw(input);
        let mut sent = vec![Vec::new(), Vec::new()];
        sent[node] = effects;
        self.deliver(sent);
    }

    fn phases(&self) -> [Phase; 2] {
        [self.nodes[0].phase(), self.nodes[1].phase()]
    }
}

fn pair_of(rule: impl Fn(u8) -> Params) -> Pair {
    let strong = tracking(setup([(VI, rule(110))]), 1, 40);
    let mut pair = Pair::start([strong, setup([(VI, rule(100))])]);
    pair.give(0, reading(1, true));
    pair.pass(4000);
    assert_eq!(pair.phases(), [Phase::Master, Phase::Backup]);
    assert_eq!(pair.sources, [HIGHER, LOWER]);
    pair
}

#[test]
fn a_planned_stop_leaves_no_gap_and_lasts_a_skew_time() {
    let mut pair = pair_of(handing);
    pair.give(0, Input::Stop);
    assert_eq!(pair.pass(700), 0, "somebody held the addresses all the time");
    assert_eq!(pair.phases(), [Phase::Init, Phase::Master]);
    assert!(pair.nodes[0].engine.is_finished());

    let mut pair = pair_of(params);
    pair.give(0, Input::Stop);
    assert!(pair.pass(700) > 600, "without handover nobody holds them for the skew time");
}

#[test]
fn a_demotion_hands_over_in_a_skew_time_also_to_a_router_that_does_not_preempt() {
    let lazy = |priority| Params { preempt: Preempt::No { timer_expired_backup: None }, ..handing(priority) };
    for rule in [handing as fn(u8) -> Params, lazy] {
        let strong = Setup {
            tracks: [(TrackId(1), TrackParams::Address)].into(),
            ..setup([(VI, Params { tracks: vec![track(1, 40)], ..rule(80) })])
        };
        let mut pair = Pair::start([strong, setup([(VI, rule(100))])]);
        pair.give(0, reading(1, true));
        pair.pass(4000);
        assert_eq!(pair.phases(), [Phase::Master, Phase::Backup]);
        pair.give(0, reading(1, false));
        assert_eq!(pair.pass(620), 0);
        assert_eq!(pair.phases(), [Phase::Backup, Phase::Master]);
    }
}

#[test]
fn the_other_members_of_a_group_keep_theirs_for_their_own_successors() {
    let second = InstanceId(2);
    let mut wanted = setup([(VI, handing(100)), (second, Params { port: PortId(2), ..handing(100) })]);
    wanted.groups.insert(GroupId(1), GroupParams { members: vec![VI, second] });
    let (mut node, _) = Node::start(wanted);
    node.wait_for(Phase::Master);
    node.give(Input::Link(PORT, Link::Down));
    assert!(!node.engine.is_handing_over(VI), "its own link is dead");
    assert!(node.engine.is_handing_over(second));
    let mut successor = said(&params(100), HIGHER, 90);
    successor.port = PortId(2);
    assert_eq!(node.hear_said(&successor), ["2: release", "HandedOver true"]);
}
