// SPDX-License-Identifier: MIT OR Apache-2.0
//! Servers that do as they are told: well, ill, well again.

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::node::Node;

/// How long a server waits for whoever says nothing.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// It ends with its handle.
#[derive(Debug)]
pub struct Actor {
    well: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Actor {
    /// Plays this with each connection, one after the other, told whether the server is well.
    pub fn of_connections(node: &Node, port: u16, mut play: impl FnMut(TcpStream, bool) + Send + 'static) -> Actor {
        let listener = node.namespace().enter(|| TcpListener::bind(("10.0.0.1", port))).expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not wait");
        Actor::start(move |well| match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).expect("a stream that waits");
                stream.set_read_timeout(Some(SILENCE_MAX)).expect("a socket option");
                play(stream, well);
            }
            Err(_) => thread::sleep(Duration::from_millis(5)),
        })
    }

    /// Answers each datagram with what this makes of it, told whether the server is well.
    pub fn of_datagrams(node: &Node, port: u16, reply: impl Fn(&[u8], bool) -> Vec<u8> + Send + 'static) -> Actor {
        let socket = node.namespace().enter(|| UdpSocket::bind(("10.0.0.1", port))).expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a socket option");
        let mut bytes = [0; 2048];
        Actor::start(move |well| {
            if let Ok((length, from)) = socket.recv_from(&mut bytes) {
                let _ = socket.send_to(&reply(&bytes[..length], well), from);
            }
        })
    }

    fn start(mut turn: impl FnMut(bool) + Send + 'static) -> Actor {
        let [well, ends] = [true, false].map(|first| Arc::new(AtomicBool::new(first)));
        let told = (Arc::clone(&well), Arc::clone(&ends));
        let thread = thread::spawn(move || {
            while !told.1.load(Ordering::Relaxed) {
                turn(told.0.load(Ordering::Relaxed));
            }
        });
        Actor { well, ends, thread: Some(thread) }
    }

    pub fn be(&self, well: bool) {
        self.well.store(well, Ordering::Relaxed);
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Reads until the other side has said this, or says nothing more.
pub fn read_until(stream: &mut impl Read, end: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    let mut bytes = [0; 2048];
    while !heard.ends_with(end) {
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => break,
            Ok(length) => heard.extend_from_slice(&bytes[..length]),
        }
    }
    heard
}
