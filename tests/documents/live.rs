// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon that runs, for commands that ask one: one node with a virtual router and two real servers, in a network and a
//! /run of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What the documents call NAME and 10.0.0.1:80 is there.
const CONFIGURATION: &str = "\
vrrp_instance web {
    interface eth0
    virtual_router_id 51
    priority 200
    version 3
    advert_int 0.2
    virtual_ipaddress {
        10.0.0.100/24
    }
}
virtual_server 10.0.0.100 80 {
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    delay_loop 1
    real_server 10.0.0.1 80 {
        TCP_CHECK {
        }
    }
    real_server 10.0.0.2 80 {
    }
}
";

/// Waits for the virtual router to lead, then runs the lines of `commands`. Before each stands RS, and after it US with its
/// status. Should it never lead, that is status 1.
const SCRIPT: &str = "\
mount -t tmpfs tmpfs /run && ip link set lo up && ip link add eth0 type veth peer name peer && ip link set peer up &&
  ip link set eth0 up && ip address add 10.0.0.3/24 dev eth0 || exit 77
steadfast -n -l --no-syslog -f live.conf >live.log 2>&1 &
daemon=$!
for _ in $(seq 2400); do
  steadfast status 2>/dev/null | grep -q '^web: MASTER' && break
  sleep 0.1
done
steadfast status | grep -q '^web: MASTER' || { cat live.log; exit 1; }
while IFS= read -r command <&3; do
  printf '\\036'
  (eval \"$command\") 2>&1 3<&-
  printf '\\037%s\\n' $?
done 3<commands
kill $daemon
wait $daemon
";

/// Runs these commands one after another; the status of each and what it said. `None` where there can be no network of its
/// own.
pub(crate) fn ask(desk: &Path, path: &str, commands: &[String]) -> Option<Vec<(i32, String)>> {
    fs::write(desk.join("live.conf"), CONFIGURATION).expect("a file");
    fs::write(desk.join("commands"), commands.join("\n") + "\n").expect("a file");
    let output = Command::new("setpriv")
        .args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child=KILL",
            "--mount-proc",
        ])
        .args(["bash", "-c", SCRIPT])
        .current_dir(desk)
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .expect("setpriv runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => {}
        Some(1) if told.is_empty() => return None, // unshare was refused
        Some(77) => return None,
        other => panic!("{other:?}: {told}{}", String::from_utf8_lossy(&output.stderr)),
    }
    let answers = told.split('\u{1e}').skip(1).map(|part| {
        let (said, status) = part.split_once('\u{1f}').expect("an end");
        (status.trim().parse().expect("a status"), said.to_owned())
    });
    Some(answers.collect())
}
