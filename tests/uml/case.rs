// SPDX-License-Identifier: MIT OR Apache-2.0
//! Golden cases as text: configurations, deeds, and the table that follows from them.
//!
//! A case is a file of sections. `== configuration [NAME]` is a configuration file, the first of which is the one the
//! daemon starts with. `== do` is a list of deeds, one a line. `== expect WHAT` is the table as `ipvsadm -Sn` prints it;
//! `== expect WHAT | PROGRAM: REASON` right after one is what PROGRAM makes of it instead, and why that is so.
//! `== output COMMAND` is what another command prints. What stands before the first section says what the case is about.

/// Whose table a section is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Keepalived,
    Steadfast,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub configurations: Vec<(String, String)>,
    pub steps: Vec<Step>,
    /// The one program that can play it.
    pub only: Option<Program>,
}

#[derive(Clone, Debug)]
pub enum Step {
    Do(String),
    /// What `command` prints. Blanks in a row count as one.
    Expect {
        what: String,
        command: String,
        lines: Vec<String>,
        instead: Vec<(Program, Vec<String>)>,
    },
}

impl Case {
    /// Reads a case. What is wrong with it is the harness's failure.
    pub fn read(name: &str, text: &str) -> Case {
        let mut case = Case { name: name.to_owned(), configurations: Vec::new(), steps: Vec::new(), only: None };
        let mut sections = text.split("\n== ");
        for line in sections.next().unwrap_or_default().lines() {
            if let Some(only) = line.strip_prefix("# only ") {
                case.only = Some(Program::read(name, only.split(':').next().unwrap_or_default()));
            }
        }
        for section in sections {
            let (title, body) = section.split_once('\n').unwrap_or((section, ""));
            let lines: Vec<String> =
                body.lines().filter(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned()).collect();
            match title.split_once(' ').unwrap_or((title, "")) {
                ("configuration", title) => case.configurations.push((title.to_owned(), format!("{body}\n"))),
                ("do", "") => case.steps.extend(lines.into_iter().map(Step::Do)),
                ("output", command) => case.expect(command, command.split(" | ").next().unwrap_or_default(), lines),
                ("expect", title) => case.expect(title, "ipvsadm -Sn", lines),
                _ => panic!("{name}: what is `== {title}`?"),
            }
        }
        assert!(!case.configurations.is_empty() && !case.steps.is_empty(), "{name}: a case without deeds");
        case
    }

    fn expect(&mut self, title: &str, command: &str, lines: Vec<String>) {
        let Some((what, program)) = title.split_once(" | ") else {
            let (what, command) = (title.to_owned(), command.to_owned());
            self.steps.push(Step::Expect { what, command, lines, instead: Vec::new() });
            return;
        };
        let (program, reason) = program.split_once(": ").unwrap_or((program, ""));
        assert!(!reason.is_empty(), "{}: a difference wants a reason", self.name);
        let program = Program::read(&self.name, program);
        match self.steps.last_mut() {
            Some(Step::Expect { what: before, instead, .. }) if before == what => instead.push((program, lines)),
            _ => panic!("{}: `{what}` is not what the section before is about", self.name),
        }
    }

    pub fn plays(&self, program: Program) -> bool {
        self.only.is_none_or(|only| only == program)
    }

    pub fn configuration(&self, name: &str) -> &str {
        let found = self.configurations.iter().find(|(title, _)| title == name);
        &found.unwrap_or_else(|| panic!("{}: no configuration `{name}`", self.name)).1
    }
}

impl Program {
    fn read(case: &str, name: &str) -> Program {
        match name {
            "keepalived" => Program::Keepalived,
            "steadfast" => Program::Steadfast,
            _ => panic!("{case}: who is `{name}`?"),
        }
    }
}
