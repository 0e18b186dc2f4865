// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's side: what its first program does, and the running of scenarios.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::Scenario;
use crate::host::MODULES;

/// Names the file with the scenarios to run, in the guest.
const LIST: &str = "STEADFAST_UML_SCENARIOS";
/// Scenarios at once. They wait more than they work.
const AT_ONCE: usize = 8;
/// A folder in the guest's memory that no scenario hides.
const OWN: &str = "/dev/steadfast";
const KERNEL_MODULES: [&str; 32] = [
    "8021q",
    "act_gact",
    "act_skbedit",
    "bridge",
    "cls_u32",
    "dummy",
    "fou",
    "ip6_gre",
    "ip6_tunnel",
    "ip_gre",
    "ipip",
    "ipv6",
    "macvlan",
    "sch_ingress",
    "sch_netem",
    "veth",
    "vrf",
    "ip_vs",
    "ip_vs_dh",
    "ip_vs_fo",
    "ip_vs_lblc",
    "ip_vs_lblcr",
    "ip_vs_lc",
    "ip_vs_mh",
    "ip_vs_nq",
    "ip_vs_ovf",
    "ip_vs_pe_sip",
    "ip_vs_rr",
    "ip_vs_sed",
    "ip_vs_sh",
    "ip_vs_wlc",
    "ip_vs_wrr",
];
/// What begins a line that is meant for the host; the kernel writes on the same console.
const MARK: &str = "=steadfast=";

/// The guest's first program. Its root is the host's: it mounts memory over what is written to, and has the kernel find its
/// modules where the package has them. When it ends, so does the guest.
pub fn init(list: &Path) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    format!(
        "#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
[ -e /dev/null ] || mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
ip link set lo up
mkdir -p {OWN}/modules/lib/modules
mount --bind {MODULES} {OWN}/modules/lib/modules
printf '#!/bin/sh\\nexec modprobe -d {OWN}/modules \"$@\"\\n' > {OWN}/modprobe
chmod +x {OWN}/modprobe
export {LIST}={}
{}
",
        list.display(),
        program.display()
    )
}

/// Before this there are no modules. The kernel may load more by itself, but not these: in 6.1 it comes to a standstill when
/// it loads a scheduler while a network vanishes that has services.
pub fn load_modules() {
    let loader = format!("{OWN}/modprobe");
    fs::write("/proc/sys/kernel/modprobe", &loader).expect("a kernel that loads modules");
    let folder = format!("{OWN}/modules");
    let status = Command::new("modprobe").args(["-d", &folder, "-a"]).args(KERNEL_MODULES).status();
    assert!(status.expect("modprobe runs").success(), "the guest's modules are loaded");
}

/// The scenarios to run when this is a guest.
pub fn list() -> Option<Vec<String>> {
    let file = std::env::var(LIST).ok()?;
    Some(fs::read_to_string(file).expect("the list of scenarios").lines().map(str::to_owned).collect())
}

/// What is said to the host.
#[derive(Debug)]
pub enum Said {
    Begin(String),
    End(String, Result<(), String>),
}

impl Said {
    fn write(&self) -> String {
        match self {
            Said::Begin(name) => format!("{MARK} begin {name}"),
            Said::End(name, Ok(())) => format!("{MARK} ok {name}"),
            Said::End(name, Err(why)) => {
                format!("{MARK} failed {name} {}", why.replace('\\', "\\\\").replace('\n', "\\n"))
            }
        }
    }

    pub fn read(line: &str) -> Option<Said> {
        let (_, said) = line.split_once(MARK)?;
        let (word, rest) = said.trim_start().split_once(' ')?;
        match word {
            "begin" => Some(Said::Begin(rest.to_owned())),
            "ok" => Some(Said::End(rest.to_owned(), Ok(()))),
            "failed" => {
                let (name, why) = rest.split_once(' ')?;
                Some(Said::End(name.to_owned(), Err(why.replace("\\n", "\n").replace("\\\\", "\\"))))
            }
            _ => None,
        }
    }
}

thread_local! {
    /// Where this thread panicked.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs what is listed: what wants the guest for itself first, then the rest side by side.
pub fn run(scenarios: Vec<Scenario>, list: &[String]) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
        PLACE.set(place.unwrap_or_default());
    }));
    let listed: VecDeque<Scenario> = scenarios.into_iter().filter(|one| list.contains(&one.name)).collect();
    let (alone, together): (VecDeque<_>, VecDeque<_>) =
        listed.into_iter().partition(|one| one.name.starts_with("alone::"));
    alone.iter().for_each(play);
    load_modules();
    let queue = Mutex::new(together);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("nobody panics with it").pop_front();
                    let Some(scenario) = next else { return };
                    play(&scenario);
                }
            });
        }
    });
    thread::sleep(Duration::from_secs(1));
    ExitCode::SUCCESS
}

/// On a thread of its own, because a scenario enters namespaces and does not come back.
fn play(scenario: &Scenario) {
    println!("{}", Said::Begin(scenario.name.clone()).write());
    let came_to = thread::scope(|scope| {
        scope.spawn(|| catch_unwind(AssertUnwindSafe(&scenario.run)).map_err(|panic| sentence(panic.as_ref()))).join()
    });
    let came_to = came_to.unwrap_or_else(|panic| Err(sentence(panic.as_ref())));
    println!("{}", Said::End(scenario.name.clone(), came_to).write());
}

fn sentence(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    format!("{}: {}", PLACE.take(), text.unwrap_or_else(|| "it panicked".to_owned()))
}
