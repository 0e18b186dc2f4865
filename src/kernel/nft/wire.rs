// SPDX-License-Identifier: MIT OR Apache-2.0
//! nf_tables as netlink messages: tables, chains, sets with their elements, and rules made of expressions.
//!
//! Numbers in attributes are in network order, whatever the machine's; keys of sets are as packets and the kernel's own
//! registers have them.

use crate::kernel::Family;
use crate::kernel::netlink::{APPEND, CREATE, EXCLUSIVE, Request};

const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const NESTED: u16 = 0x8000;
const LIST_ELEMENT: u16 = NESTED | 1;

pub(super) const NEW_TABLE: u16 = SUBSYSTEM << 8;
const GET_TABLE: u16 = SUBSYSTEM << 8 | 1;
pub(super) const DELETE_TABLE: u16 = SUBSYSTEM << 8 | 2;
pub(super) const NEW_CHAIN: u16 = SUBSYSTEM << 8 | 3;
pub(super) const NEW_RULE: u16 = SUBSYSTEM << 8 | 6;
pub(super) const NEW_SET: u16 = SUBSYSTEM << 8 | 9;
pub(super) const NEW_ELEMENTS: u16 = SUBSYSTEM << 8 | 12;
pub(super) const DELETE_ELEMENTS: u16 = SUBSYSTEM << 8 | 14;

const SET_CONSTANT: u32 = 2;
const SET_INTERVAL: u32 = 4;
const SET_MAP: u32 = 8;
const SET_CONCAT: u32 = 0x80;

/// An element list is one attribute, which ends at 64 KiB; an element takes up to 60 octets.
pub const ELEMENTS_MAX: usize = 1000;
/// Octets of an interface name as the kernel compares it, zeros at its end included.
pub(super) const NAME_LEN: usize = 16;

/// Where everything stands.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    pub family: Family,
    pub name: &'a str,
}

/// What a base chain hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    Input,
    Output,
}

/// What the keys of a set are: the kernel cares for their length alone, and `nft` shows them by their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Ipv4,
    Ipv6,
    Icmpv6Type,
    InterfaceIndex,
    Ipv6AndIndex,
    Ipv6AndName,
    Ipv4AndPort,
    Ipv6AndPort,
    PacketMark,
}

impl Key {
    /// The number `nft` knows the type by; types joined are six bits each.
    fn number(self) -> u32 {
        match self {
            Key::Ipv4 => 7,
            Key::Ipv6 => 8,
            Key::Icmpv6Type => 29,
            Key::InterfaceIndex => 20,
            Key::Ipv6AndIndex => 8 << 6 | 20,
            Key::Ipv6AndName => 8 << 6 | 41,
            Key::Ipv4AndPort => 7 << 6 | 13,
            Key::Ipv6AndPort => 8 << 6 | 13,
            Key::PacketMark => 19,
        }
    }

    /// Whether the value is a number in the machine's own order. Of joined types `nft` knows that by itself.
    fn is_host_order(self) -> bool {
        match self {
            Key::InterfaceIndex | Key::PacketMark => true,
            Key::Ipv4
            | Key::Ipv6
            | Key::Icmpv6Type
            | Key::Ipv6AndIndex
            | Key::Ipv6AndName
            | Key::Ipv4AndPort
            | Key::Ipv6AndPort => false,
        }
    }

    fn len(self) -> u32 {
        match self {
            Key::Ipv4 | Key::InterfaceIndex | Key::PacketMark => 4,
            Key::Ipv4AndPort => 8,
            Key::Ipv6 => 16,
            Key::Icmpv6Type => 1,
            Key::Ipv6AndIndex | Key::Ipv6AndPort => 20,
            Key::Ipv6AndName => 32,
        }
    }

    /// The lengths of what is joined, which only sets of ranges have to tell.
    fn parts(self) -> &'static [u32] {
        match self {
            Key::Ipv4AndPort => &[4, 2],
            Key::Ipv6AndPort => &[16, 2],
            Key::Ipv4
            | Key::Ipv6
            | Key::Icmpv6Type
            | Key::InterfaceIndex
            | Key::Ipv6AndIndex
            | Key::Ipv6AndName
            | Key::PacketMark => &[],
        }
    }
}

/// A set or a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set {
    pub name: &'static str,
    pub key: Key,
    /// Makes it a map to this.
    pub to: Option<Key>,
    /// Its elements never change.
    pub constant: bool,
    /// Its elements are ranges of joined keys.
    pub ranges: bool,
}

impl Set {
    /// A note that `nft` leaves to itself, and the kernel only keeps: in which order the octets of numbers are. Each entry
    /// is its kind (0 the key, 1 the data), its length, and 1 for the machine's own order or 2 for that of the network.
    fn byte_orders(&self) -> Vec<u8> {
        let order = |key: Key| if key.is_host_order() { 1_u32 } else { 2 };
        let entry = |kind: u8, key: Key| [&[kind, 4][..], &order(key).to_ne_bytes()].concat();
        [entry(0, self.key), self.to.map_or(Vec::new(), |to| entry(1, to))].concat()
    }
}

/// An element, as octets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Element {
    pub key: Vec<u8>,
    /// The last of a range.
    pub end: Option<Vec<u8>>,
    pub data: Option<Vec<u8>>,
}

/// Where a value is kept between the expressions of a rule. A value of more than 16 octets goes on in the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    First = 1,
    Second = 2,
    /// What follows four octets in the first.
    FirstRest = 9,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    Network = 1,
    Transport = 2,
}

/// What a packet brings along besides its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meta {
    Mark = 3,
    InputIndex = 4,
    OutputIndex = 5,
    InputName = 6,
    OutputName = 7,
    Protocol = 16,
    OutputKind = 27,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Drop,
    Accept,
    /// Back to what follows the chain.
    Return,
    Goto(&'static str),
}

/// One step of a rule. A step that does not hold ends the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    Payload {
        base: Base,
        offset: u32,
        length: u32,
        to: Register,
    },
    Meta {
        what: Meta,
        to: Register,
    },
    /// Gives the packet what is in a register.
    SetMeta {
        what: Meta,
        from: Register,
    },
    Equals {
        from: Register,
        value: Vec<u8>,
    },
    Mask {
        register: Register,
        mask: Vec<u8>,
    },
    In {
        from: Register,
        set: &'static str,
    },
    Map {
        from: Register,
        map: &'static str,
        to: Register,
    },
    /// Sends a copy to an address through an interface.
    Duplicate {
        address: Register,
        interface: Register,
    },
    Count,
    Verdict(Verdict),
}

fn kind_header(family: u8, resource: u16) -> [u8; 4] {
    let [high, low] = resource.to_be_bytes();
    [family, 0, high, low]
}

pub(super) fn begin() -> Request {
    Request::new(BATCH_BEGIN, 0, &kind_header(0, SUBSYSTEM))
}

pub(super) fn end() -> Request {
    Request::new(BATCH_END, 0, &kind_header(0, SUBSYSTEM))
}

fn number(request: &mut Request, kind: u16, value: u32) {
    request.attribute(kind, &value.to_be_bytes());
}

fn value(request: &mut Request, kind: u16, octets: &[u8]) {
    request.nested(NESTED | kind, |data| {
        data.attribute(1, octets);
    });
}

impl Table<'_> {
    fn request(&self, kind: u16, flags: u16) -> Request {
        Request::new(kind, flags, &kind_header(self.family.number(), 0))
    }

    /// One that is there already stays as it is.
    pub fn create(&self) -> Request {
        let mut request = self.request(NEW_TABLE, CREATE);
        request.text(1, self.name);
        request
    }

    /// A question that is refused when there is none.
    pub fn exists(&self) -> Request {
        let mut request = self.request(GET_TABLE, 0);
        request.text(1, self.name);
        request
    }

    /// With everything in it.
    pub fn delete(&self) -> Request {
        let mut request = self.request(DELETE_TABLE, 0);
        request.text(1, self.name);
        request
    }

    /// A chain that only rules lead to.
    pub fn chain(&self, name: &str) -> Request {
        let mut request = self.request(NEW_CHAIN, CREATE | EXCLUSIVE);
        request.text(1, self.name).text(3, name);
        request
    }

    /// A chain that packets come to by themselves, and that lets through what no rule drops.
    pub fn base_chain(&self, name: &str, hook: Hook, priority: i32) -> Request {
        let hook: u32 = match hook {
            Hook::Input => 1,
            Hook::Output => 3,
        };
        let mut request = self.chain(name);
        request.nested(NESTED | 4, |place| {
            number(place, 1, hook);
            number(place, 2, priority.cast_unsigned());
        });
        let accept = 1;
        number(&mut request, 5, accept);
        request.text(7, "filter");
        request
    }

    /// `id` names the set within its transaction.
    pub fn set(&self, set: &Set, id: u32) -> Request {
        let mut request = self.request(NEW_SET, CREATE | EXCLUSIVE);
        request.text(1, self.name).text(2, set.name);
        let constant = if set.constant { SET_CONSTANT } else { 0 };
        let map = if set.to.is_some() { SET_MAP } else { 0 };
        let ranges = if set.ranges { SET_INTERVAL | SET_CONCAT } else { 0 };
        number(&mut request, 3, constant | map | ranges);
        number(&mut request, 4, set.key.number());
        number(&mut request, 5, set.key.len());
        if let Some(to) = set.to {
            number(&mut request, 6, to.number());
            number(&mut request, 7, to.len());
        }
        if set.ranges {
            request.nested(NESTED | 9, |description| {
                description.nested(NESTED | 2, |list| {
                    for length in set.key.parts() {
                        list.nested(LIST_ELEMENT, |one| number(one, 1, *length));
                    }
                });
            });
        }
        number(&mut request, 10, id);
        if set.key.is_host_order() || set.to.is_some_and(Key::is_host_order) {
            request.attribute(13, &set.byte_orders());
        }
        request
    }

    /// At most [`ELEMENTS_MAX`]; one that is there already stays.
    pub fn add(&self, set: &str, elements: &[Element]) -> Request {
        self.elements(self.request(NEW_ELEMENTS, CREATE), set, elements)
    }

    /// At most [`ELEMENTS_MAX`]; all of them must be there.
    pub fn remove(&self, set: &str, elements: &[Element]) -> Request {
        self.elements(self.request(DELETE_ELEMENTS, 0), set, elements)
    }

    fn elements(&self, mut request: Request, set: &str, elements: &[Element]) -> Request {
        request.text(1, self.name).text(2, set).nested(NESTED | 3, |list| {
            for element in elements {
                list.nested(LIST_ELEMENT, |one| {
                    value(one, 1, &element.key);
                    if let Some(end) = &element.end {
                        value(one, 10, end);
                    }
                    if let Some(data) = &element.data {
                        value(one, 2, data);
                    }
                });
            }
        });
        request
    }

    /// A rule behind those the chain has.
    pub fn rule(&self, chain: &str, expressions: &[Expression]) -> Request {
        let mut request = self.request(NEW_RULE, CREATE | APPEND);
        request.text(1, self.name).text(2, chain).nested(NESTED | 4, |list| {
            for expression in expressions {
                list.nested(LIST_ELEMENT, |one| expression.encode(one));
            }
        });
        request
    }
}

impl Expression {
    fn name(&self) -> &'static str {
        match self {
            Expression::Payload { .. } => "payload",
            Expression::Meta { .. } | Expression::SetMeta { .. } => "meta",
            Expression::Equals { .. } => "cmp",
            Expression::Mask { .. } => "bitwise",
            Expression::In { .. } | Expression::Map { .. } => "lookup",
            Expression::Duplicate { .. } => "dup",
            Expression::Count => "counter",
            Expression::Verdict(_) => "immediate",
        }
    }

    fn encode(&self, request: &mut Request) {
        request.text(1, self.name()).nested(NESTED | 2, |data| match self {
            Expression::Payload { base, offset, length, to } => {
                number(data, 1, *to as u32);
                number(data, 2, *base as u32);
                number(data, 3, *offset);
                number(data, 4, *length);
            }
            Expression::Meta { what, to } => {
                number(data, 1, *to as u32);
                number(data, 2, *what as u32);
            }
            Expression::SetMeta { what, from } => {
                number(data, 2, *what as u32);
                number(data, 3, *from as u32);
            }
            Expression::Equals { from, value: wanted } => {
                number(data, 1, *from as u32);
                number(data, 2, 0);
                value(data, 3, wanted);
            }
            Expression::Mask { register, mask } => {
                number(data, 1, *register as u32);
                number(data, 2, *register as u32);
                number(data, 3, u32::try_from(mask.len()).unwrap_or(0));
                value(data, 4, mask);
                value(data, 5, &vec![0; mask.len()]);
            }
            Expression::In { from, set } => {
                data.text(1, set);
                number(data, 2, *from as u32);
            }
            Expression::Map { from, map, to } => {
                data.text(1, map);
                number(data, 2, *from as u32);
                number(data, 3, *to as u32);
            }
            Expression::Duplicate { address, interface } => {
                number(data, 1, *address as u32);
                number(data, 2, *interface as u32);
            }
            Expression::Count => {}
            Expression::Verdict(verdict) => encode_verdict(*verdict, data),
        });
    }
}

fn encode_verdict(verdict: Verdict, data: &mut Request) {
    let (code, chain): (i32, Option<&str>) = match verdict {
        Verdict::Drop => (0, None),
        Verdict::Accept => (1, None),
        Verdict::Return => (-5, None),
        Verdict::Goto(chain) => (-4, Some(chain)),
    };
    // Verdicts go into register 0.
    number(data, 1, 0);
    data.nested(NESTED | 2, |value| {
        value.nested(NESTED | 2, |inner| {
            number(inner, 1, code.cast_unsigned());
            if let Some(chain) = chain {
                inner.text(2, chain);
            }
        });
    });
}
