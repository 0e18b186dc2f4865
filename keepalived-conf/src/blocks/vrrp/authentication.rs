// SPDX-License-Identifier: MIT OR Apache-2.0
//! `authentication` of a version 2 instance.

use std::sync::LazyLock;

use super::instance::VrrpInstance;
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::schema::{Again, Block, Node, Seen, Shape, kw};
use crate::secret::Secret;
use crate::value::Args;

pub const PASSWORD_CUT: Code = Code::new("KC167", "a password longer than can be sent");

/// How many octets of a password an advert carries.
pub const PASSWORD_MAX: usize = 8;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Authentication {
    pub auth_type: Option<AuthType>,
    /// At most [`PASSWORD_MAX`] octets.
    pub auth_pass: Secret,
    /// How long the password was before it was cut.
    pub written_length: usize,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum AuthType {
    /// The password travels in clear text.
    Pass,
    /// The IPsec authentication header, with the password as its key.
    Ah,
}

impl Node for Authentication {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

pub static BLOCK: LazyLock<Block<Authentication>> = LazyLock::new(|| {
    Block::new(
        "authentication",
        vec![
            kw("auth_type")
                .must(Shape::Choice(&["PASS", "AH"]))
                .otherwise("ignored")
                .doc("PASS sends the password in clear text; AH signs adverts with it (IPv4 only).")
                .note("The current standard has neither; version 3 ignores both.")
                .since("<2.0")
                .set(|authentication, args| match args.choice() {
                    Some("PASS") => authentication.auth_type = Some(AuthType::Pass),
                    Some(_) => authentication.auth_type = Some(AuthType::Ah),
                    None => {}
                }),
            kw("auth_pass")
                .must(Shape::Word("PASSWORD"))
                .otherwise("cut after 8 characters")
                .doc("The password, equal on all routers; 8 characters count.")
                .since("<2.0")
                .again(Again::Last)
                .set(password),
        ],
    )
});

fn password(authentication: &mut Authentication, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    if args.rest().next().is_some() {
        let finding = Diagnostic::lint(crate::value::SURPLUS, "`auth_pass` takes one word")
            .at(word.span, "only this one counts")
            .hint("put a password with blanks in double quotes");
        args.push(finding);
    }
    let bytes = word.text.as_bytes();
    authentication.written_length = bytes.len();
    let kept = bytes.get(..PASSWORD_MAX).unwrap_or(bytes);
    authentication.auth_pass = Secret::new(kept);
    if kept.len() < bytes.len() {
        let message = format!("`auth_pass` has {} characters, an advert carries {PASSWORD_MAX}", bytes.len());
        let finding = Diagnostic::error(PASSWORD_CUT, message)
            .class(Class::General)
            .at(word.span, "cut")
            .hint(format!("write {PASSWORD_MAX} characters, the same on all routers"));
        args.push(finding);
    }
}

pub(super) fn open(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) -> Option<Authentication> {
    args.rest();
    Some(instance.authentication.take().unwrap_or_default())
}

pub(super) fn close(instance: &mut VrrpInstance, authentication: Authentication, _: &mut Args<'_, '_>) {
    instance.authentication = Some(authentication);
}
