// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading a layout that was written by [`write`](super::write) or by hand.

use std::time::Duration;

use super::{client, is_address};
use crate::proto::track::{Reading, TrackParams};
use crate::proto::vrrp::{
    Family, InstanceId, OnLoss, OtherAddresses, Params, PortId, PortParams, Preempt, Reach, TrackId, TrackUse, Version,
};
use crate::sim::layout::Layout;
use crate::sim::net::Segment;
use crate::sim::node::{NodePlan, PortPlan};
use crate::sim::parts;
use crate::sim::script::{self, ScriptError, parse_time};

/// Reads a layout.
pub fn read(text: &str) -> Result<Layout, ScriptError> {
    let mut layout = Layout { segments: Vec::new(), ..Layout::default() };
    let mut steps = String::new();
    for (index, line) in text.lines().enumerate() {
        let said = line.split('#').next().unwrap_or("");
        let mut words = Words { words: said.split_whitespace().collect(), at: 0, line: index + 1 };
        // Steps are read at the end, when all names are known; empty lines keep their numbers right.
        if words.peek() == Some("at") {
            steps.push_str(said);
        } else if words.peek().is_some() {
            words.line_of(&mut layout)?;
        }
        steps.push('\n');
    }
    let lasts = layout.lasts;
    let parsed = script::parse(&format!("run {}\n{steps}", script::write::time(lasts)), &layout.cast());
    layout.steps = parsed.map_err(|error| ScriptError { line: error.line.saturating_sub(1), ..error })?.steps;
    Ok(layout)
}

struct Words<'a> {
    words: Vec<&'a str>,
    at: usize,
    line: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.at += 1;
        Some(word)
    }

    fn take(&mut self, wanted: &str) -> bool {
        let same = self.peek() == Some(wanted);
        self.at += usize::from(same);
        same
    }

    fn error<T>(&self, text: impl Into<String>) -> Result<T, ScriptError> {
        Err(ScriptError { line: self.line, text: text.into() })
    }

    fn word(&mut self, what: &str) -> Result<&'a str, ScriptError> {
        match self.next() {
            Some(word) => Ok(word),
            None => self.error(format!("the line ends where {what} is expected")),
        }
    }

    fn time(&mut self) -> Result<Duration, ScriptError> {
        let word = self.word("a time")?;
        match parse_time(word) {
            Some(time) => Ok(time),
            None => self.error(format!("`{word}` is no time")),
        }
    }

    fn number<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, ScriptError> {
        let word = self.word(what)?;
        match word.parse() {
            Ok(number) => Ok(number),
            Err(_) => self.error(format!("`{word}` is no {what}")),
        }
    }

    fn span(&mut self) -> Result<(Duration, Duration), ScriptError> {
        let least = self.time()?;
        let most = if self.take("to") { self.time()? } else { least };
        Ok((least, most))
    }

    fn segment(&mut self, layout: &Layout) -> Result<Segment, ScriptError> {
        let name = self.word("a segment")?;
        match layout.segments.iter().position(|other| other == name) {
            Some(at) => Ok(Segment(u8::try_from(at).unwrap_or(0))),
            None => self.error(format!("there is no segment `{name}`")),
        }
    }

    fn line_of(&mut self, layout: &mut Layout) -> Result<(), ScriptError> {
        match self.word("a keyword")? {
            "seed" => layout.seed = self.number("seed")?,
            "delay" => layout.delay = self.span()?,
            "turn" => layout.turn = self.span()?,
            "settle" => layout.settle = self.span()?,
            "lasts" => layout.lasts = self.time()?,
            "stagger" => layout.stagger = self.time()?,
            "rests" => layout.rests = true,
            "segment" => layout.segments.push(self.word("a name")?.to_owned()),
            "client" => {
                let name = self.word("a name")?;
                self.take("on");
                let segment = self.segment(layout)?;
                layout.clients.push(client(name, segment));
            }
            "node" => {
                let mut plan = NodePlan { name: self.word("a name")?.to_owned(), ..NodePlan::default() };
                if self.take("drift") {
                    plan.drift = self.number("drift")?;
                }
                if self.take("wall") {
                    plan.wall = self.number("offset")?;
                }
                if self.take("startup") {
                    plan.setup.globals.startup_delay = self.time()?;
                }
                layout.nodes.push(plan);
            }
            word => {
                let Some(mut plan) = layout.nodes.pop() else {
                    return self.error(format!("`{word}` belongs to a node, and there is none yet"));
                };
                let done = self.line_of_node(word, &mut plan, layout);
                layout.nodes.push(plan);
                done?;
            }
        }
        match self.peek() {
            None => Ok(()),
            Some(word) => self.error(format!("`{word}` is one word too many")),
        }
    }

    fn line_of_node(&mut self, word: &str, plan: &mut NodePlan, layout: &Layout) -> Result<(), ScriptError> {
        match word {
            "port" => self.port(plan, layout),
            "track" => self.track(plan),
            "instance" => self.instance(plan),
            "group" => {
                let name = self.word("a name")?;
                let mut members = Vec::new();
                while let Some(member) = self.next() {
                    match plan.instances.iter().find(|(_, other)| *other == member) {
                        Some((InstanceId(id), _)) => members.push(*id),
                        None => return self.error(format!("there is no instance `{member}`")),
                    }
                }
                *plan = std::mem::take(plan).with_group(name, &members);
                Ok(())
            }
            other => self.error(format!("unknown keyword `{other}`")),
        }
    }

    fn port(&mut self, plan: &mut NodePlan, layout: &Layout) -> Result<(), ScriptError> {
        let name = self.word("a name")?.to_owned();
        self.take("on");
        let segment = self.segment(layout)?;
        let mut addresses = Vec::new();
        while self.peek().is_some_and(is_address) {
            addresses.push(self.number("address")?);
        }
        let mut params = PortParams::default();
        if self.take("down-delay") {
            params.down_delay = self.time()?;
        }
        if self.take("up-delay") {
            params.up_delay = self.time()?;
        }
        let id = PortId(u32::try_from(plan.ports.len()).unwrap_or(0));
        plan.setup.ports.insert(id, params);
        plan.ports.push(PortPlan { id, name, segment, addresses });
        Ok(())
    }

    fn track(&mut self, plan: &mut NodePlan) -> Result<(), ScriptError> {
        let name = self.word("a name")?;
        let params = match self.word("a kind")? {
            "script" => {
                let rise = if self.take("rise") { self.number("rise")? } else { 1 };
                let fall = if self.take("fall") { self.number("fall")? } else { 1 };
                TrackParams::Script { rise, fall, init_fail: self.take("init-fail") }
            }
            "file" => TrackParams::File,
            "process" => {
                let quorum = if self.take("quorum") { self.number("quorum")? } else { 1 };
                let (up_delay, down_delay) = self.delays()?;
                TrackParams::Process { quorum, quorum_max: None, up_delay, down_delay }
            }
            "interface" => {
                let (up_delay, down_delay) = self.delays()?;
                TrackParams::Interface { up_delay, down_delay }
            }
            "bfd" => TrackParams::Bfd,
            "address" => TrackParams::Address,
            "route" => TrackParams::Route,
            other => return self.error(format!("unknown kind of tracked object `{other}`")),
        };
        self.take("reads");
        let reading = match (self.word("a reading")?, &params) {
            ("up", _) => Reading::Up(true),
            ("down", _) => Reading::Up(false),
            (word, TrackParams::Process { .. }) => Reading::Count { running: word.parse().unwrap_or(0), at_once: true },
            (word, _) => Reading::Value(word.parse().unwrap_or(0)),
        };
        let every = if self.take("every") { Some(self.time()?) } else { None };
        *plan = std::mem::take(plan).with_track(name, params, reading, every);
        Ok(())
    }

    fn delays(&mut self) -> Result<(Duration, Duration), ScriptError> {
        let up = if self.take("up-delay") { self.time()? } else { Duration::ZERO };
        let down = if self.take("down-delay") { self.time()? } else { Duration::ZERO };
        Ok((up, down))
    }

    fn instance(&mut self, plan: &mut NodePlan) -> Result<(), ScriptError> {
        let name = self.word("a name")?;
        let mut params = parts::params(1, Version::V3, Family::V4, 100);
        let (mut held, mut excluded, mut peers) = (Vec::new(), Vec::new(), None);
        let mut check = false;
        while let Some(word) = self.next() {
            match word {
                "holds" => held.push(self.number("address")?),
                "also-holds" => excluded.push(self.number("address")?),
                "unicast" => peers = Some(Vec::new()),
                "peer" => peers.get_or_insert_with(Vec::new).push(self.number("address")?),
                "check-source" => check = true,
                other => self.setting(other, &mut params, plan)?,
            }
        }
        let mut holdings = parts::holdings(&held).as_ref().clone();
        holdings.excluded = parts::holdings(&excluded).addresses.clone();
        params.holdings = holdings.into();
        params.reach = match peers {
            None => parts::multicast(params.family),
            Some(peers) => parts::unicast(&peers),
        };
        if let Reach::Unicast { check_source, .. } = &mut params.reach {
            *check_source = check;
        }
        *plan = std::mem::take(plan).with_instance(name, params);
        Ok(())
    }

    fn setting(&mut self, word: &str, params: &mut Params, plan: &NodePlan) -> Result<(), ScriptError> {
        match word {
            "vrid" => params.vrid = self.number("router number")?,
            "v2" => params.version = Version::V2,
            "v3" => params.version = Version::V3,
            "ipv4" => params.family = Family::V4,
            "ipv6" => params.family = Family::V6,
            "port" => {
                let name = self.word("a port")?;
                match plan.ports.iter().find(|port| port.name == name) {
                    Some(port) => params.port = port.id,
                    None => return self.error(format!("there is no port `{name}`")),
                }
            }
            "priority" => params.priority = self.number("priority")?,
            "interval" => params.interval = self.time()?,
            "adverts" => params.down_timer_adverts = self.number("number of adverts")?,
            "preempt-delay" => params.preempt = Preempt::Yes { delay: self.time()? },
            "nopreempt" => params.preempt = Preempt::No { timer_expired_backup: None },
            "timer-expired-backup" => {
                params.preempt = Preempt::No { timer_expired_backup: Some(self.number("priority")?) };
            }
            "uses" => {
                let used = self.used(plan)?;
                params.tracks.push(used);
            }
            "auth" => match parts::auth(self.word("a kind")?) {
                Some(auth) => params.auth = auth,
                None => return self.error("unknown kind of authentication"),
            },
            "announce" => {
                params.announce.repeat = self.number("count")?;
                params.announce.delay = self.time()?;
                params.announce.refresh = self.time()?;
            }
            "announce-other" => {
                params.announce.lower_prio_repeat = self.number("count")?;
                params.announce.lower_prio_delay = self.time()?;
            }
            "lower-prio-no-advert" => params.lower_prio_no_advert = true,
            "higher-prio-send-advert" => params.higher_prio_send_advert = true,
            "owner-ignore-adverts" => params.owner_ignore_adverts = true,
            "skip-check-adv-addr" => params.skip_check_adv_addr = true,
            "refuse-other-addresses" => params.other_addresses = OtherAddresses::Refuse,
            "bounce" => params.on_loss = OnLoss::Bounce,
            "no-handover" => params.handover = false,
            "dont-track-primary" => params.track_primary = false,
            other => return self.error(format!("unknown setting `{other}`")),
        }
        Ok(())
    }

    fn used(&mut self, plan: &NodePlan) -> Result<TrackUse, ScriptError> {
        let name = self.word("a tracked object")?;
        let Some((track, _)) = plan.tracks.iter().find(|(_, track)| track.name == name) else {
            return self.error(format!("there is no tracked object `{name}`"));
        };
        let track: TrackId = *track;
        Ok(TrackUse { track, weight: self.number("weight")?, reverse: self.take("reverse") })
    }
}
