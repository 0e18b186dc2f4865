// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scripts that are tracked, and scripts that are run on changes.

use std::time::Duration;

use super::{FAULT_EVERYWHERE, LONG_SCRIPT, SHELL_WORDS, SIGNAL_WITHOUT_RIGHTS, SLOW_SCRIPT};
use crate::blocks::Config;
use crate::blocks::tracking::vrrp_script::TrackScript;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::script::Script;

/// A failure that is noticed later than this is hardly meant.
const LATE: Duration = Duration::from_secs(30);

/// Words that mean something to a shell only.
const SHELL_WORDS_ALONE: [&str; 12] =
    ["|", "||", "&&", "&", ";", ">", ">>", "<", "2>", "2>&1", ">/dev/null", "&>/dev/null"];
/// Beginnings of what a shell would replace.
const SHELL_STARTS: [&str; 6] = ["$(", "`", "${", ">/", "2>/", "&>"];

pub(super) fn lint(config: &Config, findings: &mut Diagnostics) {
    for script in &config.tracking.scripts {
        let Some(command) = &script.command else { continue };
        times(script, findings);
        signals(command, findings);
        reaches_out(script, command, config, findings);
        shell_words(command, findings);
    }
    for script in config.vrrp.scripts() {
        shell_words(script, findings);
    }
}

fn times(script: &TrackScript, findings: &mut Diagnostics) {
    if *script.timeout > *script.interval {
        let message =
            format!("`{}` may run for {:?} but is to start every {:?}", script.name, *script.timeout, *script.interval);
        let finding = Diagnostic::lint(LONG_SCRIPT, message)
            .at(script.seen.span_or_head("timeout"), "")
            .note("while a run lasts the next ones are left out, so a hanging check is noticed late")
            .hint("set `timeout` below `interval`");
        findings.push(finding);
    }
    // The last run may hang.
    let late = script.interval.saturating_mul(script.fall).saturating_add(*script.timeout);
    if late > LATE {
        let message = format!("a failure is noticed by `{}` after up to {late:?}", script.name);
        let finding = Diagnostic::lint(SLOW_SCRIPT, message)
            .severity(Severity::Note)
            .at(script.seen.span_or_head("fall"), "")
            .note("it is `fall` intervals and one timeout")
            .hint("lower `interval`, `fall` or `timeout`");
        findings.push(finding);
    }
}

/// The program without its directory.
fn program(script: &Script) -> &str {
    let first = script.argv.first().map_or("", String::as_str);
    first.rsplit('/').next().unwrap_or(first)
}

/// Signal 0 asks whether a process may be signalled, not only whether it is there.
fn signals(script: &Script, findings: &mut Diagnostics) {
    let asks = script.argv.iter().skip(1).any(|word| ["-0", "-s0", "--signal=0"].contains(&word.as_str()));
    let signals = ["killall", "pkill", "kill"].contains(&program(script));
    let Some(user) = script.user.as_deref().filter(|user| !["root", "0"].contains(user)) else { return };
    if !asks || !signals {
        return;
    }
    let message = format!("`{}` runs as `{user}`, who may not signal processes of others", program(script));
    let finding = Diagnostic::lint(SIGNAL_WITHOUT_RIGHTS, message)
        .at(script.span(), "fails although the process is there")
        .hint("use `vrrp_track_process`, or `pgrep -x NAME`");
    findings.push(finding);
}

/// A far host that does not answer puts every router into FAULT.
fn reaches_out(script: &TrackScript, command: &Script, config: &Config, findings: &mut Diagnostics) {
    if !["ping", "ping6", "fping", "arping"].contains(&program(command)) {
        return;
    }
    let track = config
        .vrrp
        .instances
        .iter()
        .flat_map(|instance| &instance.tracks.scripts)
        .find(|track| track.name.text == script.name && *track.weight == 0 && !*track.reverse);
    let Some(track) = track else { return };
    let message = format!("when the target of `{}` is down, every router goes to FAULT", script.name);
    let finding = Diagnostic::lint(FAULT_EVERYWHERE, message)
        .at(track.name.span(), "a failure means FAULT")
        .at(command.span(), "the same target from all routers")
        .note("then nobody holds the addresses, though all routers are well")
        .hint("give it a weight below 0, so that the best router left stays master");
    findings.push(finding);
}

fn shell_words(script: &Script, findings: &mut Diagnostics) {
    let shells = ["sh", "bash", "dash", "ash", "ksh", "zsh", "busybox", "env"];
    if script.opens().is_some() || shells.contains(&program(script)) {
        return;
    }
    let is_shell = |word: &&String| {
        SHELL_WORDS_ALONE.contains(&word.as_str()) || SHELL_STARTS.iter().any(|start| word.starts_with(start))
    };
    let Some(word) = script.argv.iter().find(is_shell) else { return };
    let message = format!("no shell reads this command: `{word}` goes to `{}` as it is", program(script));
    let finding = Diagnostic::lint(SHELL_WORDS, message)
        .at(script.span(), "")
        .hint("write \"/bin/sh -c '...'\", or put the commands in a file");
    findings.push(finding);
}
