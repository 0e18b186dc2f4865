// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line, as keepalived's genhash has it, and two options of our own.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use genhash::{Kind, Protocol};
use lexopt::{Arg, Parser, ValueExt};

pub(crate) use genhash::usage::USAGE;

/// What is to be fetched, and how.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) address: SocketAddr,
    pub(crate) url: String,
    pub(crate) virtual_host: Option<String>,
    pub(crate) protocol: Protocol,
    pub(crate) timeout: Option<Duration>,
    pub(crate) mark: Option<u32>,
    pub(crate) tls: bool,
    pub(crate) sni: bool,
    pub(crate) kind: Kind,
    pub(crate) lines: bool,
    pub(crate) verbose: bool,
}

fn word(parser: &mut Parser) -> Result<String, String> {
    parser.value().and_then(|value| value.string()).map_err(|error| error.to_string())
}

/// Reads the command line. An empty sentence asks for help.
pub(crate) fn read(mut parser: Parser) -> Result<Wanted, String> {
    let (mut server, mut port, mut url) = (None, None, None);
    let mut wanted = Wanted {
        address: SocketAddr::new(IpAddr::from([0, 0, 0, 0]), 0),
        url: String::new(),
        virtual_host: None,
        protocol: Protocol::default(),
        timeout: None,
        mark: None,
        tls: false,
        sni: false,
        kind: Kind::default(),
        lines: false,
        verbose: false,
    };
    let bad = |error: lexopt::Error| error.to_string();
    while let Some(arg) = parser.next().map_err(bad)? {
        match arg {
            Arg::Short('s') | Arg::Long("server") => {
                let text = word(&mut parser)?;
                let address: IpAddr = text.parse().map_err(|_| format!("`{text}` is not an address"))?;
                server = Some(address);
            }
            Arg::Short('p') | Arg::Long("port") => {
                let text = word(&mut parser)?;
                let number = text.parse().ok().filter(|number: &u16| *number > 0);
                port = Some(number.ok_or_else(|| format!("`{text}` is not a port"))?);
            }
            Arg::Short('u') | Arg::Long("url") => url = Some(word(&mut parser)?),
            Arg::Short('V') | Arg::Long("use-virtualhost") => wanted.virtual_host = Some(word(&mut parser)?),
            Arg::Short('P') | Arg::Long("protocol") => {
                let text = word(&mut parser)?;
                wanted.protocol = Protocol::parse(&text).ok_or_else(|| format!("`{text}` is not a protocol"))?;
            }
            Arg::Short('t') | Arg::Long("timeout") => {
                let text = word(&mut parser)?;
                let seconds: u32 = text.parse().map_err(|_| format!("`{text}` is not a number of seconds"))?;
                wanted.timeout = Some(Duration::from_secs(seconds.into()));
            }
            Arg::Short('m') | Arg::Long("fwmark") => {
                let text = word(&mut parser)?;
                wanted.mark = Some(text.parse().map_err(|_| format!("`{text}` is not a mark"))?);
            }
            Arg::Short('S') | Arg::Long("use-ssl") => wanted.tls = true,
            Arg::Short('I') | Arg::Long("use-sni") => wanted.sni = true,
            Arg::Long("sha256") => wanted.kind = Kind::Sha256,
            Arg::Long("lines") => wanted.lines = true,
            Arg::Short('v') | Arg::Long("verbose") => wanted.verbose = true,
            Arg::Short('h') | Arg::Long("help") => return Err(String::new()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let (Some(server), Some(port), Some(url)) = (server, port, url) else {
        return Err("-s, -p and -u are all needed".to_owned());
    };
    wanted.address = SocketAddr::new(server, port);
    wanted.url = url;
    Ok(wanted)
}
