// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes to the table, and what a refusal of one means to an operator.

use std::fmt;

use super::{Daemon, Destination, DestinationKey, Role, Service, ServiceKey, Timeouts};
use crate::kernel::netlink::Refusal;

/// One thing to do. Adding and changing both lead to what is wanted, from wherever the table was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    AddService(ServiceKey, Service),
    SetService(ServiceKey, Service),
    /// With all its destinations.
    RemoveService(ServiceKey),
    AddDestination(ServiceKey, DestinationKey, Destination),
    SetDestination(ServiceKey, DestinationKey, Destination),
    RemoveDestination(ServiceKey, DestinationKey),
    StartDaemon(Daemon),
    StopDaemon(Role, u8),
    SetTimeouts(Timeouts),
    /// Every service of whoever made it.
    Flush,
    /// The counters of one service begin anew.
    Zero(ServiceKey),
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Service(ServiceKey),
    Destination(ServiceKey, DestinationKey),
    Daemon(Role),
    Timeouts,
    Everything,
}

impl Change {
    pub fn subject(&self) -> Subject {
        match self {
            Change::AddService(key, _)
            | Change::SetService(key, _)
            | Change::RemoveService(key)
            | Change::Zero(key) => Subject::Service(*key),
            Change::AddDestination(key, destination, _)
            | Change::SetDestination(key, destination, _)
            | Change::RemoveDestination(key, destination) => Subject::Destination(*key, *destination),
            Change::StartDaemon(daemon) => Subject::Daemon(daemon.role),
            Change::StopDaemon(role, _) => Subject::Daemon(*role),
            Change::SetTimeouts(_) => Subject::Timeouts,
            Change::Flush => Subject::Everything,
        }
    }

    /// What leads to the same end when the table was not as expected.
    pub(super) fn instead(&self, refusal: &Refusal) -> Option<Change> {
        match (self, refusal.errno) {
            (Change::AddService(key, service), libc::EEXIST) => Some(Change::SetService(*key, service.clone())),
            (Change::SetService(key, service), libc::ESRCH) => Some(Change::AddService(*key, service.clone())),
            (Change::AddDestination(key, place, destination), libc::EEXIST) => {
                Some(Change::SetDestination(*key, *place, *destination))
            }
            (Change::SetDestination(key, place, destination), libc::ENOENT) => {
                Some(Change::AddDestination(*key, *place, *destination))
            }
            _ => None,
        }
    }

    /// Why the kernel refused this, for an operator.
    pub fn explain(&self, refusal: &Refusal) -> String {
        match (self, refusal.errno) {
            (Change::AddService(_, service) | Change::SetService(_, service), libc::ENOENT) => missing(service),
            (
                Change::AddDestination(key, ..)
                | Change::SetDestination(key, ..)
                | Change::RemoveDestination(key, ..)
                | Change::Zero(key),
                libc::ESRCH,
            ) => format!("the kernel has no virtual server {key}"),
            (Change::AddDestination(_, _, destination) | Change::SetDestination(_, _, destination), libc::ERANGE) => {
                format!(
                    "the kernel takes no weight {} with limits {} and {}: weights end at {}, and the lower limit must not \
                     exceed the upper",
                    destination.weight,
                    destination.lower,
                    destination.upper,
                    i32::MAX
                )
            }
            (Change::AddDestination(_, place, _) | Change::SetDestination(_, place, _), libc::EINVAL) => format!(
                "the kernel takes no such real server: {} is no host's address there (where no interface is up, none is), \
                 or only a tunnel leads to it from the other family",
                place.address
            ),
            (Change::StartDaemon(daemon), libc::ENODEV) => format!("there is no interface {}", daemon.interface),
            (Change::StartDaemon(_), libc::EEXIST) => "the kernel has such a sync daemon already".to_owned(),
            (_, libc::EPERM) => "the kernel refuses: the daemon lacks the capability CAP_NET_ADMIN".to_owned(),
            _ => refusal.to_string(),
        }
    }
}

/// The kernel says only that something is missing, not what.
fn missing(service: &Service) -> String {
    let scheduler = &service.scheduler;
    match service.persistence.as_ref().and_then(|persistence| persistence.engine.as_ref()) {
        Some(engine) => format!(
            "the kernel has no scheduler {scheduler} (module ip_vs_{scheduler}) or no persistence engine {engine} (module \
             ip_vs_pe_{engine})"
        ),
        None => format!("the kernel has no scheduler {scheduler} (module ip_vs_{scheduler})"),
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::AddService(key, _) => write!(f, "adding virtual server {key}"),
            Change::SetService(key, _) => write!(f, "changing virtual server {key}"),
            Change::RemoveService(key) => write!(f, "removing virtual server {key}"),
            Change::AddDestination(key, place, _) => write!(f, "adding real server {place} to {key}"),
            Change::SetDestination(key, place, _) => write!(f, "changing real server {place} of {key}"),
            Change::RemoveDestination(key, place) => write!(f, "removing real server {place} from {key}"),
            Change::StartDaemon(daemon) => write!(f, "starting the {} sync daemon", daemon.role),
            Change::StopDaemon(role, _) => write!(f, "stopping the {role} sync daemon"),
            Change::SetTimeouts(_) => f.write_str("setting the timeouts of connections"),
            Change::Flush => f.write_str("removing all virtual servers"),
            Change::Zero(key) => write!(f, "zeroing the counters of virtual server {key}"),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Master => "master",
            Role::Backup => "backup",
        })
    }
}
