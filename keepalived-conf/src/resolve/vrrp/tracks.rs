// SPDX-License-Identifier: MIT OR Apache-2.0
//! What instances and groups track: where it is defined, and with which weight it counts.

use std::collections::BTreeSet;

use crate::blocks::Config;
use crate::blocks::tracking::{Tracking, UNUSED};
use crate::blocks::vrrp::entry::track::{Kind, Track, Tracks};
use crate::blocks::vrrp::{SyncGroup, VrrpInstance};
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::schema::Setting;
use crate::span::Span;
use crate::value::Cx;

pub const UNDEFINED: Code = Code::new("KC190", "tracked, but not defined");
pub const DEFINED_LATER: Code = Code::new("KC191", "defined after its use");
pub const OWN_INTERFACE: Code = Code::new("KC192", "the own interface is tracked anyway");
pub const TRACKED_TWICE: Code = Code::new("KC193", "tracked by an instance and its group");
pub const WEIGHT_TAKEN: Code = Code::new("KC194", "a weight that cannot count");

pub(super) fn resolve(config: &mut Config, cx: &mut Cx<'_>) {
    let tracking = &config.tracking;
    let vrrp = &mut config.vrrp;
    for group in &mut vrrp.sync_groups {
        defined(&mut group.tracks, tracking, cx);
        let has_owner = vrrp
            .instances
            .iter()
            .any(|instance| instance.is_owner() && instance.sync_group.as_ref() == Some(&group.name));
        if has_owner {
            clear_weights(group, cx);
        }
    }
    for instance in &mut vrrp.instances {
        defined(&mut instance.tracks, tracking, cx);
        own_interface(instance, cx);
        let group = instance.sync_group.as_ref().and_then(|name| vrrp.sync_groups.named(name));
        if instance.is_owner() {
            without_weights(instance, Unmoved::Owner, cx);
        } else if group.is_some_and(|group| !group.sync_group_tracking_weight) {
            without_weights(instance, Unmoved::Member, cx);
        }
        if let Some(group) = group {
            with_group(instance, group, cx);
        }
    }
    unused(config, cx);
}

/// Where a tracked object is defined and what it says itself.
struct Definition {
    span: Span,
    weight: i16,
    reverse: bool,
}

fn definition(tracking: &Tracking, kind: Kind, name: &str) -> Option<Definition> {
    let found = |span, weight, reverse| Definition { span, weight, reverse };
    match kind {
        Kind::Interface => None,
        Kind::Script => tracking.script(name).map(|s| found(s.seen.head, s.weight, s.reverse)),
        Kind::File => tracking.file(name).map(|f| found(f.seen.head, *f.weight, f.reverse)),
        Kind::Process => tracking.process(name).map(|p| found(p.seen.head, p.weight, p.reverse)),
        Kind::Bfd => tracking.bfd(name).map(|b| found(b.seen.head, b.weight, b.reverse)),
    }
}

fn names(tracking: &Tracking, kind: Kind) -> Box<dyn Iterator<Item = &str> + '_> {
    match kind {
        Kind::Interface => Box::new(std::iter::empty()),
        Kind::Script => Box::new(tracking.scripts.iter().map(|script| script.name.as_str())),
        Kind::File => Box::new(tracking.files.iter().map(|file| file.name.as_str())),
        Kind::Process => Box::new(tracking.processes.iter().map(|process| process.name.as_str())),
        Kind::Bfd => Box::new(tracking.bfd.iter().map(|session| session.name.as_str())),
    }
}

/// Takes weights from the definitions; entries without a definition are left out.
fn defined(tracks: &mut Tracks, tracking: &Tracking, cx: &mut Cx<'_>) {
    for kind in [Kind::Script, Kind::File, Kind::Process, Kind::Bfd] {
        tracks.of_mut(kind).retain_mut(|track| {
            let Some(definition) = definition(tracking, kind, &track.name) else {
                let message = format!("there is no {} `{}`", kind.noun(), track.name.text);
                let mut finding = Diagnostic::error(UNDEFINED, message).at(track.name.span(), "not tracked");
                if let Some(near) = cx.diagnostics.near(&track.name, names(tracking, kind)) {
                    finding = finding.hint(format!("did you mean `{near}`?"));
                }
                cx.diagnostics.push(finding);
                return false;
            };
            if definition.span.start > track.name.span().start {
                let message = format!("keepalived wants {} `{}` defined before its use", kind.noun(), track.name.text);
                let finding = Diagnostic::warning(DEFINED_LATER, message)
                    .class(Class::General)
                    .at(track.name.span(), "tracked here, not by keepalived")
                    .at(definition.span, "defined here")
                    .hint("move the definition up");
                cx.diagnostics.push(finding);
            }
            track.weight.inherit(&Setting::new(definition.weight));
            track.reverse.inherit(&Setting::new(definition.reverse));
            true
        });
    }
}

fn own_interface(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let own = instance.interface.as_ref();
    instance.tracks.interfaces.retain_mut(|track| {
        let is_own = Some(&track.name) == own;
        if is_own {
            let message = format!("`{}` is the instance's own interface", track.name.text);
            let finding = Diagnostic::error(OWN_INTERFACE, message)
                .at(track.name.span(), "ignored")
                .hint("it is tracked anyway, unless `dont_track_primary` is set");
            cx.diagnostics.push(finding);
        }
        !is_own
    });
}

/// With an owner among the members nothing tracked by the group can move priorities.
fn clear_weights(group: &mut SyncGroup, cx: &mut Cx<'_>) {
    for kind in Tracks::KINDS {
        for track in group.tracks.of_mut(kind) {
            if *track.weight == 0 {
                continue;
            }
            let message = format!(
                "sync group `{}` has a member of priority 255: {} `{}` cannot have a weight",
                group.name,
                kind.noun(),
                track.name.text
            );
            let finding = Diagnostic::error(WEIGHT_TAKEN, message).at(track.name.span(), "a failure leads to FAULT");
            cx.diagnostics.push(finding);
            track.weight.correct(0);
        }
    }
}

/// Why an instance's priority must not move.
#[derive(Clone, Copy)]
enum Unmoved {
    Owner,
    Member,
}

/// Takes weights away. What cannot do without is not tracked at all; processes are left as they are, as in keepalived.
fn without_weights(instance: &mut VrrpInstance, why: Unmoved, cx: &mut Cx<'_>) {
    let name = &instance.name;
    for kind in Tracks::KINDS {
        instance.tracks.of_mut(kind).retain_mut(|track| {
            if *track.weight == 0 || kind == Kind::Process {
                return true;
            }
            let keeps = match (kind, why) {
                (Kind::Interface, Unmoved::Member) => true,
                (Kind::File, _) => *track.weight == 1,
                (Kind::Interface | Kind::Script | Kind::Process | Kind::Bfd, _) => false,
            };
            cx.diagnostics.push(weight_taken(name, kind, track, why, keeps));
            track.weight.correct(0);
            keeps
        });
    }
}

fn weight_taken(name: &str, kind: Kind, track: &Track, why: Unmoved, keeps: bool) -> Diagnostic {
    let (because, hint) = match why {
        Unmoved::Owner => ("a priority of 255 never moves", "use a priority below 255, or write `weight 0`"),
        Unmoved::Member => (
            "members of a sync group do not move their priorities",
            "track it on the group, write `weight 0`, or set `sync_group_tracking_weight` on the group",
        ),
    };
    let then = if keeps { "tracked with weight 0: a failure leads to FAULT" } else { "not tracked" };
    Diagnostic::error(
        WEIGHT_TAKEN,
        format!("{name}: {because}, but {} `{}` has a weight", kind.noun(), track.name.text),
    )
    .at(track.name.span(), then)
    .hint(hint)
}

/// Adds what the group tracks. Where both track one thing, the group's weight counts unless the member's is 0.
fn with_group(instance: &mut VrrpInstance, group: &SyncGroup, cx: &mut Cx<'_>) {
    for (kind, of_group) in group.tracks.iter() {
        let own = instance.interface.as_ref();
        let is_own = kind == Kind::Interface && own == Some(&of_group.name);
        let class = if kind == Kind::Interface { Class::General } else { Class::Logged };
        let list = instance.tracks.of_mut(kind);
        let both = list.named_mut(&of_group.name.text);
        if both.is_none() && !is_own {
            list.push(of_group.clone());
            continue;
        }
        let message = format!(
            "{} `{}` is tracked by instance `{}` and by its sync group",
            kind.noun(),
            of_group.name.text,
            instance.name
        );
        let mut finding = Diagnostic::warning(TRACKED_TWICE, message).class(class).at(of_group.name.span(), "here");
        if let Some(track) = both {
            finding = finding.at(track.name.span(), "and here");
            if *track.weight != 0 {
                track.weight = of_group.weight;
                track.reverse = of_group.reverse;
            }
        }
        cx.diagnostics.push(finding.note("the group's weight counts, unless the instance's is 0"));
    }
}

/// Scripts that nobody tracks are never run.
fn unused(config: &Config, cx: &mut Cx<'_>) {
    let of_instances = config.vrrp.instances.iter().map(|instance| &instance.tracks);
    let of_groups = config.vrrp.sync_groups.iter().map(|group| &group.tracks);
    let used: BTreeSet<&str> = of_instances
        .chain(of_groups)
        .flat_map(|tracks| &tracks.scripts)
        .map(|track| track.name.text.as_str())
        .collect();
    for script in config.tracking.scripts.iter().filter(|script| !used.contains(script.name.as_str())) {
        let finding = Diagnostic::lint(UNUSED, format!("nobody tracks `vrrp_script {}`", script.name))
            .at(script.seen.head, "never run")
            .hint(format!("add `track_script {{ {} }}` to an instance or a sync group", script.name));
        cx.diagnostics.push(finding);
    }
}
