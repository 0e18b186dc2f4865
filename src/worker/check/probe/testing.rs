// SPDX-License-Identifier: MIT OR Apache-2.0
//! What tests of probes share: a check as the configuration makes it, and servers that lie.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keepalived_conf::Options;
use keepalived_conf::blocks::lvs::check::Checker;
use keepalived_conf::source::MemoryHost;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::{Finding, Tools, probe};
use crate::dial::Dialer;
use crate::proto::health::Verdict;

/// The check of this text, for a server at this address.
pub(super) fn checker(text: &str, address: SocketAddr) -> Checker {
    let (ip, port) = (address.ip(), address.port());
    let service = if address.is_ipv4() { "192.0.2.1" } else { "2001:db8::1" };
    let text = format!(
        "track_file load {{\n file /load\n}}\nvirtual_server {service} 80 {{\n lvs_sched rr\n lvs_method NAT\n protocol \
         TCP\n real_server {ip} {port} {{\n{text}\n}}\n}}\n"
    );
    let host = MemoryHost::new().file("/k.conf", &text);
    let loaded = keepalived_conf::load(&host, Path::new("/k.conf"), &Options::default());
    let servers = &loaded.config.lvs.servers;
    let checker = servers.first().and_then(|server| server.real_servers.first()).and_then(|real| real.checkers.first());
    checker.cloned().unwrap_or_else(|| panic!("no check in {text}: {:?}", loaded.diagnostics))
}

pub(super) fn tools() -> Tools {
    Tools::new(Dialer::new(16))
}

/// What the check of this text finds out about a server at this address.
pub(super) async fn verdict(text: &str, address: SocketAddr) -> (Verdict, String) {
    let Finding { verdict, why } = probe(&checker(text, address), 0, &tools()).await;
    (verdict, why)
}

/// An address of this machine that nobody listens on.
pub(super) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A server of datagrams. It ends with the test's runtime.
pub(super) struct Udp(SocketAddr);

impl Udp {
    /// Sends what `reply` makes of each datagram.
    pub(super) async fn answering(reply: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> Udp {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut bytes = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
                for answer in reply(&bytes[..length]) {
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        Udp(address)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0
    }
}

/// A server of one connection.
pub(super) struct Tcp {
    address: SocketAddr,
    heard: Heard,
}

type Heard = Arc<Mutex<Vec<u8>>>;

impl Tcp {
    /// Sends the first of these unasked and each further one after it was spoken to; then it waits for the end.
    pub(super) async fn saying(lines: Vec<Vec<u8>>) -> Tcp {
        let (listener, tcp) = Tcp::bound().await;
        let heard = Arc::clone(&tcp.heard);
        tokio::spawn(async move {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            for (number, line) in lines.iter().enumerate() {
                if number > 0 && !listen(&mut stream, &heard).await {
                    return;
                }
                if stream.write_all(line).await.is_err() {
                    return;
                }
            }
            while listen(&mut stream, &heard).await {}
        });
        tcp
    }

    /// Closes at once.
    pub(super) async fn closing() -> Tcp {
        let (listener, tcp) = Tcp::bound().await;
        tokio::spawn(async move { listener.accept().await.map(drop) });
        tcp
    }

    /// Sends this byte over and over, slowly.
    pub(super) async fn dripping(byte: u8, pause: Duration) -> Tcp {
        let (listener, tcp) = Tcp::bound().await;
        tokio::spawn(async move {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            while stream.write_all(&[byte]).await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        });
        tcp
    }

    async fn bound() -> (TcpListener, Tcp) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, Tcp { address, heard: Heard::default() })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was said to it so far.
    pub(super) fn heard(&self) -> String {
        String::from_utf8(self.heard.lock().unwrap().clone()).unwrap()
    }
}

/// Waits until something is said; false at the end.
async fn listen(stream: &mut TcpStream, heard: &Heard) -> bool {
    let mut bytes = [0; 2048];
    match stream.read(&mut bytes).await {
        Ok(0) | Err(_) => false,
        Ok(length) => {
            heard.lock().unwrap().extend_from_slice(&bytes[..length]);
            true
        }
    }
}
