//! Model checking: small worlds of the same engines as in the daemon, in every order of events within bounds.
//!
//! A state is the engines of two or three nodes with their clocks moved to the origin, their kernels' pending answers
//! and the frames in flight, as the bytes that would be on the wire. An action is one delivery, one loss, one step of
//! time to the next deadline, or one fault out of a small budget. The promises are checked in every state that can be
//! reached; where the simulator tries many large worlds by chance, this tries all of a small one.
