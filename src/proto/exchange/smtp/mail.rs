// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handing in mail: several messages over one connection, each with its own outcome.

use super::{Ear, Fault, Reply, Turn, one_line};

/// The text of a message: what stands in its header, and its body.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'l> {
    /// As RFC 5322 section 3.3 writes it.
    pub date: &'l str,
    pub from: &'l str,
    pub subject: &'l str,
    pub to: &'l [String],
    pub body: &'l str,
}

impl Letter<'_> {
    /// The message as it is sent after DATA, with the lone dot that ends it.
    pub fn compose(&self) -> Vec<u8> {
        let mut text = format!("Date: {}\r\n", one_line(self.date));
        text += &format!("From: {}\r\n", one_line(self.from));
        text += &format!("Subject: {}\r\n", one_line(self.subject));
        text += "X-Mailer: Keepalived\r\nTo: ";
        let to: Vec<String> = self.to.iter().map(|address| one_line(address)).collect();
        text += &to.join(",\r\n ");
        text += "\r\n\r\n";
        for line in self.body.lines() {
            // RFC 5321 section 4.5.2: a line that starts with a dot gets another one.
            if line.starts_with('.') {
                text.push('.');
            }
            text += &one_line(line);
            text += "\r\n";
        }
        text += ".\r\n";
        text.into_bytes()
    }
}

/// An address as it stands on the envelope: `Name <a@b>` is `a@b`.
pub fn bare_address(written: &str) -> String {
    let bare = match (written.rfind('<'), written.rfind('>')) {
        (Some(open), Some(close)) if open < close => written.get(open + 1..close).unwrap_or(written),
        _ => written.trim(),
    };
    bare.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect()
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has it. These recipients it refused, with its words.
    Taken(Vec<(String, String)>),
    /// The server will never take it: its words.
    Refused(String),
}

/// The conversation that hands in messages, all from one sender to the same recipients.
#[derive(Clone, Debug)]
pub struct Delivery {
    helo: String,
    sender: String,
    recipients: Vec<String>,
    messages: Vec<Vec<u8>>,
    outcomes: Vec<Outcome>,
    stage: Stage,
    refused: Vec<(String, String)>,
    ear: Ear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Helo,
    Sender,
    Recipient(usize),
    Data,
    Content,
    Reset,
    Quit,
    Over,
}

impl Delivery {
    /// `sender` and `recipients` as written in the configuration, `messages` as [`Letter::compose`] makes them.
    pub fn new(helo: &str, sender: &str, recipients: &[String], messages: Vec<Vec<u8>>) -> Delivery {
        Delivery {
            helo: one_line(helo),
            sender: bare_address(sender),
            recipients: recipients.iter().map(|written| bare_address(written)).collect(),
            messages,
            outcomes: Vec::new(),
            stage: Stage::Greeting,
            refused: Vec::new(),
            ear: Ear::default(),
        }
    }

    /// What became of the messages so far, in their order. Those without an outcome may be tried again.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// What is waited for, in words.
    pub fn awaited(&self) -> &'static str {
        match self.stage {
            Stage::Greeting => "greeting",
            Stage::Helo => "answer to HELO",
            Stage::Sender => "answer to MAIL FROM",
            Stage::Recipient(_) => "answer to RCPT TO",
            Stage::Data => "answer to DATA",
            Stage::Content => "answer to the message",
            Stage::Reset => "answer to RSET",
            Stage::Quit => "answer to QUIT",
            Stage::Over => "end",
        }
    }

    /// Takes what the server said.
    pub fn hear(&mut self, mut bytes: &[u8]) -> Result<Turn, Fault> {
        let mut said = Vec::new();
        while !bytes.is_empty() {
            let Some(reply) = self.ear.reply(&mut bytes)? else { break };
            if matches!(self.stage, Stage::Quit | Stage::Over) {
                self.stage = Stage::Over;
                return Ok(Turn::Done);
            }
            self.answer(reply, &mut said)?;
        }
        Ok(if said.is_empty() { Turn::Listen } else { Turn::Say(said) })
    }

    fn answer(&mut self, reply: Reply, said: &mut Vec<u8>) -> Result<(), Fault> {
        let unexpected = |to, wanted, reply| Err(Fault::Unexpected { to, wanted, reply });
        match (self.stage, reply.code) {
            (Stage::Greeting, 220) => {
                self.stage = Stage::Helo;
                said.extend_from_slice(format!("HELO {}\r\n", self.helo).as_bytes());
            }
            (Stage::Greeting, _) => return unexpected("the connection", 220, reply),
            (Stage::Helo | Stage::Reset, 250) => self.next(said),
            (Stage::Helo, _) => return unexpected("HELO", 250, reply),
            (Stage::Reset, _) => return unexpected("RSET", 250, reply),
            (Stage::Sender, 250) => self.recipient(0, said),
            (Stage::Recipient(number), code) => {
                match code {
                    // 251: it forwards.
                    250 | 251 => {}
                    500.. => {
                        let recipient = self.recipients.get(number).cloned().unwrap_or_default();
                        self.refused.push((recipient, reply.text));
                    }
                    _ => return unexpected("RCPT TO", 250, reply),
                }
                self.recipient(number + 1, said);
            }
            (Stage::Data, 354) => {
                self.stage = Stage::Content;
                said.extend_from_slice(self.messages.get(self.outcomes.len()).map_or(b".\r\n", Vec::as_slice));
            }
            (Stage::Content, 250) => {
                self.outcomes.push(Outcome::Taken(std::mem::take(&mut self.refused)));
                self.next(said);
            }
            (Stage::Sender | Stage::Data | Stage::Content, 500..) => self.give_up(reply.text, said),
            (Stage::Sender, _) => return unexpected("MAIL FROM", 250, reply),
            (Stage::Data, _) => return unexpected("DATA", 354, reply),
            (Stage::Content, _) => return unexpected("the message", 250, reply),
            (Stage::Quit | Stage::Over, _) => {}
        }
        Ok(())
    }

    /// The next message, or the end.
    fn next(&mut self, said: &mut Vec<u8>) {
        self.refused.clear();
        if self.outcomes.len() < self.messages.len() {
            self.stage = Stage::Sender;
            said.extend_from_slice(format!("MAIL FROM:<{}>\r\n", self.sender).as_bytes());
        } else {
            self.stage = Stage::Quit;
            said.extend_from_slice(b"QUIT\r\n");
        }
    }

    /// The recipient of this number, or after the last one the message.
    fn recipient(&mut self, number: usize, said: &mut Vec<u8>) {
        if let Some(recipient) = self.recipients.get(number) {
            self.stage = Stage::Recipient(number);
            said.extend_from_slice(format!("RCPT TO:<{recipient}>\r\n").as_bytes());
        } else if self.refused.len() < self.recipients.len() {
            self.stage = Stage::Data;
            said.extend_from_slice(b"DATA\r\n");
        } else {
            let words = self.refused.first().map_or_else(String::new, |(_, words)| words.clone());
            self.give_up(words, said);
        }
    }

    /// The server will not take this message; others it may.
    fn give_up(&mut self, words: String, said: &mut Vec<u8>) {
        self.outcomes.push(Outcome::Refused(words));
        self.stage = Stage::Reset;
        said.extend_from_slice(b"RSET\r\n");
    }
}

#[cfg(test)]
mod tests;
