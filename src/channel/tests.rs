// SPDX-License-Identifier: MIT OR Apache-2.0
use std::os::fd::AsFd;
use std::time::Duration;

use proptest::prelude::*;

use super::outbox::{SPARED_MAX, WAITING_MAX};
use super::{Channel, Deposit, Farewell, Happened, Kind, Message, Outbox, Thing, decode};
use crate::kernel::bundle::Bundle;
use crate::kernel::seqpacket::{End, PACKET_MAX, Packet};

fn on_a_runtime<T>(test: impl AsyncFnOnce(Channel, Channel) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (one, other) = End::pair().unwrap();
        test(Channel::new(one).unwrap(), Channel::new(other).unwrap()).await
    })
}

fn thing(body: Vec<u8>) -> Thing {
    Thing { kind: Kind::Address, request: 21, flags: 1, body }
}

fn every_message() -> Vec<Message> {
    let farewell = Farewell {
        interface: Some((7, "eth0".into())),
        authenticated: false,
        source: "10.0.0.1".parse().unwrap(),
        destination: "224.0.0.18".parse().unwrap(),
        hop_limit: 255,
        bytes: (0..=255).collect(),
    };
    vec![
        Message::Stop,
        Message::Reloaded { epoch: 3, refused: Some("no".into()) },
        Message::Alive { patience_ms: 2700 },
        Message::Session { name: "peer".into(), is_up: Some(true) },
        Message::Session { name: "other".into(), is_up: None },
        Message::Will(Deposit::Undo { instance: 1, things: vec![thing(vec![0, 15, 16, 255])] }),
        Message::Will(Deposit::Farewell { instance: 1, adverts: vec![farewell] }),
    ]
}

#[test]
fn every_message_arrives_as_it_was_sent_and_in_order() {
    on_a_runtime(async |one, other| {
        for message in every_message() {
            one.try_send(&message, None).unwrap();
        }
        for message in every_message() {
            assert_eq!(other.receive().await.unwrap().unwrap().0, message);
        }
        assert!(other.try_receive().unwrap().is_none());
    });
}

#[test]
fn a_text_travels_beside_its_message() {
    on_a_runtime(async |one, other| {
        let text = Bundle::seal(b"vrrp_instance A {\n}\n").unwrap();
        one.try_send(&Message::Reload { epoch: 2 }, Some(text.as_fd())).unwrap();
        let (message, beside) = other.receive().await.unwrap().unwrap();
        assert_eq!(message, Message::Reload { epoch: 2 });
        assert_eq!(Bundle::read(beside.unwrap()).unwrap(), b"vrrp_instance A {\n}\n");
    });
}

#[test]
fn a_message_longer_than_a_packet_arrives_too() {
    on_a_runtime(async |one, other| {
        let message = Message::Will(Deposit::Undo { instance: 9, things: vec![thing(vec![7; PACKET_MAX])] });
        one.try_send(&message, None).unwrap();
        assert_eq!(other.receive().await.unwrap().unwrap().0, message);
    });
}

#[test]
fn an_end_that_is_gone_is_noticed_after_what_it_said() {
    on_a_runtime(async |one, other| {
        one.try_send(&Message::Stop, None).unwrap();
        drop(one);
        assert_eq!(other.receive().await.unwrap().unwrap().0, Message::Stop);
        assert!(other.receive().await.unwrap().is_none());
        assert!(other.try_send(&Message::Stop, None).is_err());
    });
}

#[test]
fn what_is_no_message_is_an_error() {
    on_a_runtime(async |one, other| {
        one.line.end().send(b"{\"Undo\":1}", None).unwrap();
        assert!(other.receive().await.is_err());
    });
}

#[test]
fn while_nobody_reads_only_the_newest_of_each_matter_waits() {
    on_a_runtime(async |one, other| {
        let outbox = Outbox::new(one);
        let deposit = |round: usize| {
            let things = vec![thing(vec![u8::try_from(round % 256).unwrap(); 20_000])];
            Message::Will(Deposit::Undo { instance: 5, things })
        };
        let rounds = 1000;
        for round in 0..rounds {
            outbox.post(deposit(round));
            outbox.post(Message::Alive { patience_ms: 1 });
        }
        assert_eq!(outbox.waiting.borrow().len(), 2, "the line is full, and one message of each matter waits");
        let reader = async {
            let mut last = None;
            while let Some((message, _)) = other.receive().await.unwrap() {
                if matches!(message, Message::Will(_)) {
                    last = Some(message);
                }
                if last == Some(deposit(rounds - 1)) {
                    return;
                }
            }
        };
        let limit = Duration::from_secs(20);
        let both = async { tokio::join!(outbox.drain(), reader) };
        tokio::time::timeout(limit, both).await.expect("all of it arrives").0.unwrap();
    });
}

#[test]
fn chatter_that_nobody_reads_leaves_room_for_changes_of_state() {
    on_a_runtime(async |one, _other| {
        let outbox = Outbox::new(one);
        let happened = |number: u64, state: Option<&str>| {
            let state = state.map(str::to_owned);
            Message::Happened(vec![Happened { number, state, text: "x".repeat(4000), ..Happened::default() }])
        };
        let chatter = 2 * WAITING_MAX as u64;
        (0..chatter).for_each(|number| outbox.post(happened(number, None)));
        let lost = outbox.lost();
        assert!(lost > 0, "more than there is room for");
        outbox.post(happened(chatter, Some("MASTER")));
        assert_eq!(outbox.lost(), lost, "the change of state is not lost");
        (0..2 * SPARED_MAX as u64).for_each(|more| outbox.post(happened(chatter + 1 + more, Some("BACKUP"))));
        assert_eq!(outbox.events.borrow().len(), WAITING_MAX + SPARED_MAX);
    });
}

#[test]
fn what_happens_at_once_goes_in_few_messages_and_in_order() {
    on_a_runtime(async |one, other| {
        let outbox = Outbox::new(one);
        let events: Vec<Happened> = (1..=1000).map(|number| Happened { number, ..Happened::default() }).collect();
        events.iter().for_each(|happened| outbox.post(Message::Happened(vec![happened.clone()])));
        outbox.drain().await.unwrap();
        let (mut messages, mut heard) = (0, Vec::new());
        while let Some((Message::Happened(some), _)) = other.try_receive().unwrap() {
            messages += 1;
            heard.extend(some);
        }
        assert_eq!(heard, events);
        assert!(messages < 30, "{messages} messages");
    });
}

proptest! {
    #[test]
    fn any_octets_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(Packet { bytes, beside: None });
    }

    /// Octets travel as text; whatever stands there is octets or an error.
    #[test]
    fn any_text_in_the_place_of_octets_is_read_or_refused(octets in ".{0,40}") {
        let body = serde_json::to_string(&octets).unwrap();
        let thing = format!(r#"{{"kind":"Address","request":21,"flags":1,"body":{body}}}"#);
        let text = format!(r#"{{"Will":{{"Undo":{{"instance":1,"things":[{thing}]}}}}}}"#);
        let packet = Packet { bytes: text.into_bytes(), beside: None };
        if let Ok((Message::Will(Deposit::Undo { things, .. }), _)) = decode(packet) {
            prop_assert_eq!(things[0].body.len() * 2, octets.len());
        }
    }

    #[test]
    fn any_octets_travel_as_they_are(body in proptest::collection::vec(any::<u8>(), 0..60)) {
        let message = Message::Will(Deposit::Undo { instance: 1, things: vec![thing(body)] });
        let packet = Packet { bytes: super::encode(&message).unwrap(), beside: None };
        prop_assert_eq!(decode(packet).unwrap().0, message);
    }
}
