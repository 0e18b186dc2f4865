// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast config --json`: the typed configuration in force.

use std::ffi::OsString;
use std::path::Path;

use keepalived_conf::Options;
use lexopt::{Arg, Parser};

use super::{Output, usage};
use crate::kernel::host::OsHost;
use crate::render;

pub(super) fn run(words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    let (file, options) = match read(words) {
        Ok(request) => request,
        Err(problem) => return usage("config", problem, output),
    };
    let loaded = keepalived_conf::load(&OsHost::new(), Path::new(&file), &options);
    for finding in &loaded.diagnostics {
        output.complain(render::line(finding, &loaded.map));
    }
    match serde_json::to_string_pretty(&loaded.config) {
        Ok(text) => output.print(text),
        Err(error) => {
            output.complain(error);
            return 1;
        }
    }
    u8::from(loaded.diagnostics.has_errors())
}

fn read(words: Vec<OsString>) -> Result<(OsString, Options), String> {
    let mut options = Options::default();
    let mut file = None;
    let mut parser = Parser::from_args(words);
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Arg::Long("json") => {}
            Arg::Long("config-id") | Arg::Short('i') => {
                options.config_id = Some(super::check::value_of(&mut parser)?);
            }
            Arg::Value(word) if file.is_none() => file = Some(word),
            other => return Err(other.unexpected().to_string()),
        }
    }
    file.map(|file| (file, options)).ok_or_else(|| "no file".to_owned())
}
