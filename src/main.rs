// SPDX-License-Identifier: MIT OR Apache-2.0
//! argv -> role -> exit code; nothing else.

use std::io::{IsTerminal, stderr, stdout};
use std::process::ExitCode;

use steadfast::cli::{self, Output};

fn main() -> ExitCode {
    let (out, err) = (stdout(), stderr());
    let mut output = Output { colour: out.is_terminal(), out: &mut out.lock(), err: &mut err.lock() };
    ExitCode::from(cli::run(std::env::args_os().collect(), &mut output))
}
