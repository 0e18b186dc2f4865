// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Orders, Will};
use crate::channel::{Deposit, Farewell, Kind, Thing};

fn thing(kind: Kind, number: u8) -> Thing {
    Thing { kind, request: 0, flags: 0, body: vec![number] }
}

fn undo(instance: u32, things: &[&Thing]) -> Deposit {
    Deposit::Undo { instance, things: things.iter().copied().cloned().collect() }
}

fn advert(number: u8) -> Farewell {
    Farewell {
        interface: None,
        authenticated: false,
        source: "10.0.0.1".parse().unwrap(),
        destination: "224.0.0.18".parse().unwrap(),
        hop_limit: 255,
        bytes: vec![number],
    }
}

fn farewell(instance: u32, adverts: &[Farewell]) -> Deposit {
    Deposit::Farewell { instance, adverts: adverts.to_vec() }
}

fn orders_after(deposits: Vec<Deposit>) -> Orders {
    let mut will = Will::default();
    deposits.into_iter().for_each(|deposit| will.deposit(deposit));
    will.orders()
}

#[test]
fn without_deposits_there_is_nothing_to_do() {
    assert_eq!(orders_after(Vec::new()), Orders::default());
}

#[test]
fn a_newer_deposit_replaces_the_older_one_of_its_instance_only() {
    let (a, b, c) = (thing(Kind::Address, 1), thing(Kind::Address, 2), thing(Kind::Address, 3));
    let orders = orders_after(vec![
        undo(1, &[&a]),
        undo(2, &[&b]),
        farewell(1, &[advert(1)]),
        farewell(2, &[advert(2)]),
        undo(1, &[&a, &c]),
        farewell(1, &[advert(9)]),
    ]);
    assert_eq!(orders, Orders { farewells: vec![advert(9), advert(2)], undo: vec![a, b, c] });
}

#[test]
fn an_instance_that_left_in_good_order_leaves_nothing_to_do() {
    let orders = orders_after(vec![
        undo(1, &[&thing(Kind::Address, 1)]),
        farewell(1, &[advert(1)]),
        farewell(1, &[]),
        undo(1, &[]),
    ]);
    assert_eq!(orders, Orders::default());
}

#[test]
fn rules_go_before_routes_and_routes_before_addresses() {
    let (rule, route, address) = (thing(Kind::Rule, 3), thing(Kind::Route, 2), thing(Kind::Address, 1));
    let orders = orders_after(vec![undo(1, &[&address, &route]), undo(2, &[&rule])]);
    assert_eq!(orders.undo, [rule, route, address]);
}

#[test]
fn what_two_instances_hold_is_removed_once() {
    let shared = thing(Kind::Address, 1);
    let orders = orders_after(vec![undo(1, &[&shared]), undo(2, &[&shared])]);
    assert_eq!(orders.undo, [shared]);
}

#[test]
fn what_one_instance_gave_up_stays_while_another_holds_it() {
    let shared = thing(Kind::Address, 1);
    let orders = orders_after(vec![undo(1, &[&shared]), undo(2, &[&shared]), undo(1, &[])]);
    assert_eq!(orders.undo, [shared]);
}
