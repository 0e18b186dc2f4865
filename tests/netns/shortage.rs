// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this machine lacks says nothing about servers: without memory, descriptors, processes or a resolver no live server
//! leaves, what could not be checked is told and counted, and checks go on when there is enough again.

use std::io::Write;

use crate::actor::{Actor, read_until};
use crate::checks::{VS, virtual_server};
use crate::node::Daemon;
use crate::site::Site;

const RS: &str = "[10.0.0.1]:tcp:8001";
const HEADER_END: &[u8] = b"\r\n\r\n";

/// A web server, whose page grows by so many bytes when it is told to be ill.
fn web_server(site: &Site, grows_by: usize) -> Actor {
    Actor::of_connections(&site.a, 8001, move |mut stream, well| {
        read_until(&mut stream, HEADER_END);
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nall is well\n");
        let _ = stream.write_all(&vec![b'.'; if well { 0 } else { grows_by }]);
    })
}

/// A daemon whose one server has this check.
#[track_caller]
fn watch(site: &Site, check: &str, well: &str) -> Daemon {
    let server = format!("real_server 10.0.0.1 8001 {{\n{check}\n}}\n");
    let before = "global_defs {\n enable_script_security\n script_user root\n}\n";
    let daemon = site.start(&format!("{before}{}", virtual_server(&server)));
    site.until("it is well", well);
    daemon
}

/// Sets a limit of the checker, as far as it may raise it again; `$size` is what it has mapped, in KiB,
/// without the little that a thread of the moment has.
fn limit(site: &Site, option: &str) {
    site.lab.journal.deed(format!("prlimit {option}"));
    let line = format!(
        "p=$(cat /run/checkers.pid); size=$(for _ in $(seq 20); do awk '/^VmSize/ {{ print $2 }}' /proc/$p/status; sleep 0.01; done | sort -n | head -n 1); \
         prlimit --pid $p {option} && echo set"
    );
    assert_eq!(site.inside(&line).trim(), "set", "{option}");
}

/// The check cannot be made under this limit, and is made again without it.
#[track_caller]
fn endure(site: &Site, daemon: Daemon, (limits, lifts): (&str, &str), words: (&str, &str), strain: impl Fn()) {
    limit(site, limits);
    strain();
    let (check, why) = words;
    site.until_since("prlimit", &format!("{check} on service {RS} could not be made ({why}"));
    limit(site, lifts);
    site.until_since(lifts, &format!("{check} on service {RS} is made again after "));
    let seen = site.lab.journal.read();
    for part in ["Removing service", "Lost quorum", "died"] {
        assert!(!seen.said("a", part), "the server was well all the time: `{part}`\n{seen}");
    }
    assert!(daemon.stop().success());
}

#[test]
fn without_memory_for_an_answer_a_live_server_stays() {
    let Some(site) = Site::new("without_memory_for_an_answer_a_live_server_stays") else { return };
    let server = web_server(&site, 3 << 20);
    let check = "HTTP_GET {\n connect_timeout 30\n url {\n path /\n regex \"all is well\"\n}\n}";
    let daemon = watch(&site, check, "Remote Web server [10.0.0.1]:tcp:8001 succeed on service.");
    // Room for everything small, but not for a page of megabytes.
    let limits = ("--as=$(((size + 704) * 1024)):", "--as=unlimited:");
    endure(&site, daemon, limits, ("HTTP_CHECK", "/: there is no memory for the answer after "), || server.be(false));
}

#[test]
fn without_descriptors_a_live_server_stays() {
    let Some(site) = Site::new("without_descriptors_a_live_server_stays") else { return };
    let _server = web_server(&site, 0);
    let daemon = watch(&site, "TCP_CHECK {\n connect_timeout 30\n}", "TCP connection to [10.0.0.1]:tcp:8001 success.");
    let limits = ("--nofile=3:", "--nofile=1024:");
    endure(&site, daemon, limits, ("TCP_CHECK", "opening a socket: too many open files"), || {});
}

#[test]
fn without_a_process_to_run_a_program_in_a_live_server_stays() {
    let Some(site) = Site::new("without_a_process_to_run_a_program_in_a_live_server_stays") else { return };
    site.a.script("well", "exit 0");
    let check = "MISC_CHECK {\n misc_path /run/well\n misc_timeout 30\n}";
    let well = "Misc check for [[10.0.0.1]:tcp:8001 VS [192.0.2.10]:tcp:80] by [/run/well] succeeded.";
    let daemon = watch(&site, check, well);
    // What a program needs to be started with: its pipe is a descriptor of ours.
    let limits = ("--nofile=3:", "--nofile=1024:");
    endure(&site, daemon, limits, ("MISC_CHECK", "/run/well could not be started: "), || {});
}

#[test]
fn without_a_resolver_servers_are_watched_and_mail_says_what_it_lacks() {
    let Some(site) = Site::new("without_a_resolver_servers_are_watched_and_mail_says_what_it_lacks") else { return };
    // Whoever asks for a name waits for a name server that is not there.
    site.inside(
        "echo nameserver 10.0.0.9 > /run/resolv; mount --bind /run/resolv /etc/resolv.conf; \
         : > /run/hosts; mount --bind /run/hosts /etc/hosts",
    );
    let server = web_server(&site, 0);
    let mail = "global_defs {\n notification_email {\n root@here.test\n}\n notification_email_from a@here.test\n \
                smtp_server mail.nowhere.test 25\n smtp_connect_timeout 1\n smtp_helo_name a\n router_id a\n smtp_alert\n}\n";
    let server_lines = "real_server 10.0.0.1 8001 {\nTCP_CHECK {\n connect_timeout 30\n}\n}\n";
    let daemon = site.start(&format!("{mail}{}", virtual_server(server_lines)));
    site.until("it is well", "TCP connection to [10.0.0.1]:tcp:8001 success.");
    drop(server);
    site.until("it is missed", &format!("Removing service {RS} from VS {VS}"));
    site.until("mail says what it lacks", "mail.nowhere.test");
    site.lab.journal.deed("it returns");
    let _server = web_server(&site, 0);
    site.until_since("it returns", &format!("Adding service {RS} to VS {VS}"));
    assert!(daemon.stop().success());
}
