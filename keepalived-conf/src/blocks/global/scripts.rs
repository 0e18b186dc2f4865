// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon's own scripts, and the rules for all scripts.

use std::time::Duration;

use super::Global;
use crate::diagnostic::Class;
use crate::schema::{Again, Keyword, Setting, Shape, int, kw};
use crate::script::settle::{Policy, look_up, wrong_account};
use crate::script::{RunAs, Script};
use crate::value::Args;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Scripts {
    pub startup: Option<Script>,
    pub startup_timeout: Setting<Duration>,
    pub shutdown: Option<Script>,
    pub shutdown_timeout: Setting<Duration>,
    /// After resolving: the account scripts get that name none; none is the daemon's own.
    pub user: Option<RunAs>,
    /// The last `script_user` names nobody.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub user_broken: bool,
    pub security: bool,
    /// Scripts are executed by the path written, not by where its links lead.
    pub keep_links: bool,
    /// Every script gets its user's supplementary groups.
    pub supplementary_groups: bool,
}

impl Default for Scripts {
    fn default() -> Scripts {
        Scripts {
            startup: None,
            startup_timeout: Setting::new(Duration::from_secs(10)),
            shutdown: None,
            shutdown_timeout: Setting::new(Duration::from_secs(10)),
            user: None,
            user_broken: false,
            security: false,
            keep_links: false,
            supplementary_groups: false,
        }
    }
}

impl Scripts {
    pub fn policy(&self) -> Policy {
        Policy {
            user: self.user.clone(),
            user_broken: self.user_broken,
            security: self.security,
            keep_links: self.keep_links,
            supplementary: self.supplementary_groups,
        }
    }
}

pub(super) fn rows() -> Vec<Keyword<Global>> {
    vec![
        kw("use_symlink_paths")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("Execute scripts by the path written here even when it leads over symbolic links.")
            .since("2.3.0")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.scripts.keep_links = on;
                }
            }),
        kw("set_supplementary_groups")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("Give every script the supplementary groups of its user. A group written `:GROUP` does it for one.")
            .since("after 2.4.3")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.scripts.supplementary_groups = on;
                }
            }),
        kw("startup_script")
            .arg(Shape::Script)
            .default("none")
            .doc("Run once before anything else is started; the daemon waits for it.")
            .since("2.1.0")
            .again(Again::First)
            .set(|global, args| global.scripts.startup = args.script()),
        kw("startup_script_timeout")
            .arg(int(1, 1000))
            .default("10")
            .otherwise("the value before stays")
            .doc("Seconds after which the start-up script is killed.")
            .since("2.1.0")
            .set(|global, args| {
                if let Some(seconds) = args.num() {
                    global.scripts.startup_timeout.set(Duration::from_secs(seconds));
                }
            }),
        kw("shutdown_script")
            .arg(Shape::Script)
            .default("none")
            .doc("Run once when everything else has ended.")
            .since("2.1.0")
            .again(Again::First)
            .set(|global, args| global.scripts.shutdown = args.script()),
        kw("shutdown_script_timeout")
            .arg(int(1, 1000))
            .default("10")
            .otherwise("the value before stays")
            .doc("Seconds after which the shutdown script is killed.")
            .since("2.1.0")
            .set(|global, args| {
                if let Some(seconds) = args.num() {
                    global.scripts.shutdown_timeout.set(Duration::from_secs(seconds));
                }
            }),
        kw("script_user")
            .arg(Shape::Word("USER"))
            .opt(Shape::Word("[:]GROUP"))
            .default("keepalived_script if that account exists, else the daemon's own")
            .otherwise("scripts that name no account of their own are left out")
            .doc(
                "Account for scripts that name none. The group is the user's own unless given; `:` before it adds the \
                 user's supplementary groups.",
            )
            .since("<2.0")
            .set(script_user),
        kw("enable_script_security")
            .default("off")
            .doc(
                "Refuse scripts that run as root and that others than root could change, and do not fall back to the \
                 daemon's own account.",
            )
            .note("Without it every script that exists makes the configuration test end with 6.")
            .since("<2.0")
            .set(|global, _| global.scripts.security = true),
    ]
}

fn script_user(global: &mut Global, args: &mut Args<'_, '_>) {
    let Some(user) = args.run_as() else { return };
    global.scripts.user_broken = false;
    if let Err(code) = look_up(args.cx.host, &user) {
        args.reject(code, Class::General, user.span(), wrong_account(code, &user));
        global.scripts.user_broken = true;
    }
    global.scripts.user = Some(user);
}
