// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connections to others, for checks and mail: from the address, port and interface and under the mark that the
//! configuration names, within a time limit, and never more at once than there are descriptors for.
//!
//! An error says whose it is. A server that refuses or stays silent fails its check; a descriptor, a port or an address
//! that we lack says nothing about the server.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, ready};
use std::time::Duration;

use keepalived_conf::blocks::lvs::check::Connection;
use nix::errno::Errno;
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::kernel::outgoing::{self, Failed, Kind, Origin, scoped};
use crate::kernel::ping::Ping;

/// Connections at once, however many descriptors there are.
pub const CONNECTIONS_MAX: usize = 32 * 1024;

/// Descriptors that are left to everything else.
pub const DESCRIPTORS_SPARED: u64 = 128;

/// How long a check waits for its turn before it is given up as not carried out.
pub const TURN_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long we wait for the other end to close once we have, and how much we read meanwhile.
pub const PARTING_MAX: Duration = Duration::from_millis(500);
pub const PARTING_BYTES_MAX: usize = 64 * 1024;
const PARTING_PIECE: usize = 2048;

/// What to connect to, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub address: SocketAddr,
    /// Absent for the many that leave it all to the kernel.
    pub origin: Option<Box<Origin>>,
}

impl Target {
    pub fn new(address: SocketAddr) -> Target {
        Target { address, origin: None }
    }

    /// What a checker connects to.
    pub fn of(connection: &Connection) -> Target {
        let address = SocketAddr::new(*connection.connect_ip, *connection.connect_port);
        let origin = connection.source.as_ref().map(|source| {
            Box::new(Origin {
                address: source.bindto,
                port: source.bind_port,
                interface: source.bind_if.clone(),
                mark: source.fwmark,
            })
        });
        Target { address, origin }
    }

    fn interface(&self) -> Option<&str> {
        self.origin.as_ref().and_then(|origin| origin.interface.as_deref())
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub enum DialError {
    /// The server, or the way to it, refuses.
    Refused(io::Error),
    /// Nothing came back for so long.
    Silent(Duration),
    /// We lack something; the server was not even asked.
    Ours { doing: String, error: io::Error },
    /// Every slot stayed taken for so long; the server was not even asked.
    Crowded(Duration),
}

impl DialError {
    /// Whether the error says nothing about the server.
    pub fn is_ours(&self) -> bool {
        match self {
            DialError::Refused(_) | DialError::Silent(_) => false,
            DialError::Ours { .. } | DialError::Crowded(_) => true,
        }
    }

    /// What the kernel said to a connection, told apart by whose fault it is.
    pub fn judge(doing: &str, error: io::Error) -> DialError {
        if is_shortage(&error) { DialError::Ours { doing: doing.to_owned(), error } } else { DialError::Refused(error) }
    }
}

/// Whether an error of a connection comes from this side of it.
pub fn is_shortage(error: &io::Error) -> bool {
    let Some(number) = error.raw_os_error() else { return false };
    match Errno::from_raw(number) {
        // Descriptors, memory, ports.
        Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOBUFS | Errno::EAGAIN | Errno::ENOSPC => true,
        Errno::EADDRNOTAVAIL | Errno::EADDRINUSE => true,
        // Rights, a rule of our own packet filter, an interface that is not there, a kernel without the family.
        Errno::EPERM | Errno::EACCES | Errno::ENODEV | Errno::EAFNOSUPPORT | Errno::EPROTONOSUPPORT => true,
        Errno::EINVAL | Errno::EBADF | Errno::ENOPROTOOPT => true,
        _ => false,
    }
}

/// An error of the system in words, without its number.
pub fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).desc().to_lowercase(),
        None => error.to_string(),
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DialError::Refused(error) => out.write_str(&words(error)),
            DialError::Silent(limit) => write!(out, "no connection within {limit:?}"),
            DialError::Ours { doing, error } => write!(out, "{doing}: {}", words(error)),
            DialError::Crowded(waited) => write!(out, "no turn within {waited:?}, because too many checks run at once"),
        }
    }
}

impl std::error::Error for DialError {}

impl From<Failed> for DialError {
    fn from(failed: Failed) -> DialError {
        DialError::Ours { doing: failed.doing, error: failed.error }
    }
}

/// Makes connections, so many at once and no more.
#[derive(Debug)]
pub struct Dialer {
    slots: Arc<Semaphore>,
    counts: Counts,
}

/// How often a limit was hit.
#[derive(Debug, Default)]
pub struct Counts {
    /// Attempts that had to wait for their turn.
    pub waited: AtomicU64,
    /// Attempts whose turn did not come in time.
    pub crowded: AtomicU64,
    /// Attempts that failed on our side.
    pub ours: AtomicU64,
    /// Connections that the other end did not close in time after we had.
    pub unparted: AtomicU64,
}

/// The right to have one more connection. It ends when this is dropped.
#[derive(Debug)]
pub struct Slot(#[allow(dead_code)] OwnedSemaphorePermit);

impl Dialer {
    /// At most `most` connections at once.
    pub fn new(most: usize) -> Dialer {
        Dialer { slots: Arc::new(Semaphore::new(most.clamp(1, CONNECTIONS_MAX))), counts: Counts::default() }
    }

    /// As many connections as fit into so many descriptors.
    pub fn within(descriptors: u64) -> Dialer {
        Dialer::new(usize::try_from(descriptors.saturating_sub(DESCRIPTORS_SPARED)).unwrap_or(CONNECTIONS_MAX))
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Waits for a turn. Whoever uses descriptors of another kind, for a ping or a script, takes one too.
    pub async fn slot(&self) -> Result<Slot, DialError> {
        if let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() {
            return Ok(Slot(permit));
        }
        count(&self.counts.waited);
        match timeout(TURN_WAIT_MAX, Arc::clone(&self.slots).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Slot(permit)),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => {
                count(&self.counts.crowded);
                Err(DialError::Crowded(TURN_WAIT_MAX))
            }
        }
    }

    /// A connection, within `limit` from when its turn has come.
    pub async fn connect(&self, target: &Target, limit: Duration) -> Result<Stream, DialError> {
        let slot = self.slot().await?;
        let deadline = Instant::now() + limit;
        let connected = self.tcp(target, limit, deadline).await;
        let inner = self.counted(connected)?;
        Ok(Stream { inner, deadline, slot })
    }

    async fn tcp(&self, target: &Target, limit: Duration, deadline: Instant) -> Result<TcpStream, DialError> {
        let to = scoped(target.address, target.interface())?;
        let socket = outgoing::socket(Kind::Tcp, to, target.origin.as_deref().unwrap_or(&NOWHERE))?;
        let connecting = TcpSocket::from_std_stream(socket.into()).connect(to);
        let stream = match timeout_at(deadline, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(DialError::judge("connecting", error)),
            Err(_) => return Err(DialError::Silent(limit)),
        };
        // A port of this machine that nobody listens on can be the one the kernel picked for us: we then talk to
        // ourselves, which is no server.
        if stream.local_addr().is_ok_and(|from| from == to) {
            return Err(DialError::Refused(Errno::ECONNREFUSED.into()));
        }
        Ok(stream)
    }

    /// A socket for datagrams to and from the target alone. `limit` is what the conversation may take; it counts from
    /// when its turn has come.
    pub async fn datagrams(&self, target: &Target, limit: Duration) -> Result<Datagrams, DialError> {
        let slot = self.slot().await?;
        let deadline = Instant::now() + limit;
        let connected = self.udp(target).await;
        let inner = self.counted(connected)?;
        Ok(Datagrams { inner, deadline, _slot: slot })
    }

    async fn udp(&self, target: &Target) -> Result<UdpSocket, DialError> {
        let to = scoped(target.address, target.interface())?;
        let socket = outgoing::socket(Kind::Udp, to, target.origin.as_deref().unwrap_or(&NOWHERE))?;
        let socket = UdpSocket::from_std(socket.into()).map_err(|error| DialError::judge("opening a socket", error))?;
        socket.connect(to).await.map_err(|error| DialError::judge("connecting", error))?;
        Ok(socket)
    }

    /// A socket for ICMP echo to the target's address. `limit` counts from when its turn has come.
    pub async fn echoes(&self, target: &Target, limit: Duration) -> Result<Echoes, DialError> {
        let slot = self.slot().await?;
        let deadline = Instant::now() + limit;
        let opened = Ping::open(target.address.ip(), target.origin.as_deref().unwrap_or(&NOWHERE));
        let inner = self.counted(opened.map_err(|failed| DialError::judge(&failed.doing, failed.error)))?;
        Ok(Echoes { inner, deadline, _slot: slot })
    }

    fn counted<T>(&self, result: Result<T, DialError>) -> Result<T, DialError> {
        if result.as_ref().is_err_and(DialError::is_ours) {
            count(&self.counts.ours);
        }
        result
    }

    /// Closes a connection as people do: we say that we are done, and wait until the other end is, within limits. What
    /// still came is read, so that no reset answers it.
    pub async fn part(&self, stream: Stream) {
        let Stream { mut inner, deadline: _, slot: _slot } = stream;
        if !part(&mut inner).await {
            count(&self.counts.unparted);
        }
    }
}

const NOWHERE: Origin = Origin { address: None, port: None, interface: None, mark: 0 };

/// Hands over the next piece of what is read; how long it is. There is room for it only while there is something to read, on
/// the stack of each look: thousands of connections wait for most of their time.
pub async fn piece<const ROOM: usize>(
    stream: &mut (impl AsyncRead + Unpin),
    mut take: impl FnMut(&[u8]),
) -> io::Result<usize> {
    poll_fn(|context| {
        let mut room = [const { MaybeUninit::uninit() }; ROOM];
        let mut piece = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut piece))?;
        take(piece.filled());
        Poll::Ready(Ok(piece.filled().len()))
    })
    .await
}

/// Parts from the other end, within limits. Says whether it closed in time.
pub async fn part(stream: &mut TcpStream) -> bool {
    use tokio::io::AsyncWriteExt;
    if stream.shutdown().await.is_err() {
        return true;
    }
    let deadline = Instant::now() + PARTING_MAX;
    let mut read = 0;
    while read < PARTING_BYTES_MAX {
        match timeout_at(deadline, piece::<PARTING_PIECE>(stream, |_| {})).await {
            Ok(Ok(0) | Err(_)) => return true,
            Ok(Ok(length)) => read += length,
            Err(_) => return false,
        }
    }
    false
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A connection and its slot.
#[derive(Debug)]
pub struct Stream {
    inner: TcpStream,
    deadline: Instant,
    slot: Slot,
}

impl Stream {
    /// When the limit is over that the connection was made within.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The connection without the runtime, and its slot, to be handed to somebody else.
    pub fn into_parts(self) -> io::Result<(std::net::TcpStream, Slot)> {
        Ok((self.inner.into_std()?, self.slot))
    }
}

impl Deref for Stream {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.inner
    }
}

impl DerefMut for Stream {
    fn deref_mut(&mut self) -> &mut TcpStream {
        &mut self.inner
    }
}

/// A socket for datagrams and its slot.
#[derive(Debug)]
pub struct Datagrams {
    inner: UdpSocket,
    deadline: Instant,
    _slot: Slot,
}

impl Datagrams {
    /// When the limit is over that it was asked for with.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl Datagrams {
    /// The next datagram, as far as there is room for it, or what ICMP said instead: that makes a socket ready for nothing
    /// but its error, which the runtime's own `recv` does not wait for.
    pub async fn receive(&self, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        loop {
            let ready = self.inner.ready(Interest::READABLE | Interest::ERROR).await?;
            if ready.is_error()
                && let Some(error) = self.inner.take_error()?
            {
                return Err(error);
            }
            match self.inner.try_recv_buf(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // Nothing was wrong after all; the next error makes it ready again.
                    let _ = self.inner.try_io(Interest::ERROR, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
                }
                received => return received.map(|_| ()),
            }
        }
    }
}

impl Deref for Datagrams {
    type Target = UdpSocket;

    fn deref(&self) -> &UdpSocket {
        &self.inner
    }
}

/// A socket for ICMP echo and its slot.
#[derive(Debug)]
pub struct Echoes {
    inner: Ping,
    deadline: Instant,
    _slot: Slot,
}

impl Echoes {
    /// When the limit is over that it was asked for with.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl Deref for Echoes {
    type Target = Ping;

    fn deref(&self) -> &Ping {
        &self.inner
    }
}

#[cfg(test)]
mod tests;
