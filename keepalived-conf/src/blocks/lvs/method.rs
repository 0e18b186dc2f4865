// SPDX-License-Identifier: MIT OR Apache-2.0
//! `lvs_method`: how packets reach a real server.

use std::fmt;

use super::codes::{METHOD, TUNNEL};
use crate::diagnostic::{Class, Diagnostic};
use crate::span::Span;
use crate::value::Args;

/// What the argument of `lvs_method` looks like.
pub(crate) const SYNTAX: &str = "NAT|DR|TUN [type ipip|gue|gre] [port N] [nocsum|csum|remcsum]";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Method {
    #[default]
    Nat,
    /// Direct routing: the frame is sent on unchanged.
    Dr,
    Tun(Tunnel),
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Nat => "NAT",
            Method::Dr => "DR",
            Method::Tun(_) => "TUN",
        }
    }

    /// Whether server and service may be of different families.
    pub fn tunnels(self) -> bool {
        matches!(self, Method::Tun(_))
    }

    /// Whether the real server may listen on a port of its own.
    pub fn translates_port(self) -> bool {
        matches!(self, Method::Nat)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Tunnel {
    pub kind: TunnelKind,
    pub checksum: Checksum,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum TunnelKind {
    #[default]
    Ipip,
    Gue {
        port: u16,
    },
    Gre,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Checksum {
    #[default]
    Nocsum,
    Csum,
    Remcsum,
}

/// The words after the method, as far as they can be read.
#[derive(Default)]
struct Options {
    kind: Option<&'static str>,
    port: Option<u16>,
    checksum: Checksum,
    span: Span,
}

/// Reads a method with its options. When the options are wrong the bare method is used.
pub(crate) fn method(args: &mut Args<'_, '_>) -> Option<Method> {
    let word = args.word()?;
    let method = match word.text {
        "NAT" => Method::Nat,
        "DR" => Method::Dr,
        "TUN" => Method::Tun(Tunnel::default()),
        _ => {
            let mut finding = args.rejection(METHOD, Class::General).at(word.span, "expected NAT, DR or TUN");
            if let Some(near) = ["NAT", "DR", "TUN"].into_iter().find(|name| name.eq_ignore_ascii_case(word.text)) {
                finding = finding.hint(format!("did you mean `{near}`?"));
            }
            args.push(finding);
            args.rest();
            return None;
        }
    };
    if !args.given() {
        return Some(method);
    }
    let Some(options) = options(args) else {
        args.rest();
        return Some(method);
    };
    let tunnel = tunnel(&options, args);
    match (method, tunnel) {
        (Method::Tun(_), Some(tunnel)) => Some(Method::Tun(tunnel)),
        (Method::Nat | Method::Dr, Some(_)) => {
            let finding = Diagnostic::lint(TUNNEL, format!("`{method}` has no tunnel"))
                .at(options.span, "these words have no effect")
                .hint("write `TUN` if a tunnel is meant");
            args.push(finding);
            Some(method)
        }
        (Method::Nat | Method::Dr | Method::Tun(_), None) => Some(method),
    }
}

fn options(args: &mut Args<'_, '_>) -> Option<Options> {
    let mut options = Options::default();
    let mut from = None;
    while let Some(word) = args.next_word() {
        options.span = from.get_or_insert(word.span).to(word.span);
        match word.text {
            "type" => {
                let kind = args.next_word();
                options.kind = match kind.map(|kind| kind.text) {
                    Some("ipip") => Some("ipip"),
                    Some("gue") => Some("gue"),
                    Some("gre") => Some("gre"),
                    _ => {
                        wrong(args, kind.map_or(word.span, |kind| kind.span), "expected ipip, gue or gre");
                        return None;
                    }
                };
            }
            "port" => {
                let Some(port) = args.next_word() else {
                    wrong(args, word.span, "expected a port after this");
                    return None;
                };
                options.port = args.number_of(port, 1, 65535, true).and_then(|port| u16::try_from(port).ok());
                options.port?;
            }
            "nocsum" => options.checksum = Checksum::Nocsum,
            "csum" => options.checksum = Checksum::Csum,
            "remcsum" => options.checksum = Checksum::Remcsum,
            _ => {
                wrong(args, word.span, "expected type, port, nocsum, csum or remcsum");
                return None;
            }
        }
    }
    Some(options)
}

/// The tunnel the options describe, if there is such a tunnel.
fn tunnel(options: &Options, args: &mut Args<'_, '_>) -> Option<Tunnel> {
    let kind = match (options.kind.unwrap_or("ipip"), options.port) {
        ("gue", Some(port)) => TunnelKind::Gue { port },
        ("gue", None) => {
            wrong(args, options.span, "a gue tunnel needs `port N`");
            return None;
        }
        (_, Some(_)) => {
            wrong(args, options.span, "only a gue tunnel has a port");
            return None;
        }
        ("gre", None) => TunnelKind::Gre,
        (_, None) => TunnelKind::Ipip,
    };
    let refused = match (kind, options.checksum) {
        (TunnelKind::Ipip, Checksum::Csum | Checksum::Remcsum) => "an ipip tunnel has no checksum",
        (TunnelKind::Gre, Checksum::Remcsum) => "a gre tunnel has no remote checksum",
        (TunnelKind::Ipip, Checksum::Nocsum)
        | (TunnelKind::Gre, Checksum::Nocsum | Checksum::Csum)
        | (TunnelKind::Gue { .. }, _) => return Some(Tunnel { kind, checksum: options.checksum }),
    };
    wrong(args, options.span, refused);
    None
}

fn wrong(args: &mut Args<'_, '_>, span: Span, label: &str) {
    let message = format!("`{}`: {}", args.keyword, TUNNEL.title);
    let finding =
        Diagnostic::error(TUNNEL, message).at(span, label).note("then: the method is used without its options");
    args.push(finding);
}
