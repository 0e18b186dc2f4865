use super::*;

/// A sink the test can read, which refuses while told to.
#[derive(Clone, Default)]
struct Paper(Rc<RefCell<(String, bool)>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (text, full) = &mut *self.0.borrow_mut();
        if *full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        text.push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log(paper: &Paper) -> Log {
    Log::new("test", Level::Info, Sinks { stream: Some(Box::new(paper.clone())), ..Sinks::default() })
}

#[test]
fn lines_below_the_level_are_not_written() {
    let paper = Paper::default();
    log(&paper).debug("too small");
    assert_eq!(paper.0.borrow().0, "");
    log(&paper).warning("(web) Entering MASTER STATE");
    assert!(paper.0.borrow().0.ends_with(": (web) Entering MASTER STATE\n"), "{:?}", paper.0.borrow().0);
}

#[test]
fn the_limit_moves_while_the_log_is_in_use_and_goes_back_to_what_it_was() {
    let paper = Paper::default();
    let log = log(&paper);
    let clone = log.clone();
    log.limit(Some(Level::Debug));
    clone.debug("in detail");
    log.limit(Some(Level::Notice));
    clone.info("chatter");
    clone.notice("(web) Entering MASTER STATE");
    log.limit(None);
    clone.debug("in detail again");
    clone.info("as usual");
    let text = paper.0.borrow().0.clone();
    let told: Vec<&str> = text.lines().filter_map(|line| line.split_once(": ").map(|(_, line)| line)).collect();
    assert_eq!(told, ["in detail", "(web) Entering MASTER STATE", "as usual"]);
    assert_eq!(log.usual(), Level::Info);
}

#[test]
fn control_characters_cannot_forge_a_line() {
    let paper = Paper::default();
    log(&paper).info("one\nSat Nov 21 12:00:00 2026: two\x1b[2J");
    assert_eq!(paper.0.borrow().0.lines().count(), 1);
    assert!(!paper.0.borrow().0.contains('\x1b'));
}

#[test]
fn a_full_disk_loses_lines_and_says_how_many() {
    let paper = Paper::default();
    let log = log(&paper);
    paper.0.borrow_mut().1 = true;
    log.info("a");
    log.info("b");
    assert_eq!(log.lost(), 2);
    paper.0.borrow_mut().1 = false;
    log.info("c");
    assert!(paper.0.borrow().0.ends_with(": c (2 lines before this one were lost)\n"), "{:?}", paper.0.borrow().0);
    assert_eq!(log.lost(), 0);
}
