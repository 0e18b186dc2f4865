// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ports: the sockets adverts come and go by, and what the engine is told of their links and sources.
//!
//! A port is looked at again whenever something underneath changed; sockets are opened when their interface is there,
//! and again when it is another one under the same name.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use super::convert;
use super::interfaces::Interfaces;
use crate::channel::Farewell;
use crate::kernel::raw::vrids::Vrids;
use crate::kernel::raw::{Bytes, DATAGRAM_MAX, Interface, Listen, OpenError, Outgoing, Protocol, Receiver, Sender};
use crate::kernel::ready::Ready;
use crate::kernel::rtnl::Link as KernelLink;
use crate::observe::log::Log;
use crate::plan::vrrp::surroundings::Queue;
use crate::plan::vrrp::{Hears, Port as Planned, VrrpPlan};
use crate::proto::vrrp::{Datagram, Input, Link, PortId, Raw, Transmission, WallTime};

/// Of instances without an interface.
const USUAL_MTU: u32 = 1500;

#[derive(Debug)]
pub(super) struct Ports {
    ready: Ready,
    ports: BTreeMap<PortId, Port>,
    buffer: Vec<u8>,
    /// Copies of adverts the kernel did not take.
    pub(super) unsent: u64,
}

#[derive(Debug)]
struct Port {
    planned: Planned,
    queue: Queue,
    /// Whose adverts are let in.
    vrids: Vrids,
    sockets: Option<Sockets>,
    told_link: Option<Link>,
    told_source: Option<Option<IpAddr>>,
    /// The last failure that was logged, so that a retry does not repeat it.
    problem: Option<String>,
}

#[derive(Debug)]
struct Sockets {
    /// What they were opened for.
    on: Where,
    receiver: Receiver,
    sender: Sender,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Where {
    listen: Listen,
    transmit: Option<Interface>,
}

/// A port's interfaces as they are now.
struct Found<'a> {
    base: Option<&'a KernelLink>,
    /// The virtual interface, or else the base: where the instance's addresses live.
    home: Option<&'a KernelLink>,
    /// What adverts leave and come in by.
    transmit: Option<&'a KernelLink>,
}

impl Ports {
    /// Needs a tokio runtime with I/O enabled.
    pub(super) fn new() -> io::Result<Ports> {
        Ok(Ports { ready: Ready::new()?, ports: BTreeMap::new(), buffer: vec![0; DATAGRAM_MAX], unsent: 0 })
    }

    /// The wanted ports from now on. Those that are not wanted any more stay until `retire`, and so long adverts of
    /// routers come in that were here before: none is missed by who comes or goes.
    pub(super) fn plan(&mut self, plan: &VrrpPlan) {
        let heard = heard(plan);
        for (id, planned) in &plan.ports {
            let queue = plan.around.queues.get(id).copied().unwrap_or_default();
            let vrids = heard(*id);
            match self.ports.get_mut(id) {
                Some(port) if port.planned == *planned => {
                    port.queue = queue;
                    port.hear_of(vrids.and(&port.vrids));
                }
                _ => {
                    let port = Port {
                        planned: planned.clone(),
                        queue,
                        vrids,
                        sockets: None,
                        told_link: None,
                        told_source: None,
                        problem: None,
                    };
                    self.ports.insert(*id, port);
                }
            }
        }
    }

    /// Closes the ports that are not wanted any more, and the others to routers that are not here any more. Whether to
    /// look at the ports again.
    pub(super) fn retire(&mut self, plan: &VrrpPlan) -> bool {
        self.ports.retain(|id, _| plan.ports.contains_key(id));
        let (heard, mut closed) = (heard(plan), false);
        for (id, port) in &mut self.ports {
            let was_open = port.sockets.is_some();
            port.hear_of(heard(*id));
            closed |= was_open && port.sockets.is_none();
        }
        closed
    }

    /// Looks at all ports again: opens what can be opened, and says what the engine should know.
    pub(super) fn refresh(
        &mut self,
        interfaces: &Interfaces,
        virtual_addresses: &BTreeSet<IpAddr>,
        log: &Log,
    ) -> Vec<Input> {
        let mut inputs = Vec::new();
        for (id, port) in &mut self.ports {
            let (link, source) = port.refresh(*id, &self.ready, interfaces, virtual_addresses, log);
            // The source first: an instance that starts because its link came up sends at once.
            if port.told_source != Some(source) {
                port.told_source = Some(source);
                inputs.push(Input::Source(*id, port.planned.family, source));
            }
            if port.told_link != Some(link) {
                port.told_link = Some(link);
                inputs.push(Input::Link(*id, link));
            }
        }
        inputs
    }

    /// The interface where addresses of the port's instances live.
    pub(super) fn home(&self, id: PortId, interfaces: &Interfaces) -> Option<u32> {
        Some(self.ports.get(&id)?.found(interfaces).home?.index)
    }

    /// The interface beneath it.
    pub(super) fn base<'a>(&self, id: PortId, interfaces: &'a Interfaces) -> Option<&'a KernelLink> {
        self.ports.get(&id)?.found(interfaces).base
    }

    /// What somebody else needs to send from here.
    pub(super) fn farewell(&self, transmission: &Transmission) -> Vec<Farewell> {
        let Some(port) = self.ports.get(&transmission.port) else { return Vec::new() };
        let Some(sockets) = &port.sockets else { return Vec::new() };
        let interface = sockets.on.transmit.as_ref().map(|on| (on.index, on.name.clone()));
        let copies = transmission.packets.iter().map(|packet| Farewell {
            interface: interface.clone(),
            authenticated: port.planned.authenticated,
            source: transmission.source,
            destination: packet.destination,
            hop_limit: packet.hop_limit,
            bytes: packet.bytes.clone(),
        });
        copies.collect()
    }

    /// Whether some port could not be opened although its interface is there.
    pub(super) fn have_trouble(&self) -> bool {
        self.ports.values().any(|port| port.problem.is_some() && port.sockets.is_none())
    }

    pub(super) async fn wait(&self) -> io::Result<()> {
        self.ready.wait().await
    }

    /// Appends the adverts that wait in the sockets, about `limit` at most; says whether more may wait.
    pub(super) fn receive(&mut self, limit: usize, wall: WallTime, inputs: &mut Vec<Input>) -> io::Result<bool> {
        let mut tokens = Vec::new();
        self.ready.take(&mut tokens)?;
        let mut more = false;
        for id in tokens.into_iter().filter_map(|token| Some(PortId(u32::try_from(token).ok()?))) {
            if inputs.len() >= limit {
                return Ok(true);
            }
            let Some(sockets) = self.ports.get_mut(&id).and_then(|port| port.sockets.as_mut()) else { continue };
            let received = sockets.receiver.receive(&mut self.buffer, |received| {
                let raw = match received.bytes {
                    Bytes::V4(bytes) => Raw::V4(bytes.to_vec()),
                    Bytes::V6 { source, destination, hop_limit, payload } => {
                        Raw::V6 { source, destination, hop_limit, payload: payload.to_vec() }
                    }
                };
                inputs.push(Input::Received(Datagram { port: id, raw, truncated: received.truncated, wall }));
            });
            // The error is that of an interface that went away; its notice says the rest.
            more |= received.unwrap_or(false);
        }
        Ok(more)
    }

    /// Sends each advert to each of its destinations. One that cannot be sent is counted; the next one follows soon.
    pub(super) fn send(&mut self, burst: &mut Vec<Transmission>, log: &Log) {
        burst.sort_by_key(|transmission| transmission.port);
        for together in burst.chunk_by(|one, other| one.port == other.port) {
            let Some(port) = together.first().and_then(|first| self.ports.get(&first.port)) else { continue };
            let outgoing = together.iter().flat_map(|transmission| {
                transmission.packets.iter().map(|packet| Outgoing {
                    source: transmission.source,
                    destination: packet.destination,
                    hop_limit: Some(packet.hop_limit),
                    bytes: &packet.bytes,
                })
            });
            let outgoing: Vec<Outgoing<'_>> = outgoing.collect();
            let Some(sockets) = &port.sockets else {
                self.unsent += outgoing.len() as u64;
                continue;
            };
            sockets.sender.send_all(&outgoing, |refused, error| {
                self.unsent += 1;
                log.debug(format_args!("an advert to {} was not sent: {error}", refused.destination));
            });
        }
        burst.clear();
    }
}

/// The routers of each port. Who wants to hear of strangers hears all.
fn heard(plan: &VrrpPlan) -> impl Fn(PortId) -> Vrids {
    let mut of: BTreeMap<PortId, BTreeSet<u8>> = BTreeMap::new();
    for params in plan.setup.instances.values() {
        of.entry(params.port).or_default().insert(params.vrid);
    }
    let all = plan.around.tells_unknown_vrids;
    move |port| if all { Vrids::All } else { Vrids::These(of.get(&port).cloned().unwrap_or_default()) }
}

impl Port {
    /// A socket that cannot be told is closed: the next look at the port opens another, and says why if it cannot.
    fn hear_of(&mut self, vrids: Vrids) {
        if self.vrids == vrids {
            return;
        }
        if self.sockets.as_ref().is_some_and(|sockets| sockets.receiver.hear_of(&vrids).is_err()) {
            self.sockets = None;
        }
        self.vrids = vrids;
    }

    fn found<'a>(&self, interfaces: &'a Interfaces) -> Found<'a> {
        let named = |name: &Option<String>| name.as_deref().and_then(|name| interfaces.named(name));
        let base = named(&self.planned.interface);
        let Some(over) = &self.planned.over else {
            return Found { base, home: base, transmit: base.or_else(|| named(&self.planned.vrf)) };
        };
        // A virtual interface whose base is gone is about to go too.
        let home = base.and_then(|_| interfaces.named(&over.name));
        Found { base, home, transmit: if over.transmit_base { base } else { home } }
    }

    fn refresh(
        &mut self,
        id: PortId,
        ready: &Ready,
        interfaces: &Interfaces,
        virtual_addresses: &BTreeSet<IpAddr>,
        log: &Log,
    ) -> (Link, Option<IpAddr>) {
        let found = self.found(interfaces);
        let source = self.source(&found, interfaces, virtual_addresses);
        let lacks_interface = self.planned.interface.is_some() && (found.base.is_none() || found.home.is_none());
        if lacks_interface || (self.planned.vrf.is_some() && found.transmit.is_none()) {
            self.sockets = None;
            return (Link::Gone, source);
        }
        let up = [found.base, found.home, found.transmit].iter().flatten().all(|link| link.is_up());
        let Some(on) = self.place(&found, source) else {
            // Unicast without an address to listen on; the engine knows that there is no source.
            self.sockets = None;
            return (if up { Link::Up } else { Link::Down }, source);
        };
        if self.sockets.as_ref().is_none_or(|sockets| sockets.on != on) {
            self.sockets = None;
            let room =
                self.queue.octets + self.queue.mtus * u64::from(found.transmit.map_or(USUAL_MTU, |link| link.mtu));
            match self.open(id, ready, on, room) {
                Ok(sockets) => {
                    self.problem = None;
                    self.sockets = Some(sockets);
                }
                Err(error) => {
                    let problem = error.to_string();
                    if self.problem.as_ref() != Some(&problem) {
                        let name = self.planned.interface.as_deref().unwrap_or("(no interface)");
                        log.error(format_args!("{name}: no adverts can be sent or received: {problem}"));
                    }
                    self.problem = Some(problem);
                    return (Link::Down, source);
                }
            }
        }
        (if up { Link::Up } else { Link::Down }, source)
    }

    /// The address adverts leave with. IPv4 adverts of a virtual interface leave with the address of the one beneath.
    fn source(
        &self,
        found: &Found<'_>,
        interfaces: &Interfaces,
        virtual_addresses: &BTreeSet<IpAddr>,
    ) -> Option<IpAddr> {
        let family = convert::family(self.planned.family);
        let from = match self.planned.family {
            crate::proto::vrrp::Family::V4 => found.base,
            crate::proto::vrrp::Family::V6 => found.transmit,
        };
        interfaces.source(from?.index, family, virtual_addresses)
    }

    fn place(&self, found: &Found<'_>, source: Option<IpAddr>) -> Option<Where> {
        let interface = |link: &KernelLink| Interface { index: link.index, name: link.name.clone() };
        let transmit = found.transmit.map(interface);
        let listen = match self.planned.hears {
            Hears::Group(group) => Listen::Group(group, transmit.clone()?),
            Hears::Address(configured) => Listen::Address(configured.or(source)?, transmit.clone()),
        };
        Some(Where { listen, transmit })
    }

    fn open(&self, id: PortId, ready: &Ready, on: Where, room: u64) -> Result<Sockets, OpenError> {
        let protocol = if self.planned.authenticated { Protocol::Ah } else { Protocol::Vrrp };
        let buffer = usize::try_from(room).ok().filter(|octets| *octets > 0);
        let receiver = Receiver::open(&on.listen, protocol, buffer, &self.vrids)?;
        let sender = Sender::open(convert::family(self.planned.family), protocol, on.transmit.as_ref())?;
        ready.add(&receiver, id.0.into()).map_err(OpenError::watching)?;
        Ok(Sockets { on, receiver, sender })
    }
}
