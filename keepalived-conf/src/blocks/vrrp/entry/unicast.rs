// SPDX-License-Identifier: MIT OR Apache-2.0
//! Unicast peers: `ADDRESS [min_ttl NUMBER] [max_ttl NUMBER]`.

use std::net::IpAddr;

use super::{BAD_VALUE, NO_VALUE, unknown_option};
use crate::diagnostic::{Class, Diagnostic};
use crate::span::Place;
use crate::value::Args;

/// The syntax of an entry.
pub const SYNTAX: &str = "ADDRESS [min_ttl 0..255] [max_ttl 0..255]";

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Peer {
    pub ip: IpAddr,
    /// Adverts with a smaller TTL or hop limit are dropped; 0 when only the other bound is given.
    pub min_ttl: Option<u8>,
    pub max_ttl: Option<u8>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub place: Place,
}

impl Peer {
    /// Reads an entry; `None` when it is left out.
    pub fn read(args: &mut Args<'_, '_>) -> Option<Peer> {
        let word = args.next_word()?;
        let ip = args.address_of(word)?;
        let mut peer = Peer { ip, min_ttl: None, max_ttl: None, place: Place(word.span) };
        while let Some(option) = args.next_word() {
            if !["min_ttl", "max_ttl"].contains(&option.text) {
                unknown_option(args, option, &["min_ttl", "max_ttl"], "the rest of the line is ignored");
                args.rest();
                break;
            }
            let Some(value) = args.next_word() else {
                let finding = Diagnostic::error(NO_VALUE, format!("`{}` wants a number", option.text))
                    .at(option.span, "ignored: nothing follows");
                args.push(finding);
                break;
            };
            let ttl = args.number_of(value, 0, 255, true).and_then(|ttl| u8::try_from(ttl).ok());
            if option.text == "min_ttl" {
                peer.min_ttl = ttl.or(peer.min_ttl);
            } else {
                peer.max_ttl = ttl.or(peer.max_ttl);
            }
        }
        if let (Some(min), Some(max)) = (peer.min_ttl, peer.max_ttl)
            && min > max
        {
            let finding = Diagnostic::error(BAD_VALUE, format!("`min_ttl {min}` is above `max_ttl {max}`"))
                .class(Class::General)
                .at(args.span(), "every advert of this peer is dropped");
            args.push(finding);
        }
        Some(peer)
    }

    /// The range of TTLs that is taken, when one was given.
    pub fn ttl_range(&self) -> Option<(u8, u8)> {
        if self.min_ttl.is_none() && self.max_ttl.is_none() {
            return None;
        }
        Some((self.min_ttl.unwrap_or(0), self.max_ttl.unwrap_or(255)))
    }
}
