// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page: everything at a glance, readable without any script, live with the one it carries. Nothing comes from
//! anywhere else.

use std::fmt::Write;

use super::peers;
use super::snapshot::lvs::{Lvs, Service};
use super::snapshot::{Instance, Seen, Session, State, Vrrp};
use crate::kernel::clock;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The whole page.
pub fn page(content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Steadfast</title>\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript><style>{STYLE}</style></head>\
         <body><header><h1>Steadfast</h1><p id=\"age\" role=\"status\"></p></header><main id=\"main\">{content}</main>\
         <script>{SCRIPT}</script></body></html>\n"
    )
}

/// What changes of it.
pub fn content(seen: &Seen) -> String {
    let mut text = String::new();
    let _ = write!(text, "<p class=\"sum\" data-taken=\"{}\">", seen.taken());
    if let Some(vrrp) = seen.vrrp() {
        let count = |state| vrrp.instances.iter().filter(|instance| instance.state == state).count();
        let (master, backup, fault) = (count(State::Master), count(State::Backup), count(State::Fault));
        let _ = write!(text, "{master} master, {backup} backup, {fault} fault; ");
    }
    if let Some(lvs) = seen.lvs() {
        let servers = || lvs.services.iter().flat_map(|service| &service.servers);
        let up = servers().filter(|server| server.up).count();
        let _ = write!(text, "{up} of {} real servers up; ", servers().count());
    }
    let known = seen.vrrp().is_some() || seen.lvs().is_some();
    let _ = write!(text, "as of {}</p>", if known { moment(seen.taken()) } else { "never".to_owned() });
    for trouble in seen.troubles() {
        let _ = write!(text, "<p class=\"old\">Not everything can be shown: {}</p>", escaped(trouble));
    }
    if let Some(vrrp) = seen.vrrp() {
        routers(&mut text, vrrp);
    }
    if let Some(daemon) = seen.daemon.as_ref().filter(|daemon| !daemon.sessions.is_empty()) {
        sessions(&mut text, &daemon.sessions, seen.taken());
    }
    if let Some(lvs) = seen.lvs() {
        lvs.services.iter().for_each(|service| servers(&mut text, service, lvs));
    }
    text
}

fn sessions(text: &mut String, sessions: &[Session], taken: f64) {
    text.push_str("<h2>BFD sessions</h2><table><tr><th>Name<th>Neighbour<th>State<th>For");
    for session in sessions {
        let class = match session.up {
            Some(true) => "master",
            Some(false) => "fault",
            None => "init",
        };
        let (name, neighbour) = (escaped(&session.name), escaped(&session.neighbour));
        let lasts = session.since.map(|since| lasting(taken - since)).unwrap_or_default();
        let word = session.word();
        let _ = write!(text, "<tr><td>{name}<td>{neighbour}<td><b class=\"{class}\">{word}</b><td>{lasts}");
    }
    text.push_str("</table>");
}

/// A virtual server and its real servers, a row each.
fn servers(text: &mut String, service: &Service, lvs: &Lvs) {
    let (class, word) = if service.up { ("master", "UP") } else { ("fault", "DOWN") };
    let _ = write!(
        text,
        "<h2>Virtual server {} <b class=\"{class}\">{word}</b></h2><p>for {}, weight {} of quorum {}</p>",
        escaped(&service.name),
        lasting(lvs.taken - service.record.since),
        service.weight,
        service.quorum
    );
    if service.suspended {
        text.push_str("<p class=\"trouble\">its servers are not checked while its address is elsewhere</p>");
    }
    if let Some(sorry) = &service.sorry {
        let serves = if service.sorry_serves { "serves" } else { "waits" };
        let _ = write!(text, "<p>sorry server {} {serves}</p>", escaped(sorry));
    }
    text.push_str("<table class=\"servers\"><tr><th>Real server<th>State<th>For<th>Weight<th>Checks<th>Took<th>Connections<th>Failures");
    for server in &service.servers {
        let (class, word) = match (server.up, &server.wish) {
            (true, Some(wish)) if wish.what == "drain" => ("init", "DRAIN"),
            (true, _) => ("master", "UP"),
            (false, _) => ("fault", "DOWN"),
        };
        let checks = server.checkers.iter().map(|check| match (&check.why, check.up) {
            (Some(why), _) => format!("{}: {why}", check.kind),
            (None, Some(true)) => format!("{} ok", check.kind),
            (None, Some(false)) => format!("{} failed", check.kind),
            (None, None) => format!("{} not made yet", check.kind),
        });
        let checks = checks.collect::<Vec<_>>().join(", ");
        let took = server.checkers.iter().filter_map(|check| check.took).reduce(f64::max);
        let took = took.map(|took| format!("{:.1} ms", took * 1000.0)).unwrap_or_default();
        let connections = lvs.counted(&service.name, &server.name);
        let connections = connections.map(|counted| format!("{} now, {} in all", counted.active, counted.connections));
        let wish = server.wish.as_ref().map(|wish| format!(" ({})", wished(&wish.what, wish.ends_in)));
        let _ = write!(
            text,
            "<tr><td>{}<td><b class=\"{class}\">{word}</b><td data-is=\"for\">{}<td data-is=\"weight\">{}{}<td>{}<td data-is=\"took\">{took}\
             <td>{}<td data-is=\"failures\">{}",
            escaped(&server.name),
            lasting(lvs.taken - server.record.since),
            server.weight,
            escaped(&wish.unwrap_or_default()),
            escaped(&checks),
            connections.unwrap_or_default(),
            server.record.failures
        );
    }
    text.push_str("</table>");
}

fn routers(text: &mut String, seen: &Vrrp) {
    text.push_str("<h2>Virtual routers</h2>");
    seen.instances.iter().for_each(|instance| router(text, instance, seen.taken));
    if !seen.groups.is_empty() {
        text.push_str("<h2>Sync groups</h2><table><tr><th>Group<th>State<th>Members");
        for group in &seen.groups {
            let state = badge(group.state);
            let _ =
                write!(text, "<tr><td>{}<td>{state}<td>{}", escaped(&group.name), escaped(&group.members.join(", ")));
        }
        text.push_str("</table>");
    }
    if !seen.tracks.is_empty() {
        text.push_str("<h2>Tracked</h2><table><tr><th>Name<th>Kind<th>State<th>Used by");
        for track in &seen.tracks {
            let (class, word) = match track.up {
                Some(true) => ("master", "up"),
                Some(false) => ("fault", "down"),
                None => ("init", "not known yet"),
            };
            let uses = track.used_by.iter().map(|one| format!("{} (weight {})", one.instance, one.weight));
            let uses: Vec<String> = uses.collect();
            let (name, uses) = (escaped(&track.name), escaped(&uses.join(", ")));
            let _ = write!(text, "<tr><td>{name}<td>{}<td><b class=\"{class}\">{word}</b><td>{uses}", track.kind);
        }
        text.push_str("</table>");
    }
}

fn router(text: &mut String, instance: &Instance, taken: f64) {
    let place = instance.interface.as_deref().unwrap_or("no interface");
    let _ = write!(
        text,
        "<article><h3>{} {}</h3><p>for {}, {} VRID {}, VRRP version {}</p>",
        escaped(&instance.name),
        badge(instance.state),
        lasting(taken - instance.since),
        escaped(place),
        instance.vrid,
        instance.version
    );
    let troubles = instance.faults.iter().map(|fault| format!("fault: {fault}"));
    let waits = instance.waits_for.iter().map(|what| format!("waits for {what}"));
    let other = instance.other_master.iter().map(|other| format!("another master speaks: {other}"));
    let rivals = instance.rivals.iter().map(|rival| format!("{} has {} too", rival.who, rival.address));
    let stand = instance.stand.iter().map(|stand| wished(&stand.course, stand.ends_in));
    for line in troubles.chain(waits).chain(other).chain(rivals).chain(stand) {
        let _ = write!(text, "<p class=\"trouble\">{}</p>", escaped(&line));
    }
    text.push_str("<dl>");
    let mut pair = |label: &str, value: String| {
        let _ = write!(text, "<dt>{label}<dd>{}", escaped(&value));
    };
    let addresses = instance.addresses.iter().map(|one| format!("{}/{}", one.address, one.prefix));
    pair("Addresses", addresses.collect::<Vec<_>>().join(", "));
    pair("Priority", sum(instance));
    if let Some(master) = peers::followed(instance) {
        let known = instance.peers.iter().find(|peer| peer.address == master.address);
        let said = match known {
            Some(peer) => peers::said(peer, instance, taken),
            None => format!("with priority {}", master.priority),
        };
        pair("Master", format!("{} {}", master.address, said.strip_prefix("master ").unwrap_or(&said)));
    }
    for peer in peers::others(instance) {
        pair("Peer", format!("{} {}", peer.address, peers::said(peer, instance, taken)));
    }
    pair("Adverts", format!("{} taken, {} sent", instance.counters.advert_rcvd, instance.counters.advert_sent));
    text.push_str("</dl>");
    history(text, instance, taken);
    text.push_str("</article>");
}

/// `105 = 100 + 5 (chk)`.
pub fn sum(instance: &Instance) -> String {
    let terms = instance.terms.iter().filter_map(|term| {
        let adds = term.adds.filter(|adds| *adds != 0)?;
        let sign = if adds < 0 { '-' } else { '+' };
        Some(format!(" {sign} {} ({})", adds.abs(), term.track))
    });
    let terms: String = terms.collect();
    match instance.stand.as_ref().map(|stand| stand.course.as_str()) {
        Some("take" | "release") => return format!("{} by the operator's word", instance.priority),
        Some(base) => return format!("{} = {base} by the operator's word{terms}", instance.priority),
        None => {}
    }
    if terms.is_empty() && instance.priority == instance.base_priority {
        return instance.priority.to_string();
    }
    format!("{} = {}{terms}", instance.priority, instance.base_priority)
}

fn history(text: &mut String, instance: &Instance, taken: f64) {
    if instance.history.is_empty() {
        return;
    }
    strip(text, instance, taken);
    let _ = write!(text, "<details open data-of=\"{}\"><summary>History</summary><ol>", escaped(&instance.name));
    for step in instance.history.iter().rev().take(5) {
        let (at, why) = (moment(step.at), escaped(&step.why));
        let _ = write!(text, "<li>{at} {} {why}", badge(step.to));
    }
    text.push_str("</ol></details>");
}

/// The states one after the other, as wide as they were long, but for the shortest, which are still seen.
fn strip(text: &mut String, instance: &Instance, taken: f64) {
    let ends = instance.history.iter().skip(1).map(|step| step.at).chain([taken]);
    let spans: Vec<(State, f64)> =
        instance.history.iter().zip(ends).map(|(step, end)| (step.to, (end - step.at).max(0.0))).collect();
    let said: Vec<String> = spans.iter().map(|(state, long)| format!("{} {}", state.word(), lasting(*long))).collect();
    let _ = write!(text, "<div class=\"strip\" role=\"img\" aria-label=\"{}\">", said.join(", "));
    for ((state, long), said) in spans.iter().zip(&said) {
        let class = state.word().to_lowercase();
        let _ = write!(text, "<i class=\"{class}\" style=\"flex-grow:{:.1}\" title=\"{said}\"></i>", long + 0.1);
    }
    text.push_str("</div>");
}

fn badge(state: State) -> String {
    format!("<b class=\"{}\">{}</b>", state.word().to_lowercase(), state.word())
}

fn moment(seconds: f64) -> String {
    clock::local_stamp(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// What an operator wants, and for how many seconds more.
pub fn wished(what: &str, ends_in: Option<f64>) -> String {
    let left = ends_in.map(|left| format!(", {} left", lasting(left))).unwrap_or_default();
    format!("operator: {what}{left}")
}

/// A time as people say it.
pub fn lasting(seconds: f64) -> String {
    let whole = seconds.max(0.0).floor();
    match whole {
        _ if whole < 120.0 => format!("{whole} s"),
        _ if whole < 7_200.0 => format!("{} min", (whole / 60.0).floor()),
        _ if whole < 172_800.0 => format!("{} h", (whole / 3600.0).floor()),
        _ => format!("{} days", (whole / 86_400.0).floor()),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::snapshot::lvs::Server;
    use crate::observe::snapshot::{Daemon, Peer, Step, Term};

    #[test]
    fn names_from_the_configuration_are_text_and_never_markup() {
        let name = "<script>alert(1)</script>";
        let instance = Instance { name: name.into(), faults: vec![name.into()], ..Instance::default() };
        let server = Server { name: name.into(), ..Server::default() };
        let service = Service { name: name.into(), servers: vec![server], ..Service::default() };
        let seen = Seen {
            daemon: None,
            vrrp: Ok(Some(Vrrp { instances: vec![instance], ..Vrrp::default() })),
            lvs: Ok(Some(Lvs { services: vec![service], ..Lvs::default() })),
        };
        let text = page(&content(&seen));
        assert!(!text.contains(name) && text.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn nothing_on_the_page_comes_from_elsewhere() {
        let text = page(&content(&Seen { daemon: None, vrrp: Ok(Some(Vrrp::default())), lvs: Ok(None) }));
        for word in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!text.contains(word), "{word}");
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        let seen = Seen { daemon: None, vrrp: Err("the VRRP worker does not run".into()), lvs: Ok(None) };
        assert!(content(&seen).contains("Not everything can be shown: the VRRP worker does not run"));
    }

    #[test]
    fn the_strip_is_as_long_as_what_was() {
        let step = |at, to| Step { at, to, ..Step::default() };
        let history = vec![step(10.0, State::Backup), step(14.0, State::Master)];
        let instance = Instance { name: "a\"b".into(), history, ..Instance::default() };
        let mut text = String::new();
        super::history(&mut text, &instance, 100.0);
        assert!(text.contains("aria-label=\"BACKUP 4 s, MASTER 86 s\""), "{text}");
        assert!(text.contains("<i class=\"master\" style=\"flex-grow:86.1\" title=\"MASTER 86 s\">"), "{text}");
        assert!(text.contains("data-of=\"a&quot;b\""), "{text}");
    }

    #[test]
    fn every_peer_is_shown_heard_or_silent_and_so_is_every_session() {
        let heard = Peer {
            address: "192.0.2.2".into(),
            heard: Some(99.5),
            priority: Some(90),
            interval: 1.0,
            ..Peer::default()
        };
        let silent = Peer { address: "192.0.2.3".into(), expected: true, ..Peer::default() };
        let instance = Instance { advert_interval: 1.0, peers: vec![heard, silent], ..Instance::default() };
        let session = |name: &str, up, since| Session { name: name.into(), up, since, ..Session::default() };
        let sessions = vec![session("x<y", Some(false), Some(70.0)), session("other", None, None)];
        let seen = Seen {
            daemon: Some(Daemon { sessions, ..Daemon::default() }),
            vrrp: Ok(Some(Vrrp { taken: 100.0, instances: vec![instance], ..Vrrp::default() })),
            lvs: Ok(None),
        };
        let text = content(&seen);
        for shown in [
            "<dt>Peer<dd>192.0.2.2 master with priority 90, heard 0.5 s ago<dt>",
            "<dt>Peer<dd>192.0.2.3 not heard; only masters speak<dt>",
            "<td>x&lt;y<td><td><b class=\"fault\">down</b><td>30 s<tr>",
            "<td>other<td><td><b class=\"init\">not run</b><td></table>",
        ] {
            assert!(text.contains(shown), "{shown}\n{text}");
        }
    }

    #[test]
    fn a_priority_is_told_term_by_term() {
        let term = |track: &str, adds| Term { track: track.into(), adds: Some(adds), ..Term::default() };
        let terms = vec![term("chk", 5), term("quiet", 0), term("bad", -20)];
        let instance = Instance { base_priority: 100, priority: 85, terms, ..Instance::default() };
        assert_eq!(sum(&instance), "85 = 100 + 5 (chk) - 20 (bad)");
        assert_eq!(sum(&Instance { base_priority: 90, priority: 90, ..Instance::default() }), "90");
    }
}
