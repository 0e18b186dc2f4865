// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the daemon tells, and where: never a secret, elsewhere when a reload says so, and in the form that is wanted.

use crate::ask::{configuration, get, inside, pair, steadfast, until};
use crate::node::Program;
use crate::openmetrics;
use crate::topology::Lab;

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
    }
}
