// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line: our subcommands, and keepalived's own form.

mod ask;
mod check;
mod completions;
mod config;
mod doctor;
mod explain;
mod manual;
pub mod options;
mod replay;
mod simulate;
mod socket;
mod status;
mod top;
mod upstream;
mod verbs;

use std::ffi::OsString;
use std::io::Write;

/// Where a command writes, so that tests can read it.
pub struct Output<'a> {
    pub out: &'a mut dyn Write,
    pub err: &'a mut dyn Write,
    /// Whether `out` is a terminal that shows colours.
    pub colour: bool,
}

impl std::fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("colour", &self.colour).finish_non_exhaustive()
    }
}

impl Output<'_> {
    /// A reader that went away is no reason to fail.
    fn print(&mut self, text: impl std::fmt::Display) {
        let _ = writeln!(self.out, "{text}");
    }

    fn complain(&mut self, text: impl std::fmt::Display) {
        let _ = writeln!(self.err, "steadfast: {text}");
    }
}

/// Exit status of a command line that cannot be understood.
const USAGE: u8 = 64;

struct Command {
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    run: fn(Vec<OsString>, &mut Output<'_>) -> u8,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "run",
        usage: "run [OPTION...]",
        help: "the daemon; takes the options of keepalived below, and may be left out where there is one",
        run: upstream::start,
    },
    Command {
        name: "check",
        usage: "check [--strict] [--fail-on error|warning|note] [--json|--oneline] [--as keepalived[-VERSION]] [--elsewhere] [--config-id ID] FILE...",
        help: "say what is wrong with a configuration, where, and what to do; several files are compared as nodes; \
               with --elsewhere the interfaces, accounts and programs of this machine do not matter",
        run: check::run,
    },
    Command {
        name: "explain",
        usage: "explain KEYWORD|CODE [BLOCK]",
        help: "what a keyword or a finding means",
        run: explain::run,
    },
    Command {
        name: "config",
        usage: "config --json [--config-id ID] FILE",
        help: "the typed configuration in force, defaults filled in, secrets masked",
        run: config::run,
    },
    Command {
        name: "doctor",
        usage: "doctor [FILE]",
        help: "whether this machine lets the daemon do its work, with this configuration in mind, and what to do where \
               it does not; changes nothing",
        run: doctor::run,
    },
    Command {
        name: "manual",
        usage: "manual [steadfast|keepalived.conf]",
        help: "print a manual page: `steadfast manual keepalived.conf | man -l -`",
        run: manual::run,
    },
    Command {
        name: "completions",
        usage: "completions bash|zsh|fish",
        help: "print what a shell needs to complete this command line",
        run: completions::run,
    },
    Command {
        name: "simulate",
        usage: "simulate --conf FILE [--conf FILE...] SCRIPT",
        help: "play an outage through the daemon's own machine: a timeline, and how long the address was without a master",
        run: simulate::run,
    },
    Command {
        name: "status",
        usage: "status [NAME] [--json] [--watch] [--socket PATH|--conf FILE]",
        help: "what the running daemon does: states, since when, addresses, priorities term by term, servers and their \
               checks",
        run: status::status,
    },
    Command {
        name: "top",
        usage: "top [--socket PATH|--conf FILE]",
        help: "the same live in a terminal, from 40 columns and 8 lines on; keys for why, events, drain (asked once more) and \
               normal, `?` lists them",
        run: top::run,
    },
    Command {
        name: "why",
        usage: "why NAME",
        help: "why an instance or a server is in its state: what led there, each term of a priority, what happens next",
        run: status::why,
    },
    Command {
        name: "events",
        usage: "events [--follow] [--from NUMBER] [--json]",
        help: "what happened, numbered; a reload or the death of a worker loses nothing",
        run: status::events,
    },
    Command {
        name: "record",
        usage: "record > FILE",
        help: "write what the flight recorder kept: the state of the virtual routers some time ago and everything that \
               moved them since, without passwords and keys",
        run: replay::record,
    },
    Command {
        name: "replay",
        usage: "replay FILE [--all]",
        help: "play a recording again in the daemon's own machine: a timeline of what happened, with --all of every step; \
               says where the machine does something else than it did then",
        run: replay::replay,
    },
    Command {
        name: "take",
        usage: "take NAME [--for TIME]",
        help: "make an instance master now; for a time such as 30m, or until `normal`",
        run: verbs::take,
    },
    Command {
        name: "release",
        usage: "release NAME [--for TIME]",
        help: "give an instance's addresses to another router; it serves on while nobody else does",
        run: verbs::release,
    },
    Command {
        name: "drain",
        usage: "drain [INSTANCE|SERVER [--of VIRTUALSERVER] [--force]] [--for TIME]",
        help: "every instance of this node gives way, or one does, or a real server gets no new connections; the last \
               server in service is drained only with --force",
        run: verbs::drain,
    },
    Command {
        name: "priority",
        usage: "priority NAME N [--for TIME]",
        help: "let another base priority count than the configured one",
        run: verbs::priority,
    },
    Command {
        name: "weight",
        usage: "weight SERVER N [--of VIRTUALSERVER] [--for TIME] [--force]",
        help: "let another weight count than the configured one",
        run: verbs::weight,
    },
    Command {
        name: "check-now",
        usage: "check-now SERVER [--of VIRTUALSERVER]",
        help: "make the checks of a real server at once",
        run: verbs::check_now,
    },
    Command {
        name: "normal",
        usage: "normal NAME [--of VIRTUALSERVER]",
        help: "let the configuration count again for an instance or a real server",
        run: verbs::normal,
    },
    Command {
        name: "announce",
        usage: "announce NAME",
        help: "announce a master's addresses once more",
        run: verbs::announce,
    },
    Command {
        name: "log-level",
        usage: "log-level [quiet|normal|detail|default] [--for TIME]",
        help: "say or change how much all processes of the daemon log: `quiet` is changes of state of virtual routers, \
               warnings and errors, `detail` is what --log-detail gives, `default` is as it was started",
        run: verbs::log_level,
    },
    Command {
        name: "plan",
        usage: "plan FILE",
        help: "what a reload with this file would change, and whom it would disturb; changes nothing",
        run: verbs::plan,
    },
    Command {
        name: "reload",
        usage: "reload",
        help: "read the configuration again; says why not when it has errors",
        run: verbs::reload,
    },
];

/// Runs the command line; the answer is the exit status.
pub fn run(mut words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    if words.is_empty() {
        return USAGE;
    }
    let program = words.remove(0);
    let name = std::path::Path::new(&program).file_name().unwrap_or(&program).to_string_lossy().into_owned();
    let first = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let command = COMMANDS.iter().find(|command| command.name == first);
    match (name.as_str(), first.as_str(), command) {
        (_, "--role", _) => upstream::role(&program, words, output),
        ("keepalived", ..) => upstream::run(&program, words, output),
        (_, "-h" | "--help" | "help" | "", _) => {
            output.print(help());
            u8::from(first.is_empty()) * USAGE
        }
        (_, "-V" | "--version" | "version", _) => {
            output.print(format_args!("steadfast {}", env!("CARGO_PKG_VERSION")));
            0
        }
        (_, _, Some(command)) => {
            words.remove(0);
            if words.iter().any(|word| word == "--help" || word == "-h") {
                output.print(format_args!("usage: steadfast {}\n\n{}", command.usage, command.help));
                return 0;
            }
            (command.run)(words, output)
        }
        (_, option, None) if option.starts_with('-') => upstream::run(&program, words, output),
        (_, word, None) => {
            output.complain(format_args!("no command `{word}`; `steadfast help` lists them"));
            USAGE
        }
    }
}

fn help() -> String {
    let mut text = "Steadfast keeps a service's address alive.\n\nCommands:\n".to_owned();
    for command in COMMANDS {
        text.push_str(&format!("  steadfast {}\n      {}\n", command.usage, command.help));
    }
    text.push_str(
        "\nWhat asks the running daemon finds its socket by itself. Of several daemons, --conf FILE says which by the \
         configuration it reads, or --socket PATH.\n",
    );
    text.push_str("\nOptions of keepalived, also taken under the name `keepalived`:\n");
    text.push_str(&options::help());
    text
}

/// Says how a command is used after its words could not be understood.
fn usage(name: &str, problem: impl std::fmt::Display, output: &mut Output<'_>) -> u8 {
    output.complain(problem);
    if let Some(command) = COMMANDS.iter().find(|command| command.name == name) {
        output.complain(format_args!("usage: steadfast {}", command.usage));
    }
    USAGE
}

#[cfg(test)]
mod tests;
