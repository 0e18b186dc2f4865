//! keepalived's own command line, for everything that starts or asks keepalived today.

use std::ffi::OsString;
use std::path::Path;

use super::Output;
use super::options::{self, CommandLine, Show};
use crate::kernel::host::OsHost;
use crate::render;
use keepalived_conf::Options;

pub(super) fn run(words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    let line = match options::parse(words) {
        Ok(line) => line,
        Err(problems) => {
            for problem in problems {
                output.complain(problem);
            }
            return 1;
        }
    };
    match line.show {
        Show::Version => {
            version(output);
            return 0;
        }
        Show::Help => {
            let _ = writeln!(output.err, "usage: keepalived [OPTION...]\n{}", options::help());
            return 0;
        }
        Show::Nothing => {}
    }
    if let Some(name) = &line.signum {
        return match options::signal_number(name) {
            Some(number) => {
                output.print(number);
                0
            }
            None => {
                output.complain(format_args!("no signal is called `{name}`"));
                1
            }
        };
    }
    if line.genhash.is_some() {
        output.complain("genhash is not part of this program yet");
        return 1;
    }
    if let Some(log) = &line.config_test {
        return config_test(&line, log.as_deref(), output);
    }
    output.complain("running as a daemon is not implemented yet; `keepalived -t` and `steadfast check` are");
    1
}

/// Tests the configuration as keepalived's `-t` does, with its exit statuses: 0 fine, 4 cannot run, 5 errors but runs,
/// 6 script security or a mandatory include.
fn config_test(line: &CommandLine, log: Option<&str>, output: &mut Output<'_>) -> u8 {
    let options = Options {
        config_id: line.config_id.clone(),
        all_includes_checked: line.all_config,
        config_test: true,
        ..Options::default()
    };
    let loaded = keepalived_conf::load(&OsHost::new(), Path::new(&line.file), &options);
    let mut text = String::new();
    for finding in &loaded.diagnostics {
        text.push_str(&render::config_test_line(finding, &loaded.map));
        text.push('\n');
    }
    match log {
        None => {
            let _ = write!(output.err, "{text}");
        }
        Some(path) => {
            if let Err(error) = crate::kernel::files::append(Path::new(path), &text) {
                output.complain(format_args!("cannot write to {path}: {error}"));
                return 1;
            }
        }
    }
    loaded.diagnostics.exit_status()
}

/// The first line and the line of options are read by other programs: exporters look for `--enable-json`.
fn version(output: &mut Output<'_>) {
    let _ = writeln!(
        output.err,
        "Keepalived v2.4.3 (Steadfast {})\n\nconfigure options: --enable-json --enable-bfd --enable-regex --enable-sha1",
        env!("CARGO_PKG_VERSION")
    );
}
