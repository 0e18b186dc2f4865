// SPDX-License-Identifier: MIT OR Apache-2.0
//! How close announcements may follow each other: one lane for each limiter and family, each with its queue.
//!
//! Invariant: what waits in a lane is there once for each instance and frame, with the number of times it is still to be
//! sent. A lane sends one frame per gap, each in turn.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::kernel::Family;
use crate::kernel::raw::frame::Announcement;
use crate::kernel::rtnl::Link;
use crate::plan::vrrp::Spacing;
use crate::proto::vrrp::InstanceId;

/// Frames one lane keeps waiting: more addresses than an interface has in practice.
const WAITING_MAX: usize = 16_384;

/// Whose frames share a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Limiter {
    /// A `garp_group`, by its place in the plan.
    Group(usize),
    /// An interface in none, by its number; a virtual one counts as the one beneath.
    Interface(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane {
    limiter: Limiter,
    ipv6: bool,
}

#[derive(Debug)]
struct Waiting {
    instance: InstanceId,
    frame: Announcement,
    left: u32,
}

#[derive(Debug)]
struct Queue {
    gap: u64,
    /// Before this nothing leaves.
    free_at: u64,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug, Default)]
pub(super) struct Pace {
    spacing: Spacing,
    lanes: BTreeMap<Lane, Queue>,
    /// Frames that found no room.
    pub(super) dropped: u64,
}

impl Pace {
    /// Other gaps from now on. What waits is sent at the next turn, as if there had been none.
    pub(super) fn follow(&mut self, spacing: &Spacing) {
        if self.spacing != *spacing {
            self.spacing.clone_from(spacing);
            for queue in self.lanes.values_mut() {
                (queue.gap, queue.free_at) = (0, 0);
            }
        }
    }

    /// The lane frames of a family leave an interface by, and its gap; nothing when they need not wait. `base` is the
    /// interface beneath a virtual one.
    pub(super) fn lane(&self, base: &Link, family: Family) -> Option<(Lane, Duration)> {
        let group = self.spacing.groups.iter().position(|group| group.interfaces.contains(&base.name));
        let (limiter, gaps) = match group.and_then(|place| Some((place, self.spacing.groups.get(place)?))) {
            Some((place, group)) => (Limiter::Group(place), group.gaps),
            None => (Limiter::Interface(base.index), self.spacing.everywhere),
        };
        let (ipv6, gap) = match family {
            Family::V4 => (false, gaps.arp),
            Family::V6 => (true, gaps.advert),
        };
        (!gap.is_zero()).then_some((Lane { limiter, ipv6 }, gap))
    }

    /// Has a frame sent so many times, when its turn comes.
    pub(super) fn enqueue(
        &mut self,
        (lane, gap): (Lane, Duration),
        instance: InstanceId,
        frame: Announcement,
        rounds: u32,
    ) {
        let gap = u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX);
        let queue = self.lanes.entry(lane).or_insert(Queue { gap, free_at: 0, waiting: VecDeque::new() });
        queue.gap = gap;
        let same = |waiting: &&mut Waiting| waiting.instance == instance && waiting.frame == frame;
        if let Some(waiting) = queue.waiting.iter_mut().find(same) {
            waiting.left = waiting.left.max(rounds);
        } else if queue.waiting.len() < WAITING_MAX {
            queue.waiting.push_back(Waiting { instance, frame, left: rounds });
        } else {
            self.dropped += 1;
        }
    }

    /// An instance keeps only these addresses: others are not announced any more.
    pub(super) fn retain(&mut self, instance: InstanceId, keep: impl Fn(&Announcement) -> bool) {
        for queue in self.lanes.values_mut() {
            queue.waiting.retain(|waiting| waiting.instance != instance || keep(&waiting.frame));
        }
    }

    /// Sends what may leave now. A lane without a gap any more is emptied.
    pub(super) fn serve(&mut self, now: u64, mut send: impl FnMut(&Announcement)) {
        for queue in self.lanes.values_mut() {
            while queue.free_at <= now
                && let Some(mut first) = queue.waiting.pop_front()
            {
                send(&first.frame);
                if queue.gap > 0 {
                    queue.free_at = now.saturating_add(queue.gap);
                }
                first.left = first.left.saturating_sub(1);
                if first.left > 0 {
                    queue.waiting.push_back(first);
                }
            }
        }
        // An idle lane is forgotten when its gap is over.
        self.lanes.retain(|_, queue| !queue.waiting.is_empty() || queue.free_at > now);
    }

    /// How long nothing can leave.
    pub(super) fn rest(&self, now: u64) -> Option<Duration> {
        let waiting = self.lanes.values().filter(|queue| !queue.waiting.is_empty());
        waiting.map(|queue| Duration::from_nanos(queue.free_at.saturating_sub(now))).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Mac;
    use crate::plan::vrrp::{Gaps, SpacingGroup};

    const GAP: u64 = 100;
    const ONE: InstanceId = InstanceId(1);
    const TWO: InstanceId = InstanceId(2);

    fn frame(last: u8) -> Announcement {
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let address = std::net::Ipv4Addr::new(10, 0, 0, last).into();
        Announcement { interface: 2, mac, broadcast: Mac::BROADCAST, address, router: false }
    }

    fn lane() -> (Lane, Duration) {
        (Lane { limiter: Limiter::Interface(2), ipv6: false }, Duration::from_nanos(GAP))
    }

    fn served(pace: &mut Pace, now: u64) -> Vec<Announcement> {
        let mut sent = Vec::new();
        pace.serve(now, |frame| sent.push(*frame));
        sent
    }

    #[test]
    fn one_frame_leaves_per_gap_and_addresses_take_turns() {
        let mut pace = Pace::default();
        for last in [1, 2] {
            pace.enqueue(lane(), ONE, frame(last), 2);
        }
        let order: Vec<Vec<Announcement>> = (0..6).map(|turn| served(&mut pace, turn * GAP)).collect();
        assert_eq!(order, [vec![frame(1)], vec![frame(2)], vec![frame(1)], vec![frame(2)], vec![], vec![]]);
        assert!(pace.lanes.is_empty() && pace.rest(0).is_none());
    }

    #[test]
    fn nothing_leaves_before_the_gap_is_over() {
        let mut pace = Pace::default();
        pace.enqueue(lane(), ONE, frame(1), 2);
        assert_eq!(served(&mut pace, 0), [frame(1)]);
        assert_eq!(served(&mut pace, GAP - 1), []);
        assert_eq!(pace.rest(GAP - 1), Some(Duration::from_nanos(1)));
        assert_eq!(served(&mut pace, GAP), [frame(1)]);
        // The gap holds for whoever comes next, too.
        pace.enqueue(lane(), TWO, frame(2), 1);
        assert_eq!(served(&mut pace, GAP + 1), []);
    }

    #[test]
    fn what_waits_already_is_not_queued_twice() {
        let mut pace = Pace::default();
        pace.enqueue(lane(), ONE, frame(1), 2);
        pace.enqueue(lane(), ONE, frame(1), 3);
        let sent: usize = (0..10).map(|turn| served(&mut pace, turn * GAP).len()).sum();
        assert_eq!(sent, 3);
    }

    #[test]
    fn an_instance_that_gives_up_addresses_announces_them_no_more() {
        let mut pace = Pace::default();
        pace.enqueue(lane(), ONE, frame(1), 2);
        pace.enqueue(lane(), TWO, frame(2), 1);
        pace.retain(ONE, |_| false);
        assert_eq!(served(&mut pace, 0), [frame(2)]);
        assert!(pace.rest(0).is_none());
    }

    #[test]
    fn a_full_lane_counts_what_it_drops() {
        let mut pace = Pace::default();
        for number in 0..=WAITING_MAX {
            let interface = u32::try_from(number).expect("a small number");
            pace.lanes.entry(lane().0).or_insert(Queue { gap: GAP, free_at: 0, waiting: VecDeque::new() });
            if number < WAITING_MAX {
                let queue = pace.lanes.get_mut(&lane().0).expect("just made");
                queue.waiting.push_back(Waiting {
                    instance: ONE,
                    frame: Announcement { interface, ..frame(1) },
                    left: 1,
                });
            }
        }
        pace.enqueue(lane(), TWO, frame(2), 1);
        assert_eq!(pace.dropped, 1);
    }

    #[test]
    fn interfaces_of_a_group_share_a_lane_and_others_have_their_own() {
        let gaps = |arp, advert| Gaps { arp: Duration::from_millis(arp), advert: Duration::from_millis(advert) };
        let interfaces = ["eth0", "eth1"].map(str::to_owned).into();
        let spacing = Spacing { everywhere: gaps(5, 0), groups: vec![SpacingGroup { gaps: gaps(0, 7), interfaces }] };
        let mut pace = Pace::default();
        pace.follow(&spacing);
        let link = |index, name| crate::worker::vrrp::tests::link(index, name);
        let (eth0, eth1, eth2) = (link(2, "eth0"), link(3, "eth1"), link(4, "eth2"));
        assert!(pace.lane(&eth0, Family::V6).is_some());
        assert_eq!(pace.lane(&eth0, Family::V6), pace.lane(&eth1, Family::V6));
        assert_eq!(pace.lane(&eth0, Family::V4), None);
        assert!(pace.lane(&eth2, Family::V4).is_some());
        assert_eq!(pace.lane(&eth2, Family::V6), None);
        pace.enqueue(lane(), ONE, frame(1), 3);
        pace.follow(&Spacing::default());
        assert_eq!(served(&mut pace, 0).len(), 3);
    }
}
