// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the live view shows and what a key means: no terminal, no socket, no clock.

use crate::cli::ask::Look;

/// Lines that are kept of a text that is shown.
const LINES_MAX: usize = 2_000;
/// How long a drain lasts that is not for good.
const WHILE: u32 = 30 * 60;

/// A key, however the terminal spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Letter(char),
}

/// What a line of the overview is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Instance(String),
    Service(String),
    Server { name: String, of: String },
}

impl Target {
    pub(super) fn name(&self) -> &str {
        match self {
            Target::Instance(name) | Target::Service(name) | Target::Server { name, .. } => name,
        }
    }
}

/// What is to be done besides showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Nothing,
    Quit,
    Why(String),
    Events,
    /// For so many seconds, or until told otherwise.
    Drain(Target, Option<u32>),
    Normal(Target),
}

/// What the screen shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pane {
    Overview,
    /// A text, from this line on.
    Text {
        title: String,
        lines: Vec<String>,
        from: usize,
    },
    /// A question before something is done.
    Sure(Wish),
}

/// What an operator is about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Drain(Target),
    Normal(Target),
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) look: Option<Look>,
    /// Seconds since that came.
    pub(super) age: u64,
    /// Why nothing newer came.
    pub(super) trouble: Option<String>,
    pub(super) pane: Pane,
    chosen: Option<Target>,
    /// What came of the last deed.
    pub(super) said: Option<String>,
    /// Lines there are for what the pane shows, as the view found last.
    pub(super) room: usize,
}

pub(super) const HELP: &str = "\
up, down, k, j       choose a router, a virtual server or a real server
page up, page down   choose farther away, or scroll a text
w, enter             why it is in its state, and what led there
e                    everything that happened, numbered
d                    drain it: asked once more before it is done
n                    let the configuration count again: asked once more
escape               back
q                    leave; everything goes on as it is

Of a drained router another one takes the addresses; it serves on while there
is no other. A drained real server gets no new connections.
The same by command: `steadfast why`, `events`, `drain` and `normal`.";

impl Model {
    pub(super) fn new() -> Model {
        Model { look: None, age: 0, trouble: None, pane: Pane::Overview, chosen: None, said: None, room: 1 }
    }

    /// How everything stands now.
    pub(super) fn saw(&mut self, look: Look) {
        self.look = Some(look);
        self.age = 0;
        self.trouble = None;
    }

    /// Nothing came for this reason.
    pub(super) fn missed(&mut self, why: String) {
        self.trouble = Some(why);
    }

    /// What was asked for, to be read.
    pub(super) fn read(&mut self, title: String, text: Result<Vec<String>, String>, at_end: bool) {
        match text {
            Ok(mut lines) => {
                let surplus = lines.len().saturating_sub(LINES_MAX);
                lines.drain(..surplus);
                let from = if at_end { lines.len().saturating_sub(self.room) } else { 0 };
                self.pane = Pane::Text { title, lines, from };
            }
            Err(why) => self.said = Some(why),
        }
    }

    /// Everything that can be chosen, in the order in which it stands.
    pub(super) fn targets(&self) -> Vec<Target> {
        let Some(look) = &self.look else { return Vec::new() };
        let mut targets: Vec<Target> =
            look.vrrp.instances.iter().map(|one| Target::Instance(one.name.clone())).collect();
        for service in &look.lvs.services {
            targets.push(Target::Service(service.name.clone()));
            let servers = service.servers.iter();
            targets.extend(servers.map(|one| Target::Server { name: one.name.clone(), of: service.name.clone() }));
        }
        targets
    }

    /// What is chosen, as far as it is still there; else the first thing.
    pub(super) fn chosen(&self) -> Option<Target> {
        let targets = self.targets();
        let kept = self.chosen.as_ref().filter(|chosen| targets.contains(chosen)).cloned();
        kept.or_else(|| targets.into_iter().next())
    }

    /// What a key does.
    pub(super) fn press(&mut self, key: Key) -> Deed {
        match self.pane.clone() {
            Pane::Sure(wish) => {
                self.pane = Pane::Overview;
                answer(wish, key)
            }
            Pane::Text { title, lines, from } => {
                let last = lines.len().saturating_sub(self.room);
                let from = match key {
                    Key::Escape | Key::Enter | Key::Letter('q' | 'h') => {
                        self.pane = Pane::Overview;
                        return Deed::Nothing;
                    }
                    _ => moved(from, last, self.room, key),
                };
                self.pane = Pane::Text { title, lines, from };
                Deed::Nothing
            }
            Pane::Overview => self.command(key),
        }
    }

    fn command(&mut self, key: Key) -> Deed {
        self.said = None;
        let chosen = self.chosen();
        match (key, chosen) {
            (Key::Letter('q'), _) => Deed::Quit,
            (Key::Letter('e'), _) => Deed::Events,
            (Key::Letter('?' | 'h'), _) => {
                let lines = HELP.lines().map(str::to_owned).collect();
                self.pane = Pane::Text { title: "keys".to_owned(), lines, from: 0 };
                Deed::Nothing
            }
            (Key::Letter('w') | Key::Enter, Some(target)) => Deed::Why(target.name().to_owned()),
            (Key::Letter('d'), Some(Target::Service(_))) => {
                self.said = Some("choose one of its real servers to drain".to_owned());
                Deed::Nothing
            }
            (Key::Letter('d'), Some(target)) => self.ask(Wish::Drain(target)),
            (Key::Letter('n'), Some(target @ (Target::Instance(_) | Target::Server { .. }))) => {
                self.ask(Wish::Normal(target))
            }
            (key, Some(target)) => {
                let targets = self.targets();
                let at = targets.iter().position(|other| *other == target).unwrap_or(0);
                let to = moved(at, targets.len().saturating_sub(1), self.room, key);
                self.chosen = targets.into_iter().nth(to);
                Deed::Nothing
            }
            (_, None) => Deed::Nothing,
        }
    }

    fn ask(&mut self, wish: Wish) -> Deed {
        self.pane = Pane::Sure(wish);
        Deed::Nothing
    }
}

/// The question before something is done.
pub(super) fn question(wish: &Wish) -> String {
    match wish {
        Wish::Drain(target @ Target::Instance(_)) => {
            format!("drain {}: another router takes its addresses?", target.name())
        }
        Wish::Drain(target) => format!("drain {}: no new connections?", target.name()),
        Wish::Normal(target) => format!("let the configuration count again for {}?", target.name()),
    }
}

/// The keys that answer it.
pub(super) fn answers(wish: &Wish) -> &'static str {
    match wish {
        Wish::Drain(_) => "y yes, until `n`   t yes, for 30 minutes   any other key: no",
        Wish::Normal(_) => "y yes   any other key: no",
    }
}

fn answer(wish: Wish, key: Key) -> Deed {
    match (wish, key) {
        (Wish::Drain(target), Key::Letter('y')) => Deed::Drain(target, None),
        (Wish::Drain(target), Key::Letter('t')) => Deed::Drain(target, Some(WHILE)),
        (Wish::Normal(target), Key::Letter('y')) => Deed::Normal(target),
        (Wish::Drain(_) | Wish::Normal(_), _) => Deed::Nothing,
    }
}

/// Where a key leads from here, between the first and the last.
fn moved(at: usize, last: usize, page: usize, key: Key) -> usize {
    let to = match key {
        Key::Up | Key::Letter('k') => at.saturating_sub(1),
        Key::Down | Key::Letter('j') => at.saturating_add(1),
        Key::PageUp => at.saturating_sub(page),
        Key::PageDown => at.saturating_add(page),
        Key::Home => 0,
        Key::End => last,
        Key::Enter | Key::Escape | Key::Letter(_) => at,
    };
    to.min(last)
}

/// The keys in what a terminal sent. What is not understood is no key.
pub(super) fn keys(bytes: &[u8]) -> Vec<Key> {
    const SEQUENCES: [(&[u8], Key); 16] = [
        (b"\x1b[A", Key::Up),
        (b"\x1bOA", Key::Up),
        (b"\x1b[B", Key::Down),
        (b"\x1bOB", Key::Down),
        (b"\x1b[5~", Key::PageUp),
        (b"\x1b[6~", Key::PageDown),
        (b"\x1b[H", Key::Home),
        (b"\x1bOH", Key::Home),
        (b"\x1b[1~", Key::Home),
        (b"\x1b[F", Key::End),
        (b"\x1bOF", Key::End),
        (b"\x1b[4~", Key::End),
        (b"\r", Key::Enter),
        (b"\n", Key::Enter),
        (b" ", Key::PageDown),
        // Control-C.
        (b"\x03", Key::Letter('q')),
    ];
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        if let Some((sequence, key)) = SEQUENCES.iter().find(|(sequence, _)| rest.starts_with(sequence)) {
            found.push(*key);
            rest = rest.get(sequence.len()..).unwrap_or_default();
        } else if *first == 0x1b && matches!(after.first(), Some(b'[' | b'O')) {
            // Another sequence: it ends with a letter or a tilde.
            let end = after.iter().skip(1).position(|c| c.is_ascii_alphabetic() || *c == b'~');
            rest = after.get(end.map_or(after.len(), |end| end + 2)..).unwrap_or_default();
        } else {
            match first {
                0x1b => found.push(Key::Escape),
                0x21..=0x7e => found.push(Key::Letter(char::from(*first))),
                _ => {}
            }
            rest = after;
        }
    }
    found
}
