// SPDX-License-Identifier: MIT OR Apache-2.0
//! What somebody else took away from us, found by looking: after changes that could not be read in time.

use std::collections::BTreeSet;
use std::io;

use super::Worker;
use super::apply::Now;
use crate::kernel::Family;
use crate::kernel::rtnl::{Asker, Route};

impl Worker<'_> {
    /// Compares what is held with what is there, once nothing is on its way to the kernel.
    pub(super) fn look_for_losses(&mut self) -> io::Result<()> {
        if !self.unsure || !self.holder.is_settled() {
            return Ok(());
        }
        self.unsure = false;
        self.interfaces = self.interfaces.read_again(&mut self.asker)?;
        let kinds = self.holder.route_kinds();
        let routes = routes(&mut self.asker, kinds);
        let rules = if self.holder.has_rules() { self.asker.rules() } else { Ok(Vec::new()) };
        let (routes, rules) = (self.known("routes", routes), self.known("rules", rules));
        let lost = self.holder.compare(&Now { interfaces: &self.interfaces, routes, rules });
        self.lost(lost);
        Ok(())
    }

    /// A table that cannot be read is no reason to give anything up.
    fn known<T>(&self, what: &str, read: io::Result<Vec<T>>) -> Option<Vec<T>> {
        read.inspect_err(|error| {
            self.outside.log.warning(format_args!(
                "{what} could not be read anew: {error}; one that was removed meanwhile is not put back"
            ));
        })
        .ok()
    }
}

fn routes(asker: &mut Asker, kinds: BTreeSet<(Family, u8)>) -> io::Result<Vec<Route>> {
    let mut routes = Vec::new();
    for (family, protocol) in kinds {
        routes.extend(asker.routes_of(family, protocol)?);
    }
    Ok(routes)
}
