// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding the load balancer in the kernel, and loading its module where it is not there yet.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use nix::sched::{CloneFlags, setns};
use nix::sys::socket::SockProtocol;

use super::wire::{self, Wire};
use super::{Ipvs, keeper};
use crate::kernel::netlink::{Request, Socket};

/// The family's name, and the module that brings it.
const FAMILY: &str = "IPVS";
pub(super) const MODULE: &str = "ip_vs";

/// The controller of generic netlink: its number, its question for a family by name, and the answer's number.
const CONTROL: u16 = 0x10;
const CONTROL_VERSION: u8 = 1;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;

/// The kernel's own setting of who loads modules, and who does where it says nothing.
const LOADER_SETTING: &str = "/proc/sys/kernel/modprobe";
const LOADER: &str = "/sbin/modprobe";

/// What the kernel says of its load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    pub version: (u8, u8, u8),
    /// The size of its table of connections.
    pub connections: u32,
}

/// Why there is no load balancing.
#[derive(Debug)]
pub enum OpenError {
    /// The kernel has none, and loading the module did not help.
    NoModule { module: &'static str, why: String },
    /// The network namespace cannot be entered.
    Namespace(PathBuf, io::Error),
    /// The kernel does not answer us.
    Refused(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::NoModule { module, why } => write!(
                f,
                "the kernel has no load balancing (IPVS): its module {module} is not loaded and cannot be loaded ({why}); load \
                 it with `modprobe {module}`, or install a kernel that has it"
            ),
            OpenError::Namespace(path, error) => {
                write!(f, "the network namespace {} cannot be entered: {error}", path.display())
            }
            OpenError::Refused(error) if error.raw_os_error() == Some(libc::EPERM) => {
                write!(f, "the kernel refuses to balance load for us: the daemon lacks the capability CAP_NET_ADMIN")
            }
            OpenError::Refused(error) => write!(f, "the kernel's load balancing (IPVS) does not answer: {error}"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::NoModule { .. } => None,
            OpenError::Namespace(_, error) | OpenError::Refused(error) => Some(error),
        }
    }
}

impl Ipvs {
    /// The load balancer of this network namespace. Loads the module when the kernel has none.
    pub fn open() -> Result<Ipvs, OpenError> {
        let mut socket = Socket::open(SockProtocol::NetlinkGeneric).map_err(OpenError::Refused)?;
        let family = find(&mut socket)?;
        let wire = Wire { family };
        let info = socket.ask(&wire.info(), wire::info).map_err(OpenError::Refused)?;
        let info = info.ok_or_else(|| OpenError::Refused(io::Error::other("its answer says no version")))?;
        Ok(Ipvs { socket, wire, info })
    }

    /// The load balancer of another network namespace, by the file that stands for it.
    pub fn open_in(namespace: &Path) -> Result<Ipvs, OpenError> {
        let failed = |error: io::Error| OpenError::Namespace(namespace.to_owned(), error);
        let file = File::open(namespace).map_err(failed)?;
        // A socket stays in the namespace it was made in; the thread that enters it ends at once.
        let visit = thread::Builder::new().name("namespace".to_owned()).stack_size(keeper::STACK).spawn(move || {
            setns(&file, CloneFlags::CLONE_NEWNET)?;
            Ok::<_, io::Error>(Ipvs::open())
        });
        match visit.map_err(failed)?.join() {
            Ok(opened) => opened.map_err(failed)?,
            Err(_panic) => Err(failed(io::Error::other("the thread that entered it ended"))),
        }
    }
}

/// The family's number. Asking for it by name already makes most kernels load the module.
fn find(socket: &mut Socket) -> Result<u16, OpenError> {
    if let Some(number) = look_up(socket)? {
        return Ok(number);
    }
    let why = match load() {
        Ok(()) => match look_up(socket)? {
            Some(number) => return Ok(number),
            None => "it was loaded, and the kernel still has none".to_owned(),
        },
        Err(why) => why,
    };
    Err(OpenError::NoModule { module: MODULE, why })
}

fn look_up(socket: &mut Socket) -> Result<Option<u16>, OpenError> {
    let mut request = Request::new(CONTROL, 0, &[GET_FAMILY, CONTROL_VERSION, 0, 0]);
    request.text(FAMILY_NAME, FAMILY);
    let answer = socket
        .ask(&request, |message| message.attributes(wire::HEADER).find(|attribute| attribute.kind == FAMILY_ID)?.u16());
    match answer {
        Ok(number) => Ok(number),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(OpenError::Refused(error)),
    }
}

fn load() -> Result<(), String> {
    let setting = fs::read_to_string(LOADER_SETTING).unwrap_or_default();
    let loader = Some(setting.trim()).filter(|path| !path.is_empty()).unwrap_or(LOADER);
    let output = Command::new(loader)
        .arg(MODULE)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("{loader} does not run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    match said.lines().next() {
        Some(line) => Err(format!("{loader}: {}", line.trim())),
        None => Err(format!("{loader}: {}", output.status)),
    }
}
