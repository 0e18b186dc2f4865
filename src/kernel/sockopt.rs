// SPDX-License-Identifier: MIT OR Apache-2.0
//! Socket options that neither nix nor socket2 offers, made with nix's own macro.

use nix::{setsockopt_impl, sockopt_impl};

sockopt_impl!(
    /// Where in a raw IPv6 payload the kernel puts and verifies the checksum.
    Ipv6Checksum, SetOnly, libc::IPPROTO_IPV6, libc::IPV6_CHECKSUM, usize
);
sockopt_impl!(
    /// The interface IPv4 multicast leaves by, named by index.
    Ipv4MulticastInterface, SetOnly, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, libc::ip_mreqn
);
sockopt_impl!(
    /// Netlink errors carry the kernel's own sentence.
    NetlinkExtendedAck, SetOnly, libc::SOL_NETLINK, libc::NETLINK_EXT_ACK, bool
);
sockopt_impl!(
    /// Netlink errors do not repeat the request.
    NetlinkCapAck, SetOnly, libc::SOL_NETLINK, libc::NETLINK_CAP_ACK, bool
);
sockopt_impl!(
    /// Netlink dumps check and honour the filter in their header.
    NetlinkStrictCheck, SetOnly, libc::SOL_NETLINK, libc::NETLINK_GET_STRICT_CHK, bool
);
