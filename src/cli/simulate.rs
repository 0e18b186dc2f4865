// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast simulate`: the operator's own files, the daemon's own machine, an outage that has not happened yet.

use std::ffi::OsString;
use std::path::Path;

use keepalived_conf::Options;
use lexopt::{Arg, Parser};

use super::{Output, usage};
use crate::kernel::files;
use crate::kernel::host::Elsewhere;
use crate::plan::vrrp::VrrpPlan;
use crate::render;
use crate::sim::scenario;

/// A script longer than this is not one.
const SCRIPT_MAX: u64 = 1 << 20;

pub(super) fn run(words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    let (configurations, script) = match read(words) {
        Ok(request) => request,
        Err(problem) => return usage("simulate", problem, output),
    };
    let mut nodes = Vec::new();
    for path in &configurations {
        let loaded = keepalived_conf::load(&Elsewhere::new(), Path::new(path), &Options::default());
        for finding in &loaded.diagnostics {
            output.complain(render::line(finding, &loaded.map));
        }
        let plan = VrrpPlan::compile(&loaded.config, None);
        if plan.instances.is_empty() {
            output.complain(format_args!("{} has no vrrp_instance to simulate", path.to_string_lossy()));
            return 1;
        }
        // The script calls the nodes by the names of their files.
        let name = Path::new(path).file_stem().unwrap_or(path).to_string_lossy().into_owned();
        nodes.push((name, plan));
    }
    let text = match files::read(Path::new(&script), SCRIPT_MAX) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            output.complain(format_args!("{}: {error}", script.to_string_lossy()));
            return 1;
        }
    };
    match scenario::run(&nodes, &text) {
        Ok(report) => {
            output.print(report.text.trim_end());
            u8::from(!report.failed.is_empty())
        }
        Err(error) => {
            output.complain(format_args!("{}: {error}", script.to_string_lossy()));
            1
        }
    }
}

/// The configurations, and the script.
fn read(words: Vec<OsString>) -> Result<(Vec<OsString>, OsString), String> {
    let mut configurations = Vec::new();
    let mut script = None;
    let mut parser = Parser::from_args(words);
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Arg::Long("conf") | Arg::Short('c') => {
                configurations.push(parser.value().map_err(|error| error.to_string())?);
            }
            Arg::Value(word) if script.is_none() => script = Some(word),
            other => return Err(other.unexpected().to_string()),
        }
    }
    match script {
        _ if configurations.is_empty() => Err("no --conf: whose configuration is to be simulated?".to_owned()),
        Some(script) => Ok((configurations, script)),
        None => Err("no script".to_owned()),
    }
}
