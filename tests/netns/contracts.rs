// SPDX-License-Identifier: MIT OR Apache-2.0
//! What platforms, exporters and programs around keepalived rely on: each test plays one of them.

use std::collections::BTreeSet;

use crate::node::Program;
use crate::site::{SECURE, Site};

/// One instance as text.
fn instance(vip: &str, more: &str) -> String {
    format!(
        "vrrp_instance A {{\n interface eth0\n version 3\n virtual_router_id 1\n priority 100\n advert_int 0.2\n {more}\n \
         virtual_ipaddress {{\n {vip}\n }}\n}}\n"
    )
}

#[test]
fn an_address_of_a_platform_appears_and_goes_as_its_agent_watches_it() {
    // What Neutron does: one address is the signal, all others and the routes come with it, two PID files are read.
    let test = "an_address_of_a_platform_appears_and_goes_as_its_agent_watches_it";
    let Some(Site { lab, a }) = Site::new(test) else { return };
    let text = "global_defs {\n notification_email_from neutron@openstack.local\n router_id neutron\n}\nvrrp_instance VR_1 {\n \
        state BACKUP\n interface eth0\n virtual_router_id 1\n priority 50\n garp_master_delay 60\n nopreempt\n advert_int 1\n \
        track_interface {\n eth0\n }\n virtual_ipaddress {\n 169.254.0.1/24 dev eth0\n }\n \
        virtual_ipaddress_excluded {\n 203.0.113.5/24 dev eth0 no_track\n }\n \
        virtual_routes {\n 0.0.0.0/0 via 203.0.113.1 dev eth0 no_track protocol static\n }\n}\n";
    let daemon = a.start_with(Program::Steadfast, "-P -p /run/r.pid -r /run/r.pid-vrrp", text);
    lab.journal.until("the signal", |seen| seen.holds_alone("a", "169.254.0.1"));
    lab.journal.until("the rest", |seen| seen.holds_alone("a", "203.0.113.5"));
    a.shows("ip route show default | sed 's/ *$//'", "default via 203.0.113.1 dev eth0 proto static");
    a.shows("tr '\\0' ' ' </proc/$(cat /run/r.pid-vrrp)/cmdline | grep -c /run/r.pid", "1");
    // A reload announces nothing new and keeps everything.
    daemon.signal("HUP");
    lab.journal.until("it is complete", |seen| seen.said("a", "Reload 2 complete"));
    assert!(a.has("169.254.0.1"));
    assert!(daemon.stop().success());
    assert!(!a.has("169.254.0.1") && !a.has("203.0.113.5"));
    a.shows("ls /run/r.pid /run/r.pid-vrrp 2>/dev/null", "");
}

#[test]
fn a_pod_finds_the_oldest_process_by_name_and_drives_it_by_signals() {
    // What OpenShift does: a shell reads words from a socket and turns them into signals for the oldest `keepalived`, and
    // a probe empties the data file, asks for it and looks for the state.
    let Some(site) = Site::new("a_pod_finds_the_oldest_process_by_name_and_drives_it_by_signals") else { return };
    let a = &site.a;
    let text = instance("10.0.0.100/24 label vip", "unicast_src_ip 10.0.0.1\n unicast_peer {\n }");
    a.reconfigure(&format!("global_defs {{\n max_auto_priority -1\n vrrp_garp_master_refresh 60\n}}\n{text}"));
    let program = env!("CARGO_BIN_EXE_steadfast");
    let options = "-f /run/test.conf --dont-fork --vrrp --log-detail --log-console";
    a.inside(&format!("ln -s {program} /run/keepalived; TMPDIR=/run /run/keepalived {options} >/run/log 2>&1 &"));
    site.lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    a.shows("[ $(pgrep -o keepalived) = $(cat /run/keepalived.pid) ] && echo the same", "the same");
    let probe = ": >/run/keepalived.data; kill -s USR1 $(pgrep -o keepalived); sleep 1; \
        grep -c 'VRRP Instance' /run/keepalived.data; grep -c 'State = FAULT' /run/keepalived.data";
    assert_eq!(a.inside(probe).lines().next(), Some("1"));
    assert_eq!(a.inside(probe).lines().last(), Some("0"));
    a.inside("kill -s HUP $(pgrep -o keepalived)");
    a.shows("grep -c 'Reload 2 complete' /run/log", "1");
    assert!(a.has("10.0.0.100"));
    a.inside("kill -s TERM $(pgrep -o keepalived)");
    // Nobody collects the dead in this pod.
    a.shows("ps -C keepalived -o stat= | grep -vc Z", "0");
    assert!(!a.has("10.0.0.100"));
}

#[test]
fn every_signal_has_the_number_that_is_printed_for_it() {
    // What exporters do: they ask for a signal's number, send it to the process of the PID file and read what was written.
    let Some(site) = Site::new("every_signal_has_the_number_that_is_printed_for_it") else { return };
    let mut daemon = site.lead("--vrrp", &instance("10.0.0.100", ""));
    let program = env!("CARGO_BIN_EXE_steadfast");
    let writes = [("DATA", "data"), ("STATS", "stats"), ("JSON", "json"), ("STATS_CLEAR", "stats")];
    for (word, file) in writes {
        let file = format!("/run/keepalived.{file}");
        site.a.inside(&format!("rm -f {file}; kill -$({program} --signum={word}) $(cat /run/keepalived.pid)"));
        site.a.shows(&format!("[ -s {file} ] && echo written"), "written");
    }
    site.a.inside(&format!("kill -$({program} --signum=RELOAD) $(cat /run/keepalived.pid)"));
    site.lab.journal.until("it is complete", |seen| seen.said("a", "Reload 2 complete"));
    site.a.inside(&format!("kill -$({program} --signum=STOP) $(cat /run/keepalived.pid)"));
    site.lab.journal.until("it is gone", |seen| seen.holders("10.0.0.100").is_empty());
    // Its parent collects it.
    while daemon.is_running() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// What a reader of the notify pipe gets in one life: master, fault, master again, stop.
fn pipe_of(program: Program, test: &str) -> Option<Vec<String>> {
    let site = Site::new(test)?;
    let a = &site.a;
    // The program gets the pipe's place as its last argument.
    a.script("reader", "for pipe; do :; done\necho \"$# $pipe\" >/run/called\nexec cat <\"$pipe\" >>/run/lines");
    a.inside("mkdir /run/keepalived; echo 0 >/run/number");
    let before = "global_defs {\n enable_script_security\n script_user root\n \
        notify_fifo /run/keepalived/keepalived_notify_fifo\n notify_fifo_script \"/run/reader one\"\n \
        vrrp_notify_priority_changes true\n}\ntrack_file F {\n file /run/number\n weight 0\n}\n";
    let group = "vrrp_sync_group sync-1 {\n group {\n A\n }\n track_file {\n F\n }\n}\n";
    let daemon = a.start_with(program, "--vrrp", &format!("{before}{}{group}", instance("10.0.0.100", "")));
    site.lab.journal.until("it is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    a.shows("grep -c 'GROUP \"sync-1\" MASTER' /run/lines", "1");
    a.inside("echo 1 >/run/number");
    a.shows("grep -c 'GROUP \"sync-1\" FAULT' /run/lines", "1");
    a.inside("echo 0 >/run/number");
    a.shows("grep -c 'GROUP \"sync-1\" MASTER' /run/lines", "2");
    assert_eq!(a.inside("cat /run/called"), "2 /run/keepalived/keepalived_notify_fifo");
    assert!(daemon.stop().success());
    let lines = a.inside("cat /run/lines");
    // keepalived ends the reader with itself, mostly before it has read how everything stopped.
    Some(lines.lines().filter(|line| !line.contains(" STOP ")).map(str::to_owned).collect())
}

#[test]
fn lines_of_the_notify_pipe_are_those_of_keepalived() {
    // What VyOS does: its script matches ^(\w+) "([\w-]+)" (\w+) (\d+)$.
    let test = "lines_of_the_notify_pipe_are_those_of_keepalived";
    let Some(theirs) = pipe_of(Program::Keepalived, test) else { return };
    let Some(ours) = pipe_of(Program::Steadfast, test) else { return };
    assert_eq!(ours, theirs);
}

/// Runs one daemon through its life and gives what its hooks saw: arguments, environment, place, mask, open files.
fn hooks_of(program: Program, test: &str) -> Option<BTreeSet<String>> {
    let Site { lab, a } = Site::new(test)?;
    // One write a line: hooks of different objects run side by side. Files are counted while the shell has no pipe open.
    let record = "arguments=$(printf '%s|' \"$@\")\n\
        names=$(env | grep -v -e ^_= -e ^PWD= -e ^OLDPWD= -e ^SHLVL= -e ^LD_ | cut -d= -f1 | sort | tr '\\n' ' ')\n\
        place=$(readlink /proc/$$/cwd /proc/$$/fd/0 /proc/$$/fd/1 | tr '\\n' ' ')\n\
        ls /proc/$$/fd >/run/files.$$\n\
        files=$(wc -l </run/files.$$)\n\
        leads=$(ps -o pgid= -p $$ | grep -c $$)\n\
        echo \"$arguments $names $(umask) $place $files $leads $(id -u)\" >>/run/seen";
    a.script("hook", record);
    let hook = |word: &str| format!("notify_{word} \"/run/hook own-{word} 'with blanks'\"\n");
    let more = format!(
        "{}{}{}{} notify \"/run/hook general\"\n track_file {{\n F\n }}",
        hook("master"),
        hook("backup"),
        hook("fault"),
        hook("stop")
    );
    let before = format!("{SECURE}track_file F {{\n file /run/number\n weight 0\n}}\n");
    let group = "vrrp_sync_group G {\n group {\n A\n }\n notify \"/run/hook group\"\n}\n";
    a.inside("echo 0 >/run/number");
    let text = format!("{before}{}{group}", instance("10.0.0.100", &more));
    let daemon = a.start(program, &text);
    lab.journal.until("it is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    a.shows("grep -c 'group|GROUP|G|MASTER|0' /run/seen", "1");
    a.inside("echo 1 >/run/number");
    lab.journal.until("it is in fault", |seen| seen.holders("10.0.0.100").is_empty());
    a.shows("grep -c 'group|GROUP|G|FAULT|0' /run/seen", "1");
    assert!(daemon.stop().success());
    a.shows("grep -c 'group|GROUP|G|STOP|0' /run/seen", "1");
    a.shows("grep -c 'general|INSTANCE|A|STOP|100' /run/seen", "1");
    Some(a.inside("cat /run/seen").lines().map(str::to_owned).collect())
}

#[test]
fn hooks_see_what_hooks_of_keepalived_see() {
    let test = "hooks_see_what_hooks_of_keepalived_see";
    let Some(theirs) = hooks_of(Program::Keepalived, test) else { return };
    let Some(ours) = hooks_of(Program::Steadfast, test) else { return };
    assert_eq!(ours, theirs);
}
