// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mail about routers, beside keepalived's: the same words, and nothing held up by a mail server.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use crate::journal::PATIENCE;
use crate::node::{Node, Program};
use crate::topology::Lab;

const PORT: u16 = 2525;

/// A mail server on a node's loopback, and what it took.
struct PostOffice(Arc<Mutex<Vec<Mail>>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Mail {
    /// What was said before the message.
    envelope: Vec<String>,
    /// Header lines, unfolded, without the date.
    header: Vec<String>,
    body: String,
}

impl Mail {
    fn subject(&self) -> &str {
        self.header.iter().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default()
    }
}

/// A mail server on a node.
fn listen(node: &Node) -> TcpListener {
    node.namespace().enter(|| TcpListener::bind(("127.0.0.1", PORT)).expect("a free port"))
}

impl PostOffice {
    fn open(node: &Node) -> PostOffice {
        let listener = listen(node);
        let mails = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&mails);
        // It ends with the test's process: nothing of it outlives the namespace but a socket nobody reaches.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let taken = Arc::clone(&taken);
                thread::spawn(move || serve(&stream, &taken));
            }
        });
        PostOffice(mails)
    }

    /// Waits until it has mails with all these subjects.
    #[track_caller]
    fn until(&self, wanted: &[&str], lab: &Lab) -> Vec<Mail> {
        let start = Instant::now();
        loop {
            let mails = self.0.lock().expect("no panic").clone();
            if wanted.iter().all(|subject| mails.iter().any(|mail| mail.subject().ends_with(subject))) {
                return mails;
            }
            let subjects: Vec<&str> = mails.iter().map(Mail::subject).collect();
            assert!(start.elapsed() < PATIENCE, "no mails {wanted:?}, only {subjects:?}\n{}", lab.journal.read());
            thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

fn serve(stream: &TcpStream, taken: &Mutex<Vec<Mail>>) {
    let mut answers = stream;
    let _ = answers.write_all(b"220 office\r\n");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut mail = Mail::default();
    while let Some(line) = lines.next() {
        let reply: &[u8] = match line.as_str() {
            "QUIT" => b"221 bye\r\n",
            "DATA" => {
                let _ = answers.write_all(b"354 go on\r\n");
                read_message(&mut mail, lines.by_ref());
                taken.lock().expect("no panic").push(mail.clone());
                mail.envelope.truncate(1);
                b"250 taken\r\n"
            }
            _ => {
                mail.envelope.push(line);
                b"250 ok\r\n"
            }
        };
        if answers.write_all(reply).is_err() {
            return;
        }
    }
}

fn read_message(mail: &mut Mail, lines: impl Iterator<Item = String>) {
    let (mut header, mut body, mut in_body) = (Vec::<String>::new(), Vec::new(), false);
    for line in lines.take_while(|line| line != ".") {
        if in_body {
            body.push(line);
        } else if line.is_empty() {
            in_body = true;
        } else if let (Some(folded), Some(last)) = (line.strip_prefix(' '), header.last_mut()) {
            *last = format!("{last} {folded}");
        } else if !line.starts_with("Date: ") {
            header.push(line);
        }
    }
    (mail.header, mail.body) = (header, body.join("\n").trim_end().to_owned());
}

const CONFIGURATION: &str = "\
global_defs {
 router_id R1
 smtp_server 127.0.0.1 2525
 notification_email_from router@r.example
 notification_email {
  ops@r.example
  night@r.example
 }
 smtp_helo_name r1.example
 smtp_alert_vrrp
}
vrrp_sync_group SG {
 group {
  VI_1
 }
}
vrrp_instance VI_1 {
 interface eth0
 virtual_router_id 51
 priority 100
 advert_int 1
 virtual_ipaddress {
  10.0.0.100
 }
}
";

/// The mails of one router that becomes master, loses its link and gets it back.
fn mails_of(program: Program, test: &str) -> Option<(Vec<Mail>, Vec<Mail>)> {
    let mut lab = Lab::new(test)?;
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let office = PostOffice::open(&a);
    let daemon = a.start(program, CONFIGURATION);
    office.until(&["Instance VI_1 - Entering MASTER state", "Group SG - Entering MASTER state"], &lab);
    lab.unplug(&a, &lan);
    office.until(&["Instance VI_1 - Entering FAULT state", "Group SG - Entering FAULT state"], &lab);
    lab.plug(&a, &lan);
    office.until(&["Instance VI_1 - Entering BACKUP state", "Group SG - Entering BACKUP state"], &lab);
    let wanted = |mails: &[Mail]| mails.iter().filter(|mail| mail.subject().contains("MASTER")).count() == 4;
    let start = Instant::now();
    while !wanted(&office.0.lock().expect("no panic")) {
        assert!(start.elapsed() < PATIENCE, "not master again\n{}", lab.journal.read());
        thread::sleep(std::time::Duration::from_millis(20));
    }
    let before = office.0.lock().expect("no panic").clone();
    assert!(daemon.stop().success());
    let after = office.0.lock().expect("no panic").clone();
    let farewell = after.get(before.len()..).unwrap_or_default().to_vec();
    Some((before, farewell))
}

/// What was told of one object, in order: keepalived's mails about different ones race one another.
fn about(mails: &[Mail], object: &str) -> Vec<Mail> {
    mails.iter().filter(|mail| mail.subject().contains(object)).cloned().collect()
}

#[test]
fn mails_read_as_keepaliveds_and_a_stop_is_told_too() {
    let Some((theirs, _)) = mails_of(Program::Keepalived, "mails_read_as_keepaliveds") else { return };
    let Some((ours, farewell)) = mails_of(Program::Steadfast, "mails_read_as_keepaliveds") else { return };
    for object in ["Instance VI_1", "Group SG"] {
        assert_eq!(about(&ours, object), about(&theirs, object), "{object}");
    }
    assert_eq!(ours.len(), theirs.len());
    // keepalived means to mail this, and ends before it has.
    let farewell: Vec<(&str, &str)> = farewell.iter().map(|mail| (mail.subject(), mail.body.as_str())).collect();
    let expected = [
        ("[R1] VRRP Instance VI_1 - Stopping", "=> VRRP Instance stopping <="),
        ("[R1] VRRP Group SG - Stopping", "=> All VRRP group instances are now stopping <="),
    ];
    for mail in expected {
        assert!(farewell.contains(&mail), "{mail:?} is not in {farewell:?}");
    }
}

#[test]
fn mail_server_that_says_nothing_holds_up_neither_adverts_nor_the_end() {
    let Some(mut lab) = Lab::new("mail_server_that_says_nothing_holds_up_neither_adverts_nor_the_end") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let _silent = listen(&a);
    let daemon = a.start(Program::Steadfast, CONFIGURATION);
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    lab.journal.beats(2, |frame| frame.is_advert("10.0.0.1", 100));
    assert!(daemon.stop().success());
    lab.journal.until("it said goodbye", |seen| seen.frames().any(|frame| frame.is_advert("10.0.0.1", 0)));
    let seen = lab.journal.until("the address is gone", |seen| seen.holders("10.0.0.100").is_empty());
    assert!(seen.said("a", "mails were not sent before the end"), "it said so\n{seen}");
}
