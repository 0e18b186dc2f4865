// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::proto::health::{
    Destination, FrontId, FrontParams, Protocol, ServerId, ServerParams, ServiceId, ServiceParams, Spec, Thresholds,
    Whose,
};

fn key(last: u8) -> Key {
    Key::Address { protocol: Protocol::Tcp, ip: [192, 0, 2, last].into(), port: 80 }
}

fn server(last: u8, weight: u32) -> Destination {
    Destination {
        whose: Whose::Real(ServerId(last.into())),
        address: [10, 0, 0, last].into(),
        port: 80,
        weight,
        method: Method::Nat,
        thresholds: Thresholds::default(),
    }
}

fn place(last: u8) -> DestinationKey {
    DestinationKey { address: [10, 0, 0, last].into(), port: 80 }
}

fn spec(scheduler: &'static str) -> Arc<Spec> {
    Arc::new(Spec { scheduler, flags: 0, persistence: None })
}

fn wanted(front: u8, scheduler: &'static str, servers: &[(u8, u32)]) -> Wanted {
    let destinations = servers.iter().map(|(last, weight)| server(*last, *weight)).collect();
    Wanted {
        front: FrontId(front.into()),
        keys: [key(front)].into(),
        content: Some(Content { spec: spec(scheduler), destinations }),
    }
}

fn gone(front: u8) -> Wanted {
    Wanted { front: FrontId(front.into()), keys: [key(front)].into(), content: None }
}

/// A kernel that does what it is told.
#[derive(Clone, Debug, Default, PartialEq)]
struct Kernel(ipvs::Table);

impl Kernel {
    fn carry_out(&mut self, changes: &[Change]) {
        for change in changes {
            match change.clone() {
                Change::AddService(key, service) => {
                    assert!(!self.0.contains_key(&key), "{key} is there already");
                    self.0.insert(key, Entry { service, destinations: BTreeMap::new() });
                }
                Change::SetService(key, service) => self.0.get_mut(&key).expect("the service").service = service,
                Change::RemoveService(key) => drop(self.0.remove(&key).expect("the service")),
                Change::AddDestination(key, place, destination) => {
                    let before = self.0.get_mut(&key).expect("the service").destinations.insert(place, destination);
                    assert_eq!(before, None, "{place} is there already");
                }
                Change::SetDestination(key, place, destination) => {
                    let before = self.0.get_mut(&key).expect("the service").destinations.insert(place, destination);
                    assert!(before.is_some(), "{place} was not there");
                }
                Change::RemoveDestination(key, place) => {
                    let before = self.0.get_mut(&key).expect("the service").destinations.remove(&place);
                    assert!(before.is_some(), "{place} was not there");
                }
                other => panic!("{other} is not asked for here"),
            }
        }
    }

    fn servers(&self, front: u8) -> Vec<(DestinationKey, u32)> {
        let entry = self.0.get(&service_key(key(front)));
        entry.into_iter().flat_map(|entry| entry.destinations.iter().map(|(place, to)| (*place, to.weight))).collect()
    }
}

/// One virtual server with these real servers configured.
fn setup(servers: &[u8]) -> Setup {
    let mut setup = Setup::default();
    let ids: Vec<ServerId> = servers.iter().map(|last| ServerId((*last).into())).collect();
    for last in servers {
        let Destination { address, port, weight, method, thresholds, .. } = server(*last, 1);
        let params = ServerParams { service: ServiceId(1), address, port, weight, method, thresholds, inhibit: false };
        setup.servers.insert(ServerId((*last).into()), params);
    }
    setup.services.insert(
        ServiceId(1),
        ServiceParams { servers: ids, quorum: 1, hysteresis: 0, sorry: None, follows: None, omega: false },
    );
    let front = FrontParams { keys: [key(1)].into(), spec: spec("rr"), port: 80, services: vec![ServiceId(1)] };
    setup.fronts.insert(FrontId(1), front);
    setup
}

#[test]
fn what_is_as_wanted_is_not_touched() {
    let (mut balance, mut kernel) = (Balance::default(), Kernel::default());
    let all = [wanted(1, "rr", &[(1, 1), (2, 1)]), wanted(2, "wlc", &[(1, 5)])];
    let changes = balance.changes(&all);
    assert_eq!(changes.len(), 5);
    kernel.carry_out(&changes);
    assert_eq!(balance.changes(&all), []);
    assert_eq!(kernel.servers(1), [(place(1), 1), (place(2), 1)]);
}

#[test]
fn one_server_that_differs_is_one_change() {
    let mut balance = Balance::default();
    balance.changes(&[wanted(1, "rr", &[(1, 1), (2, 1)])]);
    let service = service_key(key(1));
    let changes = balance.changes(&[wanted(1, "rr", &[(1, 1), (2, 0)])]);
    assert!(matches!(changes[..], [Change::SetDestination(key, at, to)]
        if key == service && at == place(2) && to.weight == 0));
    assert_eq!(balance.changes(&[wanted(1, "rr", &[(1, 1)])]), [Change::RemoveDestination(service, place(2))]);
    let changes = balance.changes(&[wanted(1, "wrr", &[(1, 1)])]);
    assert!(matches!(&changes[..], [Change::SetService(_, service)] if service.scheduler == "wrr"));
    assert_eq!(balance.changes(&[gone(1)]), [Change::RemoveService(service)]);
    assert_eq!(balance.changes(&[gone(1)]), []);
}

#[test]
fn whoever_comes_is_there_before_others_leave() {
    let mut balance = Balance::default();
    balance.changes(&[wanted(1, "rr", &[(1, 1)])]);
    let changes = balance.changes(&[wanted(1, "rr", &[(9, 1)])]);
    assert!(matches!(changes[..], [Change::AddDestination(..), Change::RemoveDestination(..)]));
}

#[test]
fn what_was_there_is_adopted_and_what_is_not_ours_is_left_alone() {
    // A former life left three servers: one that still serves, one that is down by now, one nobody here knows.
    let mut kernel = Kernel::default();
    kernel.carry_out(
        &Balance::default().changes(&[wanted(1, "rr", &[(1, 1), (2, 1), (77, 3)]), wanted(8, "lc", &[(1, 1)])]),
    );
    let mut balance = Balance::default();
    balance.adopt(kernel.0.clone(), &setup(&[1, 2, 3]));
    let changes = balance.changes(&[wanted(1, "rr", &[(1, 1), (3, 1)])]);
    kernel.carry_out(&changes);
    assert_eq!(changes.len(), 2, "nothing is taken out and put in again: {changes:?}");
    assert_eq!(kernel.servers(1), [(place(1), 1), (place(3), 1), (place(77), 3)]);
    assert_eq!(kernel.servers(8), [(place(1), 1)]);
    assert_eq!(balance.compare(&kernel.0), None);
}

#[test]
fn what_somebody_took_away_or_changed_is_found_and_put_right() {
    let (mut balance, mut kernel) = (Balance::default(), Kernel::default());
    let all = [wanted(1, "rr", &[(1, 1), (2, 1)]), wanted(2, "rr", &[(1, 1)])];
    kernel.carry_out(&balance.changes(&all));
    assert_eq!(balance.compare(&kernel.0), None);

    let mut meddled = kernel.clone();
    meddled.0.remove(&service_key(key(2)));
    let entry = meddled.0.get_mut(&service_key(key(1))).expect("a service");
    entry.destinations.remove(&place(1));
    entry.destinations.get_mut(&place(2)).expect("a server").weight = 9;
    let drift = balance.compare(&meddled.0).expect("a drift");
    assert_eq!(
        drift.to_string(),
        "1 virtual server gone, 1 real server gone, 1 real server changed (the first: 10.0.0.1:80 of tcp 192.0.2.1:80 gone)"
    );
    meddled.carry_out(&balance.changes(&all));
    assert_eq!(meddled, kernel);
    assert_eq!(balance.compare(&meddled.0), None);
}

#[test]
fn an_emptied_table_is_found_by_its_services_alone() {
    let (mut balance, mut kernel) = (Balance::default(), Kernel::default());
    let all = [wanted(1, "rr", &[(1, 1)]), wanted(2, "rr", &[(1, 1)])];
    kernel.carry_out(&balance.changes(&all));
    let services = |kernel: &Kernel| kernel.0.iter().map(|(key, entry)| (*key, entry.service.clone())).collect();
    assert_eq!(balance.compare_services(&services(&kernel)), None);
    kernel.0.clear();
    let drift = balance.compare_services(&services(&kernel)).expect("a drift");
    assert_eq!(drift.services_gone, 2);
    kernel.carry_out(&balance.changes(&all));
    assert_eq!(kernel.servers(1), [(place(1), 1)]);
}

#[test]
fn what_the_kernel_refused_is_asked_for_again() {
    let mut balance = Balance::default();
    let all = [wanted(1, "rr", &[(1, 1), (2, 1)])];
    let changes = balance.changes(&all);
    let refusal = Refusal::new(libc::EINVAL);
    balance.refused(changes.iter().map(|change| (change, &refusal)));
    assert_eq!(balance.changes(&all), changes);
    let removal = balance.changes(&[wanted(1, "rr", &[(1, 1)])]);
    balance.refused(removal.iter().map(|change| (change, &refusal)));
    assert_eq!(balance.changes(&[wanted(1, "rr", &[(1, 1)])]), removal);
    let change = balance.changes(&[wanted(1, "lc", &[(1, 1)])]);
    balance.refused(change.iter().map(|change| (change, &refusal)));
    assert_eq!(balance.changes(&[wanted(1, "lc", &[(1, 1)])]), change);
}

#[test]
fn persistence_that_makes_every_address_a_client_is_the_kernels_own() {
    let persistence = |mask: [u8; 4], prefix| health::Persistence {
        timeout: std::time::Duration::from_secs(360),
        mask: mask.into(),
        prefix,
        engine: None,
    };
    assert_eq!(granularity(Family::V4, &persistence([255; 4], 64)), None);
    assert_eq!(granularity(Family::V6, &persistence([255, 255, 255, 0], 128)), None);
    assert_eq!(granularity(Family::V6, &persistence([255; 4], 64)), Some(ipvs::Granularity::Prefix(64)));
}

/// Some servers of some fronts; `None` is a front that is to be gone.
fn arb_wanted() -> impl Strategy<Value = Vec<Wanted>> {
    let servers = proptest::collection::btree_map(1_u8..6, 0_u32..3, 0..5);
    let content = proptest::option::of((prop::sample::select(vec!["rr", "lc"]), servers));
    proptest::collection::btree_map(1_u8..4, content, 1..4).prop_map(|fronts| {
        let mut all = Vec::new();
        for (front, content) in fronts {
            all.push(match content {
                None => gone(front),
                Some((scheduler, servers)) => wanted(front, scheduler, &servers.into_iter().collect::<Vec<_>>()),
            });
        }
        all
    })
}

proptest! {
    /// Whatever was wanted before, the kernel ends up with what is wanted last, and with every step of it legal.
    #[test]
    fn the_kernel_always_ends_up_with_what_is_wanted(steps in proptest::collection::vec(arb_wanted(), 1..8)) {
        let (mut balance, mut kernel) = (Balance::default(), Kernel::default());
        let mut last: BTreeMap<FrontId, Wanted> = BTreeMap::new();
        for step in steps {
            kernel.carry_out(&balance.changes(&step));
            last.extend(step.into_iter().map(|wanted| (wanted.front, wanted)));
        }
        let all: Vec<Wanted> = last.into_values().collect();
        let mut fresh = Kernel::default();
        fresh.carry_out(&Balance::default().changes(&all));
        prop_assert_eq!(&kernel, &fresh);
        prop_assert_eq!(balance.changes(&all), vec![]);
        prop_assert_eq!(balance.compare(&kernel.0), None);
    }
}
