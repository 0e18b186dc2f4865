// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast manual`: the manual pages, made from the tables that the commands and the reader themselves use.

use std::ffi::OsString;

use keepalived_conf::reference::man::{escape, line, page};

use super::options::{OPTIONS, Opt, Takes};
use super::{COMMANDS, Output, usage};

const HEAD: &str = r#".TH STEADFAST 8 "" "Steadfast" "System administration"
.SH NAME
steadfast, keepalived \- keep the address of a service alive
.SH SYNOPSIS
.B steadfast
.I COMMAND
[\fIWORD\fR...]
.br
.B steadfast
[\fIOPTION\fR...]
.br
.B keepalived
[\fIOPTION\fR...]
.SH DESCRIPTION
Steadfast speaks VRRP, so that one of several machines always holds the virtual addresses, and reads an existing
.BR keepalived.conf (5).
Without a command, or under the name
.BR keepalived ,
it takes the options of keepalived and runs as a daemon.
.SH COMMANDS
"#;

const TAIL: &str = r#".SH SIGNALS
.TP
.B SIGHUP
reload, all or nothing: a configuration with an error changes nothing
.TP
.B SIGTERM\fR, \fBSIGINT
stop: say goodbye with priority 0, give the addresses up when a successor is heard
.PP
.B \-\-signum
prints the numbers that scripts should use.
.SH EXIT STATUS
.TP
.B 0
fine
.TP
.B 4
the configuration cannot be run
.TP
.B 5
.BR \-t :
there are errors, and it runs all the same
.TP
.B 6
.BR \-t :
a script is not secure, or an include that must be there is missing
.TP
.B 64
the command line cannot be understood
.PP
.B steadfast check
ends with 1 when there is a finding that counts.
.SH FILES
.TP
.I /etc/keepalived/keepalived.conf
the configuration
.TP
.I /run/keepalived.pid
the process to which signals are sent
.SH SEE ALSO
.BR keepalived.conf (5),
.BR genhash (1)
"#;

pub(super) fn run(words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["steadfast" | "keepalived"] => output.print(steadfast().trim_end()),
        ["keepalived.conf"] => output.print(page().trim_end()),
        _ => return usage("manual", "there are the pages `steadfast` and `keepalived.conf`", output),
    }
    0
}

fn steadfast() -> String {
    let mut text = HEAD.to_owned();
    for command in COMMANDS {
        text.push_str(&format!(".TP\n.B steadfast {}\n", escape(command.usage)));
        text.push_str(&line(command.help));
    }
    text.push_str(".SH OPTIONS\n");
    for option in OPTIONS {
        text.push_str(&format!(".TP\n{}\n", name(option)));
        text.push_str(&line(option.help));
    }
    text.push_str(TAIL);
    text
}

fn name(option: &Opt) -> String {
    let short = option.short.map(|letter| format!("\\fB\\-{letter}\\fR, ")).unwrap_or_default();
    let long = format!("\\fB\\-\\-{}\\fR", escape(option.long));
    match option.takes {
        Takes::Nothing => format!("{short}{long}"),
        Takes::Word(word) => format!("{short}{long} \\fI{}\\fR", escape(word)),
        Takes::Maybe(word) => format!("{short}{long}[=\\fI{}\\fR]", escape(word)),
    }
}
