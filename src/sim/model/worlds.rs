// SPDX-License-Identifier: MIT OR Apache-2.0
//! The worlds that are searched.

use std::time::Duration;

use super::{Deed, Faults, TRANSIT, World};
use crate::proto::track::{Reading, TrackParams};
use crate::proto::vrrp::{Family, InstanceId, Params, Preempt, TrackId, TrackUse, Version};
use crate::sim::node::NodePlan;
use crate::sim::parts;

const NO_FAULTS: Faults = Faults { losses: 0, cuts: 0, splits: 0, crashes: 0, stops: 0, tracks: 0 };

/// One virtual router of version 3: an interval of a second, one address, announced once at once.
fn params(vrid: u8, priority: u8) -> Params {
    let mut params = parts::params(vrid, Version::V3, Family::V4, priority);
    params.holdings = parts::holdings(&[parts::virtual_address(Family::V4, vrid, 0)]);
    params.announce.delay = Duration::ZERO;
    params.announce.lower_prio_delay = Duration::ZERO;
    params
}

/// One node for each priority, with a router each.
fn routers(priorities: &[u8]) -> Vec<NodePlan> {
    let node = |(at, priority): (usize, &u8)| NodePlan::named(at, 1).with_instance("vi", params(1, *priority));
    priorities.iter().enumerate().map(node).collect()
}

/// The first node tracks an object, for all its instances or the first only.
fn tracking(mut plans: Vec<NodePlan>, weight: i32) -> Vec<NodePlan> {
    for plan in plans.drain(..1).collect::<Vec<NodePlan>>() {
        let mut plan = plan.with_track("service", TrackParams::Address, Reading::Up(true), None);
        if let Some(params) = plan.setup.instances.get_mut(&InstanceId(0)) {
            params.tracks.push(TrackUse { track: TrackId(0), weight, reverse: false });
        }
        plans.insert(0, plan);
    }
    plans
}

/// Two routers in a sync group on each node.
fn grouped(priorities: &[u8]) -> Vec<NodePlan> {
    let node = |(at, priority): (usize, &u8)| {
        let plan = NodePlan::named(at, 1).with_instance("inside", params(1, *priority));
        plan.with_instance("outside", params(2, *priority)).with_group("both", &[0, 1])
    };
    priorities.iter().enumerate().map(node).collect()
}

fn each(mut plans: Vec<NodePlan>, change: impl Fn(&mut Params)) -> Vec<NodePlan> {
    plans.iter_mut().flat_map(|plan| plan.setup.instances.values_mut()).for_each(change);
    plans
}

fn nopreempt(params: &mut Params) {
    params.preempt = Preempt::No { timer_expired_backup: None };
}

fn world(name: &'static str, plans: Vec<NodePlan>, faults: Faults, shows: &'static [Deed]) -> World {
    World { name, plans, faults, transit: TRANSIT, quantum: None, shows, large: false }
}

/// Everything arrives before time goes on.
fn at_once(world: World) -> World {
    World { transit: Duration::ZERO, ..world }
}

/// Faults meet moments at which nothing else happens.
fn between(world: World) -> World {
    World { quantum: Some(Duration::from_millis(400)), ..world }
}

/// The small ones, which are searched in seconds, and the large ones.
pub fn worlds() -> Vec<World> {
    let large = large().into_iter().map(|world| World { large: true, ..world });
    small().into_iter().chain(large).collect()
}

fn small() -> Vec<World> {
    let tracked = Faults { tracks: 1, ..NO_FAULTS };
    vec![
        world(
            "two nodes, losses and a crash",
            routers(&[150, 100]),
            Faults { losses: 2, crashes: 1, ..NO_FAULTS },
            &[Deed::TakeOver, Deed::Preemption, Deed::Yield],
        ),
        world(
            "two nodes, a way that closes",
            routers(&[150, 100]),
            Faults { cuts: 1, losses: 1, ..NO_FAULTS },
            &[Deed::TakeOver, Deed::Yield],
        ),
        world(
            "two nodes of equal priority, a split",
            routers(&[100, 100]),
            Faults { splits: 1, ..NO_FAULTS },
            &[Deed::TakeOver, Deed::Yield],
        ),
        world(
            "two nodes without preemption, a loss and a crash",
            each(routers(&[150, 100]), nopreempt),
            Faults { crashes: 1, losses: 1, ..NO_FAULTS },
            &[Deed::TakeOver],
        ),
        world(
            "two nodes, one is stopped",
            routers(&[150, 100]),
            Faults { stops: 1, ..NO_FAULTS },
            &[Deed::Succession, Deed::HandOver, Deed::Preemption],
        ),
        at_once(world(
            "two nodes, a priority that falls, a loss",
            tracking(routers(&[150, 100]), -100),
            Faults { tracks: 1, losses: 1, ..NO_FAULTS },
            &[Deed::Offer, Deed::Succession, Deed::Preemption, Deed::Yield],
        )),
        at_once(world(
            "two nodes with sync groups, a member that fails",
            tracking(grouped(&[150, 100]), 0),
            tracked,
            &[Deed::GroupFault, Deed::GroupMaster, Deed::HandOver],
        )),
        at_once(world(
            "three nodes, a crash",
            routers(&[150, 101, 100]),
            Faults { crashes: 1, ..NO_FAULTS },
            &[Deed::TakeOver, Deed::Preemption, Deed::Yield],
        )),
    ]
}

fn large() -> Vec<World> {
    vec![
        between(world(
            "two nodes, a loss and a crash between the beats",
            routers(&[150, 100]),
            Faults { losses: 1, crashes: 1, ..NO_FAULTS },
            &[Deed::TakeOver, Deed::Preemption, Deed::Yield],
        )),
        world(
            "two nodes, ways that close, losses",
            routers(&[150, 100]),
            Faults { cuts: 2, losses: 2, ..NO_FAULTS },
            &[Deed::TakeOver, Deed::Yield],
        ),
        world(
            "two nodes of equal priority, a split, one is stopped",
            routers(&[100, 100]),
            Faults { splits: 1, stops: 1, losses: 1, ..NO_FAULTS },
            &[Deed::TakeOver, Deed::Yield, Deed::Succession, Deed::HandOver],
        ),
        world(
            "two nodes, a priority that falls twice, a loss",
            tracking(routers(&[150, 100]), -100),
            Faults { tracks: 2, losses: 1, ..NO_FAULTS },
            &[Deed::Offer, Deed::Succession, Deed::Preemption, Deed::Yield],
        ),
        at_once(world(
            "two nodes with sync groups, a member that fails, two losses",
            tracking(grouped(&[150, 100]), 0),
            Faults { tracks: 1, losses: 2, ..NO_FAULTS },
            &[Deed::GroupFault, Deed::GroupMaster, Deed::HandOver],
        )),
        world(
            "two nodes with sync groups, a member that fails, frames on their way",
            tracking(grouped(&[150, 100]), 0),
            Faults { tracks: 1, ..NO_FAULTS },
            &[Deed::GroupFault, Deed::GroupMaster, Deed::HandOver],
        ),
        world(
            "three nodes, a crash, frames on their way",
            routers(&[150, 101, 100]),
            Faults { crashes: 1, ..NO_FAULTS },
            &[Deed::TakeOver, Deed::Preemption, Deed::Yield],
        ),
        at_once(world(
            "three nodes, a split and a loss",
            routers(&[150, 101, 100]),
            Faults { splits: 1, losses: 1, ..NO_FAULTS },
            &[Deed::TakeOver, Deed::Yield],
        )),
        at_once(world(
            "three nodes, a priority that falls, a crash",
            tracking(routers(&[150, 101, 100]), -100),
            Faults { tracks: 1, crashes: 1, ..NO_FAULTS },
            &[Deed::TakeOver, Deed::Offer, Deed::Succession, Deed::Preemption, Deed::Yield],
        )),
    ]
}
