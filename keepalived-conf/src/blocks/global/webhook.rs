// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses of webhooks. Whoever knows one may post to it, so no message, dump or answer shows more than its host.

use std::fmt;

use crate::diagnostic::{Class, Code};
use crate::secret::Secret;
use crate::value::Args;

pub const NOT_A_WEB_ADDRESS: Code = Code::new("KC143", "not a web address");

/// `http://HOST[:PORT][/PATH]` or the same with `https`.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    url: Secret,
    place: String,
}

impl Webhook {
    /// Understands an address, or says what is wrong with it without repeating it.
    pub fn read(text: &str) -> Result<Webhook, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("an address begins with http:// or https://")?;
        if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err("an address begins with http:// or https://");
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err("an address has no blanks, backslashes or control characters; write them as %20 and so on");
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        host_is_sound(host)?;
        let hidden = user.is_some() || !matches!(tail, "" | "/");
        let place = format!("{scheme}://{host}{}", if hidden { "/…" } else { tail });
        Ok(Webhook { url: Secret::new(text), place })
    }

    /// Where events go. For the one who connects only.
    pub fn expose(&self) -> &str {
        // What was read was text.
        std::str::from_utf8(self.url.expose()).unwrap_or_default()
    }

    /// `https://host.example/…`: what may be shown.
    pub fn place(&self) -> &str {
        &self.place
    }
}

/// A name, or an address, and perhaps a port.
fn host_is_sound(host: &str) -> Result<(), &'static str> {
    let after_address = host.strip_prefix('[').map(|inside| inside.split_once(']'));
    let (is_sound, port) = match after_address {
        Some(Some((address, after))) => {
            (address.parse::<std::net::Ipv6Addr>().is_ok() && (after.is_empty() || after.starts_with(':')), {
                after.strip_prefix(':')
            })
        }
        Some(None) => (false, None),
        None => {
            let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
            let is_fit = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
            (!name.is_empty() && name.chars().all(is_fit) && !name.starts_with('.'), port)
        }
    };
    if !is_sound {
        return Err(
            "after http:// or https:// follows the name of a host, an IPv4 address, or an IPv6 address in brackets",
        );
    }
    let is_port =
        |port: &str| port.bytes().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    if port.is_some_and(|port| !is_port(port)) {
        return Err("after the host and its colon follows a port from 1 to 65535");
    }
    Ok(())
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Webhook {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.place)
    }
}

/// The next word as an address; one that cannot be used is told with its place.
pub(super) fn webhook(args: &mut Args<'_, '_>) -> Option<Webhook> {
    let word = args.word()?;
    match Webhook::read(word.text) {
        Ok(webhook) => Some(webhook),
        Err(why) => {
            args.reject(NOT_A_WEB_ADDRESS, Class::General, word.span, why);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Webhook;

    #[test]
    fn only_the_host_of_an_address_is_shown() {
        let table = [
            ("https://hooks.example/services/T0/s3cr3t", "https://hooks.example/…"),
            ("https://hooks.example?key=s3cr3t", "https://hooks.example/…"),
            ("https://hooks.example#s3cr3t", "https://hooks.example/…"),
            ("https://me:s3cr3t@hooks.example/x?y", "https://hooks.example/…"),
            ("https://me:s3cr3t@hooks.example", "https://hooks.example/…"),
            ("https://s3cr3t@x@hooks.example:8443", "https://hooks.example:8443/…"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/", "http://[::1]:8080/"),
            ("HTTPS://hooks.example/s3cr3t", "HTTPS://hooks.example/…"),
        ];
        for (url, shown) in table {
            let webhook = Webhook::read(url).unwrap();
            assert_eq!((webhook.place(), webhook.expose()), (shown, url));
            assert_eq!(format!("{webhook:?}"), shown);
        }
    }

    #[test]
    fn what_is_no_address_of_the_web_is_refused_without_being_repeated() {
        let table = [
            ("hooks.example/s3cr3t", "begins with http:// or https://"),
            ("ftp://hooks.example/s3cr3t", "begins with http:// or https://"),
            ("https:/hooks.example/s3cr3t", "begins with http:// or https://"),
            ("https:///s3cr3t", "the name of a host"),
            ("https://", "the name of a host"),
            ("https://me:s3cr3t@", "the name of a host"),
            ("https://s3cr3t%2f/", "the name of a host"),
            ("https://[fd00::1/s3cr3t", "the name of a host"),
            ("https://[s3cr3t]/", "the name of a host"),
            ("https://[::1]s3cr3t/", "the name of a host"),
            ("https://hooks.example:0/s3cr3t", "a port from 1 to 65535"),
            ("https://hooks.example:/s3cr3t", "a port from 1 to 65535"),
            ("https://hooks.example:s3cr3t/", "a port from 1 to 65535"),
            ("https://hooks.example:+80/", "a port from 1 to 65535"),
            ("https://hooks.example:65536/", "a port from 1 to 65535"),
            ("https://hooks.example/s3 cr3t", "no blanks"),
            ("https://hooks.example\\@evil.example/", "no blanks"),
        ];
        for (url, why) in table {
            let refused = Webhook::read(url).unwrap_err();
            assert!(refused.contains(why) && !refused.contains("s3"), "{url}: {refused}");
        }
    }
}
