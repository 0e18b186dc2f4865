// SPDX-License-Identifier: MIT OR Apache-2.0
//! `MISC_CHECK`: a program says whether the server is well.

use std::sync::LazyLock;
use std::time::Duration;

use super::check::{self, Checker, Common, Timed, Timing};
use super::codes::NO_SCRIPT;
use super::real_server::RealServer;
use super::shared::Shared;
use crate::diagnostic::Diagnostic;
use crate::schema::{Block, Node, Seen, Setting, Shape, int, kw};
use crate::script::{RunAs, Script};
use crate::value::Args;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct MiscCheck {
    pub timing: Shared<Timing>,
    pub script: Script,
    pub timeout: Setting<Duration>,
    /// The exit status says what the weight is.
    pub dynamic: bool,
    /// Until the block ends: the account of the script.
    #[cfg_attr(feature = "serde", serde(skip))]
    run_as: Option<Box<RunAs>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for MiscCheck {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl Timed for MiscCheck {
    fn timing(&mut self) -> &mut Timing {
        self.timing.to_mut()
    }
}

pub static BLOCK: LazyLock<Block<MiscCheck>> = LazyLock::new(|| {
    let common = Common { retry: "the real server's, else 0", ..Common::OLD };
    let mut rows = check::timing_rows(&common);
    rows.extend([
        kw("misc_path")
            .arg(Shape::Script)
            .default("must be given")
            .otherwise("the check is left out")
            .doc("Program to run; exit status 0 is success.")
            .note("Words after the first are ignored; the account is set with `user`.")
            .since("<2.0")
            .set(|check: &mut MiscCheck, args| {
                if let Some(script) = args.command() {
                    check.script = script;
                }
            }),
        kw("misc_timeout")
            .must(int(0, 4294))
            .default("the virtual server's delay_loop")
            .otherwise("the line is ignored")
            .doc("Seconds the program may take; 0 for the default.")
            .since("<2.0")
            .set(|check: &mut MiscCheck, args| match args.num::<u32>() {
                Some(0) => check.timeout = Setting::new(Duration::ZERO),
                Some(timeout) => check.timeout.set(Duration::from_secs(timeout.into())),
                None => {}
            }),
        kw("misc_dynamic")
            .default("off")
            .doc("The exit status changes the weight: 2 to 255 are success with a weight of the status less 2.")
            .note("0 is success without a change, 1 failure. Several such checks add up.")
            .since("<2.0")
            .set(|check: &mut MiscCheck, _| check.dynamic = true),
        kw("user")
            .arg(Shape::Word("USER"))
            .opt(Shape::Word("[:]GROUP"))
            .default("script_user")
            .otherwise("an account that does not exist: the check is left out")
            .doc("Account to run the program as.")
            .since("<2.0")
            .set(|check: &mut MiscCheck, args| {
                if let Some(account) = args.run_as() {
                    check.run_as = Some(Box::new(account));
                }
            }),
    ]);
    Block::new("MISC_CHECK", rows)
});

pub(crate) fn open(_: &mut RealServer, _: &mut Args<'_, '_>) -> Option<MiscCheck> {
    Some(MiscCheck {
        timing: Timing::built_in(),
        script: Script::default(),
        timeout: Setting::new(Duration::ZERO),
        dynamic: false,
        run_as: None,
        seen: Seen::default(),
    })
}

pub(crate) fn close(server: &mut RealServer, mut check: MiscCheck, args: &mut Args<'_, '_>) {
    if check.script.argv.is_empty() {
        let finding = Diagnostic::error(NO_SCRIPT, "`MISC_CHECK` without `misc_path`")
            .at(check.seen.head, "left out")
            .note("then: without another check the server always counts as up");
        args.push(finding);
        return;
    }
    if let Some(account) = check.run_as.take() {
        check.script.run_as(*account);
    }
    server.checkers.push(Checker::Misc(Box::new(check)));
}

#[cfg(test)]
mod tests;
