// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scripts, tracked objects and names that are taken twice.

use std::collections::BTreeMap;

use crate::blocks::Config;
use crate::blocks::tracking::NAME_TAKEN;
use crate::diagnostic::Diagnostic;
use crate::script::settle::Settler;
use crate::span::Span;
use crate::value::Cx;

pub(super) fn resolve(config: &mut Config, cx: &mut Cx<'_>) {
    let tracking = &config.tracking;
    let scripts = tracking.scripts.iter().map(|script| (script.name.as_str(), script.seen.head));
    taken("vrrp_script", scripts, cx);
    let processes = tracking.processes.iter().map(|process| (process.name.as_str(), process.seen.head));
    taken("vrrp_track_process", processes, cx);
    let files = tracking.files.iter().map(|file| (file.name.as_str(), file.seen.head));
    taken("track_file", files, cx);
    settle_scripts(config, cx);
}

/// Of two definitions with one name the first counts, and keepalived says nothing about the other.
fn taken<'n>(block: &str, names: impl Iterator<Item = (&'n str, Span)>, cx: &mut Cx<'_>) {
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    for (name, span) in names {
        if let Some(first) = first.get(name) {
            let finding = Diagnostic::lint(NAME_TAKEN, format!("`{block} {name}` is defined twice"))
                .at(span, "never used")
                .at(*first, "this one counts");
            cx.diagnostics.push(finding);
        } else {
            first.insert(name, span);
        }
    }
}

/// Finds every script's account and program, and takes out what cannot be run.
fn settle_scripts(config: &mut Config, cx: &mut Cx<'_>) {
    let mut settler = Settler::new(cx.host, config.global.scripts.policy());
    let findings = &mut cx.diagnostics;
    config.global.scripts.user = settler.default_user().cloned();
    config.global.visit_scripts(&mut |script, role| settler.settle(script, role, findings));
    config.lvs.visit_scripts(&mut |script, role| settler.settle(script, role, findings));
    settler.out_of_reach(config.vrrp.interface_missing);
    config.tracking.visit_scripts(&mut |script, role| settler.settle(script, role, findings));
    config.vrrp.visit_scripts(&mut |script, role| settler.settle(script, role, findings));
    settler.finish(findings);
}
