//! Injected faults: a gate between the core's outputs and the links, and between the links and the core.
//!
//! ```text
//!   core ── Send ──▶ gate ──▶ links         links ──▶ gate ── Message ──▶ core
//!                                                      │ ▲
//!                                            held, late ▼ │ released, delivered by hand
//!                                                     pending
//! ```
//!
//! Every message passes the gate as a value of the protocol, before it is encoded. A rule selects messages by sender,
//! receiver and kind, and says what happens to them. Cut links, held commit orders and step mode are rules and nothing
//! else. The protocol has no code for faults and does not know of them.
//!
//! A message is dropped at either end, but held, delayed, stretched or duplicated only where it arrives, so each
//! happens once.
//!
//! Left out: clocks, links, and who may inject a fault.

mod gate;

mod pending;

mod stretch;

mod contents;

mod wrong;

#[cfg(test)]
mod tests;

pub use gate::{Gate, Handled, Handling, Passage};
pub use stretch::is_routine;
pub use wrong::{Altered, FaultyNode};
