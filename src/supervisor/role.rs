// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts of the work that have a process of their own, and the names they go by.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Vrrp,
    Checker,
    /// Shows what the others say to whoever asks.
    Status,
}

impl Role {
    /// In the order in which they are started and listened to.
    pub const ALL: [Role; 3] = [Role::Vrrp, Role::Checker, Role::Status];

    /// As `--role` takes it.
    pub fn word(self) -> &'static str {
        match self {
            Role::Vrrp => "vrrp",
            Role::Checker => "checker",
            Role::Status => "status",
        }
    }

    pub fn of_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }

    /// What its PID file is called.
    pub(super) fn pid_name(self) -> &'static str {
        match self {
            Role::Vrrp => "vrrp",
            Role::Checker => "checkers",
            // It has none: nobody knows the process.
            Role::Status => "status",
        }
    }

    /// What keepalived's log calls the process when it starts it.
    pub(super) fn child(self) -> &'static str {
        match self {
            Role::Vrrp => "VRRP",
            Role::Checker => "Healthcheck",
            Role::Status => "Status",
        }
    }

    /// The name its log lines carry; keepalived's.
    pub fn identity(self) -> &'static str {
        match self {
            Role::Vrrp => "Keepalived_vrrp",
            Role::Checker => "Keepalived_healthcheckers",
            Role::Status => "Keepalived_status",
        }
    }

    /// Whether the daemon ends when this worker says that another start would end the same way. Whoever holds addresses
    /// goes on holding them whatever becomes of the others.
    pub(super) fn ends_daemon(self, vrrp_is_kept: bool) -> bool {
        match self {
            Role::Vrrp => true,
            Role::Checker => !vrrp_is_kept,
            Role::Status => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Role::Vrrp => "VRRP worker",
            Role::Checker => "checker worker",
            Role::Status => "status worker",
        })
    }
}
