// SPDX-License-Identifier: MIT OR Apache-2.0
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use super::*;

/// How a mail server behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Friendly,
    /// Takes the connection and says nothing.
    Stalls,
    /// Says its first line byte by byte and never ends it.
    Drips,
    Refuses,
    /// Closes the first connection after HELO.
    ClosesOnce,
    /// Refuses the recipient "nobody@x".
    Picky,
}

/// A mail server on loopback and what it got: the words of envelopes, and the texts.
struct Fake {
    address: SocketAddr,
    sessions: Rc<Cell<usize>>,
    envelopes: Rc<RefCell<Vec<String>>>,
    mails: Rc<RefCell<Vec<String>>>,
}

impl Fake {
    async fn new(manner: Manner) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fake = Fake { address, sessions: Rc::default(), envelopes: Rc::default(), mails: Rc::default() };
        let (sessions, envelopes, mails) =
            (Rc::clone(&fake.sessions), Rc::clone(&fake.envelopes), Rc::clone(&fake.mails));
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                sessions.set(sessions.get() + 1);
                let first = sessions.get() == 1;
                spawn_local(serve(stream, manner, first, Rc::clone(&envelopes), Rc::clone(&mails)));
            }
        });
        fake
    }

    fn post(&self) -> Post {
        Post {
            server: SmtpServer { host: MailHost::Address(self.address.ip()), port: self.address.port() },
            timeout: Duration::from_millis(300),
            recipients: vec!["ops@x".to_owned(), "Night <nobody@x>".to_owned()],
            router: Some("R1".to_owned()),
            from: Some("Router <r1@x>".to_owned()),
            helo: Some("r1.x".to_owned()),
        }
    }

    fn subjects(&self) -> Vec<String> {
        let subject = |mail: &String| mail.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned();
        self.mails.borrow().iter().map(subject).collect()
    }
}

async fn serve(
    stream: TcpStream,
    manner: Manner,
    first: bool,
    envelopes: Rc<RefCell<Vec<String>>>,
    mails: Rc<RefCell<Vec<String>>>,
) {
    let mut stream = BufReader::new(stream);
    match manner {
        Manner::Stalls => return std::future::pending().await,
        Manner::Drips => {
            while stream.write_all(b"2").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            return;
        }
        Manner::Refuses => {
            let _ = stream.write_all(b"554 not you\r\n").await;
            return;
        }
        Manner::Friendly | Manner::ClosesOnce | Manner::Picky => {}
    }
    let _ = stream.write_all(b"220-fake\r\n220 ready\r\n").await;
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
        let said = std::mem::take(&mut line);
        let reply = match said.trim_end() {
            "DATA" => "354 go on\r\n",
            "QUIT" => "221 bye\r\n",
            said if said.starts_with("HELO") && manner == Manner::ClosesOnce && first => return,
            said if said.contains("<nobody@x>") && manner == Manner::Picky => "550 who\r\n",
            _ => "250 ok\r\n",
        };
        envelopes.borrow_mut().push(said.trim_end().to_owned());
        stream.write_all(reply.as_bytes()).await.unwrap();
        if said == "DATA\r\n" {
            let mut text = String::new();
            while !text.ends_with("\r\n.\r\n") {
                if stream.read_line(&mut text).await.unwrap() == 0 {
                    return;
                }
            }
            mails.borrow_mut().push(text);
            stream.write_all(b"250 taken\r\n").await.unwrap();
        }
    }
}

fn alert(subject: &str) -> Alert {
    Alert { subject: subject.to_owned(), body: format!("=> {subject} <=") }
}

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test)
}

/// Waits until so many alerts were sent or failed.
async fn settled(mailer: &Mailer, alerts: u64) {
    let counts = mailer.counts();
    while counts.sent.get() + counts.failed.get() < alerts {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn mailer(post: Post) -> Mailer {
    Mailer::new(Some(post), Log::to_stderr("test"))
}

#[test]
fn alert_becomes_a_mail() {
    run(async {
        let fake = Fake::new(Manner::Friendly).await;
        let mailer = mailer(fake.post());
        mailer.send(alert("VRRP Instance VI_1 - Entering MASTER state"));
        settled(&mailer, 1).await;
        let envelope = ["HELO r1.x", "MAIL FROM:<r1@x>", "RCPT TO:<ops@x>", "RCPT TO:<nobody@x>", "DATA", "QUIT"];
        // The goodbye may still be under way.
        mailer.finish(Duration::from_secs(5)).await;
        assert_eq!(*fake.envelopes.borrow(), envelope);
        let mail = fake.mails.borrow()[0].clone();
        let (date, rest) = mail.split_once("\r\n").unwrap();
        assert!(date.starts_with("Date: "), "{date}");
        let expected = "From: Router <r1@x>\r\n\
                        Subject: [R1] VRRP Instance VI_1 - Entering MASTER state\r\n\
                        X-Mailer: Keepalived\r\n\
                        To: ops@x,\r\n Night <nobody@x>\r\n\r\n\
                        => VRRP Instance VI_1 - Entering MASTER state <=\r\n.\r\n";
        assert_eq!(rest, expected);
    });
}

#[test]
fn alerts_of_one_moment_go_in_order_over_one_connection() {
    run(async {
        let fake = Fake::new(Manner::Friendly).await;
        let mailer = mailer(fake.post());
        for subject in ["one", "two", "three"] {
            mailer.send(alert(subject));
        }
        settled(&mailer, 3).await;
        assert_eq!(fake.subjects(), ["[R1] one", "[R1] two", "[R1] three"]);
        assert_eq!(fake.sessions.get(), 1);
    });
}

#[test]
fn very_many_alerts_go_as_one_mail_that_lists_them() {
    run(async {
        let fake = Fake::new(Manner::Friendly).await;
        let mailer = mailer(fake.post());
        for number in 1..=SINGLE_MAX + 1 {
            mailer.send(alert(&format!("server {number}")));
        }
        settled(&mailer, 21).await;
        assert_eq!(fake.subjects(), ["[R1] 21 changes"]);
        let mail = fake.mails.borrow()[0].clone();
        assert!(mail.contains("  server 1\r\n") && mail.contains("  server 21\r\n"), "{mail}");
        assert_eq!(mailer.counts().sent.get(), 21);
    });
}

#[test]
fn queue_is_bounded_and_what_finds_no_room_is_counted() {
    run(async {
        let fake = Fake::new(Manner::Stalls).await;
        let mailer = mailer(fake.post());
        for number in 0..ALERTS_WAITING_MAX + 5 {
            mailer.send(alert(&number.to_string()));
        }
        assert_eq!(mailer.counts().dropped.get(), 5);
    });
}

#[test]
fn server_that_fails_once_is_tried_again() {
    run(async {
        let fake = Fake::new(Manner::ClosesOnce).await;
        let mailer = mailer(fake.post());
        mailer.send(alert("one"));
        settled(&mailer, 1).await;
        assert_eq!((fake.sessions.get(), fake.subjects()), (2, vec!["[R1] one".to_owned()]));
    });
}

#[test]
fn servers_that_stall_drip_or_refuse_hold_up_nobody() {
    for manner in [Manner::Stalls, Manner::Drips, Manner::Refuses] {
        run(async {
            let fake = Fake::new(manner).await;
            let post = fake.post();
            let mut delivery = Delivery::new("r1", "a@x", &post.recipients, vec![b".\r\n".to_vec()]);
            let trouble = hand_in(&post, &mut delivery).await.unwrap_err().to_string();
            let expected = match manner {
                Manner::Refuses => "the server answers the connection with \"554 not you\" instead of 220",
                _ => "no greeting within 300ms",
            };
            assert_eq!(trouble, expected);
            // What waits is given up when there is no time to wait.
            let mailer = mailer(post);
            mailer.send(alert("one"));
            mailer.finish(Duration::from_secs(20)).await;
            assert_eq!((mailer.counts().sent.get(), mailer.counts().failed.get()), (0, 1));
        });
    }
}

#[test]
fn refused_recipient_keeps_it_from_nobody_else() {
    run(async {
        let fake = Fake::new(Manner::Picky).await;
        let mailer = mailer(fake.post());
        mailer.send(alert("one"));
        settled(&mailer, 1).await;
        assert_eq!((mailer.counts().sent.get(), fake.mails.borrow().len()), (1, 1));
    });
}

#[test]
fn without_a_mail_server_nothing_waits() {
    run(async {
        let mailer = Mailer::new(None, Log::to_stderr("test"));
        mailer.send(alert("one"));
        mailer.finish(Duration::from_secs(5)).await;
        assert_eq!(mailer.counts().dropped.get() + mailer.counts().failed.get(), 0);
    });
}

#[test]
fn name_that_leads_nowhere_and_a_closed_port_are_said() {
    run(async {
        let fake = Fake::new(Manner::Friendly).await;
        let mut post = fake.post();
        post.server.host = MailHost::Name("no-such-host.invalid".to_owned());
        let mut delivery = Delivery::new("r1", "a@x", &post.recipients, vec![b".\r\n".to_vec()]);
        let trouble = hand_in(&post, &mut delivery).await.unwrap_err().to_string();
        assert!(trouble.starts_with("its name is not found: "), "{trouble}");
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        post.server = SmtpServer { host: MailHost::Address(closed.ip()), port: closed.port() };
        let trouble = hand_in(&post, &mut delivery).await.unwrap_err().to_string();
        assert_eq!(trouble, "connection refused");
    });
}

#[test]
fn server_is_found_by_name_too() {
    run(async {
        let fake = Fake::new(Manner::Friendly).await;
        let mut post = fake.post();
        post.server.host = MailHost::Name("localhost".to_owned());
        let mailer = mailer(post);
        mailer.send(alert("one"));
        settled(&mailer, 1).await;
        assert_eq!(fake.mails.borrow().len(), 1);
    });
}
