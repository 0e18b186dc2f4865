// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a text means takes answers of the machine it is for. They are remembered, so that it can be known later, without
//! reading the text again, whether it would mean the same.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use super::{Host, Kind, ReadError};
use crate::environment::{Account, Answer, FileSystem, Inode, Link};

/// Questions that are remembered. Where there were more, nobody knows.
const QUESTIONS_MAX: usize = 256;

/// Asks one of them again; says whether the answer is still the same.
type Question = Box<dyn Fn(&dyn Host) -> bool + Send + Sync>;

/// What a host was asked, with its answers.
#[derive(Default)]
pub struct Answers {
    questions: Vec<Question>,
    too_many: bool,
}

impl fmt::Debug for Answers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Answers { questions, too_many } = self;
        out.debug_struct("Answers").field("questions", &questions.len()).field("too_many", too_many).finish()
    }
}

impl Answers {
    /// Whether a host would give them all.
    pub fn are_those_of(&self, host: &dyn Host) -> bool {
        !self.too_many && self.questions.iter().all(|question| question(host))
    }
}

/// Hands every question on, and remembers it.
pub struct Asked<'a> {
    host: &'a dyn Host,
    answers: RefCell<Answers>,
}

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Asked { host: _, answers } = self;
        out.debug_struct("Asked").field("answers", answers).finish()
    }
}

impl<'a> Asked<'a> {
    pub fn new(host: &'a dyn Host) -> Asked<'a> {
        Asked { host, answers: RefCell::default() }
    }

    pub fn answers(self) -> Answers {
        self.answers.into_inner()
    }

    fn ask<T: PartialEq + Clone + Send + Sync + 'static>(
        &self,
        question: impl Fn(&dyn Host) -> T + Send + Sync + 'static,
    ) -> T {
        let answer = question(self.host);
        let mut answers = self.answers.borrow_mut();
        answers.too_many |= answers.questions.len() >= QUESTIONS_MAX;
        if !answers.too_many {
            let known = answer.clone();
            answers.questions.push(Box::new(move |host| question(host) == known));
        }
        answer
    }
}

impl Host for Asked<'_> {
    fn kind(&self, path: &Path) -> Kind {
        let path = path.to_owned();
        self.ask(move |host| host.kind(&path))
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        let path = path.to_owned();
        self.ask(move |host| host.read(&path))
    }

    fn list(&self, directory: &Path) -> Result<Vec<String>, ReadError> {
        let directory = directory.to_owned();
        self.ask(move |host| host.list(&directory))
    }

    fn real(&self, path: &Path) -> PathBuf {
        let path = path.to_owned();
        self.ask(move |host| host.real(&path))
    }

    fn env(&self, name: &str) -> Option<String> {
        let name = name.to_owned();
        self.ask(move |host| host.env(&name))
    }

    fn hostname(&self) -> String {
        self.ask(|host| host.hostname())
    }

    fn current_dir(&self) -> PathBuf {
        self.ask(|host| host.current_dir())
    }

    fn seed(&self) -> u64 {
        self.ask(|host| host.seed())
    }

    fn account(&self, name: &str) -> Answer<Account> {
        let name = name.to_owned();
        self.ask(move |host| host.account(&name))
    }

    fn group(&self, name: &str) -> Answer<u32> {
        let name = name.to_owned();
        self.ask(move |host| host.group(&name))
    }

    fn own_account(&self) -> Account {
        self.ask(|host| host.own_account())
    }

    fn inode(&self, path: &str) -> Answer<Inode> {
        let path = path.to_owned();
        self.ask(move |host| host.inode(&path))
    }

    fn head(&self, path: &str) -> Answer<[u8; 4]> {
        let path = path.to_owned();
        self.ask(move |host| host.head(&path))
    }

    fn directory(&self) -> String {
        self.ask(|host| host.directory())
    }

    fn file_system(&self, directory: &str) -> Answer<FileSystem> {
        let directory = directory.to_owned();
        self.ask(move |host| host.file_system(&directory))
    }

    fn processors(&self) -> Answer<u32> {
        self.ask(|host| host.processors())
    }

    fn link(&self, name: &str) -> Answer<Link> {
        let name = name.to_owned();
        self.ask(move |host| host.link(&name))
    }

    /// Of the pattern alone.
    fn regex_error(&self, pattern: &str, options: &[&'static str]) -> Option<String> {
        self.host.regex_error(pattern, options)
    }
}
