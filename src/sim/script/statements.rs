// SPDX-License-Identifier: MIT OR Apache-2.0
//! The statements of a script, one function each.

use std::time::Duration;

use super::{ACTIONS, Action, Expectation, Manner, Observed, Reader, Script, ScriptError};
use crate::sim::net::{Fault, Rule, Segment, Station, Stations};

const CONDITIONS: &[&str] = &["gap", "overlap", "outage", "transitions", "master"];

impl Reader<'_> {
    /// `run TIME`, then perhaps `seeds N` and `from N`.
    pub(super) fn run(&mut self, script: &mut Script) -> Result<(), ScriptError> {
        script.lasts = self.time()?;
        if self.take("seeds") {
            script.seeds = self.number("how many seeds to run")?.max(1);
        }
        if self.take("from") {
            script.first_seed = self.number("the first seed")?;
        }
        Ok(())
    }

    /// `TIME`, then perhaps `to TIME`.
    pub(super) fn delay(&mut self) -> Result<(Duration, Duration), ScriptError> {
        let least = self.time()?;
        let most = if self.take("to") { self.time()? } else { least };
        if most < least {
            return Err(self.error("the longest delay is shorter than the shortest"));
        }
        Ok((least, most))
    }

    /// One or more conditions.
    pub(super) fn expect(&mut self, script: &mut Script) -> Result<(), ScriptError> {
        let mut some = false;
        while let Some(word) = self.peek().filter(|word| !some || CONDITIONS.contains(word)) {
            self.at += 1;
            some = true;
            let expectation = match word {
                "gap" => Expectation::Gap(self.below(Reader::time)?),
                "overlap" => Expectation::Overlap(self.below(Reader::time)?),
                "outage" => Expectation::Outage(self.below(Reader::time)?),
                "transitions" => {
                    Expectation::Transitions(self.below(|reader| reader.number("a number of transitions"))?)
                }
                "master" => self.master()?,
                other => return Err(self.unknown("condition", other, CONDITIONS)),
            };
            script.expectations.push(expectation);
        }
        if some { Ok(()) } else { Err(self.error(format!("`expect` wants one of {}", CONDITIONS.join(", ")))) }
    }

    fn below<T>(&mut self, value: impl Fn(&mut Self) -> Result<T, ScriptError>) -> Result<T, ScriptError> {
        match self.word("`<`")? {
            "<" => value(self),
            other => Err(self.error(format!("`{other}` where `<` is expected, as in `gap < 1s`"))),
        }
    }

    /// `NODE at TIME`, with `of INSTANCE` between them when one instance is meant.
    fn master(&mut self) -> Result<Expectation, ScriptError> {
        let node = self.node()?;
        let instance = if self.take("of") {
            let at = self.within("instance", node, |node| &node.instances)?;
            self.cast.nodes.get(usize::from(node.0)).and_then(|node| node.instances.get(at)).cloned()
        } else {
            None
        };
        if !self.take("at") {
            return Err(self.error("`at TIME` is missing, as in `expect master a at 30s`"));
        }
        Ok(Expectation::Master { node, instance, at: self.time()? })
    }

    /// What an `at TIME` does; a path with two directions gives two actions.
    pub(super) fn actions(&mut self) -> Result<Vec<Action>, ScriptError> {
        let word = self.word("what happens")?;
        let one = match word {
            "crash" => Action::Crash(self.node()?),
            "kill" => Action::Kill(self.node()?),
            "start" | "restart" => Action::Start(self.node()?),
            "stop" => Action::Stop(self.node()?),
            "reload" => Action::Reload(self.node()?),
            "stall" => Action::Stall(self.node()?, self.time()?),
            "sleep" => Action::Sleep(self.node()?, self.time()?),
            "leap" => Action::Leap(self.node()?, self.time()?),
            "track" => self.track()?,
            "link" => {
                let node = self.node()?;
                let port = self.within("port", node, |node| &node.ports)?;
                Action::Port(node, port, self.up_or_down()?)
            }
            "source" => {
                let node = self.node()?;
                let port = self.within("port", node, |node| &node.ports)?;
                Action::Source(node, port, self.up_or_down()?)
            }
            "priority" => self.priority()?,
            "interval" => {
                let (node, instance) = self.instance()?;
                Action::Interval(node, instance, self.time()?)
            }
            "address" => {
                let (node, instance) = self.instance()?;
                Action::Address(node, instance, self.either("more", "less")?)
            }
            "instance" => {
                let (node, instance) = self.instance()?;
                Action::Member(node, instance, self.either("back", "gone")?)
            }
            "kernel" => Action::Kernel(self.node()?, self.manner()?),
            "snatch" => {
                let (node, instance) = self.instance()?;
                Action::Snatch(node, instance)
            }
            "replay" => Action::Replay { segment: self.on_segment()?.unwrap_or(Segment(0)) },
            "junk" => self.junk()?,
            "heal" => return self.heal(),
            "split" => return self.split(),
            other => match self.fault(other)? {
                Some(faults) => return Ok(faults),
                None => return Err(self.unknown("action", other, ACTIONS)),
            },
        };
        Ok(vec![one])
    }

    fn fault(&mut self, word: &str) -> Result<Option<Vec<Action>>, ScriptError> {
        if !["cut", "clog", "pass", "loss", "copy", "corrupt", "late", "delay"].contains(&word) {
            return Ok(None);
        }
        let (pairs, segment) = self.path()?;
        let fault = match word {
            "cut" => Fault::Cut,
            "clog" => Fault::Clog,
            "loss" => Fault::Loss(self.chance()?),
            "copy" => Fault::Copy(self.chance()?),
            "corrupt" => Fault::Corrupt(self.chance()?),
            "late" => Fault::Late(self.chance()?, self.time()?),
            "delay" => {
                let (least, most) = self.delay()?;
                Fault::Delay(least, most)
            }
            _ => Fault::Pass,
        };
        Ok(Some(pairs.into_iter().map(|(from, to)| Action::Fault(Rule { segment, from, to, fault })).collect()))
    }

    /// The named nodes on one side, everybody else on the other.
    fn split(&mut self) -> Result<Vec<Action>, ScriptError> {
        let left = self.stations()?;
        let right = Stations::ALL.without(left);
        let segment = self.on_segment()?;
        let cut = |from, to| Action::Fault(Rule { segment, from, to, fault: Fault::Cut });
        Ok(vec![cut(left, right), cut(right, left)])
    }

    /// Everything, or the links of one path.
    fn heal(&mut self) -> Result<Vec<Action>, ScriptError> {
        let names_follow = self
            .peek()
            .is_some_and(|word| word == "all" || word.split(',').all(|name| self.cast.stations().any(|s| s == name)));
        let (pairs, segment) =
            if names_follow { self.path()? } else { (vec![(Stations::ALL, Stations::ALL)], self.on_segment()?) };
        Ok(pairs.into_iter().map(|(from, to)| Action::Heal { from, to, segment }).collect())
    }

    fn up_or_down(&mut self) -> Result<bool, ScriptError> {
        self.either("up", "down")
    }

    fn either(&mut self, yes: &str, no: &str) -> Result<bool, ScriptError> {
        match self.word(&format!("`{yes}` or `{no}`"))? {
            word if word == yes => Ok(true),
            word if word == no => Ok(false),
            other => Err(self.unknown("state", other, &[yes, no])),
        }
    }

    fn instance(&mut self) -> Result<(Station, usize), ScriptError> {
        let node = self.node()?;
        Ok((node, self.within("instance", node, |node| &node.instances)?))
    }

    fn track(&mut self) -> Result<Action, ScriptError> {
        let node = self.node()?;
        let track = self.within("tracked object", node, |node| &node.tracks)?;
        let observed = match self.word("`up`, `down` or a number")? {
            "up" => Observed::Up,
            "down" => Observed::Down,
            other => match other.parse() {
                Ok(value) => Observed::Value(value),
                Err(_) => return Err(self.unknown("reading", other, &["up", "down", "a number"])),
            },
        };
        Ok(Action::Track(node, track, observed))
    }

    fn priority(&mut self) -> Result<Action, ScriptError> {
        let (node, instance) = self.instance()?;
        let priority = self.number("a priority")?;
        match u8::try_from(priority) {
            Ok(priority) if priority > 0 => Ok(Action::Priority(node, instance, priority)),
            _ => Err(self.error(format!("priority {priority} is out of range: 1 to 255"))),
        }
    }

    fn manner(&mut self) -> Result<Manner, ScriptError> {
        match self.word("`well`, `refuses` or `slow TIME`")? {
            "well" => Ok(Manner::Well),
            "refuses" => Ok(Manner::Refuses),
            "slow" => Ok(Manner::Slow(self.time()?)),
            other => Err(self.unknown("manner", other, &["well", "refuses", "slow"])),
        }
    }

    /// `every TIME for TIME`, then perhaps `on SEGMENT`.
    fn junk(&mut self) -> Result<Action, ScriptError> {
        let mut timed = |word: &str| match self.next() {
            Some(said) if said == word => self.time(),
            _ => Err(self.error("junk is written `junk every TIME for TIME`")),
        };
        let every = timed("every")?.max(Duration::from_millis(1));
        let lasts = timed("for")?;
        let segment = self.on_segment()?.unwrap_or(Segment(0));
        Ok(Action::Junk { segment, every, lasts })
    }
}
