// SPDX-License-Identifier: MIT OR Apache-2.0
//! Named pipes that carry every change, and the programs that read them.

use super::Global;
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::schema::{Again, Keyword, Shape, kw};
use crate::script::settle::{look_up, wrong_account};
use crate::script::{RunAs, Script};
use crate::value::Args;

pub const SAME_PIPE: Code = Code::new("KC127", "two pipes with one path");

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Fifos {
    /// Gets the events of VRRP and of checkers.
    pub all: Fifo,
    pub vrrp: Fifo,
    pub lvs: Fifo,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Fifo {
    pub path: Option<String>,
    /// Who owns a pipe that is made; none is the daemon.
    pub owner: Option<RunAs>,
    /// Started to read the pipe, whose path it gets as its last argument; not without a path.
    pub script: Option<Script>,
}

pub(super) fn rows() -> Vec<Keyword<Global>> {
    vec![
        kw("notify_fifo")
            .arg(Shape::Word("PATH"))
            .opt(Shape::Word("USER"))
            .opt(Shape::Word("[:]GROUP"))
            .default("none")
            .doc("Named pipe that gets every change of VRRP and of servers. Made when it is not there.")
            .since("<2.0")
            .again(Again::First)
            .set(|global, args| pipe(&mut global.fifo.all, args)),
        kw("notify_fifo_script")
            .arg(Shape::Script)
            .default("none")
            .doc("Program started to read `notify_fifo`; the path of the pipe is its last argument.")
            .since("<2.0")
            .again(Again::First)
            .set(|global, args| global.fifo.all.script = args.script()),
        kw("vrrp_notify_fifo")
            .arg(Shape::Word("PATH"))
            .opt(Shape::Word("USER"))
            .opt(Shape::Word("[:]GROUP"))
            .default("none")
            .doc("Named pipe that gets the changes of VRRP.")
            .since("<2.0")
            .again(Again::First)
            .set(|global, args| pipe(&mut global.fifo.vrrp, args)),
        kw("vrrp_notify_fifo_script")
            .arg(Shape::Script)
            .default("none")
            .doc("Program started to read `vrrp_notify_fifo`.")
            .since("<2.0")
            .again(Again::First)
            .set(|global, args| global.fifo.vrrp.script = args.script()),
        kw("lvs_notify_fifo")
            .arg(Shape::Word("PATH"))
            .opt(Shape::Word("USER"))
            .opt(Shape::Word("[:]GROUP"))
            .default("none")
            .doc("Named pipe that gets the changes of virtual and real servers.")
            .since("<2.0")
            .again(Again::First)
            .set(|global, args| pipe(&mut global.fifo.lvs, args)),
        kw("lvs_notify_fifo_script")
            .arg(Shape::Script)
            .default("none")
            .doc("Program started to read `lvs_notify_fifo`.")
            .since("<2.0")
            .again(Again::First)
            .set(|global, args| global.fifo.lvs.script = args.script()),
    ]
}

fn pipe(fifo: &mut Fifo, args: &mut Args<'_, '_>) {
    let Some(path) = args.text() else { return };
    let owner = if args.given() { args.run_as() } else { None };
    if let Some(owner) = &owner
        && let Err(code) = look_up(args.cx.host, owner)
    {
        let finding = Diagnostic::error(code, format!("`{}` left out: {}", args.keyword, wrong_account(code, owner)))
            .class(Class::Logged)
            .at(owner.span(), "nobody to give the pipe to");
        args.push(finding);
        return;
    }
    fifo.path = Some(path);
    fifo.owner = owner;
}
