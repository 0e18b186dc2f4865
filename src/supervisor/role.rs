//! The parts of the work that have a process of their own, and the names they go by.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Vrrp,
    Checker,
}

impl Role {
    /// In the order in which they are started and listened to.
    pub const ALL: [Role; 2] = [Role::Vrrp, Role::Checker];

    /// As `--role` takes it.
    pub fn word(self) -> &'static str {
        match self {
            Role::Vrrp => "vrrp",
            Role::Checker => "checker",
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
        }
    }

    /// What keepalived's log calls the process when it starts it.
    pub(super) fn child(self) -> &'static str {
        match self {
            Role::Vrrp => "VRRP",
            Role::Checker => "Healthcheck",
        }
    }

    /// The name its log lines carry; keepalived's.
    pub fn identity(self) -> &'static str {
        match self {
            Role::Vrrp => "Keepalived_vrrp",
            Role::Checker => "Keepalived_healthcheckers",
        }
    }

    /// Whether the daemon ends when this worker says that another start would end the same way. Whoever holds addresses
    /// goes on holding them whatever becomes of the others.
    pub(super) fn ends_daemon(self, vrrp_is_kept: bool) -> bool {
        match self {
            Role::Vrrp => true,
            Role::Checker => !vrrp_is_kept,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Role::Vrrp => "VRRP worker",
            Role::Checker => "checker worker",
        })
    }
}
