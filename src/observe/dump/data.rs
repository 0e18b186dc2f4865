// SPDX-License-Identifier: MIT OR Apache-2.0
//! `keepalived.data`: the state in full, for people and for regular expressions.

use std::fmt::Display;
use std::net::IpAddr;
use std::time::Duration;

use keepalived_conf::blocks::global::Global;
use keepalived_conf::blocks::tracking::vrrp_script::TrackScript;
use keepalived_conf::blocks::vrrp::VrrpInstance;
use keepalived_conf::blocks::vrrp::authentication::AuthType;
use keepalived_conf::blocks::vrrp::entry::track::{Kind, Track as Used};
use keepalived_conf::blocks::vrrp::instance::Version;
use keepalived_conf::script::Script;

use super::json::MASKED;
use super::{Written, words};
use crate::kernel::clock;
use crate::observe::snapshot::{Instance, Track, Vrrp};

/// Everything the VRRP worker knows.
pub fn vrrp(seen: &Vrrp, written: &Written) -> String {
    let mut page = Page::default();
    global(&mut page, &written.global);
    if !seen.instances.is_empty() {
        page.title("VRRP Topology");
        for instance in &seen.instances {
            if let Some(configured) = written.vrrp.instance(&instance.name) {
                topology(&mut page, instance, configured, written);
            }
        }
        ports(&mut page, seen);
    }
    groups(&mut page, seen, written);
    tracked(&mut page, seen, written);
    interfaces(&mut page, seen);
    page.0
}

/// What the parent process writes.
pub fn parent(written: &Written) -> String {
    let mut page = Page::default();
    global(&mut page, &written.global);
    page.0
}

/// `vrrp.51@eth0` for an interface of its own.
pub(super) fn shown_interface(seen: &Instance) -> String {
    let interface = seen.interface.as_deref().unwrap_or("none");
    seen.base.as_ref().map_or_else(|| interface.to_owned(), |base| format!("{interface}@{base}"))
}

#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    pub(super) fn text(self) -> String {
        self.0
    }

    pub(super) fn title(&mut self, title: &str) {
        self.0.push_str(&format!("------< {title} >------\n"));
    }

    /// A thing, with one blank before it.
    pub(super) fn head(&mut self, line: impl Display) {
        self.0.push_str(&format!(" {line}\n"));
    }

    /// A line of a thing, with three.
    pub(super) fn line(&mut self, line: impl Display) {
        self.0.push_str(&format!("   {line}\n"));
    }

    /// A list, with five; nothing where it is empty.
    pub(super) fn list(&mut self, title: &str, lines: impl IntoIterator<Item = String>) {
        let mut lines = lines.into_iter().peekable();
        if lines.peek().is_some() {
            self.line(title);
            lines.for_each(|line| self.0.push_str(&format!("     {line}\n")));
        }
    }

    pub(super) fn pair(&mut self, label: &str, value: impl Display) {
        self.line(format_args!("{label} = {value}"));
    }

    fn script(&mut self, label: &str, script: &Option<Script>) {
        if let Some(script) = script {
            let (command, account) = (words::command(script), words::account(script));
            self.line(format_args!("{label} state transition script = {command}, uid:gid {account}"));
        }
    }
}

fn on(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

pub(super) fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn able(value: bool) -> &'static str {
    if value { "enabled" } else { "disabled" }
}

/// Seconds since the epoch, and the same for people.
fn moment(seconds: f64) -> String {
    let wall = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let stamp = clock::local_stamp(wall);
    let (date, year) = stamp.rsplit_once(' ').unwrap_or((&stamp, ""));
    format!("{seconds:.6} ({date}.{:06} {year})", wall.subsec_micros())
}

pub(super) fn global(page: &mut Page, global: &Global) {
    page.title("Global definitions");
    let name = |name: &Option<String>, otherwise: &str| name.clone().unwrap_or_else(|| otherwise.to_owned());
    page.head(format_args!("Network namespace = {}", name(&global.top.net_namespace, "(default)")));
    if let Some(instance) = &global.top.instance {
        page.head(format_args!("Instance = {instance}"));
    }
    if let Some(router) = &global.mail.router_id {
        page.head(format_args!("Router ID = {router}"));
    }
    let vrrp = &global.vrrp;
    page.head(format_args!("VRRP IPv4 mcast group = {}", *vrrp.mcast_group4));
    page.head(format_args!("VRRP IPv6 mcast group = {}", *vrrp.mcast_group6));
    let garp = &global.garp;
    page.head(format_args!("Gratuitous ARP delay = {}", garp.master_delay.as_secs()));
    page.head(format_args!("Gratuitous ARP repeat = {}", *garp.master_repeat));
    page.head(format_args!("Gratuitous ARP refresh timer = {}", garp.master_refresh.as_secs()));
    page.head(format_args!("Gratuitous ARP refresh repeat = {}", *garp.master_refresh_repeat));
    page.head(format_args!("Gratuitous ARP lower priority delay = {}", garp.lower_prio_delay.as_secs()));
    page.head(format_args!("Gratuitous ARP lower priority repeat = {}", *garp.lower_prio_repeat));
    page.head(format_args!("Num adverts before down = {}", *vrrp.down_timer_adverts));
    page.head(format_args!("Send advert after receive lower priority advert = {}", on(!*vrrp.lower_prio_no_advert)));
    page.head(format_args!("Send advert after receive higher priority advert = {}", on(*vrrp.higher_prio_send_advert)));
    page.head(format_args!("Gratuitous ARP interval = {:.6}", garp.garp_interval.as_secs_f64()));
    page.head(format_args!("Gratuitous NA interval = {:.6}", garp.gna_interval.as_secs_f64()));
    page.head(format_args!("VRRP default protocol version = {}", vrrp.version.number()));
    page.head(format_args!("nftables table name = {}", *global.filter.table));
    page.head(format_args!("nftables base chain priority = {}", *global.filter.chain_priority));
    page.head(format_args!("VRRP check unicast_src = {}", on(vrrp.check_unicast_src)));
    page.head(format_args!("VRRP skip check advert addresses = {}", on(*vrrp.skip_check_adv_addr)));
    page.head(format_args!("VRRP strict mode = {}", on(*vrrp.strict)));
    page.head(format_args!("Script security {}", able(global.scripts.security)));
    page.head(format_args!("umask = {:04o}", *global.process.umask));
}

fn topology(page: &mut Page, seen: &Instance, configured: &VrrpInstance, written: &Written) {
    page.head(format_args!("VRRP Instance = {}", seen.name));
    page.pair("VRRP Version", seen.version);
    if let Some(group) = &seen.group {
        page.pair("Sync group", group);
    }
    if seen.family == 6 {
        page.line("Using Native IPv6");
    }
    page.pair("State", seen.state.word());
    page.line(if configured.unicast.in_use() { "Flags:" } else { "Flags: none" });
    if configured.unicast.in_use() {
        page.line("  Using unicast");
    }
    page.pair("Wantstate", seen.wants.word());
    page.pair("Number of config faults", configured.faults.len());
    page.pair("Number of interface and track script faults", seen.faults.len());
    let waiting = seen.terms.iter().filter(|term| term.kind == "script" && term.up.is_none());
    page.pair("Number of track scripts init", waiting.count());
    page.pair("Last transition", moment(seen.since));
    let next = seen.next.as_ref().map(|next| moment(clock::wall().as_secs_f64() + next.in_seconds));
    page.pair("Read timeout", next.as_deref().unwrap_or("DISABLED"));
    page.line(format_args!(
        "Master down timer = {} usecs",
        Duration::try_from_secs_f64(seen.master_down_time).unwrap_or_default().as_micros()
    ));
    whereabouts(page, seen, configured);
    if !configured.unicast.in_use() {
        let vrrp = &written.global.vrrp;
        let (group4, group6) = (IpAddr::V4(*vrrp.mcast_group4), IpAddr::V6(*vrrp.mcast_group6));
        let group = configured.mcast_dst_ip.unwrap_or(if seen.family == 6 { group6 } else { group4 });
        page.line(format_args!("Multicast address {group}"));
    }
    announcements(page, configured);
    election(page, seen, configured);
    authentication(page, configured);
    holdings(page, seen, configured);
    let listed = |kind, between: &str| -> Vec<String> {
        let tracks = written.own_tracks(configured, kind);
        tracks.map(|one| format!("{}{between}weight {}", one.name.text, weight(one))).collect()
    };
    page.list("Tracked interfaces :", listed(Kind::Interface, " "));
    page.list("Tracked scripts :", listed(Kind::Script, " "));
    page.list("Tracked files :", listed(Kind::File, ", "));
    page.list("Tracked processes :", listed(Kind::Process, ", "));
    page.list("Tracked BFD instances :", listed(Kind::Bfd, ", "));
    notifications(page, configured);
}

fn weight(used: &Used) -> String {
    format!("{}{}", *used.weight, if *used.reverse { " reverse" } else { "" })
}

fn whereabouts(page: &mut Page, seen: &Instance, configured: &VrrpInstance) {
    let interface = seen.interface.as_deref().unwrap_or("none");
    match &seen.base {
        Some(base) => {
            let base_used = on(configured.vmac_xmit_base);
            page.line(format_args!("Use VMAC, i/f name {interface}, is_up = true, xmit_base = {base_used}"));
            page.line(format_args!("Interface = {interface}, vmac on {base}"));
        }
        None => page.pair("Interface", interface),
    }
    let source = seen.source.as_deref().unwrap_or("none");
    let given = if configured.source.is_some() { " (from configuration)" } else { "" };
    page.pair("Using src_ip", format_args!("{source}{given}"));
}

fn announcements(page: &mut Page, configured: &VrrpInstance) {
    let garp = &configured.garp;
    page.pair("Gratuitous ARP delay", garp.master_delay.as_secs());
    page.pair("Gratuitous ARP repeat", *garp.master_repeat);
    page.pair("Gratuitous ARP refresh", garp.master_refresh.as_secs());
    page.pair("Gratuitous ARP refresh repeat", *garp.master_refresh_repeat);
    page.pair("Gratuitous ARP lower priority delay", garp.lower_prio_delay.as_secs());
    page.pair("Gratuitous ARP lower priority repeat", *garp.lower_prio_repeat);
}

fn election(page: &mut Page, seen: &Instance, configured: &VrrpInstance) {
    page.pair("Down timer adverts", *configured.down_timer_adverts);
    page.pair("Send advert after receive lower priority advert", on(!*configured.lower_prio_no_advert));
    page.pair("Send advert after receive higher priority advert", on(*configured.higher_prio_send_advert));
    page.pair("Virtual Router ID", seen.vrid);
    page.pair("Priority", seen.base_priority);
    page.pair("Effective priority", seen.priority);
    let total: i64 = seen.terms.iter().filter_map(|term| term.adds).sum();
    page.pair("Total priority", i64::from(seen.base_priority) + total);
    match *configured.version {
        Version::V2 => page.pair("Advert interval", format_args!("{} sec", seen.advert_interval)),
        Version::V3 => page.pair("Advert interval", format_args!("{} milli-sec", seen.advert_interval * 1e3)),
    }
    page.pair("Accept", able(*configured.accept));
    page.pair("Preempt", able(*configured.preempt));
    if !configured.preempt_delay.is_zero() {
        page.pair("Preempt delay", format_args!("{} secs", configured.preempt_delay.as_secs_f64()));
    }
    page.pair("Promote_secondaries", able(configured.promote_secondaries));
}

fn authentication(page: &mut Page, configured: &VrrpInstance) {
    if let Some(kind) = configured.authentication.as_ref().and_then(|auth| auth.auth_type) {
        let name = match kind {
            AuthType::Pass => "SIMPLE_PASSWORD",
            AuthType::Ah => "IPSEC_AH",
        };
        page.pair("Authentication type", name);
        page.pair("Password", MASKED);
    }
    if let Some(hmac) = &configured.auth_hmac {
        page.pair("Authentication extension", "HMAC-SHA-256");
        let active = hmac.active_key.map_or_else(|| "none".to_owned(), |key| key.to_string());
        page.pair("Keys", format_args!("{}, active {active}", hmac.keys.len()));
    }
}

fn holdings(page: &mut Page, seen: &Instance, configured: &VrrpInstance) {
    let here = shown_interface(seen);
    let addresses = |list: &[keepalived_conf::blocks::vrrp::Address]| -> Vec<String> {
        list.iter().map(|one| words::address(one, &here, seen.in_place)).collect()
    };
    let virtuals = addresses(&configured.virtual_ipaddress);
    page.list(&format!("Virtual IP ({}):", virtuals.len()), virtuals);
    page.list("Virtual IP Excluded :", addresses(&configured.virtual_ipaddress_excluded));
    if configured.unicast.in_use() {
        page.line(format_args!("Check unicast src : {}", yes(*configured.unicast.check_source)));
        let peers = configured.unicast.peers.iter();
        let peers = peers.map(|peer| {
            let (least, most) = peer.ttl_range().unwrap_or((0, 255));
            format!("{} min_ttl {least} max_ttl {most}", peer.ip)
        });
        page.list("Unicast Peer :", peers);
    }
    page.list("Virtual Routes :", configured.virtual_routes.iter().map(words::route));
    page.list("Virtual Rules :", configured.virtual_rules.iter().map(words::rule));
}

fn notifications(page: &mut Page, configured: &VrrpInstance) {
    let notify = &configured.notify;
    page.pair("Using smtp notification", yes(*configured.smtp_alert));
    page.pair("Notify deleted", if notify.says_deleted { "Deleted" } else { "Fault" });
    page.script("Backup", &notify.backup);
    page.script("Master", &notify.master);
    page.script("Fault", &notify.fault);
    page.script("Stop", &notify.stop);
    page.script("Deleted", &notify.deleted);
    page.script("Generic", &notify.any);
    page.script("Master rx lower pri", &notify.master_rx_lower_pri);
    page.pair("Notify priority changes", on(*configured.notify_priority_changes));
}

/// Which instances speak through which interface.
fn ports(page: &mut Page, seen: &Vrrp) {
    page.title("VRRP Sockpool");
    let mut places: Vec<(&str, u8)> = Vec::new();
    for instance in &seen.instances {
        let place = (instance.interface.as_deref().unwrap_or("none"), instance.family);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    for (interface, family) in places {
        page.pair("Interface", interface);
        page.pair("Family", format_args!("IPv{family}"));
        let here = seen.instances.iter();
        let here = here.filter(|one| one.interface.as_deref().unwrap_or("none") == interface && one.family == family);
        page.list("VRRP instances", here.map(|one| format!("{} vrid {}", one.name, one.vrid)));
    }
}

fn groups(page: &mut Page, seen: &Vrrp, written: &Written) {
    if seen.groups.is_empty() {
        return;
    }
    page.title("VRRP Sync groups");
    for group in &seen.groups {
        page.head(format_args!("VRRP Sync Group = {}, {}", group.name, group.state.word()));
        page.list("VRRP member instances :", group.members.clone());
        let Some(configured) = written.vrrp.sync_groups.iter().find(|one| one.name == group.name) else { continue };
        page.pair("Using smtp notification", yes(*configured.smtp_alert));
        let scripts = configured.tracks.scripts.iter();
        page.list("Tracked scripts :", scripts.map(|one| format!("{} weight {}", one.name.text, weight(one))));
        page.script("Backup", &configured.notify_backup);
        page.script("Master", &configured.notify_master);
        page.script("Fault", &configured.notify_fault);
        page.script("Stop", &configured.notify_stop);
        page.script("Generic", &configured.notify);
    }
}

fn tracked(page: &mut Page, seen: &Vrrp, written: &Written) {
    let tracking = &written.tracking;
    let found = |kind: &str, name: &str| seen.tracks.iter().find(|track| track.kind == kind && track.name == name);
    let users = |track: Option<&Track>| -> Vec<String> {
        let uses = track.map(|track| track.used_by.as_slice()).unwrap_or_default();
        uses.iter().map(|one| format!("{}, weight {}", one.instance, one.weight)).collect()
    };
    if !tracking.scripts.is_empty() {
        page.title("VRRP Scripts");
        for script in &tracking.scripts {
            let track = found("script", &script.name);
            describe_script(page, script, track);
            page.list("Tracking instances :", users(track));
            page.pair("State", if track.is_some_and(|track| track.busy) { "running" } else { "idle" });
        }
    }
    if !tracking.files.is_empty() {
        page.title("VRRP Track files");
        for file in &tracking.files {
            let track = found("file", &file.name);
            page.head(format_args!("Track file = {}", file.name));
            page.pair("File", &file.path);
            page.pair("Status", track.and_then(|track| track.value).unwrap_or(0));
            page.pair("Weight", *file.weight);
            page.list("Tracking instances :", users(track));
        }
    }
    if !tracking.processes.is_empty() {
        page.title("VRRP Track processes");
        for process in &tracking.processes {
            let track = found("process", &process.name);
            page.head(format_args!("VRRP Track process = {}", process.name));
            page.pair("Process", &process.process);
            page.pair("Min processes", process.quorum);
            if let Some(most) = process.quorum_max {
                page.pair("Max processes", most);
            }
            page.pair("Current processes", track.and_then(|track| track.running).unwrap_or(0));
            page.pair("Have quorum", on(track.is_some_and(|track| track.up == Some(true))));
            page.pair("Weight", process.weight);
            page.pair("Terminate delay", format_args!("{:.6}s", process.terminate_delay.as_secs_f64()));
            page.pair("Fork delay", format_args!("{:.6}s", process.fork_delay.as_secs_f64()));
            page.list("Tracking instances :", users(track));
        }
    }
}

fn describe_script(page: &mut Page, script: &TrackScript, track: Option<&Track>) {
    page.head(format_args!("VRRP Script = {}", script.name));
    page.pair("Command", script.command.as_ref().map(words::command).unwrap_or_default());
    page.pair("Interval", format_args!("{} sec", script.interval.as_secs_f64()));
    page.pair("Timeout", format_args!("{} sec", script.timeout.as_secs_f64()));
    let reverse = if script.reverse { " reverse" } else { "" };
    page.pair("Weight", format_args!("{}{reverse}", script.weight));
    page.pair("Rise", script.rise);
    page.pair("Fall", script.fall);
    page.pair("Result", track.and_then(|track| track.result).unwrap_or(0));
    page.pair("Insecure", "no");
    let status = match track.and_then(|track| track.up) {
        Some(true) => "GOOD",
        Some(false) => "BAD",
        None => "INIT",
    };
    page.pair("Status", status);
    if let Some(command) = &script.command {
        page.pair("Script uid:gid", words::account(command));
    }
}

fn interfaces(page: &mut Page, seen: &Vrrp) {
    if seen.links.is_empty() {
        return;
    }
    page.title("Interfaces");
    for link in &seen.links {
        page.head(format_args!("Name = {}", link.name));
        page.line(format_args!("index = {}", link.index));
        let first = |six: bool| link.addresses.iter().find(|one| one.contains(':') == six).map(String::as_str);
        page.pair("IPv4 address", first(false).unwrap_or("(none)"));
        page.pair("IPv6 address", first(true).unwrap_or("(none)"));
        if !link.mac.is_empty() {
            page.pair("MAC", &link.mac);
        }
        page.pair("State", if link.up { "UP, RUNNING" } else { "DOWN" });
        page.pair("MTU", link.mtu);
    }
}
