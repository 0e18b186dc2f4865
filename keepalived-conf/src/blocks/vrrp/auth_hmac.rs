// SPDX-License-Identifier: MIT OR Apache-2.0
//! `auth_hmac`: every advert is signed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use super::instance::VrrpInstance;
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::schema::{Again, Block, Node, Seen, Setting, Shape, kw, strict_int};
use crate::secret::Secret;
use crate::syntax::Word;
use crate::value::Args;

pub const BAD_KEY: Code = Code::new("KC168", "a key that cannot be used");
pub const OPEN_KEY: Code = Code::new("KC169", "a key file that others may read");

/// Octets a key may have.
pub const KEY_MIN: usize = 32;
pub const KEY_MAX: usize = 64;
/// The largest key file, in bytes.
const KEY_FILE_MAX: usize = 138;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct AuthHmac {
    /// By id, from 1 to 255.
    pub keys: BTreeMap<u8, Secret>,
    pub active_key: Option<u8>,
    /// How far the clocks of two routers may be apart.
    pub time_window: Setting<Duration>,
    pub anti_replay: AntiReplay,
    pub mode: Setting<Mode>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Default for AuthHmac {
    fn default() -> AuthHmac {
        AuthHmac {
            keys: BTreeMap::new(),
            active_key: None,
            time_window: Setting::new(Duration::from_secs(5)),
            anti_replay: AntiReplay::default(),
            mode: Setting::new(Mode::Enforce),
            seen: Seen::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum AntiReplay {
    /// Adverts must be as old as the window allows.
    #[default]
    Time,
    /// Numbers must grow; the clocks do not matter.
    Monotonic,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Mode {
    /// Signs, and takes signed adverts only.
    #[default]
    Enforce,
    /// Signs, and takes unsigned adverts too.
    Permissive,
    /// Does not sign.
    ReceiveOnly,
}

impl Node for AuthHmac {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

pub static BLOCK: LazyLock<Block<AuthHmac>> = LazyLock::new(|| {
    Block::new(
        "auth_hmac",
        vec![
            kw("key")
                .arg(strict_int(1, 255))
                .arg(Shape::Word("KEY"))
                .otherwise("the key is left out")
                .doc("A key of 32 to 64 octets under a number: text, `hex:` and digits, or `file:` and a path.")
                .note("A file holds text or `hex:` and digits, and should be readable by its owner only.")
                .since("2.4.0")
                .again(Again::Adds)
                .set(key),
            kw("active_key")
                .must(strict_int(1, 255))
                .otherwise("ignored")
                .doc("Number of the key that signs; without it nothing is signed or checked.")
                .since("2.4.0")
                .set(|hmac, args| hmac.active_key = args.num().or(hmac.active_key)),
            kw("time_window")
                .must(strict_int(1, 300))
                .default("3 advert intervals in whole seconds, from 5 to 300")
                .otherwise("ignored")
                .doc("Seconds by which an advert may seem too old or too new.")
                .since("2.4.0")
                .set(|hmac, args| {
                    if let Some(seconds) = args.num::<u32>() {
                        hmac.time_window.set(Duration::from_secs(seconds.into()));
                    }
                }),
            kw("anti_replay")
                .must(Shape::Choice(&["time", "monotonic"]))
                .default("time")
                .otherwise("ignored")
                .doc("How a repeated advert is found out: by the clock, or by numbers that only grow.")
                .since("2.4.0")
                .set(|hmac, args| match args.choice() {
                    Some("time") => hmac.anti_replay = AntiReplay::Time,
                    Some(_) => hmac.anti_replay = AntiReplay::Monotonic,
                    None => {}
                }),
            kw("mode")
                .must(Shape::Choice(&["enforce", "permissive", "receive-only"]))
                .default("enforce")
                .otherwise("ignored")
                .doc("Whether to sign, and whether to take unsigned adverts.")
                .note("To introduce it without a gap: receive-only everywhere, then permissive, then enforce.")
                .since("2.4.0")
                .set(|hmac, args| match args.choice() {
                    Some("enforce") => hmac.mode.set(Mode::Enforce),
                    Some("permissive") => hmac.mode.set(Mode::Permissive),
                    Some(_) => hmac.mode.set(Mode::ReceiveOnly),
                    None => {}
                }),
        ],
    )
});

fn key(hmac: &mut AuthHmac, args: &mut Args<'_, '_>) {
    let mut words = args.statement().words().skip(1);
    let (Some(first), Some(value)) = (words.next(), words.next()) else {
        args.rest();
        bad(args, Class::General, "expected a number and a key");
        return;
    };
    let Some(id) = args.num::<u8>() else {
        args.rest();
        return;
    };
    args.next_word();
    if hmac.keys.contains_key(&id) {
        args.reject(BAD_KEY, Class::General, first.span, format!("left out: there is a key {id} already"));
        return;
    }
    if let Some(bytes) = key_bytes(args, value) {
        hmac.keys.insert(id, bytes);
    }
}

fn key_bytes(args: &mut Args<'_, '_>, value: Word<'_>) -> Option<Secret> {
    let key = match value.text.strip_prefix("file:") {
        Some(path) => decode(from_file(args, value, Path::new(path))?.expose()),
        None => decode(value.text.as_bytes()),
    };
    let key = key.filter(|key| (KEY_MIN..=KEY_MAX).contains(&key.len()));
    if key.is_none() {
        bad(args, Class::General, &format!("left out: a key has {KEY_MIN} to {KEY_MAX} octets"));
    }
    key
}

fn from_file(args: &mut Args<'_, '_>, value: Word<'_>, path: &Path) -> Option<Secret> {
    let Ok(mut bytes) = args.cx.host.read(path) else {
        bad(args, Class::General, "left out: the key file cannot be read");
        return None;
    };
    if bytes.len() > KEY_FILE_MAX {
        bad(args, Class::General, &format!("left out: a key file has at most {KEY_FILE_MAX} bytes"));
        return None;
    }
    let inode = args.cx.host.inode(&path.to_string_lossy());
    if inode.found().is_some_and(|inode| inode.mode & 0o077 != 0) {
        let finding = Diagnostic::warning(OPEN_KEY, "others than its owner may read the key file")
            .class(Class::Security)
            .at(value.span, "used all the same")
            .hint("take the permissions of group and others away");
        args.push(finding);
    }
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    bytes.truncate(end);
    Some(Secret::new(bytes))
}

/// Text as it is, or `hex:` and digits.
fn decode(text: &[u8]) -> Option<Secret> {
    let Some(hex) = text.strip_prefix(b"hex:") else { return Some(Secret::new(text)) };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if hex.len() % 2 != 0 {
        return None;
    }
    let bytes: Option<Vec<u8>> = hex
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect();
    bytes.map(Secret::new)
}

fn bad(args: &mut Args<'_, '_>, class: Class, label: &str) {
    let finding = Diagnostic::error(BAD_KEY, "`key` in `auth_hmac` cannot be used").class(class).at(args.span(), label);
    args.push(finding);
}

pub(super) fn open(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) -> Option<AuthHmac> {
    args.rest();
    Some(instance.auth_hmac.take().unwrap_or_default())
}

pub(super) fn close(instance: &mut VrrpInstance, hmac: AuthHmac, _: &mut Args<'_, '_>) {
    instance.auth_hmac = Some(hmac);
}
