//! Text in, `(Config, Diagnostics)` out.
