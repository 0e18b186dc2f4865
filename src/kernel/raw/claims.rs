// SPDX-License-Identifier: MIT OR Apache-2.0
//! Others that say an address is theirs: what they say in ARP and in neighbour adverts, and the question that makes them
//! say it (RFC 5227 section 2.1.1, RFC 4862 section 5.4).

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};

use pnet_base::MacAddr;
use pnet_packet::arp::{ArpHardwareTypes, ArpOperations, MutableArpPacket};
use pnet_packet::ethernet::{EtherTypes, MutableEthernetPacket};
use pnet_packet::icmpv6::ndp::MutableNeighborSolicitPacket;
use pnet_packet::icmpv6::{Icmpv6Code, Icmpv6Packet, Icmpv6Types, checksum};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv6::MutableIpv6Packet;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::frame::{ARP, ETHERNET, IPV6, link_address};
use super::{BATCH_MAX, Interface};
use crate::kernel::{Family, Mac};

/// Solicitation and target, without options.
const SOLICITATION: usize = 24;
/// An advert as far as anybody looks: its options come in any order.
const CLAIM_MAX: usize = 256;
const NEIGHBOR_ADVERT: u8 = 136;
const TARGET_LINK_ADDRESS: u8 = 2;
/// Addresses a filter compares one by one: a jump reaches no further than 255 instructions. Of more, what all begin with.
const COMPARED_MAX: usize = 128;
/// Where a filter finds the IP header, whatever the socket is given.
const NETWORK_HEADER: u32 = 0xfff0_0000;
const HOP_LIMIT_AT: u32 = 7;

/// Somebody says that he has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub address: IpAddr,
    pub mac: Mac,
}

/// Hears what is said of some addresses on one interface. Whatever else passes there wakes nobody.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    family: Family,
}

impl Listener {
    pub fn open(family: Family, on: &Interface, of: &BTreeSet<IpAddr>) -> io::Result<Listener> {
        let socket = match family {
            Family::V4 => {
                // Protocol 0 takes nothing in before the filter is there.
                Socket::new(Domain::PACKET, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::from(0)))?
            }
            Family::V6 => Socket::new(Domain::IPV6, Type::RAW.nonblocking().cloexec(), Some(Protocol::ICMPV6))?,
        };
        let listener = Listener { socket, family };
        listener.hear_of(of)?;
        match family {
            Family::V4 => listener.socket.bind(&link_address(on.index, EtherTypes::Arp.0)?)?,
            Family::V6 => listener.socket.bind_device(Some(on.name.as_bytes()))?,
        }
        Ok(listener)
    }

    /// Only these addresses from now on.
    pub fn hear_of(&self, addresses: &BTreeSet<IpAddr>) -> io::Result<()> {
        let program = filter(self.family, addresses);
        let steps: Vec<SockFilter> =
            program.iter().map(|step| SockFilter::new(step.code, step.jt, step.jf, step.k)).collect();
        self.socket.attach_filter(&steps)
    }

    /// Hands at most `BATCH_MAX` waiting claims to `each`; says whether more may wait.
    pub fn take(&self, mut each: impl FnMut(Claim)) -> io::Result<bool> {
        let mut buffer = [0; CLAIM_MAX];
        for _ in 0..BATCH_MAX {
            let length = match (&self.socket).read(&mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let said = buffer.get(..length).unwrap_or_default();
            let claim = match self.family {
                Family::V4 => from_arp(said),
                Family::V6 => from_advert(said),
            };
            claim.into_iter().for_each(&mut each);
        }
        Ok(true)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The sender of an ARP packet over Ethernet, whatever it asks or answers.
pub fn from_arp(said: &[u8]) -> Option<Claim> {
    let &[0, 1, 8, 0, 6, 4, _, _, a, b, c, d, e, f, w, x, y, z, ..] = said else { return None };
    Some(Claim { address: Ipv4Addr::new(w, x, y, z).into(), mac: Mac([a, b, c, d, e, f]) })
}

/// The target of a neighbour advert and its link address. Without one nobody can be named.
pub fn from_advert(said: &[u8]) -> Option<Claim> {
    let (&[NEIGHBOR_ADVERT, 0, ..], Some(target)) = (said, said.get(8..24)) else { return None };
    let target: [u8; 16] = target.try_into().ok()?;
    let mut options = said.get(24..)?;
    while let &[kind, units, ..] = options {
        let length = usize::from(units) * 8;
        if let (TARGET_LINK_ADDRESS, &[_, _, a, b, c, d, e, f, ..]) = (kind, options) {
            return Some(Claim { address: Ipv6Addr::from(target).into(), mac: Mac([a, b, c, d, e, f]) });
        }
        options = options.get(length..).filter(|_| length > 0)?;
    }
    None
}

/// A program for the kernel: what does not name one of the addresses is dropped there.
fn filter(family: Family, addresses: &BTreeSet<IpAddr>) -> Vec<libc::sock_filter> {
    const LOAD_WORD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const LOAD_OCTET: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    let step = |code: u32, jump: (usize, usize), k: u32| {
        let reach = |by: usize| u8::try_from(by).unwrap_or(u8::MAX);
        libc::sock_filter { code: code as u16, jt: reach(jump.0), jf: reach(jump.1), k }
    };
    let next = |code, k| step(code, (0, 0), k);
    let words: Vec<u32> = addresses.iter().filter_map(|address| word(family, *address)).collect();
    let Some(&first) = words.first() else { return vec![next(RETURN, 0)] };
    let differ = words.iter().fold(0, |differ, word| differ | (first ^ word));
    let mut program = Vec::new();
    if family == Family::V6 {
        // From a host on this link, and an advert.
        program.extend([next(LOAD_OCTET, NETWORK_HEADER + HOP_LIMIT_AT), step(EQUAL, (1, 0), 255), next(RETURN, 0)]);
        program.extend([next(LOAD_OCTET, 0), step(EQUAL, (1, 0), NEIGHBOR_ADVERT.into()), next(RETURN, 0)]);
    }
    program.push(next(LOAD_WORD, if family == Family::V4 { 14 } else { 20 }));
    if words.len() <= COMPARED_MAX {
        let count = words.len();
        // A match leaps over those that are left, and over the refusal.
        program.extend(words.iter().enumerate().map(|(place, word)| step(EQUAL, (count - place, 0), *word)));
    } else {
        let mask = u32::MAX.checked_shl(u32::BITS - differ.leading_zeros()).unwrap_or(0);
        program.extend([next(AND, mask), step(EQUAL, (1, 0), first & mask)]);
    }
    program.extend([next(RETURN, 0), next(RETURN, CLAIM_MAX as u32)]);
    program
}

/// The last four octets of an address of this family.
fn word(family: Family, address: IpAddr) -> Option<u32> {
    match (family, address) {
        (Family::V4, IpAddr::V4(address)) => Some(address.to_bits()),
        (Family::V6, IpAddr::V6(address)) => Some(address.to_bits() as u32),
        (Family::V4, IpAddr::V6(_)) | (Family::V6, IpAddr::V4(_)) => None,
    }
}

/// Asks a segment who has an address, without saying that we have it: nobody learns anything from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    pub interface: u32,
    pub mac: Mac,
    pub broadcast: Mac,
    pub address: IpAddr,
}

impl Probe {
    /// The frame as it goes on the wire. Nothing only if the packet library found its own buffer too short.
    pub fn frame(&self) -> Option<Vec<u8>> {
        match self.address {
            IpAddr::V4(address) => self.arp(address),
            IpAddr::V6(address) => self.solicitation(address),
        }
    }

    fn arp(&self, address: Ipv4Addr) -> Option<Vec<u8>> {
        let mut frame = vec![0; ETHERNET + ARP];
        let mut ethernet = MutableEthernetPacket::new(&mut frame)?;
        ethernet.set_destination(MacAddr::from(self.broadcast.0));
        ethernet.set_source(MacAddr::from(self.mac.0));
        ethernet.set_ethertype(EtherTypes::Arp);
        let mut arp = MutableArpPacket::new(frame.get_mut(ETHERNET..)?)?;
        arp.set_hardware_type(ArpHardwareTypes::Ethernet);
        arp.set_protocol_type(EtherTypes::Ipv4);
        arp.set_hw_addr_len(6);
        arp.set_proto_addr_len(4);
        arp.set_operation(ArpOperations::Request);
        arp.set_sender_hw_addr(MacAddr::from(self.mac.0));
        arp.set_target_proto_addr(address);
        Some(frame)
    }

    fn solicitation(&self, address: Ipv6Addr) -> Option<Vec<u8>> {
        let [.., x, y, z] = address.octets();
        let group = Ipv6Addr::from_bits(
            Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0).to_bits() | address.to_bits() & 0xff_ffff,
        );
        let mut frame = vec![0; ETHERNET + IPV6 + SOLICITATION];
        let mut ethernet = MutableEthernetPacket::new(&mut frame)?;
        ethernet.set_destination(MacAddr::new(0x33, 0x33, 0xff, x, y, z));
        ethernet.set_source(MacAddr::from(self.mac.0));
        ethernet.set_ethertype(EtherTypes::Ipv6);
        let mut ip = MutableIpv6Packet::new(frame.get_mut(ETHERNET..)?)?;
        ip.set_version(6);
        ip.set_payload_length(SOLICITATION as u16);
        ip.set_next_header(IpNextHeaderProtocols::Icmpv6);
        ip.set_hop_limit(255);
        ip.set_destination(group);
        let body = frame.get_mut(ETHERNET + IPV6..)?;
        let mut solicitation = MutableNeighborSolicitPacket::new(body)?;
        solicitation.set_icmpv6_type(Icmpv6Types::NeighborSolicit);
        solicitation.set_icmpv6_code(Icmpv6Code(0));
        solicitation.set_target_addr(address);
        let sum = checksum(&Icmpv6Packet::new(body)?, &Ipv6Addr::UNSPECIFIED, &group);
        MutableNeighborSolicitPacket::new(body)?.set_checksum(sum);
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would do with a packet.
    fn passes(program: &[libc::sock_filter], packet: &[u8], hop_limit: u8) -> bool {
        let (mut at, mut value) = (0, 0_u32);
        loop {
            let step = program[at];
            let k = step.k as usize;
            match u32::from(step.code) {
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                    value = u32::from_be_bytes(packet[k..k + 4].try_into().unwrap());
                }
                code if code == libc::BPF_LD | libc::BPF_B | libc::BPF_ABS => {
                    value = if step.k == NETWORK_HEADER + HOP_LIMIT_AT { hop_limit.into() } else { packet[k].into() };
                }
                code if code == libc::BPF_ALU | libc::BPF_AND | libc::BPF_K => value &= step.k,
                code if code == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => {
                    at += usize::from(if value == step.k { step.jt } else { step.jf });
                }
                code if code == libc::BPF_RET | libc::BPF_K => return k > 0,
                other => panic!("instruction {other:#x}"),
            }
            at += 1;
        }
    }

    fn arp(last: u8) -> Vec<u8> {
        let mut said = vec![0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 9, 10, 0, 0, last];
        said.resize(28, 0);
        said
    }

    fn advert(options: &[u8]) -> Vec<u8> {
        let target: Ipv6Addr = "2001:db8::100".parse().unwrap();
        [&[136, 0, 0, 0, 0x20, 0, 0, 0][..], &target.octets(), options].concat()
    }

    #[test]
    fn who_speaks_for_an_address_is_named() {
        let mac = Mac([2, 0, 0, 0, 0, 9]);
        assert_eq!(from_arp(&arp(100)), Some(Claim { address: Ipv4Addr::new(10, 0, 0, 100).into(), mac }));
        let claim = Some(Claim { address: "2001:db8::100".parse().unwrap(), mac });
        let nonce = [14, 1, 1, 2, 3, 4, 5, 6];
        let link = [2, 1, 2, 0, 0, 0, 0, 9];
        assert_eq!(from_advert(&advert(&[nonce, link].concat())), claim);
        let nobody: [&[u8]; 5] = [&[], &[2, 1, 2, 0], &[14, 0, 2, 1], &[14, 9, 0, 0, 0, 0, 0, 0], &nonce];
        for options in nobody {
            assert_eq!(from_advert(&advert(options)), None, "{options:?}");
        }
        for length in 0..18 {
            assert_eq!(from_arp(&arp(100)[..length]), None);
        }
        for length in 0..24 {
            assert_eq!(from_advert(&advert(&link)[..length]), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_a_claim_or_none(said in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = (from_arp(&said), from_advert(&said));
            let _ = from_advert(&advert(&said));
        }
    }

    #[test]
    fn only_claims_of_the_addresses_wake_anybody() {
        let few: BTreeSet<IpAddr> = [100, 101, 200].map(|last| Ipv4Addr::new(10, 0, 0, last).into()).into();
        let program = filter(Family::V4, &few);
        let woken: Vec<u8> = (0..=255).filter(|last| passes(&program, &arp(*last), 0)).collect();
        assert_eq!(woken, [100, 101, 200]);
        assert!(!passes(&filter(Family::V4, &BTreeSet::new()), &arp(100), 0));
        // Of many, those that look alike.
        let many: BTreeSet<IpAddr> = (0..200).map(|last| Ipv4Addr::new(10, 0, 0, last).into()).collect();
        let program = filter(Family::V4, &many);
        assert!((0..200).all(|last| passes(&program, &arp(last), 0)));
        let mut elsewhere = arp(100);
        elsewhere[16] = 1;
        assert!(!passes(&program, &elsewhere, 0));
    }

    #[test]
    fn only_adverts_from_this_link_count() {
        let addresses: BTreeSet<IpAddr> = ["2001:db8::100".parse().unwrap()].into();
        let program = filter(Family::V6, &addresses);
        let link = [2, 1, 2, 0, 0, 0, 0, 9];
        let mut solicitation = advert(&link);
        assert!(passes(&program, &solicitation, 255));
        assert!(!passes(&program, &solicitation, 64));
        solicitation[0] = 135;
        assert!(!passes(&program, &solicitation, 255));
    }

    #[test]
    fn a_question_names_nobody_as_its_sender() {
        let probe = |address: &str| Probe {
            interface: 2,
            mac: Mac([2, 0, 0, 0, 0, 1]),
            broadcast: Mac::BROADCAST,
            address: address.parse().unwrap(),
        };
        let frame = probe("10.0.0.100").frame().unwrap();
        assert_eq!(frame[..14], [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6]);
        assert_eq!(frame[14..22], [0, 1, 8, 0, 6, 4, 0, 1]);
        assert_eq!(frame[22..32], [2, 0, 0, 0, 0, 1, 0, 0, 0, 0], "our link address, and no other");
        assert_eq!(frame[38..], [10, 0, 0, 100]);
        let frame = probe("2001:db8::12:3456").frame().unwrap();
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        assert_eq!(frame[22..38], [0; 16], "from no address");
        assert_eq!(frame[38..54], "ff02::1:ff12:3456".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!((frame[54], frame.len()), (135, 78));
    }
}
