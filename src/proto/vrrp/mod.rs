//! VRRP: the engine, its wire formats and its timing.
