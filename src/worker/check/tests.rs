// SPDX-License-Identifier: MIT OR Apache-2.0
//! The worker as its process runs it, told by its supervisor, and without a load balancer: what becomes of the servers.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Sender, channel};
use tokio::time::timeout;

use super::meaning::Meaning;
use super::{Order, Outside};
use crate::observe::log::{Level, Log};
use crate::observe::snapshot::lvs::{Lvs, Server};
use crate::plan::lvs::LvsPlan;
use crate::worker::standing::Habits;

/// How long a step may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two servers that follow a session, the second with alpha; what is balanced is in a namespace that does not exist.
fn configuration(session: &str) -> String {
    let server = |last: u8, alpha: &str| {
        format!("real_server 10.0.0.{last} 80 {{\nBFD_CHECK {{\nname {session}\n{alpha}}}\n}}\n")
    };
    format!(
        "net_namespace_ipvs steadfast-nowhere\n\
         bfd_instance peer {{\nneighbor_ip 192.0.2.7\nsource_ip 192.0.2.8\n}}\n\
         bfd_instance other {{\nneighbor_ip 192.0.2.9\nsource_ip 192.0.2.8\n}}\n\
         virtual_server 192.0.2.1 80 {{\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n{}{}}}\n",
        server(1, ""),
        server(2, "alpha\n")
    )
}

fn meaning(session: &str, before: Option<&LvsPlan>) -> (Meaning, Vec<(Level, String)>) {
    Meaning::of(configuration(session), before, &Habits::default())
}

/// What the supervisor says, and what it is answered.
struct Line {
    orders: Sender<Order>,
}

impl Line {
    async fn say(&self, order: Order) {
        self.orders.send(order).await.unwrap();
    }

    async fn session(&self, name: &str, is_up: Option<bool>) {
        self.say(Order::Session { name: name.to_owned(), is_up }).await;
    }

    /// How both servers stand after everything that was said before.
    async fn servers(&self) -> [Server; 2] {
        let (to, answer) = tokio::sync::oneshot::channel();
        self.say(Order::Tell(to)).await;
        let mut seen: Box<Lvs> = timeout(PATIENCE, answer).await.expect("an answer").unwrap();
        seen.services.remove(0).servers.try_into().expect("two servers")
    }

    /// Whether each server is up, and whether its check has said anything.
    async fn states(&self) -> [(bool, Option<bool>); 2] {
        self.servers().await.map(|server| (server.up, server.checkers.first().and_then(|checker| checker.up)))
    }
}

/// Plays with a worker of its own; what happened, as the log tells it.
fn play(session: &str, game: impl AsyncFnOnce(&Line)) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = RefCell::new(Vec::new());
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let (orders, ordered) = channel(16);
        let outside = Outside {
            log: Log::to_stderr("test"),
            orders: ordered,
            told: &mut |_, _, _, _| {},
            happened: &mut |happened| told.borrow_mut().push(happened.text),
            turned: &mut |_| {},
            alive: &mut |_| {},
        };
        let line = Line { orders };
        let gaming = async {
            game(&line).await;
            line.say(Order::Stop).await;
        };
        let (ended, ()) =
            tokio::join!(timeout(PATIENCE, super::run(Arc::new(meaning(session, None).0), outside)), gaming);
        ended.expect("an end").unwrap();
    });
    told.into_inner()
}

#[test]
fn a_session_of_which_nothing_is_heard_leaves_its_server_as_it_was_and_says_so() {
    play("peer", async |line| {
        assert_eq!(line.states().await, [(true, None), (false, None)], "in, and with alpha out, unproven both");
    });
    let (_, remarks) = meaning("peer", None);
    let lines: Vec<&str> = remarks.iter().map(|(_, line)| line.as_str()).collect();
    let expected = "BFD is not implemented yet: BFD_CHECK of session `peer` is not made; servers judged by their other \
                    checks alone: 1, kept out by alpha: 1";
    assert_eq!(lines, [expected]);
}

#[test]
fn a_reading_of_a_session_takes_its_servers_out_and_in() {
    let told = play("peer", async |line| {
        line.session("peer", Some(true)).await;
        assert_eq!(line.states().await, [(true, Some(true)); 2]);
        line.session("other", Some(false)).await;
        assert_eq!(line.states().await, [(true, Some(true)); 2], "nobody follows that one");
        line.session("peer", Some(false)).await;
        assert_eq!(line.states().await, [(false, Some(false)); 2]);
        let [first, _] = line.servers().await;
        let check = first.checkers.first().unwrap();
        assert_eq!(check.why.as_deref(), Some("BFD session peer is down"));
        line.session("peer", Some(true)).await;
        assert_eq!(line.states().await, [(true, Some(true)); 2]);
    });
    let at =
        |part: &str| told.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {told:#?}"));
    let check = "BFD_CHECK on service [10.0.0.1]:tcp:80";
    let failed = at(&format!("{check} failed. (BFD session peer is down)"));
    assert!(failed < at("Removing service [10.0.0.1]:tcp:80 from VS [192.0.2.1]:tcp:80"));
    assert!(at("Lost quorum 1-0=1 > 0") > failed);
}

#[test]
fn a_session_nobody_knows_anything_of_is_not_checked_and_counts_neither_way() {
    let told = play("peer", async |line| {
        line.session("peer", Some(true)).await;
        line.session("peer", None).await;
        line.session("peer", None).await;
        assert_eq!(line.states().await, [(true, Some(true)); 2]);
        let counted = line.servers().await.map(|server| server.checkers.first().map(|check| check.not_checked));
        assert_eq!(counted, [Some(2); 2]);
        line.session("peer", Some(false)).await;
        assert_eq!(line.states().await, [(false, Some(false)); 2]);
        line.session("peer", None).await;
        assert_eq!(line.states().await, [(false, Some(false)); 2], "what is out stays out");
    });
    let lines = |part: &str| told.iter().filter(|line| line.contains(part)).count();
    let lost = "could not be made (nobody says how BFD session peer is); that says nothing about the server";
    assert_eq!(lines(lost), 4, "once for each server and each time: {told:#?}");
    assert_eq!(lines("is made again after 2 that could not be made"), 2, "{told:#?}");
}

#[test]
fn what_was_said_of_a_session_counts_for_checks_that_come_later() {
    play("peer", async |line| {
        line.session("other", Some(false)).await;
        assert_eq!(line.states().await, [(true, None), (false, None)]);
        let before = meaning("peer", None).0.plan;
        line.say(Order::Reload(Arc::new(meaning("other", Some(&before)).0))).await;
        assert_eq!(line.states().await, [(false, Some(false)); 2]);
    });
}

#[test]
fn the_very_text_that_is_in_force_means_the_same_plan() {
    let (before, first) = meaning("peer", None);
    let (again, second) = before.again().expect("nothing of this machine counts but the text");
    assert!(Arc::ptr_eq(&before.plan, &again.plan), "so that nothing is compared");
    assert_eq!(first, second);
    let told = play("peer", async |line| {
        line.session("peer", Some(true)).await;
        let again = before.again().unwrap().0;
        for meaning in [before, again] {
            line.say(Order::Reload(Arc::new(meaning))).await;
        }
        assert_eq!(line.states().await, [(true, Some(true)); 2]);
    });
    assert!(!told.iter().any(|line| line.contains("Removing") || line.contains("no longer")), "{told:#?}");
}
