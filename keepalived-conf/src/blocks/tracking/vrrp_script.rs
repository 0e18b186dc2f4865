// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vrrp_script`: a command whose result moves a priority.

use std::sync::LazyLock;
use std::time::Duration;

use super::NO_SCRIPT;
use crate::blocks::Config;
use crate::diagnostic::{Class, Diagnostic};
use crate::schema::{Block, Keyword, Node, Seen, Setting, Shape, Status, int, kw, seconds};
use crate::script::settle::{look_up, wrong_account};
use crate::script::{RunAs, Script};
use crate::value::{Args, OUT_OF_RANGE};

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TrackScript {
    pub name: String,
    /// None after resolving: the command cannot be run, and whoever tracks it goes on without it.
    pub command: Option<Script>,
    pub interval: Setting<Duration>,
    /// After resolving the value in force.
    pub timeout: Setting<Duration>,
    pub weight: i16,
    pub reverse: bool,
    pub rise: u32,
    pub fall: u32,
    pub init_fail: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

/// A script while its block is read: the account may come before the command.
#[derive(Debug)]
pub struct Draft {
    track: TrackScript,
    user: Option<RunAs>,
    /// The last `user` names nobody.
    user_broken: bool,
}

impl Node for Draft {
    fn seen(&mut self) -> &mut Seen {
        &mut self.track.seen
    }
}

pub static BLOCK: LazyLock<Block<Draft>> = LazyLock::new(|| Block::new("vrrp_script", rows()));

fn rows() -> Vec<Keyword<Draft>> {
    vec![
        kw("script")
            .arg(Shape::Word("COMMAND"))
            .doc(
                "Command to run; success is exit status 0. A command with arguments goes in quotes. `</PATH` runs \
                 nothing: the test is whether the file can be opened.",
            )
            .example("script \"/usr/bin/pgrep -x haproxy\"")
            .since("<2.0")
            .set(|draft, args| {
                if let Some(command) = args.command() {
                    draft.track.command = Some(command);
                }
            }),
        kw("interval")
            .must(seconds(3, 0.0, 4294.0))
            .default("1")
            .otherwise("1 for 0, else the value before stays")
            .doc("Seconds between two runs.")
            .since("<2.0")
            .set(|draft, args| set_time(&mut draft.track.interval, args)),
        kw("timeout")
            .must(seconds(3, 0.0, 4294.0))
            .default("interval")
            .otherwise("1 for 0, else the value before stays")
            .doc("Seconds after which a run is stopped and counts as failed.")
            .since("<2.0")
            .set(|draft, args| set_time(&mut draft.track.timeout, args)),
        kw("weight")
            .must(int(-253, 253))
            .opt(Shape::Choice(&["reverse"]))
            .default("0")
            .otherwise("the number is used all the same")
            .doc(
                "What instances add to their priority: a positive weight while it succeeds, a negative one while it \
                 fails, `reverse` the other way round. With 0 a failure means FAULT.",
            )
            .since("<2.0")
            .set(set_weight),
        kw("rise")
            .must(int(1, 2_147_483_647))
            .default("1")
            .otherwise("1 is used")
            .doc("Successes in a row before it counts as up.")
            .since("<2.0")
            .set(|draft, args| draft.track.rise = args.num_or(1)),
        kw("fall")
            .must(int(1, 2_147_483_647))
            .default("1")
            .otherwise("1 is used")
            .doc("Failures in a row before it counts as down.")
            .since("<2.0")
            .set(|draft, args| draft.track.fall = args.num_or(1)),
        kw("user")
            .must(Shape::Word("USER"))
            .opt(Shape::Word("[:]GROUP"))
            .default("script_user")
            .otherwise("the script is left out")
            .doc("Account the command runs under.")
            .since("<2.0")
            .set(set_user),
        kw("init_fail")
            .default("off")
            .doc("Count it as failed until its first result.")
            .since("<2.0")
            .status(Status::NoEffect("whoever tracks the script overwrites it"))
            .set(|draft, _| draft.track.init_fail = true),
    ]
}

pub(crate) fn open(_: &mut Config, args: &mut Args<'_, '_>) -> Option<Draft> {
    let name = args.text()?;
    let track = TrackScript {
        name,
        command: None,
        interval: Setting::new(Duration::from_secs(1)),
        timeout: Setting::new(Duration::from_secs(1)),
        weight: 0,
        reverse: false,
        rise: 1,
        fall: 1,
        init_fail: false,
        seen: Seen::default(),
    };
    Some(Draft { track, user: None, user_broken: false })
}

pub(crate) fn close(config: &mut Config, draft: Draft, args: &mut Args<'_, '_>) {
    let Draft { mut track, user, user_broken } = draft;
    track.timeout.inherit(&track.interval);
    let Some(command) = &mut track.command else {
        let finding = Diagnostic::error(NO_SCRIPT, format!("`vrrp_script {}` has no command", track.name))
            .at(track.seen.span_or_head("script"), "left out")
            .hint("say what to run with `script`");
        args.push(finding);
        return;
    };
    if user_broken {
        return;
    }
    if let Some(user) = user {
        command.run_as(user);
    }
    config.tracking.scripts.push(track);
}

fn set_time(setting: &mut Setting<Duration>, args: &mut Args<'_, '_>) {
    let word = args.peek();
    let Some(time) = args.time() else { return };
    match word {
        Some(word) if time.is_zero() => {
            args.reject(OUT_OF_RANGE, Class::General, word.span, "1 is used");
            setting.set(Duration::from_secs(1));
        }
        Some(_) | None => setting.set(time),
    }
}

fn set_weight(draft: &mut Draft, args: &mut Args<'_, '_>) {
    let track = &mut draft.track;
    let Some(word) = args.word() else { return };
    let Some(weight) = args.number_of(word, i64::from(i32::MIN), i64::from(i32::MAX), false) else {
        let _ = args.rest();
        return;
    };
    if !(-253..=253).contains(&weight) {
        args.reject(OUT_OF_RANGE, Class::General, word.span, "expected -253 to 253");
    }
    track.weight = weight.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16;
    track.reverse = super::reverse(args);
}

fn set_user(draft: &mut Draft, args: &mut Args<'_, '_>) {
    let Some(user) = args.run_as() else { return };
    draft.user_broken = false;
    if let Err(code) = look_up(args.cx.host, &user) {
        args.reject(code, Class::General, user.span(), wrong_account(code, &user));
        draft.user_broken = true;
    }
    draft.user = Some(user);
}
