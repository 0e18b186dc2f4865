// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recipes of the manual that balance: their files, as they stand in docs/examples/recipes, with packets.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use crate::case::Program;
use crate::daemon::{self, Daemon};
use crate::traffic::{Net, within};
use crate::world::{Says, settle, table};
use crate::{Guest, Scenario};

/// Addresses of the manual, and of this net.
const ADDRESSES: [(&str, &str); 4] =
    [("192.0.2.100", "10.1.0.10"), ("192.0.2.11", "10.2.0.1"), ("192.0.2.12", "10.2.0.2"), ("192.0.2.19", "10.2.0.3")];

pub fn scenarios() -> Vec<Scenario> {
    let all: [(&str, fn()); 2] = [
        ("recipes::direct_routing_reaches_both_servers", direct),
        ("recipes::a_drained_server_gets_nothing_new_and_the_sorry_server_answers_last", maintenance),
    ];
    all.map(|(name, run)| Scenario::new(Guest::Ours, name, run)).into()
}

/// Starts the checkers of node a of a recipe, before web servers that say their names.
fn start(recipe: &str, net: &mut Net) -> Daemon {
    for (name, servers) in &mut net.servers {
        servers.close("0.0.0.0:80");
        within(name, || servers.listen("0.0.0.0:80", Says::Web { status: 200, body: name.clone() }));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/recipes").join(recipe).join("a.conf");
    let text = fs::read_to_string(file).expect("the recipe's file");
    daemon::configure(&ADDRESSES.iter().fold(text, |text, (manual, own)| text.replace(manual, own)));
    Daemon::start(Program::Steadfast, "-C")
}

/// Waits until these and no others have a weight in the kernel's table.
fn serving(wanted: &[&str]) {
    let wanted: Vec<String> = wanted.iter().map(|octet| (*octet).to_owned()).collect();
    let found = || {
        let lines = table();
        let live = lines.iter().filter(|line| !line.ends_with("-w 0"));
        live.filter_map(|line| Some(line.split_once("-r 10.2.0.")?.1.split(':').next()?.to_owned())).collect()
    };
    settle(&wanted, found).unwrap_or_else(|found| panic!("{found:?} serve, not {wanted:?}: {}", daemon::log()));
}

fn ask(net: &Net, times: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..times {
        let mut connection = net.connect();
        connection.write_all(b"GET / HTTP/1.1\r\nHost: recipe\r\n\r\n").expect("a request is taken");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        let body = answer.split_once("\r\n\r\n").expect("a whole answer").1;
        *counts.entry(body.to_owned()).or_default() += 1;
    }
    counts
}

fn direct() {
    let mut net = Net::lay(2);
    net.answer_directly("lo");
    let daemon = start("balancer-direct", &mut net);
    serving(&["1", "2"]);
    assert_eq!(ask(&net, 6), BTreeMap::from([("server1".to_owned(), 3), ("server2".to_owned(), 3)]));
    net.servers[0].1.close("0.0.0.0:80");
    serving(&["2"]);
    assert_eq!(ask(&net, 4), BTreeMap::from([("server2".to_owned(), 4)]));
    daemon.stop();
    assert!(table().is_empty());
}

fn maintenance() {
    let mut net = Net::lay(3);
    fs::create_dir_all("/run/maintenance").expect("a folder in memory");
    let daemon = start("maintenance", &mut net);
    serving(&["1", "2"]);
    let say = |number: &str| fs::write("/run/maintenance/web1", format!("{number}\n")).expect("a file in memory");
    say("-100");
    serving(&["2"]);
    assert_eq!(ask(&net, 4), BTreeMap::from([("server2".to_owned(), 4)]));
    say("0");
    serving(&["1", "2"]);
    for server in [0, 1] {
        net.servers[server].1.close("0.0.0.0:80");
    }
    serving(&["3"]);
    assert_eq!(ask(&net, 2), BTreeMap::from([("server3".to_owned(), 2)]));
    daemon.stop();
    assert!(table().is_empty());
}
