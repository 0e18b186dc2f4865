// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::proto::vrrp::HeldAddress;

const MS: Duration = Duration::from_millis(1);
const ONE: InstanceId = InstanceId(1);

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn address(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

fn holdings(addresses: &[u8]) -> Arc<Holdings> {
    let held = |last: &u8| HeldAddress { ip: address(*last), prefix: 24, link: None, detail: None, tracked: true };
    Arc::new(Holdings { addresses: addresses.iter().map(held).collect(), ..Holdings::default() })
}

fn kernel() -> Kernel {
    Kernel::new((MS, 5 * MS), Random::new(1))
}

#[test]
fn a_clock_never_shows_a_deadline_before_it_is_reached() {
    for drift in [-2_000, -100, 0, 1, 100, 2_000] {
        let clock = Clock::new(Instant::from_nanos(777_777), drift);
        for nanos in (0..5_000_000_000).step_by(99_999_989) {
            let local = Instant::from_nanos(777_777 + nanos);
            let world = clock.world(local);
            assert!(clock.local(world) >= local, "drift {drift} at {nanos}");
            assert!(clock.local(Instant::from_nanos(world.as_nanos().saturating_sub(2))) <= local);
        }
    }
}

#[test]
fn a_clock_gains_what_it_was_told_and_leaps_ahead() {
    let mut clock = Clock::new(Instant::ZERO, 100);
    assert_eq!(clock.local(at(10_000)), Instant::from_nanos(10_001_000_000));
    clock.leap(at(10_000), 30_000 * MS);
    assert_eq!(clock.local(at(10_000)), Instant::from_nanos(40_001_000_000));
    assert_eq!(clock.world(clock.local(at(20_000))), at(20_000));
}

#[test]
fn requests_are_answered_in_order_and_each_takes_its_time() {
    let mut kernel = kernel();
    kernel.ask(at(0), Ticket(1), ONE, holdings(&[100]));
    kernel.ask(at(0), Ticket(2), ONE, holdings(&[]));
    let first = kernel.due().expect("busy");
    assert!(first >= at(1) && first <= at(5));
    assert_eq!(kernel.settle(at(0)), None);
    assert_eq!(kernel.settle(first), Some((Ticket(1), ONE, Outcome::Ok)));
    assert_eq!(kernel.held(ONE).len(), 1);
    let second = kernel.due().expect("busy");
    assert!(second > first);
    assert_eq!(kernel.settle(second), Some((Ticket(2), ONE, Outcome::Ok)));
    assert!(!kernel.holds(address(100)));
    assert_eq!(kernel.due(), None);
}

#[test]
fn a_kernel_may_tell_how_far_it_is_before_it_is_done() {
    let progress = (0..64).filter(|seed| {
        let mut kernel = Kernel::new((MS, MS), Random::new(*seed));
        kernel.ask(at(0), Ticket(1), ONE, holdings(&[100, 101, 102, 103]));
        let first = kernel.settle(at(1)).map(|(_, _, outcome)| outcome);
        if first == Some(Outcome::Ok) {
            return false;
        }
        assert_eq!(first, Some(Outcome::Progress { addresses: 2 }));
        assert_eq!(kernel.held(ONE), BTreeSet::from([address(100), address(101)]));
        assert_eq!(kernel.settle(at(2)), Some((Ticket(1), ONE, Outcome::Ok)));
        assert_eq!(kernel.held(ONE).len(), 4);
        true
    });
    assert!((16..48).contains(&progress.count()));
}

#[test]
fn a_refusing_kernel_keeps_what_it_has_and_lets_go() {
    let mut kernel = kernel();
    kernel.ask(at(0), Ticket(1), ONE, holdings(&[100]));
    kernel.settle(at(5));
    kernel.manner = Manner::Refuses;
    let many: Vec<u8> = (100..200).collect();
    kernel.ask(at(5), Ticket(2), ONE, holdings(&many));
    let Some((Ticket(2), ONE, Outcome::Refused(refused))) = kernel.settle(at(10)) else { panic!("not refused") };
    assert!((50..100).contains(&refused.len()), "most of them, not all: {}", refused.len());
    assert_eq!(kernel.held(ONE).len(), 100 - refused.len());
    assert!(kernel.holds(address(100)), "what it had it keeps");
    kernel.ask(at(10), Ticket(3), ONE, holdings(&[]));
    assert_eq!(kernel.settle(at(15)), Some((Ticket(3), ONE, Outcome::Ok)));
    assert_eq!(kernel.held(ONE), BTreeSet::new());
}

#[test]
fn a_client_keeps_to_its_cache_until_it_loses_patience() {
    let mut cache = Neighbours::default();
    let (a, b) = (Station(0), Station(1));
    assert!(cache.reach(at(0), address(100), &[a]));
    assert!(!cache.reach(at(1_000), address(100), &[b]));
    assert!(!cache.reach(at(8_999), address(100), &[b]));
    assert!(cache.reach(at(9_000), address(100), &[b]));
    assert_eq!(cache.who(address(100)), Some(b));
}

#[test]
fn a_claim_moves_a_client_at_once() {
    let mut cache = Neighbours::default();
    cache.reach(at(0), address(100), &[Station(0)]);
    cache.claim(address(100), Station(1));
    assert!(cache.reach(at(1), address(100), &[Station(1)]));
    assert!(!cache.reach(at(2), address(100), &[Station(0)]));
}
