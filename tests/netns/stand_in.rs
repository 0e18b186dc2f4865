//! The daemon as a process of its own: another run of this test program, which reads the configuration a node was given and
//! hands the plan of it to the supervisor.

use std::path::Path;
use std::process::ExitCode;

use steadfast::kernel::host::OsHost;
use steadfast::observe::log::{Level, Log, Sinks};
use steadfast::plan::vrrp::VrrpPlan;

/// Names the file with the configuration.
pub const CONFIGURATION: &str = "STEADFAST_TEST_CONFIGURATION";

/// How to run this program as the daemon.
pub fn command() -> String {
    let program = std::env::current_exe().expect("this program has a path");
    format!("{} --exact stand_in::is_the_daemon_when_asked --nocapture", program.display())
}

#[test]
fn is_the_daemon_when_asked() {
    let Some(path) = std::env::var_os(CONFIGURATION) else { return };
    let sinks = Sinks { syslog: None, stream: Some(Box::new(std::io::stderr())) };
    let log = Log::new("steadfast", Level::Debug, sinks);
    let first = read(Path::new(&path), None, &log);
    let mut before = first.clone();
    let code = steadfast::supervisor::run(first, &log, || {
        before = read(Path::new(&path), Some(&before), &log);
        Some(before.clone())
    });
    std::process::exit(i32::from(code != ExitCode::SUCCESS));
}

fn read(path: &Path, before: Option<&VrrpPlan>, log: &Log) -> VrrpPlan {
    let loaded = keepalived_conf::load(&OsHost::new(), path, &keepalived_conf::Options::default());
    for finding in &loaded.diagnostics {
        log.warning(format_args!("{finding:?}"));
    }
    let plan = VrrpPlan::compile(&loaded.config, before);
    for trouble in &plan.troubles {
        log.error(trouble);
    }
    plan
}
