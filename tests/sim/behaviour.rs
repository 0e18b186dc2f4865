// SPDX-License-Identifier: MIT OR Apache-2.0
//! Behaviours by name, in worlds written by hand. Several are the opposite of what is known of other daemons: a stream
//! of junk that silences a master, a stalled backup that takes over with the adverts already in its socket, a winner
//! of a split that leaves clients with the loser.

use std::time::Duration;

use steadfast::proto::track::{Reading, TrackParams};
use steadfast::proto::vrrp::{AnnounceWhy, Event, Family, Params, Phase, TrackId, TrackUse, Version};
use steadfast::sim::layout::Layout;
use steadfast::sim::net::Station;
use steadfast::sim::node::NodePlan;
use steadfast::sim::timeline::Deed;
use steadfast::sim::{Outcome, World, parts, script};

const A: Station = Station(0);
const B: Station = Station(1);
const MS: Duration = Duration::from_millis(1);

/// A virtual router with one address, adverts every second.
fn params(priority: u8) -> Params {
    let address = parts::virtual_address(Family::V4, 51, 1);
    Params { holdings: parts::holdings(&[address]), ..parts::params(51, Version::V3, Family::V4, priority) }
}

/// Nodes `a`, `b`, ... with these parameters, and a client, on one segment.
fn nodes(all: &[Params]) -> Layout {
    let node = |(at, params): (usize, &Params)| NodePlan::named(at, 1).with_instance("VI_1", params.clone());
    Layout::of(all.iter().enumerate().map(node).collect(), vec!["lan".to_owned()])
}

/// `a` with priority 200 and `b` with 100.
fn pair() -> Layout {
    nodes(&[params(200), params(100)])
}

/// Plays a script in a layout; no promise may be broken.
fn play(layout: &Layout, text: &str) -> Outcome {
    play_seed(layout, text, 1)
}

fn play_seed(layout: &Layout, text: &str, seed: u64) -> Outcome {
    let script = script::parse(text, &layout.cast()).expect("a script that reads");
    let layout = Layout { steps: script.steps, lasts: script.lasts, seed, ..layout.clone() };
    let outcome = World::run(&layout, true);
    assert_eq!(outcome.violation, None, "\n{}", outcome.timeline);
    outcome
}

/// When a node entered a state, in seconds of the world.
fn entered(outcome: &Outcome, node: Station, state: Phase) -> Vec<f64> {
    let acts = outcome.timeline.acts().iter().filter(|act| act.by == node);
    let times = acts.filter(|act| matches!(&act.what, Deed::Told(Event::Entered { to, .. }) if *to == state));
    times.map(|act| act.at.as_nanos() as f64 / 1e9).collect()
}

fn told(outcome: &Outcome, node: Station, wanted: impl Fn(&Event) -> bool) -> usize {
    let acts = outcome.timeline.acts().iter().filter(|act| act.by == node);
    acts.filter(|act| matches!(&act.what, Deed::Told(event) if wanted(event))).count()
}

/// When a node sent adverts, and of what priority.
fn sent(outcome: &Outcome, node: Station) -> Vec<(f64, u8)> {
    let acts = outcome.timeline.acts().iter().filter(|act| act.by == node);
    let sends = acts.filter_map(|act| match act.what {
        Deed::Sent(_, priority) => Some((act.at.as_nanos() as f64 / 1e9, priority)),
        Deed::Told(_) | Deed::Announced(..) => None,
    });
    sends.collect()
}

fn outage(outcome: &Outcome) -> Duration {
    outcome.score.worst(|router| router.outage)
}

fn gap(outcome: &Outcome) -> Duration {
    outcome.score.worst(|router| router.gap)
}

fn overlap(outcome: &Outcome) -> Duration {
    outcome.score.worst(|router| router.overlap)
}

#[test]
fn junk_does_not_silence_a_master() {
    let outcome = play(&pair(), "at 10s junk every 10ms for 30s run 60s");
    assert_eq!(outcome.score.changes(), 1, "one master, and it stays\n{}", outcome.timeline);
    let times: Vec<f64> = sent(&outcome, A).into_iter().map(|(at, _)| at).collect();
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(longest < 1.01, "{longest} s between two adverts");
}

#[test]
fn a_queued_advert_beats_a_late_timer_after_a_stall() {
    for stall in ["3s", "5s", "30s"] {
        let outcome = play(&pair(), &format!("at 10s stall b {stall} run 60s"));
        assert_eq!(entered(&outcome, B, Phase::Master), [0.0; 0], "stalled for {stall}\n{}", outcome.timeline);
    }
}

#[test]
fn a_backup_that_slept_waits_for_one_more_advert() {
    for seed in 0..50 {
        let outcome = play_seed(&pair(), "at 10s sleep b 30s run 60s", seed);
        assert_eq!(entered(&outcome, B, Phase::Master), [0.0; 0], "{}", outcome.timeline);
    }
}

#[test]
fn the_winner_of_a_split_announces_again_whoever_speaks_first() {
    for seed in 0..100 {
        // The client follows the loser, and is cut off from the winner until the split is over.
        let outcome = play_seed(&pair(), "at 10s split a at 20s heal run 40s", seed);
        assert_eq!(entered(&outcome, B, Phase::Master).len(), 1, "{}", outcome.timeline);
        let acts = outcome.timeline.acts().iter();
        let after = acts.filter(|act| act.by == A && act.at.as_nanos() > 20_000_000_000);
        let again = after.filter(|act| matches!(act.what, Deed::Announced(_, AnnounceWhy::OtherMaster))).count();
        assert!(again > 0, "seed {seed}: the winner is silent\n{}", outcome.timeline);
        assert!(overlap(&outcome) < Duration::from_secs(10), "seed {seed}");
        // From the master-down time after the split, the client is served by one of the two all the time.
        assert!(outage(&outcome) < 4_000 * MS, "seed {seed}: {:?}\n{}", outage(&outcome), outcome.timeline);
    }
}

#[test]
fn a_different_address_list_keeps_the_peer_alive() {
    let mut layout = pair();
    let other = parts::virtual_address(Family::V4, 51, 2);
    for params in layout.nodes[1].setup.instances.values_mut() {
        params.holdings = parts::holdings(&[other]);
    }
    let outcome = play(&layout, "run 60s");
    assert_eq!(entered(&outcome, B, Phase::Master), [0.0; 0], "{}", outcome.timeline);
    assert_eq!(told(&outcome, B, |event| matches!(event, Event::AddressesDiffer { .. })), 1, "told once");
}

#[test]
fn a_graceful_stop_has_no_gap() {
    for seed in 0..50 {
        let outcome = play_seed(&pair(), "at 10s stop a run 30s", seed);
        assert!(outage(&outcome) < 20 * MS, "seed {seed}: {:?}\n{}", outage(&outcome), outcome.timeline);
        // b takes over within its skew time, 156/256 of a second.
        let taken = entered(&outcome, B, Phase::Master);
        assert!(taken.len() == 1 && taken[0] < 10.65, "{taken:?}");
    }
}

#[test]
fn a_planned_fall_in_priority_has_no_gap() {
    for seed in 0..50 {
        let outcome = play_seed(&pair(), "at 10s priority a VI_1 50 run 30s", seed);
        assert_eq!(gap(&outcome), Duration::ZERO, "{}", outcome.timeline);
        assert!(outage(&outcome) < 20 * MS, "seed {seed}: {:?}\n{}", outage(&outcome), outcome.timeline);
        let taken = entered(&outcome, B, Phase::Master);
        assert!(taken.len() == 1 && taken[0] < 10.65, "{taken:?}");
    }
}

fn tracked(weight: i32) -> Layout {
    let mut layout = pair();
    let script = TrackParams::Script { rise: 1, fall: 1, init_fail: false };
    let plan = std::mem::take(&mut layout.nodes[0]);
    layout.nodes[0] = plan.with_track("chk_haproxy", script, Reading::Up(true), Some(Duration::from_secs(1)));
    for params in layout.nodes[0].setup.instances.values_mut() {
        params.tracks.push(TrackUse { track: TrackId(0), weight, reverse: false });
    }
    layout
}

#[test]
fn demotion_by_tracking_hands_over_in_skew_time() {
    for seed in 0..50 {
        let outcome = play_seed(&tracked(-150), "at 10s track a chk_haproxy down run 30s", seed);
        let taken = entered(&outcome, B, Phase::Master);
        assert!(taken.len() == 1 && taken[0] < 10.65, "{taken:?}\n{}", outcome.timeline);
        assert_eq!(gap(&outcome), Duration::ZERO, "{}", outcome.timeline);
        assert!(outage(&outcome) < 20 * MS, "seed {seed}: {:?}", outage(&outcome));
    }
}

#[test]
fn a_tracked_fault_hands_over_in_skew_time_and_the_client_hardly_notices() {
    for seed in 0..50 {
        let outcome = play_seed(&tracked(0), "at 10s track a chk_haproxy down run 30s", seed);
        let taken = entered(&outcome, B, Phase::Master);
        assert!(taken.len() == 1 && taken[0] < 10.65, "{taken:?}\n{}", outcome.timeline);
        assert!(outage(&outcome) < 20 * MS, "seed {seed}: {:?}", outage(&outcome));
    }
}

#[test]
fn a_demotion_that_changes_nothing_keeps_the_master() {
    let outcome = play(&tracked(-50), "at 10s track a chk_haproxy down at 20s track a chk_haproxy up run 40s");
    assert_eq!(outcome.score.changes(), 1, "150 is still the highest priority\n{}", outcome.timeline);
}

#[test]
fn a_node_that_slept_reports_it() {
    let slept = |outcome: &Outcome, node| {
        told(outcome, node, |event| matches!(event, Event::Slept { late_by } if *late_by > 18_000 * MS))
    };
    let outcome = play(&pair(), "at 10s sleep a 20s run 60s");
    assert_eq!((slept(&outcome, A), slept(&outcome, B)), (1, 0), "{}", outcome.timeline);
    // b was master meanwhile and yields at once when a is back.
    assert!(overlap(&outcome) < 20 * MS, "{:?}\n{}", overlap(&outcome), outcome.timeline);
}

#[test]
fn marks_survive_a_reload() {
    let replays: String = (0..30).map(|at| format!("at {}ms replay ", 20_100 + at * 300)).collect();
    let text = format!("at 15s priority b VI_1 90 at 20s crash a {replays} run 40s");
    let taken_by = |auth: &str| {
        let mut layout = pair();
        for params in layout.nodes.iter_mut().flat_map(|node| node.setup.instances.values_mut()) {
            params.auth = parts::auth(auth).expect("a kind of authentication");
        }
        let outcome = play(&layout, &text);
        entered(&outcome, B, Phase::Master)
    };
    // Replayed adverts hold a backup down as long as they come, if nothing marks them as old.
    assert!(taken_by("none")[0] > 28.0);
    let taken = taken_by("keyed");
    assert!(taken.len() == 1 && taken[0] < 24.0, "{taken:?}");
}

#[test]
fn a_crash_costs_the_master_down_time_and_the_return_costs_nothing() {
    for seed in 0..50 {
        let outcome = play_seed(&pair(), "at 10s crash a at 20s start a run 60s", seed);
        // Three intervals and b's skew of 156/256 s.
        assert!(gap(&outcome) < 3_620 * MS && gap(&outcome) > 2_000 * MS, "{:?}", gap(&outcome));
        assert_eq!(entered(&outcome, A, Phase::Master).len(), 2, "a takes its place again\n{}", outcome.timeline);
        assert!(overlap(&outcome) < 20 * MS, "{:?}\n{}", overlap(&outcome), outcome.timeline);
        assert!(outage(&outcome) < 3_640 * MS, "{:?}", outage(&outcome));
    }
}

#[test]
fn a_killed_daemon_that_comes_back_leaves_no_address_behind() {
    let outcome = play(&pair(), "at 10s kill a at 20s start a run 60s");
    assert_eq!(entered(&outcome, A, Phase::Master).len(), 2, "{}", outcome.timeline);
    // While both had the address the client went on; once a is back it is told where the address is.
    assert!(outage(&outcome) < 10 * MS, "{:?}", outage(&outcome));
}

#[test]
fn a_one_way_partition_gives_two_masters_only_while_the_better_one_is_not_heard() {
    // b does not hear a: it cannot know that there is a master.
    let outcome = play(&pair(), "at 10s cut a -> b at 30s heal run 60s");
    assert_eq!(entered(&outcome, B, Phase::Master).len(), 1, "no flapping\n{}", outcome.timeline);
    assert_eq!(entered(&outcome, A, Phase::Master).len(), 1, "the better one stays\n{}", outcome.timeline);
    // From b's takeover until, after the healing, a is heard again.
    assert!(overlap(&outcome) < 19_100 * MS, "{:?}", overlap(&outcome));
    // a does not hear b: nothing happens at all.
    let outcome = play(&pair(), "at 10s cut b -> a at 30s heal run 60s");
    assert_eq!(outcome.score.changes(), 1, "{}", outcome.timeline);
}

#[test]
fn a_kernel_that_refuses_everything_sends_the_address_to_the_peer() {
    let outcome = play(&pair(), "at 1s kernel a refuses at 20s kernel a well run 120s");
    assert!(entered(&outcome, A, Phase::Fault).len() == 1, "{}", outcome.timeline);
    assert_eq!(entered(&outcome, B, Phase::Master).len(), 1, "{}", outcome.timeline);
    // After its pause a stands again and wins.
    assert_eq!(entered(&outcome, A, Phase::Master).len(), 2, "{}", outcome.timeline);
}

#[test]
fn an_address_somebody_deletes_is_put_back() {
    let outcome = play(&pair(), "at 10s snatch a VI_1 run 30s");
    assert_eq!(outcome.score.changes(), 1, "{}", outcome.timeline);
    assert!(outage(&outcome) < 20 * MS, "{:?}", outage(&outcome));
}

#[test]
fn two_owners_do_not_stay_masters_together() {
    let layout = nodes(&[params(255), params(255)]);
    let script = script::parse("run 60s", &layout.cast()).expect("reads");
    let layout = Layout { steps: script.steps, lasts: script.lasts, ..layout };
    let outcome = World::run(&layout, true);
    // The configuration is wrong, so what is promised to right ones is not asked for; but one of them must give way.
    let masters = outcome.score.routers[0].overlap;
    assert!(masters.longest < Duration::from_secs(10), "{masters:?}\n{}", outcome.timeline);
}

#[test]
fn nopreempt_leaves_the_address_where_it_is() {
    use steadfast::proto::vrrp::Preempt;
    let stays = |priority| Params { preempt: Preempt::No { timer_expired_backup: None }, ..params(priority) };
    let outcome = play(&nodes(&[stays(200), stays(100)]), "at 10s crash a at 20s start a run 60s");
    assert_eq!(entered(&outcome, A, Phase::Master).len(), 1, "{}", outcome.timeline);
    assert_eq!(entered(&outcome, B, Phase::Master).len(), 1, "{}", outcome.timeline);
}

#[test]
fn a_preempt_delay_is_waited_for() {
    use steadfast::proto::vrrp::Preempt;
    let late = Params { preempt: Preempt::Yes { delay: Duration::from_secs(10) }, ..params(200) };
    let outcome = play(&nodes(&[late, params(100)]), "at 10s crash a at 20s start a run 60s");
    let taken = entered(&outcome, A, Phase::Master);
    assert!(taken.len() == 2 && taken[1] > 30.0 && taken[1] < 36.0, "{taken:?}\n{}", outcome.timeline);
}

#[test]
fn a_group_moves_as_one_when_one_member_fails() {
    let mut layout = pair();
    layout.segments.push("wan".to_owned());
    for (at, plan) in layout.nodes.iter_mut().enumerate() {
        let priority = if at == 0 { 200 } else { 100 };
        let inner = params(priority);
        let mut outer = params(priority);
        outer.vrid = 52;
        outer.port = steadfast::proto::vrrp::PortId(1);
        *plan =
            NodePlan::named(at, 2).with_instance("inner", inner).with_instance("outer", outer).with_group("G", &[0, 1]);
    }
    let outcome = play(&layout, "at 10s link a eth1 down at 30s link a eth1 up run 60s");
    let masters = entered(&outcome, B, Phase::Master);
    assert_eq!(masters.len(), 2, "both members\n{}", outcome.timeline);
    assert_eq!(masters[0], masters[1], "in one turn");
    assert_eq!(entered(&outcome, A, Phase::Master).len(), 4, "and back\n{}", outcome.timeline);
}
