// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking an interface whether it has a carrier, for drivers that do not tell.

use std::io;
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// Requests and registers, by the kernel's numbers.
const SIOCETHTOOL: u32 = 0x8946;
const SIOCGMIIPHY: u32 = 0x8947;
const SIOCGMIIREG: u32 = 0x8948;
const ETHTOOL_GLINK: u32 = 0x0a;
/// The register of states, and in it the bit for the link.
const BMSR: u16 = 1;
const BMSR_LINK: u16 = 4;
/// Longest name, its zero included.
const NAME_MAX: usize = 16;

/// How the interface is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Mii,
    Ethtool,
    Flags,
}

/// The kernel's `ifreq`, as far as any of the requests looks.
#[repr(C, align(8))]
struct Request {
    name: [u8; NAME_MAX],
    body: [u8; 24],
}

/// Whether the interface has a carrier; without a method the first one it answers to. A socket for each question: nothing
/// of it is worth keeping for a second.
pub fn has_carrier(name: &str, method: Option<Method>) -> io::Result<bool> {
    let asker = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let ask = |method| match method {
        Method::Mii => mii(asker.as_raw_fd(), name),
        Method::Ethtool => ethtool(asker.as_raw_fd(), name),
        Method::Flags => flags(asker.as_raw_fd(), name),
    };
    match method {
        Some(method) => ask(method),
        None => ask(Method::Mii).or_else(|_| ask(Method::Ethtool)).or_else(|_| ask(Method::Flags)),
    }
}

fn mii(asker: i32, name: &str) -> io::Result<bool> {
    let mut request = Request::about(name)?;
    request.ask(asker, SIOCGMIIPHY)?;
    // The answer names the transceiver in its first two octets; the register follows, then what stands in it.
    request.body[2..4].copy_from_slice(&BMSR.to_ne_bytes());
    // Its bit for the link keeps a loss until it was read, so the second reading is the present state.
    for _ in 0..2 {
        request.ask(asker, SIOCGMIIREG)?;
    }
    Ok(u16::from_ne_bytes([request.body[6], request.body[7]]) & BMSR_LINK != 0)
}

fn ethtool(asker: i32, name: &str) -> io::Result<bool> {
    let mut answer: [u32; 2] = [ETHTOOL_GLINK, 0];
    let mut request = Request::about(name)?;
    let place = (&raw mut answer).expose_provenance();
    request.body[..size_of::<usize>()].copy_from_slice(&place.to_ne_bytes());
    request.ask(asker, SIOCETHTOOL)?;
    // The kernel wrote behind the compiler's back.
    Ok(std::hint::black_box(answer)[1] != 0)
}

fn flags(asker: i32, name: &str) -> io::Result<bool> {
    let mut request = Request::about(name)?;
    request.ask(asker, u32::try_from(libc::SIOCGIFFLAGS).unwrap_or(u32::MAX))?;
    let flags = i32::from(i16::from_ne_bytes([request.body[0], request.body[1]]));
    Ok(flags & libc::IFF_RUNNING != 0)
}

impl Request {
    fn about(name: &str) -> io::Result<Request> {
        let mut request = Request { name: [0; NAME_MAX], body: [0; 24] };
        if name.len() >= NAME_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        Ok(request)
    }

    #[allow(unsafe_code)]
    fn ask(&mut self, asker: i32, question: u32) -> io::Result<()> {
        // SAFETY: the request is as long as the kernel's, and lives for the call, as does the answer an ethtool request
        // points to.
        match unsafe { libc::ioctl(asker, question as libc::Ioctl, &raw mut *self) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_carries_and_knows_no_transceiver() {
        assert!(has_carrier("lo", None).unwrap());
        assert!(has_carrier("lo", Some(Method::Flags)).unwrap());
        assert!(has_carrier("lo", Some(Method::Mii)).is_err());
    }

    #[test]
    fn an_interface_that_is_not_there_is_an_error() {
        assert!(has_carrier("no-such-if", None).is_err());
        assert!(has_carrier("a-name-that-is-far-too-long", None).is_err());
    }
}
