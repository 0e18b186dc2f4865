// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the configuration to the plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use keepalived_conf::Config;
use keepalived_conf::blocks::global::lvs::{FlushOnStop, SyncDaemon};
use keepalived_conf::blocks::lvs::check::{Checker, Timing as WrittenTiming};
use keepalived_conf::blocks::lvs::method::{Checksum as WrittenChecksum, Method as WrittenMethod, TunnelKind};
use keepalived_conf::blocks::lvs::real_server::RealServer;
use keepalived_conf::blocks::lvs::server_address::VirtualAddress;
use keepalived_conf::blocks::lvs::virtual_server::{SorryServer, VirtualServer};
use keepalived_conf::script::Script;
use keepalived_conf::span::Name;

use super::fronts::{Fronts, family_of, protocol_of};
use super::numbers::{Head, Numbering};
use super::{Check, LvsPlan, Server, Service, Sync, Told, names};
use crate::plan::notify::pipe;
use crate::proto::health::{
    AtStop, CheckerParams, Checksum, Family, Globals, How, Manner, Method, Protocol, ServerId, ServerParams, ServiceId,
    ServiceParams, SorryParams, Thresholds, Timing, Tunnel, Verdict, Weight,
};

/// How many timings are remembered so that equal ones are kept once; checks are mostly timed alike.
const TIMINGS_MAX: usize = 16;

impl LvsPlan {
    /// Makes a plan of a resolved configuration. What `before` knows keeps its numbers.
    pub fn compile(config: &Config, before: Option<&LvsPlan>) -> LvsPlan {
        let mut making = Making {
            config,
            plan: LvsPlan::default(),
            numbers: Numbering::after(before.map(|before| &before.numbers)),
            fronts: Fronts::new(config),
            heads: BTreeMap::new(),
            groups: BTreeMap::new(),
            timings: Vec::new(),
        };
        for server in &config.lvs.servers {
            making.service(server);
        }
        let Making { mut plan, mut numbers, mut fronts, .. } = making;
        plan.marks = fronts.marks();
        plan.setup.fronts = fronts.finish(&mut numbers);
        plan.numbers = numbers.numbers;
        plan.setup.globals = globals(config);
        plan.timeouts = config.global.lvs.timeouts;
        plan.sync = sync(config);
        plan.tls.clone_from(&config.lvs.ssl);
        plan.pipes = [&config.global.fifo.all, &config.global.fifo.lvs].into_iter().filter_map(pipe).collect();
        plan.no_checker_mail = config.global.lvs.no_checker_mail;
        plan
    }
}

struct Making<'c> {
    config: &'c Config,
    plan: LvsPlan,
    numbers: Numbering<'c>,
    fronts: Fronts<'c>,
    /// How many virtual servers of one head there were.
    heads: BTreeMap<Head, usize>,
    /// How many of each group.
    groups: BTreeMap<&'c str, usize>,
    timings: Vec<Arc<Timing>>,
}

impl<'c> Making<'c> {
    fn service(&mut self, server: &'c VirtualServer) {
        let Some(head) = head_of(server) else { return };
        let nth_of_head = next(&mut self.heads, head.clone());
        let nth_of_group = match &server.address {
            VirtualAddress::Group(name) => next(&mut self.groups, name.text.as_str()),
            VirtualAddress::Address { .. } | VirtualAddress::Fwmark(_) => 0,
        };
        let id = self.numbers.service(head, nth_of_head);
        self.plan.order.push(id);
        self.fronts.add(id, server, &mut self.numbers);
        let mut servers = Vec::with_capacity(server.real_servers.len());
        for real in &server.real_servers {
            servers.push(self.server(id, server, real));
        }
        let params = ServiceParams {
            servers,
            quorum: *server.quorum,
            hysteresis: *server.hysteresis,
            sorry: server.sorry_server.as_deref().map(sorry),
            follows: self.fronts.follows(server),
            omega: server.omega,
        };
        self.plan.setup.services.insert(id, params);
        let sorry = server.sorry_server.as_deref();
        let service = Service {
            name: names::of_service(server, nth_of_group),
            snmp_name: server.snmp_name.clone(),
            sorry: sorry.map(|sorry| names::endpoint(sorry.address, *server.protocol, *sorry.port)),
            quorum_up: script(&server.quorum_up),
            quorum_down: script(&server.quorum_down),
            mail: *server.smtp_alert,
        };
        self.plan.services.insert(id, service);
    }

    fn server(&mut self, service: ServiceId, of: &VirtualServer, real: &RealServer) -> ServerId {
        let id = self.numbers.server(service, real.address, *real.port);
        let params = ServerParams {
            service,
            address: real.address,
            port: *real.port,
            weight: *real.weight,
            method: method_of(*real.method),
            thresholds: Thresholds { upper: real.uthreshold, lower: real.lthreshold },
            inhibit: *real.defaults.inhibit_on_failure,
        };
        self.plan.setup.servers.insert(id, params);
        let server = Server {
            name: names::endpoint(real.address, *of.protocol, *real.port),
            snmp_name: real.snmp_name.clone(),
            notify_up: script(&real.notify_up),
            notify_down: script(&real.notify_down),
            mail: *real.smtp_alert,
        };
        self.plan.servers.insert(id, server);
        let checks: Vec<Arc<Checker>> = real.checkers.iter().cloned().map(Arc::new).collect();
        let looked = self.numbers.checkers(id, checks).to_vec();
        for looked in looked {
            let (alpha, log_all_failures) = match (&*looked.check, looked.check.timing()) {
                (_, Some(timing)) => (*timing.alpha, *timing.log_all_failures),
                (Checker::Bfd(check), None) => (*check.alpha, false),
                (_, None) => (false, false),
            };
            let told = self.told(&looked.check);
            let how = match looked.check.timing() {
                Some(timing) => How::Asked(self.timing(&looked.check, timing)),
                None => How::Told,
            };
            let params = CheckerParams { server: id, how, alpha, log_all_failures, revision: looked.revision };
            self.plan.setup.checkers.insert(looked.id, params);
            let target = looked.check.connection().map(|to| (*to.connect_ip, *to.connect_port));
            self.plan.checkers.insert(looked.id, Check { check: looked.check, server: id, target, told });
        }
        id
    }

    fn told(&self, check: &Checker) -> Option<Told> {
        match check {
            Checker::File(check) => {
                let file = self.config.tracking.file(&check.track_file.text)?;
                Some(Told::File { path: file.path.clone(), weight: *check.weight, reverse: *check.reverse })
            }
            Checker::Bfd(check) => Some(Told::Session(check.name.text.clone())),
            Checker::Misc(_)
            | Checker::Smtp(_)
            | Checker::Tcp(_)
            | Checker::Ping(_)
            | Checker::Udp(_)
            | Checker::Http(_)
            | Checker::Dns(_) => None,
        }
    }

    fn timing(&mut self, check: &Checker, written: &WrittenTiming) -> Arc<Timing> {
        let timing = Timing {
            delay_loop: *written.delay_loop,
            retry: *written.retry,
            delay_before_retry: *written.delay_before_retry,
            warmup: *written.warmup,
            manner: manner_of(check),
        };
        if let Some(known) = self.timings.iter().rev().find(|known| ***known == timing) {
            return known.clone();
        }
        if self.timings.len() >= TIMINGS_MAX {
            self.timings.remove(0);
        }
        let timing = Arc::new(timing);
        self.timings.push(timing.clone());
        timing
    }
}

impl Told {
    /// What the number in a file means: with a weight it is added to the server's, as often as the weight says; without
    /// one any number but 0 is failure, or 0 itself with `reverse`.
    pub fn verdict_of(weight: i32, reverse: bool, value: i32) -> Verdict {
        if weight == 0 {
            return if (value != 0) == reverse { Verdict::Good(None) } else { Verdict::Bad };
        }
        let sign = if reverse { -1 } else { 1 };
        let product = i64::from(value) * i64::from(weight) * sign;
        match i32::try_from(product.clamp(i64::from(i32::MIN), i64::from(i32::MAX))) {
            Ok(i32::MIN) | Err(_) => Verdict::Bad,
            Ok(more) => Verdict::Good(Some(Weight::Plus(more))),
        }
    }
}

fn next<K: Ord>(counts: &mut BTreeMap<K, usize>, key: K) -> usize {
    let count = counts.entry(key).or_insert(0);
    *count += 1;
    *count - 1
}

/// What the virtual server is known by; nothing for one that resolving should have left out.
fn head_of(server: &VirtualServer) -> Option<Head> {
    let protocol: Option<Protocol> = server.protocol.map(protocol_of);
    Some(match &server.address {
        VirtualAddress::Address { ip, port } => Head::Address(*ip, *port, protocol?),
        VirtualAddress::Fwmark(mark) => Head::Fwmark(*mark, server.family.map_or(Family::V4, family_of)),
        VirtualAddress::Group(name) => Head::Group(name.text.clone(), protocol),
    })
}

fn globals(config: &Config) -> Globals {
    Globals {
        flush_at_start: config.global.lvs.flush,
        at_stop: match config.global.lvs.flush_on_stop {
            FlushOnStop::OneByOne => AtStop::Remove,
            FlushOnStop::VirtualServers => AtStop::RemoveServices,
            FlushOnStop::All => AtStop::Flush,
        },
        notify_at_start: config.global.lvs.notify_at_start,
    }
}

fn sync(config: &Config) -> Option<Sync> {
    let daemon = config.global.lvs.sync_daemon.clone().or_else(|| sync_of_instance(config))?;
    let instance = daemon.instance.as_ref().and_then(|name| config.vrrp.instance(&name.text));
    let id = daemon.id.or_else(|| instance.and_then(|instance| instance.virtual_router_id)).unwrap_or(0);
    Some(Sync { daemon, id })
}

/// `lvs_sync_daemon_interface`, the older spelling: the first instance that has it counts.
fn sync_of_instance(config: &Config) -> Option<SyncDaemon> {
    let mut all = config.vrrp.instances.iter();
    all.find_map(|instance| {
        let interface = instance.lvs_sync_daemon_interface.as_ref()?;
        let name = Name { text: instance.name.clone(), place: interface.place };
        Some(SyncDaemon { instance: Some(name), ..SyncDaemon::on(&interface.text) })
    })
}

fn script(script: &Option<Box<Script>>) -> Option<Arc<Script>> {
    script.as_deref().cloned().map(Arc::new)
}

fn sorry(sorry: &SorryServer) -> SorryParams {
    SorryParams { address: sorry.address, port: *sorry.port, method: method_of(*sorry.method), inhibit: sorry.inhibit }
}

fn method_of(method: WrittenMethod) -> Method {
    let checksum = |checksum| match checksum {
        WrittenChecksum::Nocsum => Checksum::None,
        WrittenChecksum::Csum => Checksum::Full,
        WrittenChecksum::Remcsum => Checksum::Remote,
    };
    match method {
        WrittenMethod::Nat => Method::Nat,
        WrittenMethod::Dr => Method::Dr,
        WrittenMethod::Tun(tunnel) => Method::Tunnel(match tunnel.kind {
            TunnelKind::Ipip => Tunnel::Ipip,
            TunnelKind::Gue { port } => Tunnel::Gue { port, checksum: checksum(tunnel.checksum) },
            TunnelKind::Gre => Tunnel::Gre { checksum: checksum(tunnel.checksum) },
        }),
    }
}

fn manner_of(check: &Checker) -> Manner {
    match check {
        Checker::Misc(_) => Manner::FromStart,
        Checker::Smtp(_) => Manner::Stubborn,
        Checker::Http(check) => Manner::Pages {
            count: u16::try_from(check.urls.len()).unwrap_or(u16::MAX).max(1),
            fast: check.fast_recovery,
        },
        Checker::Tcp(_) | Checker::Ping(_) | Checker::Udp(_) | Checker::Dns(_) | Checker::File(_) | Checker::Bfd(_) => {
            Manner::Plain
        }
    }
}
