// SPDX-License-Identifier: MIT OR Apache-2.0
//! `keepalived.json`: no blanks, `/` written `\/`, keys in keepalived's order.

use keepalived_conf::blocks::tracking::vrrp_track_process::{Matching, TrackProcess};
use keepalived_conf::blocks::vrrp::VrrpInstance;
use keepalived_conf::blocks::vrrp::authentication::AuthType;
use keepalived_conf::blocks::vrrp::entry::track::Kind;
use keepalived_conf::script::Script;

use super::{Written, words};
use crate::observe::snapshot::{Instance, KEEPALIVED_STATISTICS, Track, Vrrp};

/// What stands for a password.
pub(super) const MASKED: &str = "********";

/// `None` when there are no instances: keepalived writes no file then.
pub fn json(seen: &Vrrp, written: &Written) -> Option<String> {
    if seen.instances.is_empty() {
        return None;
    }
    let instances = seen.instances.iter().filter_map(|instance| {
        let configured = written.vrrp.instance(&instance.name)?;
        let stats = instance.counters.named();
        let stats = stats.iter().take(KEEPALIVED_STATISTICS).map(|(name, count)| format!("{}:{count}", string(name)));
        let stats: Vec<String> = stats.collect();
        Some(format!("{{\"data\":{},\"stats\":{{{}}}}}", data(instance, configured, written), stats.join(",")))
    });
    let instances: Vec<String> = instances.collect();
    let list = format!("[{}]", instances.join(","));
    if *written.global.dumps.json_version < 2 {
        return Some(format!("{list}\n"));
    }
    let processes = written.tracking.processes.iter().map(|process| {
        let found = seen.tracks.iter().find(|track| track.kind == "process" && track.name == process.name);
        tracked_process(process, found)
    });
    let processes: Vec<String> = processes.collect();
    Some(if processes.is_empty() {
        format!("{{\"vrrp\":{list}}}\n")
    } else {
        format!("{{\"vrrp\":{list},\"track_process\":[{}]}}\n", processes.join(","))
    })
}

fn data(seen: &Instance, configured: &VrrpInstance, written: &Written) -> String {
    let mut fields = Fields::default();
    let garp = &configured.garp;
    fields.text("iname", &seen.name);
    fields.bit("dont_track_primary", configured.dont_track_primary);
    fields.bit("skip_check_adv_addr", *configured.skip_check_adv_addr);
    fields.bit("strict_mode", *configured.strict_mode);
    let vmac = seen.base.as_ref().and(seen.interface.as_deref()).unwrap_or_default();
    fields.text("vmac_ifname", vmac);
    if let Some(interface) = &seen.interface {
        fields.text("ifp_ifname", interface);
    }
    fields.raw("master_priority", seen.master.as_ref().map_or(0, |master| master.priority));
    fields.raw("last_transition", format!("{:.6}", seen.since));
    fields.raw("garp_delay", garp.master_delay.as_secs_f64());
    fields.raw("garp_refresh", garp.master_refresh.as_secs_f64());
    fields.raw("garp_rep", *garp.master_repeat);
    fields.raw("garp_refresh_rep", *garp.master_refresh_repeat);
    fields.raw("garp_lower_prio_delay", garp.lower_prio_delay.as_secs());
    fields.raw("garp_lower_prio_rep", *garp.lower_prio_repeat);
    fields.bit("lower_prio_no_advert", *configured.lower_prio_no_advert);
    fields.bit("higher_prio_send_advert", *configured.higher_prio_send_advert);
    fields.raw("vrid", seen.vrid);
    fields.raw("base_priority", seen.base_priority);
    fields.raw("effective_priority", seen.priority);
    fields.raw("vipset", seen.in_place);
    fields.raw("promote_secondaries", configured.promote_secondaries);
    fields.raw("adver_int", seen.advert_interval);
    fields.raw("master_adver_int", seen.master_interval);
    fields.bit("accept", *configured.accept);
    fields.raw("nopreempt", !*configured.preempt);
    fields.raw("preempt_delay", configured.preempt_delay.as_secs());
    fields.raw("state", seen.state.number());
    fields.raw("wantstate", seen.wants.number());
    fields.raw("version", seen.version);
    fields.raw("smtp_alert", *configured.smtp_alert);
    fields.raw("notify_deleted", configured.notify.says_deleted);
    scripts(&mut fields, configured);
    lists(&mut fields, seen, configured, written);
    fields.end()
}

fn scripts(fields: &mut Fields, configured: &VrrpInstance) {
    let notify = &configured.notify;
    let scripts: [(&str, &Option<Script>); 7] = [
        ("script_backup", &notify.backup),
        ("script_master", &notify.master),
        ("script_fault", &notify.fault),
        ("script_stop", &notify.stop),
        ("script_deleted", &notify.deleted),
        ("script", &notify.any),
        ("script_master_rx_lower_pri", &notify.master_rx_lower_pri),
    ];
    for (key, script) in scripts {
        if let Some(script) = script {
            fields.text(key, &words::command(script));
        }
    }
}

fn lists(fields: &mut Fields, seen: &Instance, configured: &VrrpInstance, written: &Written) {
    let here = super::data::shown_interface(seen);
    let address = |list: &[keepalived_conf::blocks::vrrp::Address]| -> Vec<String> {
        list.iter().map(|one| words::address(one, &here, seen.in_place)).collect()
    };
    fields.list("vips", &address(&configured.virtual_ipaddress));
    fields.list("evips", &address(&configured.virtual_ipaddress_excluded));
    fields.list("vroutes", &configured.virtual_routes.iter().map(words::route).collect::<Vec<_>>());
    fields.list("vrules", &configured.virtual_rules.iter().map(words::rule).collect::<Vec<_>>());
    let names =
        |kind| -> Vec<String> { written.own_tracks(configured, kind).map(|one| one.name.text.clone()).collect() };
    fields.list("track_ifp", &names(Kind::Interface));
    let scripts = written.own_tracks(configured, Kind::Script);
    let scripts = scripts.filter_map(|used| written.tracking.script(&used.name.text)?.command.as_ref());
    fields.list("track_script", &scripts.map(words::command).collect::<Vec<_>>());
    fields.list("track_process", &names(Kind::Process));
    let kind = configured.authentication.as_ref().and_then(|auth| auth.auth_type);
    match kind {
        None => fields.raw("auth_type", 0),
        Some(kind) => {
            fields.raw("auth_type", if kind == AuthType::Pass { 1 } else { 2 });
            fields.text("auth_data", MASKED);
        }
    }
}

fn tracked_process(process: &TrackProcess, seen: Option<&Track>) -> String {
    let mut fields = Fields::default();
    fields.text("process", &process.process);
    if !process.parameters.is_empty() {
        fields.text("parameters", &process.parameters.join(" "));
    }
    let (matching, full) = match process.matching {
        Matching::Name => ("none", false),
        Matching::Command => ("none", true),
        Matching::Exact => ("exact", true),
        Matching::Partial => ("partial", true),
        Matching::Initial => ("initial", true),
    };
    fields.text("param_match", matching);
    fields.raw("min_processes", process.quorum);
    if let Some(most) = process.quorum_max {
        fields.raw("max_processes", most);
    }
    fields.raw("current_processes", seen.and_then(|track| track.running).unwrap_or(0));
    let up = seen.is_some_and(|track| track.up == Some(true));
    fields.raw("have_quorum", up);
    let weight = if process.reverse { -i32::from(process.weight) } else { i32::from(process.weight) };
    fields.raw("weight", weight);
    fields.raw("terminate_delay", process.terminate_delay.as_secs_f64());
    fields.raw("fork_delay", process.fork_delay.as_secs_f64());
    let waiting = seen.is_some_and(|track| track.waiting);
    fields.raw("fork_delay_timer_running", waiting && !up);
    fields.raw("terminate_delay_timer_running", waiting && up);
    fields.raw("full_command", full);
    fields.end()
}

/// The fields of one object.
#[derive(Debug, Default)]
struct Fields(Vec<String>);

impl Fields {
    /// Numbers and truth values.
    fn raw(&mut self, key: &str, value: impl std::fmt::Display) {
        self.0.push(format!("{}:{value}", string(key)));
    }

    fn bit(&mut self, key: &str, on: bool) {
        self.raw(key, u8::from(on));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, string(value));
    }

    /// Lists without content are left out.
    fn list(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            let values: Vec<String> = values.iter().map(|value| string(value)).collect();
            self.raw(key, format_args!("[{}]", values.join(",")));
        }
    }

    fn end(self) -> String {
        format!("{{{}}}", self.0.join(","))
    }
}

fn string(value: &str) -> String {
    serde_json::Value::from(value).to_string().replace('/', "\\/")
}
