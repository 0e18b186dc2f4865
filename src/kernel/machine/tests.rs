// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

#[test]
fn this_machine_can_be_looked_at() {
    let machine = look();
    assert!(machine.release.contains('.'), "{:?}", machine.release);
    assert!(machine.interfaces.contains("lo"));
    assert!(!machine.processes.is_empty());
    assert_eq!(machine.parts.len(), MODULES.len());
}

#[test]
fn a_program_that_is_not_there_lists_nothing() {
    assert_eq!(listed(&["no-such-program-here"]), None);
    assert_eq!(listed(&["echo", "table"]).as_deref(), Some("table\n"));
}
