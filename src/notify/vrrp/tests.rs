// SPDX-License-Identifier: MIT OR Apache-2.0
use std::path::PathBuf;

use super::*;
use crate::proto::vrrp::Cause;

const WEB: InstanceId = InstanceId(1);
const PAIR: GroupId = GroupId(1);

fn command(word: &str) -> Option<Command> {
    Some(Command { program: PathBuf::from(word), argv: vec![word.to_owned()], account: None })
}

fn herald(change: fn(&mut Hooks)) -> Herald {
    let mut hooks = Hooks { name: "web".to_owned(), ..Hooks::default() };
    change(&mut hooks);
    let group = Hooks { name: "pair".to_owned(), any: command("any"), stop: command("stop"), ..Hooks::default() };
    let (instances, groups) = (BTreeMap::from([(WEB, hooks)]), BTreeMap::from([(PAIR, group)]));
    Herald::new(Book { instances, groups, no_fault_mails: false, states_on_reload: false })
}

fn entered(to: Phase, notify: bool) -> Event {
    Event::Entered { instance: WEB, from: Phase::Init, to, cause: Cause::Start, priority: 120, notify }
}

/// Calls as text: the arguments of scripts, and lines as they are.
fn told(herald: &mut Herald, event: &Event) -> Vec<String> {
    herald
        .calls(event)
        .into_iter()
        .map(|call| match call {
            Call::Script(name, command) => format!("{name}: {}", command.argv.join(" ")),
            Call::Line(line) => line,
            Call::Mail(alert) => alert.subject,
        })
        .collect()
}

#[test]
fn a_state_runs_its_script_then_the_general_one_and_then_writes_a_line() {
    let mut herald = herald(|hooks| (hooks.master, hooks.any) = (command("master"), command("any")));
    let expected = ["web: master", "web: any INSTANCE web MASTER 120", "INSTANCE \"web\" MASTER 120\n"];
    assert_eq!(told(&mut herald, &entered(Phase::Master, true)), expected);
}

#[test]
fn a_state_that_is_the_group_s_already_is_not_told() {
    let mut herald = herald(|hooks| hooks.any = command("any"));
    assert_eq!(told(&mut herald, &entered(Phase::Backup, false)), [""; 0]);
}

#[test]
fn groups_are_told_with_priority_zero() {
    let mut herald = herald(|_| {});
    let expected = ["pair: any GROUP pair BACKUP 0", "GROUP \"pair\" BACKUP 0\n"];
    assert_eq!(told(&mut herald, &Event::GroupEntered { group: PAIR, to: Phase::Backup }), expected);
    let expected = ["pair: stop", "pair: any GROUP pair STOP 0", "GROUP \"pair\" STOP 0\n"];
    assert_eq!(told(&mut herald, &Event::GroupStopped { group: PAIR }), expected);
}

#[test]
fn a_stop_repeats_the_last_priority() {
    let mut herald = herald(|hooks| hooks.stop = command("stop"));
    told(&mut herald, &entered(Phase::Master, true));
    let changed = Event::PriorityChanged { instance: WEB, from: 120, to: 90, phase: Phase::Master };
    assert_eq!(told(&mut herald, &changed), [""; 0], "changes of priority are not asked for");
    let stopped = Event::Stopped { instance: WEB, from: Phase::Master };
    assert_eq!(told(&mut herald, &stopped), ["web: stop", "INSTANCE \"web\" STOP 90\n"]);
}

#[test]
fn changes_of_priority_are_lines_when_asked_for() {
    let mut herald = herald(|hooks| hooks.priority_changes = true);
    for (phase, word) in [(Phase::Master, "MASTER_PRIORITY"), (Phase::Backup, "BACKUP_PRIORITY")] {
        let changed = Event::PriorityChanged { instance: WEB, from: 120, to: 90, phase };
        assert_eq!(told(&mut herald, &changed), [format!("INSTANCE \"web\" {word} 90\n")]);
    }
}

#[test]
fn another_master_below_us_runs_its_script() {
    let mut herald = herald(|hooks| (hooks.master_rx_lower_pri, hooks.any) = (command("lower"), command("any")));
    told(&mut herald, &entered(Phase::Master, true));
    let source = std::net::IpAddr::from([192, 0, 2, 2]);
    let heard = Event::OtherMaster { instance: WEB, source, priority: 50 };
    assert_eq!(told(&mut herald, &heard), ["web: lower", "INSTANCE \"web\" MASTER_RX_LOWER_PRI 120\n"]);
}

#[test]
fn a_removal_is_a_fault_unless_the_configuration_wants_it_called_deleted() {
    let removed = |from| Event::Removed { instance: WEB, from };
    let mut plain = herald(|hooks| (hooks.fault, hooks.any) = (command("fault"), command("any")));
    let expected = ["web: any INSTANCE web FAULT 0", "INSTANCE \"web\" FAULT 0\n"];
    assert_eq!(told(&mut plain, &removed(Phase::Backup)), expected);
    assert_eq!(told(&mut plain, &removed(Phase::Backup)), [""; 0], "it is gone");
    let mut faulty = herald(|hooks| hooks.any = command("any"));
    assert_eq!(told(&mut faulty, &removed(Phase::Fault)), [""; 0]);
    let mut named = herald(|hooks| (hooks.says_deleted, hooks.deleted) = (true, command("deleted")));
    assert_eq!(told(&mut named, &removed(Phase::Fault)), ["web: deleted", "INSTANCE \"web\" DELETED 0\n"]);
}

#[test]
fn a_reload_changes_hooks_and_keeps_those_of_what_is_about_to_go() {
    let mut herald = herald(|hooks| hooks.any = command("any"));
    herald.turn_to(Book::default(), &mut Notifier::new(crate::observe::log::Log::to_stderr("test")));
    assert_eq!(told(&mut herald, &Event::Removed { instance: WEB, from: Phase::Master }).len(), 2);
}

#[test]
fn the_states_of_what_stays_are_written_after_a_reload_when_that_is_wanted() {
    let mut herald = herald(|_| {});
    // What the group tells already is known all the same.
    told(&mut herald, &entered(Phase::Master, false));
    told(&mut herald, &Event::GroupEntered { group: PAIR, to: Phase::Master });
    let mut next = herald.book.clone();
    assert_eq!(herald.standing(&next), [""; 0]);
    next.states_on_reload = true;
    next.instances.insert(InstanceId(2), Hooks { name: "new".to_owned(), ..Hooks::default() });
    assert_eq!(herald.standing(&next), ["GROUP \"pair\" MASTER 0\n", "INSTANCE \"web\" MASTER 120\n"]);
}

/// The subjects of mails.
fn mailed(herald: &mut Herald, event: &Event) -> Vec<String> {
    let subject = |call| match call {
        Call::Mail(alert) => Some(alert.subject),
        Call::Script(..) | Call::Line(_) => None,
    };
    herald.calls(event).into_iter().filter_map(subject).collect()
}

#[test]
fn states_are_mailed_and_none_twice_in_a_row() {
    let mut herald = herald(|hooks| hooks.mails = true);
    let cases: [(Phase, &[&str]); 6] = [
        (Phase::Backup, &["VRRP Instance web - Entering BACKUP state"]),
        (Phase::Master, &["VRRP Instance web - Entering MASTER state"]),
        (Phase::Master, &[]),
        (Phase::Fault, &["VRRP Instance web - Entering FAULT state"]),
        (Phase::Backup, &["VRRP Instance web - Entering BACKUP state"]),
        (Phase::Master, &["VRRP Instance web - Entering MASTER state"]),
    ];
    for (to, expected) in cases {
        assert_eq!(mailed(&mut herald, &entered(to, true)), expected, "{to:?}");
    }
    let stopped = Event::Stopped { instance: WEB, from: Phase::Master };
    assert_eq!(mailed(&mut herald, &stopped), ["VRRP Instance web - Stopping"]);
}

#[test]
fn faults_are_not_mailed_when_they_are_not_wanted() {
    let mut herald = herald(|hooks| hooks.mails = true);
    herald.book.no_fault_mails = true;
    let states = [Phase::Fault, Phase::Master, Phase::Fault, Phase::Backup];
    let told: Vec<String> = states.iter().flat_map(|to| mailed(&mut herald, &entered(*to, true))).collect();
    assert_eq!(told, ["VRRP Instance web - Entering MASTER state", "VRRP Instance web - Entering BACKUP state"]);
}

#[test]
fn nothing_is_mailed_unless_asked_for() {
    let mut herald = herald(|_| {});
    for to in [Phase::Backup, Phase::Master, Phase::Fault] {
        assert_eq!(mailed(&mut herald, &entered(to, true)), [""; 0]);
    }
}

#[test]
fn a_removal_is_mailed_by_the_name_the_configuration_wants() {
    let removed = Event::Removed { instance: WEB, from: Phase::Master };
    for (says_deleted, subject) in [(false, "Entering FAULT state"), (true, "Deleted")] {
        let mut herald = herald(|hooks| hooks.mails = true);
        for hooks in herald.book.instances.values_mut() {
            hooks.says_deleted = says_deleted;
        }
        mailed(&mut herald, &entered(Phase::Master, true));
        assert_eq!(mailed(&mut herald, &removed), [format!("VRRP Instance web - {subject}")]);
    }
}

#[test]
fn groups_are_mailed_in_their_own_words() {
    let mut herald = herald(|_| {});
    for hooks in herald.book.groups.values_mut() {
        hooks.mails = true;
    }
    let calls = herald.calls(&Event::GroupEntered { group: PAIR, to: Phase::Master });
    let alert = Alert {
        subject: "VRRP Group pair - Entering MASTER state".to_owned(),
        body: "=> All VRRP group instances are now in MASTER state <=".to_owned(),
    };
    assert_eq!(calls.last(), Some(&Call::Mail(alert)));
}
