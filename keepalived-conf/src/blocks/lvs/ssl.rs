// SPDX-License-Identifier: MIT OR Apache-2.0
//! `SSL`: what a check over TLS presents.

use std::sync::LazyLock;

use super::codes::{REPLACED, SECOND_SSL};
use crate::blocks::Config;
use crate::diagnostic::Diagnostic;
use crate::schema::{Again, Block, Node, Seen, Shape, kw};
use crate::secret::Secret;
use crate::value::Args;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Ssl {
    pub password: Option<Secret>,
    pub ca: Option<String>,
    pub certificate: Option<String>,
    pub key: Option<String>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for Ssl {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

pub static BLOCK: LazyLock<Block<Ssl>> = LazyLock::new(|| {
    let again = "Written twice: an error, and the last one counts.";
    Block::new(
        "SSL",
        vec![
            kw("password")
                .arg(Shape::Word("PASSPHRASE"))
                .doc("Passphrase of the private key.")
                .note(again)
                .since("<2.0")
                .again(Again::Adds)
                .set(|ssl: &mut Ssl, args| {
                    let before = ssl.password.is_some();
                    if let Some(word) = args.word() {
                        replaced(before, args);
                        ssl.password = Some(Secret::new(word.text));
                    }
                }),
            kw("ca")
                .arg(Shape::Word("PATH"))
                .doc("File with the certificates of authorities.")
                .note("Loaded, but the server's certificate is not verified, as in keepalived.")
                .since("<2.0")
                .again(Again::Adds)
                .set(|ssl: &mut Ssl, args| path(&mut ssl.ca, args)),
            kw("certificate")
                .arg(Shape::Word("PATH"))
                .doc("File with the certificate to present, followed by its chain.")
                .note(again)
                .since("<2.0")
                .again(Again::Adds)
                .set(|ssl: &mut Ssl, args| path(&mut ssl.certificate, args)),
            kw("key")
                .arg(Shape::Word("PATH"))
                .doc("File with the private key in PEM form.")
                .note(again)
                .since("<2.0")
                .again(Again::Adds)
                .set(|ssl: &mut Ssl, args| path(&mut ssl.key, args)),
        ],
    )
});

fn path(target: &mut Option<String>, args: &mut Args<'_, '_>) {
    if let Some(path) = args.text() {
        replaced(target.is_some(), args);
        *target = Some(path);
    }
}

/// keepalived counts a second value as an error and uses it.
fn replaced(before: bool, args: &mut Args<'_, '_>) {
    if before {
        let finding = Diagnostic::error(REPLACED, format!("`{}` is set twice; the last one counts", args.keyword))
            .at(args.span(), "this one counts");
        args.push(finding);
    }
}

pub(crate) fn open(_: &mut Config, _: &mut Args<'_, '_>) -> Option<Ssl> {
    Some(Ssl::default())
}

pub(crate) fn close(config: &mut Config, ssl: Ssl, args: &mut Args<'_, '_>) {
    if let Some(before) = &config.lvs.ssl {
        let finding = Diagnostic::error(SECOND_SSL, "there can be only one `SSL` block")
            .at(ssl.seen.head, "this one counts")
            .at(before.seen.head, "left out");
        args.push(finding);
    }
    config.lvs.ssl = Some(Box::new(ssl));
}

#[cfg(test)]
mod tests;
