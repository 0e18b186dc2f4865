// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carries out a last will. It waits for nobody but the kernel.

use std::collections::BTreeMap;

use super::will::Orders;
use crate::channel::{Farewell, Thing};
use crate::kernel::Family;
use crate::kernel::netlink::Request;
use crate::kernel::raw::{Interface, Outgoing, Protocol, Sender};
use crate::kernel::rtnl::Asker;
use crate::observe::log::Log;

pub(super) fn execute(orders: &Orders, log: &Log) {
    say_farewell(&orders.farewells, log);
    undo(&orders.undo, log);
}

/// A socket for each way adverts leave by.
fn say_farewell(farewells: &[Farewell], log: &Log) {
    let mut senders = BTreeMap::new();
    let mut sent = 0;
    for farewell in farewells {
        let way = (farewell.destination.is_ipv6(), farewell.authenticated, farewell.interface.clone());
        let sender = senders.entry(way).or_insert_with(|| open(farewell));
        let outgoing = Outgoing {
            source: farewell.source,
            destination: farewell.destination,
            hop_limit: Some(farewell.hop_limit),
            bytes: &farewell.bytes,
        };
        match sender.as_ref().map_err(ToString::to_string).and_then(|s| s.send(&outgoing).map_err(|e| e.to_string())) {
            Ok(()) => sent += 1,
            Err(error) => {
                log.warning(format_args!("{} was not told that we are gone: {error}", farewell.destination));
            }
        }
    }
    if sent > 0 {
        log.notice(format_args!("sent {sent} adverts of priority 0 in the dead worker's place"));
    }
}

fn open(farewell: &Farewell) -> Result<Sender, crate::kernel::raw::OpenError> {
    let protocol = if farewell.authenticated { Protocol::Ah } else { Protocol::Vrrp };
    let interface = farewell.interface.clone().map(|(index, name)| Interface { index, name });
    Sender::open(Family::of(farewell.destination), protocol, interface.as_ref())
}

fn undo(things: &[Thing], log: &Log) {
    if things.is_empty() {
        return;
    }
    let requests: Vec<Request> =
        things.iter().map(|thing| Request::from_parts(thing.request, thing.flags, &thing.body)).collect();
    match Asker::open() {
        Ok(mut asker) => {
            // What it had not got yet, or had given back already, is refused; that is as good.
            let removed = asker.request(&requests).iter().filter(|verdict| verdict.is_ok()).count();
            log.notice(format_args!("removed {removed} addresses, routes and rules the dead worker held"));
        }
        Err(error) => log.error(format_args!("what the dead worker held cannot be removed: {error}")),
    }
}
