// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::proto::health::Protocol;
use proptest::prelude::*;

fn mark(first: &str, last: &str, port: u16, mark: u32) -> plan::Mark {
    let address = |text: &str| text.parse().unwrap();
    plan::Mark { protocol: Protocol::Tcp, first: address(first), last: address(last), port, mark }
}

fn shown(elements: &[plan::Mark]) -> Vec<String> {
    let (entries, _) = disjoint(elements);
    let show =
        |entry: &Entry| format!("{}-{} {}-{} {}", entry.first, entry.last, entry.ports.0, entry.ports.1, entry.mark);
    entries.iter().map(show).collect()
}

#[test]
fn who_names_an_address_first_keeps_it() {
    let elements = [mark("10.0.0.5", "10.0.0.6", 80, 1), mark("10.0.0.1", "10.0.0.9", 80, 2)];
    assert_eq!(
        shown(&elements),
        ["10.0.0.5-10.0.0.6 80-80 1", "10.0.0.1-10.0.0.4 80-80 2", "10.0.0.7-10.0.0.9 80-80 2"]
    );
    assert_eq!(disjoint(&elements).1, [&elements[1]]);
    let same = [elements[0].clone(), mark("10.0.0.6", "10.0.0.6", 80, 1)];
    assert_eq!((shown(&same).len(), disjoint(&same).1.len()), (1, 0), "one mark is none against another");
    let apart = [elements[0].clone(), mark("10.0.0.5", "10.0.0.6", 81, 2), mark("::5", "::6", 80, 3)];
    assert_eq!((shown(&apart).len(), disjoint(&apart).1.len()), (3, 0));
}

#[test]
fn without_a_port_every_port_is_meant_but_those_of_others() {
    let elements = [mark("10.0.0.5", "10.0.0.5", 80, 1), mark("10.0.0.5", "10.0.0.6", 0, 2)];
    assert_eq!(
        shown(&elements),
        [
            "10.0.0.5-10.0.0.5 80-80 1",
            "10.0.0.6-10.0.0.6 0-65535 2",
            "10.0.0.5-10.0.0.5 0-79 2",
            "10.0.0.5-10.0.0.5 81-65535 2"
        ]
    );
}

proptest! {
    #[test]
    fn every_address_and_port_has_the_mark_of_who_named_it_first(
        all in proptest::collection::vec((0_u8..8, 0_u8..8, 0_u16..4), 1..8)
    ) {
        let elements: Vec<plan::Mark> = (1..).zip(&all).map(|(number, (one, other, port))| {
            let (first, last) = (one.min(other), one.max(other));
            mark(&format!("10.0.0.{first}"), &format!("10.0.0.{last}"), *port, number)
        }).collect();
        let (entries, _) = disjoint(&elements);
        for last in 0..8_u8 {
            for port in 0..5_u16 {
                let address = IpAddr::from([10, 0, 0, last]);
                let wanted = elements.iter().find(|element| {
                    (element.first..=element.last).contains(&address) && (element.port == 0 || element.port == port)
                });
                let found: Vec<u32> = entries.iter().filter(|entry| {
                    (entry.first..=entry.last).contains(&address) && (entry.ports.0..=entry.ports.1).contains(&port)
                }).map(|entry| entry.mark).collect();
                prop_assert_eq!(found, wanted.map(|element| element.mark).into_iter().collect::<Vec<_>>());
            }
        }
    }
}
