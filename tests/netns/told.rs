// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the daemon tells, and where: never a secret, elsewhere when a reload says so, and in the form that is wanted.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::ask::{configuration, get, inside, pair, steadfast, thankful, until};
use crate::journal::PATIENCE;
use crate::node::Program;
use crate::openmetrics;
use crate::topology::{Lab, skipped};

#[test]
fn secrets_are_shown_nowhere() {
    let Some(mut lab) = Lab::new("secrets_are_shown_nowhere") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let auth = "version 2\n authentication {\n auth_type PASS\n auth_pass pws3cr3t\n }\n";
    let text = configuration(200).replace("version 3\n advert_int 0.1\n", &format!("advert_int 1\n{auth}"));
    let hook = |tail: &str| format!("status_listen 9165\n notify_webhook http://me:s3cr3t@127.0.0.1:9/s3cr3t{tail}");
    let _daemon =
        a.start_with(Program::Steadfast, "--vrrp --dump-conf", &text.replace("status_listen 9165", &hook("")));
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    let place = "http://127.0.0.1:9/…";
    lab.journal.until("the webhook's trouble is told", |seen| seen.said("a", &format!("webhook {place}: ")));
    // One more like it, and a mistake in it.
    a.reconfigure(&text.replace("status_listen 9165", &format!("{}\n notify_webhook nonsense/s3cr3t", hook("/2"))));
    let mut told = steadfast(&a, "plan /run/test.conf") + &steadfast(&a, "reload");
    assert!(told.contains("KC143"), "{told}");
    a.reconfigure(&text.replace("status_listen 9165", &(hook("") + "\n notify_webhook http://127.0.0.1:9/s3cr3t/2")));
    let plan = steadfast(&a, "plan /run/test.conf");
    assert!(plan.contains(&format!("events are posted elsewhere: {place}, {place}")), "{plan}");
    told += &plan;
    told += &steadfast(&a, "reload");
    until("the reload", || steadfast(&a, "events").contains("Reload 2 complete"));
    until("both are served", || get(&a, "/metrics").contains(&format!("{place} (2)")));
    for signal in ["USR1", "USR2", "36"] {
        inside(&a, &format!("kill -{signal} $(cat /run/keepalived.pid)"));
    }
    for dump in ["keepalived.data", "keepalived.stats", "keepalived.json", "keepalived_parent.data"] {
        until("the dump", || inside(&a, &format!("test -s /run/{dump} && echo there")).contains("there"));
        told += &inside(&a, &format!("cat /run/{dump}"));
    }
    let commands =
        ["status", "status --json", "why VI_1", "events --json", "log-level", "record", "check /run/test.conf"];
    commands.iter().for_each(|command| told += &steadfast(&a, command));
    told += &steadfast(&a, "config --json /run/test.conf");
    ["/", "/metrics", "/status.json", "/healthz"].iter().for_each(|path| told += &get(&a, path));
    told += &inside(&a, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
    assert!(
        told.contains("\"auth_data\"") && told.contains("keepalived_up 1") && told.contains("--role status"),
        "{told}"
    );
    let seen = lab.journal.read();
    let all = told.clone() + &seen.logs("a").collect::<Vec<_>>().join("\n");
    let leaks: Vec<&str> = all.lines().filter(|line| line.contains("s3cr3t")).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[test]
fn the_status_worker_makes_room_in_good_order_when_it_is_to_listen_elsewhere() {
    let test = "the_status_worker_makes_room_in_good_order_when_it_is_to_listen_elsewhere";
    let Some(pair) = pair(test) else { return };
    pair.a.reconfigure(&configuration(200).replace("9165", "/run/page.sock"));
    assert!(
        steadfast(&pair.a, "plan /run/test.conf").contains("page and metrics are served elsewhere: /run/page.sock")
    );
    steadfast(&pair.a, "reload");
    until("it listens elsewhere", || inside(&pair.a, "test -S /run/page.sock && echo there").contains("there"));
    until("the reload is told", || steadfast(&pair.a, "events").contains("Reload 2 complete"));
    let events = steadfast(&pair.a, "events");
    assert!(events.contains("the status worker makes room for one that lives by the new configuration"), "{events}");
    assert!(!events.contains("ended with status"), "{events}");
    let text = steadfast(&pair.a, "status --json");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["daemon"]["deaths"]["status"], 0, "{text}");
    let seen = pair.lab.journal.read();
    assert!(!seen.said("a", "cannot go on"), "{seen}");
}

#[test]
fn the_configuration_says_how_the_log_looks_unless_the_command_line_does() {
    let test = "the_configuration_says_how_the_log_looks_unless_the_command_line_does";
    let Some(mut lab) = Lab::new(test) else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24"]);
    let text = |format: &str, priority| {
        configuration(priority).replace("status_listen", &format!("log_format {format}\n status_listen"))
    };
    let _first = a.start(Program::Steadfast, &text("json", 200));
    lab.journal.until("a is master and says so as an object", |seen| {
        seen.said("a", "\"state\":\"MASTER\",\"why\":\"no advert")
    });
    // Every line of every process, from the first on, but for what the shell that starts it says.
    let seen = lab.journal.read();
    let plain: Vec<&str> =
        seen.logs("a").filter(|line| serde_json::from_str::<serde_json::Value>(line).is_err()).collect();
    assert!(plain.is_empty(), "{plain:#?}");
    lab.journal.deed("lines again".to_owned());
    a.reconfigure(&text("lines", 200));
    steadfast(&a, "reload");
    lab.journal.until("it says so in a line", |seen| {
        seen.since("lines again").logs("a").any(|line| line.ends_with(": Reload 2 complete"))
    });
    let _second = b.start_with(Program::Steadfast, "--vrrp --log-format lines", &text("json", 100));
    lab.journal.until("b follows a", |seen| seen.said("b", "Entering BACKUP STATE"));
    assert!(!lab.journal.read().said("b", "{\"v\":1"), "the command line counts");
}

#[test]
fn no_event_is_kept_from_a_webhook_by_the_worker_that_makes_room_or_dies() {
    let Some(mut lab) = Lab::new("no_event_is_kept_from_a_webhook_by_the_worker_that_makes_room_or_dies") else {
        return;
    };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let listener = a.namespace().enter(|| TcpListener::bind(("127.0.0.1", 9166))).expect("a free port");
    let told = thankful(listener);
    let text = |door: u16| {
        let doors = format!("status_listen {door}\n notify_webhook http://127.0.0.1:9166/hook");
        configuration(200).replace("status_listen 9165", &doors)
    };
    let daemon = a.start_with(Program::Steadfast, "--vrrp", &text(9165));
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    let mut numbers = BTreeSet::new();
    let mut until_posted = |words: &str| {
        loop {
            let post = told.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{words} was never posted: {numbers:?}"));
            let number =
                post.split_once("\"number\":").and_then(|(_, rest)| rest.split([',', '}']).next()?.parse().ok());
            numbers.insert(number.unwrap_or_else(|| panic!("no number: {post}")));
            if post.contains(words) {
                return numbers.iter().copied().collect::<Vec<u64>>();
            }
        }
    };
    // Another door: the worker makes room for one that has the rights to open it.
    a.reconfigure(&text(9167));
    daemon.signal("HUP");
    until_posted("Reload 2 complete");
    inside(&a, "kill -KILL $(pgrep -f -- '[-]-role status')");
    until_posted("was ended by signal 9");
    a.reconfigure(&text(9168));
    daemon.signal("HUP");
    let numbers = until_posted("Reload 3 complete");
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<u64>>(), "not one is missing");
    assert!(daemon.stop().success());
}

#[test]
fn who_speaks_and_who_is_silent_is_shown() {
    let Some(mut lab) = Lab::new("who_speaks_and_who_is_silent_is_shown") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24"]);
    let session = "bfd_instance s {\n neighbor_ip 10.0.0.9\n}\n";
    let text = |priority, peer: &str| {
        let peers = format!("unicast_peer {{\n {peer}\n 10.0.0.3\n }}\n virtual_ipaddress");
        session.to_owned() + &configuration(priority).replace("virtual_ipaddress", &peers)
    };
    let _first = a.start(Program::Steadfast, &text(200, "10.0.0.2"));
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    let _second = b.start(Program::Steadfast, &text(100, "10.0.0.1"));
    until("b hears a", || get(&b, "/").contains("<dt>Master<dd>10.0.0.1 with priority 200, heard 0."));
    let text = steadfast(&b, "status");
    for line in ["  peer 10.0.0.3 not heard; only masters speak\n", "BFD session s with 10.0.0.9: not run\n"] {
        assert!(text.contains(line), "{text}");
    }
    let page = get(&a, "/");
    assert!(page.contains("<dt>Peer<dd>10.0.0.3 not heard; only masters speak<dt>"), "{page}");
    assert!(page.contains("<td>s<td>10.0.0.9<td><b class=\"init\">not run</b>"), "{page}");
    a.crash();
    until("b misses a", || {
        steadfast(&b, "status").contains("  peer 10.0.0.1 was master with priority 200, silent for ")
    });
    let numbers = get(&b, "/metrics");
    for series in [
        "peer_heard{iname=\"VI_1\",peer=\"10.0.0.3\"} 0\n",
        "instance_masters_seen{iname=\"VI_1\",intf=\"eth0\",vrid=\"51\"} 1\n",
    ] {
        assert!(numbers.contains(&format!("\nsteadfast_{series}")), "{numbers}");
    }
}

#[test]
fn what_a_live_daemon_measures_is_openmetrics_to_the_letter() {
    let Some(pair) = pair("what_a_live_daemon_measures_is_openmetrics_to_the_letter") else { return };
    let ask = |path: &str, accept: &str| {
        let answer = get(&pair.a, &format!("{path} HTTP/1.1\\r\\nAccept: {accept}\\r\\nX-Rest:"));
        answer.split_once("\r\n\r\n").map(|(head, body)| (head.to_owned(), body.to_owned())).expect("an answer")
    };
    for path in ["/metrics", "/metrics?names=gen2brain"] {
        let (head, body) = ask(path, "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5");
        assert!(head.contains("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
        let families = openmetrics::check(&body).unwrap_or_else(|wrong| panic!("{wrong}\n{body}"));
        assert!(families > 40, "{families}");
        let (head, body) = ask(path, "text/plain");
        assert!(head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
        assert!(!body.contains("# EOF"), "{body}");
        if let Some(said) = promtool(&["check", "metrics"], &body) {
            assert_eq!(said, (true, String::new()), "{body}");
        }
    }
}

/// What Prometheus' own judge says of this text, and whether it is content; nothing where there is none.
fn promtool(words: &[&str], text: &str) -> Option<(bool, String)> {
    let fetched = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/promtool");
    let program = if std::path::Path::new(fetched).exists() { fetched } else { "promtool" };
    let (stdin, stdout, stderr) = (Stdio::piped(), Stdio::piped(), Stdio::piped());
    let Ok(mut child) = Command::new(program).args(words).stdin(stdin).stdout(stdout).stderr(stderr).spawn() else {
        skipped("promtool", "there is none: `dist/need metrics` takes it out of Debian's package prometheus");
        return None;
    };
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn the_alerts_are_rules_that_prometheus_takes() {
    let alerts = concat!(env!("CARGO_MANIFEST_DIR"), "/dist/prometheus/alerts.yml");
    let Some((content, said)) = promtool(&["check", "rules", alerts], "") else { return };
    assert!(content && said.contains("rules found") && !said.contains("FAILED"), "{said}");
}
