//! The daemon as a process of its own, from the words these tests use: started as another run of this test program, it
//! reads the configuration a node was given, makes a plan of it and hands that to the supervisor.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use steadfast::observe::log::{Level, Log, Sinks};
use steadfast::plan::vrrp::{Detail, Hears, Hop, Insert, Over, OverKind, Port, Route, Rule, VrrpPlan};
use steadfast::proto::vrrp::auth::Password;
use steadfast::proto::vrrp::{
    AnnounceParams, Auth, Checksum, DetailId, Family, GroupId, GroupParams, HeldAddress, HeldDetail, Holdings,
    InstanceId, OnLoss, OtherAddresses, Params, Peer, PortId, Preempt, Reach, Version,
};

/// Names the file with the configuration.
pub const CONFIGURATION: &str = "STEADFAST_TEST_CONFIGURATION";

/// How to run this program as the daemon.
pub fn command() -> String {
    let program = std::env::current_exe().expect("this program has a path");
    format!("{} --exact stand_in::is_the_daemon_when_asked --nocapture", program.display())
}

#[test]
fn is_the_daemon_when_asked() {
    let Some(path) = std::env::var_os(CONFIGURATION) else { return };
    let read = move || Some(plan(&std::fs::read_to_string(&path).expect("the configuration")));
    let sinks = Sinks { syslog: None, stream: Some(Box::new(std::io::stderr())) };
    let log = Log::new("steadfast", Level::Debug, sinks);
    let code = steadfast::supervisor::run(read().expect("a plan"), &log, read);
    std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
}

/// Words and blocks, nested.
#[derive(Debug, Default)]
struct Block {
    lines: Vec<Vec<String>>,
    blocks: Vec<(Vec<String>, Block)>,
}

fn parse<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Block {
    let mut block = Block::default();
    while let Some(line) = lines.next() {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match words.split_last() {
            None => {}
            Some((last, [])) if last == "}" => break,
            Some((last, head)) if last == "{" => block.blocks.push((head.to_vec(), parse(lines))),
            Some(_) => block.lines.push(words),
        }
    }
    block
}

impl Block {
    fn word(&self, name: &str) -> Option<&str> {
        let line = self.lines.iter().rev().find(|line| line[0] == name)?;
        Some(line.get(1).map_or("", String::as_str))
    }

    fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> T {
        self.word(name).map_or(default, |word| word.parse().ok().unwrap_or_else(|| panic!("`{name} {word}`")))
    }

    fn inner(&self, name: &str) -> Option<&Block> {
        self.blocks.iter().find(|(head, _)| head[0] == name).map(|(_, block)| block)
    }

    fn entries(&self, name: &str) -> impl Iterator<Item = &Vec<String>> {
        self.inner(name).into_iter().flat_map(|block| &block.lines)
    }

    fn addresses(&self, name: &str) -> Vec<(IpAddr, u8)> {
        self.entries(name).map(|line| address(&line[0])).collect()
    }
}

/// The word after `name`.
fn after<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    words.iter().skip_while(|word| *word != name).nth(1).map(String::as_str)
}

fn route(words: &[String]) -> Detail {
    let hop = Hop {
        via: after(words, "via").map(|ip| address(ip).0),
        interface: after(words, "dev").map(str::to_owned),
        weight: 1,
        ..Hop::default()
    };
    Detail::Route(Box::new(Route {
        family: Family::V4,
        insert: Insert::Prepend,
        destination: (words[0] != "default").then(|| address(&words[0])),
        source: None,
        tos: 0,
        table: after(words, "table").map_or(254, |table| table.parse().expect("a number")),
        protocol: 18,
        scope: 0,
        kind: 1,
        hops: vec![hop],
        preferred_source: None,
        metric: None,
        metrics: Vec::new(),
        congestion: None,
        preference: None,
        expires: None,
    }))
}

fn rule(words: &[String]) -> Detail {
    Detail::Rule(Box::new(Rule {
        family: Family::V4,
        action: 1,
        table: after(words, "table").map_or(254, |table| table.parse().expect("a number")),
        invert: false,
        from: after(words, "from").map(address),
        to: None,
        tos: 0,
        priority: after(words, "priority").map(|priority| priority.parse().expect("a number")),
        mark: None,
        mask: None,
        input: None,
        output: None,
        goto: None,
        realms: None,
        tunnel: None,
        suppress_group: None,
        suppress_prefix: None,
        l3mdev: false,
        users: None,
        protocol: 18,
        ip_protocol: None,
        source_ports: None,
        destination_ports: None,
    }))
}

fn address(word: &str) -> (IpAddr, u8) {
    let (ip, prefix) = word.split_once('/').unwrap_or((word, ""));
    let ip: IpAddr = ip.parse().expect("an address");
    (ip, prefix.parse().unwrap_or(if ip.is_ipv4() { 32 } else { 128 }))
}

pub fn plan(text: &str) -> VrrpPlan {
    let root = parse(&mut text.lines());
    let mut plan = VrrpPlan::default();
    for (head, block) in &root.blocks {
        let number = |known: usize| u32::try_from(known).expect("few");
        match (head[0].as_str(), head.get(1)) {
            ("vrrp_instance", Some(name)) => {
                let id = InstanceId(number(plan.instances.len()));
                plan.instances.insert(id, name.clone());
                let port = port(block);
                let known = plan.ports.iter().find(|(_, known)| **known == port).map(|(id, _)| *id);
                let port_id = known.unwrap_or(PortId(number(plan.ports.len())));
                plan.setup.ports.entry(port_id).or_default();
                let mut params = params(block, port_id, &port);
                let mut detail = |detail: Detail| {
                    let id = DetailId(number(plan.details.len()));
                    plan.details.insert(id, detail);
                    HeldDetail { detail: id, tracked: true }
                };
                let holdings = Arc::make_mut(&mut params.holdings);
                holdings.routes = block.entries("virtual_routes").map(|words| detail(route(words))).collect();
                holdings.rules = block.entries("virtual_rules").map(|words| detail(rule(words))).collect();
                plan.setup.instances.insert(id, params);
                plan.ports.insert(port_id, port);
            }
            ("vrrp_sync_group", Some(name)) => {
                let id = GroupId(number(plan.groups.len()));
                plan.groups.insert(id, name.clone());
                let names: BTreeMap<&String, InstanceId> =
                    plan.instances.iter().map(|(id, name)| (name, *id)).collect();
                let members =
                    block.inner("group").expect("a group has members").lines.iter().map(|line| names[&line[0]]);
                plan.setup.groups.insert(id, GroupParams { members: members.collect() });
            }
            _ => {}
        }
    }
    plan
}

fn family(block: &Block) -> Family {
    let first = block.addresses("virtual_ipaddress").first().map(|(ip, _)| *ip);
    Family::of(first.expect("these tests give every instance an address"))
}

fn group(block: &Block) -> IpAddr {
    match family(block) {
        Family::V4 => "224.0.0.18".parse().expect("a group"),
        Family::V6 => "ff02::12".parse().expect("a group"),
    }
}

fn port(block: &Block) -> Port {
    let (family, vrid) = (family(block), block.number("virtual_router_id", 0_u8));
    let over = block.word("use_vmac").map(|name| Over {
        name: if name.is_empty() { format!("vrrp.{vrid}") } else { name.to_owned() },
        kind: OverKind::Vmac([0, 0, 0x5e, 0, if family == Family::V4 { 1 } else { 2 }, vrid]),
        transmit_base: block.word("vmac_xmit_base").is_some(),
        group: None,
        ipv6: family == Family::V6,
        link_local: None,
    });
    let hears = match block.inner("unicast_peer") {
        Some(_) => Hears::Address(block.word("unicast_src_ip").map(|ip| address(ip).0)),
        None => Hears::Group(group(block)),
    };
    let interface = block.word("interface").map(str::to_owned);
    Port { family, authenticated: false, interface, over, hears, receive_buffer: None }
}

fn params(block: &Block, port: PortId, planned: &Port) -> Params {
    let version = match (block.number("version", 0), planned.family) {
        (2, _) | (0, Family::V4) => Version::V2,
        _ => Version::V3,
    };
    let reach = match block.inner("unicast_peer") {
        Some(peers) => Reach::Unicast {
            peers: peers.lines.iter().map(|line| Peer { ip: address(&line[0]).0, hop_limits: None }).collect(),
            check_source: false,
            ttl: None,
        },
        None => Reach::Multicast { group: group(block) },
    };
    let held = |name| {
        let addresses = block.addresses(name).into_iter();
        addresses.map(|(ip, prefix)| HeldAddress { ip, prefix, link: None, detail: None, tracked: true }).collect()
    };
    let holdings = Holdings {
        addresses: held("virtual_ipaddress"),
        excluded: held("virtual_ipaddress_excluded"),
        ..Holdings::default()
    };
    let auth = block.inner("authentication").map_or(Auth::None, |block| {
        let words = block.word("auth_pass").unwrap_or_default();
        Auth::Password(Password::new(words.as_bytes()).expect("a password"))
    });
    let preempt = match block.word("nopreempt") {
        Some(_) => Preempt::No { timer_expired_backup: None },
        None => Preempt::Yes { delay: Duration::from_secs_f64(block.number("preempt_delay", 0.0)) },
    };
    Params {
        vrid: block.number("virtual_router_id", 0),
        version,
        family: planned.family,
        port,
        priority: block.number("priority", 100),
        interval: Duration::from_secs_f64(block.number("advert_int", 1.0)),
        down_timer_adverts: 3,
        preempt,
        reach,
        source: block.word("unicast_src_ip").map(|ip| address(ip).0),
        auth,
        checksum: Checksum::default(),
        track_primary: true,
        tracks: Vec::new(),
        holdings: Arc::new(holdings),
        announce: AnnounceParams::default(),
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        owner_ignore_adverts: false,
        skip_check_adv_addr: false,
        other_addresses: OtherAddresses::default(),
        on_loss: OnLoss::default(),
        handover: false,
        broken: false,
    }
}
