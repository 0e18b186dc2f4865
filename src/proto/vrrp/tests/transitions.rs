// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every state against every kind of input, as a table. A kind or a state without a row fails the coverage test; an
//! input without a kind does not compile.

use std::collections::BTreeSet;

use super::kit::{HIGHER, LOWER, Node, OURS, PORT, VI, VIP, ms, params, reading, said, setup, track};
use crate::proto::Machine;
use crate::proto::track::TrackParams;
use crate::proto::vrrp::Phase::{Backup, Fault, Init, Master};
use crate::proto::vrrp::{
    Changes, Family, Input, Item, Link, Outcome, Phase, Stand, StandCourse, Ticket, TrackId, WallTime,
};

/// What can happen to an instance of priority 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    HearHigher,
    HearEqualFromHigherAddress,
    HearEqualFromLowerAddress,
    HearLower,
    HearZero,
    HearRefused,
    /// The next deadline, if there is one.
    Deadline,
    LinkDown,
    LinkUp,
    LinkGone,
    SourceLost,
    SourceBack,
    /// A tracked object without weight.
    TrackDown,
    TrackUp,
    /// A tracked object of weight 20 that was up.
    PriorityFalls,
    ScriptReports,
    SettledOk,
    SettledAllRefused,
    AddressLost,
    Announce,
    CountAnew,
    OperatorTakes,
    OperatorReleases,
    Clock,
    Woke,
    ReloadOfTheSame,
    Retune,
    Remove,
    Stop,
}

use Kind::{
    AddressLost, Announce, Clock, CountAnew, Deadline, HearEqualFromHigherAddress, HearEqualFromLowerAddress,
    HearHigher, HearLower, HearRefused, HearZero, LinkDown, LinkGone, LinkUp, OperatorReleases, OperatorTakes,
    PriorityFalls, ReloadOfTheSame, Remove, Retune, ScriptReports, SettledAllRefused, SettledOk, SourceBack,
    SourceLost, Stop, TrackDown, TrackUp, Woke,
};

const KINDS: [Kind; 29] = [
    HearHigher,
    HearEqualFromHigherAddress,
    HearEqualFromLowerAddress,
    HearLower,
    HearZero,
    HearRefused,
    Deadline,
    LinkDown,
    LinkUp,
    LinkGone,
    SourceLost,
    SourceBack,
    TrackDown,
    TrackUp,
    PriorityFalls,
    ScriptReports,
    SettledOk,
    SettledAllRefused,
    AddressLost,
    Announce,
    CountAnew,
    OperatorTakes,
    OperatorReleases,
    Clock,
    Woke,
    ReloadOfTheSame,
    Retune,
    Remove,
    Stop,
];

const PHASES: [Phase; 4] = [Init, Backup, Master, Fault];

/// The kinds that stand for an input. A new input has to be named here, and its kinds in the table.
fn kinds_of(input: &Input) -> &'static [Kind] {
    match input {
        Input::Received(_) => {
            &[HearHigher, HearEqualFromHigherAddress, HearEqualFromLowerAddress, HearLower, HearZero, HearRefused]
        }
        Input::Link(..) => &[LinkDown, LinkUp, LinkGone],
        Input::Source(..) => &[SourceLost, SourceBack],
        Input::Track(..) => &[TrackDown, TrackUp, PriorityFalls, ScriptReports],
        Input::Settled(..) => &[SettledOk, SettledAllRefused],
        Input::Lost(..) => &[AddressLost],
        Input::Announce(_) => &[Announce],
        Input::CountAnew => &[CountAnew],
        Input::Stand(..) => &[OperatorTakes, OperatorReleases],
        Input::Clock(_) => &[Clock],
        Input::Woke { .. } => &[Woke],
        Input::Reconfigure(_) => &[ReloadOfTheSame, Retune, Remove],
        Input::Stop => &[Stop],
    }
}

/// A node whose instance is in this state. Master waits for the kernel's answer; Fault has a tracked object down;
/// Init waits for a script.
fn node_in(phase: Phase) -> Node {
    let mut wanted = setup([(VI, params(100))]);
    let rows = [
        (1, 0, TrackParams::Address),
        (2, 20, TrackParams::Address),
        (3, 0, TrackParams::Script { rise: 1, fall: 1, init_fail: false }),
    ];
    for (id, weight, kind) in rows {
        wanted.tracks.insert(TrackId(id), kind);
        wanted.instances.get_mut(&VI).unwrap().tracks.push(track(id, weight));
    }
    wanted.instances.get_mut(&VI).unwrap().priority = 80;
    let (mut node, _) = Node::start(wanted);
    node.obliging = false;
    node.give(reading(1, true));
    node.give(reading(2, true));
    if phase != Init {
        node.give(reading(3, true));
    }
    if phase == Master {
        node.wait_for(Master);
    }
    if phase == Fault {
        node.give(reading(1, false));
    }
    assert_eq!(node.phase(), phase);
    node
}

fn happen(node: &mut Node, kind: Kind) -> Vec<String> {
    let ticket = Ticket(1);
    match kind {
        HearHigher => node.hear(LOWER, 150),
        HearEqualFromHigherAddress => node.hear(HIGHER, 100),
        HearEqualFromLowerAddress => node.hear(LOWER, 100),
        HearLower => node.hear(HIGHER, 50),
        HearZero => node.hear(HIGHER, 0),
        HearRefused => {
            let mut wrong = said(&node.params(VI), HIGHER, 150);
            wrong.hop_limit = 254;
            node.hear_said(&wrong)
        }
        Deadline => match node.engine.deadline() {
            Some(_) => node.pass(node.next().0),
            None => Vec::new(),
        },
        LinkDown => node.give(Input::Link(PORT, Link::Down)),
        LinkUp => node.give(Input::Link(PORT, Link::Up)),
        LinkGone => node.give(Input::Link(PORT, Link::Gone)),
        SourceLost => node.give(Input::Source(PORT, Family::V4, None)),
        SourceBack => node.give(Input::Source(PORT, Family::V4, Some(OURS))),
        TrackDown => node.give(reading(1, false)),
        TrackUp => node.give(reading(1, true)),
        PriorityFalls => node.give(reading(2, false)),
        ScriptReports => node.give(reading(3, true)),
        SettledOk => node.give(Input::Settled(ticket, Outcome::Ok)),
        SettledAllRefused => node.give(Input::Settled(ticket, Outcome::Refused(vec![Item::Address(VIP)]))),
        AddressLost => node.give(Input::Lost(VI, Item::Address(VIP))),
        Announce => {
            node.give(Input::Settled(ticket, Outcome::Ok));
            node.give(Input::Announce(VI))
        }
        CountAnew => node.give(Input::CountAnew),
        OperatorTakes => node.give(Input::Stand(VI, Some(Stand { course: StandCourse::Take, lasts: None }))),
        OperatorReleases => node.give(Input::Stand(VI, Some(Stand { course: StandCourse::Release, lasts: None }))),
        Clock => node.give(Input::Clock(node.wall())),
        Woke => node.give(Input::Woke { late_by: ms(9000) }),
        ReloadOfTheSame => node.reload(node.setup.clone()),
        Retune => node.retune(VI, |params| params.interval = ms(2000)),
        Remove => {
            let mut wanted = node.setup.clone();
            wanted.instances.clear();
            node.reload(wanted)
        }
        Stop => node.give(Input::Stop),
    }
}

type Row = (Phase, Kind, &'static [&'static str], Option<Phase>);

/// State, what happens, the effects in order, and the state after it (`None`: the instance is gone).
#[rustfmt::skip]
const TABLE: &[Row] = &[
    (Init, HearHigher, &[], Some(Init)),
    (Init, HearEqualFromHigherAddress, &[], Some(Init)),
    (Init, HearEqualFromLowerAddress, &[], Some(Init)),
    (Init, HearLower, &[], Some(Init)),
    (Init, HearZero, &[], Some(Init)),
    (Init, HearRefused, &[], Some(Init)),
    (Init, Deadline, &[], Some(Init)),
    (Init, LinkDown, &["FaultRaised", "Fault by Fault(LinkDown)"], Some(Fault)),
    (Init, LinkUp, &[], Some(Init)),
    (Init, LinkGone, &["FaultRaised", "Fault by Fault(LinkGone)"], Some(Fault)),
    (Init, SourceLost, &["FaultRaised", "Fault by Fault(NoSource)"], Some(Fault)),
    (Init, SourceBack, &[], Some(Init)),
    (Init, TrackDown, &["Tracked", "FaultRaised", "Fault by Fault(Track(TrackId(1)))"], Some(Fault)),
    (Init, TrackUp, &[], Some(Init)),
    (Init, PriorityFalls, &["Tracked"], Some(Init)),
    (Init, ScriptReports, &["Tracked", "Backup by Start"], Some(Backup)),
    (Init, SettledOk, &[], Some(Init)),
    (Init, SettledAllRefused, &[], Some(Init)),
    (Init, AddressLost, &[], Some(Init)),
    (Init, Announce, &[], Some(Init)),
    (Init, CountAnew, &[], Some(Init)),
    (Init, OperatorTakes, &["Stands"], Some(Init)),
    (Init, OperatorReleases, &["Stands"], Some(Init)),
    (Init, Clock, &[], Some(Init)),
    (Init, Woke, &["Slept"], Some(Init)),
    (Init, ReloadOfTheSame, &[], Some(Init)),
    (Init, Retune, &["Retuned"], Some(Init)),
    (Init, Remove, &["Removed"], None),
    (Init, Stop, &["Stopped", "Finished"], Some(Init)),
    (Backup, HearHigher, &["MasterChanged"], Some(Backup)),
    (Backup, HearEqualFromHigherAddress, &["MasterChanged"], Some(Backup)),
    (Backup, HearEqualFromLowerAddress, &["MasterChanged"], Some(Backup)),
    (Backup, HearLower, &["Preempting"], Some(Backup)),
    (Backup, HearZero, &[], Some(Backup)),
    (Backup, HearRefused, &["Refused HopLimit"], Some(Backup)),
    (Backup, Deadline, &["send 100", "hold 1", "Master by MasterDown"], Some(Master)),
    (Backup, LinkDown, &["FaultRaised", "Fault by Fault(LinkDown)"], Some(Fault)),
    (Backup, LinkUp, &[], Some(Backup)),
    (Backup, LinkGone, &["FaultRaised", "Fault by Fault(LinkGone)"], Some(Fault)),
    (Backup, SourceLost, &["FaultRaised", "Fault by Fault(NoSource)"], Some(Fault)),
    (Backup, SourceBack, &[], Some(Backup)),
    (Backup, TrackDown, &["Tracked", "FaultRaised", "Fault by Fault(Track(TrackId(1)))"], Some(Fault)),
    (Backup, TrackUp, &[], Some(Backup)),
    (Backup, PriorityFalls, &["Tracked", "PriorityChanged 80"], Some(Backup)),
    (Backup, ScriptReports, &[], Some(Backup)),
    (Backup, SettledOk, &[], Some(Backup)),
    (Backup, SettledAllRefused, &[], Some(Backup)),
    (Backup, AddressLost, &[], Some(Backup)),
    (Backup, Announce, &[], Some(Backup)),
    (Backup, CountAnew, &[], Some(Backup)),
    (Backup, OperatorTakes, &["Stands", "PriorityChanged 254", "send 254", "hold 1", "Master by Operator"], Some(Master)),
    (Backup, OperatorReleases, &["Stands", "PriorityChanged 1"], Some(Backup)),
    (Backup, Clock, &[], Some(Backup)),
    (Backup, Woke, &["Slept"], Some(Backup)),
    (Backup, ReloadOfTheSame, &[], Some(Backup)),
    (Backup, Retune, &["Retuned"], Some(Backup)),
    (Backup, Remove, &["Removed"], None),
    (Backup, Stop, &["Stopped", "Finished"], Some(Init)),
    (Master, HearHigher, &["release", "Backup by HigherPriority", "MasterChanged"], Some(Backup)),
    (Master, HearEqualFromHigherAddress, &["release", "Backup by HigherPriority", "MasterChanged"], Some(Backup)),
    (Master, HearEqualFromLowerAddress, &["send 100", "OtherMaster"], Some(Master)),
    (Master, HearLower, &["send 100", "OtherMaster"], Some(Master)),
    (Master, HearZero, &["send 100"], Some(Master)),
    (Master, HearRefused, &["Refused HopLimit"], Some(Master)),
    (Master, Deadline, &["send 100"], Some(Master)),
    (Master, LinkDown, &["FaultRaised", "send 0", "release", "Fault by Fault(LinkDown)"], Some(Fault)),
    (Master, LinkUp, &[], Some(Master)),
    (Master, LinkGone, &["FaultRaised", "release", "Fault by Fault(LinkGone)"], Some(Fault)),
    (Master, SourceLost, &["FaultRaised", "send 0", "release", "Fault by Fault(NoSource)"], Some(Fault)),
    (Master, SourceBack, &[], Some(Master)),
    (Master, TrackDown, &["Tracked", "FaultRaised", "send 0", "release", "Fault by Fault(Track(TrackId(1)))"], Some(Fault)),
    (Master, TrackUp, &[], Some(Master)),
    (Master, PriorityFalls, &["Tracked", "PriorityChanged 80"], Some(Master)),
    (Master, ScriptReports, &[], Some(Master)),
    (Master, SettledOk, &["announce Entered 1x1"], Some(Master)),
    (Master, SettledAllRefused, &["HoldingsRefused", "FaultRaised", "send 0", "release", "Fault by Fault(Unheld)"], Some(Fault)),
    (Master, AddressLost, &["HoldingLost restored=true", "hold 1"], Some(Master)),
    (Master, Announce, &["announce Asked 1x1"], Some(Master)),
    (Master, CountAnew, &[], Some(Master)),
    (Master, OperatorTakes, &["Stands", "PriorityChanged 254"], Some(Master)),
    (Master, OperatorReleases, &["Stands", "PriorityChanged 1"], Some(Master)),
    (Master, Clock, &[], Some(Master)),
    (Master, Woke, &["Slept"], Some(Master)),
    (Master, ReloadOfTheSame, &[], Some(Master)),
    (Master, Retune, &["Retuned", "send 100"], Some(Master)),
    (Master, Remove, &["send 0", "release", "Removed"], Some(Init)),
    (Master, Stop, &["send 0", "release", "Stopped"], Some(Init)),
    (Fault, HearHigher, &[], Some(Fault)),
    (Fault, HearEqualFromHigherAddress, &[], Some(Fault)),
    (Fault, HearEqualFromLowerAddress, &[], Some(Fault)),
    (Fault, HearLower, &[], Some(Fault)),
    (Fault, HearZero, &[], Some(Fault)),
    (Fault, HearRefused, &[], Some(Fault)),
    (Fault, Deadline, &[], Some(Fault)),
    (Fault, LinkDown, &["FaultRaised"], Some(Fault)),
    (Fault, LinkUp, &[], Some(Fault)),
    (Fault, LinkGone, &["FaultRaised"], Some(Fault)),
    (Fault, SourceLost, &["FaultRaised"], Some(Fault)),
    (Fault, SourceBack, &[], Some(Fault)),
    (Fault, TrackDown, &[], Some(Fault)),
    (Fault, TrackUp, &["Tracked", "FaultCleared", "Backup by Recovered"], Some(Backup)),
    (Fault, PriorityFalls, &["Tracked", "PriorityChanged 80"], Some(Fault)),
    (Fault, ScriptReports, &[], Some(Fault)),
    (Fault, SettledOk, &[], Some(Fault)),
    (Fault, SettledAllRefused, &[], Some(Fault)),
    (Fault, AddressLost, &[], Some(Fault)),
    (Fault, Announce, &[], Some(Fault)),
    (Fault, CountAnew, &[], Some(Fault)),
    (Fault, OperatorTakes, &["Stands", "PriorityChanged 254"], Some(Fault)),
    (Fault, OperatorReleases, &["Stands", "PriorityChanged 1"], Some(Fault)),
    (Fault, Clock, &[], Some(Fault)),
    (Fault, Woke, &["Slept"], Some(Fault)),
    (Fault, ReloadOfTheSame, &[], Some(Fault)),
    (Fault, Retune, &["Retuned"], Some(Fault)),
    (Fault, Remove, &["Removed"], None),
    (Fault, Stop, &["Stopped", "Finished"], Some(Init)),
];

#[test]
fn every_state_answers_every_input_as_the_table_says() {
    for (phase, kind, effects, after) in TABLE {
        let mut node = node_in(*phase);
        assert_eq!(happen(&mut node, *kind), *effects, "{phase:?} {kind:?}");
        assert_eq!(node.engine.phase(VI), *after, "{phase:?} {kind:?}");
    }
}

#[test]
fn the_table_has_one_row_for_every_state_and_kind() {
    let all = PHASES.into_iter().flat_map(|phase| KINDS.into_iter().map(move |kind| (phase, kind)));
    for (phase, kind) in all {
        let rows = TABLE.iter().filter(|row| (row.0, row.1) == (phase, kind)).count();
        assert_eq!(rows, 1, "rows for {phase:?} {kind:?}");
    }
}

#[test]
fn every_input_has_kinds_in_the_table() {
    let mut node = node_in(Backup);
    let inputs = [
        Input::Received(said(&node.params(VI), HIGHER, 1).datagram(&mut node.peers, WallTime::default())),
        Input::Link(PORT, Link::Up),
        Input::Source(PORT, Family::V4, None),
        reading(1, true),
        Input::Settled(Ticket(1), Outcome::Ok),
        Input::Lost(VI, Item::Address(VIP)),
        Input::Announce(VI),
        Input::CountAnew,
        Input::Stand(VI, None),
        Input::Clock(WallTime::default()),
        Input::Woke { late_by: ms(1) },
        Input::Reconfigure(Changes::default()),
        Input::Stop,
    ];
    let mut named: BTreeSet<Kind> = inputs.iter().flat_map(kinds_of).copied().collect();
    named.insert(Deadline);
    assert_eq!(named, BTreeSet::from(KINDS));
}
