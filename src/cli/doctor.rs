// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast doctor`: whether this machine lets the daemon do its work, and what to do where it does not.

use std::ffi::OsString;
use std::path::Path;

use keepalived_conf::blocks::Config;
use keepalived_conf::family::Family;
use keepalived_conf::{Options, load};
use lexopt::{Arg, Parser};

use super::options::DEFAULT_FILE;
use super::{Output, usage};
use crate::kernel::host::OsHost;
use crate::kernel::machine::{self, Machine, Part};

/// The oldest kernel that has all we use.
const KERNEL_MIN: (u32, u32) = (5, 10);

const CAPABILITIES: [(u32, &str, &str); 3] = [
    (12, "CAP_NET_ADMIN", "addresses, routes and the load balancer's table cannot be changed"),
    (13, "CAP_NET_RAW", "VRRP and ARP cannot be sent or received"),
    (10, "CAP_NET_BIND_SERVICE", "checks cannot come from ports below 1024"),
];

/// Programs that do the same work, or take away what we set.
const CLASHES: [(&str, &str); 9] = [
    ("keepalived", "two daemons answer for the same routers: stop one, `systemctl disable --now keepalived`"),
    ("vrrpd", "FRR's VRRP runs too: see that it has other router ids on each interface"),
    ("ucarp", "it may hold the same addresses: stop it, or give it others"),
    ("corosync", "a cluster manager may hold the same addresses: take them out of its resources"),
    ("kube-proxy", "in its IPVS mode it removes virtual servers it does not know: set `--ipvs-exclude-cidrs`"),
    (
        "systemd-network",
        "it removes foreign addresses and rules: set `ManageForeignRoutes=no`, \
      `ManageForeignRoutingPolicyRules=no` and `KeepConfiguration=yes`",
    ),
    ("NetworkManager", "it may remove addresses when it brings an interface up: mark the interface unmanaged"),
    (
        "firewalld",
        "reloading it may remove rules of others: allow the protocol, `firewall-cmd --permanent \
      --add-protocol=vrrp`",
    ),
    ("ufw", "allow the protocol: `ufw allow proto vrrp from any`"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Fine,
    Note,
    Warning,
    Error,
}

/// One answer: what was looked at, what was found, and what to do.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    grade: Grade,
    what: String,
    todo: String,
}

/// What the configuration asks of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wants {
    vrrp: bool,
    balancing: bool,
    ipv6: bool,
    vmac: bool,
    signed: bool,
    no_accept: bool,
    interfaces: Vec<String>,
}

pub(super) fn run(words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    let file = match read(words) {
        Ok(file) => file,
        Err(problem) => return usage("doctor", problem, output),
    };
    let machine = machine::look();
    let wants = match file {
        Some(file) => {
            let loaded = load(&OsHost::new(), Path::new(&file), &Options::default());
            output.print(format_args!("looked at with {} in mind", Path::new(&file).display()));
            wants(&loaded.config)
        }
        None => {
            output.print("no configuration: looked at for everything there is");
            Wants {
                vrrp: true,
                balancing: true,
                ipv6: true,
                vmac: true,
                signed: true,
                no_accept: true,
                interfaces: Vec::new(),
            }
        }
    };
    let answers = examine(&machine, &wants);
    for answer in &answers {
        let grade = match answer.grade {
            Grade::Fine => "fine",
            Grade::Note => "note",
            Grade::Warning => "warning",
            Grade::Error => "error",
        };
        output.print(format_args!("{grade:<8} {}", answer.what));
        if !answer.todo.is_empty() {
            output.print(format_args!("         -> {}", answer.todo));
        }
    }
    u8::from(answers.iter().any(|answer| answer.grade == Grade::Error))
}

fn read(words: Vec<OsString>) -> Result<Option<OsString>, String> {
    let mut parser = Parser::from_args(words);
    let mut file = None;
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Arg::Value(word) if file.is_none() => file = Some(word),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let default = Path::new(DEFAULT_FILE);
    Ok(file.or_else(|| crate::kernel::files::can_open(default).is_ok().then(|| default.into())))
}

fn wants(config: &Config) -> Wants {
    let instances = &config.vrrp.instances;
    Wants {
        vrrp: !instances.is_empty(),
        balancing: config.lvs.is_used(),
        ipv6: instances.iter().any(|instance| *instance.family == Family::V6),
        vmac: instances.iter().any(|instance| instance.vmac.is_some()),
        signed: instances.iter().any(|instance| instance.auth_hmac.is_some()),
        no_accept: instances.iter().any(|instance| !*instance.accept),
        interfaces: instances.iter().filter_map(|instance| Some(instance.interface.as_ref()?.text.clone())).collect(),
    }
}

fn examine(machine: &Machine, wants: &Wants) -> Vec<Answer> {
    let mut answers = Vec::new();
    kernel(machine, &mut answers);
    parts(machine, wants, &mut answers);
    capabilities(machine, wants, &mut answers);
    settings(machine, wants, &mut answers);
    interfaces(machine, wants, &mut answers);
    firewall(machine, wants, &mut answers);
    clock(machine, wants, &mut answers);
    for (name, todo) in CLASHES {
        if machine.processes.contains(name) {
            say(&mut answers, Grade::Warning, format!("`{name}` runs on this machine"), todo);
        }
    }
    answers
}

fn say(answers: &mut Vec<Answer>, grade: Grade, what: impl Into<String>, todo: impl Into<String>) {
    answers.push(Answer { grade, what: what.into(), todo: todo.into() });
}

fn kernel(machine: &Machine, answers: &mut Vec<Answer>) {
    let release = &machine.release;
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) if (major, minor) >= KERNEL_MIN => {
            say(answers, Grade::Fine, format!("kernel {release}"), "");
        }
        (Some(_), Some(_)) => {
            let (major, minor) = KERNEL_MIN;
            say(
                answers,
                Grade::Warning,
                format!("kernel {release} is older than {major}.{minor}, the oldest this is tested for"),
                "use a newer kernel; see docs/kernel.md",
            );
        }
        _ => say(answers, Grade::Note, "the kernel does not tell its release", ""),
    }
}

fn parts(machine: &Machine, wants: &Wants, answers: &mut Vec<Answer>) {
    let wanted = [
        ("ip_vs", wants.balancing, "virtual servers cannot be set up", Grade::Error),
        (
            "nf_tables",
            wants.no_accept || wants.vmac,
            "addresses that must not be accepted cannot be filtered",
            Grade::Warning,
        ),
        ("macvlan", wants.vmac, "`use_vmac` cannot be carried out", Grade::Error),
        ("af_packet", wants.vrrp, "ARP announcements cannot be sent", Grade::Error),
    ];
    for (name, wanted, without, grade) in wanted {
        if !wanted {
            continue;
        }
        match machine.parts.get(name).copied().unwrap_or(Part::Unknown) {
            Part::Present => say(answers, Grade::Fine, format!("`{name}` is in the kernel"), ""),
            Part::Loadable => say(
                answers,
                Grade::Note,
                format!("`{name}` is not loaded"),
                format!("`modprobe {name}`, and its name in /etc/modules-load.d/steadfast.conf"),
            ),
            Part::Absent => say(
                answers,
                grade,
                format!("this kernel has no `{name}`: {without}"),
                "use a kernel of the distribution, or build one with it",
            ),
            Part::Unknown => say(
                answers,
                Grade::Note,
                format!("nobody here tells whether this kernel has `{name}`; without it {without}"),
                format!("inside a container load it outside: `modprobe {name}`"),
            ),
        }
    }
}

fn capabilities(machine: &Machine, wants: &Wants, answers: &mut Vec<Answer>) {
    if !(wants.vrrp || wants.balancing) {
        return;
    }
    for (number, name, without) in CAPABILITIES {
        let grade = if number == 10 { Grade::Note } else { Grade::Error };
        if machine.capabilities & (1 << number) != 0 {
            say(answers, Grade::Fine, format!("{name} is there"), "");
        } else {
            say(
                answers,
                grade,
                format!("{name} is missing: {without}"),
                format!(
                    "run as root, or give it: `AmbientCapabilities={name}` in the unit, `--cap-add {name}` for a container"
                ),
            );
        }
    }
}

fn settings(machine: &Machine, wants: &Wants, answers: &mut Vec<Answer>) {
    let value = |name: &str| machine.settings.get(name).copied();
    if wants.balancing && value("net/ipv4/ip_forward") == Some(0) {
        say(
            answers,
            Grade::Warning,
            "net.ipv4.ip_forward is 0: servers behind NAT are not reached",
            "`sysctl -w net.ipv4.ip_forward=1`; DR and TUN do not need it",
        );
    }
    if wants.vmac && value("net/ipv4/conf/all/rp_filter") == Some(1) {
        say(
            answers,
            Grade::Warning,
            "net.ipv4.conf.all.rp_filter is 1: packets to a virtual MAC's interface may be dropped",
            "`sysctl -w net.ipv4.conf.all.rp_filter=0`, or 2",
        );
    }
    if wants.ipv6 && value("net/ipv6/conf/all/disable_ipv6") == Some(1) {
        say(
            answers,
            Grade::Error,
            "IPv6 is switched off: IPv6 instances stay in FAULT",
            "`sysctl -w net.ipv6.conf.all.disable_ipv6=0`",
        );
    }
    if let Some(most) = value("net/ipv4/igmp_max_memberships")
        && wants.vrrp
        && usize::try_from(most).is_ok_and(|most| most < wants.interfaces.len())
    {
        say(
            answers,
            Grade::Note,
            format!("net.ipv4.igmp_max_memberships is {most}, and there are more instances"),
            "nothing, unless they are on as many interfaces: then raise it",
        );
    }
    if machine.real_time_micros == Some(0) {
        say(
            answers,
            Grade::Warning,
            "kernel.sched_rt_runtime_us is 0: real-time scheduling is refused",
            "`sysctl -w kernel.sched_rt_runtime_us=950000`",
        );
    }
}

fn interfaces(machine: &Machine, wants: &Wants, answers: &mut Vec<Answer>) {
    for name in &wants.interfaces {
        if !machine.interfaces.contains(name) {
            say(
                answers,
                Grade::Error,
                format!("there is no interface `{name}`"),
                "its instances wait in FAULT until it appears; see `ip link`",
            );
        }
    }
}

/// What a firewall does is guessed from its text: a chain for incoming packets that drops by default, and no word about
/// VRRP anywhere.
fn firewall(machine: &Machine, wants: &Wants, answers: &mut Vec<Answer>) {
    if !wants.vrrp {
        return;
    }
    let Some(rules) = &machine.firewall else {
        return say(
            answers,
            Grade::Note,
            "the rules of the firewall could not be listed",
            "run as root, with nftables installed",
        );
    };
    let names_vrrp = |line: &str| {
        ["vrrp", "protocol 112", "l4proto 112", "-p 112", "224.0.0.18"].iter().any(|word| line.contains(word))
    };
    let drops = |line: &str| {
        line.contains(" drop") || line.contains(" reject") || line.contains("-j DROP") || line.contains("-j REJECT")
    };
    let closed =
        |line: &str| (line.contains("hook input") && line.contains("policy drop")) || line.starts_with(":INPUT DROP");
    let accepted = rules.lines().any(|line| names_vrrp(line) && (line.contains("accept") || line.contains("ACCEPT")));
    if let Some(line) = rules.lines().find(|line| names_vrrp(line) && drops(line)) {
        say(
            answers,
            Grade::Error,
            format!("a rule of the firewall drops VRRP: `{}`", line.trim()),
            "remove it, or put one before it that accepts protocol 112",
        );
    } else if rules.lines().any(closed) && !accepted {
        say(
            answers,
            Grade::Error,
            "the firewall drops what no rule accepts, and no rule speaks of VRRP: every node would become master",
            "`nft add rule inet filter input meta l4proto 112 accept` (and `ah` with AH), or `iptables -I INPUT -p 112 -j ACCEPT`",
        );
    } else {
        say(answers, Grade::Fine, "no rule of the firewall drops VRRP", "");
    }
}

fn clock(machine: &Machine, wants: &Wants, answers: &mut Vec<Answer>) {
    if !wants.signed {
        return;
    }
    match machine.clock_synchronised {
        Some(true) => say(answers, Grade::Fine, "the clock is kept right", ""),
        Some(false) => say(
            answers,
            Grade::Warning,
            "nothing keeps the clock right, and `auth_hmac` refuses adverts whose time is too far off",
            "run chrony or systemd-timesyncd",
        ),
        None => say(answers, Grade::Note, "the kernel does not tell whether its clock is kept right", ""),
    }
}

#[cfg(test)]
mod tests;
