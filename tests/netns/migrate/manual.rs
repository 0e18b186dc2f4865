// SPDX-License-Identifier: MIT OR Apache-2.0
//! The document of the migration, played: its own commands, at the places it names, on two nodes where keepalived is a
//! service. So the document cannot say what does not work.

use std::time::Instant;

use super::{ADDRESS, a_leads, configuration, holdings, lab};
use crate::journal::PATIENCE;
use crate::node::Node;

/// What systemd does for these steps: it runs what the unit and its drop-ins say, with the words of the defaults, and knows
/// of a change of them once it was told to look.
const SYSTEMCTL: &str = r#"unit=/etc/systemd/system/keepalived.service
running() { [ -e /proc/$(cat /run/main)/exe ]; }
case "$*" in
daemon-reload)
    cat $unit $unit.d/*.conf 2>/dev/null | sed -n 's/^ExecStart=//p' | tail -n 1 >/run/command ;;
"start keepalived")
    . /etc/default/keepalived
    eval "exec $(cat /run/command)" >>/run/journal 2>&1 &
    echo $! >/run/main ;;
"stop keepalived")
    kill "$(cat /run/main)"
    while running; do sleep 0.02; done ;;
"show keepalived -p ExecStart")
    echo "ExecStart=$(cat /run/command)" ;;
"show keepalived -p MainPID --value")
    cat /run/main ;;
*)
    echo "systemctl: $*?" >&2
    exit 1 ;;
esac"#;
const JOURNALCTL: &str = r#"[ "$*" = "-u keepalived -n 20" ] && exec tail -n 20 /run/journal"#;
const UNIT: &str = "[Service]\nExecStart=/usr/sbin/keepalived --dont-fork $DAEMON_ARGS\n";
const DEFAULTS: &str = "DAEMON_ARGS=\"--log-console --log-detail\"\n";
const IS_THE_ADDRESS_HERE: &str = "ip -o addr show | grep -wF 10.0.0.100\n";

/// The blocks of commands of each section of the document, by the section's title.
fn sections() -> Vec<(String, Vec<String>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/migrate.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let section = |text: &str| {
        let title = text.lines().next().unwrap_or_default().to_owned();
        let blocks = text.split("```sh\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0.to_owned()));
        (title, blocks.collect::<Vec<_>>())
    };
    text.split("\n## ").skip(1).map(section).filter(|(_, blocks)| !blocks.is_empty()).collect()
}

/// A node as a person has it who comes from keepalived: with places of its own where the commands write, and keepalived
/// under its service manager. What `make install` lays is there already; who packs it tests that.
fn with_service(node: &Node, number: u8) {
    let own = "mkdir /run/etc /run/tools && cp -a /etc/. /run/etc && mount --bind /run/etc /etc";
    let program = format!(
        "mount -t tmpfs tmpfs /usr/local/sbin && touch /usr/local/sbin/steadfast && mount --bind {} /usr/local/sbin/steadfast \
         && ln -s steadfast /usr/local/sbin/keepalived && mount -t tmpfs tmpfs /root",
        env!("CARGO_BIN_EXE_steadfast")
    );
    let places =
        "mkdir -p /etc/keepalived /etc/default /etc/systemd/system && rm -rf /etc/systemd/system/keepalived.service*";
    for line in [own, program.as_str(), places] {
        assert_eq!(typed(node, line), (true, String::new()));
    }
    for (path, text) in [
        ("etc/keepalived/keepalived.conf", configuration(number).as_str()),
        ("etc/systemd/system/keepalived.service", UNIT),
        ("etc/default/keepalived", DEFAULTS),
    ] {
        std::fs::write(node.namespace().path(&format!("root/{path}")), text).expect("a file of the node's own");
    }
    node.script("tools/systemctl", SYSTEMCTL);
    node.script("tools/journalctl", JOURNALCTL);
    assert_eq!(typed(node, "systemctl daemon-reload && systemctl start keepalived"), (true, String::new()));
}

/// What a person sees who types this on the node, and whether the last command did what it should.
fn typed(node: &Node, lines: &str) -> (bool, String) {
    let lines = format!("PATH=/run/tools:$PATH:/usr/sbin:/sbin\n{lines}");
    let output = node.namespace().command("sh").args(["-ec", &lines]).output().expect("nsenter runs");
    let seen = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&seen).into_owned())
}

/// Types what must succeed.
#[track_caller]
fn does(node: &Node, lines: &str) -> String {
    let (well, seen) = typed(node, lines);
    assert!(well, "on {}:\n{lines}says\n{seen}", node.name());
    seen
}

/// Types it again until this is seen, as a person does who waits for it.
#[track_caller]
fn shows(node: &Node, lines: &str, wanted: &str) {
    let start = Instant::now();
    while !typed(node, lines).1.contains(wanted) {
        assert!(start.elapsed() < PATIENCE, "on {}:\n{lines}never shows {wanted}: {}", node.name(), does(node, lines));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// The programs that run on a node, as files.
fn programs(node: &Node) -> String {
    node.inside("readlink /proc/[0-9]*/exe | sort -u")
}

#[test]
fn a_pair_moves_command_by_command_as_the_document_says_and_back() {
    let Some((lab, [a, b])) = lab("a_pair_moves_command_by_command_as_the_document_says_and_back") else { return };
    let before = [holdings(&a), holdings(&b)];
    with_service(&b, 2);
    with_service(&a, 1);
    a_leads(&lab, "both run keepalived");
    let sections = sections();
    let [preparing, backup, master, after, back] = sections.as_slice() else { panic!("{sections:#?}") };

    // On both nodes: the file is understood, what starts keepalived is shown, the drop-in is ready.
    let ("1. Before: on both nodes", [install, check, started_with, drop_in]) = named(preparing) else {
        panic!("{preparing:#?}")
    };
    assert_eq!(install, "make install PREFIX=/usr/local\n");
    for node in [&a, &b] {
        does(node, check);
        assert!(does(node, started_with).ends_with("ExecStart=/usr/sbin/keepalived --dont-fork $DAEMON_ARGS\n"));
        assert_eq!(does(node, drop_in), "");
    }

    // The backup: the address does not move.
    let ("2. The backup", [is_backup, change]) = named(backup) else { panic!("{backup:#?}") };
    assert_eq!((is_backup.as_str(), typed(&b, is_backup)), (IS_THE_ADDRESS_HERE, (false, String::new())));
    lab.journal.deed("the backup's turn");
    does(&b, change);
    shows(&b, look_into_the_journal(change), "Entering BACKUP STATE");
    let seen = a_leads(&lab, "the backup's turn");
    assert!(seen.since("the backup's turn").holders_over_time(ADDRESS).is_empty(), "the address did not move\n{seen}");

    // The master: the address goes to the other node and comes back, and is nobody's for no longer than a handover.
    let ("3. The master", [stop, look, start]) = named(master) else { panic!("{master:#?}") };
    lab.journal.deed("the master's turn");
    does(&a, stop);
    assert_eq!(look, IS_THE_ADDRESS_HERE);
    shows(&b, look, ADDRESS);
    let seen = lab.journal.read();
    assert!(seen.since("the master's turn").frames().any(|frame| frame.is_advert("10.0.0.1", 0)), "a goodbye\n{seen}");
    does(&a, start);
    shows(&a, look_into_the_journal(start), "Entering MASTER STATE");
    let seen = a_leads(&lab, "the master's turn").since("the master's turn");
    let gaps = seen.holders_over_time(ADDRESS).iter().filter(|(_, holders)| holders.is_empty()).count();
    assert!(gaps <= 2, "one for each move\n{seen}");

    // Afterwards nothing of keepalived runs, and exactly one node has the address.
    let ("4. After", [look]) = named(after) else { panic!("{after:#?}") };
    let (_, promised) = look.lines().next().and_then(|line| line.split_once("# ")).expect("what is seen then");
    let (on_a, on_b) = (does(&a, look), typed(&b, look).1);
    assert!(on_a.starts_with(&format!("{promised}\n")) && on_a.contains(ADDRESS), "{on_a}");
    assert_eq!(on_b, format!("{promised}\n"));
    for node in [&a, &b] {
        assert!(!programs(node).contains("/usr/sbin/keepalived"), "{}", programs(node));
    }

    // And back, the backup first.
    let ("The way back", [back]) = named(back) else { panic!("{back:#?}") };
    for (node, turn) in [(&b, "the backup's way back"), (&a, "the master's way back")] {
        lab.journal.deed(turn);
        does(node, back);
        a_leads(&lab, turn);
        assert!(!programs(node).contains("steadfast") && programs(node).contains("/usr/sbin/keepalived"));
    }
    for node in [&b, &a] {
        does(node, "systemctl stop keepalived");
    }
    assert_eq!([holdings(&a), holdings(&b)], before, "nothing is left of any of them");
}

fn named((title, blocks): &(String, Vec<String>)) -> (&str, &[String]) {
    (title, blocks)
}

/// The last command of the block.
#[track_caller]
fn look_into_the_journal(block: &str) -> &str {
    let last = block.lines().last().unwrap_or_default();
    assert!(last.starts_with("journalctl "), "{block}");
    last
}
