// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client that asks an address once a millisecond and notes when it was answered.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::node::Node;

const BEAT: Duration = Duration::from_millis(1);
const IDENTITY: u16 = 0x5f5f;

#[derive(Debug)]
pub struct Probe {
    ended: Arc<AtomicBool>,
    answers: Arc<Mutex<Vec<Instant>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Probe {
    /// Asks from `client` until it is dropped.
    pub fn start(client: &Node, address: &str) -> Probe {
        let to: Ipv4Addr = address.parse().expect("an IPv4 address");
        let socket = client.namespace().enter(|| {
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("a raw socket");
            socket.set_recv_buffer_size(4 * 1024 * 1024).expect("a receive buffer");
            socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time limit");
            socket
        });
        let ended = Arc::new(AtomicBool::new(false));
        let answers = Arc::new(Mutex::new(Vec::new()));
        let asking = socket.try_clone().expect("a second descriptor");
        let (until, noted) = (ended.clone(), answers.clone());
        let ask = thread::spawn(move || {
            let mut next = Instant::now();
            let mut number = 0_u16;
            while !until.load(Ordering::Relaxed) {
                // A node without a neighbour entry refuses for a while; that is a lost question like any other.
                let _ = asking.send_to(&request(number), &SocketAddrV4::new(to, 0).into());
                number = number.wrapping_add(1);
                next += BEAT;
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        let until = ended.clone();
        let hear = thread::spawn(move || {
            let mut buffer = [0; 128];
            while !until.load(Ordering::Relaxed) {
                let length = (&socket).read(&mut buffer).unwrap_or_default();
                if is_answer(buffer.get(..length).unwrap_or_default(), to) {
                    noted.lock().expect("answers").push(Instant::now());
                }
            }
        });
        Probe { ended, answers, threads: vec![ask, hear] }
    }

    /// Waits until it has been answered steadily for `beats` questions.
    pub fn steady(&self, beats: usize) {
        let begun = Instant::now();
        loop {
            let before = self.count();
            thread::sleep(BEAT * u32::try_from(beats).unwrap_or(100));
            if self.count() >= before + beats * 8 / 10 {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "the address never answered steadily");
        }
    }

    fn count(&self) -> usize {
        self.answers.lock().expect("answers").len()
    }

    /// The longest time without an answer that ended after `from`, in milliseconds.
    pub fn longest_silence(&self, from: Instant) -> f64 {
        let answers = self.answers.lock().expect("answers");
        let silences = answers.windows(2).filter(|pair| pair[1] > from).map(|pair| pair[1] - pair[0]);
        silences.max().unwrap_or_default().as_secs_f64() * 1000.0
    }

    /// The first answer after the longest silence that ended after `from`.
    pub fn answered_again(&self, from: Instant) -> Option<Instant> {
        let answers = self.answers.lock().expect("answers");
        answers.windows(2).filter(|pair| pair[1] > from).max_by_key(|pair| pair[1] - pair[0]).map(|pair| pair[1])
    }

    pub fn forget(&self) {
        self.answers.lock().expect("answers").clear();
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// An echo request.
fn request(number: u16) -> [u8; 8] {
    let [id_high, id_low] = IDENTITY.to_be_bytes();
    let [high, low] = number.to_be_bytes();
    let mut sum = 0x0800_u32 + u32::from(IDENTITY) + u32::from(number);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let [sum_high, sum_low] = (!u16::try_from(sum).unwrap_or_default()).to_be_bytes();
    [8, 0, sum_high, sum_low, id_high, id_low, high, low]
}

/// An echo reply to us from this address, after an IP header without options.
fn is_answer(datagram: &[u8], from: Ipv4Addr) -> bool {
    datagram.get(12..16) == Some(&from.octets())
        && datagram.get(20) == Some(&0)
        && datagram.get(24..26) == Some(&IDENTITY.to_be_bytes())
}
