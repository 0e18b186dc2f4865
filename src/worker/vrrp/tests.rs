// SPDX-License-Identifier: MIT OR Apache-2.0
//! The worker's own decisions, without a kernel: what is asked of it, what is told of its answers, and in which words.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::apply::{self, Holder, Now, Part, Place};
use super::interfaces::Interfaces;
use super::{convert, report};
use crate::kernel::netlink::{Done, Job, Refusal, Request};
use crate::kernel::rtnl::address::{Lifetimes, flag};
use crate::kernel::rtnl::{Address, Event, Link};
use crate::kernel::{Family, rtnl};
use crate::plan::vrrp::{AddressDetail, Broadcast, Detail, Lifetime, Rule, VrrpPlan};
use crate::proto::vrrp::{
    Cause, DetailId, Event as Told, Fault, GroupId, HeldAddress, HeldDetail, Holdings, InstanceId, Item, LinkId,
    Outcome, Phase, Refusal as Why, Ticket,
};

const ETH0: u32 = 2;
const ETH1: u32 = 3;
const ONE: InstanceId = InstanceId(1);
const TWO: InstanceId = InstanceId(2);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn link(index: u32, name: &str) -> Link {
    Link {
        index,
        name: name.into(),
        hardware: 1,
        flags: 0x41,
        mac: vec![2, 0, 0, 0, 0, 1],
        broadcast: vec![0xff; 6],
        mtu: 1500,
        parent: None,
        master: None,
        group: 0,
        kind: None,
        is_private: false,
        vrf_table: None,
    }
}

fn interfaces() -> Interfaces {
    let mut interfaces = Interfaces::default();
    interfaces.note(&Event::Link(link(ETH0, "eth0")));
    interfaces.note(&Event::Link(link(ETH1, "eth1")));
    interfaces
}

fn held(address: &str) -> HeldAddress {
    let ip = ip(address);
    HeldAddress { ip, prefix: if ip.is_ipv4() { 32 } else { 128 }, link: None, detail: None, tracked: true }
}

fn holdings(addresses: &[&str]) -> Holdings {
    Holdings { addresses: addresses.iter().map(|address| held(address)).collect(), ..Holdings::default() }
}

fn rule(priority: u32) -> Rule {
    Rule {
        family: crate::proto::vrrp::Family::V4,
        action: 1,
        table: 100,
        invert: false,
        from: None,
        to: None,
        tos: 0,
        priority: Some(priority),
        mark: None,
        mask: None,
        input: None,
        output: None,
        goto: None,
        realms: None,
        tunnel: None,
        suppress_group: None,
        suppress_prefix: None,
        l3mdev: false,
        users: None,
        protocol: 18,
        ip_protocol: None,
        source_ports: None,
        destination_ports: None,
    }
}

/// A holder, and the jobs it handed to a writer that does nothing by itself.
struct Desk {
    holder: Holder,
    plan: VrrpPlan,
    interfaces: Interfaces,
    jobs: Vec<Job<Part>>,
    /// Jobs the writer still takes.
    room: usize,
    tickets: u64,
}

impl Desk {
    fn new() -> Desk {
        let (holder, plan) = (Holder::default(), VrrpPlan::default());
        Desk { holder, plan, interfaces: interfaces(), jobs: Vec::new(), room: usize::MAX, tickets: 0 }
    }

    fn hold(&mut self, instance: InstanceId, wanted: &Holdings) -> Option<Outcome> {
        self.tickets += 1;
        let place = Place { plan: &self.plan, interfaces: &self.interfaces, home: Some(ETH0) };
        let (jobs, room) = (&mut self.jobs, self.room);
        self.holder.hold((Ticket(self.tickets), instance), wanted, place, |job| {
            if jobs.len() == room {
                return Err(job);
            }
            jobs.push(job);
            Ok(())
        })
    }

    /// Like `hold` of many, as the worker asks: the first few ahead.
    fn hold_many(&mut self, instance: InstanceId, wanted: &Holdings) -> Option<Outcome> {
        let first = apply::first_few(wanted).expect("many");
        let place = Place { plan: &self.plan, interfaces: &self.interfaces, home: Some(ETH0) };
        let (jobs, room) = (&mut self.jobs, self.room);
        self.holder.begin((Ticket(self.tickets + 1), instance), &first, place, |job| {
            if jobs.len() == room {
                return Err(job);
            }
            jobs.push(job);
            Ok(())
        });
        self.hold(instance, wanted)
    }

    /// The requests of all jobs handed over since the last call.
    fn requests(&self) -> Vec<Request> {
        self.jobs.iter().flat_map(|job| job.requests.clone()).collect()
    }

    /// The kernel's answer to the oldest job: these of its requests are refused.
    fn answer(&mut self, refused: &[usize]) -> Option<(Ticket, Outcome)> {
        let job = self.jobs.remove(0);
        let refused = refused.iter().map(|place| (*place, Refusal::new(libc::EPERM))).collect();
        self.holder.settle(Done { ticket: job.ticket, refused }).0
    }

    /// Asks, and has everything granted.
    fn hold_and_get(&mut self, instance: InstanceId, wanted: &Holdings) {
        if self.hold(instance, wanted).is_none() {
            while !self.jobs.is_empty() {
                self.answer(&[]);
            }
        }
    }
}

fn add(address: &str) -> Request {
    convert::address(ETH0, &held(address), None).add()
}

fn remove(address: &str) -> Request {
    convert::address(ETH0, &held(address), None).remove()
}

#[test]
fn only_the_difference_is_asked_for_and_what_is_missing_goes_first() {
    let mut desk = Desk::new();
    desk.hold_and_get(ONE, &holdings(&["10.0.0.1", "10.0.0.2"]));
    assert_eq!(desk.hold(ONE, &holdings(&["10.0.0.2", "10.0.0.3"])), None);
    assert_eq!(desk.requests(), [add("10.0.0.3"), remove("10.0.0.1")]);
    assert_eq!(desk.answer(&[]), Some((Ticket(2), Outcome::Ok)));
}

#[test]
fn what_is_there_already_is_answered_at_once() {
    let mut desk = Desk::new();
    let wanted = holdings(&["10.0.0.1"]);
    desk.hold_and_get(ONE, &wanted);
    assert_eq!(desk.hold(ONE, &wanted), Some(Outcome::Ok));
    assert_eq!(desk.hold(TWO, &Holdings::default()), Some(Outcome::Ok));
}

#[test]
fn an_address_two_instances_want_stays_until_the_last_one_leaves() {
    let mut desk = Desk::new();
    desk.hold_and_get(ONE, &holdings(&["10.0.0.1"]));
    assert_eq!(desk.hold(TWO, &holdings(&["10.0.0.1"])), Some(Outcome::Ok));
    assert_eq!(desk.hold(ONE, &Holdings::default()), Some(Outcome::Ok));
    assert_eq!(desk.hold(TWO, &Holdings::default()), None);
    assert_eq!(desk.requests(), [remove("10.0.0.1")]);
}

#[test]
fn a_refused_address_is_named_and_asked_for_again_next_time() {
    let mut desk = Desk::new();
    let wanted = holdings(&["10.0.0.1", "10.0.0.2"]);
    desk.hold(ONE, &wanted);
    let refused = Outcome::Refused(vec![Item::Address(ip("10.0.0.2"))]);
    assert_eq!(desk.answer(&[1]), Some((Ticket(1), refused)));
    assert_eq!(desk.hold(ONE, &wanted), None);
    assert_eq!(desk.requests(), [add("10.0.0.2")]);
}

#[test]
fn who_counted_on_an_address_that_is_refused_is_told_with_its_own_answer() {
    let mut desk = Desk::new();
    desk.hold(ONE, &holdings(&["10.0.0.1"]));
    desk.hold(ONE, &holdings(&["10.0.0.1", "10.0.0.2"]));
    let refused = Outcome::Refused(vec![Item::Address(ip("10.0.0.1"))]);
    assert_eq!(desk.answer(&[0]), Some((Ticket(1), refused.clone())));
    assert_eq!(desk.answer(&[]), Some((Ticket(2), refused)));
}

#[test]
fn many_addresses_are_told_part_by_part_until_something_is_refused() {
    let many: Vec<String> = (0..150).map(|number| format!("10.0.1.{number}")).collect();
    let wanted = holdings(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let mut desk = Desk::new();
    desk.hold(ONE, &wanted);
    assert_eq!(desk.answer(&[]), Some((Ticket(1), Outcome::Progress { addresses: 64 })));
    assert_eq!(desk.answer(&[0]), None);
    assert_eq!(desk.answer(&[]), Some((Ticket(1), Outcome::Refused(vec![Item::Address(ip("10.0.1.64"))]))));
}

#[test]
fn of_many_addresses_the_first_few_go_ahead_and_each_is_asked_for_once() {
    let many: Vec<String> = (0..50).map(|number| format!("10.0.1.{number}")).collect();
    let wanted = holdings(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let mut desk = Desk::new();
    assert_eq!(desk.hold_many(ONE, &wanted), None);
    assert_eq!(desk.jobs.iter().map(|job| job.requests.len()).collect::<Vec<_>>(), [16, 34]);
    assert_eq!(desk.requests(), many.iter().map(|address| add(address)).collect::<Vec<_>>());
    assert_eq!(desk.answer(&[]), Some((Ticket(1), Outcome::Progress { addresses: 16 })));
    assert_eq!(desk.answer(&[]), Some((Ticket(1), Outcome::Ok)));
    assert_eq!(desk.hold_many(ONE, &wanted), Some(Outcome::Ok), "all are there");
}

#[test]
fn what_is_refused_of_the_first_few_is_named_with_the_rest() {
    let many: Vec<String> = (0..17).map(|number| format!("10.0.1.{number}")).collect();
    let wanted = holdings(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let mut desk = Desk::new();
    desk.hold_many(ONE, &wanted);
    assert_eq!(desk.answer(&[2]), None);
    assert_eq!(desk.answer(&[]), Some((Ticket(1), Outcome::Refused(vec![Item::Address(ip("10.0.1.2"))]))));
    // The last of many goes: the first few are there, and the answer is that of the removal alone.
    assert_eq!(desk.hold(ONE, &Holdings::default()), None);
    assert_eq!(desk.requests().len(), 16);
}

#[test]
fn a_full_writer_that_took_not_even_the_first_few_refuses_all() {
    let many: Vec<String> = (0..20).map(|number| format!("10.0.1.{number}")).collect();
    let wanted = holdings(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let all = || Some(Outcome::Refused(many.iter().map(|address| Item::Address(ip(address))).collect()));
    let mut desk = Desk::new();
    desk.room = 0;
    assert_eq!(desk.hold_many(ONE, &wanted).map(sorted), all().map(sorted));
    desk.room = 1;
    assert_eq!(desk.hold_many(ONE, &wanted), None);
    let rest = Outcome::Refused(many[16..].iter().map(|address| Item::Address(ip(address))).collect());
    assert_eq!(desk.answer(&[]).map(|(_, outcome)| sorted(outcome)), Some(sorted(rest)));
}

fn sorted(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Refused(mut items) => {
            items.sort();
            Outcome::Refused(items)
        }
        Outcome::Ok | Outcome::Progress { .. } => outcome,
    }
}

#[test]
fn a_full_writer_refuses_what_it_did_not_take() {
    let many: Vec<String> = (0..150).map(|number| format!("10.0.1.{number}")).collect();
    let wanted = holdings(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let untaken = |from: usize| many[from..].iter().map(|address| Item::Address(ip(address))).collect::<BTreeSet<_>>();
    let items = |outcome: Outcome| match outcome {
        Outcome::Refused(items) => items.into_iter().collect::<BTreeSet<_>>(),
        Outcome::Ok | Outcome::Progress { .. } => panic!("{outcome:?}"),
    };
    let mut desk = Desk::new();
    desk.room = 0;
    assert_eq!(items(desk.hold(ONE, &wanted).unwrap()), untaken(0));
    desk.room = 1;
    assert_eq!(desk.hold(ONE, &wanted), None);
    let (ticket, outcome) = desk.answer(&[]).unwrap();
    assert_eq!((ticket, items(outcome)), (Ticket(2), untaken(64)));
    // The rest is asked for again, and only the rest.
    desk.room = usize::MAX;
    desk.hold(ONE, &wanted);
    assert_eq!(desk.requests().len(), 150 - 64);
}

#[test]
fn an_address_somebody_removed_is_lost_once_and_can_be_put_back() {
    let mut desk = Desk::new();
    let wanted = holdings(&["10.0.0.1"]);
    desk.hold_and_get(ONE, &wanted);
    let gone = Event::AddressGone(convert::address(ETH0, &held("10.0.0.1"), None));
    assert_eq!(desk.holder.note(&gone), [(ONE, Item::Address(ip("10.0.0.1")))]);
    assert_eq!(desk.holder.note(&gone), []);
    desk.hold(ONE, &wanted);
    assert_eq!(desk.requests(), [add("10.0.0.1")]);
}

#[test]
fn a_link_that_goes_takes_its_addresses_along_and_a_resync_finds_the_missing() {
    let mut desk = Desk::new();
    desk.plan.links.insert(LinkId(1), "eth1".into());
    let mut wanted = holdings(&["10.0.0.1", "10.0.0.2"]);
    wanted.addresses[1].link = Some(LinkId(1));
    desk.hold_and_get(ONE, &wanted);
    let lost = desk.holder.note(&Event::LinkGone(link(ETH1, "eth1")));
    assert_eq!(lost, [(ONE, Item::Address(ip("10.0.0.2")))]);
    let mut seen = interfaces();
    seen.note(&Event::Address(Address::new(ETH0, ip("10.0.0.9"), 24)));
    let now = Now { interfaces: &seen, routes: Some(Vec::new()), rules: Some(Vec::new()) };
    assert_eq!(desk.holder.compare(&now), [(ONE, Item::Address(ip("10.0.0.1")))]);
}

#[test]
fn a_resync_finds_the_rules_that_were_removed_and_none_where_nothing_could_be_read() {
    let mut desk = Desk::new();
    for number in [1, 2] {
        desk.plan.details.insert(DetailId(number), Detail::Rule(Box::new(rule(number * 10))));
    }
    let both = [1, 2].map(|number| HeldDetail { detail: DetailId(number), tracked: true });
    desk.hold(ONE, &Holdings { rules: both.to_vec(), ..Holdings::default() });
    assert!(!desk.holder.is_settled(), "what is on its way can be compared with nothing");
    desk.answer(&[]);
    assert!(desk.holder.is_settled() && desk.holder.has_rules());
    let here = interfaces();
    let mut compare = |rules| desk.holder.compare(&Now { interfaces: &here, routes: Some(Vec::new()), rules });
    assert_eq!(compare(None), []);
    assert_eq!(compare(Some(vec![convert::rule(&rule(20))])), [(ONE, Item::Rule(DetailId(1)))]);
    assert_eq!(compare(Some(Vec::new())), [(ONE, Item::Rule(DetailId(2)))]);
}

#[test]
fn what_cannot_be_had_here_is_refused_and_the_rest_is_asked_for() {
    let mut desk = Desk::new();
    desk.plan.links.insert(LinkId(1), "no-such-link".into());
    let mut wanted = holdings(&["10.0.0.1", "10.0.0.2"]);
    wanted.addresses[0].link = Some(LinkId(1));
    wanted.filter = true;
    desk.hold(ONE, &wanted);
    assert_eq!(desk.requests(), [add("10.0.0.2")]);
    let refused = vec![Item::Address(ip("10.0.0.1")), Item::Filter];
    assert_eq!(desk.answer(&[]), Some((Ticket(1), Outcome::Refused(refused))));
}

#[test]
fn rules_are_added_last_and_removed_first() {
    let mut desk = Desk::new();
    desk.plan.details.insert(DetailId(1), Detail::Rule(Box::new(rule(50))));
    let mut wanted = holdings(&["10.0.0.1"]);
    wanted.rules.push(HeldDetail { detail: DetailId(1), tracked: true });
    desk.hold(ONE, &wanted);
    let expected = convert::rule(&rule(50));
    assert_eq!(desk.requests(), [add("10.0.0.1"), expected.add()]);
    desk.answer(&[]);
    let seen = rtnl::Rule { mask: None, ..expected.clone() };
    desk.hold(ONE, &Holdings::default());
    assert_eq!(desk.requests(), [expected.remove(), remove("10.0.0.1")]);
    assert_eq!(desk.holder.note(&Event::RuleGone(seen)), [], "what we are removing ourselves is not lost");
}

#[test]
fn leased_addresses_are_added_with_their_time_and_renewed() {
    let mut desk = Desk::new();
    desk.holder.set_lease(Some(3));
    assert!(desk.holder.renewal().is_none(), "nothing is held");
    desk.hold(ONE, &holdings(&["10.0.0.1", "fd00::1"]));
    let with = |address, preferred| {
        let lifetimes = Lifetimes { preferred, valid: 3 };
        Address { lifetimes, ..convert::address(ETH0, &held(address), None) }
    };
    let leased = [with("10.0.0.1", 3), with("fd00::1", 0)];
    assert_eq!(desk.requests(), leased.each_ref().map(Address::add));
    desk.answer(&[]);
    let renewal = desk.holder.renewal().expect("something is held");
    assert_eq!(renewal.requests, leased.each_ref().map(Address::renew));
    assert_eq!(desk.holder.settle(Done { ticket: renewal.ticket, refused: Vec::new() }).0, None);
    // Without a lease they live for ever again.
    desk.holder.set_lease(None);
    let forever = ["10.0.0.1", "fd00::1"].map(|address| convert::address(ETH0, &held(address), None).renew());
    assert_eq!(desk.holder.renewal().expect("something is held").requests, forever);
}

#[test]
fn what_is_lost_while_its_renewal_is_on_its_way_is_removed_again() {
    let mut desk = Desk::new();
    desk.holder.set_lease(Some(3));
    desk.hold(ONE, &holdings(&["10.0.0.1"]));
    desk.answer(&[]);
    let address = convert::address(ETH0, &held("10.0.0.1"), None);
    let renewal = desk.holder.renewal().expect("something is held");
    assert_eq!(desk.holder.note(&Event::AddressGone(address.clone())).len(), 1);
    let burial = desk.holder.burial().expect("the renewal brings it back");
    assert_eq!(burial.requests, [address.remove()]);
    assert!(desk.holder.burial().is_none(), "once is enough");
    for job in [renewal, burial] {
        desk.holder.settle(Done { ticket: job.ticket, refused: Vec::new() });
    }
    assert!(desk.holder.burial().is_none());
    // Its answer may be read before the loss.
    desk.hold(ONE, &holdings(&["10.0.0.1"]));
    desk.answer(&[]);
    let renewal = desk.holder.renewal().expect("something is held");
    desk.holder.settle(Done { ticket: renewal.ticket, refused: Vec::new() });
    assert_eq!(desk.holder.note(&Event::AddressGone(address.clone())).len(), 1);
    let burial = desk.holder.burial().expect("the renewal brought it back");
    desk.holder.settle(Done { ticket: burial.ticket, refused: Vec::new() });
    assert!(desk.holder.burial().is_none());
    // What is lost while nothing is on its way stays lost by itself.
    desk.hold(ONE, &holdings(&["10.0.0.1"]));
    desk.answer(&[]);
    assert_eq!(desk.holder.note(&Event::AddressGone(address)).len(), 1);
    assert!(desk.holder.burial().is_none());
}

#[test]
fn adverts_leave_from_the_first_address_that_is_not_virtual() {
    let mut interfaces = interfaces();
    let virtual_addresses = BTreeSet::from([ip("10.0.0.100"), ip("fe80::100")]);
    let mut source = |event: Event, family| {
        interfaces.note(&event);
        interfaces.source(ETH0, family, &virtual_addresses)
    };
    let address = |text: &str, prefix| Address::new(ETH0, ip(text), prefix);
    assert_eq!(source(Event::Address(address("10.0.0.100", 24)), Family::V4), None);
    assert_eq!(source(Event::Address(address("10.0.0.2", 24)), Family::V4), Some(ip("10.0.0.2")));
    assert_eq!(source(Event::Address(address("10.0.0.1", 24)), Family::V4), Some(ip("10.0.0.2")));
    assert_eq!(source(Event::AddressGone(address("10.0.0.2", 24)), Family::V4), Some(ip("10.0.0.1")));
    assert_eq!(source(Event::Address(address("fd00::1", 64)), Family::V6), None);
    assert_eq!(source(Event::Address(address("fe80::100", 64)), Family::V6), None);
    let tentative = Address { flags: flag::TENTATIVE, ..address("fe80::1", 64) };
    assert_eq!(source(Event::Address(tentative), Family::V6), None);
    assert_eq!(source(Event::Address(address("fe80::1", 64)), Family::V6), Some(ip("fe80::1")));
}

#[test]
fn addresses_have_the_defaults_their_family_needs_and_the_details_asked_for() {
    let plain = |address: &str, prefix| HeldAddress { prefix, ..held(address) };
    let forever = Lifetimes::FOREVER;
    let marked = |address: Address| Address { protocol: Some(18), ..address };
    let on = |address: &str, prefix| marked(Address::new(ETH0, ip(address), prefix));
    let deprecated = Lifetimes { preferred: 0, valid: forever };
    let cases = [
        (plain("10.0.0.1", 24), None, on("10.0.0.1", 24)),
        (plain("fd00::1", 64), None, Address { flags: flag::NODAD, ..on("fd00::1", 64) }),
        (plain("fd00::1", 128), None, Address { flags: flag::NODAD, lifetimes: deprecated, ..on("fd00::1", 128) }),
        (
            plain("fd00::1", 128),
            Some(AddressDetail {
                dad: true,
                preferred: Some(Lifetime::Forever),
                home: true,
                ..AddressDetail::default()
            }),
            Address { flags: flag::HOME, ..on("fd00::1", 128) },
        ),
        (
            plain("10.0.5.1", 20),
            Some(AddressDetail {
                broadcast: Some(Broadcast::Ones),
                label: Some("eth0:1".into()),
                scope: Some(253),
                noprefixroute: true,
                ..AddressDetail::default()
            }),
            Address {
                broadcast: Some([10, 0, 15, 255].into()),
                label: Some("eth0:1".into()),
                scope: 253,
                flags: flag::NOPREFIXROUTE,
                ..on("10.0.5.1", 20)
            },
        ),
        (
            plain("10.0.5.1", 32),
            Some(AddressDetail { peer: Some((ip("10.0.5.2"), 30)), ..AddressDetail::default() }),
            Address { peer: Some(ip("10.0.5.2")), ..on("10.0.5.1", 30) },
        ),
        (
            plain("10.0.5.1", 20),
            Some(AddressDetail { broadcast: Some(Broadcast::Zeros), ..AddressDetail::default() }),
            Address { broadcast: Some([10, 0, 0, 0].into()), ..on("10.0.5.1", 20) },
        ),
    ];
    for (held, detail, expected) in cases {
        assert_eq!(convert::address(ETH0, &held, detail.as_ref()), expected);
    }
}

#[test]
fn states_and_their_causes_read_as_operators_know_them() {
    let mut plan = VrrpPlan::default();
    plan.instances.insert(ONE, "VI_1".into());
    plan.groups.insert(GroupId(1), "G".into());
    let entered = |from, to, cause| Told::Entered { instance: ONE, from, to, cause, priority: 100, notify: true };
    let higher = Cause::HigherPriority(ip("10.0.0.2"));
    let cases: [(Told, &[&str]); 9] = [
        (entered(Phase::Init, Phase::Backup, Cause::Start), &["(VI_1) Entering BACKUP STATE (init)"]),
        (
            entered(Phase::Backup, Phase::Master, Cause::MasterDown),
            &["(VI_1) Receive advertisement timeout", "(VI_1) Entering MASTER STATE"],
        ),
        (
            entered(Phase::Backup, Phase::Master, Cause::PriorityZero),
            &["(VI_1) Backup received priority 0 advertisement", "(VI_1) Entering MASTER STATE"],
        ),
        (
            entered(Phase::Master, Phase::Backup, higher),
            &[
                "(VI_1) Master received advert from 10.0.0.2 with higher priority, ours 100",
                "(VI_1) Entering BACKUP STATE",
            ],
        ),
        (
            entered(Phase::Master, Phase::Fault, Cause::Fault(Fault::LinkDown)),
            &["(VI_1) cannot take part: its interface is down", "(VI_1) Entering FAULT STATE"],
        ),
        (
            Told::GroupEntered { group: GroupId(1), to: Phase::Master },
            &["VRRP_Group(G) Syncing instances to MASTER state"],
        ),
        (
            Told::PriorityChanged { instance: ONE, from: 100, to: 90, phase: Phase::Backup },
            &["(VI_1) Changing effective priority from 100 to 90"],
        ),
        (
            Told::Refused { instance: ONE, refusal: Why::Checksum, source: ip("10.0.0.2") },
            &["(VI_1) advert from 10.0.0.2 refused: wrong checksum"],
        ),
        (
            Told::HoldingsRefused { instance: ONE, items: vec![Item::Address(ip("10.0.0.1")), Item::Filter] },
            &["(VI_1) the kernel refused 10.0.0.1, the packet filter"],
        ),
    ];
    for (event, expected) in cases {
        let lines: Vec<String> = report::lines(&event, &plan).into_iter().map(|(_, line)| line).collect();
        assert_eq!(lines, expected);
    }
}
