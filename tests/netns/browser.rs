// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page in a browser: what a person sees of a failover and of a server that goes down, by day and night, on a telephone,
//! with a keyboard alone, and without scripts. `STEADFAST_PICTURES=FOLDER` keeps the pictures.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::ask::{configuration, inside, pair, until};
use crate::checks::virtual_server;
use crate::journal::PATIENCE;
use crate::node::{Node, Program};
use crate::site::{SECURE, Site};
use crate::topology::skipped;

/// Says loudly where it cannot be played.
fn browser_is_there(test: &str) -> bool {
    let asked = |program: &str| {
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    let there = asked("chromium") || asked("chromium-browser");
    if !there {
        skipped(test, "there is no Chromium: `dist/need browser` installs Debian's package chromium");
    }
    there
}

/// Plays these steps in a browser on the node.
#[track_caller]
fn play(node: &Node, steps: &[&str]) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/netns/browser.py");
    let pictures = std::env::var("STEADFAST_PICTURES").unwrap_or_else(|_| "/run".to_owned());
    let steps: Vec<String> = steps.iter().map(|step| format!("'{step}'")).collect();
    let seen = inside(node, &format!("python3 {script} {} {pictures} {}", PATIENCE.as_secs(), steps.join(" ")));
    assert!(seen.ends_with("all was seen\n"), "{seen}");
}

const PAGE: &str = "open http://127.0.0.1:9165/";

#[test]
fn a_failover_is_seen_on_the_page_as_it_happens() {
    let test = "a_failover_is_seen_on_the_page_as_it_happens";
    if !browser_is_there(test) {
        return;
    }
    let Some(pair) = pair(test) else { return };
    std::thread::scope(|scope| {
        // The page is open before the other node dies, and is never loaded again.
        let looker = scope.spawn(|| {
            play(
                &pair.b,
                &[
                    "size 1100 900",
                    PAGE,
                    "see 0 master, 1 backup, 0 fault",
                    "see live",
                    "see 10.0.0.1 with priority 200, heard",
                    "shot backup",
                    "is (window.same = true) === true",
                    "sh touch /run/looked",
                    "see 1 master, 0 backup, 0 fault",
                    "see no advert came for the whole master down time",
                    "see 10.0.0.1 was master with priority 200, silent for",
                    "is window.same === true",
                    "shot failover",
                    "dark",
                    "shot failover-dark",
                    "readable",
                ],
            );
        });
        until("the page is open", || inside(&pair.b, "test -e /run/looked && echo open").contains("open"));
        pair.a.crash();
        looker.join().expect("a looker");
    });
}

#[test]
fn a_server_that_goes_down_is_seen_wide_narrow_dark_and_with_the_keyboard() {
    let test = "a_server_that_goes_down_is_seen_wide_narrow_dark_and_with_the_keyboard";
    if !browser_is_there(test) {
        return;
    }
    let Some(site) = Site::new(test) else { return };
    let server = |port| format!("real_server 10.0.0.1 {port} {{\nTCP_CHECK {{\n connect_timeout 1\n }}\n}}\n");
    let script = "vrrp_script chk {\n script \"/bin/true\"\n interval 1\n weight 5\n}\n";
    let router = configuration(200).replace("virtual_ipaddress", "track_script {\n chk\n }\n virtual_ipaddress");
    let text = format!("{SECURE}{script}{router}{}", virtual_server(&(server(8001) + &server(8002))));
    let listen = |port: u16| TcpListener::bind(("10.0.0.1", port)).expect("a free port");
    let [_stays, goes] = site.a.namespace().enter(|| [listen(8001), listen(8002)]);
    let _daemon = site.a.start_with(Program::Steadfast, "", &text);
    std::thread::scope(|scope| {
        let looker = scope.spawn(|| {
            play(
                &site.a,
                &[
                    "size 1100 900",
                    PAGE,
                    "see 1 master, 0 backup, 0 fault; 2 of 2 real servers up",
                    "see 205 = 200 + 5 (chk)",
                    "sh touch /run/looked",
                    "see 1 of 2 real servers up",
                    "see connection refused",
                    "fits",
                    "readable",
                    "shot wide",
                    "dark",
                    "is getComputedStyle(document.body).backgroundColor !== \"rgb(255, 255, 255)\"",
                    "readable",
                    "shot dark",
                    "size 360 740",
                    "fits",
                    "shot narrow-dark",
                    "light",
                    "is getComputedStyle(document.body).backgroundColor === \"rgb(255, 255, 255)\"",
                    "fits",
                    "readable",
                    "shot narrow",
                    // The history is reached by keyboard, shut, and stays so, and the focus stays where it was.
                    "key Tab",
                    "is document.activeElement.tagName === \"SUMMARY\"",
                    "is document.activeElement.parentElement.open",
                    "key Enter",
                    "is !document.activeElement.parentElement.open",
                    "is (window.before = document.querySelector(\"[data-taken]\").dataset.taken) !== \"\"",
                    "is document.querySelector(\"[data-taken]\").dataset.taken !== window.before",
                    "is document.activeElement.tagName === \"SUMMARY\" && !document.activeElement.parentElement.open",
                    "is getComputedStyle(document.activeElement).outlineStyle !== \"none\"",
                ],
            );
        });
        until("the page is open", || inside(&site.a, "test -e /run/looked && echo open").contains("open"));
        drop(goes);
        looker.join().expect("a looker");
    });
}

#[test]
fn without_scripts_the_page_is_read_all_the_same_and_says_when_it_is_old_with_them() {
    let test = "without_scripts_the_page_is_read_all_the_same_and_says_when_it_is_old_with_them";
    if !browser_is_there(test) {
        return;
    }
    let Some(site) = Site::new(test) else { return };
    let _daemon = site.a.start_with(Program::Steadfast, "--vrrp", &configuration(200));
    play(
        &site.a,
        &[
            "scripts off",
            PAGE,
            // It comes anew by itself.
            "see 1 master, 0 backup, 0 fault",
            "see 10.0.0.100/32",
            "see History",
            "readable",
            "shot without-scripts",
            "scripts on",
            PAGE,
            "see live",
            "sh kill $(cat /run/keepalived.pid)",
            "see what stands here is old",
            "readable",
            "shot old",
        ],
    );
}
