// SPDX-License-Identifier: MIT OR Apache-2.0
//! `HTTP_GET` and `SSL_GET`: pages are asked for. One struct, two tables.

use std::sync::LazyLock;

use super::check::{self, Checker, Common, Connection, Connects, Timed, Timing};
use super::codes::{NO_URL, REPLACED, SNI_NAME};
use super::defaults::BOOL;
use super::real_server::{self, RealServer};
use super::shared::Shared;
use super::url::{self, Url};
use crate::diagnostic::{Class, Diagnostic};
use crate::schema::{Again, Block, Keyword, Node, Seen, Shape, Status, int, kw};
use crate::value::Args;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct HttpCheck {
    /// `SSL_GET`, not `HTTP_GET`.
    pub tls: bool,
    pub timing: Shared<Timing>,
    pub connection: Connection,
    /// After resolving, the name in force.
    pub virtualhost: Option<Shared<str>>,
    pub protocol: HttpProtocol,
    pub enable_sni: bool,
    pub sni_name: Option<Box<str>>,
    pub fast_recovery: bool,
    pub tls_compliant: bool,
    pub urls: Vec<Url>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl HttpCheck {
    /// Takes over texts that are equal.
    pub(crate) fn share_with(&mut self, other: &HttpCheck) {
        share(&mut self.virtualhost, &other.virtualhost);
        for (own, other) in self.urls.iter_mut().zip(&other.urls) {
            share(&mut own.virtualhost, &other.virtualhost);
            if own.path == other.path {
                own.path = other.path.clone();
            }
        }
    }
}

fn share(own: &mut Option<Shared<str>>, other: &Option<Shared<str>>) {
    if own.is_some() && own == other {
        own.clone_from(other);
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum HttpProtocol {
    #[default]
    Http10,
    /// 1.0 with a header that asks to close the connection.
    Http10Close,
    Http11,
}

impl Node for HttpCheck {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl Timed for HttpCheck {
    fn timing(&mut self) -> &mut Timing {
        self.timing.to_mut()
    }
}

impl Connects for HttpCheck {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

pub static HTTP: LazyLock<Block<HttpCheck>> = LazyLock::new(|| {
    let mut rows = common();
    rows.push(url_row().block(&url::HTTP, url::open, url::close));
    Block::new("HTTP_GET", rows)
});

pub static SSL: LazyLock<Block<HttpCheck>> = LazyLock::new(|| {
    let mut rows = common();
    rows.push(
        kw("tls_compliant")
            .opt(BOOL)
            .default("off")
            .otherwise("the line is ignored")
            .doc("Ends the TLS session properly before the connection is closed.")
            .since("2.2.8")
            .set(|check: &mut HttpCheck, args| {
                if let Some(on) = args.bool() {
                    check.tls_compliant = on;
                }
            }),
    );
    rows.push(url_row().block(&url::SSL, url::open, url::close));
    Block::new("SSL_GET", rows)
});

fn url_row() -> crate::schema::RowBuilder {
    kw("url")
        .doc("One request to make; at least one is needed.")
        .otherwise("without any the check is left out")
        .note("Several are asked for one after the other, one every delay_loop.")
        .since("<2.0")
        .again(Again::Adds)
}

fn common() -> Vec<Keyword<HttpCheck>> {
    let mut rows = check::rows(&Common { delay_before_retry: "the real server's, else 3", ..Common::OLD });
    rows.extend([
        kw("nb_get_retry")
            .must(int(0, u32::MAX as i64))
            .otherwise("the line is ignored")
            .doc("Older spelling of `retry`.")
            .since("<2.0")
            .status(Status::Deprecated("write `retry`"))
            .graded(Class::General)
            .set(|check: &mut HttpCheck, args| {
                if let Some(retry) = args.num() {
                    check.timing().retry.set(retry);
                }
            }),
        kw("virtualhost")
            .arg(Shape::Word("NAME"))
            .default("the real server's, else the virtual server's, else address and port")
            .doc("Name of the host to ask for.")
            .since("<2.0")
            .set(|check: &mut HttpCheck, args| {
                if let Some(word) = args.word() {
                    check.virtualhost = Some(word.text.into());
                }
            }),
        kw("http_protocol")
            .arg(Shape::Choice(&["1.0", "1.0C", "1.0c", "1.1"]))
            .default("1.0")
            .otherwise("the line is ignored")
            .doc("Version of HTTP; 1.0C asks the server to close the connection, which 1.1 always does.")
            .since("2.0.17")
            .set(|check: &mut HttpCheck, args| {
                check.protocol = match args.choice() {
                    Some("1.1") => HttpProtocol::Http11,
                    Some("1.0C" | "1.0c") => HttpProtocol::Http10Close,
                    Some(_) => HttpProtocol::Http10,
                    None => check.protocol,
                };
            }),
        kw("enable_sni")
            .opt(BOOL)
            .default("off")
            .otherwise("the line is ignored")
            .doc("Names the host while TLS is set up: `sni_name`, else the virtual host.")
            .note("Without effect in HTTP_GET.")
            .since("<2.0")
            .set(|check: &mut HttpCheck, args| {
                if let Some(on) = args.bool() {
                    check.enable_sni = on;
                }
            }),
        kw("sni_name")
            .opt(Shape::Word("NAME"))
            .default("the virtual host")
            .doc("Host to name while TLS is set up; switches `enable_sni` on.")
            .note("Without effect in HTTP_GET. Written twice: an error, and the last one counts.")
            .since("after 2.4.3")
            .again(Again::Adds)
            .set(sni_name),
        kw("fast_recovery")
            .opt(BOOL)
            .default("off")
            .otherwise("the line is ignored")
            .doc("At the start and on recovery several urls are asked for without a wait between them.")
            .since("2.0.17")
            .set(|check: &mut HttpCheck, args| {
                if let Some(on) = args.bool() {
                    check.fast_recovery = on;
                }
            }),
    ]);
    rows
}

fn sni_name(check: &mut HttpCheck, args: &mut Args<'_, '_>) {
    match (args.next_word(), &check.sni_name) {
        (None, Some(_)) => {
            let finding = Diagnostic::error(SNI_NAME, "`sni_name` without a name after one with a name")
                .at(args.span(), "ignored");
            args.push(finding);
            return;
        }
        (None, None) => {}
        (Some(word), before) => {
            if before.is_some() {
                let finding = Diagnostic::error(REPLACED, "`sni_name` is set twice; the last one counts")
                    .at(word.span, "this one counts");
                args.push(finding);
            }
            check.sni_name = Some(word.text.into());
        }
    }
    check.enable_sni = true;
}

fn open(server: &mut RealServer, tls: bool) -> HttpCheck {
    HttpCheck {
        tls,
        timing: Timing::built_in(),
        connection: Connection::to(real_server::target(server)),
        virtualhost: None,
        protocol: HttpProtocol::default(),
        enable_sni: false,
        sni_name: None,
        fast_recovery: false,
        tls_compliant: false,
        urls: Vec::new(),
        seen: Seen::default(),
    }
}

pub(crate) fn open_plain(server: &mut RealServer, _: &mut Args<'_, '_>) -> Option<HttpCheck> {
    Some(open(server, false))
}

pub(crate) fn open_tls(server: &mut RealServer, _: &mut Args<'_, '_>) -> Option<HttpCheck> {
    Some(open(server, true))
}

pub(crate) fn close(server: &mut RealServer, mut check: HttpCheck, args: &mut Args<'_, '_>) {
    if check.urls.is_empty() {
        let finding = Diagnostic::error(NO_URL, format!("`{}` without a usable `url`", args.keyword))
            .at(check.seen.head, "left out")
            .note("then: without another check the server always counts as up");
        args.push(finding);
        return;
    }
    check.urls.shrink_to_fit();
    real_server::keep(server, check, args, Checker::Http);
}

#[cfg(test)]
mod tests;
