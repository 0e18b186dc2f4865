// SPDX-License-Identifier: MIT OR Apache-2.0
//! `keepalived_check.data`: virtual servers, real servers and their checks in full, for people and for regular expressions.

use std::fmt::Display;
use std::net::IpAddr;
use std::time::Duration;

use keepalived_conf::Config;
use keepalived_conf::blocks::lvs::check::{Checker, Connection};
use keepalived_conf::blocks::lvs::check_http::{HttpCheck, HttpProtocol};
use keepalived_conf::blocks::lvs::check_udp::UdpCheck;
use keepalived_conf::blocks::lvs::defaults::Defaults;
use keepalived_conf::blocks::lvs::group::{Group, Member};
use keepalived_conf::blocks::lvs::method::{Checksum, Method, TunnelKind};
use keepalived_conf::blocks::lvs::real_server::RealServer;
use keepalived_conf::blocks::lvs::scheduler::{Protocol, Scheduler};
use keepalived_conf::blocks::lvs::server_address::VirtualAddress;
use keepalived_conf::blocks::lvs::url::{Digest, StatusCodes, Url};
use keepalived_conf::blocks::lvs::virtual_server::{Granularity, VirtualServer};
use keepalived_conf::family::Family;
use keepalived_conf::script::Script;

use super::data::{self, Page, yes};
use super::json::MASKED;
use super::words;
use crate::plan::lvs::LvsPlan;
use crate::proto::health::{CheckerId, CheckerView, Engine, ServerId, ServiceId, Weight};

/// Everything the checker worker knows: what is written, which numbers it has, and how it stands.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub config: &'a Config,
    pub plan: &'a LvsPlan,
    pub engine: &'a Engine,
    /// The version of the kernel's load balancing.
    pub ipvs: Option<(u32, u32, u32)>,
}

/// The whole file.
pub fn text(seen: &Seen<'_>) -> String {
    let mut page = Page::default();
    let lvs = &seen.config.lvs;
    data::global(&mut page, &seen.config.global);
    if let Some(ssl) = &lvs.ssl {
        page.title("SSL definitions");
        let parts = [
            ("Password", ssl.password.as_ref().map(|_| MASKED)),
            ("CA-file", ssl.ca.as_deref()),
            ("Certificate file", ssl.certificate.as_deref()),
            ("Key file", ssl.key.as_deref()),
        ];
        for (label, value) in parts.into_iter().filter_map(|(label, value)| Some((label, value?))) {
            page.head(format_args!("{label} : {value}"));
        }
    }
    if !lvs.servers.is_empty() {
        page.title("LVS Topology");
        if let Some((major, minor, patch)) = seen.ipvs {
            page.head(format_args!("System is compiled with LVS v{major}.{minor}.{patch}"));
        }
        lvs.groups.iter().for_each(|group| describe_group(&mut page, seen, group));
        for (server, id) in lvs.servers.iter().zip(&seen.plan.order) {
            service(&mut page, seen, server, *id);
        }
        checks(&mut page, seen);
    }
    followed(&mut page, seen);
    page.text()
}

fn on(value: bool) -> &'static str {
    if value { "ON" } else { "OFF" }
}

fn able(value: bool) -> &'static str {
    if value { "enabled" } else { "disabled" }
}

fn seconds(duration: Duration) -> String {
    format!("{:.6}", duration.as_secs_f64())
}

fn describe_group(page: &mut Page, seen: &Seen<'_>, group: &Group) {
    page.head("------< Virtual server group >------");
    let has = |wanted| group.members.iter().any(|member| member.family() == Some(wanted));
    page.head(format_args!(
        "Virtual Server Group = {}, IPv4 = {}, IPv6 = {}",
        group.name,
        yes(has(Family::V4)),
        yes(has(Family::V6))
    ));
    let users: Vec<&VirtualServer> = seen
        .config
        .lvs
        .servers
        .iter()
        .filter(|server| matches!(&server.address, VirtualAddress::Group(name) if name.text == group.name))
        .collect();
    let of = |protocol| users.iter().filter(|server| *server.protocol == Some(protocol)).count();
    let alive = format!("{} tcp, {} udp, {} sctp", of(Protocol::Tcp), of(Protocol::Udp), of(Protocol::Sctp));
    let addresses = group.members.iter().filter(|member| matches!(member, Member::Addresses { .. }));
    let marks = group.members.iter().filter(|member| matches!(member, Member::Fwmark { .. }));
    for member in addresses.chain(marks) {
        let alive = match member {
            Member::Addresses { first, last, port, .. } => {
                if first == last {
                    page.line(format_args!("VIP = {first}, VPORT = {port}"));
                } else {
                    page.line(format_args!("VIP Range = {first}-{last}, VPORT = {port}"));
                }
                alive.clone()
            }
            Member::Fwmark { mark, family, .. } => {
                page.line(format_args!("FWMARK = {mark}"));
                let of = |wanted| users.iter().filter(|server| family.or(*server.family) == Some(wanted)).count();
                format!("{} IPv4, {} IPv6", of(Family::V4), of(Family::V6))
            }
        };
        page.line(format_args!("  Alive: {alive}"));
        page.line("  reloaded = False");
    }
}

fn service(page: &mut Page, seen: &Seen<'_>, written: &VirtualServer, id: ServiceId) {
    let view = seen.engine.service(id);
    page.head("------< Virtual server >------");
    page.head(match &written.address {
        VirtualAddress::Address { ip, port } => format!("VS VIP = {ip}, VPORT = {port}"),
        VirtualAddress::Fwmark(mark) => format!("VS FWMARK = {mark}"),
        VirtualAddress::Group(_) => {
            format!("VS GROUP = {}", seen.plan.services.get(&id).map(|told| told.name.as_str()).unwrap_or_default())
        }
    });
    if let Some(host) = &written.virtualhost {
        page.pair("VirtualHost", &**host);
    }
    if let Some(name) = &written.snmp_name {
        page.pair("SNMP name", format_args!("'{name}'"));
    }
    page.pair("Address family", if *written.family == Some(Family::V6) { "inet6" } else { "inet" });
    page.pair("connection timeout", seconds(*written.defaults.connect_timeout));
    page.pair("delay_loop", seconds(*written.defaults.delay_loop));
    balancing(page, written);
    page.pair("protocol", written.protocol.map_or("none", Protocol::name));
    page.line(format_args!("alpha is {}", on(*written.defaults.alpha)));
    page.line(format_args!("omega is {}", on(written.omega)));
    retries(page, &written.defaults);
    page.line(format_args!("Inhibit on failure is {}", on(*written.defaults.inhibit_on_failure)));
    page.line(format_args!("quorum = {}, hysteresis = {}", *written.quorum, *written.hysteresis));
    script(page, "Quorum up", &written.quorum_up);
    script(page, "Quorum down", &written.quorum_down);
    if written.ha_suspend {
        page.line("Using HA suspend");
    }
    page.pair("Using smtp notification", yes(*written.smtp_alert));
    page.pair("default forwarding method", method(*written.method));
    if let Some(sorry) = &written.sorry_server {
        let name = seen.plan.services.get(&id).and_then(|told| told.sorry.clone()).unwrap_or_default();
        page.pair("sorry server", name);
        page.line(format_args!("  forwarding method = {}", method(*sorry.method)));
        page.line(format_args!("  Inhibit on failure is {}", on(sorry.inhibit)));
        if view.is_some_and(|view| view.sorry) {
            page.line("  alive = 1");
        }
    }
    page.pair("alive", 1);
    page.pair("quorum_state_up", u8::from(view.is_some_and(|view| view.up)));
    page.pair("reloaded", 0);
    let servers = view.map(|view| view.params.servers.as_slice()).unwrap_or_default();
    for (real, id) in written.real_servers.iter().zip(servers) {
        server(page, seen, real, *id);
    }
}

fn balancing(page: &mut Page, written: &VirtualServer) {
    let flags = &written.flags;
    page.pair("lvs_sched", written.scheduler.name());
    page.pair("Hashed", able(false));
    let shown: &[(&str, bool)] = match *written.scheduler {
        Scheduler::Sh => &[("sh-port", flags.sh_port), ("sh-fallback", flags.sh_fallback)],
        Scheduler::Mh => &[("mh-port", flags.mh_port), ("mh-fallback", flags.mh_fallback)],
        _ => &[("flag-1", flags.flag_1), ("flag-2", flags.flag_2), ("flag-3", flags.flag_3)],
    };
    for (name, set) in shown {
        page.pair(name, able(*set));
    }
    page.pair("One packet scheduling", able(flags.ops));
    if let Some(timeout) = written.persistence_timeout {
        page.pair("persistence timeout", timeout.as_secs());
    }
    match written.persistence_granularity {
        Some(Granularity::Mask(mask)) => page.pair("persistence granularity", mask),
        Some(Granularity::Prefix(prefix)) => page.pair("persistence granularity", prefix),
        None => {}
    }
    if let Some(engine) = &written.persistence_engine {
        page.pair("persistence engine", engine);
    }
}

fn retries(page: &mut Page, defaults: &Defaults) {
    if let Some(retry) = *defaults.retry {
        page.pair("Retry count", retry);
    }
    if let Some(pause) = *defaults.delay_before_retry {
        page.pair("Retry delay", seconds(pause));
    }
    if let Some(warmup) = *defaults.warmup {
        page.pair("Warmup", seconds(warmup));
    }
}

fn script(page: &mut Page, label: &str, script: &Option<Box<Script>>) {
    if let Some(script) = script {
        let (command, account) = (words::command(script), words::account(script));
        page.line(format_args!("{label} notify script = {command}, uid:gid {account}"));
    }
}

fn method(method: Method) -> String {
    let Method::Tun(tunnel) = method else { return method.name().to_owned() };
    let checksum = match tunnel.checksum {
        Checksum::Nocsum => "no checksum",
        Checksum::Csum => "checksum",
        Checksum::Remcsum => "remote checksum",
    };
    match tunnel.kind {
        TunnelKind::Ipip => "TUN, type = IPIP".to_owned(),
        TunnelKind::Gue { port } => format!("TUN, type = GUE, port = {port}, {checksum}"),
        TunnelKind::Gre => format!("TUN, type = GRE, {checksum}"),
    }
}

fn server(page: &mut Page, seen: &Seen<'_>, written: &RealServer, id: ServerId) {
    let Some(view) = seen.engine.server(id) else { return };
    page.line("------< Real server >------");
    page.line(format_args!(
        "RIP = {}, RPORT = {}, WEIGHT = {} EFF WEIGHT = {}",
        written.address, *written.port, view.weight, view.weight
    ));
    page.pair("forwarding method", method(*written.method));
    page.line(format_args!("Alpha is {}", on(*written.defaults.alpha)));
    page.pair("connection timeout", seconds(*written.defaults.connect_timeout));
    page.pair("connection limit range", format_args!("{} -> {}", written.lthreshold, written.uthreshold));
    page.pair("Delay loop", seconds(*written.defaults.delay_loop));
    retries(page, &written.defaults);
    page.line(format_args!("Inhibit on failure is {}", on(*written.defaults.inhibit_on_failure)));
    script(page, "  RS up", &written.notify_up);
    script(page, "  RS down", &written.notify_down);
    if let Some(host) = &written.virtualhost {
        page.line(format_args!(" VirtualHost = '{}'", &**host));
    }
    if let Some(name) = &written.snmp_name {
        page.pair("SNMP name", name);
    }
    page.pair("Using smtp notification", yes(*written.smtp_alert));
    page.pair("initial weight", *written.weight);
    page.pair("effective weight", view.weight);
    page.pair("alive", u8::from(view.up));
    let failed = view.checkers.iter().filter(|id| seen.engine.checker(**id).is_some_and(|checker| !checker.up)).count();
    page.pair("num failed checkers", failed);
    let sorry = seen.engine.service(view.params.service).is_some_and(|service| service.sorry);
    page.pair("RS set", u8::from((view.up && !sorry) || view.params.inhibit));
    page.pair("reloaded", 0);
    let files = written.checkers.iter().filter_map(|checker| match checker {
        Checker::File(check) => Some(format!("{}, weight {}", check.track_file.text, file_weight(check))),
        _ => None,
    });
    list(page, "Tracked Files", files);
    let sessions = written.checkers.iter().filter_map(|checker| match checker {
        Checker::Bfd(check) => Some(check.name.text.clone()),
        _ => None,
    });
    list(page, "Tracked BFDs", sessions);
}

fn list(page: &mut Page, title: &str, lines: impl Iterator<Item = String>) {
    page.list(title, lines);
}

fn file_weight(check: &keepalived_conf::blocks::lvs::check_file::FileCheck) -> String {
    format!("{}{}", *check.weight, if *check.reverse { " reverse" } else { "" })
}

fn checks(page: &mut Page, seen: &Seen<'_>) {
    let ids = seen.plan.order.iter().filter_map(|id| seen.engine.service(*id)).flat_map(|view| &view.params.servers);
    let mut ids =
        ids.filter_map(|id| seen.engine.server(*id)).flat_map(|view| view.checkers.iter().copied()).peekable();
    if ids.peek().is_some() {
        page.title("Health checkers");
        ids.for_each(|id| check(page, seen, id));
    }
}

fn pair_name(seen: &Seen<'_>, server: ServerId) -> String {
    let name = seen.plan.servers.get(&server).map(|server| server.name.as_str()).unwrap_or_default();
    let service = seen.plan.setup.servers.get(&server).and_then(|server| seen.plan.services.get(&server.service));
    format!("{} -> {name}", service.map(|service| service.name.as_str()).unwrap_or_default())
}

fn check(page: &mut Page, seen: &Seen<'_>, id: CheckerId) {
    let (Some(view), Some(told)) = (seen.engine.checker(id), seen.plan.checkers.get(&id)) else { return };
    page.head(pair_name(seen, told.server));
    let server = seen.engine.server(told.server);
    let service = server.and_then(|server| seen.engine.service(server.params.service));
    page.pair("Enabled", yes(!service.is_some_and(|service| service.suspended)));
    page.pair("Up", yes(view.up));
    page.pair("Has run", yes(view.has_run));
    let configured = server.map_or(0, |server| server.params.weight);
    let weight = match view.weight {
        None => 0,
        Some(Weight::Plus(more)) => i64::from(more),
        Some(Weight::Exactly(weight)) => i64::from(weight) - i64::from(configured),
    };
    page.pair("Current weight", weight);
    timing(page, &told.check, &view);
    page.pair("Log all failures", yes(view.params.log_all_failures));
    if let Some(to) = told.check.connection() {
        connection(page, to, &told.check);
    }
    kind(page, &told.check);
    if let Checker::Http(check) = told.check.as_ref()
        && !view.up
        && let Some(url) = check.urls.get(usize::from(view.page))
    {
        page.pair("Failed URL", &*url.path);
    }
}

fn timing(page: &mut Page, check: &Checker, view: &CheckerView<'_>) {
    let Some(timing) = check.timing() else { return };
    let micros = |duration: Duration| format!("{} us", duration.as_micros());
    page.pair("Alpha", yes(*timing.alpha));
    page.pair("Delay loop", micros(*timing.delay_loop));
    page.pair("Warmup", micros(*timing.warmup));
    page.pair("Retries", *timing.retry);
    if *timing.retry > 0 {
        page.pair("Delay before retry", micros(*timing.delay_before_retry));
        page.pair("Retries iterations", view.failures);
    }
    page.pair("Default delay before retry", micros(check.built_in().delay_before_retry.unwrap_or_default()));
}

fn connection(page: &mut Page, to: &Connection, check: &Checker) {
    let endpoint = |ip: IpAddr, port: u16| format!("[{ip}]:{port}");
    page.line("Connection");
    page.line(format_args!("  Dest = {}", endpoint(*to.connect_ip, *to.connect_port)));
    if let Some(source) = &to.source {
        if let Some(ip) = source.bindto {
            page.line(format_args!("  Bind to = {}", endpoint(ip, source.bind_port.unwrap_or(0))));
        }
        if let Some(interface) = &source.bind_if {
            page.line(format_args!("  Bind i/f = {interface}"));
        }
        if source.fwmark != 0 {
            page.line(format_args!("  Mark = {}", source.fwmark));
        }
    }
    if let Some(timing) = check.timing() {
        page.line(format_args!("  Timeout = {}", seconds(*timing.connect_timeout)));
    }
}

fn kind(page: &mut Page, check: &Checker) {
    let mut method = |more: &dyn Display| page.pair("Keepalive method", format_args!("{}{more}", check.keyword()));
    match check {
        Checker::Tcp(_) | Checker::Ping(_) => method(&""),
        Checker::Http(http) => {
            let version = match http.protocol {
                HttpProtocol::Http10 => "1.0",
                HttpProtocol::Http10Close => "1.0C",
                HttpProtocol::Http11 => "1.1",
            };
            method(&format_args!(", http protocol {version}"));
            pages(page, http);
        }
        Checker::Smtp(smtp) => {
            method(&"");
            page.pair("helo", smtp.helo_name());
        }
        Checker::Dns(dns) => {
            method(&"");
            page.pair("Type", dns.query);
            page.pair("Name", &dns.name);
        }
        Checker::Misc(misc) => {
            method(&"");
            page.pair("script", words::command(&misc.script));
            page.pair("timeout", misc.timeout.as_secs());
            page.pair("dynamic", if misc.dynamic { "YES" } else { "NO" });
            page.pair("uid:gid", words::account(&misc.script));
        }
        Checker::Udp(udp) => {
            method(&"");
            datagram(page, udp);
        }
        Checker::File(file) => {
            method(&"");
            page.line(format_args!("  Tracked file = {}", file.track_file.text));
        }
        Checker::Bfd(session) => {
            method(&"");
            page.pair("Name", &session.name.text);
            page.line(format_args!("Alpha is {}", on(*session.alpha)));
        }
    }
}

fn pages(page: &mut Page, check: &HttpCheck) {
    if let Some(host) = &check.virtualhost {
        page.pair("Virtualhost", &**host);
    }
    let set = |value| if value { "set" } else { "unset" };
    page.line(format_args!("Enable SNI {}", set(check.enable_sni)));
    if let Some(name) = &check.sni_name {
        page.pair("SNI name", name);
    }
    page.line(format_args!("Fast recovery {}", set(check.fast_recovery)));
    check.urls.iter().for_each(|url| describe_url(page, url));
}

fn describe_url(page: &mut Page, url: &Url) {
    page.pair("Checked url", &*url.path);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match url.digest.as_deref() {
        Some(Digest::Md5(sum)) => page.line(format_args!("  digest = {}", hex(sum))),
        Some(Digest::Sha256(sum)) => page.line(format_args!("  digest = sha256:{}", hex(sum))),
        None => {}
    }
    page.line("  HTTP Status Code(s)");
    let ranges: &[(u16, u16)] = match &url.status {
        StatusCodes::Success => &[(200, 299)],
        StatusCodes::Range(first, last) => &[(*first, *last)],
        StatusCodes::Ranges(ranges) => ranges,
    };
    for (first, last) in ranges {
        if first == last {
            page.line(format_args!("    {first}"));
        } else {
            page.line(format_args!("    {first}-{last}"));
        }
    }
    if let Some(host) = &url.virtualhost {
        page.line(format_args!("  Virtual host = {}", &**host));
    }
    if let Some(pattern) = &url.regex {
        page.line(format_args!("  Regex = \"{}\"", pattern.text));
        if pattern.no_match {
            page.line("  Regex no match");
        }
        let min = (pattern.min_offset > 0).then(|| format!("min offset = {}", pattern.min_offset));
        let max = pattern.max_offset.map(|max| format!("max_offset = {max}"));
        let offsets: Vec<String> = min.into_iter().chain(max).collect();
        if !offsets.is_empty() {
            page.line(format_args!("  Regex {}", offsets.join(", ")));
        }
        let options: String = pattern.options.iter().map(|option| format!(" {option}")).collect();
        page.line(format_args!("  Regex options:{options}"));
    }
}

fn datagram(page: &mut Page, check: &UdpCheck) {
    match &check.payload {
        Some(payload) => page.pair("Payload len", payload.len()),
        None => page.pair("Payload specified", "no"),
    }
    page.pair("Require reply", yes(check.require_reply));
    if check.require_reply {
        page.line(format_args!("  Min reply length = {}", check.min_reply_length));
        if let Some(longest) = check.longest_reply() {
            page.line(format_args!("  Max reply length = {longest}"));
        }
        if let Some(reply) = &check.reply {
            page.line(format_args!("  Reply data len = {}", reply.bytes.len()));
            page.line(format_args!("  Reply data mask = {}", yes(reply.mask.iter().any(|mask| *mask != u8::MAX))));
        }
    }
}

/// Files and sessions, and who follows them.
fn followed(page: &mut Page, seen: &Seen<'_>) {
    let tracking = &seen.config.tracking;
    let followers = |follows: &dyn Fn(&Checker) -> Option<String>| -> Vec<String> {
        let checks = seen.plan.checkers.values();
        checks.filter_map(|told| Some(format!("{}{}", pair_name(seen, told.server), follows(&told.check)?))).collect()
    };
    if !tracking.files.is_empty() {
        page.title("Checker track files");
        for file in &tracking.files {
            page.head(format_args!("Track file = {}", file.name));
            page.pair("File", &file.path);
            page.pair("Weight", *file.weight);
            let of_file = |check: &Checker| match check {
                Checker::File(check) if check.track_file.text == file.name => {
                    Some(format!(", weight {}", file_weight(check)))
                }
                _ => None,
            };
            page.list("Tracking instances :", followers(&of_file));
        }
    }
    if !tracking.bfd.is_empty() {
        page.title("Checker track BFDs");
        for session in &tracking.bfd {
            page.head(format_args!("Checker Track BFD = {}", session.name));
            let of_session = |check: &Checker| match check {
                Checker::Bfd(check) if check.name.text == session.name => Some(String::new()),
                _ => None,
            };
            page.list("Tracking RS :", followers(&of_session));
        }
    }
}
