// SPDX-License-Identifier: MIT OR Apache-2.0
use super::read::read;
use super::*;
use crate::sim::swarm;

#[test]
fn every_drawn_world_reads_back_as_it_was_written() {
    for seed in 0..300 {
        let layout = swarm::draw(seed);
        let text = write(&layout);
        let again = read(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        assert_eq!(write(&again), text, "seed {seed}");
        assert!(again.nodes == layout.nodes && again.clients == layout.clients, "seed {seed}");
    }
}

#[test]
fn errors_say_the_line() {
    for (text, error) in [
        ("segment lan\nnode a\n  port eth0 on wan", "line 3: there is no segment `wan`"),
        ("port eth0", "line 1: `port` belongs to a node, and there is none yet"),
        ("segment lan\nnode a\n\nat 1s crash c", "line 4: unknown node `c`: did you mean `a`"),
        ("seed x", "line 1: `x` is no seed"),
        ("node a drift 3 4", "line 1: `4` is one word too many"),
        ("segment lan\nnode a\n port eth0 on lan\n instance V colour 3", "line 4: unknown setting `colour`"),
    ] {
        assert_eq!(read(text).map_err(|error| error.to_string()), Err(error.to_owned()), "{text}");
    }
}
