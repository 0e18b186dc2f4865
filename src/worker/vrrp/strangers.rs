// SPDX-License-Identifier: MIT OR Apache-2.0
//! Adverts for virtual routers that nobody here belongs to, when the operator wants to hear of them: each router of each
//! sender is told once.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::observe::log::Log;
use crate::plan::vrrp::VrrpPlan;
use crate::proto::vrrp::{Datagram, Input, PortId, Raw};

/// Senders and routers that are remembered; a flood of others is not told.
const TOLD_MAX: usize = 256;

/// The authentication header and the protocol number it goes by.
const AH: u8 = 51;
const AH_LENGTH: usize = 24;

#[derive(Debug, Default)]
pub(super) struct Strangers {
    wanted: bool,
    known: BTreeSet<(PortId, u8)>,
    told: BTreeSet<(PortId, u8, IpAddr)>,
}

impl Strangers {
    /// Whom we belong to from now on.
    pub(super) fn follow(&mut self, plan: &VrrpPlan) {
        let known = plan.setup.instances.values().map(|params| (params.port, params.vrid)).collect();
        *self = Strangers { wanted: plan.around.tells_unknown_vrids, known, told: BTreeSet::new() };
    }

    pub(super) fn look(&mut self, inputs: &[Input], plan: &VrrpPlan, log: &Log) {
        if !self.wanted {
            return;
        }
        for input in inputs {
            let Input::Received(datagram) = input else { continue };
            let Some((vrid, source)) = described(datagram) else { continue };
            let sight = (datagram.port, vrid, source);
            if self.known.contains(&(datagram.port, vrid)) || self.told.len() >= TOLD_MAX || !self.told.insert(sight) {
                continue;
            }
            let port = plan.ports.get(&datagram.port);
            let interface = port.and_then(|port| port.interface.as_deref()).unwrap_or("unicast");
            log.info(format_args!("{interface}: advert of {source} for VRID {vrid}, which no instance here has"));
        }
    }
}

fn described(datagram: &Datagram) -> Option<(u8, IpAddr)> {
    match &datagram.raw {
        Raw::V4(bytes) => {
            let header = usize::from(bytes.first()? & 15) * 4;
            let ah = if *bytes.get(9)? == AH { AH_LENGTH } else { 0 };
            let source: [u8; 4] = bytes.get(12..16)?.try_into().ok()?;
            Some((*bytes.get(header + ah + 1)?, Ipv4Addr::from(source).into()))
        }
        Raw::V6 { source, payload, .. } => Some((*payload.get(1)?, (*source).into())),
    }
}
