// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's answers, what is announced when, and what somebody else removes.

use super::kit::{HIGHER, LOWER, Node, VI, VIP, held, holding, ms, params, setup};
use crate::proto::vrrp::{
    AnnounceParams, Announced, DetailId, Effect, HOLD_RETRY, HeldDetail, Holdings, Input, Item, LinkId, OnLoss,
    Outcome, Params, Phase, RESTORE_WINDOW, RESTORES_MAX, Ticket, UNHELD_PAUSE,
};
use std::net::IpAddr;
use std::time::Duration;

fn ip(last: u8) -> IpAddr {
    IpAddr::from([203, 0, 113, last])
}

/// A Master whose kernel has not answered yet.
fn waiting(params: Params) -> Node {
    let mut node = Node::with(params);
    node.obliging = false;
    node.wait_for(Phase::Master);
    node
}

fn scheduled(announce: AnnounceParams) -> Params {
    Params { announce, ..params(100) }
}

#[test]
fn nothing_is_announced_before_the_kernel_has_it() {
    let mut node = waiting(params(100));
    assert_eq!(node.pass(ms(500)), [""; 0]);
    assert_eq!(node.give(Input::Settled(Ticket(1), Outcome::Ok)), ["announce Entered 1x1"]);
    assert_eq!(node.give(Input::Settled(Ticket(1), Outcome::Ok)), [""; 0], "an answer counts once");
}

#[test]
fn the_schedule_is_delay_repeat_refresh_from_the_moment_the_addresses_are_in_place() {
    let announce = AnnounceParams {
        repeat: 5,
        delay: ms(5000),
        refresh: ms(10_000),
        refresh_repeat: 2,
        extra_interval: ms(7000),
        extra: vec![Announced { ip: ip(9), link: Some(LinkId(3)) }],
        ..AnnounceParams::default()
    };
    let mut node = waiting(Params { holdings: holding(&[ip(1), ip(2)]), ..scheduled(announce) });
    node.pass(ms(200));
    assert_eq!(node.give(Input::Settled(Ticket(1), Outcome::Ok)), ["announce Entered 5x2"]);
    let begin = node.now;
    let mut seen = Vec::new();
    while node.now.since(begin) < ms(36_000) {
        let effects = node.pass(ms(500)).into_iter().filter(|effect| effect.starts_with("announce"));
        seen.extend(effects.map(|effect| (node.now.since(begin).as_millis(), effect)));
    }
    let seen: Vec<(u128, &str)> = seen.iter().map(|(at, effect)| (*at, effect.as_str())).collect();
    assert_eq!(
        seen,
        [
            (5000, "announce Delayed 5x2"),
            (12_000, "announce Extra 1x1"),
            (15_000, "announce Refresh 2x2"),
            (19_000, "announce Extra 1x1"),
            (25_000, "announce Refresh 2x2"),
            (26_000, "announce Extra 1x1"),
            (33_000, "announce Extra 1x1"),
            (35_000, "announce Refresh 2x2"),
        ]
    );
}

#[test]
fn leaving_master_ends_every_announcement() {
    let announce = AnnounceParams { refresh: ms(1000), ..AnnounceParams::default() };
    let mut node = Node::master(scheduled(announce));
    node.hear(HIGHER, 200);
    node.hear(HIGHER, 200);
    for _ in 0..10 {
        assert_eq!(node.pass(ms(1000)), [""; 0]);
        node.hear(HIGHER, 200);
    }
}

#[test]
fn a_second_block_follows_another_master() {
    let announce =
        AnnounceParams { lower_prio_repeat: 3, lower_prio_delay: ms(2000), delay: ms(0), ..AnnounceParams::default() };
    let mut node = Node::master(scheduled(announce));
    assert_eq!(node.hear(LOWER, 50), ["send 100", "OtherMaster", "announce OtherMaster 3x1"]);
    assert_eq!(node.pass(ms(2000)), ["send 100", "send 100", "announce OtherMasterDelayed 3x1"]);
}

#[test]
fn the_first_addresses_are_announced_while_others_are_still_added() {
    let mut node = waiting(Params { holdings: holding(&[ip(1), ip(2), ip(3)]), ..params(100) });
    let progress = |addresses| Input::Settled(Ticket(1), Outcome::Progress { addresses });
    assert_eq!(node.give(progress(1)), ["announce Entered 1x1"]);
    assert_eq!(node.give(progress(1)), [""; 0]);
    assert_eq!(node.give(progress(usize::MAX)), ["announce Entered 1x2"]);
    assert_eq!(node.give(Input::Settled(Ticket(1), Outcome::Ok)), [""; 0]);
}

#[test]
fn a_refused_address_is_not_announced_and_asked_for_again() {
    let mut node = waiting(Params { holdings: holding(&[ip(1), ip(2)]), ..params(100) });
    let refused = Outcome::Refused(vec![Item::Address(ip(2))]);
    assert_eq!(node.give(Input::Settled(Ticket(1), refused)), ["HoldingsRefused", "announce Entered 1x1"]);
    let effects = node.pass(HOLD_RETRY);
    assert_eq!(effects.iter().filter(|effect| *effect == "hold 2").count(), 1);
    assert_eq!(node.give(Input::Announce(VI)), ["announce Asked 1x1"], "still only what is there");
    assert_eq!(node.give(Input::Settled(Ticket(2), Outcome::Ok)), ["announce Entered 1x1"]);
    assert_eq!(node.give(Input::Announce(VI)), ["announce Asked 1x2"]);
}

#[test]
fn a_master_that_can_hold_nothing_makes_way_and_tries_again_later() {
    let mut node = waiting(params(100));
    let refused = Outcome::Refused(vec![Item::Address(VIP)]);
    let effects = node.give(Input::Settled(Ticket(1), refused));
    assert_eq!(effects, ["HoldingsRefused", "FaultRaised", "send 0", "release", "Fault by Fault(Unheld)"]);
    let (pause, why) = node.next();
    assert_eq!(why, "fault pause");
    assert!(pause >= UNHELD_PAUSE && pause <= UNHELD_PAUSE * 5 / 4);
    assert_eq!(node.pass(pause), ["FaultCleared", "Backup by Recovered"]);
}

#[test]
fn a_refused_route_is_no_reason_to_make_way() {
    let route = HeldDetail { detail: DetailId(7), tracked: true };
    let holdings = Holdings { routes: vec![route], ..(*holding(&[VIP])).clone() };
    let mut node = waiting(Params { holdings: holdings.into(), ..params(100) });
    let refused = Outcome::Refused(vec![Item::Route(DetailId(7))]);
    assert_eq!(node.give(Input::Settled(Ticket(1), refused)), ["HoldingsRefused", "announce Entered 1x1"]);
    assert_eq!(node.phase(), Phase::Master);
}

#[test]
fn an_answer_to_what_is_no_longer_wanted_is_ignored() {
    let mut node = waiting(params(100));
    assert_eq!(node.hear(HIGHER, 200)[0], "release");
    let before = node.engine.clone();
    assert_eq!(node.give(Input::Settled(Ticket(1), Outcome::Ok)), [""; 0]);
    assert_eq!(node.give(Input::Settled(Ticket(99), Outcome::Ok)), [""; 0]);
    assert_eq!(node.engine, before);
}

#[test]
fn a_lost_address_is_put_back_and_announced_alone() {
    let mut node = Node::master(Params { holdings: holding(&[ip(1), ip(2)]), ..params(100) });
    let effects = node.give(Input::Lost(VI, Item::Address(ip(2))));
    assert_eq!(effects, ["HoldingLost restored=true", "hold 2", "announce Entered 1x1"]);
    assert_eq!(node.phase(), Phase::Master);
}

#[test]
fn who_removes_it_again_and_again_makes_the_instance_bounce() {
    let mut node = Node::master(params(100));
    let lost = || Input::Lost(VI, Item::Address(VIP));
    for _ in 0..RESTORES_MAX {
        assert_eq!(node.give(lost())[0], "HoldingLost restored=true");
    }
    let effects = node.give(lost());
    assert_eq!(effects, ["HoldingLost restored=false", "send 0", "release", "Backup by HoldingLost"]);
    assert_eq!(node.next().0, Duration::from_micros(609_375));
    node.wait_for(Phase::Master);
    node.pass(RESTORE_WINDOW);
    assert_eq!(node.give(lost())[0], "HoldingLost restored=true");
}

#[test]
fn a_loss_bounces_at_once_where_that_is_wanted_and_untracked_ones_are_ignored() {
    let mut node = Node::master(Params { on_loss: OnLoss::Bounce, ..params(100) });
    let effects = node.give(Input::Lost(VI, Item::Address(VIP)));
    assert_eq!(effects, ["HoldingLost restored=false", "send 0", "release", "Backup by HoldingLost"]);
    let mut untracked = held(VIP);
    untracked.tracked = false;
    let holdings = Holdings { addresses: vec![untracked], ..Holdings::default() };
    let mut node = Node::master(Params { holdings: holdings.into(), ..params(100) });
    assert_eq!(node.give(Input::Lost(VI, Item::Address(VIP))), [""; 0]);
    assert_eq!(node.give(Input::Lost(VI, Item::Address(ip(77)))), [""; 0]);
}

#[test]
fn excluded_addresses_are_held_and_announced_but_not_advertised() {
    let holdings = Holdings { excluded: vec![held(ip(2))], ..(*holding(&[ip(1)])).clone() };
    let (mut node, _) = Node::start(setup([(VI, Params { holdings: holdings.into(), ..params(100) })]));
    let effects = node.pass_raw(ms(3700));
    let Effect::Send(sent) = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(sent.packets[0].bytes[23], 1, "one address is listed");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Announce(_, said) if said.addresses.len() == 2)));
}
