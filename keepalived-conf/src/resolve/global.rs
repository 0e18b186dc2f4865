// SPDX-License-Identifier: MIT OR Apache-2.0
//! Process-wide settings: what follows from others, and what excludes them.

use crate::blocks::Config;
use crate::blocks::global::fifo::{Fifo, SAME_PIPE};
use crate::blocks::global::{CONFLICT, Global};
use crate::diagnostic::{Class, Code, Diagnostic, Severity};
use crate::value::Cx;

pub const NO_READER: Code = Code::new("KC141", "a program for a pipe that is not there");
pub const NOBODY_TO_MAIL: Code = Code::new("KC142", "mail that reaches nobody");

pub(super) fn resolve(config: &mut Config, cx: &mut Cx<'_>) {
    let top = &config.global.top;
    if top.namespace_with_ipsets && top.net_namespace.is_none() {
        let finding = Diagnostic::lint(CONFLICT, "`namespace_with_ipsets` means nothing without `net_namespace`")
            .severity(Severity::Note)
            .at(config.seen.span_or_head("namespace_with_ipsets"), "no effect");
        cx.diagnostics.push(finding);
    }
    let global = &mut config.global;
    global.garp.resolve();
    names(global);
    global.vrrp.vmac_addr_prefix.inherit(&global.vrrp.vmac_prefix);
    let age = global.snmp.virtual_server_age;
    global.snmp.real_server_age.inherit(&age);
    pipes(global, cx);
    mail(global, cx);
}

/// Names of processes that were not given.
fn names(global: &mut Global) {
    if !global.process.named {
        return;
    }
    let process = &mut global.process;
    for (process, name) in [
        (&mut process.vrrp, "keepalived_vrrp"),
        (&mut process.checker, "keepalived_lvs"),
        (&mut process.bfd, "keepalived_bfd"),
    ] {
        if !process.name.given() {
            process.name.correct(name.to_owned());
        }
    }
}

/// A pipe of one part of the daemon gives way to the common one; a program goes with its pipe.
fn pipes(global: &mut Global, cx: &mut Cx<'_>) {
    let seen = &global.seen;
    let fifo = &mut global.fifo;
    let same = |one: &Fifo, other: &Fifo| one.path.is_some() && one.path == other.path;
    let specific = [(&mut fifo.vrrp, "vrrp_notify_fifo"), (&mut fifo.lvs, "lvs_notify_fifo")];
    for (pipe, keyword) in specific {
        if same(pipe, &fifo.all) {
            let message = format!("`{keyword}` is the same pipe as `notify_fifo`");
            let finding = Diagnostic::warning(SAME_PIPE, message)
                .class(Class::Logged)
                .at(seen.span_or_head(keyword), "left out")
                .at(seen.span_or_head("notify_fifo"), "gets these events too");
            cx.diagnostics.push(finding);
            *pipe = Fifo::default();
        }
    }
    if same(&fifo.vrrp, &fifo.lvs) && fifo.vrrp.script.is_some() && fifo.lvs.script.is_some() {
        let finding = Diagnostic::warning(SAME_PIPE, "two programs cannot read one pipe")
            .class(Class::Logged)
            .at(seen.span_or_head("lvs_notify_fifo_script"), "left out")
            .at(seen.span_or_head("vrrp_notify_fifo_script"), "reads the pipe");
        cx.diagnostics.push(finding);
        fifo.lvs.script = None;
    }
    let pipes = [
        (&fifo.all, "notify_fifo", "notify_fifo_script"),
        (&fifo.vrrp, "vrrp_notify_fifo", "vrrp_notify_fifo_script"),
        (&fifo.lvs, "lvs_notify_fifo", "lvs_notify_fifo_script"),
    ];
    for (pipe, keyword, script) in pipes {
        if pipe.path.is_none() && pipe.script.is_some() {
            let finding = Diagnostic::lint(NO_READER, format!("`{script}` has no pipe to read"))
                .at(seen.span_or_head(script), "never started")
                .hint(format!("name the pipe with `{keyword}`"));
            cx.diagnostics.push(finding);
        }
    }
}

/// Mail needs a server and somebody to read it.
fn mail(global: &Global, cx: &mut Cx<'_>) {
    let mail = &global.mail;
    let (missing, present) = match (&mail.server, mail.recipients.is_empty()) {
        (None, false) if !global.seen.has("smtp_server") => ("smtp_server", "notification_email"),
        (Some(_), true) if !global.seen.has("notification_email") => ("notification_email", "smtp_server"),
        _ => return,
    };
    let finding = Diagnostic::lint(NOBODY_TO_MAIL, format!("no mail is sent: `{missing}` is not set"))
        .at(global.seen.span_or_head(present), "without effect")
        .hint(format!("set `{missing}` in `global_defs`"));
    cx.diagnostics.push(finding);
}
