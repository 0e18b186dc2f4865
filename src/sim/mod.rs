//! A simulated world: the same engines as in the daemon, under a clock, a network and kernels that misbehave on
//! purpose, and a judge who watches what was promised. Pure: one seed gives one run.

pub mod net;
pub mod random;
pub mod script;
