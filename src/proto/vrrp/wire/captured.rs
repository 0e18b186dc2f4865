// SPDX-License-Identifier: MIT OR Apache-2.0
//! Adverts as keepalived 2.2.7 put them on the wire, taken from the far end of a veth pair, and what its
//! configuration said. IPv4 packets and IPv6 packets both from the IP header on.

use crate::proto::vrrp::wire::{Addresses, Advert, Family, Parsed, Refusal, Version, parse_v4, parse_v6};
use std::time::Duration;

/// Name, (version, VRID, priority, interval in milliseconds), addresses, what protects it, bytes.
pub(crate) struct Captured(
    pub(crate) &'static str,
    pub(crate) (u8, u8, u8, u64),
    pub(crate) &'static str,
    pub(crate) Secret,
    pub(crate) &'static str,
);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secret {
    None,
    /// `auth_type PASS`.
    Password(&'static str),
    /// `auth_type AH`.
    Header(&'static str),
    /// `old_unicast_checksum`.
    GroupSum,
}

use Secret::{GroupSum, Header, None, Password};

impl Captured {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        hex(self.4)
    }

    pub(crate) fn advert(&self) -> Advert {
        let (version, vrid, priority, milliseconds) = self.1;
        let version = Version::from_number(version).unwrap();
        let list: Vec<std::net::IpAddr> = self.2.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let addresses = Addresses::collect(Family::of(list[0]), list).unwrap();
        Advert::new(version, vrid, priority, Duration::from_millis(milliseconds), addresses).unwrap()
    }
}

/// What a raw socket of its family would have delivered of this packet.
pub(crate) fn open(packet: &[u8]) -> Result<Parsed<'_>, Refusal> {
    if packet.first().is_some_and(|first| first >> 4 == 4) {
        return parse_v4(packet);
    }
    let (header, payload) = packet.split_at(40);
    let address = |at: usize| <[u8; 16]>::try_from(&header[at..at + 16]).unwrap().into();
    parse_v6(address(8), address(24), Some(header[7]), payload)
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let octets = digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    octets.collect()
}

#[rustfmt::skip]
pub(crate) const CAPTURED: &[Captured] = &[
    Captured("version 2, multicast", (2, 11, 150, 1000), "10.91.11.100 10.91.11.7 10.91.11.101", None,
     "45c00030 00010000 ff70d02e 0a5b0001 e0000012 210b9603 0001080f 0a5b0b64 0a5b0b07 0a5b0b65 \
     00000000 00000000"),
    Captured("version 2, multicast, leaving", (2, 11, 0, 1000), "10.91.11.100 10.91.11.7 10.91.11.101", None,
     "45c00030 002b0000 ff70d004 0a5b0001 e0000012 210b0003 00019e0f 0a5b0b64 0a5b0b07 0a5b0b65 \
     00000000 00000000"),
    Captured("version 2, password, every two seconds", (2, 12, 101, 2000), "10.91.12.100 10.91.12.7 10.91.12.101", Password("gr8pass"),
     "45c00030 00010000 ff70d02e 0a5b0001 e0000012 210c6503 0102c0b6 0a5b0c64 0a5b0c07 0a5b0c65 \
     67723870 61737300"),
    Captured("version 2, password, every two seconds, leaving", (2, 12, 0, 2000), "10.91.12.100 10.91.12.7 10.91.12.101", Password("gr8pass"),
     "45c00030 00150000 ff70d01a 0a5b0001 e0000012 210c0003 010225b7 0a5b0c64 0a5b0c07 0a5b0c65 \
     67723870 61737300"),
    Captured("version 2, short password", (2, 13, 1, 1000), "10.91.13.1", Password("ab"),
     "45c00028 00010000 ff70d036 0a5b0001 e0000012 210d0101 01016432 0a5b0d01 61620000 00000000"),
    Captured("version 2, short password, leaving", (2, 13, 0, 1000), "10.91.13.1", Password("ab"),
     "45c00028 002a0000 ff70d00d 0a5b0001 e0000012 210d0001 01016532 0a5b0d01 61620000 00000000"),
    Captured("version 2, authentication header", (2, 14, 254, 1000), "10.91.14.100 10.91.14.7 10.91.14.101", Header("kE7"),
     "45c00048 00010000 ff33d053 0a5b0001 e0000012 70040000 0a5b0001 00000001 79672e48 d1cb9e9e \
     ac9b27d3 210efe03 0201950b 0a5b0e64 0a5b0e07 0a5b0e65 00000000 00000000"),
    Captured("version 2, authentication header, leaving", (2, 14, 0, 1000), "10.91.14.100 10.91.14.7 10.91.14.101", Header("kE7"),
     "45c00048 002b0000 ff33d029 0a5b0001 e0000012 70040000 0a5b0001 0000002b b6e245e5 a7bbfc58 \
     ad360a23 210e0003 0201930c 0a5b0e64 0a5b0e07 0a5b0e65 00000000 00000000"),
    Captured("version 3, multicast, four a second", (3, 15, 150, 250), "10.91.15.100 10.91.15.7 10.91.15.101", None,
     "45c00028 00010000 ff70d036 0a5b0001 e0000012 310f9603 00190100 0a5b0f64 0a5b0f07 0a5b0f65"),
    Captured("version 3, multicast, four a second, leaving", (3, 15, 0, 250), "10.91.15.100 10.91.15.7 10.91.15.101", None,
     "45c00028 00b10000 ff70cf86 0a5b0001 e0000012 310f0003 00199700 0a5b0f64 0a5b0f07 0a5b0f65"),
    Captured("version 2, two unicast peers to 10.91.0.2", (2, 16, 150, 1000), "10.91.16.100 10.91.16.7 10.91.16.101", None,
     "45c00030 00010000 ff70a5e4 0a5b0001 0a5b0002 21109603 0001f909 0a5b1064 0a5b1007 0a5b1065 \
     00000000 00000000"),
    Captured("version 2, two unicast peers to 10.91.0.2, leaving", (2, 16, 0, 1000), "10.91.16.100 10.91.16.7 10.91.16.101", None,
     "45c00030 002b0000 ff70a5ba 0a5b0001 0a5b0002 21100003 00018f0a 0a5b1064 0a5b1007 0a5b1065 \
     00000000 00000000"),
    Captured("version 2, two unicast peers to 10.91.0.3", (2, 16, 150, 1000), "10.91.16.100 10.91.16.7 10.91.16.101", None,
     "45c00030 00010000 ff70a5e3 0a5b0001 0a5b0003 21109603 0001f909 0a5b1064 0a5b1007 0a5b1065 \
     00000000 00000000"),
    Captured("version 2, two unicast peers to 10.91.0.3, leaving", (2, 16, 0, 1000), "10.91.16.100 10.91.16.7 10.91.16.101", None,
     "45c00030 002b0000 ff70a5b9 0a5b0001 0a5b0003 21100003 00018f0a 0a5b1064 0a5b1007 0a5b1065 \
     00000000 00000000"),
    Captured("version 2, password, unicast to 10.91.0.2", (2, 17, 150, 1000), "10.91.17.100 10.91.17.7 10.91.17.101", Password("gr8pass"),
     "45c00030 00010000 ff70a5e4 0a5b0001 0a5b0002 21119603 010180b2 0a5b1164 0a5b1107 0a5b1165 \
     67723870 61737300"),
    Captured("version 2, password, unicast to 10.91.0.2, leaving", (2, 17, 0, 1000), "10.91.17.100 10.91.17.7 10.91.17.101", Password("gr8pass"),
     "45c00030 002b0000 ff70a5ba 0a5b0001 0a5b0002 21110003 010116b3 0a5b1164 0a5b1107 0a5b1165 \
     67723870 61737300"),
    Captured("version 2, password, unicast to 10.91.0.3", (2, 17, 150, 1000), "10.91.17.100 10.91.17.7 10.91.17.101", Password("gr8pass"),
     "45c00030 00010000 ff70a5e3 0a5b0001 0a5b0003 21119603 010180b2 0a5b1164 0a5b1107 0a5b1165 \
     67723870 61737300"),
    Captured("version 2, password, unicast to 10.91.0.3, leaving", (2, 17, 0, 1000), "10.91.17.100 10.91.17.7 10.91.17.101", Password("gr8pass"),
     "45c00030 002b0000 ff70a5b9 0a5b0001 0a5b0003 21110003 010116b3 0a5b1164 0a5b1107 0a5b1165 \
     67723870 61737300"),
    Captured("version 2, authentication header, unicast to 10.91.0.2", (2, 18, 150, 1000), "10.91.18.100 10.91.18.7 10.91.18.101", Header("kE7"),
     "45c00048 00010000 ff33a609 0a5b0001 0a5b0002 70040000 0a5b0001 00000001 d75d94f5 de281e43 \
     ef44e1f1 21129603 0201f107 0a5b1264 0a5b1207 0a5b1265 00000000 00000000"),
    Captured("version 2, authentication header, unicast to 10.91.0.2, leaving", (2, 18, 0, 1000), "10.91.18.100 10.91.18.7 10.91.18.101", Header("kE7"),
     "45c00048 002b0000 ff33a5df 0a5b0001 0a5b0002 70040000 0a5b0001 0000002b e2caee1c f026e225 \
     9e29412b 21120003 02018708 0a5b1264 0a5b1207 0a5b1265 00000000 00000000"),
    Captured("version 2, authentication header, unicast to 10.91.0.3", (2, 18, 150, 1000), "10.91.18.100 10.91.18.7 10.91.18.101", Header("kE7"),
     "45c00048 00010000 ff33a608 0a5b0001 0a5b0003 70040000 0a5b0001 00000001 e3963953 7f222e68 \
     72759f72 21129603 0201f107 0a5b1264 0a5b1207 0a5b1265 00000000 00000000"),
    Captured("version 2, authentication header, unicast to 10.91.0.3, leaving", (2, 18, 0, 1000), "10.91.18.100 10.91.18.7 10.91.18.101", Header("kE7"),
     "45c00048 002b0000 ff33a5de 0a5b0001 0a5b0003 70040000 0a5b0001 0000002b f0eb061a 7485a69d \
     3456225c 21120003 02018708 0a5b1264 0a5b1207 0a5b1265 00000000 00000000"),
    Captured("version 3, unicast, every ten seconds to 10.91.0.2", (3, 19, 150, 10000), "10.91.19.100 10.91.19.7 10.91.19.101", None,
     "45c00028 00010000 ff70a5ec 0a5b0001 0a5b0002 31139603 03e8c6e2 0a5b1364 0a5b1307 0a5b1365"),
    Captured("version 3, unicast, every ten seconds to 10.91.0.2, leaving", (3, 19, 0, 10000), "10.91.19.100 10.91.19.7 10.91.19.101", None,
     "45c00028 00030000 ff70a5ea 0a5b0001 0a5b0002 31130003 03e85ce3 0a5b1364 0a5b1307 0a5b1365"),
    Captured("version 3, unicast, every ten seconds to 10.91.0.3", (3, 19, 150, 10000), "10.91.19.100 10.91.19.7 10.91.19.101", None,
     "45c00028 00010000 ff70a5eb 0a5b0001 0a5b0003 31139603 03e8c6e1 0a5b1364 0a5b1307 0a5b1365"),
    Captured("version 3, unicast, every ten seconds to 10.91.0.3, leaving", (3, 19, 0, 10000), "10.91.19.100 10.91.19.7 10.91.19.101", None,
     "45c00028 00030000 ff70a5e9 0a5b0001 0a5b0003 31130003 03e85ce2 0a5b1364 0a5b1307 0a5b1365"),
    Captured("version 3, unicast, group in the pseudo header to 10.91.0.2", (3, 20, 150, 1000), "10.91.20.100 10.91.20.7 10.91.20.101", GroupSum,
     "45c00028 00010000 ff70a5ec 0a5b0001 0a5b0002 31149603 0064f1af 0a5b1464 0a5b1407 0a5b1465"),
    Captured("version 3, unicast, group in the pseudo header to 10.91.0.2, leaving", (3, 20, 0, 1000), "10.91.20.100 10.91.20.7 10.91.20.101", GroupSum,
     "45c00028 002b0000 ff70a5c2 0a5b0001 0a5b0002 31140003 006487b0 0a5b1464 0a5b1407 0a5b1465"),
    Captured("version 3, unicast, group in the pseudo header to 10.91.0.3", (3, 20, 150, 1000), "10.91.20.100 10.91.20.7 10.91.20.101", GroupSum,
     "45c00028 00010000 ff70a5eb 0a5b0001 0a5b0003 31149603 0064f1af 0a5b1464 0a5b1407 0a5b1465"),
    Captured("version 3, unicast, group in the pseudo header to 10.91.0.3, leaving", (3, 20, 0, 1000), "10.91.20.100 10.91.20.7 10.91.20.101", GroupSum,
     "45c00028 002b0000 ff70a5c1 0a5b0001 0a5b0003 31140003 006487b0 0a5b1464 0a5b1407 0a5b1465"),
    Captured("version 3 over IPv6, a hundred a second", (3, 21, 150, 10), "fe80::91:21 fd91:21::100", None,
     "6c03eff5 002870ff fe800000 00000000 00005eff fe910001 ff020000 00000000 00000000 00000012 \
     31159602 0001df40 fe800000 00000000 00000000 00910021 fd910021 00000000 00000000 00000100"),
    Captured("version 3 over IPv6, a hundred a second, leaving", (3, 21, 0, 10), "fe80::91:21 fd91:21::100", None,
     "6c03eff5 002870ff fe800000 00000000 00005eff fe910001 ff020000 00000000 00000000 00000012 \
     31150002 00017541 fe800000 00000000 00000000 00910021 fd910021 00000000 00000000 00000100"),
    Captured("version 2 over IPv6", (2, 22, 150, 1000), "fe80::91:22 fd91:22::100", None,
     "6c03eff5 002870ff fe800000 00000000 00005eff fe910001 ff020000 00000000 00000000 00000012 \
     21169602 0001ef3d fe800000 00000000 00000000 00910022 fd910022 00000000 00000000 00000100"),
    Captured("version 2 over IPv6, leaving", (2, 22, 0, 1000), "fe80::91:22 fd91:22::100", None,
     "6c03eff5 002870ff fe800000 00000000 00005eff fe910001 ff020000 00000000 00000000 00000012 \
     21160002 0001853e fe800000 00000000 00000000 00910022 fd910022 00000000 00000000 00000100"),
    Captured("version 3 over IPv6, unicast, ttl 64 to fd91::2", (3, 24, 150, 1000), "fe80::91:24 fd91:24::100", None,
     "6c0a0cbf 00287040 fd910000 00000000 00000000 00000001 fd910000 00000000 00000000 00000002 \
     31189602 00643ed6 fe800000 00000000 00000000 00910024 fd910024 00000000 00000000 00000100"),
    Captured("version 3 over IPv6, unicast, ttl 64 to fd91::2, leaving", (3, 24, 0, 1000), "fe80::91:24 fd91:24::100", None,
     "6c0a0cbf 00287040 fd910000 00000000 00000000 00000001 fd910000 00000000 00000000 00000002 \
     31180002 0064d4d6 fe800000 00000000 00000000 00910024 fd910024 00000000 00000000 00000100"),
    Captured("version 2 over IPv6, unicast to fd91::2", (2, 25, 150, 1000), "fe80::91:25 fd91:25::100", None,
     "6c0a0cbf 00287040 fd910000 00000000 00000000 00000001 fd910000 00000000 00000000 00000002 \
     21199602 00014f36 fe800000 00000000 00000000 00910025 fd910025 00000000 00000000 00000100"),
    Captured("version 2 over IPv6, unicast to fd91::2, leaving", (2, 25, 0, 1000), "fe80::91:25 fd91:25::100", None,
     "6c0a0cbf 00287040 fd910000 00000000 00000000 00000001 fd910000 00000000 00000000 00000002 \
     21190002 0001e536 fe800000 00000000 00000000 00910025 fd910025 00000000 00000000 00000100"),
    Captured("version 3, owner", (3, 26, 255, 1000), "10.91.26.100 10.91.26.7 10.91.26.101", None,
     "45c00028 00010000 ff70d036 0a5b0001 e0000012 311aff03 006476a9 0a5b1a64 0a5b1a07 0a5b1a65"),
    Captured("version 3, owner, leaving", (3, 26, 0, 1000), "10.91.26.100 10.91.26.7 10.91.26.101", None,
     "45c00028 002b0000 ff70d00c 0a5b0001 e0000012 311a0003 006475aa 0a5b1a64 0a5b1a07 0a5b1a65"),
    Captured("version 3, forty addresses", (3, 27, 100, 1000), FORTY, None,
     "45c000bc 00010000 ff70cfa2 0a5b0001 e0000012 311b6428 0064a55f 0a5b1b01 0a5b1b02 0a5b1b03 \
     0a5b1b04 0a5b1b05 0a5b1b06 0a5b1b07 0a5b1b08 0a5b1b09 0a5b1b0a 0a5b1b0b 0a5b1b0c 0a5b1b0d \
     0a5b1b0e 0a5b1b0f 0a5b1b10 0a5b1b11 0a5b1b12 0a5b1b13 0a5b1b14 0a5b1b15 0a5b1b16 0a5b1b17 \
     0a5b1b18 0a5b1b19 0a5b1b1a 0a5b1b1b 0a5b1b1c 0a5b1b1d 0a5b1b1e 0a5b1b1f 0a5b1b20 0a5b1b21 \
     0a5b1b22 0a5b1b23 0a5b1b24 0a5b1b25 0a5b1b26 0a5b1b27 0a5b1b28"),
    Captured("version 2, password of eight octets", (2, 32, 255, 1000), "10.91.32.1", Password("abcdefgh"),
     "45c00028 00010000 ff70d036 0a5b0001 e0000012 2120ff01 010122eb 0a5b2001 61626364 65666768"),
    Captured("version 2, password of eight octets, leaving", (2, 32, 0, 1000), "10.91.32.1", Password("abcdefgh"),
     "45c00028 00080000 ff70d02f 0a5b0001 e0000012 21200001 010121ec 0a5b2001 61626364 65666768"),
    Captured("version 2, password cut to eight octets", (2, 33, 255, 1000), "10.91.33.1", Password("abcdefghi"),
     "45c00028 00010000 ff70d036 0a5b0001 e0000012 2121ff01 010121ea 0a5b2101 61626364 65666768"),
    Captured("version 2, password cut to eight octets, leaving", (2, 33, 0, 1000), "10.91.33.1", Password("abcdefghi"),
     "45c00028 00080000 ff70d02f 0a5b0001 e0000012 21210001 010120eb 0a5b2101 61626364 65666768"),
    Captured("version 2, authentication header, password cut to eight octets", (2, 35, 255, 1000), "10.91.35.1", Header("abcdefghi"),
     "45c00040 00010000 ff33d05b 0a5b0001 e0000012 70040000 0a5b0001 00000001 6ad92acd 82614fef \
     a75c754f 2123ff01 0201b07d 0a5b2301 00000000 00000000"),
    Captured("version 2, authentication header, password cut to eight octets, leaving", (2, 35, 0, 1000), "10.91.35.1", Header("abcdefghi"),
     "45c00040 00080000 ff33d054 0a5b0001 e0000012 70040000 0a5b0001 00000008 8e0800af cf9c6db9 \
     333605fa 21230001 0201af7e 0a5b2301 00000000 00000000"),
];

#[rustfmt::skip]
const FORTY: &str = "\
    10.91.27.1 10.91.27.2 10.91.27.3 10.91.27.4 10.91.27.5 10.91.27.6 10.91.27.7 10.91.27.8 \
    10.91.27.9 10.91.27.10 10.91.27.11 10.91.27.12 10.91.27.13 10.91.27.14 10.91.27.15 10.91.27.16 \
    10.91.27.17 10.91.27.18 10.91.27.19 10.91.27.20 10.91.27.21 10.91.27.22 10.91.27.23 10.91.27.24 \
    10.91.27.25 10.91.27.26 10.91.27.27 10.91.27.28 10.91.27.29 10.91.27.30 10.91.27.31 10.91.27.32 \
    10.91.27.33 10.91.27.34 10.91.27.35 10.91.27.36 10.91.27.37 10.91.27.38 10.91.27.39 10.91.27.40";

/// Over IPv6 a configured password shows in the type octet and nowhere else.
#[rustfmt::skip]
pub(crate) const PASSWORD_OVER_IPV6: &[Captured] = &[
    Captured("version 2 over IPv6, a password configured", (2, 23, 150, 1000), "fe80::91:23 fd91:23::100", None,
     "6c03eff5 002870ff fe800000 00000000 00005eff fe910001 ff020000 00000000 00000000 00000012 \
     21179602 0101ee3a fe800000 00000000 00000000 00910023 fd910023 00000000 00000000 00000100"),
    Captured("version 2 over IPv6, a password configured, leaving", (2, 23, 0, 1000), "fe80::91:23 fd91:23::100", None,
     "6c03eff5 002870ff fe800000 00000000 00005eff fe910001 ff020000 00000000 00000000 00000012 \
     21170002 0101843b fe800000 00000000 00000000 00910023 fd910023 00000000 00000000 00000100"),
];
