// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is in which group.

use std::collections::BTreeMap;

use crate::blocks::Config;
use crate::blocks::vrrp::instance::State;
use crate::blocks::vrrp::sync_group::NO_MEMBERS;
use crate::diagnostic::{Class, Code, Diagnostic, Severity};
use crate::span::Name;
use crate::value::Cx;

pub const UNKNOWN_INSTANCE: Code = Code::new("KC187", "no such instance");
pub const IN_TWO_GROUPS: Code = Code::new("KC188", "an instance in two sync groups");
pub const ONE_MEMBER: Code = Code::new("KC189", "a sync group of one");

pub(super) fn resolve(config: &mut Config, cx: &mut Cx<'_>) {
    sync_groups(config, cx);
    track_groups(config, cx);
    sync_daemon(config, cx);
}

fn unknown(config: &Config, what: &str, name: &Name, cx: &Cx<'_>) -> Diagnostic {
    let finding = Diagnostic::error(UNKNOWN_INSTANCE, format!("{what}: there is no instance `{}`", name.text))
        .at(name.span(), "left out");
    let names = config.vrrp.instances.iter().map(|instance| instance.name.as_str());
    match cx.diagnostics.near(name, names) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None => finding,
    }
}

fn sync_groups(config: &mut Config, cx: &mut Cx<'_>) {
    let mut groups = std::mem::take(&mut config.vrrp.sync_groups);
    let mut taken: BTreeMap<String, Name> = BTreeMap::new();
    groups.retain_mut(|group| {
        let what = format!("sync group `{}`", group.name);
        group.group.retain(|member| {
            if config.vrrp.instance(member).is_none() {
                cx.diagnostics.push(unknown(config, &what, member, cx));
                return false;
            }
            let Some(first) = taken.insert(member.text.clone(), member.clone()) else { return true };
            let finding =
                Diagnostic::error(IN_TWO_GROUPS, format!("instance `{}` is in a sync group already", member.text))
                    .at(member.span(), "ignored here")
                    .at(first.span(), "the first one counts");
            cx.diagnostics.push(finding);
            taken.insert(member.text.clone(), first);
            false
        });
        match group.group.as_slice() {
            [] => {
                let finding = Diagnostic::error(NO_MEMBERS, format!("{what} has no members left"))
                    .at(group.seen.span_or_head("group"), "left out");
                cx.diagnostics.push(finding);
                return false;
            }
            [only] => {
                let finding = Diagnostic::error(ONE_MEMBER, format!("{what} has one member only"))
                    .severity(Severity::Warning)
                    .at(only.span(), "nobody to change state with");
                cx.diagnostics.push(finding);
            }
            [_, _, ..] => {}
        }
        true
    });
    for group in &groups {
        let members = || group.group.iter().map(|name| name.text.as_str());
        let all_own = config
            .vrrp
            .instances
            .iter()
            .filter(|instance| members().any(|name| name == instance.name))
            .all(|instance| instance.is_owner() && *instance.state == State::Master);
        for instance in config.vrrp.instances.iter_mut().filter(|instance| members().any(|name| name == instance.name))
        {
            instance.sync_group = Some(group.name.clone());
            // A group starts as MASTER together or not at all.
            if !all_own {
                instance.state.correct(State::Backup);
            }
        }
    }
    config.vrrp.sync_groups = groups;
}

fn track_groups(config: &mut Config, cx: &mut Cx<'_>) {
    let mut groups = std::mem::take(&mut config.vrrp.track_groups);
    for group in &mut groups {
        let what = format!("track group `{}`", group.name);
        group.group.retain(|member| {
            let known = config.vrrp.instance(member).is_some();
            if !known {
                cx.diagnostics.push(unknown(config, &what, member, cx).class(Class::Logged));
            }
            known
        });
    }
    config.vrrp.track_groups = groups;
}

/// The kernel's connection synchronisation may follow an instance.
fn sync_daemon(config: &mut Config, cx: &mut Cx<'_>) {
    let instance = config.global.lvs.sync_daemon.as_ref().and_then(|daemon| daemon.instance.clone());
    let Some(name) = instance.filter(|name| config.vrrp.instance(name).is_none()) else { return };
    if config.vrrp.instances.is_empty() {
        return;
    }
    // keepalived finds out when it starts, and does without.
    cx.diagnostics.push(unknown(config, "`lvs_sync_daemon`", &name, cx).class(Class::Ours));
    config.global.lvs.sync_daemon = None;
}
