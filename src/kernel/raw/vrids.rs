// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a receiver is woken by: a program for the kernel that drops adverts of virtual routers nobody here belongs to.
//!
//! Others may have 254 routers on a segment, each with 100 adverts a second; none of them costs us more than the
//! kernel's look at one octet.

use std::collections::BTreeSet;

use libc::sock_filter;
use socket2::SockFilter;

use super::Protocol;
use crate::kernel::Family;

/// Where a VRID stands in an advert.
const VRID_AT: u32 = 1;
/// The authentication header as VRRP has it: twelve octets, and twelve of the digest.
const AH_LENGTH: u32 = 24;
/// VRIDs that one comparison of the program decides about.
const WORD: u8 = u32::BITS as u8;

const EVERYTHING: u32 = u32::MAX;
const NOTHING: u32 = 0;

/// The virtual routers whose adverts are let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vrids {
    All,
    These(BTreeSet<u8>),
}

impl Vrids {
    /// Those of both.
    pub fn and(self, others: &Vrids) -> Vrids {
        match (self, others) {
            (Vrids::These(mut these), Vrids::These(those)) => {
                these.extend(those);
                Vrids::These(these)
            }
            (Vrids::All, _) | (_, Vrids::All) => Vrids::All,
        }
    }

    pub(super) fn filter(&self, family: Family, protocol: Protocol) -> Vec<SockFilter> {
        let program = match self {
            Vrids::All => vec![next(libc::BPF_RET | libc::BPF_K, EVERYTHING)],
            Vrids::These(vrids) => program(family, protocol, vrids),
        };
        program.iter().map(|step| SockFilter::new(step.code, step.jt, step.jf, step.k)).collect()
    }
}

/// What lets nothing in, for a socket that is not ready yet.
pub(super) fn closed() -> [SockFilter; 1] {
    [SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, NOTHING)]
}

fn next(code: u32, k: u32) -> sock_filter {
    step(code, (0, 0), k)
}

fn step(code: u32, (jt, jf): (u8, u8), k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}

/// Each word of 32 VRIDs that has one of ours is a comparison; the bit of the advert's is shifted to where it can be
/// looked at. So 255 routers cost little more than one.
fn program(family: Family, protocol: Protocol, vrids: &BTreeSet<u8>) -> Vec<sock_filter> {
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const SCRATCH: u32 = 0;
    let at = VRID_AT
        + match protocol {
            Protocol::Vrrp => 0,
            Protocol::Ah => AH_LENGTH,
        };
    let mut program = vec![
        // Where the IP payload begins.
        match family {
            Family::V4 => next(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0),
            Family::V6 => next(libc::BPF_LDX | libc::BPF_IMM, 0),
        },
        // What is too short to name a router comes in: it is counted.
        next(libc::BPF_LD | libc::BPF_W | libc::BPF_LEN, 0),
        next(libc::BPF_ALU | libc::BPF_SUB | libc::BPF_X, 0),
        step(libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K, (1, 0), at),
        next(RETURN, EVERYTHING),
        next(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, at),
        next(libc::BPF_ST, SCRATCH),
        next(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, u32::from(WORD) - 1),
        next(libc::BPF_MISC | libc::BPF_TAX, 0),
        next(libc::BPF_LD | libc::BPF_MEM, SCRATCH),
        next(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, WORD.ilog2()),
    ];
    for index in 0..=u8::MAX / WORD {
        let ours = vrids.iter().filter(|vrid| **vrid / WORD == index);
        let word = ours.fold(0_u32, |word, vrid| word | 1 << (vrid % WORD));
        if word == 0 {
            continue;
        }
        program.extend([
            step(EQUAL, (0, 6), index.into()),
            next(libc::BPF_LD | libc::BPF_IMM, word),
            next(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_X, 0),
            next(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 1),
            step(EQUAL, (1, 0), 0),
            next(RETURN, EVERYTHING),
            next(RETURN, NOTHING),
        ]);
    }
    program.push(next(RETURN, NOTHING));
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would do with a packet.
    fn passes(program: &[sock_filter], packet: &[u8]) -> bool {
        let (mut at, mut value, mut index, mut scratch) = (0, 0_u32, 0_u32, [0_u32; 16]);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            match u32::from(code) {
                code if code == libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH => {
                    index = u32::from(packet[k as usize] & 15) * 4;
                }
                code if code == libc::BPF_LDX | libc::BPF_IMM => index = k,
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_LEN => value = packet.len() as u32,
                code if code == libc::BPF_LD | libc::BPF_IMM => value = k,
                code if code == libc::BPF_LD | libc::BPF_MEM => value = scratch[k as usize],
                code if code == libc::BPF_LD | libc::BPF_B | libc::BPF_IND => {
                    // A load beyond the end drops the packet.
                    let Some(octet) = packet.get((index + k) as usize) else { return false };
                    value = u32::from(*octet);
                }
                code if code == libc::BPF_ST => scratch[k as usize] = value,
                code if code == libc::BPF_MISC | libc::BPF_TAX => index = value,
                code if code == libc::BPF_ALU | libc::BPF_SUB | libc::BPF_X => value = value.wrapping_sub(index),
                code if code == libc::BPF_ALU | libc::BPF_AND | libc::BPF_K => value &= k,
                code if code == libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K => value >>= k,
                code if code == libc::BPF_ALU | libc::BPF_RSH | libc::BPF_X => value >>= index,
                code if code == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => {
                    at += usize::from(if value == k { jt } else { jf });
                }
                code if code == libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K => {
                    at += usize::from(if value > k { jt } else { jf });
                }
                code if code == libc::BPF_RET | libc::BPF_K => return k > 0,
                other => panic!("instruction {other:#x}"),
            }
        }
    }

    /// An advert as a socket of this kind is given it, with so many words of IP options.
    fn advert(family: Family, protocol: Protocol, options: u8, vrid: u8) -> Vec<u8> {
        let header = match family {
            Family::V4 => vec![0x45 + options; 20 + 4 * usize::from(options)],
            Family::V6 => Vec::new(),
        };
        let before = match protocol {
            Protocol::Vrrp => 0,
            Protocol::Ah => 24,
        };
        [&header[..], &vec![0xff; before], &[0x31, vrid, 100, 1, 0, 100, 0, 0]].concat()
    }

    const KINDS: [(Family, Protocol, u8); 4] = [
        (Family::V4, Protocol::Vrrp, 0),
        (Family::V4, Protocol::Vrrp, 10),
        (Family::V4, Protocol::Ah, 0),
        (Family::V6, Protocol::Vrrp, 0),
    ];

    #[test]
    fn adverts_of_ours_come_in_and_those_of_strangers_do_not() {
        let sets: [Vec<u8>; 6] = [
            vec![],
            vec![51],
            vec![1, 31, 32, 33, 255],
            vec![0, 64, 128, 192],
            (1..=255).step_by(2).collect(),
            (0..=255).collect(),
        ];
        for (family, protocol, options) in KINDS {
            for set in &sets {
                let program = program(family, protocol, &set.iter().copied().collect());
                let woken: Vec<u8> =
                    (0..=255).filter(|vrid| passes(&program, &advert(family, protocol, options, *vrid))).collect();
                assert_eq!(&woken, set, "{family:?} {protocol:?} {options}");
            }
        }
    }

    #[test]
    fn what_names_no_router_comes_in_to_be_counted() {
        for (family, protocol, options) in KINDS {
            let program = program(family, protocol, &[51].into());
            let whole = advert(family, protocol, options, 52);
            let named = whole.len() - 6;
            // An IPv4 header is whole, or the kernel would not have given it to anybody.
            let least = if family == Family::V4 { 20 + 4 * usize::from(options) } else { 0 };
            for length in least..=whole.len() {
                assert_eq!(passes(&program, &whole[..length]), length < named, "{family:?} {protocol:?} {length}");
            }
        }
    }

    #[test]
    fn two_sets_let_in_what_either_does() {
        let these = |vrids: &[u8]| Vrids::These(vrids.iter().copied().collect());
        assert_eq!(these(&[1, 2]).and(&these(&[2, 9])), these(&[1, 2, 9]));
        assert_eq!(these(&[1]).and(&Vrids::All), Vrids::All);
        assert_eq!(Vrids::All.and(&these(&[1])), Vrids::All);
    }
}
