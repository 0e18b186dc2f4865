// SPDX-License-Identifier: MIT OR Apache-2.0
//! Light-weight tunnels of routes, in the kernel's numbers (linux/lwtunnel.h, mpls_iptunnel.h, ila.h).

use keepalived_conf::blocks::vrrp::entry::encap::{Encap as Written, Tunnel};

use super::Encap;

const MPLS: u16 = 1;
const IP: u16 = 2;
const ILA: u16 = 3;
const IP6: u16 = 4;

const MPLS_LABELS: u16 = 1;
const ILA_LOCATOR: u16 = 1;

const TUNNEL_ID: u16 = 1;
const TUNNEL_DESTINATION: u16 = 2;
const TUNNEL_SOURCE: u16 = 3;
const TUNNEL_TTL: u16 = 4;
const TUNNEL_TOS: u16 = 5;
const TUNNEL_FLAGS: u16 = 6;

/// The mark of the last label of a stack (RFC 3032 section 2.1).
const BOTTOM: u32 = 1 << 8;

pub(super) fn encap(written: &Written) -> Encap {
    match written {
        Written::Ip(tunnel) => Encap { kind: IP, attributes: attributes(tunnel, |ip| ip.octets().to_vec()) },
        Written::Ip6(tunnel) => Encap { kind: IP6, attributes: attributes(tunnel, |ip| ip.octets().to_vec()) },
        Written::Mpls(labels) => Encap { kind: MPLS, attributes: vec![(MPLS_LABELS, stack(labels))] },
        Written::Ila(locator) => Encap { kind: ILA, attributes: vec![(ILA_LOCATOR, locator.to_be_bytes().to_vec())] },
    }
}

fn stack(labels: &[u32]) -> Vec<u8> {
    let last = labels.len().saturating_sub(1);
    let entry = |(at, label): (usize, &u32)| (label << 12 | if at == last { BOTTOM } else { 0 }).to_be_bytes();
    labels.iter().enumerate().flat_map(entry).collect()
}

fn attributes<A: Copy>(tunnel: &Tunnel<A>, octets: impl Fn(A) -> Vec<u8>) -> Vec<(u16, Vec<u8>)> {
    let Tunnel { id, dst, src, tos, ttl, flags } = *tunnel;
    let written = [
        (TUNNEL_ID, id.map(|id| id.to_be_bytes().to_vec())),
        (TUNNEL_DESTINATION, dst.map(&octets)),
        (TUNNEL_SOURCE, src.map(&octets)),
        (TUNNEL_TTL, ttl.map(|ttl| vec![ttl])),
        (TUNNEL_TOS, tos.map(|tos| vec![tos])),
        (TUNNEL_FLAGS, flags.map(|flags| flags.to_be_bytes().to_vec())),
    ];
    written.into_iter().filter_map(|(kind, value)| Some((kind, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_label_of_a_stack_is_marked() {
        assert_eq!(stack(&[100, 200]), [0, 6, 0x40, 0, 0, 0x0c, 0x81, 0]);
        assert_eq!(stack(&[16]), [0, 1, 1, 0]);
    }

    #[test]
    fn what_was_not_written_is_left_to_the_kernel() {
        let written = Tunnel {
            id: Some(5),
            dst: Some(std::net::Ipv4Addr::new(10, 0, 0, 9)),
            src: None,
            tos: None,
            ttl: Some(9),
            flags: None,
        };
        let wanted = vec![
            (TUNNEL_ID, vec![0, 0, 0, 0, 0, 0, 0, 5]),
            (TUNNEL_DESTINATION, vec![10, 0, 0, 9]),
            (TUNNEL_TTL, vec![9]),
        ];
        assert_eq!(encap(&Written::Ip(written)), Encap { kind: IP, attributes: wanted });
    }
}
