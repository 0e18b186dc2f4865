// SPDX-License-Identifier: MIT OR Apache-2.0
//! MISC_CHECK: a program says whether the server is well, and perhaps how much it should weigh.
//!
//! A program that could not be started has said nothing about the server.

use keepalived_conf::blocks::lvs::check_misc::MiscCheck;

use super::{Finding, Tools};
use crate::kernel::child::Exit;
use crate::kernel::files::is_lack;
use crate::proto::health::Weight;

/// With `misc_dynamic`, what an exit status is above the weight it stands for.
const WEIGHT_OFFSET: i32 = 2;

pub(super) async fn probe(check: &MiscCheck, tools: &Tools) -> Finding {
    if let Some(path) = check.script.opens() {
        return opens(path);
    }
    // Looking an account up takes a thread, so that waits for its turn too.
    let _turn = match tools.programs.turn().await {
        Ok(turn) => turn,
        Err(error) => return error.into(),
    };
    let command = match tools.programs.command(&check.script).await {
        Ok(command) => command,
        Err(why) => return Finding::not_checked(why),
    };
    let limit = *check.timeout;
    let exit = command.run(Some(limit)).await;
    let program = command.program.display();
    match exit {
        Exit::Status(0) => Finding::good(),
        Exit::Status(status) if check.dynamic && status > 1 => {
            Finding::weighed(Weight::Exactly(u32::try_from(status - WEIGHT_OFFSET).unwrap_or(0)))
        }
        Exit::Status(status) => Finding::bad(format!("{program} ended with status {status}")),
        Exit::Signal(signal) => Finding::bad(format!("{program} was ended by signal {signal}")),
        Exit::TimedOut => Finding::bad(format!("{program} took longer than {limit:?} and was ended")),
        Exit::NotStarted(error) => Finding::not_checked(format!("{program} could not be started: {error}")),
    }
}

/// `</path`: a file that can be opened.
fn opens(path: &str) -> Finding {
    match crate::kernel::files::can_open(std::path::Path::new(path)) {
        Ok(()) => Finding::good(),
        // Without descriptors or memory nothing can be opened, whatever it is.
        Err(error) if is_lack(&error) => {
            Finding::not_checked(format!("{path} cannot be opened: {}", crate::dial::words(&error)))
        }
        Err(error) => Finding::bad(format!("{path} cannot be opened: {}", crate::dial::words(&error))),
    }
}

#[cfg(test)]
mod tests;
