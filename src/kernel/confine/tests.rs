// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use super::*;
use crate::kernel::bundle::Bundle;

/// Runs `deeds` behind a wall, on a thread of its own.
fn behind<T: Send>(wall: fn() -> io::Result<()>, deeds: impl FnOnce() -> T + Send) -> Option<T> {
    let shut_in = || {
        nix::sys::prctl::set_no_new_privs().unwrap();
        match wall() {
            Ok(()) => Some(deeds()),
            Err(error) => {
                eprintln!("SKIPPED: this kernel has no such wall: {error}");
                None
            }
        }
    };
    thread::scope(|scope| scope.spawn(shut_in).join().unwrap())
}

fn refused<T: std::fmt::Debug>(what: io::Result<T>) -> bool {
    what.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

#[test]
fn behind_landlock_no_file_is_opened_made_or_removed() {
    let folder = tempfile();
    fs::write(folder.join("there"), "before").unwrap();
    let seen = behind(no_files, || {
        [
            refused(File::create(folder.join("new"))),
            refused(File::options().write(true).open(folder.join("there"))),
            refused(File::open(folder.join("there"))),
            refused(fs::remove_file(folder.join("there"))),
            refused(fs::create_dir(folder.join("sub"))),
        ]
    });
    let left = fs::read_to_string(folder.join("there"));
    fs::remove_dir_all(&folder).unwrap();
    assert!(seen.is_none_or(|seen| seen == [true; 5]), "{seen:?}");
    assert_eq!(left.unwrap(), "before");
}

#[test]
fn behind_the_filter_nothing_is_opened_connected_or_started() {
    let folder = tempfile();
    fs::write(folder.join("there"), "before").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = behind(no_calls, || {
        [
            refused(File::create(folder.join("new"))),
            refused(File::options().write(true).open(folder.join("there"))),
            refused(File::open("/etc/passwd")),
            refused(fs::remove_file(folder.join("there"))),
            refused(TcpStream::connect(address)),
            refused(TcpListener::bind("127.0.0.1:0")),
            refused(listener.accept()),
            refused(Command::new("/bin/true").status()),
            refused(nix::sys::signal::kill(nix::unistd::getpid(), None).map_err(io::Error::from)),
        ]
    });
    let left = fs::read_to_string(folder.join("there"));
    fs::remove_dir_all(&folder).unwrap();
    assert!(seen.is_none_or(|seen| seen == [true; 9]), "{seen:?}");
    assert_eq!(left.unwrap(), "before");
}

#[test]
fn behind_both_what_is_open_can_be_used_and_long_answers_be_passed_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut far = listener.accept().unwrap().0;
    let walls = || {
        let unmet = shut_in();
        assert!(unmet.len() <= 2);
        Ok(())
    };
    let text = behind(walls, || {
        use std::io::{Read, Write};
        near.write_all(b"still there?").unwrap();
        let mut bytes = [0; 12];
        far.read_exact(&mut bytes).unwrap();
        Bundle::seal(&bytes).unwrap().text().unwrap()
    });
    assert_eq!(text.unwrap(), b"still there?");
}

#[test]
fn each_version_of_landlock_is_asked_for_what_it_knows() {
    for (version, files, connections, signals, length) in [
        (1, 0x1fff, 0, 0, 8),
        (2, 0x3fff, 0, 0, 8),
        (3, 0x7fff, 0, 0, 8),
        (4, 0x7fff, 3, 0, 16),
        (5, 0xffff, 3, 0, 16),
        (6, 0xffff, 3, 3, 24),
        (99, 0xffff, 3, 3, 24),
    ] {
        let (ruled, read) = ruled(version);
        assert_eq!(
            (ruled.files, ruled.connections, ruled.signals, read),
            (files, connections, signals, length),
            "{version}"
        );
    }
}

#[test]
fn every_refused_call_jumps_to_the_refusal_and_every_other_falls_through() {
    let calls: Vec<libc::c_long> = vec![7, 3, 90];
    let program = filter(42, &calls).unwrap();
    // What the kernel does with it.
    let judge = |machine: u32, number: u32| {
        let (mut at, mut value) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            match step.code {
                LOAD => value = if step.k == AT_MACHINE { machine } else { number },
                JUMP_IF_EQUAL => at += usize::from(if value == step.k { step.jt } else { step.jf }),
                JUMP_IF_AT_LEAST => at += usize::from(if value >= step.k { step.jt } else { step.jf }),
                RETURN => return step.k == libc::SECCOMP_RET_ALLOW,
                other => panic!("{other:#x}"),
            }
        }
    };
    let allowed: Vec<u32> = (0..200).filter(|number| judge(42, *number)).collect();
    let expected: Vec<u32> = (0..200).filter(|number| ![7, 3, 90].contains(number)).collect();
    assert_eq!(allowed, expected);
    assert!(!judge(41, 1) && !judge(42, ANOTHER_NUMBERING + 1), "in another numbering anything could be meant");
    assert!(filter(42, &vec![1; 253]).is_err(), "jumps are no longer than that");
}

fn tempfile() -> std::path::PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let own = format!("steadfast-confine-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(own);
    fs::create_dir_all(&folder).unwrap();
    folder
}
