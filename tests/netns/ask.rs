// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking the running daemon: commands, the control socket, the page and the metrics, and what they cost the protocol.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::checks::virtual_server;
use crate::journal::PATIENCE;
use crate::node::{Daemon, Node, Program};
use crate::site::Site;
use crate::topology::Lab;

const SOCKET: &str = "/run/keepalived.sock";

pub fn configuration(priority: u8) -> String {
    format!(
        "global_defs {{\n status_listen 9165\n}}\nvrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n \
         version 3\n advert_int 0.1\n priority {priority}\n virtual_ipaddress {{\n 10.0.0.100\n }}\n}}\n"
    )
}

pub fn inside(node: &Node, line: &str) -> String {
    let output = node.namespace().command("sh").args(["-c", line]).stdin(Stdio::null()).output().expect("nsenter runs");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// One of our own commands.
pub fn steadfast(node: &Node, words: &str) -> String {
    inside(node, &format!("{} {words}", env!("CARGO_BIN_EXE_steadfast")))
}

/// What a path of the page gives.
pub fn get(node: &Node, path: &str) -> String {
    inside(node, &format!("printf 'GET {path} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' | timeout 60 python3 -c '{CLIENT}'"))
}

const CLIENT: &str = "import socket,sys\ns=socket.create_connection((\"127.0.0.1\",9165))\n\
    s.sendall(sys.stdin.buffer.read())\nwhile True:\n b=s.recv(65536)\n if not b: break\n \
    sys.stdout.buffer.write(b)";

#[track_caller]
pub fn until(promise: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never came: {promise}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub struct Pair {
    pub lab: Lab,
    pub a: Node,
    pub b: Node,
    pub daemons: [Daemon; 2],
}

/// `a` is master, and both answer.
pub fn pair(test: &str) -> Option<Pair> {
    pair_with(test, configuration)
}

/// With these configurations by priority.
pub fn pair_with(test: &str, configuration: impl Fn(u8) -> String) -> Option<Pair> {
    let mut lab = Lab::new(test)?;
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24"]);
    // One after the other: `a` finds nobody, and `b` finds a master.
    let first = a.start(Program::Steadfast, &configuration(200));
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    let daemons = [first, b.start(Program::Steadfast, &configuration(100))];
    for node in [&a, &b] {
        until("it answers", || steadfast(node, "status").contains("VI_1"));
    }
    until("b follows a", || steadfast(&b, "status").contains("master is 10.0.0.1"));
    Some(Pair { lab, a, b, daemons })
}

#[test]
fn the_daemon_says_what_it_does_and_why() {
    let Some(pair) = pair("the_daemon_says_what_it_does_and_why") else { return };
    let text = steadfast(&pair.a, "status");
    assert!(text.contains("VI_1: MASTER for") && text.contains("10.0.0.100/32 (held here)"), "{text}");
    let text = steadfast(&pair.b, "status VI_1");
    assert!(text.contains("VI_1: BACKUP") && text.contains("master is 10.0.0.1 with priority 200"), "{text}");
    let text = steadfast(&pair.a, "why VI_1");
    assert!(text.contains("BACKUP -> MASTER with priority 200: no advert came"), "{text}");
    let text = steadfast(&pair.a, "status NOBODY");
    assert!(text.contains("nothing is called `NOBODY`; there are VI_1"), "{text}");
    let text = steadfast(&pair.a, "status --json");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&json["v"], &json["vrrp"]["instances"][0]["state"]), (&1.into(), &"master".into()));
    assert_eq!(inside(&pair.a, &format!("stat -c %a:%u {SOCKET}")).trim(), "600:0", "only root asks");
}

#[test]
fn events_are_numbered_and_survive_a_reload_and_the_death_of_the_status_worker() {
    let test = "events_are_numbered_and_survive_a_reload_and_the_death_of_the_status_worker";
    let Some(pair) = pair(test) else { return };
    let before = steadfast(&pair.a, "events");
    assert!(before.lines().any(|line| line.contains("(VI_1) Entering MASTER STATE")), "{before}");
    assert!(steadfast(&pair.a, "reload").contains("reload 2 has begun"));
    until("the reload is told", || steadfast(&pair.a, "events").contains("Reload 2 complete"));
    inside(&pair.a, "kill -KILL $(pgrep -f -- '[-]-role status')");
    until("the next one knows", || {
        let after = steadfast(&pair.a, "events");
        after.contains("the status worker was ended by signal 9") && after.starts_with(before.trim_end())
    });
    let last = steadfast(&pair.a, "events --from 3 --json");
    assert!(last.lines().next().is_some_and(|line| line.contains("\"number\":3")), "{last}");
    assert!(pair.lab.journal.read().holds_alone("a", "10.0.0.100"), "the protocol did not notice");
}

#[test]
fn the_log_level_is_changed_for_all_processes_shown_and_taken_back() {
    let Some(pair) = pair("the_log_level_is_changed_for_all_processes_shown_and_taken_back") else { return };
    assert!(steadfast(&pair.a, "log-level").starts_with("detail\n"), "it was started with --log-detail");
    let text = steadfast(&pair.a, "log-level quiet");
    assert!(text.contains("quiet (operator: log-level quiet; started with detail)"), "{text}");
    assert!(steadfast(&pair.a, "status").contains("operator: log-level quiet"));
    // It survives a reload and the death of a worker, and what matters is logged all the same.
    pair.lab.journal.deed("reload".to_owned());
    steadfast(&pair.a, "reload");
    until("the reload is told", || steadfast(&pair.a, "events").contains("Reload 2 complete"));
    inside(&pair.a, "kill -KILL $(cat /run/vrrp.pid)");
    pair.lab.journal.until("b took over or a is back", |seen| {
        let seen = seen.since("reload");
        seen.said("a", "Entering MASTER STATE") || seen.said("b", "Entering MASTER STATE")
    });
    pair.lab.journal.until("a is back", |seen| seen.holds_alone("a", "10.0.0.100"));
    let seen = pair.lab.journal.read();
    assert!(!seen.since("reload").said("a", "master is"), "a quiet log has no chatter\n{seen}");
    assert!(steadfast(&pair.a, "status").contains("operator: log-level quiet"));
    let text = steadfast(&pair.a, "log-level normal --for 1s");
    assert!(text.contains("operator: log-level normal, "), "{text}");
    until("its time is over", || steadfast(&pair.a, "log-level").starts_with("detail\n"));
    let events = steadfast(&pair.a, "events");
    assert!(events.contains("operator: log-level is over, the command line counts again"), "{events}");
    let text = steadfast(&pair.a, "log-level loud");
    assert!(text.contains("no log level is called `loud`: quiet, normal, detail or default"), "{text}");
}

#[test]
fn a_failover_is_recorded_and_played_again_without_the_password() {
    let Some(mut lab) = Lab::new("a_failover_is_recorded_and_played_again_without_the_password") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24"]);
    let text = |priority: u8| {
        let auth = "version 2\n authentication {\n auth_type PASS\n auth_pass s3cr3t!\n }\n";
        configuration(priority).replace("version 3\n advert_int 0.1\n", &format!("advert_int 1\n{auth}"))
    };
    let _first = a.start(Program::Steadfast, &text(200));
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    let _second = b.start(Program::Steadfast, &text(100));
    until("b follows a", || steadfast(&b, "status").contains("master is 10.0.0.1"));
    a.crash();
    lab.journal.until("b took over", |seen| seen.said("b", "Entering MASTER STATE"));
    until("b holds it", || steadfast(&b, "status").contains("held here"));
    inside(&b, &format!("{} record > /run/incident.json", env!("CARGO_BIN_EXE_steadfast")));
    assert_eq!(inside(&b, "grep -c 's3cr3t!' /run/incident.json").trim(), "0");
    let played = steadfast(&b, "replay /run/incident.json");
    assert!(played.contains("| M | VI_1 MASTER (100): no advert for the master-down time"), "{played}");
    assert!(played.contains("steps, and each did what it did then"), "{played}");
    let all = steadfast(&b, "replay /run/incident.json --all");
    assert!(all.contains("| B | <- VI_1 hears 10.0.0.1 with priority 200"), "{all}");
    // A past that was changed is told from the one that was.
    inside(&b, "sed 's/\"priority\":200/\"priority\":50/' /run/incident.json > /run/other.json");
    let other = steadfast(&b, "replay /run/other.json");
    assert!(other.contains("did something else than then; the first: "), "{other}");
}

#[test]
fn with_json_one_line_of_the_log_says_all_of_a_transition() {
    let Some(mut lab) = Lab::new("with_json_one_line_of_the_log_says_all_of_a_transition") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let _daemon = a.start_with(Program::Steadfast, "--vrrp --log-format json", &configuration(200));
    let facts = "\"about\":\"VI_1\",\"state\":\"MASTER\",\"why\":\"no advert came for the whole master down time\",\"priority\":200}";
    lab.journal.until("it is told", |seen| seen.said("a", facts));
}

/// Answers every post that comes in with thanks, and hands its text on.
pub fn thankful(listener: TcpListener) -> Receiver<String> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let (mut text, mut bytes) = (String::new(), [0; 4096]);
            // A body is one object, and nothing follows it.
            while !text.ends_with('}') {
                match stream.read(&mut bytes) {
                    Ok(0) | Err(_) => break,
                    Ok(length) => text.push_str(&String::from_utf8_lossy(&bytes[..length])),
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            if tell.send(text).is_err() {
                return;
            }
        }
    });
    told
}

#[test]
fn a_transition_is_posted_to_a_webhook() {
    let Some(mut lab) = Lab::new("a_transition_is_posted_to_a_webhook") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let listener = a.namespace().enter(|| TcpListener::bind(("127.0.0.1", 9166))).expect("a free port");
    let told = thankful(listener);
    let text = configuration(200).replace("status_listen 9165", "notify_webhook http://127.0.0.1:9166/hook");
    let _daemon = a.start(Program::Steadfast, &text);
    loop {
        let post = told.recv_timeout(PATIENCE).expect("a post about the transition");
        if post.contains("\"state\":\"MASTER\"") {
            assert!(post.starts_with("POST /hook HTTP/1.1") && post.contains("\"about\":\"VI_1\""), "{post}");
            break;
        }
    }
    until("status counts it", || {
        let text = steadfast(&a, "status --json");
        text.contains("\"place\":\"http://127.0.0.1:9166/…\"") && !text.contains("\"posted\":0")
    });
}

#[test]
fn a_reload_with_errors_is_refused_and_says_so() {
    let Some(pair) = pair("a_reload_with_errors_is_refused_and_says_so") else { return };
    pair.a.reconfigure("vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 999\n}\n");
    let text = steadfast(&pair.a, "reload");
    assert!(text.contains("has an error"), "{text}");
    assert!(steadfast(&pair.a, "plan /run/test.conf").contains("a reload would be refused"));
    // A script that whoever likes could have written is no reason not to tell what would change.
    let script = "vrrp_script chk {\n script \"/run/open/chk\"\n}\n";
    inside(&pair.a, "mkdir -m 777 /run/open && printf '#!/bin/sh\\n' > /run/open/chk && chmod 777 /run/open/chk");
    pair.a.reconfigure(&(script.to_owned() + &configuration(150).replace("100\n }", "100\n10.0.0.101\n }")));
    let text = steadfast(&pair.a, "plan /run/test.conf");
    assert!(text.contains("VI_1: priority 200 -> 150") && text.contains("adds 10.0.0.101"), "{text}");
    assert!(steadfast(&pair.a, "status").contains("MASTER"));
}

#[test]
fn the_operator_takes_releases_and_lets_the_configuration_count_again() {
    let test = "the_operator_takes_releases_and_lets_the_configuration_count_again";
    let Some(pair) = pair(test) else { return };
    let text = steadfast(&pair.a, "release VI_1");
    assert!(text.contains("operator: release"), "{text}");
    pair.lab.journal.until("b took over", |seen| seen.holds_alone("b", "10.0.0.100"));
    // It survives a reload.
    pair.daemons[0].signal("HUP");
    until("the reload", || steadfast(&pair.a, "events").contains("Reload 2 complete"));
    assert!(steadfast(&pair.a, "status").contains("operator: release"));
    steadfast(&pair.a, "normal VI_1");
    pair.lab.journal.until("a is back", |seen| seen.holds_alone("a", "10.0.0.100"));
    steadfast(&pair.b, "take VI_1 --for 2s");
    pair.lab.journal.until("b took it", |seen| seen.holds_alone("b", "10.0.0.100"));
    pair.lab.journal.until("a is back after the time", |seen| seen.holds_alone("a", "10.0.0.100"));
    assert!(!steadfast(&pair.b, "status").contains("operator:"));
    let refused = steadfast(&pair.a, "priority VI_1 255");
    assert!(refused.contains("from 1 to 254"), "{refused}");
}

#[test]
fn a_node_that_is_drained_alone_serves_on() {
    let Some(pair) = pair("a_node_that_is_drained_alone_serves_on") else { return };
    let Pair { lab, a, b: _b, daemons: [_first, second] } = pair;
    assert!(second.stop().success());
    steadfast(&a, "drain");
    lab.journal.beats(5, |frame| frame.is_advert("10.0.0.1", 1));
    assert!(lab.journal.read().holds_alone("a", "10.0.0.100"));
}

#[test]
fn the_page_and_the_numbers_are_served_by_a_process_without_rights() {
    let test = "the_page_and_the_numbers_are_served_by_a_process_without_rights";
    let Some(pair) = pair(test) else { return };
    let page = get(&pair.a, "/");
    assert!(page.starts_with("HTTP/1.1 200 OK") && page.contains("MASTER") && page.contains("10.0.0.100/32"), "{page}");
    let numbers = get(&pair.a, "/metrics");
    let line = "keepalived_vrrp_state{iname=\"VI_1\",intf=\"eth0\",vrid=\"51\",ip_address=\"10.0.0.100\"} 2";
    assert!(numbers.contains(line), "{numbers}");
    assert!(get(&pair.a, "/status.json").contains("\"state\":\"master\""));
    assert!(get(&pair.a, "/healthz").ends_with("ok\n"));
    let rights =
        inside(&pair.a, "grep -E '^(Uid|CapEff|CapPrm|NoNewPrivs)' /proc/$(pgrep -f -- '[-]-role status')/status");
    for line in ["Uid:\t65534", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"] {
        assert!(rights.contains(line), "{rights}");
    }
    // A worker that hangs must not look alive.
    inside(&pair.a, "kill -STOP $(cat /run/vrrp.pid); sleep 0.6");
    assert!(
        get(&pair.a, "/healthz").starts_with("HTTP/1.1 503 ") || pair.lab.journal.read().said("a", "does not go on")
    );
}

#[test]
fn servers_are_shown_drained_weighed_and_checked_on_demand() {
    let Some(site) = Site::new("servers_are_shown_drained_weighed_and_checked_on_demand") else { return };
    // One server that takes connections, and one that does not.
    let _listener = site.a.namespace().enter(|| std::net::TcpListener::bind(("10.0.0.1", 8001))).expect("a free port");
    let server = |port| format!("real_server 10.0.0.1 {port} {{\nTCP_CHECK {{\n connect_timeout 1\n }}\n}}\n");
    let page = "global_defs {\n status_listen /run/page.sock\n}\n";
    let _daemon = site.start(&(page.to_owned() + &virtual_server(&(server(8001) + &server(8002)))));
    until("both are known", || {
        let text = steadfast(&site.a, "status");
        text.contains("[10.0.0.1]:tcp:8001: UP") && text.contains("[10.0.0.1]:tcp:8002: DOWN")
    });
    let over_unix = CLIENT.replace("socket.create_connection((\"127.0.0.1\",9165))", "socket.socket(socket.AF_UNIX)");
    let over_unix = over_unix.replace("\ns.sendall", "\ns.connect(\"/run/page.sock\")\ns.sendall");
    let get =
        |path: &str| inside(&site.a, &format!("printf 'GET {path} HTTP/1.1\\r\\n\\r\\n' | python3 -c '{over_unix}'"));
    let numbers = get("/metrics");
    for (server, up) in [(8001, 1), (8002, 0)] {
        let labels = format!("virtual_server=\"[192.0.2.10]:tcp:80\",real_server=\"[10.0.0.1]:tcp:{server}\"");
        assert!(numbers.contains(&format!("steadfast_real_server_up{{{labels}}} {up}\n")), "{numbers}");
    }
    assert!(numbers.contains("steadfast_real_server_failures_total"), "{numbers}");
    let page = get("/");
    assert!(page.contains("1 of 2 real servers up") && page.contains("[10.0.0.1]:tcp:8002<td><b class=\"fault\">DOWN"));
    let text = steadfast(&site.a, "status 10.0.0.1:8002");
    assert!(text.contains("TCP_CHECK: ") && text.contains("bad so far") && !text.contains("8001"), "{text}");
    let text = steadfast(&site.a, "why 10.0.0.1:8002");
    assert!(text.contains("Removing service [10.0.0.1]:tcp:8002 from VS"), "{text}");
    let text = steadfast(&site.a, "drain 10.0.0.1:8001");
    assert!(text.contains("nobody would serve any more") && text.contains("--force"), "{text}");
    let text = steadfast(&site.a, "drain 10.0.0.1:8001 --force --for 1h");
    assert!(text.contains("[10.0.0.1]:tcp:8001 of VS [192.0.2.10]:tcp:80: drain for 3600 s"), "{text}");
    assert!(steadfast(&site.a, "status 10.0.0.1:8001").contains("operator: drain, 59 min left"));
    steadfast(&site.a, "normal 10.0.0.1:8001");
    let text = steadfast(&site.a, "weight 10.0.0.1:8001 7");
    assert!(text.contains("weight 7"), "{text}");
    assert!(steadfast(&site.a, "status 10.0.0.1:8001").contains("UP"));
    let text = steadfast(&site.a, "check-now 10.0.0.1:8001");
    assert!(text.contains("check now"), "{text}");
    let text = steadfast(&site.a, "check-now 10.9.9.9");
    assert!(text.contains("no real server `10.9.9.9`; there are [10.0.0.1]:tcp:8001, [10.0.0.1]:tcp:8002"), "{text}");
    let events = steadfast(&site.a, "events");
    assert!(events.contains("operator: [10.0.0.1]:tcp:8001 of VS [192.0.2.10]:tcp:80: weight 7"), "{events}");
}

#[test]
fn a_group_may_ask_and_the_socket_is_found_wherever_the_daemon_lives() {
    let Some(mut lab) = Lab::new("a_group_may_ask_and_the_socket_is_found_wherever_the_daemon_lives") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let group = "instance red\nglobal_defs {\n control_socket_group adm\n}\n";
    let _daemon = a.start(Program::Steadfast, &(group.to_owned() + &configuration(200)));
    until("it is found without a word on where", || steadfast(&a, "status").contains("VI_1"));
    assert!(steadfast(&a, "status --conf /run/test.conf").contains("VI_1"));
    let socket = "/run/keepalived/keepalived_red.sock";
    assert_eq!(inside(&a, &format!("stat -c %a:%U:%G {socket}")).trim(), "660:root:adm");
    // Others may not be able to reach the program where it was built.
    inside(&a, &format!("install -m 755 {} /run/ask", env!("CARGO_BIN_EXE_steadfast")));
    let as_nobody = |groups: &str| inside(&a, &format!("setpriv --reuid 65534 --regid 65534 {groups} /run/ask status"));
    let text = as_nobody("--groups $(getent group adm | cut -d: -f3)");
    assert!(text.contains("VI_1: "), "a member of the group asks: {text}");
    let text = as_nobody("--clear-groups");
    assert!(text.contains("permission denied; root may ask, and the members of the group"), "{text}");
    // A group that does not exist keeps nobody out that came in before, and lets nobody in.
    a.reconfigure(&(group.replace("adm", "no-such-group") + &configuration(200)));
    steadfast(&a, "reload");
    lab.journal.until("it says so", |seen| seen.said("a", "control_socket_group no-such-group: no such group"));
    until("root asks", || steadfast(&a, "status").contains("VI_1"));
    assert_eq!(inside(&a, &format!("stat -c %a:%G {socket}")).trim(), "600:root");
}
