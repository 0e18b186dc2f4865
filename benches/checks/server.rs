// SPDX-License-Identifier: MIT OR Apache-2.0
//! The servers that are checked, as a process of its own: one that only takes connections, one that answers with a page, and
//! some pages that fall ill when they are told to.
//!
//! It is spoken to in lines: `count` is answered with the checks that were made of the first and of the second kind so far,
//! `ill N` and `well N` with the moment. When a page first says that it is ill, that is told with its number and the moment.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

/// Where each kind listens, on every address.
pub const SILENT: u16 = 8000;
pub const TALKING: u16 = 8001;
/// The first of the pages that can fall ill.
pub const MORTAL: u16 = 9000;
pub const MORTALS: u16 = 20;

const WELL: &[u8] = b"HTTP/1.0 200 OK\r\nServer: bench\r\n\r\nhello";
const ILL: &[u8] = b"HTTP/1.0 503 Ill\r\nServer: bench\r\n\r\n";

/// Nanoseconds on a clock that all processes of a machine share.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("a clock");
    u64::try_from(time.num_nanoseconds()).unwrap_or(0)
}

#[derive(Debug, Default)]
struct Counts {
    silent: Cell<u64>,
    talking: Cell<u64>,
}

#[derive(Debug, Default)]
struct Health {
    ill: Cell<bool>,
    told: Cell<bool>,
}

/// Serves until nobody speaks to it any more.
pub fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let counts = Rc::new(Counts::default());
        let (silent, talking) = (listen(SILENT), listen(TALKING));
        let counting = Rc::clone(&counts);
        spawn_local(accept(silent, move |stream| {
            let counts = Rc::clone(&counting);
            async move {
                counts.silent.set(counts.silent.get() + 1);
                part(stream).await;
            }
        }));
        let counting = Rc::clone(&counts);
        spawn_local(accept(talking, move |stream| {
            let counts = Rc::clone(&counting);
            async move {
                counts.talking.set(counts.talking.get() + 1);
                answer(stream, WELL).await;
            }
        }));
        let health: Rc<RefCell<Vec<Rc<Health>>>> = Rc::default();
        for number in 0..MORTALS {
            let own = Rc::new(Health::default());
            health.borrow_mut().push(Rc::clone(&own));
            spawn_local(accept(listen(MORTAL + number), move |stream| {
                let own = Rc::clone(&own);
                async move {
                    if own.ill.get() && !own.told.replace(true) {
                        println!("said {number} {}", now());
                    }
                    answer(stream, if own.ill.get() { ILL } else { WELL }).await;
                }
            }));
        }
        println!("ready");
        obey(&counts, &health).await;
    });
}

async fn obey(counts: &Counts, health: &RefCell<Vec<Rc<Health>>>) {
    let (tell, mut said) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    while let Some(line) = said.recv().await {
        let (word, number) = line.split_once(' ').unwrap_or((&line, ""));
        let of = number.parse::<usize>().ok().and_then(|number| health.borrow().get(number).cloned());
        match (word, of) {
            ("count", _) => println!("count {} {}", counts.silent.get(), counts.talking.get()),
            ("ill", Some(of)) => {
                of.ill.set(true);
                println!("ill {number} {}", now());
            }
            ("well", Some(of)) => {
                of.ill.set(false);
                of.told.set(false);
                println!("well {number} {}", now());
            }
            _ => println!("what is {line}"),
        }
    }
}

fn listen(port: u16) -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("a socket option");
    socket.bind(&SocketAddr::from(([0, 0, 0, 0], port)).into()).expect("a free port");
    socket.listen(32 * 1024).expect("a listener");
    socket.set_nonblocking(true).expect("a listener that does not wait");
    TcpListener::from_std(socket.into()).expect("a listener")
}

async fn accept<F: Future<Output = ()> + 'static>(listener: TcpListener, play: impl Fn(TcpStream) -> F) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(spawn_local(play(stream))),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Waits for the end that the other side makes.
async fn part(mut stream: TcpStream) {
    let mut bytes = [0; 256];
    while matches!(stream.read(&mut bytes).await, Ok(1..)) {}
}

async fn answer(mut stream: TcpStream, page: &[u8]) {
    let mut bytes = [0; 1024];
    let mut heard = 0;
    loop {
        match stream.read(bytes.get_mut(heard..).unwrap_or_default()).await {
            Ok(length @ 1..) => heard += length,
            Ok(0) | Err(_) => return,
        }
        if bytes.get(..heard).is_some_and(|heard| heard.ends_with(b"\r\n\r\n")) {
            break;
        }
    }
    let done: io::Result<()> = async {
        stream.write_all(page).await?;
        stream.shutdown().await
    }
    .await;
    if done.is_ok() {
        part(stream).await;
    }
}
