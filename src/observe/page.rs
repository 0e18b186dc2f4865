//! The page: everything at a glance, readable without any script, live with the one it carries. Nothing comes from
//! anywhere else.

use std::fmt::Write;

use super::snapshot::{Instance, State, Vrrp};
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

/// What stands there when nothing can be shown.
pub fn trouble(error: &str) -> String {
    format!("<p class=\"old\">Nothing can be shown: {}</p>", escaped(error))
}

/// What changes of it.
pub fn content(seen: &Vrrp) -> String {
    let mut text = String::new();
    let count = |state| seen.instances.iter().filter(|instance| instance.state == state).count();
    let _ = write!(
        text,
        "<p class=\"sum\" data-taken=\"{}\">{} master, {} backup, {} fault, as of {}</p>",
        seen.taken,
        count(State::Master),
        count(State::Backup),
        count(State::Fault),
        moment(seen.taken)
    );
    text.push_str("<h2>Virtual routers</h2>");
    seen.instances.iter().for_each(|instance| router(&mut text, instance, seen.taken));
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
    text
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
    let stand = instance.stand.iter().map(|stand| match stand.ends_in {
        Some(left) => format!("operator: {}, {} left", stand.course, lasting(left)),
        None => format!("operator: {}", stand.course),
    });
    for line in troubles.chain(waits).chain(other).chain(stand) {
        let _ = write!(text, "<p class=\"trouble\">{}</p>", escaped(&line));
    }
    text.push_str("<dl>");
    let mut pair = |label: &str, value: String| {
        let _ = write!(text, "<dt>{label}<dd>{}", escaped(&value));
    };
    let addresses = instance.addresses.iter().map(|one| format!("{}/{}", one.address, one.prefix));
    pair("Addresses", addresses.collect::<Vec<_>>().join(", "));
    pair("Priority", sum(instance));
    if let Some(master) = &instance.master {
        let when = if instance.state == State::Backup { "" } else { " (last heard)" };
        pair("Master", format!("{} with priority {}{when}", master.address, master.priority));
    }
    pair("Adverts", format!("{} taken, {} sent", instance.counters.advert_rcvd, instance.counters.advert_sent));
    text.push_str("</dl>");
    history(text, instance);
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

fn history(text: &mut String, instance: &Instance) {
    if instance.history.is_empty() {
        return;
    }
    text.push_str("<details open><summary>History</summary><ol>");
    for step in instance.history.iter().rev().take(5) {
        let (at, why) = (moment(step.at), escaped(&step.why));
        let _ = write!(text, "<li>{at} {} {why}", badge(step.to));
    }
    text.push_str("</ol></details>");
}

fn badge(state: State) -> String {
    format!("<b class=\"{}\">{}</b>", state.word().to_lowercase(), state.word())
}

fn moment(seconds: f64) -> String {
    clock::local_stamp(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default())
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
    use crate::observe::snapshot::Term;

    #[test]
    fn names_from_the_configuration_are_text_and_never_markup() {
        let name = "<script>alert(1)</script>";
        let instance = Instance { name: name.into(), faults: vec![name.into()], ..Instance::default() };
        let text = page(&content(&Vrrp { instances: vec![instance], ..Vrrp::default() }));
        assert!(!text.contains(name) && text.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn nothing_on_the_page_comes_from_elsewhere() {
        let text = page(&content(&Vrrp::default()));
        for word in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!text.contains(word), "{word}");
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
