// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast completions`: what a shell needs to complete our command line, made from its tables.

use std::collections::BTreeSet;
use std::ffi::OsString;

use keepalived_conf::blocks;

use super::options::OPTIONS;
use super::{COMMANDS, Command, Output, usage};

pub(super) fn run(words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    let shell = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let text = match shell.as_str() {
        "bash" => bash(),
        "zsh" => zsh(),
        "fish" => fish(),
        _ => return usage("completions", "one of `bash`, `zsh` and `fish` is wanted", output),
    };
    output.print(text.trim_end());
    0
}

/// The options that the usage of a command names.
fn options_of(command: &Command) -> BTreeSet<&'static str> {
    let pieces = command.usage.split([' ', '[', ']', '|']);
    pieces.filter(|piece| piece.starts_with("--")).collect()
}

/// keepalived's options, long and short.
fn daemon_options() -> Vec<String> {
    let long = OPTIONS.iter().map(|option| format!("--{}", option.long));
    let short = OPTIONS.iter().filter_map(|option| option.short).map(|letter| format!("-{letter}"));
    long.chain(short).collect()
}

fn keywords() -> BTreeSet<&'static str> {
    blocks::entries().iter().map(|entry| entry.row.name).filter(|name| !name.is_empty()).collect()
}

fn joined<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    words.into_iter().map(|word| word.as_ref().to_owned()).collect::<Vec<_>>().join(" ")
}

fn bash() -> String {
    let commands = joined(COMMANDS.iter().map(|command| command.name));
    let mut cases = String::new();
    for command in COMMANDS {
        let words = match command.name {
            "explain" => joined(keywords()),
            "manual" => "steadfast keepalived.conf".to_owned(),
            "completions" => "bash zsh fish".to_owned(),
            _ => joined(options_of(command)),
        };
        cases.push_str(&format!("    {}) words=\"{words}\" ;;\n", command.name));
    }
    format!(
        "# bash completion of steadfast and keepalived; made by `steadfast completions bash`\n\
         _steadfast() {{\n  \
           local cur=${{COMP_WORDS[COMP_CWORD]}} words=\n  \
           local daemon=\"{}\"\n  \
           case ${{COMP_WORDS[1]}} in\n{cases}    \
             *) words=$daemon; [ \"$COMP_CWORD\" = 1 ] && [ \"${{COMP_WORDS[0]##*/}}\" = steadfast ] && words=\"{commands} $daemon\" ;;\n  \
           esac\n  \
           mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\"; [ \"$COMP_CWORD\" = 1 ] || compgen -f -- \"$cur\")\n\
         }}\n\
         complete -o filenames -F _steadfast steadfast keepalived\n",
        joined(daemon_options()),
    )
}

fn zsh() -> String {
    let mut commands = String::new();
    let mut cases = String::new();
    for command in COMMANDS {
        commands.push_str(&format!("    '{}:{}'\n", command.name, zsh_text(command.help)));
        let words = match command.name {
            "explain" => format!("compadd -- {}", joined(keywords())),
            "manual" => "compadd -- steadfast keepalived.conf".to_owned(),
            "completions" => "compadd -- bash zsh fish".to_owned(),
            _ => format!("compadd -- {}; _files", joined(options_of(command))),
        };
        cases.push_str(&format!("    {}) {words} ;;\n", command.name));
    }
    format!(
        "#compdef steadfast keepalived\n\
         # made by `steadfast completions zsh`\n\
         _steadfast() {{\n  \
           local -a commands\n  \
           commands=(\n{commands}  )\n  \
           case $words[2] in\n{cases}    \
             *)\n      \
               (( CURRENT == 2 )) && [[ ${{words[1]:t}} == steadfast ]] && _describe command commands\n      \
               compadd -- {}\n      \
               _files ;;\n  \
           esac\n\
         }}\n\
         _steadfast \"$@\"\n",
        joined(daemon_options()),
    )
}

/// Text between single quotes in which a colon would end the name.
fn zsh_text(text: &str) -> String {
    text.replace('\'', "'\\''").replace(':', "\\:")
}

fn fish() -> String {
    let mut text = "# fish completion of steadfast and keepalived; made by `steadfast completions fish`\n".to_owned();
    let names = joined(COMMANDS.iter().map(|command| command.name));
    for command in COMMANDS {
        let help = fish_text(command.help);
        let name = command.name;
        text.push_str(&format!("complete -c steadfast -n __fish_use_subcommand -a {name} -d {help}\n"));
        let when = format!("-n '__fish_seen_subcommand_from {name}'");
        match name {
            "explain" => text.push_str(&format!("complete -c steadfast {when} -f -a '{}'\n", joined(keywords()))),
            "manual" => text.push_str(&format!("complete -c steadfast {when} -f -a 'steadfast keepalived.conf'\n")),
            "completions" => text.push_str(&format!("complete -c steadfast {when} -f -a 'bash zsh fish'\n")),
            _ => {
                for option in options_of(command) {
                    let option = option.trim_start_matches("--");
                    text.push_str(&format!("complete -c steadfast {when} -l {option}\n"));
                }
            }
        }
    }
    for option in OPTIONS {
        let short = option.short.map(|letter| format!(" -s {letter}")).unwrap_or_default();
        let help = fish_text(option.help);
        text.push_str(&format!("complete -c keepalived -l {}{short} -d {help}\n", option.long));
        text.push_str(&format!(
            "complete -c steadfast -n 'not __fish_seen_subcommand_from {names}' -l {}{short} -d {help}\n",
            option.long
        ));
    }
    text
}

fn fish_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
