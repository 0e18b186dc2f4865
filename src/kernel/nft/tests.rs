// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use proptest::prelude::*;

use super::wire::{self, Element, Expression, Hook, Key, Register, Set};
use super::{Filter, Place, Settings, Transaction, Unaccepted, Vmac};
use crate::kernel::Family;
use crate::kernel::netlink::Request;
use crate::kernel::netlink::{Attribute, Attributes};

fn table() -> wire::Table<'static> {
    wire::Table { family: Family::V4, name: "t" }
}

#[test]
fn messages_are_laid_out_as_the_kernel_reads_them() {
    let chain = table().base_chain("in", Hook::Input, -1);
    #[rustfmt::skip]
    let expected = [
        // family, version, resource
        2, 0, 0, 0,
        6, 0, 1, 0,  b't', 0, 0, 0,
        7, 0, 3, 0,  b'i', b'n', 0, 0,
        // hook: which, and its priority
        20, 0, 4, 0x80,  8, 0, 1, 0,  0, 0, 0, 1,  8, 0, 2, 0,  0xff, 0xff, 0xff, 0xff,
        // accepts what no rule drops
        8, 0, 5, 0,  0, 0, 0, 1,
        11, 0, 7, 0,  b'f', b'i', b'l', b't', b'e', b'r', 0, 0,
    ];
    assert_eq!((chain.kind(), chain.body()), (0xa03, &expected[..]));
    let set = Set { name: "m", key: Key::Ipv4, to: Some(Key::InterfaceIndex), constant: false, ranges: false };
    let set = table().set(&set, 3);
    #[rustfmt::skip]
    let expected = [
        2, 0, 0, 0,
        6, 0, 1, 0,  b't', 0, 0, 0,
        6, 0, 2, 0,  b'm', 0, 0, 0,
        8, 0, 3, 0,  0, 0, 0, 8,
        8, 0, 4, 0,  0, 0, 0, 7,  8, 0, 5, 0,  0, 0, 0, 4,
        8, 0, 6, 0,  0, 0, 0, 20,  8, 0, 7, 0,  0, 0, 0, 4,
        8, 0, 10, 0,  0, 0, 0, 3,
        // the key is in network order, the data in the machine's own
        16, 0, 13, 0,  0, 4, 2, 0, 0, 0,  1, 4, 1, 0, 0, 0,
    ];
    assert_eq!((set.kind(), set.body()), (0xa09, &expected[..]));
    let element = Element { key: vec![10, 0, 0, 1], end: None, data: Some(vec![5, 0, 0, 0]) };
    let elements = table().remove("m", &[element]);
    #[rustfmt::skip]
    let expected = [
        2, 0, 0, 0,
        6, 0, 1, 0,  b't', 0, 0, 0,
        6, 0, 2, 0,  b'm', 0, 0, 0,
        32, 0, 3, 0x80,  28, 0, 1, 0x80,
        12, 0, 1, 0x80,  8, 0, 1, 0,  10, 0, 0, 1,
        12, 0, 2, 0x80,  8, 0, 1, 0,  5, 0, 0, 0,
    ];
    assert_eq!((elements.kind(), elements.body()), (0xa0e, &expected[..]));
    assert_eq!((wire::begin().kind(), wire::begin().body()), (16, &[0, 0, 0, 10][..]));
    assert_eq!((wire::end().kind(), wire::end().body()), (17, &[0, 0, 0, 10][..]));
}

#[test]
fn a_rule_is_a_list_of_named_expressions() {
    let equals = Expression::Equals { from: Register::First, value: vec![2] };
    let verdict = Expression::Verdict(wire::Verdict::Goto("c"));
    let rule = table().rule("in", &[equals, Expression::Count, verdict]);
    #[rustfmt::skip]
    let expected = [
        2, 0, 0, 0,
        6, 0, 1, 0,  b't', 0, 0, 0,
        7, 0, 2, 0,  b'i', b'n', 0, 0,
        124, 0, 4, 0x80,
        // the first register is 2
        44, 0, 1, 0x80,
        8, 0, 1, 0,  b'c', b'm', b'p', 0,
        32, 0, 2, 0x80,  8, 0, 1, 0,  0, 0, 0, 1,  8, 0, 2, 0,  0, 0, 0, 0,
        12, 0, 3, 0x80,  5, 0, 1, 0,  2, 0, 0, 0,
        20, 0, 1, 0x80,
        12, 0, 1, 0,  b'c', b'o', b'u', b'n', b't', b'e', b'r', 0,
        4, 0, 2, 0x80,
        // a verdict: goto (-4) a chain
        56, 0, 1, 0x80,
        14, 0, 1, 0,  b'i', b'm', b'm', b'e', b'd', b'i', b'a', b't', b'e', 0, 0, 0,
        36, 0, 2, 0x80,  8, 0, 1, 0,  0, 0, 0, 0,
        24, 0, 2, 0x80,  20, 0, 2, 0x80,  8, 0, 1, 0,  0xff, 0xff, 0xff, 0xfc,  6, 0, 2, 0,  b'c', 0, 0, 0,
    ];
    assert_eq!((rule.kind(), rule.body()), (0xa06, &expected[..]));
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn anywhere(addresses: &[&str]) -> BTreeSet<Unaccepted> {
    addresses.iter().map(|text| Unaccepted::Anywhere(ip(text))).collect()
}

/// What the kernel makes of messages, as far as it decides whether a transaction goes through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Kernel {
    tables: BTreeMap<(u8, String), Tables>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tables {
    chains: BTreeSet<String>,
    sets: BTreeMap<String, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
    constant: BTreeSet<String>,
    rules: Vec<(String, Vec<String>)>,
}

fn attributes(bytes: &[u8]) -> BTreeMap<u16, Attribute<'_>> {
    Attributes::new(bytes).map(|attribute| (attribute.kind, attribute)).collect()
}

fn text(attribute: Option<&Attribute<'_>>) -> Option<String> {
    attribute.and_then(Attribute::text).map(str::to_owned)
}

fn number(attribute: Option<&Attribute<'_>>) -> Option<u32> {
    Some(u32::from_be_bytes(attribute?.bytes()?))
}

fn data(attribute: Option<&Attribute<'_>>) -> Option<Vec<u8>> {
    Some(attribute?.attributes().find(|inner| inner.kind == 1)?.value.to_vec())
}

impl Kernel {
    /// All or nothing; what was wrong otherwise.
    fn commit(&mut self, transaction: &Transaction) -> Result<(), String> {
        let mut next = self.clone();
        let messages = transaction.messages();
        let [open, inner @ .., close] = &messages[..] else { return Err("not opened and closed".to_owned()) };
        assert_eq!((open.kind(), close.kind()), (16, 17));
        for message in inner {
            next.apply(message).map_err(|why| format!("{why}: {message:?}"))?;
        }
        *self = next;
        Ok(())
    }

    fn apply(&mut self, message: &Request) -> Result<(), &'static str> {
        assert!(!message.is_overlong());
        let body = message.body();
        let given = attributes(&body[4..]);
        let key = (body[0], text(given.get(&1)).ok_or("no table named")?);
        match message.kind() {
            wire::NEW_TABLE => {
                self.tables.entry(key).or_default();
                return Ok(());
            }
            wire::DELETE_TABLE => return self.tables.remove(&key).map(drop).ok_or("no such table to delete"),
            _ => {}
        }
        let table = self.tables.get_mut(&key).ok_or("no such table")?;
        match message.kind() {
            wire::NEW_CHAIN => {
                table.chains.insert(text(given.get(&3)).ok_or("no name")?).then_some(()).ok_or("a second chain")
            }
            wire::NEW_SET => {
                let name = text(given.get(&2)).ok_or("no name")?;
                number(given.get(&10)).ok_or("no id")?;
                number(given.get(&5)).filter(|length| (1..=64).contains(length)).ok_or("no key length")?;
                let flags = number(given.get(&3)).ok_or("no flags")?;
                assert_eq!(flags & 8 != 0, given.contains_key(&7), "a map has data");
                if flags & 2 != 0 {
                    table.constant.insert(name.clone());
                }
                table.sets.insert(name, BTreeMap::new()).is_none().then_some(()).ok_or("a second set")
            }
            wire::NEW_RULE => table.add_rule(&given),
            wire::NEW_ELEMENTS => table.elements(&given, |set, key, data| match set.insert(key, data.clone()) {
                Some(before) if before != data => Err("leads elsewhere already"),
                _ => Ok(()),
            }),
            wire::DELETE_ELEMENTS => {
                table.elements(&given, |set, key, _| set.remove(&key).map(drop).ok_or("no such element"))
            }
            _ => Err("an unknown message"),
        }
    }
}

impl Tables {
    fn add_rule(&mut self, given: &BTreeMap<u16, Attribute<'_>>) -> Result<(), &'static str> {
        let chain = text(given.get(&2)).filter(|chain| self.chains.contains(chain)).ok_or("no such chain")?;
        let mut names = Vec::new();
        for expression in given.get(&4).ok_or("no expressions")?.attributes() {
            let parts = attributes(expression.value);
            let name = text(parts.get(&1)).ok_or("no name")?;
            let detail = attributes(parts.get(&2).ok_or("no data")?.value);
            if name == "lookup" {
                let set = text(detail.get(&1)).ok_or("no set")?;
                let elements = self.sets.get(&set).ok_or("no such set")?;
                // A set that a rule uses is complete when it never changes.
                assert!(!self.constant.contains(&set) || !elements.is_empty());
            }
            names.push(name);
        }
        self.rules.push((chain, names));
        Ok(())
    }

    fn elements(
        &mut self,
        given: &BTreeMap<u16, Attribute<'_>>,
        each: impl Fn(&mut BTreeMap<Vec<u8>, Option<Vec<u8>>>, Vec<u8>, Option<Vec<u8>>) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let set = text(given.get(&2)).and_then(|name| self.sets.get_mut(&name)).ok_or("no such set")?;
        for element in given.get(&3).ok_or("no elements")?.attributes() {
            let parts = attributes(element.value);
            each(set, data(parts.get(&1)).ok_or("no key")?, data(parts.get(&2)))?;
        }
        Ok(())
    }

    fn keys(&self, set: &str) -> Vec<Vec<u8>> {
        self.sets.get(set).into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }
}

impl Kernel {
    fn table(&self, family: Family) -> Option<&Tables> {
        self.tables.get(&(family.number(), "keepalived".to_owned()))
    }
}

#[test]
fn tables_come_with_the_first_need_and_elements_come_and_go() {
    let (mut kernel, mut filter) = (Kernel::default(), Filter::new(Settings::default()));
    let first = filter.hold(1, anywhere(&["10.0.0.1", "10.0.0.2"]));
    kernel.commit(&first).unwrap();
    assert_eq!(kernel.table(Family::V4).unwrap().keys("vips"), [[10, 0, 0, 1], [10, 0, 0, 2]]);
    assert_eq!(kernel.table(Family::V6), None);
    // What another holder has too stays when the first gives it up.
    kernel.commit(&filter.hold(2, anywhere(&["10.0.0.2", "10.0.0.3"]))).unwrap();
    let less = filter.hold(1, BTreeSet::new());
    assert_eq!(less.messages().len(), 3, "one change between open and close");
    kernel.commit(&less).unwrap();
    assert_eq!(kernel.table(Family::V4).unwrap().keys("vips"), [[10, 0, 0, 2], [10, 0, 0, 3]]);
    assert!(filter.hold(2, anywhere(&["10.0.0.2", "10.0.0.3"])).is_empty());
    kernel.commit(&filter.hold(2, BTreeSet::new())).unwrap();
    assert!(kernel.table(Family::V4).unwrap().keys("vips").is_empty());
    kernel.commit(&filter.remove()).unwrap();
    assert_eq!(kernel, Kernel::default());
}

#[test]
fn link_local_addresses_are_held_back_on_their_interface_alone() {
    let (mut kernel, mut filter) = (Kernel::default(), Filter::new(Settings::default()));
    let address = ip("fe80::1");
    let addresses = [
        Unaccepted::new(address, Place::Index(258)),
        Unaccepted::new(address, Place::Name("eth0".to_owned())),
        Unaccepted::new(ip("2001:db8::1"), Place::Index(258)),
    ];
    kernel.commit(&filter.hold(1, BTreeSet::from(addresses))).unwrap();
    let table = kernel.table(Family::V6).unwrap();
    let octets = "fe80::1".parse::<Ipv6Addr>().unwrap().octets();
    assert_eq!(table.keys("vips_link_local"), [[&octets[..], &258_u32.to_ne_bytes()].concat()]);
    assert_eq!(table.keys("vips_link_local_name"), [[&octets[..], b"eth0\0\0\0\0\0\0\0\0\0\0\0\0"].concat()]);
    assert_eq!(table.keys("vips"), ["2001:db8::1".parse::<Ipv6Addr>().unwrap().octets()]);
    assert_eq!(table.keys("neighbor-discovery"), [[135], [136]]);
}

fn vmac(base: u32) -> Vmac {
    Vmac { name: "vrrp.1".to_owned(), base, ipv4: true, ipv6: true, shared_link_local: None }
}

#[test]
fn a_part_that_is_needed_later_keeps_what_the_other_holds() {
    let (mut kernel, mut filter) = (Kernel::default(), Filter::new(Settings::default()));
    kernel.commit(&filter.hold(1, anywhere(&["10.0.0.1"]))).unwrap();
    kernel.commit(&filter.keep_vmacs(BTreeMap::from([(7, vmac(3))]))).unwrap();
    let table = kernel.table(Family::V4).unwrap();
    assert_eq!(table.keys("vips"), [[10, 0, 0, 1]]);
    assert_eq!(
        table.sets["vmac_map"],
        BTreeMap::from([(7_u32.to_ne_bytes().to_vec(), Some(3_u32.to_ne_bytes().to_vec()))])
    );
    let table = kernel.table(Family::V6).unwrap();
    assert_eq!(table.keys("vmac_set"), [7_u32.to_ne_bytes()]);
    assert!(!table.sets.contains_key("vips"));
    // A VMAC that moves to another base leads there.
    kernel.commit(&filter.keep_vmacs(BTreeMap::from([(7, vmac(4))]))).unwrap();
    let table = kernel.table(Family::V4).unwrap();
    assert_eq!(table.sets["vmac_map"].values().flatten().collect::<Vec<_>>(), [&4_u32.to_ne_bytes()]);
}

#[test]
fn after_a_refusal_everything_is_made_anew_whatever_is_there() {
    let (mut kernel, mut filter) = (Kernel::default(), Filter::new(Settings::default()));
    kernel.commit(&filter.hold(1, anywhere(&["10.0.0.1", "2001:db8::1"]))).unwrap();
    // Somebody flushed all tables.
    kernel = Kernel::default();
    assert!(kernel.commit(&filter.hold(1, anywhere(&["10.0.0.2", "2001:db8::1"]))).is_err());
    filter.forget();
    kernel.commit(&filter.hold(1, anywhere(&["10.0.0.2", "2001:db8::1"]))).unwrap();
    assert_eq!(kernel.table(Family::V4).unwrap().keys("vips"), [[10, 0, 0, 2]]);
    assert_eq!(kernel.table(Family::V6).unwrap().keys("vips").len(), 1);
    filter.forget();
    kernel.commit(&filter.hold(1, BTreeSet::new())).unwrap();
    assert_eq!(kernel, Kernel::default(), "what is unknown and not needed goes");
}

#[test]
fn a_table_of_an_earlier_life_is_replaced() {
    let mut kernel = Kernel::default();
    kernel.commit(&Filter::new(Settings::default()).hold(1, anywhere(&["10.0.0.1"]))).unwrap();
    let mut filter = Filter::new(Settings::default());
    kernel.commit(&filter.hold(1, anywhere(&["10.0.0.2"]))).unwrap();
    assert_eq!(kernel.table(Family::V4).unwrap().keys("vips"), [[10, 0, 0, 2]]);
    kernel.commit(&filter.sweep(Family::V4)).unwrap();
    assert_eq!(kernel, Kernel::default());
}

#[test]
fn counters_stand_before_what_a_rule_does() {
    let settings = Settings { counters: true, ..Settings::default() };
    let (mut kernel, mut filter) = (Kernel::default(), Filter::new(settings));
    kernel.commit(&filter.hold(1, anywhere(&["10.0.0.1", "2001:db8::1"]))).unwrap();
    kernel.commit(&filter.keep_vmacs(BTreeMap::from([(7, vmac(3))]))).unwrap();
    for family in [Family::V4, Family::V6] {
        for (chain, expressions) in &kernel.table(family).unwrap().rules {
            let place = expressions.iter().position(|name| name == "counter").expect("every rule counts");
            assert!(matches!(expressions[place + 1].as_str(), "dup" | "immediate"), "{chain} {expressions:?}");
        }
    }
}

#[test]
fn thousands_of_addresses_are_one_transaction_of_several_messages() {
    let (mut kernel, mut filter) = (Kernel::default(), Filter::new(Settings::default()));
    let many = |from: u32| {
        (from..from + 2500)
            .map(|number| {
                Unaccepted::new(Ipv6Addr::from(0xfe80 << 112 | u128::from(number)).into(), Place::Name("eth0".into()))
            })
            .collect::<BTreeSet<_>>()
    };
    kernel.commit(&filter.hold(1, many(0))).unwrap();
    assert_eq!(kernel.table(Family::V6).unwrap().keys("vips_link_local_name").len(), 2500);
    let moved = filter.hold(1, many(1000));
    assert_eq!(moved.messages().len(), 4, "a thousand go, a thousand come");
    kernel.commit(&moved).unwrap();
    assert_eq!(kernel.table(Family::V6).unwrap().keys("vips_link_local_name").len(), 2500);
}

#[derive(Clone, Debug)]
enum Deed {
    Hold(u32, BTreeSet<Unaccepted>),
    Vmacs(BTreeMap<u32, Vmac>),
    /// Somebody else removes everything; the next transaction may be refused.
    Flush,
    Remove,
}

fn unaccepted() -> impl Strategy<Value = Unaccepted> {
    let place = prop_oneof![
        (1_u32..4).prop_map(Place::Index),
        prop::sample::select(vec!["eth0", "an.interface16"]).prop_map(|name| Place::Name(name.to_owned())),
    ];
    let address = prop::sample::select(vec!["10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1", "fe80::1", "fe80::2"]);
    (address, place).prop_map(|(address, place)| Unaccepted::new(ip(address), place))
}

fn deed() -> impl Strategy<Value = Deed> {
    let base = (1_u32..3, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(base, ipv4, ipv6, shares)| {
        let shared_link_local = shares.then(|| "fe80::9".parse().unwrap());
        Vmac { ipv4, ipv6, shared_link_local, ..vmac(base) }
    });
    prop_oneof![
        6 => (0_u32..3, prop::collection::btree_set(unaccepted(), 0..4)).prop_map(|(holder, all)| Deed::Hold(holder, all)),
        3 => prop::collection::btree_map(5_u32..8, base, 0..3).prop_map(Deed::Vmacs),
        1 => Just(Deed::Flush),
        1 => Just(Deed::Remove),
    ]
}

proptest! {
    /// However wishes follow one another, the kernel ends up with exactly what is wanted, and what it refuses is mended
    /// by the next transaction.
    #[test]
    fn the_kernel_always_ends_up_with_what_is_wanted(deeds in prop::collection::vec(deed(), 1..12)) {
        let (mut kernel, mut filter) = (Kernel::default(), Filter::new(Settings::default()));
        let mut held: BTreeMap<u32, BTreeSet<Unaccepted>> = BTreeMap::new();
        let mut vmacs = BTreeMap::new();
        let mut flushed = false;
        for deed in deeds {
            let transaction = match deed {
                Deed::Hold(holder, addresses) => {
                    held.insert(holder, addresses.clone());
                    filter.hold(holder, addresses)
                }
                Deed::Vmacs(wanted) => {
                    vmacs = wanted.clone();
                    filter.keep_vmacs(wanted)
                }
                Deed::Flush => {
                    kernel = Kernel::default();
                    flushed = true;
                    continue;
                }
                Deed::Remove => {
                    held.clear();
                    vmacs.clear();
                    flushed = false;
                    filter.remove()
                }
            };
            let outcome = kernel.commit(&transaction);
            prop_assert!(outcome.is_ok() || flushed, "{:?}", outcome);
            if flushed {
                filter.forget();
                kernel.commit(&filter.keep_vmacs(vmacs.clone())).unwrap();
                flushed = false;
            }
            for family in [Family::V4, Family::V6] {
                let mut wanted: BTreeMap<&str, BTreeSet<Vec<u8>>> = BTreeMap::new();
                for address in held.values().flatten().filter(|address| address.family() == family) {
                    let (set, element) = address.element();
                    wanted.entry(set).or_default().insert(element.key);
                }
                let map: BTreeSet<Vec<u8>> = vmacs
                    .iter()
                    .filter(|(_, vmac): &(&u32, &Vmac)| if family == Family::V4 { vmac.ipv4 } else { vmac.ipv6 })
                    .map(|(index, _)| index.to_ne_bytes().to_vec())
                    .collect();
                if !map.is_empty() {
                    wanted.insert("vmac_map", map);
                }
                for set in ["vips", "vips_link_local", "vips_link_local_name", "vmac_map"] {
                    let has = kernel.table(family).map(|table| table.keys(set)).unwrap_or_default();
                    let wants: Vec<Vec<u8>> = wanted.remove(set).into_iter().flatten().collect();
                    prop_assert_eq!(has, wants, "{} {:?}", set, family);
                }
            }
        }
    }
}
