// SPDX-License-Identifier: MIT OR Apache-2.0
use std::io::{self, Write};
use std::process::{Command, Stdio};

use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use proptest::prelude::*;
use socket2::{Domain, Socket, Type};

use super::connector::{ROOM, Said, filter, read};
use super::*;
use crate::kernel::netlink::Room;

const FORK: u32 = 1;
const EXEC: u32 = 2;
const UID: u32 = 4;
const COMM: u32 = 0x200;
const EXIT: u32 = 0x8000_0000;

/// A datagram as the connector sends it; `detail` is what belongs to the kind of event.
fn datagram(what: u32, detail: &[u8]) -> Vec<u8> {
    let mut event = what.to_ne_bytes().to_vec();
    event.extend([0; 12]);
    event.extend(detail);
    let mut bytes = Vec::new();
    bytes.extend((36 + event.len() as u32).to_ne_bytes());
    bytes.extend([3, 0, 0, 0]);
    bytes.extend([0; 8]);
    for number in [1_u32, 1, 5, 78] {
        bytes.extend(number.to_ne_bytes());
    }
    bytes.extend((event.len() as u16).to_ne_bytes());
    bytes.extend([0, 0]);
    bytes.extend(event);
    bytes
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

#[test]
fn events_of_processes_are_read_and_those_of_threads_are_not() {
    let renamed = |name: &[u8]| [&numbers(&[7, 7])[..], name].concat();
    let table = [
        (FORK, numbers(&[1, 1, 7, 7]), Said::Event(Event::Fork { parent: 1, child: 7 })),
        // The parent's thread counts as the parent.
        (FORK, numbers(&[3, 1, 7, 7]), Said::Event(Event::Fork { parent: 1, child: 7 })),
        (FORK, numbers(&[1, 1, 8, 7]), Said::Nothing),
        (EXEC, numbers(&[7, 7]), Said::Event(Event::Exec(7))),
        (EXEC, numbers(&[8, 7]), Said::Nothing),
        (COMM, renamed(b"worker\0\0\0\0\0\0\0\0\0\0"), Said::Event(Event::Renamed { pid: 7, name: b"worker".into() })),
        (COMM, renamed(b"exactly15letter\0"), Said::Event(Event::Renamed { pid: 7, name: b"exactly15letter".into() })),
        (COMM, [&numbers(&[8, 7])[..], &[0; 16]].concat(), Said::Nothing),
        (EXIT, numbers(&[7, 7, 0, 17, 1, 1]), Said::Event(Event::Exit(7))),
        (EXIT, numbers(&[8, 7, 0, 17, 1, 1]), Said::Nothing),
        (UID, numbers(&[7, 7, 0, 0]), Said::Nothing),
        (0, numbers(&[0]), Said::Answer { token: 77, errno: 0 }),
        (0, numbers(&[1]), Said::Answer { token: 77, errno: 1 }),
    ];
    for (what, detail, expected) in table {
        assert_eq!(read(&datagram(what, &detail)), expected, "{what:#x} {detail:?}");
    }
}

#[test]
fn datagrams_that_are_short_or_of_another_connector_say_nothing() {
    let whole = datagram(EXIT, &numbers(&[7, 7, 0, 17, 1, 1]));
    for length in 0..whole.len() {
        assert_eq!(read(&whole[..length]), Said::Nothing, "cut to {length}");
    }
    let mut other = whole;
    other[16] = 4;
    assert_eq!(read(&other), Said::Nothing);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let _ = name_and_state(&bytes);
    }

    /// Headers that are right let the random part reach the events.
    #[test]
    fn no_event_makes_the_reader_panic(
        what in prop::sample::select(vec![0, FORK, EXEC, UID, COMM, EXIT]),
        detail in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let _ = read(&datagram(what, &detail));
    }

    /// The filter in the kernel and the reader agree on what is a thread.
    #[test]
    fn the_filter_lets_through_what_the_reader_takes(
        what in prop::sample::select(vec![0, FORK, EXEC, UID, COMM, 0x4000_0000, EXIT, 0x100]),
        detail in proptest::collection::vec(1_u32..3, 6),
    ) {
        let bytes = datagram(what, &numbers(&detail));
        let (ours, theirs) = Socket::pair(Domain::UNIX, Type::DGRAM, None).unwrap();
        ours.set_nonblocking(true).unwrap();
        ours.attach_filter(&filter()).unwrap();
        theirs.send(&bytes).unwrap();
        let passed = nix::sys::socket::recv(
            std::os::fd::AsRawFd::as_raw_fd(&ours),
            &mut [0; 1024],
            nix::sys::socket::MsgFlags::empty(),
        );
        prop_assert_eq!(passed == Ok(bytes.len()), read(&bytes) != Said::Nothing);
    }
}

#[test]
fn name_and_state_are_found_whatever_the_name_is() {
    let table: [(&str, Option<(&str, u8)>); 8] = [
        ("12 (sh) S 1 2", Some(("sh", b'S'))),
        ("12 (a b) c) R 1", Some(("a b) c", b'R'))),
        ("12 () Z 1", Some(("", b'Z'))),
        ("12 (((((((((((((((() X 0", Some(("(((((((((((((((", b'X'))),
        ("12 sh S 1", None),
        ("12 )( S", None),
        ("12 (sh)", None),
        ("", None),
    ];
    for (stat, expected) in table {
        let found = name_and_state(stat.as_bytes());
        assert_eq!(found, expected.map(|(name, state)| (name.as_bytes(), state)), "{stat}");
    }
}

#[test]
fn a_scan_finds_this_process_with_as_much_of_its_command_line_as_asked_for() {
    let own = std::process::id();
    let found = scan(5).unwrap().into_iter().find(|process| process.pid == own).expect("we run");
    let command: Vec<u8> = std::env::args().next().unwrap().into_bytes();
    assert_eq!(found.command, command[..5]);
    assert_eq!(look(own, 0).unwrap().command, b"");
    assert_eq!(
        look(own, 1 << 20).unwrap().command.iter().filter(|octet| **octet == 0).count(),
        std::env::args().count()
    );
}

#[test]
fn a_zombie_is_not_a_process_that_runs() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id();
    // Waits for the end without reaping.
    let id = Id::Pid(Pid::from_raw(i32::try_from(pid).unwrap()));
    waitid(id, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    assert_eq!(look(pid, 10), None);
    assert!(scan(0).unwrap().iter().all(|process| process.pid != pid));
    child.wait().unwrap();
}

/// The next event, whenever it comes.
fn next(connector: &mut Connector) -> Event {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    loop {
        match connector.receive() {
            Ok(event) => return event,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}"),
        }
        let mut waited = [PollFd::new(connector.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waited, PollTimeout::from(20_000_u16)) {
            // A child of another test ended.
            Err(nix::errno::Errno::EINTR) => {}
            ready => assert_ne!(ready.unwrap(), 0, "an event comes"),
        }
    }
}

/// `None`, with a line on the terminal, where the kernel does not tell of processes.
fn opened(test: &str, octets: usize) -> Option<Connector> {
    match Connector::open(Room { octets, ..ROOM }) {
        Ok(connector) => Some(connector),
        Err(error) => {
            let _ = writeln!(io::stderr(), "SKIPPED {test}: needs root and the process connector: {error}");
            None
        }
    }
}

#[test]
fn the_kernel_tells_the_life_of_a_process_and_nothing_of_threads() {
    let Some(mut connector) = opened("the_kernel_tells_the_life_of_a_process_and_nothing_of_threads", ROOM.octets)
    else {
        return;
    };
    let thread = std::thread::spawn(nix::unistd::gettid).join().unwrap().as_raw().cast_unsigned();
    let script = "printf renamed > /proc/$$/comm; exec sleep 0";
    let mut child = Command::new("sh").args(["-c", script]).stdin(Stdio::null()).spawn().unwrap();
    let pid = child.id();
    let mut life = Vec::new();
    while life.last() != Some(&Event::Exit(pid)) {
        let event = next(&mut connector);
        assert_ne!(event, Event::Exit(thread));
        let ours = match &event {
            Event::Fork { child, .. } => *child == pid,
            Event::Exec(of) | Event::Exit(of) | Event::Renamed { pid: of, .. } => *of == pid,
            Event::Rescan => panic!("there was room"),
        };
        if ours {
            life.push(event);
        }
    }
    child.wait().unwrap();
    let fork = Event::Fork { parent: std::process::id(), child: pid };
    let renamed = Event::Renamed { pid, name: b"renamed".into() };
    assert_eq!(life, [fork, Event::Exec(pid), renamed, Event::Exec(pid), Event::Exit(pid)]);
}

#[test]
fn lost_events_are_told_and_the_connector_goes_on() {
    let Some(mut connector) = opened("lost_events_are_told_and_the_connector_goes_on", 1) else { return };
    for _ in 0..100 {
        Command::new("true").status().unwrap();
    }
    while next(&mut connector) != Event::Rescan {}
    while connector.grow() < ROOM.octets {}
    // Nothing more is delivered before what was there is taken.
    while connector.receive().is_ok() {}
    let mut again = Command::new("true").spawn().unwrap();
    again.wait().unwrap();
    while next(&mut connector) != Event::Exit(again.id()) {}
}

/// Hands every notice on; a command changes how much of a command line is read.
struct Relay {
    command_max: usize,
    notices: std::sync::mpsc::Sender<Notice>,
}

impl Follow for Relay {
    type Command = usize;

    fn command(&mut self, command: usize) {
        self.command_max = command;
    }

    fn command_max(&self) -> usize {
        self.command_max
    }

    fn notice(&mut self, notice: Notice) -> bool {
        self.notices.send(notice).is_ok()
    }
}

/// What a scan says of this process.
fn own_command(notice: Notice) -> Option<Vec<u8>> {
    match notice {
        Notice::Scanned(found) => found.into_iter().find(|one| one.pid == std::process::id()).map(|one| one.command),
        _ => None,
    }
}

#[test]
fn without_a_connector_everything_is_scanned_again_and_again_and_after_a_command() {
    let (notices, heard) = std::sync::mpsc::channel();
    let observer = Observer::start(None, Relay { command_max: 0, notices }).unwrap();
    for _ in 0..2 {
        assert_eq!(own_command(heard.recv().unwrap()), Some(Vec::new()));
    }
    observer.command(3);
    while own_command(heard.recv().unwrap()).is_none_or(|command| command.len() != 3) {}
    drop(observer);
    while heard.recv().is_ok() {}
}

#[test]
fn a_program_that_starts_is_told_with_its_command_line() {
    let Some(connector) = opened("a_program_that_starts_is_told_with_its_command_line", ROOM.octets) else { return };
    let (notices, heard) = std::sync::mpsc::channel();
    let _observer = Observer::start(Some(connector), Relay { command_max: 100, notices }).unwrap();
    assert!(own_command(heard.recv().unwrap()).is_some());
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    let told = loop {
        match heard.recv().unwrap() {
            Notice::Executed(process) if process.pid == child.id() => break process,
            _ => {}
        }
    };
    assert_eq!((told.name, told.command), (b"sleep".to_vec(), b"sleep\x00600\0".to_vec()));
    child.kill().unwrap();
    child.wait().unwrap();
    while !matches!(heard.recv().unwrap(), Notice::Exited(pid) if pid == child.id()) {}
}
