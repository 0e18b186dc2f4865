// SPDX-License-Identifier: MIT OR Apache-2.0
//! The terminal in front of us: keys as they are pressed, a screen of its own, and everything as it was afterwards.

use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

/// Another screen, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[0m\x1b[?25h\x1b[?1049l";
/// Of a terminal that does not say how large it is.
const USUAL_SIZE: (u16, u16) = (80, 24);
/// Bytes of keys that are read at once.
const KEYS_MAX: usize = 256;

/// What was heard while waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Nothing,
    Keys(Vec<u8>),
    /// The window has another size.
    Resized,
    /// Whoever started us, or the terminal's end, wants us to leave.
    Leave,
    /// The other descriptor can be read.
    Other,
}

/// As long as it lives, keys come one by one and nothing else writes on the screen.
pub struct Terminal {
    before: Termios,
    mask: SigSet,
    signals: SignalFd,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}

impl Terminal {
    /// Takes over the terminal at standard input and output.
    pub fn open() -> io::Result<Terminal> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "standard input and output are no terminal"));
        }
        let before = tcgetattr(io::stdin())?;
        let watched: SigSet =
            [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGWINCH].into_iter().collect();
        let mask = SigSet::thread_get_mask()?;
        watched.thread_block()?;
        let signals = SignalFd::with_flags(&watched, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        let terminal = Terminal { before, mask, signals };
        tcsetattr(io::stdin(), SetArg::TCSADRAIN, &raw)?;
        terminal.show(ENTER)?;
        Ok(terminal)
    }

    /// Columns and lines.
    #[allow(unsafe_code)]
    pub fn size(&self) -> (u16, u16) {
        let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the kernel fills the structure, which lives as long as the call.
        let told = unsafe { libc::ioctl(io::stdout().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
        if told != 0 || size.ws_col == 0 || size.ws_row == 0 { USUAL_SIZE } else { (size.ws_col, size.ws_row) }
    }

    pub fn show(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Waits for the next thing, not longer than this.
    pub fn wait(&self, other: Option<BorrowedFd<'_>>, limit: Duration) -> io::Result<Heard> {
        let stdin = io::stdin();
        let mut watched =
            vec![PollFd::new(stdin.as_fd(), PollFlags::POLLIN), PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        watched.extend(other.map(|other| PollFd::new(other, PollFlags::POLLIN)));
        match poll(&mut watched, PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX)) {
            Ok(0) | Err(Errno::EINTR) => return Ok(Heard::Nothing),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let rings = |at: usize| watched.get(at).and_then(PollFd::any).unwrap_or(false);
        if rings(1) {
            let signal = self.signals.read_signal()?;
            let resized = signal.is_some_and(|signal| signal.ssi_signo == Signal::SIGWINCH as u32);
            return Ok(if resized { Heard::Resized } else { Heard::Leave });
        }
        if rings(0) {
            let mut keys = vec![0; KEYS_MAX];
            let length = nix::unistd::read(&stdin, &mut keys)?;
            keys.truncate(length);
            // The other end of the terminal is gone.
            return Ok(if length == 0 { Heard::Leave } else { Heard::Keys(keys) });
        }
        Ok(if rings(2) { Heard::Other } else { Heard::Nothing })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.show(LEAVE);
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &self.before);
        let _ = self.mask.thread_set_mask();
    }
}
